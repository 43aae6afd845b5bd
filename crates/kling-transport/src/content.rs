//! The check of the first bytes of a download against the expected media.

use std::fmt;

use infer::MatcherType;
use kling_types::OutputKind;

/// The number of bytes that are checked.
pub(crate) const HEAD_BYTES: usize = 1024;

/// The content that a download must have. Other content is retried, then rejected, and the file does not appear.
///
/// The first kilobyte decides, since hosts send pages and error texts under HTTP 200 too.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum ExpectedContent {
    /// Any bytes, or none.
    Anything,
    /// Any content except an empty file, text, markup, archives, programs and documents.
    #[default]
    Media,
    /// A known format of this kind. A format that holds both sound and video counts as both.
    Kind(OutputKind),
}

impl ExpectedContent {
    /// Checks the head of a file.
    pub(crate) fn check(self, head: &[u8]) -> Result<(), String> {
        let found = Content::of(head);
        let fits = match self {
            Self::Anything => true,
            Self::Media => matches!(found, Content::Media(..) | Content::Unknown),
            Self::Kind(kind) => matches!(found, Content::Media(_, kinds) if kinds.contains(&kind)),
        };
        if fits { Ok(()) } else { Err(format!("got {found}; expected {self}")) }
    }
}

impl fmt::Display for ExpectedContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anything => "anything",
            Self::Kind(OutputKind::Audio) => "audio",
            Self::Kind(OutputKind::Image) => "an image",
            Self::Kind(OutputKind::Video) => "video",
            _ => "audio, an image or video",
        })
    }
}

/// The content of a file by its head.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Content {
    /// A media format, with the kinds of output that it may hold.
    Media(&'static str, &'static [OutputKind]),
    /// Other known content.
    Other(&'static str),
    Unknown,
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Media(name, _) | Self::Other(name) => name,
            Self::Unknown => "an unknown format",
        })
    }
}

const AUDIO: &[OutputKind] = &[OutputKind::Audio];
const IMAGE: &[OutputKind] = &[OutputKind::Image];
const CLIP: &[OutputKind] = &[OutputKind::Video, OutputKind::Audio];

impl Content {
    fn of(head: &[u8]) -> Self {
        if head.is_empty() {
            return Self::Other("an empty file");
        }
        // Text comes first, since its letters may equal the signature of a format, such as "BM".
        text(head).or_else(|| container(head)).unwrap_or_else(|| known(head))
    }
}

/// Recognises text: it has none of the control bytes that media formats have.
fn text(head: &[u8]) -> Option<Content> {
    const UTF16: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];
    if UTF16.iter().any(|mark| head.starts_with(mark)) {
        return Some(Content::Other("plain text"));
    }
    let is_control =
        |byte: &u8| byte.is_ascii_control() && !matches!(byte, b'\t' | b'\n' | 0x0c | b'\r' | 0x1b);
    if head.iter().any(is_control) {
        return None;
    }
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    let text = text.trim_start_matches(|letter: char| letter.is_whitespace() || letter == '\u{feff}');
    let begins = |starts: &[&str]| starts.iter().any(|start| text.starts_with(start));
    Some(match text.as_bytes().first() {
        Some(b'{' | b'[') => Content::Other("JSON"),
        Some(b'<') if begins(&["<svg"]) => Content::Media("SVG", IMAGE),
        Some(b'<') if begins(&["<?xml", "<!--", "<!doctype svg"]) && text.contains("<svg") => {
            Content::Media("SVG", IMAGE)
        }
        Some(b'<') if begins(&["<!doctype html"]) || text.contains("<html") => Content::Other("an HTML page"),
        Some(b'<') => Content::Other("XML"),
        _ => Content::Other("plain text"),
    })
}

/// Recognises containers more broadly than `infer`, which lists only some variants. The clip was paid for.
fn container(head: &[u8]) -> Option<Content> {
    const EBML: &[u8] = b"\x1a\x45\xdf\xa3";
    /// The packet length of an MPEG transport stream. Each packet begins with `G`.
    const PACKET: usize = 188;
    if let [0, _, _, _, b'f', b't', b'y', b'p', brand @ ..] = head {
        return Some(match brand.first_chunk::<4>() {
            Some(b"avif" | b"avis" | b"heic" | b"heix" | b"heim" | b"heis" | b"mif1" | b"msf1" | b"crx ") => {
                Content::Media("an image in a HEIF container", IMAGE)
            }
            Some(b"M4A " | b"M4B " | b"M4P ") => Content::Media("MPEG-4 audio", AUDIO),
            _ => Content::Media("MPEG-4", CLIP),
        });
    }
    let is_box =
        |name: &[u8]| [&b"free"[..], b"mdat", b"moof", b"moov", b"skip", b"styp", b"wide"].contains(&name);
    if head.first() == Some(&0) && head.get(4..8).is_some_and(is_box) {
        return Some(Content::Media("MPEG-4", CLIP));
    }
    if head.starts_with(EBML) {
        return Some(Content::Media("Matroska", CLIP));
    }
    if head.len() > 2 * PACKET && head.iter().step_by(PACKET).all(|byte| *byte == b'G') {
        return Some(Content::Media("an MPEG stream", CLIP));
    }
    // An MPEG audio frame without a tag.
    matches!(head, [0xff, 0xe0..=0xfd, ..]).then_some(Content::Media("MPEG audio", AUDIO))
}

fn known(head: &[u8]) -> Content {
    let Some(format) = infer::get(head) else { return Content::Unknown };
    let name = format.mime_type();
    match format.matcher_type() {
        MatcherType::Audio if name.contains("ogg") => Content::Media(name, CLIP),
        MatcherType::Audio => Content::Media(name, AUDIO),
        MatcherType::Image => Content::Media(name, IMAGE),
        MatcherType::Video => Content::Media(name, CLIP),
        _ => Content::Other(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [OutputKind; 3] = [OutputKind::Audio, OutputKind::Image, OutputKind::Video];

    fn kinds(head: &[u8]) -> Vec<OutputKind> {
        KINDS.into_iter().filter(|kind| ExpectedContent::Kind(*kind).check(head).is_ok()).collect()
    }

    #[test]
    fn media_kinds_are_recognised() {
        use OutputKind::{Audio, Image, Video};
        let stream = [&[b'G', 0x40][..], &[0; 186], b"G\0", &[0xff; 186], b"G\0"].concat();
        let cases: [(&[u8], &[OutputKind]); 14] = [
            (b"\0\0\0\x18ftypmp42\0\0\0\0", &[Audio, Video]),
            (b"\0\0\0\x18ftypiso9\0\0\0\0", &[Audio, Video]),
            (b"\0\0\0\x14ftypqt  \0\0\0\0", &[Audio, Video]),
            (b"\0\0\0\x08wide\0\0\0\0mdat", &[Audio, Video]),
            (b"\x1a\x45\xdf\xa3\x01\0\0\0", &[Audio, Video]),
            (&stream, &[Audio, Video]),
            (b"\0\0\0\x18ftypM4A \0\0\0\0", &[Audio]),
            (b"\0\0\0\x1cftypavif\0\0\0\0", &[Image]),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", &[Image]),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", &[Image]),
            (b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0", &[Audio]),
            (b"ID3\x04\0\0\0\0\0\0", &[Audio]),
            (b"\xff\xf3\x40\xc0\0\0", &[Audio]),
            (b"<?xml version=\"1.0\"?>\n<svg xmlns=\"x\">", &[Image]),
        ];
        for (head, expected) in cases {
            assert_eq!(kinds(head), expected, "{head:?}");
            assert_eq!(ExpectedContent::Media.check(head), Ok(()), "{head:?}");
        }
    }

    #[test]
    fn text_and_archives_are_not_media() {
        let cases: [(&[u8], &str); 10] = [
            (b"", "an empty file"),
            (b" \n", "plain text"),
            (b"\xef\xbb\xbf {\"error\": 1}", "JSON"),
            (b"<?xml version=\"1.0\"?><Error/>", "XML"),
            (b"\n<!DOCTYPE html><svg>", "an HTML page"),
            (b"not freely given", "plain text"),
            (b"BM, RIFF, ID3, GIF", "plain text"),
            (b"\xfcber \xe4ltere Texte", "plain text"),
            (b"\x1f\x8b\x08\0\0\0\0\0", "application/gzip"),
            (b"PK\x03\x04\x14\0\0\0", "application/zip"),
        ];
        for (head, found) in cases {
            let error = ExpectedContent::Media.check(head).unwrap_err();
            assert_eq!(error, format!("got {found}; expected audio, an image or video"));
            assert_eq!(kinds(head), [], "{found}");
            assert_eq!(ExpectedContent::Anything.check(head), Ok(()));
        }
    }

    #[test]
    fn an_unknown_format_passes_as_media_but_not_as_a_kind() {
        let head = b"glTF\x02\0\0\0\x10\0\0\0";
        assert_eq!(ExpectedContent::Media.check(head), Ok(()));
        let error = ExpectedContent::Kind(OutputKind::Video).check(head).unwrap_err();
        assert_eq!(error, "got an unknown format; expected video");
    }
}
