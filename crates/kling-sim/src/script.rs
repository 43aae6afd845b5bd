//! Answers written beforehand: what the next calls of a kind get instead of the truth.

use std::collections::VecDeque;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::Value;

/// The kinds of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Call {
    /// `GET /prod/v2/balance`
    Balance,
    /// `POST /v1/requests/{id}/cancel`
    Cancel,
    /// `GET /v1/models`, `/v1/models/categories` and `/v1/models/{model_id}`
    Catalog,
    /// Anything that the API does not have.
    Other,
    /// `GET` of an output file.
    Output,
    /// `GET /v1/requests/{id}/result`
    Result,
    /// `GET /v1/requests/{id}/status`
    Status,
    /// `POST /v1/models/{model_id}`: the paid one.
    Submit,
}

/// An answer for [`Sim::answer_next`](crate::Sim::answer_next).
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
    /// An answer with no body. A status that HTTP does not have becomes 500.
    #[must_use]
    pub fn empty(status: u16) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, headers: Vec::new(), body: String::new(), processed: false }
    }

    /// A JSON answer.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::text(status, "application/json", body.to_string())
    }

    /// An HTML page, as a CDN in front of the API sends.
    #[must_use]
    pub fn html(status: u16, body: impl Into<String>) -> Self {
        Self::text(status, "text/html; charset=utf-8", body)
    }

    /// Any text under any content type.
    #[must_use]
    pub fn text(status: u16, content_type: impl Into<String>, body: impl Into<String>) -> Self {
        let reply = Self::empty(status).header("content-type", content_type);
        Self { body: body.into(), ..reply }
    }

    /// Adds a header, such as `retry-after`; one that HTTP does not allow is left out when it is sent.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Lets the call take effect before its answer is replaced: a submit is billed and its id is lost.
    #[must_use]
    pub const fn after_processing(mut self) -> Self {
        self.processed = true;
        self
    }

    pub(crate) fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        for (name, value) in self.headers {
            if let (Ok(name), Ok(value)) =
                (name.parse::<axum::http::HeaderName>(), HeaderValue::try_from(value))
            {
                response.headers_mut().append(name, value);
            }
        }
        response
    }
}

/// The answers that wait for their call.
#[derive(Debug, Default)]
pub(crate) struct Script(VecDeque<(Call, Reply)>);

impl Script {
    pub(crate) fn push(&mut self, call: Call, reply: Reply) {
        self.0.push_back((call, reply));
    }

    /// Takes out the first answer for this call.
    pub(crate) fn take(&mut self, call: Call) -> Option<Reply> {
        let index = self.0.iter().position(|(planned, _)| *planned == call)?;
        self.0.remove(index).map(|(_, reply)| reply)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_taken_in_order_by_their_own_call() {
        let mut script = Script::default();
        script.push(Call::Status, Reply::empty(500));
        script.push(Call::Submit, Reply::empty(429));
        script.push(Call::Status, Reply::empty(502));
        let mut next = |call| script.take(call).map(|reply| reply.status.as_u16());
        assert_eq!(next(Call::Status), Some(500));
        assert_eq!(next(Call::Status), Some(502));
        assert_eq!(next(Call::Status), None);
        assert_eq!(next(Call::Submit), Some(429));
    }

    #[test]
    fn headers_that_http_does_not_allow_are_left_out() {
        let reply = Reply::empty(9999).header("retry-after", "3").header("bad name", "x").header("x", "a\nb");
        let response = reply.into_response();
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers().len(), 1);
    }
}
