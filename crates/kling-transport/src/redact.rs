//! Decompresses replies and removes the token, before anything else reads or stores them.

use std::io::Read;

use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use crate::{HttpReply, MAX_REPLY_BYTES, Token, TransportError};

/// Returns the outcome decompressed, and without the token in any spelling.
pub(crate) fn outcome(
    outcome: Result<HttpReply, TransportError>,
    token: Option<&Token>,
) -> Result<HttpReply, TransportError> {
    outcome.map(|reply| cleaned(reply, token, None)).map_err(|error| {
        let message = clean(error.message.into(), token, false);
        let message = String::from_utf8_lossy(&message).into_owned();
        let reply = error.reply.map(|reply| cleaned(*reply, token, Some(&message)).into());
        TransportError { message, reply, ..error }
    })
}

/// Cleans a reply. `broken_off` is the reason if it ended early.
fn cleaned(mut reply: HttpReply, token: Option<&Token>, broken_off: Option<&str>) -> HttpReply {
    let plain = decompressed(reply.body.clone(), reply.head.content_encoding.as_deref());
    if plain != reply.body {
        // The header may be missing.
        reply.head.content_encoding.get_or_insert_with(|| "gzip".to_owned());
    }
    // A text that is cut may end within the token.
    let body = clean(plain, token, broken_off.is_some());
    HttpReply { body, broken_off: broken_off.map(Box::from).or(reply.broken_off), ..reply }
}

fn clean(text: Bytes, token: Option<&Token>, is_cut: bool) -> Bytes {
    let clean = token.and_then(|token| token.0.spellings.redact(&text, is_cut));
    clean.map_or(text, Bytes::from)
}

/// The signature of gzip.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Undoes gzip and deflate, also of a truncated body, up to [`MAX_REPLY_BYTES`].
///
/// A body in another coding is returned as it is.
fn decompressed(body: Bytes, coding: Option<&str>) -> Bytes {
    let coding = coding.unwrap_or_default().trim();
    if body.starts_with(&GZIP) {
        return expanded(MultiGzDecoder::new(&body[..]));
    }
    if !coding.eq_ignore_ascii_case("deflate") || body.first() == Some(&b'{') {
        return body;
    }
    // `deflate` means zlib, but some servers send a raw deflate stream.
    let plain = expanded(ZlibDecoder::new(&body[..]));
    if plain.is_empty() { expanded(DeflateDecoder::new(&body[..])) } else { plain }
}

fn expanded(decoder: impl Read) -> Bytes {
    let mut plain = Vec::new();
    // A truncated stream has been read up to its end.
    let _ = decoder.take(MAX_REPLY_BYTES as u64).read_to_end(&mut plain);
    plain.into()
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::time::SystemTime;

    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use proptest::prelude::*;

    use super::*;
    use crate::{
        Error, GetResult, GetStatus, HttpHead, ModelId, PendingSubmit, Phase, Settings, SubmitOutcome,
        TransportErrorKind, call,
    };

    const TOKEN: &str = "Zq9/wJ7+Xk3vB5nM";

    fn token() -> Token {
        Token::new(TOKEN).unwrap()
    }

    fn settings() -> Settings {
        Settings::new(token())
    }

    fn reply(status: u16, body: String) -> Result<HttpReply, TransportError> {
        Ok(HttpReply::new(HttpHead::new(status, |_| None, SystemTime::UNIX_EPOCH), body.into()))
    }

    /// Fails if three consecutive letters of the token are left.
    fn assert_redacted(shown: &str) {
        let is_left =
            TOKEN.as_bytes().windows(3).any(|piece| shown.contains(std::str::from_utf8(piece).unwrap()));
        assert!(!is_left, "{shown}");
    }

    fn status_error(outcome: Result<HttpReply, TransportError>) -> Error {
        let id = "id-1".parse().unwrap();
        call::read(&GetStatus(&id), Some(settings().token()), outcome).unwrap_err()
    }

    proptest! {
        #[test]
        fn no_part_of_the_token_survives_a_cut(before in 0usize..500, after in 0usize..500, at in 0usize..1200) {
            let text = format!("{}{TOKEN}{}", "a".repeat(before), "b".repeat(after));
            assert_redacted(&status_error(reply(502, text.clone())).to_string());
            let message = serde_json::json!({ "error_message": text, "detail": [text] }).to_string();
            let error = status_error(reply(500, message));
            assert_redacted(&format!("{error} {:?} {:?}", error, error.detail()));
            let error = TransportError::new(Phase::Reading, TransportErrorKind::Broken, text.clone());
            let read = Bytes::copy_from_slice(&text.as_bytes()[..at.min(text.len())]);
            let head = HttpHead { status: 200, ..HttpHead::default() };
            assert_redacted(&unknown_outcome(Err(error.while_reading(head, read))));
            assert_redacted(&unknown_outcome(reply(200, text)));
        }
    }

    fn unknown_outcome(outcome: Result<HttpReply, TransportError>) -> String {
        let model: ModelId = "maker/model".parse().unwrap();
        let input = serde_json::json!({});
        let mut pending = PendingSubmit::json(&settings(), &model, &input, SystemTime::UNIX_EPOCH).unwrap();
        let std::ops::ControlFlow::Break(SubmitOutcome::Unknown(unknown)) =
            pending.next(outcome, Default::default(), 0.5)
        else {
            panic!("expected an unknown outcome");
        };
        format!("{unknown} {unknown:?} {}", serde_json::to_string(&unknown).unwrap())
    }

    #[test]
    fn a_result_never_contains_the_token() {
        let id = "id-1".parse().unwrap();
        let escaped: String = TOKEN.chars().map(|letter| format!("\\u{:04x}", u32::from(letter))).collect();
        for spelling in [TOKEN.to_owned(), TOKEN.replace('/', "\\/"), escaped] {
            let body = format!(
                r#"{{"status":"failed","error":{{"message":"bad {spelling}!","{spelling}":[1,"{spelling}"]}},"output":"{spelling}","created_at":"{spelling}"}}"#
            );
            let read = call::read(&GetResult(&id), Some(settings().token()), reply(200, body)).unwrap();
            assert_redacted(&format!("{read:?} {}", serde_json::to_string(&read).unwrap()));
            assert_eq!(read.error_text().as_deref(), Some("bad [token]!"));
            let state = format!(r#"{{"status":"waiting for {spelling}"}}"#);
            let read = call::read(&GetStatus(&id), Some(settings().token()), reply(200, state)).unwrap();
            assert_eq!(read.state.as_str(), "waiting for [token]");
        }
    }

    #[test]
    fn a_text_without_the_token_is_unchanged() {
        for body in [&b"{\"a\": 1.50, \"b\": \"\\u0041\\/\"}"[..], b"\xff\xfe", b""] {
            assert_eq!(clean(Bytes::from_static(body), Some(&token()), false), body);
        }
        let short = Token::new("status").unwrap();
        assert_eq!(clean(Bytes::from_static(b"{\"status\":1}"), Some(&short), true), &b"{\"status\":1}"[..]);
    }

    /// All spellings in which a server may quote the token.
    fn quotes() -> Vec<String> {
        let numbered = |before: &str, after: &str| {
            let letters = TOKEN.bytes().map(|letter| format!("{before}{letter:02x}{after}"));
            letters.collect::<String>()
        };
        let percent = TOKEN.replace('/', "%2F").replace('+', "%2b");
        let mut quotes = vec![
            TOKEN.to_owned(),
            TOKEN.replace('/', "\\/"),
            TOKEN.replace('/', "\\\\\\/"),
            percent.replace('%', "%25"),
            percent.replace('%', "%2525"),
            percent,
            numbered("%", ""),
            numbered("\\u00", ""),
            numbered("\\\\u00", ""),
            numbered("\\x", ""),
            numbered("&#x", ";"),
            TOKEN.bytes().map(|letter| format!("&#{letter};")).collect(),
        ];
        for before in ["", ":", "a:", "Bearer ", "user:", "x".repeat(100).as_str()] {
            for after in ["", "!", "\n", " and more"] {
                let quoted = format!("{before}{TOKEN}{after}");
                let standard = STANDARD.encode(&quoted);
                quotes.push(standard.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D"));
                quotes.push(standard.replace('/', "\\/"));
                quotes.push(URL_SAFE_NO_PAD.encode(&quoted));
                quotes.push(standard);
            }
        }
        quotes
    }

    /// Fails if base64 of three consecutive letters of the token is left.
    fn assert_redacted_in_base64(shown: &str) {
        for encoded in (0..3).map(|offset| STANDARD.encode([&[0; 3][..offset], TOKEN.as_bytes()].concat())) {
            let inner = &encoded.trim_end_matches('=')[4..];
            let is_left =
                inner.as_bytes().windows(5).any(|piece| shown.contains(str::from_utf8(piece).unwrap()));
            assert!(!is_left, "{shown}");
        }
    }

    #[test]
    fn the_token_is_redacted_percent_encoded_escaped_and_in_base64() {
        for quote in quotes() {
            let error = status_error(reply(502, format!("<pre>authorization: {quote}</pre>")));
            let shown = error.to_string();
            assert_redacted(&shown);
            assert_redacted_in_base64(&shown);
            assert!(shown.contains("[token]"), "{quote}: {shown}");
        }
    }

    #[test]
    fn the_token_is_redacted_in_a_compressed_body() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        Write::write_all(&mut gzip, format!("no job for {TOKEN}").as_bytes()).unwrap();
        let head = HttpHead { status: 502, ..HttpHead::default() };
        let error = status_error(Ok(HttpReply::new(head, gzip.finish().unwrap().into())));
        assert!(error.to_string().contains("no job for [token]"), "{error}");
    }

    proptest! {
        #[test]
        fn a_cut_quote_of_the_token_is_redacted(quote in prop::sample::select(quotes()), at in 0usize..400, before in 0usize..9) {
            let text = format!("{}{quote}", ".".repeat(before));
            let read = Bytes::copy_from_slice(&text.as_bytes()[..at.min(text.len())]);
            let head = HttpHead { status: 200, ..HttpHead::default() };
            let error = TransportError::new(Phase::Reading, TransportErrorKind::Broken, "cut").while_reading(head, read);
            let shown = unknown_outcome(Err(error));
            assert_redacted(&shown);
            assert_redacted_in_base64(&shown);
        }
    }

    const TEXT: &[u8] = br#"{"request_id":"a-1"}"#;

    #[test]
    fn gzip_zlib_and_bare_deflate_are_decompressed() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        let mut bare = DeflateEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(TEXT).unwrap();
        zlib.write_all(TEXT).unwrap();
        bare.write_all(TEXT).unwrap();
        let gzip: Bytes = gzip.finish().unwrap().into();
        assert_eq!(decompressed(gzip.clone(), Some("gzip")), TEXT);
        assert_eq!(decompressed(gzip, None), TEXT, "without a header");
        assert_eq!(decompressed(zlib.finish().unwrap().into(), Some("Deflate")), TEXT);
        assert_eq!(decompressed(bare.finish().unwrap().into(), Some("deflate")), TEXT);
        for coding in [None, Some("identity"), Some("gzip"), Some("deflate"), Some("br")] {
            assert_eq!(
                decompressed(Bytes::from_static(TEXT), coding),
                TEXT,
                "a header alone compresses nothing"
            );
        }
    }

    #[test]
    fn a_truncated_stream_is_decompressed_up_to_its_end() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::none());
        gzip.write_all(TEXT).unwrap();
        let gzip: Bytes = gzip.finish().unwrap().into();
        let cut = decompressed(gzip.slice(..gzip.len() - 12), Some("gzip"));
        assert!(!cut.is_empty() && TEXT.starts_with(&cut), "{cut:?}");
        assert_eq!(decompressed(gzip.slice(..5), Some("gzip")), "");
    }

    #[test]
    fn decompression_is_bounded() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(&vec![b' '; 2 * MAX_REPLY_BYTES]).unwrap();
        assert_eq!(decompressed(gzip.finish().unwrap().into(), None).len(), MAX_REPLY_BYTES);
    }
}
