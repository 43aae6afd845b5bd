//! One remote check without clock and socket: which part to ask for next, what an answer means, when it is enough.
//!
//! The header reader runs over what is known so far; the first byte that it wants and does not find is the place of the
//! next request. So nothing here knows the formats, and no format knows the network.

use super::Options;
use super::gate::RedirectPolicy;
use super::sparse::Sparse;
use crate::error::Kind;
use crate::header::Header;
use crate::{Error, Measured};
use std::ops::Range;
use url::Url;

/// The first part asked for: it holds the header of an ordinary photo, its EXIF included.
const FIRST: u64 = 16 * 1024;
/// A part further on, behind metadata that was skipped.
const FURTHER: u64 = 8 * 1024;
/// How much more of an answer has to have come, as a part of what had come before, until the header is read anew. Each reading
/// begins at the first byte: after every piece, and these may be of one byte, the whole would take as long as its square.
const ANEW: u64 = 8;
/// How many requests one check makes; metadata of 64 KiB a piece is skipped piece by piece.
const MOST_REQUESTS: u32 = 64;

/// What the client has to do next.
#[derive(Debug)]
pub(super) enum Step {
    /// Send the next request; the rest of this answer is not needed.
    Ask,
    /// Read more of this answer.
    Read,
    /// Stop: this is all that is wanted.
    Done(Measured),
}

/// A check in progress.
#[derive(Debug)]
pub(super) struct RangePlanner {
    gate: RedirectPolicy,
    url: Url,
    max_bytes: u64,
    seen: Sparse,
    /// The part asked for.
    asked: Range<u64>,
    /// Where the answer stands, and where it will have ended.
    answer: Range<u64>,
    /// How much of the answer has come.
    come: u64,
    /// How much of it has to have come until the header is read anew.
    due: u64,
    /// The first byte that is wanted.
    wanted: u64,
    media_type: Option<String>,
    bytes_read: u64,
    requests: u32,
}

impl RangePlanner {
    /// Begins with the URL that the caller gave.
    pub(super) fn new(url: &str, options: &Options) -> Result<Self, Error> {
        let (gate, url) = RedirectPolicy::open(url, options.allow_private)?;
        Ok(Self {
            gate,
            url,
            max_bytes: options.max_bytes,
            seen: Sparse::default(),
            asked: 0..FIRST,
            answer: 0..0,
            come: 0,
            due: 0,
            wanted: 0,
            media_type: None,
            bytes_read: 0,
            requests: 0,
        })
    }

    /// Where to send the next request.
    pub(super) const fn url(&self) -> &Url {
        &self.url
    }

    /// The `Range` header of the next request.
    pub(super) fn range(&self) -> String {
        format!("bytes={}-{}", self.asked.start, self.asked.end - 1)
    }

    /// Whether the next request may go to a private address.
    pub(super) fn allows_private(&self) -> bool {
        self.gate.allows_private(&self.url)
    }

    /// Takes the start of an answer.
    pub(super) fn head(&mut self, head: Head) -> Result<Step, Error> {
        self.requests += 1;
        (self.come, self.due) = (0, 0);
        match head.status {
            301 | 302 | 303 | 307 | 308 => {
                self.url = self.gate.redirect(&self.url, head.location.as_deref())?;
                return self.ask();
            }
            200 | 206 if head.is_encoded => {
                return Err(protocol("it is compressed, which was not asked for"));
            }
            200 => self.whole(&head),
            206 => self.part(&head)?,
            404 | 410 => return Err(Error::new(Kind::Missing(head.status))),
            416 => return self.past_the_end(&head),
            status => return Err(Error::new(Kind::Status(status))),
        }
        self.media_type = head.media_type;
        Ok(Step::Read)
    }

    /// Takes a piece of the body.
    pub(super) fn body(&mut self, piece: &[u8]) -> Result<Step, Error> {
        self.bytes_read += piece.len() as u64;
        if self.bytes_read > self.max_bytes {
            return Err(Error::new(Kind::Limit(format!("the first {} bytes read", self.max_bytes))));
        }
        let left = usize::try_from(self.answer.end - self.answer.start).unwrap_or(usize::MAX);
        let piece = piece.get(..left).unwrap_or(piece);
        self.seen.insert(self.answer.start, piece);
        self.answer.start += piece.len() as u64;
        self.come += piece.len() as u64;
        if (self.come >= self.due || self.answer.is_empty())
            && self.seen.contains(self.wanted)
            && let Some(measured) = self.measure()?
        {
            return Ok(Step::Done(measured));
        }
        // A short part is read to its end even if the place wanted next lies behind it: the connection can be used again.
        if self.answer.is_empty() { self.further() } else { Ok(Step::Read) }
    }

    /// Takes the end of the body.
    pub(super) fn end(&mut self) -> Result<Step, Error> {
        if self.answer.end != u64::MAX && !self.answer.is_empty() {
            return Err(protocol("it ends before it said it would"));
        }
        if self.answer.end == u64::MAX {
            self.seen.total = Some(self.answer.start);
        }
        match self.measure()? {
            Some(measured) => Ok(Step::Done(measured)),
            None => self.further(),
        }
    }

    /// An answer with the whole file, from a server that does not know ranges: read from its start until it is enough.
    fn whole(&mut self, head: &Head) {
        self.seen.clear();
        self.wanted = 0;
        self.seen.total = head.length;
        self.answer = 0..head.length.unwrap_or(u64::MAX);
    }

    /// An answer with a part.
    fn part(&mut self, head: &Head) -> Result<(), Error> {
        let range = head.range.and_then(|range| Some((range.part?, range.total)));
        let ((start, end), total) = range.ok_or_else(|| protocol("its Content-Range makes no sense"))?;
        if start != self.asked.start {
            return Err(protocol("it is another part than the one asked for"));
        }
        if self.seen.total.is_some() && total.is_some() && self.seen.total != total {
            return Err(protocol("the file changed while it was looked at"));
        }
        self.seen.total = total.or(self.seen.total);
        self.answer = start..end.min(self.asked.end);
        Ok(())
    }

    /// The file ends before the part asked for: it is empty, or its header points to nowhere.
    fn past_the_end(&mut self, head: &Head) -> Result<Step, Error> {
        let total = head.range.and_then(|range| range.total);
        self.seen.total = Some(total.unwrap_or(self.asked.start));
        if self.seen.total.is_some_and(|total| total > self.asked.start) {
            return Err(protocol("it has no such part of a file that is longer"));
        }
        match self.measure()? {
            Some(measured) => Ok(Step::Done(measured)),
            None => Err(Error::corrupt()),
        }
    }

    /// Reads the header from what is known; `None` when a byte is missing, which is wanted from now on.
    fn measure(&mut self) -> Result<Option<Measured>, Error> {
        let mut reader = self.seen.reader();
        let header = Header::read(&mut reader);
        if let Some(missing) = reader.missing() {
            self.wanted = missing;
            self.due = self.come + self.come.div_ceil(ANEW);
            return Ok(None);
        }
        let header = header.map_err(|error| self.named(error))?;
        let orientation = header.orientation(&mut reader);
        let facts = header.facts(orientation, self.seen.total);
        Ok(Some(Measured { facts, bytes_read: self.bytes_read, requests: self.requests }))
    }

    /// What is no image by its bytes, by the name that the server has for it.
    fn named(&self, error: Error) -> Error {
        match &self.media_type {
            Some(name) if error.is_not_an_image() && name.starts_with("image/") => {
                protocol(&format!("{name} is a format that this version does not measure"))
            }
            name if error.is_not_an_image() => Error::new(Kind::NotAnImage(name.clone())),
            _ => error,
        }
    }

    /// Asks for the part that begins with the byte wanted. After a jump little is asked for; where the header goes on and
    /// on, each part is twice as long as the one before.
    fn further(&mut self) -> Result<Step, Error> {
        let is_jump = self.wanted >= self.asked.end + FURTHER;
        let length = if is_jump { FURTHER } else { 2 * (self.asked.end - self.asked.start) };
        let left = self.max_bytes.saturating_sub(self.bytes_read).max(1);
        self.asked = self.wanted..self.wanted.saturating_add(length.min(left));
        self.ask()
    }

    fn ask(&self) -> Result<Step, Error> {
        if self.requests < MOST_REQUESTS {
            return Ok(Step::Ask);
        }
        Err(Error::new(Kind::Limit(format!("{MOST_REQUESTS} requests"))))
    }
}

fn protocol(found: &str) -> Error {
    Error::new(Kind::Protocol(found.to_owned()))
}

/// What a server answers before the body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) location: Option<String>,
    /// The size of the body, where it is said.
    pub(super) length: Option<u64>,
    pub(super) range: Option<ContentRange>,
    /// Whether the body is compressed, so that its bytes are not those of the file.
    pub(super) is_encoded: bool,
    /// What the server calls the file, short and printable.
    pub(super) media_type: Option<String>,
}

impl Head {
    /// Reads the headers by their names in lower case.
    pub(super) fn new<'h>(status: u16, header: impl Fn(&'static str) -> Option<&'h str>) -> Self {
        Self {
            status,
            location: header("location").map(str::to_owned),
            length: header("content-length").and_then(|length| length.trim().parse().ok()),
            range: header("content-range").and_then(ContentRange::parse),
            is_encoded: header("content-encoding").is_some_and(|coding| {
                !coding.trim().is_empty() && !coding.trim().eq_ignore_ascii_case("identity")
            }),
            media_type: header("content-type").and_then(media_type),
        }
    }
}

/// The part of a file that an answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ContentRange {
    /// The first byte and the one behind the last; none where no part could be given.
    pub(super) part: Option<(u64, u64)>,
    /// The size of the whole file, where the server knows it.
    pub(super) total: Option<u64>,
}

impl ContentRange {
    /// Reads `bytes 0-499/1234`, `bytes 0-499/*` or `bytes */1234`; what contradicts itself is nothing.
    fn parse(text: &str) -> Option<Self> {
        let (part, total) = text.trim().strip_prefix("bytes")?.trim_start().split_once('/')?;
        let total = match total.trim() {
            "*" => None,
            total => Some(total.parse().ok()?),
        };
        let part = match part.trim() {
            "*" => None,
            part => {
                let (first, last) = part.split_once('-')?;
                Some((first.parse().ok()?, last.parse::<u64>().ok()?.checked_add(1)?))
            }
        };
        let fits = part.is_none_or(|(start, end)| start < end && total.is_none_or(|total| end <= total));
        fits.then_some(Self { part, total })
    }
}

/// `text/html; charset=utf-8` as `text/html`, if it is one: it is printed.
fn media_type(text: &str) -> Option<String> {
    const LONGEST: usize = 80;
    let name = text.split(';').next()?.trim().to_ascii_lowercase();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/+-._".contains(&byte);
    (name.contains('/') && name.len() <= LONGEST && name.bytes().all(is_plain)).then_some(name)
}

#[cfg(test)]
mod tests;
