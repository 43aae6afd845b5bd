//! The folder beside the database, with a lease file for each process and a mark if the database is damaged.
//!
//! A lease is a locked file: the lock shows that its process is alive. The file also has reserved space for the request ids
//! of submits. The database needs disk space for a request id, and a full disk refuses it. The space in a lease is written
//! and synced before the submit, so it always has room for the id. The next process reads the lease of one that ended.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::{Error, Intent, IntentId};

const EXTENSION: &str = "lease";

/// The length of a slot in bytes.
const SLOT: usize = 256;

/// The slots that are added at a time.
const STEP: usize = 16;

/// The most bytes that are read of a stale lease.
const MAX_LEASE: u64 = 64 << 20;

/// The most bytes that are read of a damage mark.
const MAX_MARK: u64 = 1000;

/// The first bytes of a slot in use.
const MAGIC: [u8; 4] = *b"kid1";

/// The most links that are followed in a row, as on Linux.
const MAX_LINKS: usize = 40;

/// The folder of a database.
#[derive(Clone, Debug)]
pub(super) struct LeaseFolder(PathBuf);

impl LeaseFolder {
    /// Creates the folder beside a database if it is missing.
    pub(super) fn beside(database: &Path) -> Result<Self, Error> {
        let path = sibling(database, ".d");
        private_folder(&path).map_err(|error| Error::io("lock", &path, &error))?;
        Ok(Self(path))
    }

    /// Creates the lease of this process. It fails if the file system has no locks. A submit must not be sent then.
    pub(super) fn lease(&self) -> Result<Lease, Error> {
        let id = Uuid::new_v4();
        let path = self.lease_path(id);
        // The file gets its name after its lock, so that no other process sees it unlocked.
        let unnamed = path.with_extension("new");
        let create = || {
            let file = private().create_new(true).open(&unnamed)?;
            file.lock()?;
            fs::rename(&unnamed, &path)?;
            Ok(file)
        };
        let file = create().map_err(|error| {
            let _ = fs::remove_file(&unnamed);
            Error::io("lock", &path, &error)
        })?;
        Ok(Lease { id, path, file, slots: 0, free: Vec::new(), taken: HashMap::new() })
    }

    /// Whether the process of a lease is alive. An unreadable lease counts as ended, so that an unknown outcome is shown.
    pub(super) fn is_alive(&self, lease: Uuid) -> bool {
        File::open(self.lease_path(lease)).is_ok_and(|file| is_locked(&file))
    }

    /// Whether any process has a lease.
    pub(super) fn is_in_use(&self) -> bool {
        self.leases().any(|(_, file)| is_locked(&file))
    }

    /// Returns the leases of processes that ended. They stay unlocked, since a lock would make them look alive.
    pub(super) fn stale_leases(&self) -> Vec<(PathBuf, File)> {
        self.leases().filter(|(_, file)| !is_locked(file)).collect()
    }

    fn leases(&self) -> impl Iterator<Item = (PathBuf, File)> {
        let paths = fs::read_dir(&self.0).into_iter().flatten().flatten().map(|file| file.path());
        let leases = paths.filter(|path| path.extension().is_some_and(|extension| extension == EXTENSION));
        leases.filter_map(|path| File::open(&path).ok().map(|file| (path, file)))
    }

    /// Marks the database as damaged, for every process, until it is repaired.
    pub(super) fn mark_damaged(&self, detail: &str) {
        // Without the mark, the next read finds the damage again.
        let _ = private().create(true).truncate(true).open(self.mark()).and_then(|mut file| {
            file.write_all(detail.as_bytes())?;
            file.sync_all()
        });
    }

    /// Returns the detail of the damage if the database is marked.
    pub(super) fn damage(&self) -> Option<String> {
        let mut detail = String::new();
        let file = File::open(self.mark()).ok()?;
        // The mark counts even if its text cannot be read.
        let _ = file.take(MAX_MARK).read_to_string(&mut detail);
        Some(detail)
    }

    /// Removes the mark.
    pub(super) fn unmark(&self) -> io::Result<()> {
        match fs::remove_file(self.mark()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn mark(&self) -> PathBuf {
        self.0.join("damaged")
    }

    fn lease_path(&self, id: Uuid) -> PathBuf {
        self.0.join(format!("{id}.{EXTENSION}"))
    }
}

/// Asks for a shared lock, so that two processes that ask at once do not take each other for the owner.
fn is_locked(file: &File) -> bool {
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

/// A locked file with slots. The system unlocks it when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lease {
    id: Uuid,
    path: PathBuf,
    file: File,
    slots: usize,
    free: Vec<usize>,
    taken: HashMap<IntentId, Slot>,
}

/// The slot of an intent.
#[derive(Debug)]
struct Slot {
    index: usize,
    intent: Intent,
    is_written: bool,
}

impl Lease {
    pub(super) const fn id(&self) -> Uuid {
        self.id
    }

    /// Whether the file still has its name, so that other processes find it.
    pub(super) fn exists(&self) -> bool {
        self.path.exists()
    }

    /// Reserves a slot for each intent. After an error, no request may be sent.
    pub(super) fn reserve(&mut self, intents: &[Intent]) -> Result<(), Error> {
        while self.free.len() < intents.len() {
            self.grow(intents.len().next_multiple_of(STEP))
                .map_err(|error| Error::io("reserve space for request ids beside", &self.path, &error))?;
        }
        for intent in intents {
            let Some(index) = self.free.pop() else { break };
            self.taken.insert(intent.id, Slot { index, intent: intent.clone(), is_written: false });
        }
        Ok(())
    }

    /// Writes zeros, since a hole in a file takes no space until it is filled.
    fn grow(&mut self, slots: usize) -> io::Result<()> {
        self.write_at(self.slots, &vec![0; slots * SLOT])?;
        self.file.sync_all()?;
        self.free.extend(self.slots..self.slots + slots);
        self.slots += slots;
        Ok(())
    }

    /// Writes the request id of an intent into its slot. When this returns, the id survives a power cut.
    pub(super) fn save(&mut self, intent: &IntentId, request_id: &str) -> io::Result<()> {
        let Some(slot) = self.taken.get_mut(intent) else {
            return Err(io::Error::other("no space was reserved"));
        };
        let bytes = encode(intent, request_id, slot.intent.origin())
            .ok_or_else(|| io::Error::other("the request id is too long"))?;
        slot.is_written = true;
        let index = slot.index;
        self.write_at(index, &bytes)?;
        self.file.sync_data()
    }

    /// Returns an intent that has a slot.
    pub(super) fn intent(&self, intent: &IntentId) -> Option<&Intent> {
        self.taken.get(intent).map(|slot| &slot.intent)
    }

    /// Returns the intents that have a slot.
    pub(super) fn intents(&self) -> Vec<Intent> {
        self.taken.values().map(|slot| slot.intent.clone()).collect()
    }

    /// Frees the slot of an intent whose outcome is recorded.
    pub(super) fn free(&mut self, intent: &IntentId) {
        let Some(Slot { index, is_written, .. }) = self.taken.remove(intent) else { return };
        // If this fails, the next process finds an outcome that is recorded already.
        if !is_written || self.write_at(index, &[0; SLOT]).is_ok() {
            self.free.push(index);
        }
    }

    fn write_at(&mut self, index: usize, bytes: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start((index * SLOT) as u64))?;
        self.file.write_all(bytes)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // A missing file means the same as an unlocked one, unless it holds a request id.
        if !self.taken.values().any(|slot| slot.is_written) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A request id in a stale lease.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct SavedId {
    pub(super) intent: IntentId,
    pub(super) request_id: String,
    /// The origin of the API, or an empty text if the slot had no room for it.
    pub(super) origin: String,
}

/// Reads the slots of a stale lease. Empty and incomplete slots are left out.
pub(super) fn saved_ids(mut file: &File) -> io::Result<Vec<SavedId>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(MAX_LEASE).read_to_end(&mut bytes)?;
    Ok(bytes.chunks(SLOT).filter_map(decode).collect())
}

/// Encodes a slot: magic bytes, a checksum of the rest, the intent, two lengths, two texts.
fn encode(intent: &IntentId, request_id: &str, origin: &str) -> Option<[u8; SLOT]> {
    let room = (SLOT - 4 - 4 - 16 - 2).checked_sub(request_id.len())?;
    let origin = if origin.len() <= room { origin } else { "" };
    let lengths = [u8::try_from(request_id.len()).ok()?, u8::try_from(origin.len()).ok()?];
    let mut body = [&intent.0.as_bytes()[..], &lengths, request_id.as_bytes(), origin.as_bytes()].concat();
    body.resize(SLOT - 8, 0);
    [&MAGIC[..], &crc32fast::hash(&body).to_le_bytes(), &body].concat().try_into().ok()
}

fn decode(slot: &[u8]) -> Option<SavedId> {
    let (magic, rest) = slot.split_first_chunk::<4>()?;
    let (crc, body) = rest.split_first_chunk::<4>()?;
    if *magic != MAGIC || u32::from_le_bytes(*crc) != crc32fast::hash(body) {
        return None;
    }
    let (intent, rest) = body.split_first_chunk::<16>()?;
    let ([id_length, origin_length], texts) = rest.split_first_chunk::<2>()?;
    let (request_id, rest) = texts.split_at_checked(usize::from(*id_length))?;
    let origin = rest.get(..usize::from(*origin_length))?;
    Some(SavedId {
        intent: IntentId(Uuid::from_bytes(*intent)),
        request_id: String::from_utf8(request_id.to_vec()).ok().filter(|id| !id.is_empty())?,
        origin: String::from_utf8(origin.to_vec()).ok()?,
    })
}

/// Returns the options for a file that only its owner can read.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Creates a folder that only its owner can enter, and the folders above it.
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

/// Adds a suffix to the name of a file.
pub(super) fn sibling(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Resolves the links in a path, so that every name of a file has the same folder. The file may be missing. The folders above
/// it are created.
pub(super) fn resolve(path: &Path) -> io::Result<PathBuf> {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ORIGIN: &str = "https://model-api.runcomfy.net";

    #[test]
    fn a_slot_comes_back_with_the_longest_request_id() {
        let intent = IntentId(Uuid::new_v4());
        for length in [1, 36, 128, 230] {
            let request_id = "x".repeat(length);
            let saved = decode(&encode(&intent, &request_id, ORIGIN).unwrap()).unwrap();
            let origin = if length == 230 { "" } else { ORIGIN };
            assert_eq!(saved, SavedId { intent, request_id, origin: origin.to_owned() });
        }
        assert_eq!(encode(&intent, &"x".repeat(231), ORIGIN), None);
        assert_eq!(decode(&[0; SLOT]), None);
    }

    proptest! {
        #[test]
        fn a_slot_with_one_changed_byte_is_left_out(at in 0..SLOT, flip in 1..=255_u8) {
            let mut slot = encode(&IntentId(Uuid::new_v4()), "5e1f-09c", ORIGIN).unwrap();
            slot[at] ^= flip;
            prop_assert_eq!(decode(&slot), None);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut slot = MAGIC.to_vec();
            slot.extend(crc32fast::hash(&bytes).to_le_bytes());
            slot.extend(&bytes);
            let _ = decode(&slot);
        }
    }
}
