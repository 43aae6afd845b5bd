//! The end of a wait at its deadline: the job is left, or cancelled once and found out about.

use std::time::Duration;

use kling_transport::{CancelOutcome, CancelReply, Error, StatusReply};

use super::{JobMachine, Stage, done};
use crate::cancelling::{self, Next};
use crate::{Action, Ending, Unfinished, WaitOptions};

impl JobMachine {
    /// Whether the deadline has passed and the job is being cancelled, as the options say.
    #[must_use]
    pub const fn is_parting(&self) -> bool {
        matches!(self.stage, Stage::Cancel | Stage::Settle)
    }

    /// The deadline has passed, its last poll made.
    pub(super) fn part(&mut self, options: &WaitOptions, now: Duration) -> Action {
        match options.at_deadline() {
            Unfinished::Leave => done(Ending::Deadline(None)),
            Unfinished::Cancel => {
                (self.stage, self.errors) = (Stage::Cancel, 0);
                self.ask(options, now)
            }
        }
    }

    /// Takes what came of the cancel. Where no usable answer came it is sent again, without a pause, since the deadline has passed;
    /// where it is still not clear, the status is asked for once.
    pub(super) fn on_cancel(
        &mut self,
        options: &WaitOptions,
        now: Duration,
        outcome: Result<CancelReply, Error>,
    ) -> Action {
        match cancelling::next(&outcome, self.errors) {
            Next::Tell => return done(Ending::Deadline(Some(outcome))),
            Next::Again => {
                self.errors += 1;
                return self.ask(options, now);
            }
            Next::Settle => {}
        }
        self.set_last_error(None);
        match outcome {
            Ok(CancelReply { state: Some(state), .. }) => self.set_state(state),
            Ok(_) => {}
            Err(error) => self.set_last_error(Some(error)),
        }
        self.stage = Stage::Settle;
        self.ask(options, now)
    }

    /// Ends with all that can be known of the cancel.
    pub(super) fn settle(&mut self, status: Result<StatusReply, Error>) -> Action {
        let unclear = || CancelReply::new(CancelOutcome::NotConfirmed, self.state().cloned());
        let outcome = self.last_error().cloned().map_or_else(|| Ok(unclear()), Err);
        done(Ending::Deadline(Some(cancelling::settle(outcome, status))))
    }
}
