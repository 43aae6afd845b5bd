//! The end of a wait at its deadline: the job is left, or cancelled once and found out about.

use std::time::Duration;

use kling_transport::{CancelOutcome, CancelReply, Error, StatusReply};

use super::{JobMachine, Stage, done};
use crate::{Action, Ending, Unfinished, WaitOptions, cancelling};

/// How often a cancel is sent again whose answer is lost.
const MORE_CANCELS: u16 = 2;

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
        if cancelling::is_settled(&outcome) {
            return done(Ending::Deadline(Some(outcome)));
        }
        if self.errors < MORE_CANCELS && outcome.as_ref().is_err_and(may_help_at_once) {
            self.errors += 1;
            return self.ask(options, now);
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

/// Whether an error of a cancel may be gone the next moment; who says that there are too many calls means it.
fn may_help_at_once(error: &Error) -> bool {
    (error.is_transient() || error.error_code().is_none()) && !error.is_rate_limited()
}
