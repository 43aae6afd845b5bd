//! Tests without an account: a simulator with faults, and a transport of scripted replies.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use kling_transport::{
    BoxFuture, HttpHead, HttpReply, HttpRequest, Limits, Phase, Transport, TransportError, TransportErrorKind,
};
use serde_json::Value;

pub use kling_sim::{
    Bill, Builder as SimBuilder, Call as SimCall, Fault, FaultPlan, RecordedCall, Reply, Sim,
};

/// A transport that gives scripted replies in order, and records the requests. Clones share both. It cannot download.
///
/// ```
/// use kling::testing::ScriptedTransport;
/// use kling::{Client, ErrorKind, Token, models::kling_1_6_pro_image_to_video::Input};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let transport = ScriptedTransport::new().reply(400, r#"{"error_code": 400002}"#);
/// let client = Client::builder().token(Token::new("test")?).transport(transport.clone()).without_journal().build()?;
/// let input = Input::builder().image_url("https://example.com/start.jpg").build()?;
/// assert_eq!(client.submit(&input).await.unwrap_err().kind(), ErrorKind::InsufficientBalance);
/// assert_eq!(transport.requests().len(), 1);
/// # Ok::<(), kling::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ScriptedTransport(Arc<Mutex<Script>>);

#[derive(Debug, Default)]
struct Script {
    replies: VecDeque<Result<HttpReply, TransportError>>,
    requests: Vec<HttpRequest>,
}

impl ScriptedTransport {
    /// Returns a transport without replies. Each call beyond the script is a broken connection, after the request was sent.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a reply with this HTTP status and body.
    pub fn reply(self, status: u16, body: impl Into<String>) -> Self {
        let head = HttpHead::new(status, |_| None, SystemTime::UNIX_EPOCH);
        self.push(Ok(HttpReply::new(head, body.into().into())))
    }

    /// Adds a reply of HTTP 200 with this JSON.
    pub fn json(self, body: &Value) -> Self {
        self.reply(200, body.to_string())
    }

    /// Adds a connection that breaks in this phase.
    pub fn broken(self, phase: Phase) -> Self {
        self.push(Err(TransportError::new(
            phase,
            TransportErrorKind::Broken,
            "the script broke the connection",
        )))
    }

    /// Returns the requests so far.
    #[must_use]
    pub fn requests(&self) -> Vec<HttpRequest> {
        self.script(|script| script.requests.clone())
    }

    fn push(self, reply: Result<HttpReply, TransportError>) -> Self {
        self.script(|script| script.replies.push_back(reply));
        self
    }

    fn script<T>(&self, change: impl FnOnce(&mut Script) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Transport for ScriptedTransport {
    fn send(&self, request: HttpRequest, _: Limits) -> BoxFuture<'_, Result<HttpReply, TransportError>> {
        let reply = self.script(|script| {
            script.requests.push(request);
            script.replies.pop_front()
        });
        let end = || {
            let message = "the script has no further reply";
            Err(TransportError::new(Phase::Waiting, TransportErrorKind::Broken, message))
        };
        Box::pin(std::future::ready(reply.unwrap_or_else(end)))
    }
}
