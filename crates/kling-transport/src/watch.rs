//! How far a request got, recorded while its body leaves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use bytes::Bytes;

use crate::Phase;

/// The size of a piece of a body: small enough that the last one leaves late in a long upload.
const PIECE: usize = 64 * 1024;

/// Shared between a body on its way out and the code that asks how far it got.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch(Arc<AtomicU8>);

impl Watch {
    /// The phase, once a connection is known or must be taken to be open.
    pub(crate) fn phase(&self) -> Phase {
        match self.0.load(Ordering::Acquire) {
            0 => Phase::Sending,
            _ => Phase::Waiting,
        }
    }

    fn sent(&self) {
        self.0.store(1, Ordering::Release);
    }
}

/// A body that notes when its last piece is taken: whether that piece reached the wire cannot be told, so it counts as sent.
#[derive(Debug)]
pub(crate) struct Watched {
    left: Bytes,
    watch: Watch,
}

impl Watched {
    pub(crate) fn new(body: Option<&Bytes>, watch: &Watch) -> Self {
        let (left, watch) = (body.cloned().unwrap_or_default(), watch.clone());
        // Without a body, nothing tells that the head has left.
        if left.is_empty() {
            watch.sent();
        }
        Self { left, watch }
    }

    pub(crate) fn len(&self) -> usize {
        self.left.len()
    }

    /// The next piece, at most `limit` bytes; nothing at the end.
    pub(crate) fn take(&mut self, limit: usize) -> Bytes {
        let piece = self.left.split_to(self.left.len().min(limit).min(PIECE));
        if self.left.is_empty() {
            self.watch.sent();
        }
        piece
    }
}
