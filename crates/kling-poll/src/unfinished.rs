//! What becomes of a job that a wait leaves unfinished: the caller's choice.

use std::fmt;
use std::sync::Arc;

use kling_transport::{CancelReply, Error, RequestId};

/// What becomes of a job whose wait ends before it does.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Unfinished {
    /// It is left alone: it goes on, may be billed, and can be waited for again by its id.
    #[default]
    Leave,
    /// It is asked to be cancelled, which works while it is in the queue; what came of that is told.
    Cancel,
}

/// Hears what came of the cancel that a dropped wait sent: see [`WaitOptions::with_cancel_on_drop`].
///
/// [`WaitOptions::with_cancel_on_drop`]: crate::WaitOptions::with_cancel_on_drop
#[derive(Clone)]
pub struct OnDrop(Arc<Tell>);

type Tell = dyn Fn(&RequestId, &Result<CancelReply, Error>) + Send + Sync;

impl OnDrop {
    pub(crate) fn new(
        tell: impl Fn(&RequestId, &Result<CancelReply, Error>) + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(tell))
    }

    /// Tells it, for those who wrap it.
    pub fn tell(&self, id: &RequestId, outcome: &Result<CancelReply, Error>) {
        (self.0)(id, outcome);
    }
}

impl fmt::Debug for OnDrop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnDrop(..)")
    }
}
