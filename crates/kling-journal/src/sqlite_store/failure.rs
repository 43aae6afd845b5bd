//! A failure of the database, and the words for it.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::{Error, ErrorKind};

/// A failure of the database, before it is worded for a file.
#[derive(Debug)]
pub(super) enum DatabaseError {
    Sqlite(rusqlite::Error),
    /// Some of the record cannot be read.
    Damaged(String),
    Journal(Error),
}

impl DatabaseError {
    pub(super) fn damaged(detail: impl Into<String>) -> Self {
        Self::Damaged(detail.into())
    }

    /// Whether the failure says that the file is damaged.
    pub(super) fn is_damage(&self) -> bool {
        match self {
            Self::Sqlite(error) => is_damage(error),
            Self::Damaged(_) => true,
            Self::Journal(error) => error.kind() == ErrorKind::Damaged,
        }
    }

    /// Whether the failure may leave a damaged file: the disk failed in a way that SQLite has no better word for.
    pub(super) fn is_suspect(&self) -> bool {
        matches!(self, Self::Sqlite(error) if error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure))
    }

    /// The error of a file that is being opened: it may be anything.
    pub(super) fn at_open(self, path: &Path) -> Error {
        match self {
            Self::Sqlite(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
                Error::store(format!(
                    "the file {} is no journal, or its first page is damaged: name another file in KLING_JOURNAL, or run kling \
                 journal check",
                    path.display()
                ))
            }
            failure => failure.at(path),
        }
    }

    /// The error of a file.
    pub(super) fn at(self, path: &Path) -> Error {
        match self {
            Self::Journal(error) => error,
            Self::Damaged(detail) => Error::damaged(path, detail),
            Self::Sqlite(error) if is_damage(&error) => Error::damaged(path, plain(&error)),
            Self::Sqlite(error) if is_busy(&error) => {
                let text = format!(
                    "the journal at {} is in use by another process for too long: try again, or stop that process",
                    path.display()
                );
                Error::new(ErrorKind::Busy, text)
            }
            Self::Sqlite(error) => Error::store(format!(
                "the journal cannot be written at {}: {}",
                path.display(),
                plain(&error)
            )),
        }
    }
}

impl From<rusqlite::Error> for DatabaseError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Error> for DatabaseError {
    fn from(error: Error) -> Self {
        Self::Journal(error)
    }
}

pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Values of a wrong type are damage too: the table is strict.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
        || matches!(
            error,
            rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::Utf8Error(..)
        )
}

/// The message of an error without the statement that it came from, in one line.
fn plain(error: &rusqlite::Error) -> String {
    let text = match error {
        rusqlite::Error::SqliteFailure(code, Some(message)) => {
            format!("{message} (SQLite {})", code.extended_code)
        }
        other => other.to_string(),
    };
    text.lines().next().unwrap_or_default().to_owned()
}
