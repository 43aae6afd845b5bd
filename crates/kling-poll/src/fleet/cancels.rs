//! The cancels that were asked for, until it is clear what came of them.

use std::collections::HashMap;

use kling_transport::{CancelReply, Error};

use super::{CallKind, CallResponse, JobKey};
use crate::cancelling::{self, Next};

/// Few at a time, so they are kept beside the jobs.
#[derive(Debug, Default)]
pub(super) struct Cancels(HashMap<JobKey, Cancel>);

#[derive(Debug, Default)]
struct Cancel {
    /// How often it was sent again.
    repeats: u16,
    /// What came of it, where that is not clear: the status is asked for.
    unclear: Option<Result<CancelReply, Error>>,
}

impl Cancels {
    /// Begins one; false where it is under way already.
    pub(super) fn begin(&mut self, ticket: JobKey) -> bool {
        !self.0.contains_key(&ticket) && self.0.insert(ticket, Cancel::default()).is_none()
    }

    pub(super) fn forget(&mut self, ticket: JobKey) {
        self.0.remove(&ticket);
    }

    /// What to ask for a job's cancel, if one is under way.
    pub(super) fn errand(&self, ticket: JobKey) -> Option<CallKind> {
        let cancel = self.0.get(&ticket)?;
        Some(if cancel.unclear.is_some() { CallKind::Status } else { CallKind::Cancel })
    }

    /// Whether an answer is that of a cancel under way: one question is out for a job at a time.
    pub(super) fn is_asked(&self, ticket: JobKey, answer: &CallResponse) -> bool {
        self.0.get(&ticket).is_some_and(|cancel| match cancel.unclear {
            Some(_) => matches!(answer, CallResponse::Status(_)),
            None => matches!(answer, CallResponse::Cancel(_)),
        })
    }

    /// Takes what came of an errand; the outcome, once it is clear or nothing more can be known.
    pub(super) fn take(
        &mut self,
        ticket: JobKey,
        answer: CallResponse,
    ) -> Option<Result<CancelReply, Error>> {
        let cancel = self.0.get_mut(&ticket)?;
        let outcome = match answer {
            CallResponse::Cancel(outcome) => match cancelling::next(&outcome, cancel.repeats) {
                Next::Again => {
                    cancel.repeats += 1;
                    return None;
                }
                Next::Settle => {
                    cancel.unclear = Some(outcome);
                    return None;
                }
                Next::Tell => outcome,
            },
            CallResponse::Status(status) => cancelling::settle(cancel.unclear.take()?, status),
            CallResponse::Result(_) => return None,
        };
        self.forget(ticket);
        Some(outcome)
    }
}
