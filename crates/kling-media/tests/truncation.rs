//! Truncated images are refused. Images with bytes after their end are not.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use kling_media::{DataUri, Error, encode_data_uri, from_bytes, measure_path};

const SIDES: (Option<u32>, Option<u32>) = (Some(640), Some(480));

/// A preview in the metadata, with an end marker of its own, then the frame, the data and the end.
fn jpeg(data: usize) -> Vec<u8> {
    let preview = b"\xff\xe1\0\x0a\xff\xd8\xff\xd9\xff\xd9\xff\xd9";
    let frame = [0xff, 0xc0, 0, 17, 8, 1, 224, 2, 128, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1];
    let scan = [0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0];
    [&[0xff, 0xd8], preview.as_slice(), &frame, &scan, &vec![7; data], &[0xff, 0xd9]].concat()
}

fn png(data: usize) -> Vec<u8> {
    let header = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\x80\0\0\x01\xe0\x08\x02\0\0\0\0\0\0\0";
    let length = u32::try_from(data).unwrap().to_be_bytes();
    let pixels = [&length, b"IDAT".as_slice(), &vec![7; data], &[0; 4]].concat();
    [header, pixels.as_slice(), b"\0\0\0\0IEND\xae\x42\x60\x82"].concat()
}

/// Two frames, each of blocks with 255 bytes.
fn gif(blocks: usize) -> Vec<u8> {
    let block = [&[255], [7; 255].as_slice()].concat();
    let frame =
        [b"\x21\xf9\x04\0\0\0\0\0\x2c\0\0\0\0\x80\x02\xe0\x01\0\x08", block.repeat(blocks).as_slice(), &[0]]
            .concat();
    [b"GIF89a\x80\x02\xe0\x01\x80\0\0\0\0\0\xff\xff\xff", frame.repeat(2).as_slice(), b";"].concat()
}

fn webp(data: usize) -> Vec<u8> {
    let chunk = [b"VP8X\x0a\0\0\0\0\0\0\0\x7f\x02\0\xdf\x01\0".as_slice(), &vec![7; data]].concat();
    let size = u32::try_from(4 + chunk.len()).unwrap().to_le_bytes();
    [b"RIFF".as_slice(), &size, b"WEBP", &chunk].concat()
}

/// A track without a primary image, and its data.
fn avif(data: usize) -> Vec<u8> {
    let boxed = |name: &[u8; 4], body: &[u8]| {
        [&u32::try_from(8 + body.len()).unwrap().to_be_bytes(), name.as_slice(), body].concat()
    };
    let header = boxed(b"tkhd", &[[0; 76].as_slice(), &[2, 128, 0, 0, 1, 224, 0, 0]].concat());
    let media = boxed(b"mdia", &boxed(b"hdlr", b"\0\0\0\0\0\0\0\0pict\0\0\0\0"));
    let movie = boxed(b"moov", &boxed(b"trak", &[header, media].concat()));
    [boxed(b"ftyp", b"avis\0\0\0\0avis"), movie, boxed(b"mdat", &vec![7; data])].concat()
}

fn all(data: usize) -> [(&'static str, Vec<u8>); 5] {
    [
        ("jpeg", jpeg(data)),
        ("png", png(data)),
        ("gif", gif(data.div_ceil(256))),
        ("webp", webp(data)),
        ("avif", avif(data)),
    ]
}

/// Returns the result for bytes, a file and a `data:` URI, which must be the same.
fn sides(name: &str, file: &[u8]) -> Result<(Option<u32>, Option<u32>), Error> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("kling-media-truncation-{}-{number}", std::process::id()));
    fs::write(&path, file).unwrap();
    let on_disk = measure_path(&path).map(|measured| measured.facts);
    fs::remove_file(&path).unwrap();
    let inside = DataUri::decode(&encode_data_uri("image/png", file)).unwrap().measure();
    let inside = inside.map(|measured| measured.facts);
    let facts = from_bytes(file);
    for other in [on_disk, inside] {
        match (&facts, &other) {
            (Ok(facts), Ok(other)) => assert_eq!(facts, other, "{name}"),
            (Err(error), Err(other)) => assert_eq!(error.to_string(), other.to_string(), "{name}"),
            _ => panic!("{name}: {facts:?}, but {other:?}"),
        }
    }
    facts.map(|facts| (facts.width, facts.height))
}

#[test]
fn a_whole_image_is_measured_with_any_bytes_after_its_end() {
    for (name, file) in all(40_000) {
        assert_eq!(sides(name, &file).unwrap(), SIDES, "{name}");
        for after in [[0; 1].as_slice(), &[0; 4096], b"padding", &[7; 300_000]] {
            let file = [&file, after].concat();
            assert_eq!(sides(name, &file).unwrap(), SIDES, "{name} and {} bytes", after.len());
        }
        let twice = [file.as_slice(), &file, b"\0\0SEFT"].concat();
        assert_eq!(sides(name, &twice).unwrap(), SIDES, "{name}, with a second image");
    }
}

#[test]
fn a_truncated_image_is_refused_in_plain_words() {
    for (name, file) in all(40_000) {
        for length in [file.len() - 300, file.len() / 2, file.len() - 20_000] {
            let error = sides(name, &file[..length]).unwrap_err();
            assert!(error.is_truncated() && error.is_violation(), "{name} at {length}: {error}");
            insta::allow_duplicates! {
                insta::assert_snapshot!(error, @"got a truncated image: the file ends before the image does; expected a complete image");
            }
        }
    }
    for file in [jpeg(4), png(4)] {
        let error = from_bytes(&file[..file.len() - 9]).unwrap_err();
        assert!(error.is_truncated(), "{error}");
    }
}

#[test]
fn a_gif_without_its_trailer_is_complete() {
    let file = gif(3);
    assert_eq!(sides("gif", &file[..file.len() - 1]).unwrap(), SIDES);
}

#[test]
fn a_large_photo_on_disk_takes_a_few_reads() {
    let path = std::env::temp_dir().join(format!("kling-media-large-{}.jpg", std::process::id()));
    fs::write(&path, jpeg(9_000_000)).unwrap();
    let measured = measure_path(&path);
    fs::remove_file(&path).unwrap();
    let read = measured.unwrap().bytes_read;
    assert!(read <= 1024, "{read} bytes were read");
}
