//! Bodies that a server compressed although the request asked for none of it.

use std::io::Read;

use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use crate::MAX_REPLY_BYTES;

/// How a gzip file begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Undoes gzip and deflate, as far as the body goes: its beginning may name a job. At most [`MAX_REPLY_BYTES`] come out.
///
/// A body in another coding stays as it is.
pub(crate) fn undone(body: Bytes, coding: Option<&str>) -> Bytes {
    let coding = coding.unwrap_or_default().trim();
    if body.starts_with(&GZIP) {
        return expanded(MultiGzDecoder::new(&body[..]));
    }
    if !coding.eq_ignore_ascii_case("deflate") || body.first() == Some(&b'{') {
        return body;
    }
    // The name stands for zlib, and some servers send the bare stream.
    let plain = expanded(ZlibDecoder::new(&body[..]));
    if plain.is_empty() { expanded(DeflateDecoder::new(&body[..])) } else { plain }
}

fn expanded(decoder: impl Read) -> Bytes {
    let mut plain = Vec::new();
    // A stream that breaks off has been read up to there.
    let _ = decoder.take(MAX_REPLY_BYTES as u64).read_to_end(&mut plain);
    plain.into()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    const TEXT: &[u8] = br#"{"request_id":"a-1"}"#;

    #[test]
    fn gzip_zlib_and_bare_deflate_are_undone() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        let mut bare = DeflateEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(TEXT).unwrap();
        zlib.write_all(TEXT).unwrap();
        bare.write_all(TEXT).unwrap();
        let gzip: Bytes = gzip.finish().unwrap().into();
        assert_eq!(undone(gzip.clone(), Some("gzip")), TEXT);
        assert_eq!(undone(gzip, None), TEXT, "without a label");
        assert_eq!(undone(zlib.finish().unwrap().into(), Some("Deflate")), TEXT);
        assert_eq!(undone(bare.finish().unwrap().into(), Some("deflate")), TEXT);
        for coding in [None, Some("identity"), Some("gzip"), Some("deflate"), Some("br")] {
            assert_eq!(undone(Bytes::from_static(TEXT), coding), TEXT, "a label alone compresses nothing");
        }
    }

    #[test]
    fn a_stream_that_breaks_off_gives_its_beginning() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::none());
        gzip.write_all(TEXT).unwrap();
        let gzip: Bytes = gzip.finish().unwrap().into();
        let cut = undone(gzip.slice(..gzip.len() - 12), Some("gzip"));
        assert!(!cut.is_empty() && TEXT.starts_with(&cut), "{cut:?}");
        assert_eq!(undone(gzip.slice(..5), Some("gzip")), "");
    }

    #[test]
    fn a_few_bytes_do_not_become_any_number() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(&vec![b' '; 2 * MAX_REPLY_BYTES]).unwrap();
        assert_eq!(undone(gzip.finish().unwrap().into(), None).len(), MAX_REPLY_BYTES);
    }
}
