//! Right first bytes before wrong content: text that begins like an image, images that a transfer changed, and places outside
//! any file.

use kling_media::{from_bytes, from_path};

const PNG: &[u8] =
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\x80\0\0\x01\xe0\x08\x02\0\0\0\0\0\0\0\0\0\0\0IEND\0\0\0\0";

/// Returns the sides, or `None` if the file is broken.
fn sides(file: &[u8]) -> Option<(Option<u32>, Option<u32>)> {
    match from_bytes(file) {
        Ok(facts) => Some((facts.width, facts.height)),
        Err(error) => {
            assert!(error.is_corrupt(), "{error}");
            None
        }
    }
}

fn webp(chunk: &[u8]) -> Vec<u8> {
    [b"RIFF\0\0\0\0WEBP", chunk, &[0; 16]].concat()
}

#[test]
fn text_that_begins_like_an_image_is_refused() {
    for text in [
        "GIF8 eats a cat and a dog",
        "RIFF to a WEBPVP8 nonsense, and on and on",
        "RIFF1234WEBPVP8 nonsense, and on and on",
        "RIFF1234WEBPVP8L nonsense, and on and on",
        "RIFF1234WEBPVP8X nonsense, and on and on",
        "BM, a maker of cars, and of motorcycles",
        "II*\0 and no directory, but some more text",
    ] {
        let error = from_bytes(text.as_bytes()).unwrap_err();
        assert!(error.is_violation(), "{text}: {error}");
    }
    assert_eq!(sides(b"\x89PNG this is no image, whatever it says"), None);
}

#[test]
fn a_png_changed_by_a_transfer_is_broken() {
    assert_eq!(sides(PNG), Some((Some(640), Some(480))));
    let unix = [&PNG[..4], &PNG[5..]].concat();
    assert_eq!(sides(&unix), None, "line ends of Unix");
    let windows = [&PNG[..7], b"\r", &PNG[7..]].concat();
    assert_eq!(sides(&windows), None, "line ends of Windows");
    let apple = [&PNG[..8], b"\0\0\0\x04CgBI\x50\0\x20\x02\x2b\xd5\xb3\x7f", &PNG[8..]].concat();
    assert_eq!(sides(&apple), None, "the variant that only Apple's programs read");
}

#[test]
fn only_the_two_versions_of_gif_are_known() {
    for (version, expected) in
        [(b'7', Some((Some(320), Some(240)))), (b'9', Some((Some(320), Some(240)))), (b'8', None)]
    {
        let gif = [b"GIF8", [version, b'a'].as_slice(), b"\x40\x01\xf0\0\0\0\0;"].concat();
        assert_eq!(sides(&gif), expected);
    }
}

#[test]
fn a_webp_is_measured_by_its_first_chunk() {
    let lossy = webp(b"VP8 \x10\0\0\0\x10\x02\0\x9d\x01\x2a\x80\x02\xe0\x01");
    assert_eq!(sides(&lossy), Some((Some(640), Some(480))));
    let scaled = webp(b"VP8 \x10\0\0\0\x10\x02\0\x9d\x01\x2a\x80\x42\xe0\xc1");
    assert_eq!(sides(&scaled), Some((Some(640), Some(480))), "two bits of each side say how to scale it");
    let lossless = webp(b"VP8L\x10\0\0\0\x2f\x7f\xc2\x77\0");
    assert_eq!(sides(&lossless), Some((Some(640), Some(480))));
    let extended = webp(b"VP8X\x0a\0\0\0\0\0\0\0\x7f\x02\0\xdf\x01\0");
    assert_eq!(sides(&extended), Some((Some(640), Some(480))));
    for wrong in [
        b"VP8 \x10\0\0\0\x10\x02\0\x9d\x01\x2b\x80\x02\xe0\x01".as_slice(),
        b"VP8L\x10\0\0\0\x2e\x7f\xc2\x77\0",
        b"VP8X\x0b\0\0\0\0\0\0\0\x7f\x02\0\xdf\x01\0",
        b"VPXX\x0a\0\0\0\0\0\0\0\x7f\x02\0\xdf\x01\0",
    ] {
        assert_eq!(sides(&webp(wrong)), None);
    }
}

#[test]
fn a_file_that_points_beyond_any_file_is_broken() {
    let heic = b"\0\0\0\x10ftypheic\0\0\0\0\0\0\0\x01free\x80\0\0\0\0\0\0\0".as_slice();
    let tiff = b"MM\0+\0\x08\0\0\xff\0\0\0\0\0\0\0".as_slice();
    for (name, file) in [("heic", heic), ("tiff", tiff)] {
        let path = std::env::temp_dir().join(format!("kling-media-{}.{name}", std::process::id()));
        std::fs::write(&path, file).unwrap();
        let error = from_path(&path).unwrap_err();
        std::fs::remove_file(&path).unwrap();
        assert!(error.is_corrupt() && from_bytes(file).unwrap_err().is_corrupt(), "{name}: {error}");
    }
}
