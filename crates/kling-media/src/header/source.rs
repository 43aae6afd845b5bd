//! Bytes that are read by position: in memory, or from a file in small pages. Bytes between the parts of a header are skipped.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek};
use std::mem;

/// A file whose bytes can be read at any place.
pub(crate) trait Source {
    /// Returns the bytes at hand from a place on. None at the end of the file.
    fn bytes_at(&mut self, at: u64) -> io::Result<&[u8]>;

    /// Returns the `N` bytes at a place.
    fn take_at<const N: usize>(&mut self, at: u64) -> io::Result<[u8; N]> {
        if let Some(bytes) = self.bytes_at(at)?.first_chunk() {
            return Ok(*bytes);
        }
        let mut bytes = [0; N];
        self.fill(at, &mut bytes)?;
        Ok(bytes)
    }

    /// Fills the buffer with the bytes from a place on.
    fn fill(&mut self, mut at: u64, mut buffer: &mut [u8]) -> io::Result<()> {
        while !buffer.is_empty() {
            let bytes = self.bytes_at(at)?;
            let length = bytes.len().min(buffer.len());
            if length == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let (filled, rest) = mem::take(&mut buffer).split_at_mut(length);
            filled.copy_from_slice(&bytes[..length]);
            (at, buffer) = (at + length as u64, rest);
        }
        Ok(())
    }
}

impl Source for &[u8] {
    fn bytes_at(&mut self, at: u64) -> io::Result<&[u8]> {
        Ok(usize::try_from(at).ok().and_then(|at| self.get(at..)).unwrap_or_default())
    }
}

/// Holds the header of most files, and is short enough to be read forty times.
const PAGE: usize = 512;

/// A file of which one short page is kept.
pub(super) struct Pages {
    reader: BufReader<File>,
    /// The place of the reader in the file.
    place: u64,
    bytes_read: u64,
}

impl Pages {
    pub(super) fn new(mut file: File) -> io::Result<Self> {
        file.rewind()?;
        Ok(Self { reader: BufReader::with_capacity(PAGE, file), place: 0, bytes_read: 0 })
    }

    /// Returns how many bytes were read so far.
    pub(super) const fn bytes_read(&self) -> u64 {
        self.bytes_read
    }
}

impl Source for Pages {
    fn bytes_at(&mut self, at: u64) -> io::Result<&[u8]> {
        let place = |place| i64::try_from(place).map_err(|_| io::ErrorKind::InvalidInput);
        // A relative seek keeps the page.
        self.reader.seek_relative(place(at)? - place(self.place)?)?;
        self.place = at;
        if self.reader.buffer().is_empty() {
            self.bytes_read += self.reader.fill_buf()?.len() as u64;
        }
        Ok(self.reader.buffer())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of these bytes, which ends with the process.
    fn pages(name: &str, bytes: &[u8]) -> Pages {
        let path = std::env::temp_dir().join(format!("kling-media-{name}-{}", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        let file = File::open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        Pages::new(file).unwrap()
    }

    #[test]
    fn bytes_across_pages_come_as_one() {
        let bytes: Vec<u8> = (0..=255).cycle().take(3 * PAGE).collect();
        let mut pages = pages("across", &bytes);
        let mut buffer = [0; 700];
        pages.fill(500, &mut buffer).unwrap();
        assert_eq!(buffer, bytes[500..1200]);
        let end = 3 * PAGE as u64 - 2;
        assert_eq!(pages.bytes_at(end).unwrap(), &bytes[3 * PAGE - 2..]);
        assert_eq!(pages.fill(end, &mut buffer).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn skipped_bytes_are_not_read() {
        let mut pages = pages("skipped", &vec![7; 1_000_000]);
        for at in [0, 100_000, 100_010, 900_000] {
            pages.take_at::<4>(at).unwrap();
        }
        assert_eq!(pages.bytes_read(), 3 * PAGE as u64);
    }
}
