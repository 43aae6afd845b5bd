//! The progress of a request, recorded while its body is sent.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use bytes::Bytes;

use crate::Phase;

/// The size of a piece of a body: small, so that the last piece of a long upload is taken late.
const PIECE: usize = 64 * 1024;

/// The state shared by a body that is being sent and the code that needs its phase.
///
/// The two may run on different threads: a connection takes the body while the time limit passes. The first change of
/// the untouched state decides. Reading the state is no proof.
#[derive(Clone, Debug)]
pub(crate) struct UploadProgress(Arc<AtomicU8>);

/// No piece of the body was taken.
const UNTOUCHED: u8 = 0;
/// A piece of the body was taken.
const TOUCHED: u8 = 1;
/// The last piece of the body was taken.
const TAKEN: u8 = 2;
/// The body was recalled before any piece was taken, and gives no byte any more.
const RECALLED: u8 = 3;
/// The request has no body.
const BODYLESS: u8 = 4;

impl UploadProgress {
    /// Tracks a request. Without a body, it is unknown when the head was sent.
    pub(crate) fn new(body: Option<&Bytes>) -> Self {
        let start = if body.is_none_or(Bytes::is_empty) { BODYLESS } else { UNTOUCHED };
        Self(Arc::new(start.into()))
    }

    /// Recalls the body. On success no byte of the body was or will be sent, so the request created no job.
    ///
    /// Fails if a piece was taken before, and for a request without a body.
    pub(crate) fn recall(&self) -> bool {
        match self.0.compare_exchange(UNTOUCHED, RECALLED, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => true,
            Err(state) => state == RECALLED,
        }
    }

    /// Returns the phase of an exchange that failed before its connection opened, as the HTTP library reports.
    ///
    /// For a request with a body the report counts only if the body can be recalled.
    pub(crate) fn not_connected(&self, phase: Phase) -> Phase {
        if self.state() == BODYLESS || self.recall() { phase } else { self.phase() }
    }

    /// Returns the phase of an exchange whose time limit has passed.
    ///
    /// An open connection takes the body at once, so a body that can be recalled was still connecting.
    pub(crate) fn timed_out(&self) -> Phase {
        if self.recall() { Phase::Connect } else { self.phase() }
    }

    /// Returns the phase of an exchange whose connection may have opened.
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

/// A body that records its pieces. It cannot tell whether the last piece reached the network, so a taken piece counts
/// as sent.
#[derive(Debug)]
pub(crate) struct TrackedBody {
    pub(crate) left: Bytes,
    progress: UploadProgress,
}

impl TrackedBody {
    pub(crate) fn new(body: &Bytes, progress: &UploadProgress) -> Self {
        Self { left: body.clone(), progress: progress.clone() }
    }

    /// Returns the next piece, at most `limit` bytes, or an empty one at the end. A recalled body returns an error.
    pub(crate) fn next_piece(&mut self, limit: usize) -> io::Result<Bytes> {
        let state = &self.progress.0;
        if state.compare_exchange(UNTOUCHED, TOUCHED, Ordering::AcqRel, Ordering::Acquire) == Err(RECALLED) {
            return Err(io::Error::other("the request was cancelled before its body was sent"));
        }
        let piece = self.left.split_to(self.left.len().min(limit).min(PIECE));
        if self.left.is_empty() {
            state.store(TAKEN, Ordering::Release);
        }
        Ok(piece)
    }
}

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
    fn a_recalled_body_gives_no_bytes() {
        for phase in
            [UploadProgress::timed_out, |progress: &UploadProgress| progress.not_connected(Phase::Connect)]
        {
            let (progress, mut body) = tracked(b"{}");
            assert_eq!(phase(&progress), Phase::Connect);
            assert!(body.next_piece(usize::MAX).is_err());
            assert_eq!((progress.phase(), progress.recall()), (Phase::Connect, true));
        }
    }

    #[test]
    fn a_taken_body_is_never_reported_as_unsent() {
        let (progress, mut body) = tracked(b"{}");
        assert!(body.next_piece(1).is_ok());
        assert_eq!(
            (progress.timed_out(), progress.not_connected(Phase::Resolve)),
            (Phase::Sending, Phase::Sending)
        );
    }

    #[test]
    fn either_the_recall_or_the_first_piece_succeeds() {
        for _ in 0..2_000 {
            let (progress, mut body) = tracked(b"{}");
            let taking = thread::spawn(move || body.next_piece(usize::MAX).is_ok());
            let is_recalled = progress.timed_out() == Phase::Connect;
            assert_ne!(taking.join().unwrap(), is_recalled);
        }
    }

    #[test]
    fn a_request_without_a_body_counts_as_sent() {
        let progress = UploadProgress::new(None);
        assert_eq!((progress.phase(), progress.timed_out()), (Phase::Waiting, Phase::Waiting));
        assert_eq!(progress.not_connected(Phase::Resolve), Phase::Resolve);
    }
}
