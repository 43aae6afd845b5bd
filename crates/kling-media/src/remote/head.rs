//! The start of an answer, as a value: its status, and the few headers that a check goes by.

/// What a server answers before the body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) location: Option<String>,
    /// The size of the body, where it is said.
    pub(super) length: Option<u64>,
    pub(super) range: Option<ContentRange>,
    /// Whether the body is compressed, so that its bytes are not those of the file.
    pub(super) is_encoded: bool,
    /// What the server calls the file, short and printable.
    pub(super) media_type: Option<String>,
}

impl Head {
    /// Reads the headers by their names in lower case.
    pub(super) fn new<'h>(status: u16, header: impl Fn(&'static str) -> Option<&'h str>) -> Self {
        Self {
            status,
            location: header("location").map(str::to_owned),
            length: header("content-length").and_then(|length| length.trim().parse().ok()),
            range: header("content-range").and_then(ContentRange::parse),
            is_encoded: header("content-encoding").is_some_and(|coding| {
                !coding.trim().is_empty() && !coding.trim().eq_ignore_ascii_case("identity")
            }),
            media_type: header("content-type").and_then(media_type),
        }
    }
}

/// The part of a file that an answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ContentRange {
    /// The first byte and the one behind the last; none where no part could be given.
    pub(super) part: Option<(u64, u64)>,
    /// The size of the whole file, where the server knows it.
    pub(super) total: Option<u64>,
}

impl ContentRange {
    /// Reads `bytes 0-499/1234`, `bytes 0-499/*` or `bytes */1234`; what contradicts itself is nothing.
    fn parse(text: &str) -> Option<Self> {
        let (part, total) = text.trim().strip_prefix("bytes")?.trim_start().split_once('/')?;
        let total = match total.trim() {
            "*" => None,
            total => Some(total.parse().ok()?),
        };
        let part = match part.trim() {
            "*" => None,
            part => {
                let (first, last) = part.split_once('-')?;
                Some((first.parse().ok()?, last.parse::<u64>().ok()?.checked_add(1)?))
            }
        };
        let fits = part.is_none_or(|(start, end)| start < end && total.is_none_or(|total| end <= total));
        fits.then_some(Self { part, total })
    }
}

/// `text/html; charset=utf-8` as `text/html`, if it is one: it is printed.
fn media_type(text: &str) -> Option<String> {
    const LONGEST: usize = 80;
    let name = text.split(';').next()?.trim().to_ascii_lowercase();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/+-._".contains(&byte);
    (name.contains('/') && name.len() <= LONGEST && name.bytes().all(is_plain)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_and_lies_are_not() {
        let read = |text| ContentRange::parse(text).map(|range| (range.part, range.total));
        assert_eq!(read("bytes 0-499/1234"), Some((Some((0, 500)), Some(1234))));
        assert_eq!(read("bytes 5-5/*"), Some((Some((5, 6)), None)));
        assert_eq!(read("bytes */7"), Some((None, Some(7))));
        for lie in [
            "bytes 5-4/10",
            "bytes 0-10/10",
            "0-1/2",
            "bytes 0-1",
            "bytes a-b/c",
            "bytes 0-18446744073709551615/*",
        ] {
            assert_eq!(read(lie), None, "{lie}");
        }
    }

    #[test]
    fn a_media_type_is_printed_only_if_it_is_one() {
        assert_eq!(media_type("Text/HTML; charset=utf-8").as_deref(), Some("text/html"));
        assert_eq!(media_type("image/svg+xml").as_deref(), Some("image/svg+xml"));
        for odd in ["", "html", "text/\u{1b}[31m", &format!("a/{}", "b".repeat(100))] {
            assert_eq!(media_type(odd), None, "{odd}");
        }
    }
}
