//! The sign that a process lives: a file that it holds locked.

use std::fs::{self, File};
use std::path::PathBuf;

use uuid::Uuid;

/// A locked file. The system unlocks it when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lease {
    id: Uuid,
    path: PathBuf,
    _file: File,
}

impl Lease {
    pub(super) const fn new(id: Uuid, path: PathBuf, file: File) -> Self {
        Self { id, path, _file: file }
    }

    pub(super) const fn id(&self) -> Uuid {
        self.id
    }

    pub(super) fn is_there(&self) -> bool {
        self.path.exists()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // A missing file says the same as an unlocked one.
        let _ = fs::remove_file(&self.path);
    }
}
