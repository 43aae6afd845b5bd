//! The async HTTP client: reqwest.

use std::error::Error as StdError;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, RANGE, USER_AGENT};
use reqwest::{Client, Response, dns, redirect, retry};
use tokio::task;
use url::Url;

use super::addresses::{PrivateAddress, PublicResolver};
use super::planner::Head;
use super::{AttemptError, HttpClient, Options};
use crate::error::Kind;
use crate::{Error, Measured, measure_path};

/// Creates a client. It resolves every name by [`PublicResolver`].
pub(super) fn client(options: &Options, allow_private: bool) -> Result<Client, Error> {
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
        .dns_resolver(PublicResolver { resolver: options.resolver.clone(), allow_private })
        .build()
        .map_err(|error| Error::from(Kind::Unreachable(innermost(&error))))
}

impl HttpClient for Client {
    type Body = Response;

    async fn get_range(
        &self,
        url: &Url,
        range: String,
        timeout: Option<Duration>,
    ) -> Result<(Head, Response), AttemptError> {
        let request = self
            .get(url.clone())
            .header(ACCEPT_ENCODING, "identity")
            .header(RANGE, range)
            .header(USER_AGENT, super::USER_AGENT);
        let request = match timeout {
            Some(timeout) => request.timeout(timeout),
            None => request,
        };
        let response = request.send().await.map_err(attempt_error)?;
        let headers = response.headers();
        let head = Head::new(response.status().as_u16(), |name| headers.get(name)?.to_str().ok());
        Ok((head, response))
    }

    async fn chunk(response: &mut Response) -> Result<Option<impl AsRef<[u8]>>, AttemptError> {
        response.chunk().await.map_err(attempt_error)
    }

    async fn measure_path(path: &Path) -> Result<Measured, Error> {
        let path = path.to_owned();
        let measured = task::spawn_blocking(move || measure_path(path)).await;
        measured.unwrap_or_else(|error| Err(std::io::Error::other(error).into()))
    }
}

impl dns::Resolve for PublicResolver {
    fn resolve(&self, name: dns::Name) -> dns::Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let addresses = task::spawn_blocking(move || resolver.addresses(name.as_str())).await??;
            // reqwest takes the port from the URL.
            let addresses = addresses.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(addresses) as dns::Addrs)
        })
    }
}

fn attempt_error(error: reqwest::Error) -> AttemptError {
    if PrivateAddress::is_behind(&error) {
        AttemptError::PrivateAddress
    } else if error.is_timeout() {
        AttemptError::Timeout
    } else {
        AttemptError::Unreachable(innermost(&error.without_url()))
    }
}

/// Returns the text of the innermost error, which says most.
fn innermost(error: &reqwest::Error) -> String {
    let mut error: &dyn StdError = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
