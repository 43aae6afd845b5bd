//! Why the journal could not be written or read.

use std::fmt;
use std::io;
#[cfg(feature = "sqlite")]
use std::path::Path;
use std::sync::Arc;

use crate::{Intent, IntentId};

/// An error of the journal. Cheap to clone; its `Display` is one line.
#[derive(Clone, Debug)]
pub struct Error(Arc<Repr>);

#[derive(Debug)]
struct Repr {
    kind: ErrorKind,
    message: String,
    earlier: Option<IntentId>,
    source: Option<io::Error>,
}

/// The kind of an [`Error`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The store cannot be read or written. An intent that failed so must not be sent.
    Store,
    /// Another process works on the store for too long. Nothing is lost if the call is tried again.
    Busy,
    /// There is no such entry, or more than one fits.
    NoEntry,
    /// The same request was begun before and its outcome is unknown: another submit may pay twice.
    DuplicateRequest,
    /// Some of the record cannot be read, and may be paid jobs. Nothing is begun until `kling journal check` has run.
    Damaged,
    /// The store refused a request id, which is safe in a reserve file and is recorded later.
    Deferred,
}

impl Error {
    /// The error of a store that failed, for authors of a [`Store`](crate::Store): a line that says what failed.
    pub fn store(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Store, message)
    }

    /// The refusal to begin a request that may be paid for already, for authors of a [`Store`](crate::Store).
    #[must_use]
    pub fn duplicate(earlier: &Intent) -> Self {
        let message = format!(
            "the same request to {} was begun before, and its outcome is unknown (intent {}): settle that one first, or \
             allow a duplicate",
            earlier.model(),
            earlier.id()
        );
        let repr =
            Repr { kind: ErrorKind::DuplicateRequest, message, earlier: Some(*earlier.id()), source: None };
        Self(Arc::new(repr))
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Arc::new(Repr { kind, message: message.into(), earlier: None, source: None }))
    }

    #[cfg(feature = "sqlite")]
    pub(crate) fn io(verb: &str, path: &Path, source: io::Error) -> Self {
        let message = format!("the journal cannot be {verb} at {}: {source}", path.display());
        Self(Arc::new(Repr { kind: ErrorKind::Store, message, earlier: None, source: Some(source) }))
    }

    pub(crate) fn no_entry(found: impl fmt::Display) -> Self {
        let found = found.to_string();
        let message =
            format!("the journal has no single entry {found:?}: give an id that it lists, or enough of one");
        Self::new(ErrorKind::NoEntry, message)
    }

    #[cfg(feature = "sqlite")]
    pub(crate) fn damaged(path: &Path, detail: impl fmt::Display) -> Self {
        let message = format!(
            "the journal at {} is damaged and may hide paid jobs ({detail}): run kling journal check",
            path.display()
        );
        Self::new(ErrorKind::Damaged, message)
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The earlier intent of the same request, if the kind is [`ErrorKind::DuplicateRequest`].
    #[must_use]
    pub fn earlier(&self) -> Option<&IntentId> {
        self.0.earlier.as_ref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // `Display` includes the message of the source itself.
        self.0.source.as_ref()?.source()
    }
}
