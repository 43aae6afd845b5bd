//! Foreign text made safe to show: one line, no control characters, no URL queries, bounded.

/// The longest text shown of a reply, in characters.
const MAX_CHARS: usize = 400;
/// The longest name shown, in characters.
const MAX_SHORT_CHARS: usize = 80;

/// The end of a URL's scheme, plain and as some JSON writers escape it.
const SCHEME_ENDS: [&str; 2] = ["://", r":\/\/"];

/// Returns a server's text as one line. Queries of URLs are removed, since they may carry signatures.
pub(crate) fn text(text: &str) -> String {
    let words = text.split(|letter: char| letter.is_whitespace() || is_unsafe_on_terminal(letter));
    let line: Vec<_> = words.filter(|word| !word.is_empty()).map(without_query).collect();
    cut(&line.join(" "), MAX_CHARS)
}

/// Whether a terminal may interpret a character, break the line at it, or reorder the text around it. These are control
/// characters, line and paragraph separators, direction marks, and invisible marks.
#[doc(hidden)]
#[must_use]
pub const fn is_unsafe_on_terminal(letter: char) -> bool {
    matches!(letter,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// Returns bytes as one line, whether they are text or not.
pub(crate) fn bytes(bytes: &[u8]) -> String {
    // A character has at most four bytes, so this is enough.
    let head = &bytes[..bytes.len().min(MAX_CHARS * 8)];
    text(&String::from_utf8_lossy(head))
}

/// Returns a name from the user, shortened.
pub(crate) fn name(text: &str) -> String {
    cut(text, MAX_SHORT_CHARS)
}

fn cut(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Removes the queries from a word. A query ends with the word, a quote or an angle bracket. Commas and other brackets
/// may be part of it.
fn without_query(word: &str) -> String {
    let Some(scheme) = SCHEME_ENDS.iter().filter_map(|end| word.find(end)).min() else {
        return word.to_owned();
    };
    let Some(query) = word[scheme..].find('?').map(|at| scheme + at) else {
        return word.to_owned();
    };
    let end = word[query..].find(['"', '<', '>']).map_or(word.len(), |at| query + at);
    // In JSON within a text, the quote is escaped.
    let end = word[..end].trim_end_matches('\\').len();
    format!("{}?…{}", &word[..query], without_query(&word[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_and_line_breaks_are_removed() {
        assert_eq!(text("bad\u{1b}[31m\r\n  input\u{7}"), "bad [31m input");
        assert_eq!(text("one\u{2028}two\u{2029}three\u{85}four\u{b}five"), "one two three four five");
    }

    #[test]
    fn direction_marks_and_invisible_marks_are_removed() {
        for mark in "\u{202e}\u{2066}\u{2069}\u{200f}\u{61c}\u{feff}\u{2060}\u{fffa}".chars() {
            assert_eq!(text(&format!("clip{mark}4pm.exe")), "clip 4pm.exe", "{}", mark.escape_unicode());
        }
        // Emoji and Persian need their joiners.
        assert_eq!(
            text("\u{1f469}\u{200d}\u{1f3a8} \u{646}\u{200c}\u{645}"),
            "\u{1f469}\u{200d}\u{1f3a8} \u{646}\u{200c}\u{645}"
        );
    }

    #[test]
    fn queries_of_urls_are_removed() {
        let message =
            r#"cannot read "https://a.example/x.jpg?sig=1&k=2", nor https://b.example/?q=3 (is it public?)"#;
        assert_eq!(
            text(message),
            r#"cannot read "https://a.example/x.jpg?…", nor https://b.example/?… (is it public?)"#
        );
    }

    #[test]
    fn a_query_may_contain_commas_and_brackets() {
        let leaks = [
            (
                "no https://a/b.jpg?x-oss-process=image/resize,w_100&Signature=S here",
                "no https://a/b.jpg?… here",
            ),
            ("(https://a/b?f(x)='y'&sig=S) or", "(https://a/b?… or"),
            (r#"{"url":"https:\/\/a\/b?sig=S","x":1}"#, r#"{"url":"https:\/\/a\/b?…","x":1}"#),
            (r#""{\"url\":\"https://a/b?sig=S\"}""#, r#""{\"url\":\"https://a/b?…\"}""#),
            ("<a href=https://a/?s=S>https://b/?s=S</a>", "<a href=https://a/?…>https://b/?…</a>"),
        ];
        for (message, shown) in leaks {
            assert_eq!(text(message), shown);
        }
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(text(&"é".repeat(1000)).chars().count(), MAX_CHARS + 1);
        assert_eq!(bytes(&[0xff; 10_000]).chars().count(), MAX_CHARS + 1);
    }
}
