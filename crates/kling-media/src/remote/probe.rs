//! One remote check without clock and socket: which part to ask for next, what an answer means, when it is enough.
//!
//! The header reader runs over what is known so far; the first byte that it wants and does not find is the place of the
//! next request. So nothing here knows the formats, and no format knows the network.

use std::ops::Range;

use url::Url;

use super::Options;
use super::gate::Gate;
use super::head::Head;
use super::sparse::Sparse;
use crate::error::Kind;
use crate::header::Header;
use crate::{Error, Measured};

/// The first part asked for: it holds the header of an ordinary photo, its EXIF included.
const FIRST: u64 = 16 * 1024;
/// A part further on, behind metadata that was skipped.
const FURTHER: u64 = 8 * 1024;
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
pub(super) struct Probe {
    gate: Gate,
    url: Url,
    max_bytes: u64,
    seen: Sparse,
    /// The part asked for.
    asked: Range<u64>,
    /// Where the answer stands, and where it will have ended.
    answer: Range<u64>,
    /// The first byte that is wanted.
    wanted: u64,
    media_type: Option<String>,
    bytes_read: u64,
    requests: u32,
}

impl Probe {
    /// Begins with the URL that the caller gave.
    pub(super) fn new(url: &str, options: &Options) -> Result<Self, Error> {
        let (gate, url) = Gate::open(url, options.allow_private)?;
        Ok(Self {
            gate,
            url,
            max_bytes: options.max_bytes,
            seen: Sparse::default(),
            asked: 0..FIRST,
            answer: 0..0,
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
        if self.seen.contains(self.wanted)
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
            return Ok(None);
        }
        let header = header.map_err(|error| self.named(error))?;
        let orientation = header.further_orientation(&mut reader);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::head::ContentRange;
    use super::*;

    const JPEG_FRAME: &[u8] = &[0xff, 0xc0, 0, 17, 8, 1, 224, 2, 128];

    /// A photo with that many segments of 64 KiB before its frame.
    fn photo(segments: usize) -> Vec<u8> {
        let segment = [&[0xff, 0xe2, 0xff, 0xff], vec![7; 0xffff - 2].as_slice()].concat();
        let frame = [JPEG_FRAME, &[0; 8]].concat();
        [&[0xff, 0xd8], segment.repeat(segments).as_slice(), &frame, &vec![9; 2_000_000]].concat()
    }

    fn probe() -> Probe {
        Probe::new("https://a.example/x.jpg", &Options::default()).unwrap()
    }

    /// The part that is asked for.
    fn part(probe: &Probe, file: &[u8]) -> (Head, Vec<u8>) {
        let (start, end) = (probe.asked.start, probe.asked.end.min(file.len() as u64));
        let range = ContentRange { part: Some((start, end)), total: Some(file.len() as u64) };
        let body = file[start as usize..end as usize].to_vec();
        (Head { status: 206, range: Some(range), ..Head::default() }, body)
    }

    /// Plays a server that answers each request by `answer`, in pieces of `piece` bytes.
    fn play(
        mut probe: Probe,
        piece: usize,
        mut answer: impl FnMut(&Probe) -> (Head, Vec<u8>),
    ) -> Result<Measured, Error> {
        loop {
            let (head, body) = answer(&probe);
            let mut step = probe.head(head)?;
            let mut pieces = body.chunks(piece);
            while let Step::Read = step {
                step = match pieces.next() {
                    Some(piece) => probe.body(piece)?,
                    None => probe.end()?,
                };
            }
            if let Step::Done(measured) = step {
                return Ok(measured);
            }
        }
    }

    #[test]
    fn an_ordinary_photo_takes_one_request_and_one_piece() {
        let file = photo(0);
        let measured = play(probe(), 1000, |probe| part(probe, &file)).unwrap();
        assert_eq!(measured.facts, crate::from_bytes(&file).unwrap());
        assert_eq!((measured.bytes_read, measured.requests), (1000, 1));
    }

    #[test]
    fn metadata_is_skipped() {
        let file = photo(40);
        let measured = play(probe(), 4096, |probe| part(probe, &file)).unwrap();
        assert_eq!(measured.facts, crate::from_bytes(&file).unwrap());
        assert!(measured.bytes_read < 400_000, "{measured:?}");
    }

    #[test]
    fn a_header_that_goes_on_and_on_is_read_in_ever_longer_parts() {
        let segment = [0xff, 0xfe, 0, 4, 0, 0];
        let file = [&[0xff, 0xd8], segment.repeat(16_000).as_slice(), JPEG_FRAME].concat();
        let measured = play(probe(), 4096, |probe| part(probe, &file)).unwrap();
        assert_eq!((measured.facts.width, measured.requests), (Some(640), 3));
    }

    #[test]
    fn a_server_that_knows_no_ranges_is_read_until_it_is_enough() {
        let file = photo(3);
        let whole = |length| Head { status: 200, length, ..Head::default() };
        let measured = play(probe(), 4096, |_| (whole(Some(file.len() as u64)), file.clone())).unwrap();
        assert_eq!((measured.facts.bytes, measured.requests), (Some(file.len() as u64), 1));
        assert!(measured.bytes_read < 4 * 65_536);
        let unsized_ = play(probe(), 4096, |_| (whole(None), file.clone())).unwrap();
        assert_eq!((unsized_.facts.bytes, unsized_.facts.width), (None, Some(640)), "unchecked, not guessed");
    }

    #[test]
    fn answers_that_cannot_be_measured_by_are_told_from_images_that_are_wrong() {
        let file = photo(40);
        let with = |change: &dyn Fn(&mut Head, &mut Vec<u8>)| {
            play(probe(), 4096, |probe| {
                let (mut head, mut body) = part(probe, &file);
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
            "found no image: text/html, allowed an image: jpeg, png, webp, gif, bmp, tiff, heic or avif"
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
        let changed = play(probe(), 4096, |probe| {
            requests += 1;
            let (head, body) = part(probe, &file);
            let part = head.range.and_then(|range| range.part);
            let total = Some(file.len() as u64 + requests);
            (Head { range: Some(ContentRange { part, total }), ..head }, body)
        });
        assert!(changed.unwrap_err().is_unchecked());
        let torn = &file[..100_000];
        assert!(play(probe(), 4096, |probe| part(probe, torn)).unwrap_err().is_corrupt());
        let past = |_: &Probe| {
            let range = ContentRange { part: None, total: Some(0) };
            (Head { status: 416, range: Some(range), ..Head::default() }, Vec::new())
        };
        assert!(play(probe(), 1, past).unwrap_err().is_not_an_image(), "an empty file");
    }

    #[test]
    fn every_check_ends_at_its_bounds() {
        let endless = [0xff, 0xfe, 0xff, 0xfe];
        let body = [&[0xff, 0xd8], endless.repeat(3_000_000).as_slice()].concat();
        let whole = Head { status: 200, ..Head::default() };
        let error = play(probe(), 65_536, |_| (whole.clone(), body.clone())).unwrap_err();
        assert!(error.is_unchecked() && error.to_string().contains("4194304 bytes"), "{error}");
        let error = play(probe(), 65_536, |probe| {
            // Whatever is asked for begins with a segment that points further on.
            let (start, end) = (probe.asked.start, probe.asked.end);
            let range = ContentRange { part: Some((start, end)), total: None };
            let body = if start == 0 { body.clone() } else { endless.repeat(9) };
            (Head { status: 206, range: Some(range), ..Head::default() }, body[..36].to_vec())
        });
        assert!(error.unwrap_err().is_unchecked());
    }

    proptest! {
        #[test]
        fn no_answers_make_it_panic_or_go_on_for_ever(
            heads in prop::collection::vec((0..8_usize, any::<u16>(), any::<u32>(), any::<bool>()), 1..6),
            body in prop::collection::vec(any::<u8>(), 0..600),
            image in any::<bool>(),
            piece in 1..700_usize,
        ) {
            let mut turns = heads.iter().cycle();
            let file = if image { [&photo(1)[..70_000], &body].concat() } else { body };
            let _ = play(probe(), piece, |probe| {
                let &(status, a, b, honest) = turns.next().unwrap();
                if honest && probe.asked.start < file.len() as u64 {
                    return part(probe, &file);
                }
                let status = [200, 206, 206, 302, 404, 416, 500, 206][status];
                let (start, total) = (probe.asked.start, Some(u64::from(b)));
                let range = ContentRange { part: Some((start, start + u64::from(a) + 1)), total };
                let location = Some("/y".to_owned());
                let head = Head { status, location, length: Some(a.into()), range: Some(range), ..Head::default() };
                (head, file.clone())
            });
        }
    }
}
