//! The text of a media reference, judged by its form: an `https` URL, or a base64 `data:` URI.

/// What is wrong with a reference, in words that quote nothing of it.
pub(crate) fn fault(text: &str) -> Option<&'static str> {
    if let Some(rest) = strip_scheme(text, "https:") {
        return url_fault(rest);
    }
    if let Some(rest) = strip_scheme(text, "data:") {
        return data_fault(rest);
    }
    Some(match text.split_once(':') {
        None if text.is_empty() => "an empty text",
        None if is_raw_base64(text) => "raw base64 without a data: uri around it",
        None => "text that is no url",
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("http") => "an http url",
        Some(_) => "text that is no https url",
    })
}

/// Whether a text looks like a whole file in base64 alone: it begins as such files do, or is longer than any path.
pub(crate) fn is_raw_base64(text: &str) -> bool {
    /// JPEG, PNG, GIF, the family of WebP, and that of HEIC, AVIF and MP4.
    const STARTS: [&str; 5] = ["/9j/", "iVBORw0KGgo", "R0lGOD", "UklGR", "AAAA"];
    const SHORTEST: usize = 64;
    const LONGEST_PATH: usize = 4096;
    let text = text.trim();
    let is_symbol = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=-_\r\n".contains(&byte);
    let begins = || text.len() >= SHORTEST && STARTS.iter().any(|start| text.starts_with(start));
    (text.len() > LONGEST_PATH || begins()) && text.bytes().all(is_symbol)
}

/// What stands behind a scheme, which may be written in capitals. Nearly none is: to compare letter by letter first would
/// take a tenth of a whole validation.
#[inline]
pub(crate) fn strip_scheme<'t>(text: &'t str, scheme: &str) -> Option<&'t str> {
    text.strip_prefix(scheme).or_else(|| strip_in_any_case(text, scheme))
}

#[cold]
fn strip_in_any_case<'t>(text: &'t str, scheme: &str) -> Option<&'t str> {
    let (start, rest) = text.split_at_checked(scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then_some(rest)
}

fn url_fault(rest: &str) -> Option<&'static str> {
    let Some(rest) = rest.strip_prefix("//") else { return Some("an https url without //") };
    let rest = rest.as_bytes();
    let is_visible = |byte| (byte > b' ') & (byte != 0x7f);
    // One pass is enough for nearly every URL: without an @ the host is what comes first.
    let is_plain = all(rest, |byte| is_visible(byte) & (byte != b'@'));
    let host = if is_plain { rest } else { behind_credentials(rest) };
    if matches!(host, [] | [b':' | b'/' | b'?' | b'#', ..]) {
        return Some("an https url without a host");
    }
    (!is_plain && !all(rest, is_visible)).then_some("a url with blanks or control characters")
}

/// A URL from its host on: behind the last @ before the path.
fn behind_credentials(rest: &[u8]) -> &[u8] {
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let at = rest[..end].iter().rposition(|&byte| byte == b'@');
    at.map_or(rest, |at| &rest[at + 1..])
}

fn data_fault(rest: &str) -> Option<&'static str> {
    let Some((head, payload)) = rest.split_once(',') else { return Some("a data: uri without a comma") };
    let Some(media_type) = head.strip_suffix(";base64") else {
        return Some("a data: uri that is not base64");
    };
    if !media_type.contains('/') || !all(media_type.as_bytes(), |byte| byte > b' ' && byte < 0x7f) {
        return Some("a data: uri without a media type");
    }
    if payload.is_empty() {
        return Some("a data: uri without content");
    }
    (!is_base64(payload.as_bytes())).then_some("a data: uri with broken base64")
}

/// Standard alphabet, padded. The last symbol may say more than the bytes need, as some encoders leave it.
fn is_base64(payload: &[u8]) -> bool {
    let padding = payload.iter().rev().take(2).take_while(|&&byte| byte == b'=').count();
    let symbols = &payload[..payload.len() - padding];
    let is_symbol = |byte: u8| byte.is_ascii_alphanumeric() | (byte == b'+') | (byte == b'/');
    payload.len().is_multiple_of(4) && all(symbols, is_symbol)
}

/// Whether `test` holds for every byte. Blocks without an early exit become vector instructions: looking at one byte after
/// the other took as long as the rest of a whole validation. The last block overlaps the one before.
fn all(bytes: &[u8], test: impl Fn(u8) -> bool) -> bool {
    const BLOCK: usize = 32;
    let Some(last) = bytes.last_chunk::<BLOCK>() else { return bytes.iter().all(|&byte| test(byte)) };
    let holds = |block: &[u8; BLOCK]| block.iter().fold(true, |holds, &byte| holds & test(byte));
    bytes.as_chunks().0.iter().fold(true, |all, block| all & holds(block)) & holds(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_taken() {
        for text in [
            "https://a",
            "HTTPS://a",
            "Https://a/B?c",
            "Data:image/png;base64,AAAA",
            "https://user@host:1/p?q#f",
            "data:image/png;base64,AAAA",
            "data:image/png;base64,AA==",
        ] {
            assert_eq!(fault(text), None, "{text}");
        }
    }

    #[test]
    fn a_scheme_is_named_whatever_its_case() {
        assert_eq!((fault("http://a"), fault("HTTP://a")), (Some("an http url"), Some("an http url")));
        assert_eq!(fault("httpé://a"), Some("text that is no https url"));
        assert_eq!(strip_scheme("Data:x", "data:"), Some("x"));
        assert_eq!(strip_scheme("dat", "data:"), None);
    }

    #[test]
    fn raw_base64_is_named_and_a_path_is_none() {
        let found = Some("raw base64 without a data: uri around it");
        for start in ["/9j/4AAQSkZJRg", "iVBORw0KGgoAAAA", "R0lGODlhAQABAIAA", "UklGRiIAAABXRUJQ"] {
            assert_eq!(fault(&format!("{start}{}==", "Ab9+/".repeat(20))), found, "{start}");
            assert_eq!(fault(&format!(" {start}{}\r\n", "Ab9_-\n".repeat(20))), found, "{start}");
        }
        assert_eq!(fault(&"Qk0A".repeat(2000)), found);
        for path in
            ["/9j/photo.jpg", "/9j/photo", &format!("/9j/{}.jpg", "photo/".repeat(20)), &"x/".repeat(99)]
        {
            assert_eq!(fault(path), Some("text that is no url"), "{path}");
        }
    }

    #[test]
    fn everything_else_is_named_without_being_quoted() {
        for text in [
            "",
            "photo.jpg",
            "http://a",
            "ftp://a",
            "HTTPS:a",
            "HTTP://a",
            "https:a",
            "https://",
            "https://:1/",
            "https://a b",
            "https://a\n",
            "data:",
            "data:image/png,x",
            "data:;base64,AAAA",
            "data:image/png;base64,",
            "data:image/png;base64,A",
            "data:image/png;base64,A===",
            "data:image/png;base64,AA~=",
            "data:image png/x;base64,AAAA",
        ] {
            let found = fault(text).unwrap_or_else(|| panic!("{text:?} was taken"));
            assert!(text.len() <= "data:".len() || !found.contains(text), "{found}");
        }
    }
}
