//! The blocking HTTP client: ureq.

use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use ureq::config::{AutoHeaderValue, Config};
use ureq::http::Uri;
use ureq::http::header::{ACCEPT_ENCODING, RANGE, USER_AGENT};
#[cfg(any(feature = "rustls", feature = "native-tls"))]
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, BodyReader, Timeout};
use url::Url;

use super::addresses::{PrivateAddress, PublicResolver};
use super::planner::Head;
use super::{AttemptError, HttpClient, Options};
use crate::{Error, Measured, measure_path};

/// The longest chunk of a body.
const CHUNK: usize = 8 * 1024;
/// The most addresses of a name that ureq takes.
const MAX_ADDRESSES: usize = 16;

/// Creates a client. It resolves every name by [`PublicResolver`].
pub(super) fn agent(options: &Options, allow_private: bool) -> Agent {
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
    let resolver = PublicResolver { resolver: options.resolver.clone(), allow_private };
    Agent::with_parts(config, DefaultConnector::default(), resolver)
}

/// Configures TLS with the platform's certificates. With `rustls`, takes the crypto provider of the process if one is
/// installed, or else aws-lc-rs, as reqwest does.
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

impl HttpClient for Agent {
    type Body = BodyReader<'static>;

    async fn get_range(
        &self,
        url: &Url,
        range: String,
        timeout: Option<Duration>,
    ) -> Result<(Head, Self::Body), AttemptError> {
        let request = self
            .get(url.as_str())
            .header(ACCEPT_ENCODING, "identity")
            .header(RANGE, range)
            .header(USER_AGENT, super::USER_AGENT);
        let response = request.config().timeout_global(timeout).build().call().map_err(attempt_error)?;
        let (parts, body) = response.into_parts();
        let head = Head::new(parts.status.as_u16(), |name| parts.headers.get(name)?.to_str().ok());
        Ok((head, body.into_reader()))
    }

    async fn chunk(body: &mut Self::Body) -> Result<Option<impl AsRef<[u8]>>, AttemptError> {
        let mut chunk = vec![0; CHUNK];
        let length = body.read(&mut chunk).map_err(|error| attempt_error(error.into()))?;
        chunk.truncate(length);
        Ok(Some(chunk).filter(|chunk| !chunk.is_empty()))
    }

    async fn measure_path(path: &Path) -> Result<Measured, Error> {
        measure_path(path)
    }
}

impl Resolver for PublicResolver {
    fn resolve(
        &self,
        uri: &Uri,
        _: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let default_port = if uri.scheme_str() == Some("http") { 80 } else { 443 };
        let port = uri.port_u16().unwrap_or(default_port);
        let host = uri.host().ok_or(ureq::Error::HostNotFound)?.trim_matches(['[', ']']).to_owned();
        let mut resolved = self.empty();
        for address in addresses_within(self, host, *timeout.after)?.into_iter().take(MAX_ADDRESSES) {
            resolved.push(SocketAddr::new(address, port));
        }
        Ok(resolved)
    }
}

/// Resolves on a thread of its own, since the operating system's resolver has no timeout.
fn addresses_within(
    resolver: &PublicResolver,
    host: String,
    timeout: Duration,
) -> Result<Vec<IpAddr>, ureq::Error> {
    let (sender, receiver) = mpsc::channel();
    let resolver = resolver.clone();
    thread::spawn(move || sender.send(resolver.addresses(&host)));
    match receiver.recv_timeout(timeout) {
        Ok(addresses) => Ok(addresses?),
        Err(RecvTimeoutError::Timeout) => Err(ureq::Error::Timeout(Timeout::Resolve)),
        Err(RecvTimeoutError::Disconnected) => Err(io::Error::other("the resolver failed").into()),
    }
}

fn attempt_error(error: ureq::Error) -> AttemptError {
    match error {
        ureq::Error::Timeout(_) => AttemptError::Timeout,
        ureq::Error::Io(error) if PrivateAddress::is_behind(&error) => AttemptError::PrivateAddress,
        ureq::Error::Io(error) => AttemptError::Unreachable(error.to_string()),
        error => AttemptError::Unreachable(error.to_string()),
    }
}
