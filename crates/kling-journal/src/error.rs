//! The error of the journal.

use std::fmt;
#[cfg(feature = "sqlite")]
use std::path::Path;
use std::sync::Arc;

use crate::{Intent, IntentId};

/// An error of the journal. It is cheap to clone, and its `Display` is one line.
#[derive(Clone, Debug)]
pub struct Error(Arc<Repr>);

#[derive(Debug)]
struct Repr {
    kind: ErrorKind,
    message: String,
    earlier: Option<IntentId>,
}

/// The kind of an [`Error`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The store cannot be read or written. An intent that failed so must not be sent.
    Store,
    /// Another process keeps the store locked for too long. A retry of the call is safe.
    Busy,
    /// No entry matches, or more than one does.
    NoEntry,
    /// The same request was submitted before and its outcome is unknown: another submit may pay twice.
    DuplicateRequest,
    /// Some entries cannot be read, and may be paid jobs. No submit may begin until `kling journal check` has run.
    Damaged,
    /// The store refused a request id. It is safe in the lease file of the process, and is recorded later.
    Deferred,
}

impl Error {
    /// Creates the error of a store that failed. A [`Store`](crate::Store) of your own returns it.
    pub fn store(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Store, message)
    }

    /// Creates the refusal of a request that may be paid already. A [`Store`](crate::Store) of your own returns it.
    pub fn duplicate(earlier: &Intent) -> Self {
        Self::same_request(
            earlier,
            "was submitted before and its outcome is unknown",
            "settle it first, or allow a duplicate",
        )
    }

    /// Creates the refusal of a request that another process is submitting. A [`Store`](crate::Store) of your own returns it.
    #[must_use]
    pub fn in_progress(earlier: &Intent) -> Self {
        Self::same_request(
            earlier,
            "is being submitted at this moment",
            "try again when its outcome is known",
        )
    }

    fn same_request(earlier: &Intent, finding: &str, advice: &str) -> Self {
        let (model, id) = (earlier.model(), earlier.id());
        let message = format!("the same request to {model} {finding} (intent {id}): {advice}");
        Self(Arc::new(Repr { kind: ErrorKind::DuplicateRequest, message, earlier: Some(*id) }))
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Arc::new(Repr { kind, message: message.into(), earlier: None }))
    }

    #[cfg(feature = "sqlite")]
    pub(crate) fn io(action: &str, path: &Path, error: &std::io::Error) -> Self {
        Self::store(format!("cannot {action} the journal at {}: {error}", path.display()))
    }

    pub(crate) fn no_entry(id: impl fmt::Display) -> Self {
        let message = format!(
            "no single entry matches \"{id}\": give an id that kling jobs lists, or its first digits"
        );
        Self::new(ErrorKind::NoEntry, message)
    }

    #[cfg(feature = "sqlite")]
    pub(crate) fn damaged(path: &Path, detail: impl fmt::Display) -> Self {
        let path = path.display();
        let message = format!(
            "the journal at {path} is damaged and may hide paid jobs ({detail}): run kling journal check"
        );
        Self::new(ErrorKind::Damaged, message)
    }

    /// The kind.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The earlier intent of the same request, if the kind is [`ErrorKind::DuplicateRequest`].
    pub fn earlier(&self) -> Option<&IntentId> {
        self.0.earlier.as_ref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}
