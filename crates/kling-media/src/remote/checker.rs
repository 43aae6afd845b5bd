//! The async shell over the planner: reqwest, tokio's clock, nothing decided here.

use std::net::SocketAddr;

use reqwest::header::{ACCEPT_ENCODING, RANGE, USER_AGENT};
use reqwest::{Client, Response, dns, redirect, retry};

use super::Options;
use super::gate::{self, PrivateAddress, PublicResolver};
use super::probe::{Head, RangePlanner, Step};
use crate::error::Kind;
use crate::{DataUri, Error, Measured, Reference, measure_path};

/// Measures images behind URLs; cheap to clone, and made once, since it keeps its connections.
///
/// It needs a tokio runtime with I/O and time.
#[derive(Clone, Debug)]
pub struct Checker {
    options: Options,
    /// Connects to public addresses only.
    guarded: Client,
    /// Connects to the server that the caller named, wherever it is, if the caller allowed it.
    allowed: Client,
}

impl Checker {
    /// A checker within bounds.
    ///
    /// # Errors
    /// [`Error::is_unchecked`] where no client can be set up, since no TLS library is usable.
    pub fn new(options: Options) -> Result<Self, Error> {
        let guarded = client(&options, false)?;
        let allowed = if options.allow_private { client(&options, true)? } else { guarded.clone() };
        Ok(Self { options, guarded, allowed })
    }

    /// The facts of the image behind a URL.
    ///
    /// # Errors
    /// A [violation](Error::is_violation) when there is no image that can be measured; otherwise the image is
    /// [unchecked](Error::is_unchecked).
    pub async fn measure_url(&self, url: &str) -> Result<Measured, Error> {
        let deadline = self.options.deadline;
        let probing = self.probe(url);
        tokio::time::timeout(deadline, probing)
            .await
            .unwrap_or_else(|_| Err(Error::new(Kind::Deadline(deadline))))
    }

    /// The facts of whatever a reference stands for: a URL, a `data:` URI, or a local file.
    ///
    /// # Errors
    /// Those of [`measure_url`](Self::measure_url), [`DataUri`] and [`measure_path`].
    pub async fn measure(&self, reference: &str) -> Result<Measured, Error> {
        match Reference::parse(reference) {
            Reference::Base64(uri) | Reference::DataUri(uri) => DataUri::decode(uri)?.measure(),
            Reference::Url(url) => self.measure_url(url).await,
            Reference::Path(path) => {
                let path = path.to_owned();
                tokio::task::spawn_blocking(move || measure_path(path))
                    .await
                    .unwrap_or_else(|error| Err(std::io::Error::other(error).into()))
            }
        }
    }

    async fn probe(&self, url: &str) -> Result<Measured, Error> {
        let mut probe = RangePlanner::new(url, &self.options)?;
        loop {
            let mut response = self.send(&probe).await?;
            let mut step = probe.head(head(&response))?;
            while let Step::Read = step {
                step = match response.chunk().await.map_err(|error| unreachable(&probe, error))? {
                    Some(piece) => probe.body(&piece)?,
                    None => probe.end()?,
                };
            }
            if let Step::Done(measured) = step {
                return Ok(measured);
            }
        }
    }

    async fn send(&self, probe: &RangePlanner) -> Result<Response, Error> {
        let client = if probe.allows_private() { &self.allowed } else { &self.guarded };
        let request = client
            .get(probe.url().clone())
            .header(ACCEPT_ENCODING, "identity")
            .header(RANGE, probe.range())
            .header(USER_AGENT, super::USER_AGENT);
        request.send().await.map_err(|error| unreachable(probe, error))
    }
}

/// A client that follows nothing, repeats nothing, decodes nothing, and asks the guard for every name.
fn client(options: &Options, allow_private: bool) -> Result<Client, Error> {
    let guard = PublicResolver { resolver: options.resolver.clone(), allow_private };
    let builder = Client::builder();
    #[cfg(feature = "rustls")]
    let builder = builder.tls_backend_rustls();
    builder
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        .http1_only()
        .no_proxy()
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
        .dns_resolver(guard)
        .build()
        .map_err(|error| Error::new(Kind::Unreachable(words(&error))))
}

impl dns::Resolve for PublicResolver {
    fn resolve(&self, name: dns::Name) -> dns::Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let addresses = tokio::task::spawn_blocking(move || guard.addresses(name.as_str())).await??;
            // The port is the URL's own.
            let addresses = addresses.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(addresses) as dns::Addrs)
        })
    }
}

fn head(response: &Response) -> Head {
    Head::new(response.status().as_u16(), |name| response.headers().get(name)?.to_str().ok())
}

fn unreachable(probe: &RangePlanner, error: reqwest::Error) -> Error {
    if PrivateAddress::is_behind(&error) {
        return gate::private(probe.url());
    }
    Error::new(Kind::Unreachable(words(&error.without_url())))
}

/// The innermost reason, which says most.
fn words(error: &reqwest::Error) -> String {
    let mut reason: &dyn std::error::Error = error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    reason.to_string()
}
