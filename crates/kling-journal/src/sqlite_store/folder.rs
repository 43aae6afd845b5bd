//! The folder beside the database: a lease file for each process, and a mark if the database is damaged.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::lease::Lease;
use crate::Error;

const LEASE: &str = "lease";

/// As many links in a row as Linux follows.
const MAX_LINKS: usize = 40;

/// The folder of a database.
#[derive(Clone, Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// The folder beside a database, which is made.
    pub(super) fn beside(database: &Path) -> Result<Self, Error> {
        let path = sibling(database, ".d");
        private_folder(&path).map_err(|error| Error::io("locked", &path, error))?;
        Ok(Self(path))
    }

    /// Makes a lease of this process.
    ///
    /// # Errors
    /// Any failure of the file system, a missing support of locks included: then nothing may be sent.
    pub(super) fn lease(&self) -> Result<Lease, Error> {
        let id = Uuid::new_v4();
        let path = self.lease_path(id);
        // The file gets its name after its lock, so that no other process takes it for a dead one.
        let unnamed = path.with_extension("new");
        let make = || {
            let file = private().create_new(true).open(&unnamed)?;
            file.lock()?;
            fs::rename(&unnamed, &path)?;
            Ok(file)
        };
        let made = make().inspect_err(|_: &io::Error| {
            let _ = fs::remove_file(&unnamed);
        });
        let file = made.map_err(|error| Error::io("locked", &path, error))?;
        Ok(Lease::new(id, path, file))
    }

    /// Whether the process of a lease is alive. A lease that cannot be read counts as dead, since an unknown outcome must be
    /// shown and not hidden.
    pub(super) fn is_alive(&self, lease: Uuid) -> bool {
        File::open(self.lease_path(lease)).is_ok_and(|file| is_locked(&file))
    }

    /// Whether any process has a lease.
    pub(super) fn is_in_use(&self) -> bool {
        self.leases().any(|path| File::open(path).is_ok_and(|file| is_locked(&file)))
    }

    /// The leases of processes that died. They stay unlocked, since a lock would make them look alive: a second process may
    /// read them at the same time.
    pub(super) fn dead_leases(&self) -> Vec<(PathBuf, File)> {
        let dead = self.leases().filter_map(|path| {
            let file = File::open(&path).ok()?;
            (!is_locked(&file)).then_some((path, file))
        });
        dead.collect()
    }

    /// Marks the database as damaged, for every process, until it was checked.
    pub(super) fn mark_damaged(&self, detail: &str) {
        // Without the mark, the damage is found again at the next look.
        let _ = private().create(true).truncate(true).open(self.mark()).and_then(|mut file| {
            io::Write::write_all(&mut file, detail.as_bytes())?;
            file.sync_all()
        });
    }

    /// The detail of the damage, if the database is marked.
    pub(super) fn damage(&self) -> Option<String> {
        const LONGEST: u64 = 1000;
        let mut detail = String::new();
        let file = File::open(self.mark()).ok()?;
        // The mark counts even if its text cannot be read.
        let _ = io::Read::read_to_string(&mut io::Read::take(file, LONGEST), &mut detail);
        Some(detail)
    }

    /// Removes the mark.
    ///
    /// # Errors
    /// Any failure of the file system.
    pub(super) fn unmark(&self) -> io::Result<()> {
        match fs::remove_file(self.mark()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn mark(&self) -> PathBuf {
        self.0.join("damaged")
    }

    fn leases(&self) -> impl Iterator<Item = PathBuf> {
        let files = fs::read_dir(&self.0).into_iter().flatten().flatten().map(|file| file.path());
        files.filter(|path| path.extension().is_some_and(|extension| extension == LEASE))
    }

    fn lease_path(&self, id: Uuid) -> PathBuf {
        self.0.join(format!("{id}.{LEASE}"))
    }
}

/// Asks for a shared lock, so that two that ask at once do not take each other for the owner.
fn is_locked(file: &File) -> bool {
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

/// Options for a file that only its owner can read.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes a folder that only its owner can enter, and the folders above it.
pub(super) fn private_folder(path: &Path) -> io::Result<()> {
    if path.as_os_str().is_empty() {
        return Ok(());
    }
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// The path of a file that SQLite keeps beside the database.
pub(super) fn sibling(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The path of a file without links, also of one that does not exist yet: two names would have two folders. The folders
/// above the file are made.
pub(super) fn resolved(path: &Path) -> Result<PathBuf, Error> {
    follow(path).map_err(|error| Error::io("opened", path, error))
}

fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::canonicalize(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            found => return found,
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or_else(|| Path::new("."));
        private_folder(folder)?;
        match fs::read_link(&path) {
            Ok(target) => path = folder.join(target),
            Err(_) => {
                let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
                return Ok(fs::canonicalize(folder)?.join(name));
            }
        }
    }
    Err(io::Error::other("too many links in a row"))
}
