//! Facts of images that other programs made, complete or truncated.

use kling_media::{from_bytes, from_path};
use kling_tests::pictures::{PICTURES, mutated};
use kling_types::{ImageFormat, MediaFacts};

#[test]
fn every_format_is_measured_to_the_pixel_and_the_byte() {
    for picture in PICTURES {
        let mut facts = MediaFacts::image(picture.format, 37, 23, picture.bytes.len() as u64);
        facts.orientation = picture.orientation;
        assert_eq!(from_bytes(picture.bytes).unwrap(), facts, "{}", picture.name);
    }
}

#[test]
fn a_file_gives_the_facts_of_its_bytes() {
    for picture in PICTURES {
        let path = format!("{}/fixtures/pictures/{}", env!("CARGO_MANIFEST_DIR"), picture.name);
        assert_eq!(from_path(&path).unwrap(), from_bytes(picture.bytes).unwrap(), "{}", picture.name);
    }
}

#[test]
fn a_picture_is_broken_or_truncated_wherever_it_is_torn() {
    for picture in PICTURES {
        let (whole, size) = (from_bytes(picture.bytes).unwrap(), picture.bytes.len());
        // A GIF may lack its trailer, and a PNG the checksum of its empty end.
        let shortest_whole = match picture.format {
            ImageFormat::Bmp | ImageFormat::Jpeg | ImageFormat::Webp => size,
            ImageFormat::Png => size - 4,
            _ => 0,
        };
        for length in 12..size {
            match from_bytes(&picture.bytes[..length]) {
                Ok(facts) => {
                    assert!(length >= shortest_whole, "{} of {length} bytes was taken", picture.name);
                    assert_eq!((facts.width, facts.height), (whole.width, whole.height), "{}", picture.name)
                }
                Err(error) => assert!(error.is_violation(), "{} at {length}: {error}", picture.name),
            }
        }
    }
}

#[test]
fn no_accident_to_a_picture_makes_the_reader_panic() {
    let mut rng = fastrand::Rng::with_seed(1);
    for _ in 0..20_000 {
        if let Err(error) = from_bytes(&mutated(&mut rng)) {
            assert!(error.is_violation(), "{error}");
        }
    }
}
