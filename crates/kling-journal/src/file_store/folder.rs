//! The folder beside the journal: its lock, and a lease of each process that has something in hand.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::lease::Lease;
use crate::Error;

const LEASE: &str = "lease";

/// How long a step waits for another process's.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// How long a step does that writes down what was paid for: the id of a job may be known nowhere else.
pub(super) const PATIENCE_ONCE_PAID: Duration = Duration::from_secs(60);

const LONGEST_PAUSE: Duration = Duration::from_millis(10);

/// Where the locks are.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn beside(journal: &Path) -> Self {
        let mut name = journal.as_os_str().to_owned();
        name.push(".d");
        Self(name.into())
    }

    /// Waits for every other step on the journal to end, within a time; dropping the file lets the next one begin.
    pub(super) fn lock(&self, patience: Duration) -> Result<File, Error> {
        let path = self.0.join("lock");
        let lock = || {
            private_folder(&self.0)?;
            let file = private().create(true).truncate(false).open(&path)?;
            lock_within(&file, patience)?;
            Ok(file)
        };
        lock().map_err(|error| Error::io("locked", &path, error))
    }

    /// A new lease. The journal is locked meanwhile, so nobody takes it for a dead one before it is locked itself.
    pub(super) fn lease(&self) -> Result<Lease, Error> {
        let id = Uuid::new_v4();
        let path = self.lease_path(id);
        let lease = || {
            let file = private().create_new(true).open(&path)?;
            file.lock()?;
            Ok(file)
        };
        let file = lease().map_err(|error| Error::io("held", &path, error))?;
        Ok(Lease::new(id, path, file))
    }

    /// Whether the process of a lease lives. What cannot be told counts as dead: an unknown outcome is shown, never hidden.
    pub(super) fn is_alive(&self, lease: Uuid) -> bool {
        File::open(self.lease_path(lease)).is_ok_and(|file| is_locked(&file))
    }

    /// Removes the leases of processes that are gone.
    pub(super) fn remove_dead_leases(&self) {
        let files = fs::read_dir(&self.0).into_iter().flatten().flatten().map(|file| file.path());
        for path in files.filter(|path| path.extension().is_some_and(|extension| extension == LEASE)) {
            if File::open(&path).is_ok_and(|file| !is_locked(&file)) {
                // One that stays does no harm.
                let _ = fs::remove_file(path);
            }
        }
    }

    /// A new empty file to rewrite the journal into.
    pub(super) fn fresh(&self) -> io::Result<(PathBuf, File)> {
        let path = self.0.join("rewritten");
        let file = private().create(true).truncate(true).open(&path)?;
        Ok((path, file))
    }

    fn lease_path(&self, id: Uuid) -> PathBuf {
        self.0.join(format!("{id}.{LEASE}"))
    }
}

/// A step takes milliseconds, so whoever keeps the lock for long is stopped, and perhaps for ever.
fn lock_within(file: &File, patience: Duration) -> io::Result<()> {
    let (started, mut pause) = (Instant::now(), Duration::from_micros(200));
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if started.elapsed() >= patience => {
                let text = format!("it is in use by another process for more than {} s", patience.as_secs());
                return Err(io::Error::new(io::ErrorKind::TimedOut, text));
            }
            Err(TryLockError::WouldBlock) => thread::sleep(pause),
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// A shared lock is asked for, so that two who look at once do not take each other for the owner.
fn is_locked(file: &File) -> bool {
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

/// Options for a file that its owner alone can read.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes a folder that its owner alone can enter, with those above it.
pub(super) fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_not_let_go_of_is_told_and_not_waited_for_without_end() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::beside(&place.path().join("journal.log"));
        let held = folder.lock(PATIENCE).unwrap();
        let error = folder.lock(Duration::ZERO).unwrap_err();
        assert!(error.is_store() && error.to_string().contains("in use by another process"), "{error}");
        drop(held);
        folder.lock(Duration::ZERO).unwrap();
    }
}
