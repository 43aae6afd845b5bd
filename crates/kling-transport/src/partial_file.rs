//! A file that appears whole or not at all.

use std::io;
use std::path::{Path, PathBuf};

use url::Url;

use crate::download::{Downloaded, Obstacle, Progress};
use crate::download_range::Rest;
use crate::error_kind::Kind;
use crate::part::{Note, Part};
use crate::{Error, Failure, HttpHead, excerpt};

/// A file that is being filled, beside its place and under another name; it is left for a later try where it can be continued.
#[derive(Debug)]
pub(crate) struct PartialFile {
    part: Part,
    path: PathBuf,
    overwrite: bool,
    received: u64,
    /// What was there when the attempt began.
    before: u64,
    total: Option<u64>,
    max_bytes: u64,
    version: Option<String>,
}

impl PartialFile {
    /// Opens what an earlier try left of a file, or begins it. Nobody else can do so meanwhile.
    pub(crate) fn open(path: &Path, source: &Url, overwrite: bool, max_bytes: u64) -> Result<Self, Error> {
        let (part, found) = Part::open(path, source).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => in_other_hands(path),
            _ => unwritable(path, &error),
        })?;
        let path = path.to_owned();
        let nothing =
            Self { part, path, overwrite, received: 0, before: 0, total: None, max_bytes, version: None };
        match found {
            Some((note, received)) => nothing.resumed(note, received),
            None => Ok(nothing),
        }
    }

    /// One byte at least is asked for again, so that the server tells whether this is still the file.
    fn resumed(mut self, note: Note, found: u64) -> Result<Self, Error> {
        let received = note.total.map_or(found, |total| found.min(total.saturating_sub(1)));
        self.part.resume(received).map_err(|error| unwritable(&self.path, &error))?;
        Ok(Self { received, before: received, total: note.total, version: Some(note.version), ..self })
    }

    /// The same file from its beginning, as an answer announces it, unless that is over the bound.
    pub(crate) fn restarted(mut self, head: &HttpHead) -> Result<Self, Error> {
        let total = head.content_length;
        if let Some(total) = total.filter(|total| *total > self.max_bytes) {
            return Err(too_large(total, self.max_bytes));
        }
        let version = head.version().map(str::to_owned);
        let note = version.clone().map(|version| Note { version, total });
        self.part.restart(note.as_ref()).map_err(|error| unwritable(&self.path, &error))?;
        Ok(Self { received: 0, before: 0, total, version, ..self })
    }

    /// Leaves nothing behind.
    pub(crate) fn discard(mut self) {
        // What cannot be forgotten is found out by its version when it is continued.
        let _ = self.part.forget();
    }

    /// What is missing, where it can be asked for.
    pub(crate) fn rest(&self) -> Option<Rest> {
        Rest::new(self.received, self.version.as_deref())
    }

    /// Whether this attempt brought anything.
    pub(crate) fn has_grown(&self) -> bool {
        self.received > self.before
    }

    /// The same file in its next attempt, if the answer begins where it broke off.
    pub(crate) fn continued(self, head: &HttpHead) -> Result<Self, Obstacle> {
        let fits = self.rest().is_some_and(|rest| rest.is_continued_by(head, self.total));
        if !fits {
            self.discard();
            return Err(Error::new(Kind::Protocol, "it does not go on where it broke off").into());
        }
        let total = self.total.or_else(|| head.content_range?.total);
        Ok(Self { before: self.received, total, ..self })
    }

    /// What broke off, with the reason.
    pub(crate) fn broken(self, failure: Failure) -> Obstacle {
        Obstacle::Broken(failure.into(), self.into())
    }

    pub(crate) fn append(mut self, chunk: &[u8]) -> Result<Self, Obstacle> {
        self.received += chunk.len() as u64;
        if self.received > self.max_bytes {
            let error = too_large(self.received, self.max_bytes);
            self.discard();
            return Err(error.into());
        }
        self.part.append(chunk).map_err(|error| unwritable(&self.path, &error))?;
        Ok(self)
    }

    pub(crate) fn progress(&self) -> Progress {
        Progress { received: self.received, total: self.total }
    }

    /// The file, if nothing is missing of it.
    pub(crate) fn whole(self) -> Result<Self, Obstacle> {
        match self.total {
            Some(total) if total != self.received => {
                let message = format!("{} of {total} bytes arrived", self.received);
                Err(Obstacle::Broken(Error::new(Kind::Interrupted, message), self.into()))
            }
            _ => Ok(self),
        }
    }

    /// Puts the file in its place.
    pub(crate) fn keep(self) -> Result<Downloaded, Error> {
        let Self { part, path, overwrite, received, .. } = self;
        part.finish(overwrite).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => exists(&path),
            _ => unwritable(&path, &error),
        })?;
        Ok(Downloaded { path, bytes: received })
    }
}

pub(crate) fn exists(path: &Path) -> Error {
    Error::file(format!("{} exists and is not overwritten: choose another name", path.display()))
}

fn in_other_hands(path: &Path) -> Error {
    let text = format!("{} is being downloaded by somebody else: wait for it", path.display());
    Error::new(Kind::InOtherHands, text)
}

/// Where there is no such folder, or it is closed, another name helps; where the disk is full or broken, none does.
fn unwritable(path: &Path, error: &io::Error) -> Error {
    use io::ErrorKind::{
        AlreadyExists, InvalidFilename, InvalidInput, NotADirectory, NotFound, PermissionDenied,
    };
    let kind = match error.kind() {
        AlreadyExists | InvalidFilename | InvalidInput | NotADirectory | NotFound | PermissionDenied => {
            Kind::File
        }
        _ => Kind::Disk,
    };
    let text = format!("{} cannot be written: {}", path.display(), excerpt::of(&error.to_string()));
    Error::new(kind, text)
}

fn too_large(bytes: u64, limit: u64) -> Error {
    Error::file(format!(
        "the output has {bytes} bytes or more, and {limit} are allowed: raise the limit to fetch it"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_a_bad_name_and_a_file_in_other_hands_are_told_apart() {
        let path = Path::new("clip.mp4");
        let asked = |error: &Error| (error.is_file(), error.is_disk(), error.is_in_other_hands());
        for kind in [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded, io::ErrorKind::WriteZero] {
            assert_eq!(asked(&unwritable(path, &kind.into())), (true, true, false), "{kind}");
        }
        for kind in [io::ErrorKind::NotFound, io::ErrorKind::PermissionDenied] {
            assert_eq!(asked(&unwritable(path, &kind.into())), (true, false, false), "{kind}");
        }
        assert_eq!(asked(&in_other_hands(path)), (true, false, true));
        assert!(in_other_hands(path).to_string().starts_with("clip.mp4 is being downloaded"));
    }
}
