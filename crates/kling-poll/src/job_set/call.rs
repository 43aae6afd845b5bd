//! A call that a job set wants made.

use kling_transport::{RequestId, Span};

use super::{AccountKey, JobKey};
use crate::Action;

/// A call that a job set wants made, once. Its response goes to [`JobSetMachine::respond`](crate::JobSetMachine::respond).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CallRequest {
    /// The account that makes the call.
    pub account: AccountKey,
    /// The job.
    pub key: JobKey,
    /// The job's request id.
    pub request_id: RequestId,
    /// The call: one of the `Send…` actions.
    pub action: Action,
    pub(crate) span: Span,
}

impl CallRequest {
    pub(super) fn new(account: AccountKey, key: JobKey, request_id: RequestId, action: Action) -> Self {
        let span = action.span(&request_id);
        Self { account, key, request_id, action, span }
    }
}
