//! How far a request got, recorded while its body leaves.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use bytes::Bytes;

use crate::Phase;

/// The size of a piece of a body: small enough that the last one leaves late in a long upload.
const PIECE: usize = 64 * 1024;

/// Shared between a body on its way out and the code that asks how far it got.
///
/// The two may run on different threads: the connection takes the body while the limit of the exchange passes. Whichever
/// changes the state from untouched first decides; a look at the state proves nothing.
#[derive(Clone, Debug)]
pub(crate) struct UploadProgress(Arc<AtomicU8>);

/// Nothing of the body was asked for.
const UNTOUCHED: u8 = 0;
/// Some of the body was asked for.
const TOUCHED: u8 = 1;
/// The last piece of the body was asked for.
const TAKEN: u8 = 2;
/// The body was recalled before anything of it was asked for: it gives no byte any more.
const RECALLED: u8 = 3;
/// The request has no body.
const BODYLESS: u8 = 4;

impl UploadProgress {
    /// Watches a request with or without a body. Without one, nothing tells when the head has left.
    pub(crate) fn new(body: Option<&Bytes>) -> Self {
        let start = if body.is_none_or(Bytes::is_empty) { BODYLESS } else { UNTOUCHED };
        Self(Arc::new(start.into()))
    }

    /// Recalls the body. If this succeeds, no byte of the body has left or ever will: the request made nothing.
    ///
    /// Fails if the body was asked for before, and for a request without a body.
    pub(crate) fn recall(&self) -> bool {
        match self.0.compare_exchange(UNTOUCHED, RECALLED, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => true,
            Err(state) => state == RECALLED,
        }
    }

    /// The phase of an exchange that failed before its connection was open, as the client underneath says.
    ///
    /// For a request with a body this is believed only if the body can be recalled.
    pub(crate) fn unconnected(&self, phase: Phase) -> Phase {
        if self.state() == BODYLESS || self.recall() { phase } else { self.phase() }
    }

    /// The phase of an exchange whose time limit has passed.
    ///
    /// A connection asks for the body as soon as it is open, so a body that can be recalled was still connecting.
    pub(crate) fn timed_out(&self) -> Phase {
        if self.recall() { Phase::Connect } else { self.phase() }
    }

    /// The phase, once a connection is known or must be taken to be open.
    pub(crate) fn phase(&self) -> Phase {
        match self.state() {
            RECALLED => Phase::Connect,
            TAKEN | BODYLESS => Phase::Waiting,
            _ => Phase::Sending,
        }
    }

    fn state(&self) -> u8 {
        self.0.load(Ordering::Acquire)
    }
}

/// A body that notes when its last piece is taken: whether that piece reached the wire cannot be told, so it counts as sent.
#[derive(Debug)]
pub(crate) struct TrackedBody {
    left: Bytes,
    progress: UploadProgress,
}

impl TrackedBody {
    pub(crate) fn new(body: &Bytes, progress: &UploadProgress) -> Self {
        Self { left: body.clone(), progress: progress.clone() }
    }

    #[cfg(feature = "async")]
    pub(crate) fn len(&self) -> usize {
        self.left.len()
    }

    /// Returns the next piece, at most `limit` bytes, or an empty one at the end.
    ///
    /// # Errors
    /// [`Recalled`] if the body was recalled.
    pub(crate) fn next_piece(&mut self, limit: usize) -> Result<Bytes, Recalled> {
        let state = &self.progress.0;
        if state.compare_exchange(UNTOUCHED, TOUCHED, Ordering::AcqRel, Ordering::Acquire) == Err(RECALLED) {
            return Err(Recalled);
        }
        let piece = self.left.split_to(self.left.len().min(limit).min(PIECE));
        if self.left.is_empty() {
            state.store(TAKEN, Ordering::Release);
        }
        Ok(piece)
    }
}

/// A body was asked for after its request had been given up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Recalled;

impl fmt::Display for Recalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request was given up before its body was sent")
    }
}

impl std::error::Error for Recalled {}

#[cfg(all(test, feature = "async"))]
mod tests {
    use std::thread;

    use super::*;

    fn tracked(body: &'static [u8]) -> (UploadProgress, TrackedBody) {
        let body = Bytes::from_static(body);
        let progress = UploadProgress::new(Some(&body));
        (progress.clone(), TrackedBody::new(&body, &progress))
    }

    #[test]
    fn a_body_counts_as_sent_when_its_last_piece_is_taken() {
        let (progress, mut body) = tracked(&[0; 2 * PIECE + 1]);
        assert_eq!(body.next_piece(usize::MAX).unwrap().len(), PIECE);
        assert!(!progress.recall());
        assert_eq!(body.next_piece(usize::MAX).unwrap().len(), PIECE);
        assert_eq!(progress.phase(), Phase::Sending);
        assert_eq!(body.next_piece(usize::MAX).unwrap().len(), 1);
        assert_eq!(progress.phase(), Phase::Waiting);
        assert!(body.next_piece(usize::MAX).unwrap().is_empty());
        assert_eq!(progress.timed_out(), Phase::Waiting);
    }

    #[test]
    fn a_body_that_was_recalled_gives_nothing() {
        for phase in
            [UploadProgress::timed_out, |progress: &UploadProgress| progress.unconnected(Phase::Connect)]
        {
            let (progress, mut body) = tracked(b"{}");
            assert_eq!(phase(&progress), Phase::Connect);
            assert_eq!(body.next_piece(usize::MAX), Err(Recalled));
            assert_eq!((progress.phase(), progress.recall()), (Phase::Connect, true));
        }
    }

    #[test]
    fn a_body_that_was_asked_for_is_never_called_unsent() {
        let (progress, mut body) = tracked(b"{}");
        assert!(body.next_piece(1).is_ok());
        assert_eq!(
            (progress.timed_out(), progress.unconnected(Phase::Resolve)),
            (Phase::Sending, Phase::Sending)
        );
    }

    #[test]
    fn of_a_recall_and_a_body_that_leaves_exactly_one_succeeds() {
        for _ in 0..2_000 {
            let (progress, mut body) = tracked(b"{}");
            let taking = thread::spawn(move || body.next_piece(usize::MAX).is_ok());
            let is_recalled = progress.timed_out() == Phase::Connect;
            assert_ne!(taking.join().unwrap(), is_recalled);
        }
    }

    #[test]
    fn without_a_body_a_request_counts_as_sent_from_the_start() {
        let progress = UploadProgress::new(None);
        assert_eq!((progress.phase(), progress.timed_out()), (Phase::Waiting, Phase::Waiting));
        assert_eq!(progress.unconnected(Phase::Resolve), Phase::Resolve);
    }
}
