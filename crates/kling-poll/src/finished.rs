//! A job that worked.

use std::fmt;
use std::marker::PhantomData;

use kling_transport::{AnyModel, Makes, RequestId, ResultReply};
use serde_json::Value;

/// The result of a job that worked, with its output typed by the model where that is known.
pub struct Finished<M: Makes = AnyModel> {
    reply: ResultReply,
    makes: PhantomData<fn() -> M>,
}

impl<M: Makes> Finished<M> {
    pub(crate) const fn new(reply: ResultReply) -> Self {
        Self { reply, makes: PhantomData }
    }

    /// The request.
    #[must_use]
    pub const fn request_id(&self) -> &RequestId {
        &self.reply.request_id
    }

    /// The output: typed for a model that is known by type, else raw JSON, which is null if the API sent none.
    #[must_use]
    pub fn output(&self) -> M::Output {
        M::read(self.reply.output.clone().unwrap_or(Value::Null))
    }

    /// What was billed in USD, where the API says so.
    #[must_use]
    pub const fn cost_usd(&self) -> Option<f64> {
        self.reply.cost_usd
    }

    /// The whole reply.
    #[must_use]
    pub const fn reply(&self) -> &ResultReply {
        &self.reply
    }

    /// The whole reply.
    #[must_use]
    pub fn into_reply(self) -> ResultReply {
        self.reply
    }
}

impl<M: Makes> Clone for Finished<M> {
    fn clone(&self) -> Self {
        Self::new(self.reply.clone())
    }
}

impl<M: Makes> fmt::Debug for Finished<M> {
    /// Without the output: its URLs carry an account's id.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finished")
            .field("request_id", &self.reply.request_id)
            .field("cost_usd", &self.reply.cost_usd)
            .finish_non_exhaustive()
    }
}
