//! What a media reference is: a `data:` URI, a URL, or the path of a local file.

use std::path::Path;

use kling_types::MediaRef;

/// A media reference by its form alone; whether anything stands behind it is for a check to find out.
///
/// ```
/// use kling_media::Reference;
/// assert!(matches!(Reference::parse("https://example.com/a.jpg"), Reference::Url(_)));
/// assert!(matches!(Reference::parse("data:image/png;base64,AAAA"), Reference::DataUri(_)));
/// assert!(matches!(Reference::parse("holiday.jpg"), Reference::Path(_)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference<'a> {
    /// A file in base64 without the `data:` URI around it, which nobody takes.
    Base64(&'a str),
    /// The file itself, in base64.
    DataUri(&'a str),
    /// A local file.
    Path(&'a Path),
    /// An absolute URL of any scheme.
    Url(&'a str),
}

impl<'a> Reference<'a> {
    /// Reads a reference: a text that begins with `data:`, holds `://` or looks like raw base64 is no path.
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        if text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) {
            Self::DataUri(text)
        } else if text.contains("://") {
            Self::Url(text)
        } else if MediaRef::is_raw_base64(text) {
            Self::Base64(text)
        } else {
            Self::Path(Path::new(text))
        }
    }
}
