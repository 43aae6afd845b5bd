//! The parts of a file that are known so far, readable as if it were whole.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read, Seek, SeekFrom};

use crate::header::Source;

/// Some bytes of a file by their place.
#[derive(Clone, Debug, Default)]
pub(super) struct Sparse {
    /// Each part by where it begins. Parts may overlap, as the same bytes were read twice then.
    parts: BTreeMap<u64, Vec<u8>>,
    /// The size of the whole, where it is known.
    pub(super) total: Option<u64>,
}

impl Sparse {
    /// Adds what was read at a place.
    pub(super) fn insert(&mut self, at: u64, bytes: &[u8]) {
        let before = self.parts.range_mut(..at).next_back();
        match before.filter(|(start, part)| **start + part.len() as u64 == at) {
            Some((_, part)) => part.extend_from_slice(bytes),
            None => {
                self.parts.insert(at, bytes.to_vec());
            }
        }
    }

    /// Forgets all of it: the server begins again.
    pub(super) fn clear(&mut self) {
        self.parts.clear();
    }

    /// Whether the byte at a place is known.
    pub(super) fn contains(&self, at: u64) -> bool {
        !self.rest(at).is_empty()
    }

    /// A reader over the file.
    pub(super) const fn reader(&self) -> Reader<'_> {
        Reader { sparse: self, at: 0, missing: None }
    }

    /// What is known from a place on, up to the end of its part.
    fn rest(&self, at: u64) -> &[u8] {
        let parts = self.parts.range(..=at).rev();
        let rests = parts.filter_map(|(start, part)| part.get(usize::try_from(at - start).ok()?..));
        rests.into_iter().find(|rest| !rest.is_empty()).unwrap_or_default()
    }
}

/// Reads what is known, and remembers the first byte that was wanted and is not.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    sparse: &'a Sparse,
    at: u64,
    missing: Option<u64>,
}

impl Reader<'_> {
    /// The first byte that was wanted and is not known; what was read since is worth nothing then.
    pub(super) const fn missing(&self) -> Option<u64> {
        self.missing
    }
}

impl BufRead for Reader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let rest = self.sparse.rest(self.at);
        if !rest.is_empty() || self.sparse.total.is_some_and(|total| self.at >= total) {
            return Ok(rest);
        }
        self.missing.get_or_insert(self.at);
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn consume(&mut self, amount: usize) {
        self.at += amount as u64;
    }
}

impl Read for Reader<'_> {
    /// Fills the buffer as far as the file goes: a header that lies across two parts is read whole.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut read = 0;
        while read < buffer.len() {
            let available = self.fill_buf()?;
            let taken = available.len().min(buffer.len() - read);
            if taken == 0 {
                break;
            }
            buffer[read..read + taken].copy_from_slice(&available[..taken]);
            self.consume(taken);
            read += taken;
        }
        Ok(read)
    }
}

impl Seek for Reader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(_) => None,
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

impl Source for Reader<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_touch_are_read_as_one() {
        let mut sparse = Sparse::default();
        sparse.insert(0, b"ab");
        sparse.insert(2, b"cd");
        sparse.insert(9, b"jkl");
        sparse.insert(4, b"efghijk");
        let mut text = [0; 12];
        sparse.reader().read_exact(&mut text).unwrap();
        assert_eq!(&text, b"abcdefghijkl");
    }

    #[test]
    fn the_first_missing_byte_is_remembered() {
        let mut sparse = Sparse::default();
        sparse.insert(0, b"abcd");
        let mut reader = sparse.reader();
        reader.seek(SeekFrom::Start(3)).unwrap();
        assert!(reader.read_exact(&mut [0; 2]).is_err());
        assert!(reader.seek(SeekFrom::Start(90)).is_ok_and(|_| reader.read(&mut [0]).is_err()));
        assert_eq!(reader.missing(), Some(4));
    }

    #[test]
    fn the_end_is_an_end_once_it_is_known() {
        let mut sparse = Sparse { total: Some(4), ..Sparse::default() };
        sparse.insert(0, b"abcd");
        let mut text = Vec::new();
        assert_eq!(sparse.reader().read_to_end(&mut text).unwrap(), 4);
        assert!(!sparse.contains(4) && sparse.contains(3));
    }
}
