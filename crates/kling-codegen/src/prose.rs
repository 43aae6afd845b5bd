//! The provider's prose as Markdown: hostile data that must never become markup, a doctest or code.

use crate::names::capitalised;

/// The longest piece of a value that documentation shows, in characters: live pages have whole prompts as defaults.
const LONGEST_VALUE: usize = 80;

/// Prose on one line, with everything escaped that Markdown, HTML or rustdoc would take for markup.
pub(crate) fn prose(text: &str) -> String {
    let text: String = text.chars().map(|letter| if is_mark(letter) { ' ' } else { letter }).collect();
    let words = text.split_whitespace().map(|word| {
        // A bare URL is a warning of rustdoc, and a link that nobody has checked.
        if word.contains("://") || word.starts_with("www.") {
            format!("`{}`", code(word))
        } else {
            escaped(word)
        }
    });
    unlisted(words.collect::<Vec<_>>().join(" "))
}

/// The line without a first word that would open a list, a heading or a rule.
fn unlisted(line: String) -> String {
    let first = line.split(' ').next().unwrap_or_default();
    let number = first.strip_suffix(['.', ')']).unwrap_or_default();
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    match first.as_bytes() {
        [b'-' | b'='] | [b'-', b'-', ..] | [b'=', b'=', ..] => format!("\\{line}"),
        _ if is_number => format!("{number}\\{}", &line[number.len()..]),
        _ => line,
    }
}

/// Text with a capital at its start and a stop at its end.
pub(crate) fn sentence(text: String) -> String {
    let text = capitalised(&text);
    if text.ends_with(['.', '!', '?', '。', '！', '？']) { text } else { text + "." }
}

/// Text for between backticks.
pub(crate) fn code(text: &str) -> String {
    let clean = text.chars().map(|letter| match letter {
        '`' => '\'',
        letter if is_mark(letter) => ' ',
        letter => letter,
    });
    clean.collect()
}

/// The start of a long text.
pub(crate) fn excerpt(text: &str) -> String {
    match text.char_indices().nth(LONGEST_VALUE) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// Characters that are not seen, or that turn the direction of what is read: the compiler refuses some in comments.
fn is_mark(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(letter, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

fn escaped(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    for letter in word.chars() {
        match letter {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '.' | ',' | ':' | ';' | '\'' | '"' | '/' | '-' | '(' | ')' | '?' | '!' | '%' | '=' => {
                out.push(letter)
            }
            letter if letter.is_ascii_punctuation() => out.extend(['\\', letter]),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_stays_prose() {
        assert_eq!(prose("plain, at 50% (really)."), "plain, at 50% (really).");
        assert_eq!(prose("    fn main() {}\n```\nrm -rf"), "fn main() \\{\\} \\`\\`\\` rm -rf");
        assert_eq!(prose("see [x](y) <b>*bold*</b>"), "see \\[x\\](y) &lt;b&gt;\\*bold\\*&lt;/b&gt;");
        assert_eq!(prose("at https://a/b?c\u{7}"), "at `https://a/b?c`");
        assert_eq!(prose("a\u{202e}b"), "a b");
    }

    #[test]
    fn no_prose_opens_a_block() {
        let lines = ["- item", "1. one", "2) two", "= x", "--- x", "+ x", "# head", "> x", "5 seconds"];
        let plain = [
            "\\- item",
            "1\\. one",
            "2\\) two",
            "\\= x",
            "\\--- x",
            "\\+ x",
            "\\# head",
            "&gt; x",
            "5 seconds",
        ];
        assert_eq!(lines.map(prose), plain);
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        assert_eq!(excerpt(&"字".repeat(100)).chars().count(), 81);
    }
}
