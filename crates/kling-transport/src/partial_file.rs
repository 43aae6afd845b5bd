//! A file that appears whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::download::{Downloaded, Obstacle, Progress};
use crate::download_range::Rest;
use crate::error_kind::Kind;
use crate::{Error, Failure, HttpHead, excerpt};

/// A file that is being filled, beside its place and under another name; gone again unless it is kept.
#[derive(Debug)]
pub(crate) struct PartialFile {
    file: NamedTempFile,
    path: PathBuf,
    overwrite: bool,
    received: u64,
    /// What was there when the attempt began.
    before: u64,
    total: Option<u64>,
    max_bytes: u64,
    etag: Option<String>,
}

impl PartialFile {
    /// Starts a file, unless the size announced is over the bound.
    pub(crate) fn create(
        path: &Path,
        overwrite: bool,
        max_bytes: u64,
        total: Option<u64>,
    ) -> Result<Self, Error> {
        if let Some(total) = total.filter(|total| *total > max_bytes) {
            return Err(too_large(total, max_bytes));
        }
        let mut builder = tempfile::Builder::new();
        builder.prefix(".kling-").suffix(".part");
        #[cfg(unix)]
        {
            // As any new file: readable as the user's mask says, not private like most temporary files.
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        let file = builder.tempfile_in(folder(path)).map_err(|error| unwritable(path, &error))?;
        let path = path.to_owned();
        Ok(Self { file, path, overwrite, received: 0, before: 0, total, max_bytes, etag: None })
    }

    /// The version that the file is of, by which it can be continued.
    pub(crate) fn of_version(self, etag: Option<&str>) -> Self {
        Self { etag: etag.map(str::to_owned), ..self }
    }

    /// What is missing, where it can be asked for.
    pub(crate) fn rest(&self) -> Option<Rest> {
        Rest::new(self.received, self.etag.as_deref())
    }

    /// Whether this attempt brought anything.
    pub(crate) fn has_grown(&self) -> bool {
        self.received > self.before
    }

    /// The same file in its next attempt, if the answer begins where it broke off.
    pub(crate) fn continued(self, head: &HttpHead) -> Result<Self, Obstacle> {
        let fits = self.rest().is_some_and(|rest| rest.is_continued_by(head, self.total));
        if !fits {
            // Gone with it: the next attempt begins anew.
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
            return Err(too_large(self.received, self.max_bytes).into());
        }
        self.file.write_all(chunk).map_err(|error| unwritable(&self.path, &error))?;
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
        let Self { file, path, overwrite, received, .. } = self;
        file.as_file().sync_all().map_err(|error| unwritable(&path, &error))?;
        let kept = if overwrite { file.persist(&path) } else { file.persist_noclobber(&path) };
        kept.map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => exists(&path),
            _ => unwritable(&path, &error.error),
        })?;
        sync_folder(&path);
        Ok(Downloaded { path, bytes: received })
    }
}

/// Makes the new name last through a power cut where the platform can; the file itself is safe already.
fn sync_folder(path: &Path) {
    if cfg!(unix) {
        let _ = File::open(folder(path)).and_then(|folder| folder.sync_all());
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

pub(crate) fn exists(path: &Path) -> Error {
    Error::file(format!("{} exists and is not overwritten: choose another name", path.display()))
}

fn unwritable(path: &Path, error: &io::Error) -> Error {
    Error::file(format!("{} cannot be written: {}", path.display(), excerpt::of(&error.to_string())))
}

fn too_large(bytes: u64, limit: u64) -> Error {
    Error::file(format!(
        "the output has {bytes} bytes or more, and {limit} are allowed: raise the limit to fetch it"
    ))
}
