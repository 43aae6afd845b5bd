//! The figures of a fleet.

use serde::Serialize;

/// What a fleet did and has to do: for metrics, and for a summary at the end.
///
/// To tell them every job is looked at while the fleet stands still, so they are for a scrape, and not for every piece of news.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct JobSetStats {
    /// Jobs that are waited for.
    pub waiting: usize,
    /// Jobs whose moment has come but not their turn: a number that grows says that the pace is too slow.
    pub behind: usize,
    /// Calls under way.
    pub in_flight: usize,
    /// Questions for a status so far.
    pub polls: u64,
    /// Questions for a result so far.
    pub results: u64,
    /// Requests to cancel so far.
    pub cancels: u64,
    /// Answers that were errors so far, those forgiven with those that were not.
    pub errors: u64,
    /// Jobs that worked.
    pub succeeded: u64,
    /// Jobs that ended without an output: failed or cancelled.
    pub failed: u64,
    /// Jobs that are no longer waited for though they may go on: by a deadline, by too many errors, by a refusal.
    pub given_up: u64,
}
