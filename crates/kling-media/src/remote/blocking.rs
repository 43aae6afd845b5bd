//! The blocking shell over the planner: ureq, no async runtime, nothing decided here.

use std::io::{self, Read};
use std::net::SocketAddr;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use ureq::config::{AutoHeaderValue, Config};
use ureq::http::header::{ACCEPT_ENCODING, RANGE, USER_AGENT};
use ureq::http::{Response, Uri};
#[cfg(any(feature = "rustls", feature = "native-tls"))]
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Body, Timeout};

use super::Options;
use super::gate::{self, PrivateAddress, PublicResolver};
use super::probe::{Head, RangePlanner, Step};
use crate::error::Kind;
use crate::{DataUri, Error, Measured, Reference, measure_path};

/// How much is read of an answer at once.
const PIECE: usize = 8 * 1024;
/// The most addresses of a name: as many as ureq takes.
const MOST_ADDRESSES: usize = 16;

/// Measures images behind URLs, and blocks while it does; made once, since it keeps its connections.
#[derive(Clone, Debug)]
pub struct Checker {
    options: Options,
    /// Connects to public addresses only.
    guarded: Agent,
    /// Connects to the server that the caller named, wherever it is, if the caller allowed it.
    allowed: Agent,
}

impl Checker {
    /// A checker within bounds.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let guarded = agent(&options, false);
        let allowed = if options.allow_private { agent(&options, true) } else { guarded.clone() };
        Self { options, guarded, allowed }
    }

    /// The facts of the image behind a URL.
    ///
    /// # Errors
    /// A [violation](Error::is_violation) when there is no image that can be measured; otherwise the image is
    /// [unchecked](Error::is_unchecked).
    pub fn measure_url(&self, url: &str) -> Result<Measured, Error> {
        // A deadline beyond the end of time is none.
        let until = Instant::now().checked_add(self.options.deadline);
        let mut probe = RangePlanner::new(url, &self.options)?;
        loop {
            let mut answer = self.send(&probe, until)?;
            let mut step = probe.head(head(&answer))?;
            let mut piece = [0; PIECE];
            let mut reader = answer.body_mut().as_reader();
            while let Step::Read = step {
                step =
                    match reader.read(&mut piece).map_err(|error| self.unreachable(&probe, error.into()))? {
                        0 => probe.end()?,
                        read => probe.body(&piece[..read])?,
                    };
            }
            if let Step::Done(measured) = step {
                return Ok(measured);
            }
        }
    }

    /// The facts of whatever a reference stands for: a URL, a `data:` URI, or a local file.
    ///
    /// # Errors
    /// Those of [`measure_url`](Self::measure_url), [`DataUri`] and [`measure_path`].
    pub fn measure(&self, reference: &str) -> Result<Measured, Error> {
        match Reference::parse(reference) {
            Reference::Base64(uri) | Reference::DataUri(uri) => DataUri::decode(uri)?.measure(),
            Reference::Url(url) => self.measure_url(url),
            Reference::Path(path) => measure_path(path),
        }
    }

    fn send(&self, probe: &RangePlanner, until: Option<Instant>) -> Result<Response<Body>, Error> {
        let agent = if probe.allows_private() { &self.allowed } else { &self.guarded };
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        // Zero would be no limit.
        let left = left.map(|left| left.max(Duration::from_millis(1)));
        agent
            .get(probe.url().as_str())
            .header(ACCEPT_ENCODING, "identity")
            .header(RANGE, probe.range())
            .header(USER_AGENT, super::USER_AGENT)
            .config()
            .timeout_global(left)
            .build()
            .call()
            .map_err(|error| self.unreachable(probe, error))
    }

    fn unreachable(&self, probe: &RangePlanner, error: ureq::Error) -> Error {
        match error {
            ureq::Error::Timeout(_) => Error::new(Kind::Deadline(self.options.deadline)),
            ureq::Error::Io(error) if PrivateAddress::is_behind(&error) => gate::private(probe.url()),
            ureq::Error::Io(error) => Error::new(Kind::Unreachable(error.to_string())),
            error => Error::new(Kind::Unreachable(error.to_string())),
        }
    }
}

/// An agent that follows nothing and asks the guard for every name.
fn agent(options: &Options, allow_private: bool) -> Agent {
    let builder = Agent::config_builder();
    #[cfg(any(feature = "rustls", feature = "native-tls"))]
    let builder = builder.tls_config(tls());
    let config = builder
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .accept_encoding(AutoHeaderValue::None)
        .proxy(None)
        .build();
    let guard = PublicResolver { resolver: options.resolver.clone(), allow_private };
    Agent::with_parts(config, DefaultConnector::default(), guard)
}

/// TLS by the same certificates, and the same cryptography, as the async client's: the platform's certificates, and with the
/// feature `rustls` the process-wide crypto provider if one is installed, or else aws-lc-rs, which reqwest takes too.
#[cfg(any(feature = "rustls", feature = "native-tls"))]
fn tls() -> TlsConfig {
    let builder = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier);
    #[cfg(feature = "rustls")]
    return builder.provider(TlsProvider::Rustls).unversioned_rustls_crypto_provider(provider()).build();
    #[cfg(not(feature = "rustls"))]
    builder.provider(TlsProvider::NativeTls).build()
}

#[cfg(feature = "rustls")]
fn provider() -> std::sync::Arc<rustls::crypto::CryptoProvider> {
    let installed = rustls::crypto::CryptoProvider::get_default().cloned();
    installed.unwrap_or_else(|| rustls::crypto::aws_lc_rs::default_provider().into())
}

impl Resolver for PublicResolver {
    fn resolve(
        &self,
        uri: &Uri,
        _: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let usual = if uri.scheme_str() == Some("http") { 80 } else { 443 };
        let port = uri.port_u16().unwrap_or(usual);
        let host = uri.host().ok_or(ureq::Error::HostNotFound)?.trim_matches(['[', ']']).to_owned();
        let mut resolved = self.empty();
        for address in addresses_within(self, host, *timeout.after)? {
            if resolved.len() < MOST_ADDRESSES {
                resolved.push(SocketAddr::new(address, port));
            }
        }
        Ok(resolved)
    }
}

/// Asks on a thread of its own, since the operating system's resolver knows no deadline.
fn addresses_within(
    guard: &PublicResolver,
    host: String,
    patience: Duration,
) -> Result<Vec<std::net::IpAddr>, ureq::Error> {
    let (sender, receiver) = mpsc::channel();
    let guard = guard.clone();
    thread::spawn(move || sender.send(guard.addresses(&host)));
    match receiver.recv_timeout(patience) {
        Ok(addresses) => Ok(addresses?),
        Err(RecvTimeoutError::Timeout) => Err(ureq::Error::Timeout(Timeout::Resolve)),
        Err(RecvTimeoutError::Disconnected) => Err(io::Error::other("the resolver failed").into()),
    }
}

fn head(response: &Response<Body>) -> Head {
    Head::new(response.status().as_u16(), |name| response.headers().get(name)?.to_str().ok())
}
