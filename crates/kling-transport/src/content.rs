//! The first bytes of a download, and whether they begin the output that was promised.

use std::fmt;

use infer::MatcherType;
use kling_types::OutputKind;

/// How much of a file is looked at, in bytes.
pub(crate) const HEAD_BYTES: usize = 1024;

/// The content that a download must have; anything else is tried again and then refused, and the file does not appear.
///
/// The first kilobyte decides, whatever the host calls it: pages of a CDN and texts of error come under 200 as well.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum ExpectedContent {
    /// Any bytes, and none as well.
    Anything,
    /// Any content but an empty file, text, markup, archives, programs and documents.
    #[default]
    Media,
    /// A known format of this kind. Formats that hold both sound and video count as both.
    Kind(OutputKind),
}

impl ExpectedContent {
    /// Judges the head of a file, which is all of a shorter one.
    pub(crate) fn check(self, head: &[u8]) -> Result<(), String> {
        let found = Content::of(head);
        let fits = match self {
            Self::Anything => true,
            Self::Media => matches!(found, Content::Media(..) | Content::Unknown),
            Self::Kind(kind) => matches!(found, Content::Media(_, kinds) if kinds.contains(&kind)),
        };
        if fits { Ok(()) } else { Err(format!("found {found}, expected {self}")) }
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

/// The content that a file begins with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Content {
    Empty,
    Html,
    Json,
    Markup,
    Text,
    /// A format of media, with the kinds of output that it may hold.
    Media(&'static str, &'static [OutputKind]),
    /// A format of something else.
    Other(&'static str),
    Unknown,
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "an empty file",
            Self::Html => "a page of HTML",
            Self::Json => "JSON",
            Self::Markup => "XML",
            Self::Text => "plain text",
            Self::Media(format, _) | Self::Other(format) => format,
            Self::Unknown => "bytes of no known format",
        })
    }
}

const AUDIO: &[OutputKind] = &[OutputKind::Audio];
const IMAGE: &[OutputKind] = &[OutputKind::Image];
const CLIP: &[OutputKind] = &[OutputKind::Video, OutputKind::Audio];

impl Content {
    fn of(head: &[u8]) -> Self {
        if head.is_empty() {
            return Self::Empty;
        }
        // Text comes first: its letters may spell the marks of a format, as "BM" does.
        text(head).or_else(|| container(head)).unwrap_or_else(|| known(head))
    }
}

/// Text, by its having none of the control bytes that every format of media has.
fn text(head: &[u8]) -> Option<Content> {
    const UTF16: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];
    if UTF16.iter().any(|mark| head.starts_with(mark)) {
        return Some(Content::Text);
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
        Some(b'{' | b'[') => Content::Json,
        Some(b'<') if begins(&["<svg"]) => Content::Media("SVG", IMAGE),
        Some(b'<') if begins(&["<?xml", "<!--", "<!doctype svg"]) && text.contains("<svg") => {
            Content::Media("SVG", IMAGE)
        }
        Some(b'<') if begins(&["<!doctype html"]) || text.contains("<html") => Content::Html,
        Some(b'<') => Content::Markup,
        _ => Content::Text,
    })
}

/// Containers of which only some variants are widely listed. A clip was paid for, so all of them count.
fn container(head: &[u8]) -> Option<Content> {
    const EBML: &[u8] = b"\x1a\x45\xdf\xa3";
    /// The length of a packet of an MPEG transport stream, which begins with the same letter each time.
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
    // A frame of MPEG audio, without any tag before it.
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
    fn media_is_known_by_its_kind() {
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
    fn no_text_and_no_archive_is_media_and_what_was_found_is_said() {
        let cases: [(&[u8], &str); 10] = [
            (b"", "an empty file"),
            (b" \n", "plain text"),
            (b"\xef\xbb\xbf {\"error\": 1}", "JSON"),
            (b"<?xml version=\"1.0\"?><Error/>", "XML"),
            (b"\n<!DOCTYPE html><svg>", "a page of HTML"),
            (b"not freely given", "plain text"),
            (b"BM, RIFF, ID3, GIF", "plain text"),
            (b"\xfcber \xe4ltere Texte", "plain text"),
            (b"\x1f\x8b\x08\0\0\0\0\0", "application/gzip"),
            (b"PK\x03\x04\x14\0\0\0", "application/zip"),
        ];
        for (head, found) in cases {
            let refused = ExpectedContent::Media.check(head).unwrap_err();
            assert_eq!(refused, format!("found {found}, expected audio, an image or video"));
            assert_eq!(kinds(head), [], "{found}");
            assert_eq!(ExpectedContent::Anything.check(head), Ok(()));
        }
    }

    #[test]
    fn an_unknown_format_passes_where_no_kind_was_promised() {
        let head = b"glTF\x02\0\0\0\x10\0\0\0";
        assert_eq!(ExpectedContent::Media.check(head), Ok(()));
        let refused = ExpectedContent::Kind(OutputKind::Video).check(head).unwrap_err();
        assert_eq!(refused, "found bytes of no known format, expected video");
    }
}
