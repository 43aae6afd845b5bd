//! What happens to the next calls of a kind: faults told to wait for them, else those of the plan.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{Fault, FaultPlan};

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

    /// A refusal in the API's own form; under 200 too, as some of the provider's APIs have it.
    #[must_use]
    pub fn error(status: u16, code: u32, message: impl Into<String>) -> Self {
        Self::json(status, &json!({"error_code": code, "error_message": message.into()}))
    }

    /// A redirect, which nobody should follow with a token in hand.
    #[must_use]
    pub fn redirect(status: u16, location: impl Into<String>) -> Self {
        Self::empty(status).header("location", location)
    }

    /// An empty answer, 429 or 503 say, with `Retry-After` in seconds.
    #[must_use]
    pub fn busy(status: u16, wait: Duration) -> Self {
        Self::empty(status).header("retry-after", wait.as_secs().to_string())
    }

    /// The same with `Retry-After` as a date, by the clock of a server that is ahead of this one; its `Date` says so.
    #[must_use]
    pub fn busy_until(status: u16, wait: Duration, ahead: Duration) -> Self {
        let date = |time: SystemTime| {
            let time = Timestamp::try_from(time).unwrap_or(Timestamp::MAX);
            time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
        };
        let now = SystemTime::now() + ahead;
        Self::empty(status).header("date", date(now)).header("retry-after", date(now + wait))
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

    /// Status and what is peculiar about it, to count by.
    pub(crate) fn summary(&self) -> String {
        let processed = if self.processed { ", processed" } else { "" };
        format!("{}{processed}", self.status.as_u16())
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

/// The faults that wait for their call, and the plan for all others.
#[derive(Debug, Default)]
pub(crate) struct Script {
    waiting: VecDeque<(Call, Fault)>,
    plan: FaultPlan,
    counts: HashMap<Call, u64>,
}

impl Script {
    pub(crate) fn new(plan: FaultPlan) -> Self {
        Self { plan, ..Self::default() }
    }

    pub(crate) fn push(&mut self, call: Call, fault: Fault) {
        self.waiting.push_back((call, fault));
    }

    /// Counts a call, and says what happens to it.
    pub(crate) fn take(&mut self, call: Call) -> Option<Fault> {
        let count = self.counts.entry(call).or_default();
        *count += 1;
        let waiting = self.waiting.iter().position(|(planned, _)| *planned == call);
        match waiting.and_then(|index| self.waiting.remove(index)) {
            Some((_, fault)) => Some(fault),
            None => self.plan.find(call, *count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_taken_in_order_by_their_own_call_and_before_the_plan() {
        let mut script = Script::new(FaultPlan::none().on_each(Call::Status, 2..=3, Fault::Html));
        script.push(Call::Status, Fault::Truncated);
        script.push(Call::Submit, Reply::empty(429).into());
        script.push(Call::Status, Reply::empty(502).into());
        let mut next = |call| script.take(call).map(|fault| fault.to_string());
        assert_eq!(next(Call::Status).as_deref(), Some("truncated"));
        assert_eq!(next(Call::Status).as_deref(), Some("answer 502"));
        assert_eq!(next(Call::Status).as_deref(), Some("html"));
        assert_eq!(next(Call::Status), None);
        assert_eq!(next(Call::Submit).as_deref(), Some("answer 429"));
    }

    #[test]
    fn headers_that_http_does_not_allow_are_left_out() {
        let reply = Reply::empty(9999).header("retry-after", "3").header("bad name", "x").header("x", "a\nb");
        let response = reply.into_response();
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers().len(), 1);
    }

    #[test]
    fn a_skewed_clock_shows_in_both_dates() {
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
