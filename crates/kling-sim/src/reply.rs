//! The kinds of calls, and replies to send in place of the true one.

use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Value, json};

/// The kind of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Call {
    /// `GET /prod/v2/balance`
    Balance,
    /// `POST /v1/requests/{id}/cancel`
    Cancel,
    /// `GET /v1/models`, `/v1/models/categories` and `/v1/models/{model_id}`
    Catalog,
    /// A path or method that the API does not have.
    Other,
    /// `GET` of an output file.
    Output,
    /// `GET /v1/requests/{id}/result`
    Result,
    /// `GET /v1/requests/{id}/status`
    Status,
    /// `POST /v1/models/{model_id}`, the only paid call.
    Submit,
}

/// A reply for [`Sim::answer_next`](crate::Sim::answer_next).
///
/// ```
/// use kling_sim::{Call, Reply, Sim};
/// let sim = Sim::start()?;
/// sim.answer_next(Call::Status, Reply::html(502, "<h1>Bad gateway</h1>"));
/// sim.answer_next(Call::Submit, Reply::empty(503).after_processing());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Reply {
    status: StatusCode,
    headers: Vec<(String, String)>,
    body: String,
    pub(crate) processed: bool,
}

impl Reply {
    /// A reply without a body. An invalid status becomes 500.
    #[must_use]
    pub fn empty(status: u16) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, headers: Vec::new(), body: String::new(), processed: false }
    }

    /// A JSON reply.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::text(status, "application/json", body.to_string())
    }

    /// An HTML page, as from a CDN in front of the API.
    #[must_use]
    pub fn html(status: u16, body: impl Into<String>) -> Self {
        Self::text(status, "text/html; charset=utf-8", body)
    }

    /// A text of any content type.
    #[must_use]
    pub fn text(status: u16, content_type: impl Into<String>, body: impl Into<String>) -> Self {
        let reply = Self::empty(status).header("content-type", content_type);
        Self { body: body.into(), ..reply }
    }

    /// An error in the API's own form. Some of the provider's APIs send it with status 200.
    #[must_use]
    pub fn error(status: u16, code: u32, message: impl Into<String>) -> Self {
        Self::json(status, &json!({"error_code": code, "error_message": message.into()}))
    }

    /// An empty reply, such as a 429 or 503, with `Retry-After` in seconds.
    #[must_use]
    pub fn busy(status: u16, wait: Duration) -> Self {
        Self::empty(status).header("retry-after", wait.as_secs().to_string())
    }

    /// An empty reply with `Retry-After` as a date. The server's clock, and so its `Date`, is `ahead` of this one.
    #[must_use]
    pub fn busy_until(status: u16, wait: Duration, ahead: Duration) -> Self {
        let date = |time: SystemTime| {
            let time = Timestamp::try_from(time).unwrap_or(Timestamp::MAX);
            time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
        };
        let now = SystemTime::now() + ahead;
        Self::empty(status).header("date", date(now)).header("retry-after", date(now + wait))
    }

    /// Adds a header, such as `retry-after`. An invalid header is not sent.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Lets the call take effect before its reply is replaced. A submit is billed, and its request id is lost.
    #[must_use]
    pub const fn after_processing(mut self) -> Self {
        self.processed = true;
        self
    }

    /// The status, and whether the call took effect.
    pub(crate) fn summary(&self) -> String {
        let processed = if self.processed { ", processed" } else { "" };
        format!("{}{processed}", self.status.as_u16())
    }

    pub(crate) fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        for (name, value) in self.headers {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::try_from(value)) {
                response.headers_mut().append(name, value);
            }
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_headers_are_not_sent() {
        let reply = Reply::empty(9999).header("retry-after", "3").header("bad name", "x").header("x", "a\nb");
        let response = reply.into_response();
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers().len(), 1);
    }

    #[test]
    fn the_server_clock_shows_in_both_dates() {
        let day = Duration::from_secs(86_400);
        let response = Reply::busy_until(429, Duration::from_secs(5), day).into_response();
        let date = |name| {
            let text = response.headers()[name].to_str().unwrap();
            jiff::fmt::rfc2822::parse(text).unwrap().timestamp()
        };
        assert_eq!(date("retry-after").as_second() - date("date").as_second(), 5);
        assert!(date("date").as_second() > Timestamp::now().as_second() + 86_000);
    }
}
