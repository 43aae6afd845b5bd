//! Why the record could not be kept or read.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::{Entry, IntentId};

/// A journal that cannot do what it was asked for. Cheap to clone; its `Display` is one line.
#[derive(Clone, Debug)]
pub struct Error(Arc<Kind>);

#[derive(Debug)]
enum Kind {
    Store { what: String, source: Option<io::Error> },
    NoEntry(String),
    Unresolved(Box<Entry>),
}

impl Error {
    /// A store that failed, for those who write one: what could not be done.
    pub fn store(what: impl Into<String>) -> Self {
        Self(Arc::new(Kind::Store { what: what.into(), source: None }))
    }

    /// The refusal to begin what may have been paid for already, for those who write a store.
    #[must_use]
    pub fn unresolved(entry: Entry) -> Self {
        Self(Arc::new(Kind::Unresolved(entry.into())))
    }

    pub(crate) fn io(what: &str, path: &Path, source: io::Error) -> Self {
        let what = format!("the journal cannot be {what} at {}", path.display());
        Self(Arc::new(Kind::Store { what, source: Some(source) }))
    }

    pub(crate) fn no_entry(found: impl fmt::Display) -> Self {
        Self(Arc::new(Kind::NoEntry(found.to_string())))
    }

    /// The journal could not be read or written. If that was said of an intent, its request must not leave.
    #[must_use]
    pub fn is_store(&self) -> bool {
        matches!(*self.0, Kind::Store { .. })
    }

    /// There is no such entry, or several fit.
    #[must_use]
    pub fn is_no_entry(&self) -> bool {
        matches!(*self.0, Kind::NoEntry(_))
    }

    /// The very same request was begun before, and its outcome is unknown: submitting it again may pay twice.
    #[must_use]
    pub fn is_unresolved(&self) -> bool {
        matches!(*self.0, Kind::Unresolved(_))
    }

    /// The earlier intent of [`Error::is_unresolved`].
    #[must_use]
    pub fn earlier(&self) -> Option<&IntentId> {
        match &*self.0 {
            Kind::Unresolved(entry) => Some(entry.intent().id()),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Kind::Store { what, source: Some(source) } => write!(f, "{what}: {source}"),
            Kind::Store { what, source: None } => f.write_str(what),
            Kind::NoEntry(found) => {
                write!(
                    f,
                    "the journal has no single entry {found:?}: give an id that it lists, or enough of one"
                )
            }
            Kind::Unresolved(entry) => write!(
                f,
                "the same request to {} was begun before, and its outcome is unknown (intent {}): settle that one first, \
                 or say that it is meant again",
                entry.intent().model(),
                entry.intent().id()
            ),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &*self.0 {
            // `Display` has said what the source says.
            Kind::Store { source, .. } => source.as_ref()?.source(),
            _ => None,
        }
    }
}
