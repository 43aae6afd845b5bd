//! The lease of a process: a locked file that shows that it lives, with room in reserve for the request ids of its submits.
//!
//! The database needs space on the disk for a request id, and may be refused it. The room of a lease was written out and
//! synced before the submit, so a request id fits in for certain. The next process reads it if this one dies.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::{Error, Intent, IntentId};

/// The length of a slot in bytes.
const SLOT: usize = 256;

/// The slots that are made at a time.
const STEP: usize = 16;

/// A dead lease is read no further than this.
const LONGEST: u64 = 64 << 20;

/// What a slot in use begins with.
const MAGIC: [u8; 4] = *b"kid1";

/// A locked file. The system unlocks it when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lease {
    id: Uuid,
    path: PathBuf,
    file: File,
    slots: usize,
    free: Vec<usize>,
    taken: HashMap<IntentId, Taken>,
}

/// A slot of an intent.
#[derive(Debug)]
struct Taken {
    slot: usize,
    intent: Intent,
    is_written: bool,
}

/// A request id that was found in a slot.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Rescued {
    pub(super) intent: IntentId,
    pub(super) request_id: String,
    /// Empty if it did not fit in.
    pub(super) origin: String,
}

impl Lease {
    pub(super) fn new(id: Uuid, path: PathBuf, file: File) -> Self {
        Self { id, path, file, slots: 0, free: Vec::new(), taken: HashMap::new() }
    }

    pub(super) const fn id(&self) -> Uuid {
        self.id
    }

    /// Whether the file still has its name, so that other processes find it.
    pub(super) fn is_there(&self) -> bool {
        self.path.exists()
    }

    /// Reserves a slot for each intent.
    ///
    /// # Errors
    /// Any failure of the file system: then nothing may be sent.
    pub(super) fn reserve(&mut self, intents: &[Intent]) -> Result<(), Error> {
        while self.free.len() < intents.len() {
            self.grow(intents.len().next_multiple_of(STEP))
                .map_err(|error| Error::io("given the room that a request id needs", &self.path, error))?;
        }
        for intent in intents {
            let Some(slot) = self.free.pop() else { break };
            self.taken.insert(*intent.id(), Taken { slot, intent: intent.clone(), is_written: false });
        }
        Ok(())
    }

    /// Writes zeros out: a hole in a file takes space only when it is filled.
    fn grow(&mut self, slots: usize) -> io::Result<()> {
        self.file.seek(SeekFrom::Start((self.slots * SLOT) as u64))?;
        self.file.write_all(&vec![0; slots * SLOT])?;
        self.file.sync_all()?;
        self.free.extend(self.slots..self.slots + slots);
        self.slots += slots;
        Ok(())
    }

    /// Writes the request id of an intent into its slot. When this returns, it survives a power cut.
    ///
    /// # Errors
    /// Any failure of the file system.
    pub(super) fn keep(&mut self, intent: &IntentId, request_id: &str) -> io::Result<()> {
        let Some(taken) = self.taken.get_mut(intent) else {
            return Err(io::Error::other("no room was reserved"));
        };
        let slot = encode(intent, request_id, taken.intent.origin())
            .ok_or_else(|| io::Error::other("the request id is too long"))?;
        taken.is_written = true;
        self.file.seek(SeekFrom::Start((taken.slot * SLOT) as u64))?;
        self.file.write_all(&slot)?;
        self.file.sync_data()
    }

    /// The intent of a slot in use.
    pub(super) fn intent(&self, intent: &IntentId) -> Option<&Intent> {
        self.taken.get(intent).map(|taken| &taken.intent)
    }

    /// The intents that have a slot.
    pub(super) fn intents(&self) -> Vec<Intent> {
        self.taken.values().map(|taken| taken.intent.clone()).collect()
    }

    /// Frees the slot of an intent whose outcome is recorded.
    pub(super) fn free(&mut self, intent: &IntentId) {
        let Some(taken) = self.taken.remove(intent) else { return };
        // If this fails, the next process records what is recorded already.
        let zeros = [0; SLOT];
        let clear = || -> io::Result<()> {
            self.file.seek(SeekFrom::Start((taken.slot * SLOT) as u64))?;
            self.file.write_all(&zeros)
        };
        if !taken.is_written || { clear }().is_ok() {
            self.free.push(taken.slot);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // A missing file says the same as an unlocked one, unless a request id is kept in it.
        if !self.taken.values().any(|taken| taken.is_written) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Reads the slots of a lease whose process died. Slots that are empty or torn are left out.
pub(super) fn rescue(mut file: &File) -> io::Result<Vec<Rescued>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(LONGEST).read_to_end(&mut bytes)?;
    Ok(bytes.chunks(SLOT).filter_map(decode).collect())
}

/// Removes the lease of a process that died.
pub(super) fn remove(path: &Path) {
    // One that stays does no harm: its request ids are recorded once only.
    let _ = fs::remove_file(path);
}

/// The form of a slot: a magic, a checksum of the rest, the intent, two lengths, two texts.
fn encode(intent: &IntentId, request_id: &str, origin: &str) -> Option<[u8; SLOT]> {
    let mut body = Vec::with_capacity(SLOT);
    body.extend(intent.as_bytes());
    let room = SLOT - MAGIC.len() - 4 - 16 - 2;
    let left = room.checked_sub(request_id.len())?;
    let origin = if origin.len() <= left { origin } else { "" };
    for text in [request_id, origin] {
        body.push(u8::try_from(text.len()).ok()?);
    }
    body.extend(request_id.bytes().chain(origin.bytes()));
    body.resize(SLOT - MAGIC.len() - 4, 0);
    let mut slot = [0; SLOT];
    slot[..4].copy_from_slice(&MAGIC);
    slot[4..8].copy_from_slice(&crc32fast::hash(&body).to_le_bytes());
    slot[8..].copy_from_slice(&body);
    Some(slot)
}

fn decode(slot: &[u8]) -> Option<Rescued> {
    let (magic, rest) = slot.split_first_chunk::<4>()?;
    let (crc, body) = rest.split_first_chunk::<4>()?;
    if *magic != MAGIC || u32::from_le_bytes(*crc) != crc32fast::hash(body) {
        return None;
    }
    let (intent, rest) = body.split_first_chunk::<16>()?;
    let ([id_len, origin_len], texts) = rest.split_first_chunk::<2>()?;
    let (request_id, rest) = texts.split_at_checked(usize::from(*id_len))?;
    let origin = rest.get(..usize::from(*origin_len))?;
    Some(Rescued {
        intent: IntentId::from_bytes(*intent),
        request_id: String::from_utf8(request_id.to_vec()).ok().filter(|id| !id.is_empty())?,
        origin: String::from_utf8(origin.to_vec()).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ORIGIN: &str = "https://model-api.runcomfy.net";

    #[test]
    fn a_slot_comes_back_with_the_longest_request_id() {
        let intent = IntentId::random();
        for length in [1, 36, 128, 230] {
            let request_id = "x".repeat(length);
            let rescued = decode(&encode(&intent, &request_id, ORIGIN).unwrap()).unwrap();
            let origin = if length == 230 { "" } else { ORIGIN };
            assert_eq!(rescued, Rescued { intent, request_id, origin: origin.to_owned() });
        }
        assert_eq!(encode(&intent, &"x".repeat(231), ORIGIN), None);
        assert_eq!(decode(&[0; SLOT]), None);
    }

    proptest! {
        #[test]
        fn a_slot_with_one_changed_byte_is_left_out(at in 0..SLOT, flip in 1..=255_u8) {
            let mut slot = encode(&IntentId::random(), "5e1f-09c", ORIGIN).unwrap();
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
