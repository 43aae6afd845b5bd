//! Reads the bytes of a header by position, and a file so in small pages: headers are short, and what lies between them is
//! skipped, not read.
//!
//! `BufReader` would drop its buffer at every seek and read 8 KiB again: 393 KB of a photo whose header is 200 bytes in
//! forty places.

use std::fs::File;
use std::io::{self, BufRead, Cursor, Read, Seek, SeekFrom};

/// Bytes that can be read at any place: by the readers here a few at a time, and by `imagesize` as a stream.
pub(crate) trait Source: BufRead + Seek {
    /// The `N` bytes at a place.
    fn take_at<const N: usize>(&mut self, at: u64) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.seek(SeekFrom::Start(at))?;
        self.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

/// What lies in memory is looked at where it is: a stream would take twice as long.
impl<T: AsRef<[u8]>> Source for Cursor<T> {
    fn take_at<const N: usize>(&mut self, at: u64) -> io::Result<[u8; N]> {
        let rest = usize::try_from(at).ok().and_then(|at| self.get_ref().as_ref().get(at..));
        rest.and_then(<[u8]>::first_chunk).copied().ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

/// Long enough for the header of most files, short enough to be read forty times over.
const PAGE: usize = 512;

/// A reader that keeps one page.
pub(super) struct Pages<R> {
    inner: R,
    /// Where the next byte is taken from.
    at: u64,
    page: [u8; PAGE],
    /// Where the page begins in the file.
    start: u64,
    filled: usize,
    bytes_read: u64,
}

/// What can be read at any place. For a file that is one call of the system, where a seek and a read are two: over the
/// forty segments of a photo's metadata those calls are most of the time.
pub(super) trait ReadAt {
    /// Reads some bytes at a place; none at the end.
    fn read_at(&mut self, buffer: &mut [u8], at: u64) -> io::Result<usize>;
}

impl ReadAt for File {
    #[cfg(unix)]
    fn read_at(&mut self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(self, buffer, at)
    }

    #[cfg(windows)]
    fn read_at(&mut self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(self, buffer, at)
    }

    #[cfg(not(any(unix, windows)))]
    fn read_at(&mut self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        self.seek(SeekFrom::Start(at))?;
        self.read(buffer)
    }
}

impl<R: ReadAt> Pages<R> {
    /// Reads `inner` from its start.
    pub(super) const fn new(inner: R) -> Self {
        Self { inner, at: 0, page: [0; PAGE], start: 0, filled: 0, bytes_read: 0 }
    }

    /// How many bytes were read so far.
    pub(super) const fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// The part of the page from the current place on.
    fn rest(&self) -> &[u8] {
        let offset = self.at.checked_sub(self.start).and_then(|offset| usize::try_from(offset).ok());
        offset.and_then(|offset| self.page[..self.filled].get(offset..)).unwrap_or_default()
    }

    fn turn(&mut self) -> io::Result<()> {
        (self.start, self.filled) = (self.at, 0);
        self.filled = loop {
            match self.inner.read_at(&mut self.page, self.at) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        self.bytes_read += self.filled as u64;
        Ok(())
    }
}

impl<R: ReadAt> Read for Pages<R> {
    /// Fills the buffer as far as the file goes: a header that lies across two pages is read whole.
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

impl<R: ReadAt> BufRead for Pages<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.rest().is_empty() {
            self.turn()?;
        }
        Ok(self.rest())
    }

    fn consume(&mut self, amount: usize) {
        self.at += amount as u64;
    }
}

impl<R: ReadAt> Seek for Pages<R> {
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

impl<R: ReadAt> Source for Pages<R> {}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    impl ReadAt for Cursor<Vec<u8>> {
        fn read_at(&mut self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
            self.set_position(at);
            self.read(buffer)
        }
    }

    #[test]
    fn bytes_across_pages_come_as_one() {
        let bytes: Vec<u8> = (0..=255).cycle().take(3 * PAGE).collect();
        let mut pages = Pages::new(Cursor::new(bytes.clone()));
        let mut buffer = [0; 700];
        pages.seek(SeekFrom::Start(500)).unwrap();
        assert_eq!(pages.read(&mut buffer).unwrap(), 700);
        assert_eq!(buffer, bytes[500..1200]);
        pages.seek(SeekFrom::Start(3 * PAGE as u64 - 2)).unwrap();
        assert_eq!(pages.read(&mut buffer).unwrap(), 2);
    }

    #[test]
    fn what_is_skipped_is_not_read() {
        let mut pages = Pages::new(Cursor::new(vec![7; 1_000_000]));
        for at in [0, 100_000, 100_010, 900_000] {
            pages.seek(SeekFrom::Start(at)).unwrap();
            pages.read_exact(&mut [0; 4]).unwrap();
        }
        assert_eq!(pages.bytes_read(), 3 * PAGE as u64);
    }
}
