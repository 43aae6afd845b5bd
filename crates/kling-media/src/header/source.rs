//! Where the bytes of a header come from.

use std::io::{self, BufRead, Cursor, Seek, SeekFrom};

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
