//! One HTTP request as a value.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use url::Url;

use crate::Token;
use crate::http_reply::RangeRequest;

/// The largest reply to a call of the API, in bytes. A download has its own bound.
pub const MAX_REPLY_BYTES: usize = 16 * 1024 * 1024;

const USER_AGENT: &str = concat!("kling-rs/", env!("CARGO_PKG_VERSION"));

/// The two methods that the API uses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Method {
    /// GET.
    Get,
    /// POST.
    Post,
}

impl Method {
    /// Returns the method as in a request line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// A request that is ready to be sent.
///
/// Only this crate makes one, so that the token goes to the API's own origin only. `Debug` shows neither the token, nor
/// the query of the URL, nor the body.
#[derive(Clone)]
pub struct HttpRequest {
    method: Method,
    url: Url,
    token: Option<Token>,
    body: Option<Bytes>,
    range: Option<RangeRequest>,
    paid: bool,
}

impl HttpRequest {
    pub(crate) fn get(url: Url, token: Option<&Token>) -> Self {
        Self { method: Method::Get, url, token: token.cloned(), body: None, range: None, paid: false }
    }

    pub(crate) fn post(url: Url, token: &Token) -> Self {
        Self { method: Method::Post, ..Self::get(url, Some(token)) }
    }

    pub(crate) fn paid(url: Url, token: &Token, body: Bytes) -> Self {
        Self { body: Some(body), paid: true, ..Self::post(url, token) }
    }

    /// Asks for the rest of a file only.
    pub(crate) fn with_range(self, range: Option<RangeRequest>) -> Self {
        Self { range, ..self }
    }

    /// Returns the method.
    pub const fn method(&self) -> Method {
        self.method
    }

    /// Returns the URL. Its query may hold a signature, so it must not be logged.
    pub const fn url(&self) -> &Url {
        &self.url
    }

    #[cfg(feature = "async")]
    pub(crate) fn into_url(self) -> Url {
        self.url
    }

    /// Returns every header to send, except those of the connection.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, Bytes)> {
        let constant = |text: &'static str| Bytes::from_static(text.as_bytes());
        let content = self.body.is_some().then(|| constant("application/json"));
        // A POST without a body sends its length too, since some servers require it.
        let length =
            (self.method == Method::Post).then(|| self.body.as_ref().map_or(0, Bytes::len).to_string());
        let accept = if self.token.is_some() { "application/json" } else { "*/*" };
        let (range, if_range) = self.range.as_ref().map(RangeRequest::headers).unzip();
        [
            Some(("accept", constant(accept))),
            // The length of a body is compared with the bytes received, and a decoder might expand them without bound.
            Some(("accept-encoding", constant("identity"))),
            Some(("user-agent", constant(USER_AGENT))),
            self.token.as_ref().map(|token| ("authorization", token.0.bearer.clone())),
            content.map(|value| ("content-type", value)),
            length.map(|value| ("content-length", value.into())),
            range.map(|value| ("range", value.into())),
            if_range.map(|value| ("if-range", value.into())),
        ]
        .into_iter()
        .flatten()
    }

    /// Returns the body.
    pub const fn body(&self) -> Option<&Bytes> {
        self.body.as_ref()
    }

    /// Whether sending costs money. A paid request is retried only if it is proven that it was not sent.
    pub const fn is_paid(&self) -> bool {
        self.paid
    }

    /// Returns the token, so that texts can be redacted.
    pub(crate) const fn token(&self) -> Option<&Token> {
        self.token.as_ref()
    }
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = self.url.clone();
        url.set_query(None);
        f.debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("url", &url.as_str())
            .field("body_bytes", &self.body.as_ref().map(Bytes::len))
            .field("paid", &self.paid)
            .finish_non_exhaustive()
    }
}

/// The bounds of one exchange.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// The time from the first packet to the last byte of the reply.
    pub timeout: Duration,
    /// The largest body, in bytes.
    pub max_body: usize,
}

impl Limits {
    /// Returns a time limit with [`MAX_REPLY_BYTES`].
    pub const fn within(timeout: Duration) -> Self {
        Self { timeout, max_body: MAX_REPLY_BYTES }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> HttpRequest {
        let url = Url::parse("https://api.example/x?signature=abc").unwrap();
        HttpRequest::paid(
            url,
            &Token::new("secret-token").unwrap(),
            Bytes::from_static(b"{\"prompt\":\"p\"}"),
        )
    }

    #[test]
    fn debug_hides_token_query_and_body() {
        let shown = format!("{:?}", request());
        assert_eq!(
            shown,
            "HttpRequest { method: Post, url: \"https://api.example/x\", body_bytes: Some(14), paid: true, .. }"
        );
    }

    #[test]
    fn a_request_without_a_token_has_no_authorization() {
        let request = HttpRequest::get(Url::parse("https://cdn.example/x").unwrap(), None);
        assert!(request.headers().all(|(name, _)| name != "authorization"));
    }
}
