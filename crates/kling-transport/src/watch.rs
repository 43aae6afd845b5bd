//! How far a request got, recorded while its body leaves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use bytes::Bytes;

use crate::Phase;

/// The size of a piece of a body: small enough that the last one leaves late in a long upload.
const PIECE: usize = 64 * 1024;

/// Shared between a body on its way out and the code that asks how far it got.
#[derive(Clone, Debug)]
pub(crate) struct Watch(Arc<AtomicU8>);

const UNTOUCHED: u8 = 0;
const TOUCHED: u8 = 1;
const TAKEN: u8 = 2;

impl Watch {
    /// Watches a request with or without a body: where there is none, nothing tells when the head has left.
    pub(crate) fn new(body: Option<&Bytes>) -> Self {
        let start = if body.is_none_or(Bytes::is_empty) { TAKEN } else { UNTOUCHED };
        Self(Arc::new(start.into()))
    }

    /// Whether not one byte of the body was asked for.
    #[cfg(feature = "async")]
    pub(crate) fn is_untouched(&self) -> bool {
        self.0.load(Ordering::Acquire) == UNTOUCHED
    }

    /// The phase, once a connection is known or must be taken to be open.
    pub(crate) fn phase(&self) -> Phase {
        if self.0.load(Ordering::Acquire) == TAKEN { Phase::Waiting } else { Phase::Sending }
    }
}

/// A body that notes when its last piece is taken: whether that piece reached the wire cannot be told, so it counts as sent.
#[derive(Debug)]
pub(crate) struct Watched {
    left: Bytes,
    watch: Watch,
}

impl Watched {
    pub(crate) fn new(body: &Bytes, watch: &Watch) -> Self {
        Self { left: body.clone(), watch: watch.clone() }
    }

    #[cfg(feature = "async")]
    pub(crate) fn len(&self) -> usize {
        self.left.len()
    }

    /// The next piece, at most `limit` bytes; nothing at the end.
    pub(crate) fn take(&mut self, limit: usize) -> Bytes {
        let piece = self.left.split_to(self.left.len().min(limit).min(PIECE));
        let seen = if self.left.is_empty() { TAKEN } else { TOUCHED };
        self.watch.0.store(seen, Ordering::Release);
        piece
    }
}

#[cfg(all(test, feature = "async"))]
mod tests {
    use super::*;

    #[test]
    fn a_body_counts_as_sent_when_its_last_piece_is_taken() {
        let body = Bytes::from(vec![0; 2 * PIECE + 1]);
        let watch = Watch::new(Some(&body));
        let mut watched = Watched::new(&body, &watch);
        assert!(watch.is_untouched());
        assert_eq!(watched.take(usize::MAX).len(), PIECE);
        assert!(!watch.is_untouched());
        assert_eq!(watched.take(usize::MAX).len(), PIECE);
        assert_eq!(watch.phase(), Phase::Sending);
        assert_eq!(watched.take(usize::MAX).len(), 1);
        assert_eq!(watch.phase(), Phase::Waiting);
        assert!(watched.take(usize::MAX).is_empty());
    }

    #[test]
    fn without_a_body_a_request_counts_as_sent_from_the_start() {
        assert_eq!(Watch::new(None).phase(), Phase::Waiting);
    }
}
