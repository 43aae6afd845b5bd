use proptest::prelude::*;

use super::*;

const JPEG_FRAME: &[u8] = &[0xff, 0xc0, 0, 17, 8, 1, 224, 2, 128];

/// A photo with that many segments of 64 KiB before its frame.
fn photo(segments: usize) -> Vec<u8> {
    let segment = [&[0xff, 0xe2, 0xff, 0xff], vec![7; 0xffff - 2].as_slice()].concat();
    let frame = [JPEG_FRAME, &[0; 8]].concat();
    [&[0xff, 0xd8], segment.repeat(segments).as_slice(), &frame, &vec![9; 2_000_000], &[0xff, 0xd9]].concat()
}

fn probe() -> RangePlanner {
    RangePlanner::new("https://a.example/x.jpg", &Options::default()).unwrap()
}

/// The part that is asked for.
fn part(probe: &RangePlanner, file: &[u8]) -> (Head, Vec<u8>) {
    let (start, end) = (probe.asked.start, probe.asked.end.min(file.len() as u64));
    let range = ContentRange { part: Some((start, end)), total: Some(file.len() as u64) };
    let body = file[start as usize..end as usize].to_vec();
    (Head { status: 206, range: Some(range), ..Head::default() }, body)
}

/// Plays a server that answers each request by `answer`, in pieces of `piece` bytes.
fn play(
    mut probe: RangePlanner,
    piece: usize,
    mut answer: impl FnMut(&RangePlanner) -> (Head, Vec<u8>),
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
fn pieces_of_one_byte_are_put_together_before_the_header_is_read_anew() {
    let segment = [0xff, 0xfe, 0, 2];
    let file =
        [&[0xff, 0xd8], segment.repeat(1000).as_slice(), JPEG_FRAME, &[0; 4000], &[0xff, 0xd9]].concat();
    let measured = play(probe(), 1, |probe| part(probe, &file)).unwrap();
    assert_eq!(measured.facts, crate::from_bytes(&file).unwrap());
    let header = 2 + 4 * 1000 + 9;
    assert!((header + 1..=header + header / 8 + 1).contains(&measured.bytes_read), "{measured:?}");
}

#[test]
fn metadata_is_skipped() {
    let file = photo(40);
    let measured = play(probe(), 4096, |probe| part(probe, &file)).unwrap();
    assert_eq!(measured.facts, crate::from_bytes(&file).unwrap());
    assert!(measured.bytes_read < 400_000, "{measured:?}");
}

#[test]
fn stray_bytes_are_read_on_to_the_next_segment() {
    let file =
        [&[0xff, 0xd8, 0xff, 0xfe, 0, 2], vec![7; 50_000].as_slice(), JPEG_FRAME, &[7; 9000], &[0xff, 0xd9]]
            .concat();
    let measured = play(probe(), 1000, |probe| part(probe, &file)).unwrap();
    assert_eq!(measured.facts, crate::from_bytes(&file).unwrap());
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
    let past = |_: &RangePlanner| {
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
