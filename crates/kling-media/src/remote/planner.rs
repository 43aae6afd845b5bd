//! Plans one remote check: the range to request next, what a response means, and when the facts are known.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;

use url::Url;

use super::Options;
use super::addresses::RedirectPolicy;
use crate::error::Kind;
use crate::header::{Header, Source};
use crate::{Error, Measured};

/// The first request: it holds the header of an ordinary photo, EXIF included.
const FIRST_LENGTH: u64 = 16 * 1024;
/// A request after metadata that was skipped.
const JUMP_LENGTH: u64 = 8 * 1024;
/// The header is read again only after the response has grown by an eighth. Each reading begins at the first byte, so that
/// reading after every chunk, which may be one byte, would take quadratic time.
const GROWTH: u64 = 8;
/// The most requests of one check. Metadata of 64 KiB a segment takes one request each.
const MAX_REQUESTS: u32 = 64;

/// What a client must do next.
#[derive(Debug)]
pub(super) enum Step {
    /// Stop: the facts are known.
    Done(Measured),
    /// Read more of this response.
    Read,
    /// Send the next request. The rest of this response is not needed.
    Send,
}

/// Decides for one check which range to request next, and when the facts are known. Knows no socket and no clock.
///
/// The header reader runs over the bytes known so far. The first byte that it misses is the place of the next request.
#[derive(Debug)]
pub(super) struct RangePlanner {
    policy: RedirectPolicy,
    /// The URL of the next request.
    pub(super) url: Url,
    max_bytes: u64,
    known: Sparse,
    /// The range of the current request.
    requested: Range<u64>,
    /// The range of the response that is still to come.
    response: Range<u64>,
    /// How many bytes of the response were received.
    received: u64,
    /// How many bytes must be received until the header is read again.
    due: u64,
    /// The first byte that the header needs.
    wanted: u64,
    media_type: Option<String>,
    bytes_read: u64,
    requests: u32,
}

impl RangePlanner {
    /// Starts with the URL of the caller.
    pub(super) fn new(url: &str, options: &Options) -> Result<Self, Error> {
        let (policy, url) = RedirectPolicy::open(url, options.allow_private)?;
        Ok(Self {
            policy,
            url,
            max_bytes: options.max_bytes,
            known: Sparse::default(),
            requested: 0..FIRST_LENGTH,
            response: 0..0,
            received: 0,
            due: 0,
            wanted: 0,
            media_type: None,
            bytes_read: 0,
            requests: 0,
        })
    }

    /// Returns the `Range` header of the next request.
    pub(super) fn range(&self) -> String {
        format!("bytes={}-{}", self.requested.start, self.requested.end - 1)
    }

    /// Whether the next request may go to a private address.
    pub(super) fn allows_private(&self) -> bool {
        self.policy.allows_private(&self.url)
    }

    /// Takes the head of a response.
    pub(super) fn head(&mut self, head: Head) -> Result<Step, Error> {
        self.requests += 1;
        (self.received, self.due) = (0, 0);
        match head.status {
            301 | 302 | 303 | 307 | 308 => {
                self.url = self.policy.redirect(&self.url, head.location.as_deref())?;
                return self.send();
            }
            200 | 206 if head.is_encoded => {
                return Err(protocol("it is compressed"));
            }
            200 => self.whole(&head),
            206 => self.part(&head)?,
            404 | 410 => return Err(Kind::Missing(head.status).into()),
            416 => return self.unsatisfied(&head),
            status => return Err(Kind::Status(status).into()),
        }
        self.media_type = head.media_type;
        Ok(Step::Read)
    }

    /// Takes a chunk of the body.
    pub(super) fn body(&mut self, chunk: &[u8]) -> Result<Step, Error> {
        self.bytes_read += chunk.len() as u64;
        if self.bytes_read > self.max_bytes {
            return Err(Kind::Limit(format!("the first {} bytes read", self.max_bytes)).into());
        }
        let left = usize::try_from(self.response.end - self.response.start).unwrap_or(usize::MAX);
        let chunk = chunk.get(..left).unwrap_or(chunk);
        self.known.insert(self.response.start, chunk);
        self.response.start += chunk.len() as u64;
        self.received += chunk.len() as u64;
        if (self.received >= self.due || self.response.is_empty())
            && !self.known.rest(self.wanted).is_empty()
            && let Some(measured) = self.measure()?
        {
            return Ok(Step::Done(measured));
        }
        // A short part is read to its end even if the wanted byte is further on: then the connection can be used again.
        if self.response.is_empty() { self.request() } else { Ok(Step::Read) }
    }

    /// Takes the end of the body.
    pub(super) fn end(&mut self) -> Result<Step, Error> {
        if self.response.end != u64::MAX && !self.response.is_empty() {
            return Err(protocol("it ends early"));
        }
        if self.response.end == u64::MAX {
            self.known.total = Some(self.response.start);
        }
        match self.measure()? {
            Some(measured) => Ok(Step::Done(measured)),
            None => self.request(),
        }
    }

    /// Takes the head of a response with the whole file, from a server without ranges.
    fn whole(&mut self, head: &Head) {
        self.known.parts.clear();
        self.wanted = 0;
        self.known.total = head.length;
        self.response = 0..head.length.unwrap_or(u64::MAX);
    }

    /// Takes the head of a response with a part.
    fn part(&mut self, head: &Head) -> Result<(), Error> {
        let range = head.range.and_then(|range| Some((range.part?, range.total)));
        let ((start, end), total) = range.ok_or_else(|| protocol("its Content-Range is invalid"))?;
        if start != self.requested.start {
            return Err(protocol("it is not the requested part"));
        }
        if self.known.total.is_some() && total.is_some() && self.known.total != total {
            return Err(protocol("the file changed during the check"));
        }
        self.known.total = total.or(self.known.total);
        self.response = start..end.min(self.requested.end);
        Ok(())
    }

    /// Takes the response of a server whose file ends before the request: the file is empty, or its header is broken.
    fn unsatisfied(&mut self, head: &Head) -> Result<Step, Error> {
        let total = head.range.and_then(|range| range.total);
        self.known.total = Some(total.unwrap_or(self.requested.start));
        if self.known.total.is_some_and(|total| total > self.requested.start) {
            return Err(protocol("it lacks a part of a file that is longer"));
        }
        match self.measure()? {
            Some(measured) => Ok(Step::Done(measured)),
            None => Err(Kind::Corrupt.into()),
        }
    }

    /// Reads the header from the known bytes. `None` if a byte is missing, which is wanted from now on.
    fn measure(&mut self) -> Result<Option<Measured>, Error> {
        let header = Header::read(&mut self.known);
        if let Some(missing) = self.known.missing.take() {
            self.wanted = missing;
            self.due = self.received + self.received.div_ceil(GROWTH);
            return Ok(None);
        }
        let header = header.map_err(|error| self.with_media_type(error))?;
        let total = self.known.total;
        let facts = header.facts(&mut self.known, total);
        Ok(Some(Measured { facts, bytes_read: self.bytes_read, requests: self.requests }))
    }

    /// Adds the media type of the server to the error for bytes that are no image.
    fn with_media_type(&self, error: Error) -> Error {
        match &self.media_type {
            Some(name) if error.is_not_an_image() && name.starts_with("image/") => {
                protocol(&format!("{name} is a format that this version does not measure"))
            }
            name if error.is_not_an_image() => Error::from(Kind::NotAnImage(name.clone())),
            _ => error,
        }
    }

    /// Requests the part from the wanted byte on. It is short after a jump, and else twice as long as the one before.
    fn request(&mut self) -> Result<Step, Error> {
        let is_jump = self.wanted >= self.requested.end + JUMP_LENGTH;
        let length = if is_jump { JUMP_LENGTH } else { 2 * (self.requested.end - self.requested.start) };
        let left = self.max_bytes.saturating_sub(self.bytes_read).max(1);
        self.requested = self.wanted..self.wanted.saturating_add(length.min(left));
        self.send()
    }

    fn send(&self) -> Result<Step, Error> {
        if self.requests < MAX_REQUESTS {
            return Ok(Step::Send);
        }
        Err(Kind::Limit(format!("{MAX_REQUESTS} requests")).into())
    }
}

fn protocol(found: &str) -> Error {
    Error::from(Kind::Protocol(found.to_owned()))
}

/// The bytes of a file that are known so far.
#[derive(Clone, Debug, Default)]
struct Sparse {
    /// Each part by its place. Parts may overlap if the same bytes were read twice.
    parts: BTreeMap<u64, Vec<u8>>,
    /// The length of the file, if it is known.
    total: Option<u64>,
    /// The first byte that a reader needed and that is not known.
    missing: Option<u64>,
}

impl Sparse {
    /// Adds the bytes at a place.
    fn insert(&mut self, at: u64, bytes: &[u8]) {
        let before = self.parts.range_mut(..at).next_back();
        match before.filter(|(start, part)| **start + part.len() as u64 == at) {
            Some((_, part)) => part.extend_from_slice(bytes),
            None => {
                self.parts.insert(at, bytes.to_vec());
            }
        }
    }

    /// Returns the known bytes from a place on, up to the end of their part.
    fn rest(&self, at: u64) -> &[u8] {
        let parts = self.parts.range(..=at).rev();
        let mut rests = parts.filter_map(|(start, part)| part.get(usize::try_from(at - start).ok()?..));
        rests.find(|rest| !rest.is_empty()).unwrap_or_default()
    }
}

impl Source for Sparse {
    fn bytes_at(&mut self, at: u64) -> io::Result<&[u8]> {
        if self.rest(at).is_empty() && self.total.is_none_or(|total| at < total) {
            self.missing.get_or_insert(at);
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(self.rest(at))
    }
}

/// The head of a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) location: Option<String>,
    /// The length of the body, if it is stated.
    pub(super) length: Option<u64>,
    pub(super) range: Option<ContentRange>,
    /// Whether the body is compressed.
    pub(super) is_encoded: bool,
    /// The media type, short and printable.
    pub(super) media_type: Option<String>,
}

impl Head {
    /// Reads the headers. Their names are in lower case.
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

/// The part of a file in a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ContentRange {
    /// The first byte and the one after the last. `None` if the server has no such part.
    pub(super) part: Option<(u64, u64)>,
    /// The length of the file, if the server knows it.
    pub(super) total: Option<u64>,
}

impl ContentRange {
    /// Reads `bytes 0-499/1234`, `bytes 0-499/*` or `bytes */1234`. `None` if it contradicts itself.
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

/// Returns `text/html` of `text/html; charset=utf-8`, if it is safe to print.
fn media_type(text: &str) -> Option<String> {
    const LONGEST: usize = 80;
    let name = text.split(';').next()?.trim().to_ascii_lowercase();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/+-._".contains(&byte);
    (name.contains('/') && name.len() <= LONGEST && name.bytes().all(is_plain)).then_some(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const JPEG_FRAME: &[u8] = &[0xff, 0xc0, 0, 17, 8, 1, 224, 2, 128];

    /// A photo with that many segments of 64 KiB before its frame.
    fn photo(segments: usize) -> Vec<u8> {
        let segment = [&[0xff, 0xe2, 0xff, 0xff], vec![7; 0xffff - 2].as_slice()].concat();
        let frame = [JPEG_FRAME, &[0; 8]].concat();
        [&[0xff, 0xd8], segment.repeat(segments).as_slice(), &frame, &vec![9; 2_000_000], &[0xff, 0xd9]]
            .concat()
    }

    fn planner() -> RangePlanner {
        RangePlanner::new("https://a.example/x.jpg", &Options::default()).unwrap()
    }

    /// The part that is requested.
    fn part(planner: &RangePlanner, file: &[u8]) -> (Head, Vec<u8>) {
        let (start, end) = (planner.requested.start, planner.requested.end.min(file.len() as u64));
        let range = ContentRange { part: Some((start, end)), total: Some(file.len() as u64) };
        let body = file[start as usize..end as usize].to_vec();
        (Head { status: 206, range: Some(range), ..Head::default() }, body)
    }

    /// Plays a server that responds to each request by `answer`, in chunks of `length` bytes.
    fn play(
        mut planner: RangePlanner,
        length: usize,
        mut answer: impl FnMut(&RangePlanner) -> (Head, Vec<u8>),
    ) -> Result<Measured, Error> {
        loop {
            let (head, body) = answer(&planner);
            let mut step = planner.head(head)?;
            let mut chunks = body.chunks(length);
            while let Step::Read = step {
                step = match chunks.next() {
                    Some(chunk) => planner.body(chunk)?,
                    None => planner.end()?,
                };
            }
            if let Step::Done(measured) = step {
                return Ok(measured);
            }
        }
    }

    #[test]
    fn an_ordinary_photo_takes_one_request_and_one_chunk() {
        let file = photo(0);
        let measured = play(planner(), 1000, |planner| part(planner, &file)).unwrap();
        assert_eq!(measured.facts, crate::from_bytes(&file).unwrap());
        assert_eq!((measured.bytes_read, measured.requests), (1000, 1));
    }

    #[test]
    fn chunks_of_one_byte_are_joined_before_the_header_is_read_again() {
        let segment = [0xff, 0xfe, 0, 2];
        let file =
            [&[0xff, 0xd8], segment.repeat(1000).as_slice(), JPEG_FRAME, &[0; 4000], &[0xff, 0xd9]].concat();
        let measured = play(planner(), 1, |planner| part(planner, &file)).unwrap();
        assert_eq!(measured.facts, crate::from_bytes(&file).unwrap());
        let header = 2 + 4 * 1000 + 9;
        assert!((header + 1..=header + header / 8 + 1).contains(&measured.bytes_read), "{measured:?}");
    }

    #[test]
    fn metadata_is_skipped() {
        let file = photo(40);
        let measured = play(planner(), 4096, |planner| part(planner, &file)).unwrap();
        assert_eq!(measured.facts, crate::from_bytes(&file).unwrap());
        assert!(measured.bytes_read < 400_000, "{measured:?}");
    }

    #[test]
    fn stray_bytes_are_read_on_to_the_next_segment() {
        let file = [
            &[0xff, 0xd8, 0xff, 0xfe, 0, 2],
            vec![7; 50_000].as_slice(),
            JPEG_FRAME,
            &[7; 9000],
            &[0xff, 0xd9],
        ]
        .concat();
        let measured = play(planner(), 1000, |planner| part(planner, &file)).unwrap();
        assert_eq!(measured.facts, crate::from_bytes(&file).unwrap());
    }

    #[test]
    fn a_long_header_is_read_in_ever_longer_parts() {
        let segment = [0xff, 0xfe, 0, 4, 0, 0];
        let file = [&[0xff, 0xd8], segment.repeat(16_000).as_slice(), JPEG_FRAME].concat();
        let measured = play(planner(), 4096, |planner| part(planner, &file)).unwrap();
        assert_eq!((measured.facts.width, measured.requests), (Some(640), 3));
    }

    #[test]
    fn a_server_without_ranges_is_read_until_the_facts_are_known() {
        let file = photo(3);
        let whole = |length| Head { status: 200, length, ..Head::default() };
        let measured = play(planner(), 4096, |_| (whole(Some(file.len() as u64)), file.clone())).unwrap();
        assert_eq!((measured.facts.bytes, measured.requests), (Some(file.len() as u64), 1));
        assert!(measured.bytes_read < 4 * 65_536);
        let unsized_ = play(planner(), 4096, |_| (whole(None), file.clone())).unwrap();
        assert_eq!((unsized_.facts.bytes, unsized_.facts.width), (None, Some(640)), "unchecked, not guessed");
    }

    #[test]
    fn unusable_responses_differ_from_wrong_images() {
        let file = photo(40);
        let with = |change: &dyn Fn(&mut Head, &mut Vec<u8>)| {
            play(planner(), 4096, |planner| {
                let (mut head, mut body) = part(planner, &file);
                change(&mut head, &mut body);
                (head, body)
            })
            .unwrap_err()
        };
        let range = |part, total| Some(ContentRange { part, total });
        assert!(with(&|head, _| head.range = None).is_unchecked());
        assert!(with(&|head, _| head.range = range(Some((5, 4096)), None)).is_unchecked());
        assert!(with(&|head, _| head.is_encoded = true).is_unchecked());
        assert!(with(&|_, body| body.clear()).is_unchecked());
        assert_eq!(with(&|head, _| head.status = 403).status(), Some(403));
        assert!(with(&|head, _| head.status = 403).is_unchecked());
        assert!(with(&|head, _| head.status = 404).is_violation());
        let html = with(&|head, body| {
            head.media_type = Some("text/html".to_owned());
            body.fill(b'<');
        });
        assert_eq!(
            html.to_string(),
            "got no image: text/html; expected an image: jpeg, png, webp, gif, bmp, tiff, heic or avif"
        );
        assert!(
            with(&|head, body| {
                head.media_type = Some("image/jxl".to_owned());
                body.fill(0);
            })
            .is_unchecked()
        );
    }

    #[test]
    fn a_file_that_changes_or_ends_too_early_is_noticed() {
        let file = photo(40);
        let mut requests = 0;
        let changed = play(planner(), 4096, |planner| {
            requests += 1;
            let (head, body) = part(planner, &file);
            let part = head.range.and_then(|range| range.part);
            let total = Some(file.len() as u64 + requests);
            (Head { range: Some(ContentRange { part, total }), ..head }, body)
        });
        assert!(changed.unwrap_err().is_unchecked());
        let torn = &file[..100_000];
        assert!(play(planner(), 4096, |planner| part(planner, torn)).unwrap_err().is_corrupt());
        let past = |_: &RangePlanner| {
            let range = ContentRange { part: None, total: Some(0) };
            (Head { status: 416, range: Some(range), ..Head::default() }, Vec::new())
        };
        assert!(play(planner(), 1, past).unwrap_err().is_not_an_image(), "an empty file");
    }

    #[test]
    fn every_check_ends_at_its_bounds() {
        let endless = [0xff, 0xfe, 0xff, 0xfe];
        let body = [&[0xff, 0xd8], endless.repeat(3_000_000).as_slice()].concat();
        let whole = Head { status: 200, ..Head::default() };
        let error = play(planner(), 65_536, |_| (whole.clone(), body.clone())).unwrap_err();
        assert!(error.is_unchecked() && error.to_string().contains("4194304 bytes"), "{error}");
        let error = play(planner(), 65_536, |planner| {
            // Every part begins with a segment that points further on.
            let (start, end) = (planner.requested.start, planner.requested.end);
            let range = ContentRange { part: Some((start, end)), total: None };
            let body = if start == 0 { body.clone() } else { endless.repeat(9) };
            (Head { status: 206, range: Some(range), ..Head::default() }, body[..36].to_vec())
        });
        assert!(error.unwrap_err().is_unchecked());
    }

    proptest! {
        #[test]
        fn no_responses_make_it_panic_or_never_end(
            heads in prop::collection::vec((0..8_usize, any::<u16>(), any::<u32>(), any::<bool>()), 1..6),
            body in prop::collection::vec(any::<u8>(), 0..600),
            image in any::<bool>(),
            length in 1..700_usize,
        ) {
            let mut turns = heads.iter().cycle();
            let file = if image { [&photo(1)[..70_000], &body].concat() } else { body };
            let _ = play(planner(), length, |planner| {
                let &(status, a, b, honest) = turns.next().unwrap();
                if honest && planner.requested.start < file.len() as u64 {
                    return part(planner, &file);
                }
                let status = [200, 206, 206, 302, 404, 416, 500, 206][status];
                let (start, total) = (planner.requested.start, Some(u64::from(b)));
                let range = ContentRange { part: Some((start, start + u64::from(a) + 1)), total };
                let location = Some("/y".to_owned());
                let head = Head { status, location, length: Some(a.into()), range: Some(range), ..Head::default() };
                (head, file.clone())
            });
        }
    }

    #[test]
    fn ranges_are_read_and_lies_are_not() {
        let read = |text| ContentRange::parse(text).map(|range| (range.part, range.total));
        assert_eq!(read("bytes 0-499/1234"), Some((Some((0, 500)), Some(1234))));
        assert_eq!(read("bytes 5-5/*"), Some((Some((5, 6)), None)));
        assert_eq!(read("bytes */7"), Some((None, Some(7))));
        for lie in [
            "bytes 5-4/10",
            "bytes 0-10/10",
            "0-1/2",
            "bytes 0-1",
            "bytes a-b/c",
            "bytes 0-18446744073709551615/*",
        ] {
            assert_eq!(read(lie), None, "{lie}");
        }
    }

    #[test]
    fn a_media_type_is_printed_only_if_it_is_one() {
        assert_eq!(media_type("Text/HTML; charset=utf-8").as_deref(), Some("text/html"));
        assert_eq!(media_type("image/svg+xml").as_deref(), Some("image/svg+xml"));
        for odd in ["", "html", "text/\u{1b}[31m", &format!("a/{}", "b".repeat(100))] {
            assert_eq!(media_type(odd), None, "{odd}");
        }
    }

    #[test]
    fn parts_that_touch_are_read_as_one() {
        let mut sparse = Sparse::default();
        sparse.insert(0, b"ab");
        sparse.insert(2, b"cd");
        sparse.insert(9, b"jkl");
        sparse.insert(4, b"efghijk");
        assert_eq!(&sparse.take_at::<12>(0).unwrap(), b"abcdefghijkl");
    }

    #[test]
    fn the_first_missing_byte_is_remembered() {
        let mut sparse = Sparse::default();
        sparse.insert(0, b"abcd");
        assert!(sparse.take_at::<2>(3).is_err());
        assert!(sparse.take_at::<1>(90).is_err());
        assert_eq!(sparse.missing, Some(4));
    }

    #[test]
    fn the_end_is_an_end_if_the_length_is_known() {
        let mut sparse = Sparse { total: Some(4), ..Sparse::default() };
        sparse.insert(0, b"abcd");
        assert_eq!(sparse.bytes_at(0).unwrap(), b"abcd");
        assert!(sparse.bytes_at(4).unwrap().is_empty() && sparse.missing.is_none());
        assert!(sparse.rest(4).is_empty() && !sparse.rest(3).is_empty());
    }
}
