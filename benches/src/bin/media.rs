//! Facts of a photo from its header, in memory, on disk and over loopback, against other readers of headers.

use std::hint::black_box;
use std::io::Cursor;

use image::ImageReader;
use kling_benches::{Comparison, photo, serve};
use kling_media::remote::{Options, blocking::Checker};

const HEAVY: [&str; 2] = [
    "header facts of a 9 MB JPEG with 2.5 MB of metadata first, in memory",
    "header facts of a 9 MB JPEG with 2.5 MB of metadata first, on disk",
];
const LIGHT: [&str; 2] =
    ["header facts of an ordinary 9 MB JPEG in memory", "header facts of an ordinary 9 MB JPEG on disk"];

fn main() {
    // 9 MB, of which 2.5 MB are metadata before the frame, and none.
    let (heavy, light) = (photo(40, 9_000_000), photo(0, 9_000_000));
    let plain = photo(0, 6_500_000);
    let path = std::env::temp_dir().join(format!("kling-benches-{}.jpg", std::process::id()));
    for (photo, titles) in [(&heavy, HEAVY), (&light, LIGHT)] {
        std::fs::write(&path, photo).expect("the temporary folder can be written");
        headers(photo, &path, titles);
    }
    std::fs::remove_file(&path).expect("it was just written");
    println!("\nover loopback");
    remote("a photo with 2.5 MB of metadata first", heavy);
    remote("an ordinary photo", plain);
}

fn headers(photo: &[u8], path: &std::path::Path, titles: [&'static str; 2]) {
    Comparison::new(titles[0])
        .with("kling_media::from_bytes, with orientation", || kling_media::from_bytes(black_box(photo)))
        .with("imagesize", || imagesize::blob_size(black_box(photo)))
        .with("image, dimensions", || {
            ImageReader::with_format(Cursor::new(black_box(photo)), image::ImageFormat::Jpeg)
                .into_dimensions()
        })
        .print();
    Comparison::new(titles[1])
        .with("kling_media::from_path, with orientation", || kling_media::from_path(black_box(path)))
        .with("imagesize", || imagesize::size(black_box(path)))
        .with("image, dimensions", || image::image_dimensions(black_box(path)))
        .print();
    let measured = kling_media::measure_path(path).expect("it is a photo");
    println!("read by from_path: {} bytes of {}", measured.bytes_read, photo.len());
}

fn remote(name: &str, photo: Vec<u8>) {
    let size = photo.len();
    let url = format!("http://{}/photo.jpg", serve(photo));
    let checker = Checker::new(Options::default().with_private_allowed(true));
    let measured = checker.measure_url(&url).expect("it is a photo");
    let share = 100.0 * measured.bytes_read as f64 / size as f64;
    println!(
        "{name}: {} bytes of {size} in {} requests, {share:.2} %",
        measured.bytes_read, measured.requests
    );
}
