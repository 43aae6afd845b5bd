//! One HTTP request as a value: made here only, carried by whichever client.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use url::Url;

use crate::Token;
use crate::http_reply::RangeRequest;

/// The largest answer read to a call of the API, in bytes. Downloads have a bound of their own.
pub const MAX_REPLY_BYTES: usize = 16 * 1024 * 1024;

const USER_AGENT: &str = concat!("kling-rs/", env!("CARGO_PKG_VERSION"));

/// The two methods that the API uses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Method {
    /// Reads; may be repeated.
    Get,
    /// Submits or cancels.
    Post,
}

impl Method {
    /// The method as it stands in a request line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// A request that is ready to be sent.
///
/// Only this crate makes one, so that a token stands in those to the API's own origin and in no other. Its `Debug` shows
/// neither the token nor the URL's query nor the body.
#[derive(Clone)]
pub struct HttpRequest {
    method: Method,
    url: Url,
    token: Option<Token>,
    body: Option<Bytes>,
    rest: Option<RangeRequest>,
    paid: bool,
}

impl HttpRequest {
    pub(crate) fn get(url: Url, token: Option<&Token>) -> Self {
        Self { method: Method::Get, url, token: token.cloned(), body: None, rest: None, paid: false }
    }

    pub(crate) fn post(url: Url, token: &Token) -> Self {
        Self { method: Method::Post, url, token: Some(token.clone()), body: None, rest: None, paid: false }
    }

    pub(crate) fn paid(url: Url, token: &Token, body: Bytes) -> Self {
        Self {
            method: Method::Post,
            url,
            token: Some(token.clone()),
            body: Some(body),
            rest: None,
            paid: true,
        }
    }

    /// The rest of a file only, where one broke off.
    pub(crate) fn with_rest(self, rest: Option<RangeRequest>) -> Self {
        Self { rest, ..self }
    }

    /// The method.
    #[must_use]
    pub const fn method(&self) -> Method {
        self.method
    }

    /// The URL. It may hold a signature in its query: keep it out of logs.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.url
    }

    #[cfg(feature = "async")]
    pub(crate) fn into_url(self) -> Url {
        self.url
    }

    /// Every header that is to be sent, but for those that name the connection.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, Bytes)> {
        let constant = |text: &'static str| Bytes::from_static(text.as_bytes());
        let content = self.body.is_some().then(|| constant("application/json"));
        // A POST says its length even where it is nothing: some servers refuse one that does not.
        let length =
            (self.method == Method::Post).then(|| self.body.as_ref().map_or(0, Bytes::len).to_string());
        let accept = if self.token.is_some() { "application/json" } else { "*/*" };
        let (range, if_range) = self.rest.as_ref().map(RangeRequest::headers).unzip();
        [
            Some(("accept", constant(accept))),
            // Lengths are compared with what arrives, and no decoder stands between a small answer and a large one.
            Some(("accept-encoding", constant("identity"))),
            Some(("user-agent", constant(USER_AGENT))),
            self.token.as_ref().map(|token| ("authorization", token.bearer())),
            content.map(|value| ("content-type", value)),
            length.map(|value| ("content-length", value.into())),
            range.map(|value| ("range", value.into())),
            if_range.map(|value| ("if-range", value.into())),
        ]
        .into_iter()
        .flatten()
    }

    /// The body, where there is one.
    #[must_use]
    pub const fn body(&self) -> Option<&Bytes> {
        self.body.as_ref()
    }

    /// Whether sending it costs money: such a request is never sent again unless it is proven that it did not leave.
    #[must_use]
    pub const fn is_paid(&self) -> bool {
        self.paid
    }

    /// The token that it carries, to take it out of texts that quote it.
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

/// The bounds that a client keeps while it carries one request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// From the first packet to the last byte of the answer.
    pub timeout: Duration,
    /// The largest body read, in bytes.
    pub max_body: usize,
}

impl Limits {
    /// A time limit, and [`MAX_REPLY_BYTES`].
    #[must_use]
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
    fn debug_shows_neither_token_nor_query_nor_body() {
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
