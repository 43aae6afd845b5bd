//! Foreign text made fit to be shown: one line, no control characters, no URL queries, bounded.

/// The longest text shown of an answer, in characters.
const MAX_CHARS: usize = 400;
/// The longest text shown of a name that a user gave.
const MAX_SHORT_CHARS: usize = 80;

/// What is shown of a server's words: a query in a URL may carry a signature, so it is cut out.
pub(crate) fn of(text: &str) -> String {
    let words = text.split(|letter: char| letter.is_whitespace() || letter.is_control());
    let line: Vec<_> = words.filter(|word| !word.is_empty()).map(without_query).collect();
    cut(&line.join(" "), MAX_CHARS)
}

/// What is shown of bytes that may be no text at all.
pub(crate) fn of_bytes(bytes: &[u8]) -> String {
    // A character has at most four bytes, so this is enough for the text shown.
    let head = &bytes[..bytes.len().min(MAX_CHARS * 8)];
    of(&String::from_utf8_lossy(head))
}

/// What is shown of a name that a user gave.
pub(crate) fn short(text: &str) -> String {
    cut(text, MAX_SHORT_CHARS)
}

fn cut(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn without_query(word: &str) -> String {
    let Some(scheme) = word.find("://") else {
        return word.to_owned();
    };
    let Some(query) = word[scheme..].find('?').map(|at| scheme + at) else {
        return word.to_owned();
    };
    let end = word[query..].find(['"', '\'', '<', '>', ')', ',']).map_or(word.len(), |at| query + at);
    format!("{}?…{}", &word[..query], without_query(&word[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_sequences_and_line_breaks_do_not_survive() {
        assert_eq!(of("bad\u{1b}[31m\r\n  input\u{7}"), "bad [31m input");
    }

    #[test]
    fn queries_of_urls_are_cut_out() {
        let text =
            r#"cannot read "https://a.example/x.jpg?sig=1&k=2", nor https://b.example/?q=3 (is it public?)"#;
        assert_eq!(
            of(text),
            r#"cannot read "https://a.example/x.jpg?…", nor https://b.example/?… (is it public?)"#
        );
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(of(&"é".repeat(1000)).chars().count(), MAX_CHARS + 1);
        assert_eq!(of_bytes(&[0xff; 10_000]).chars().count(), MAX_CHARS + 1);
    }
}
