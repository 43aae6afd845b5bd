//! Text of the user in messages, at a length that can be read.

use std::borrow::Cow;
use std::path::Path;

/// The most characters of one name in a message.
const NAME: usize = 200;

/// A name from the command line, cut in the middle if it is long.
pub(crate) fn name(text: &str) -> Cow<'_, str> {
    cut(text, NAME)
}

/// A path, cut in the middle if it is long.
pub(crate) fn path(path: &Path) -> String {
    name(&path.to_string_lossy()).into_owned()
}

/// A text of at most `most` characters, and a count of those left out.
pub(crate) fn cut(text: &str, most: usize) -> Cow<'_, str> {
    let count = text.chars().count();
    if count <= most {
        return text.into();
    }
    let place = |index| text.char_indices().nth(index).map_or(text.len(), |(at, _)| at);
    let (head, tail) = (&text[..place(most * 3 / 4)], &text[place(count - most / 4)..]);
    format!("{head}…{tail} ({count} characters)").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_in_the_middle() {
        assert_eq!(name("clip.mp4"), "clip.mp4");
        assert_eq!(cut("äbcdefghijklmnop", 8), "äbcdef…op (16 characters)");
        assert_eq!(
            name(&"x".repeat(1_000_000)).chars().count(),
            NAME + "… (1000000 characters)".chars().count()
        );
    }
}
