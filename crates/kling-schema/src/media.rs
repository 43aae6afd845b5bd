//! Which properties are media: by format, by rules, and by name, since no one of them is enough.

use kling_types::MediaKind;
use serde_json::Value;

/// The formats that name media, singular and plural.
const FORMATS: [(&str, MediaKind); 6] = [
    ("audio_uri", MediaKind::Audio),
    ("audio_uris", MediaKind::Audio),
    ("image_uri", MediaKind::Image),
    ("image_uris", MediaKind::Image),
    ("video_uri", MediaKind::Video),
    ("video_uris", MediaKind::Video),
];

/// The kind of media that a format names.
pub(crate) fn kind_of_format(format: &str) -> Option<MediaKind> {
    FORMATS.iter().find(|(name, _)| *name == format).map(|(_, kind)| *kind)
}

/// Whether a schema inside this one, of elements or of a form of a choice, names media by its format.
pub(crate) fn holds_media(schema: &Value) -> bool {
    let forms = ["anyOf", "oneOf"].into_iter().filter_map(|choice| schema.get(choice)?.as_array()).flatten();
    let is_media =
        |inner: &Value| inner.get("format").and_then(Value::as_str).and_then(kind_of_format).is_some();
    forms.chain(schema.get("items")).any(|inner| is_media(inner) || holds_media(inner))
}

/// The kind of media that a name suggests: its words hold a kind, and it ends in the kind itself or in `url`.
///
/// Kling 1.6's own two fields have no format, so the name has to do.
pub(crate) fn kind_of_name(name: &str) -> Option<MediaKind> {
    let words = words(name);
    let last = words.last()?;
    let named = words.iter().rev().find_map(|word| kind_of_word(word));
    let is_reference =
        matches!(last.as_str(), "uri" | "uris" | "url" | "urls") || kind_of_word(last).is_some();
    named.filter(|_| is_reference)
}

fn kind_of_word(word: &str) -> Option<MediaKind> {
    match word {
        "audio" | "audios" => Some(MediaKind::Audio),
        "frame" | "image" | "images" => Some(MediaKind::Image),
        "video" | "videos" => Some(MediaKind::Video),
        _ => None,
    }
}

/// The words of a snake-case or camel-case name, in lower case, without the digits that number it.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for letter in name.chars() {
        if letter.is_ascii_uppercase() || !letter.is_ascii_alphabetic() {
            words.push(String::new());
        }
        if let (Some(word), true) = (words.last_mut(), letter.is_ascii_alphabetic()) {
            word.push(letter.to_ascii_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_the_catalog_uses_for_media_are_known() {
        for name in [
            "image_url",
            "image",
            "images",
            "image_urls",
            "start_image_url",
            "first_frame",
            "tail_image_url",
            "image_url_9",
            "promptImage",
            "end_image",
        ] {
            assert_eq!(kind_of_name(name), Some(MediaKind::Image), "{name}");
        }
        assert_eq!(kind_of_name("video_url"), Some(MediaKind::Video));
        assert_eq!(kind_of_name("reference_audio"), Some(MediaKind::Audio));
    }

    #[test]
    fn other_names_are_not() {
        for name in ["prompt", "image_size", "video_length", "url", "frame_rate", "", "_"] {
            assert_eq!(kind_of_name(name), None, "{name}");
        }
    }
}
