//! An image for an input: a media reference with the facts of its file.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use kling_types::any_of::HasForm;
use kling_types::object::{IntoField, PropertyRules};
use kling_types::{ImageFormat, List, MediaFacts, MediaRef, Pointer, Violations};

use crate::error::Kind;
use crate::header::{from_bytes, require_regular};
use crate::{Error, Reference, encode_data_uri};

/// An image for an input: a `data:` URI with the facts of its file, or a URL without facts.
///
/// The file is read once, measured once and encoded once. A setter of a builder checks the facts by the media rules of the
/// model. The media type of the `data:` URI follows the bytes, not the file name.
///
/// ```
/// use kling_media::Image;
/// let image = Image::bytes(b"GIF89a\x40\x01\xf0\x00\x00\x00\x00;")?;
/// assert_eq!(image.facts().and_then(|facts| facts.width), Some(320));
/// assert!(image.reference().as_str().starts_with("data:image/gif;base64,"));
/// assert_eq!(Image::url("https://example.com/start.jpg")?.facts(), None);
/// # Ok::<(), kling_media::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    reference: MediaRef,
    facts: Option<MediaFacts>,
}

impl Image {
    /// The most bytes of a file inside a request: 47 MiB. In base64 they stay below 64 MiB, the limit of a request.
    pub const MAX_BYTES: u64 = 47 * 1024 * 1024;

    /// Reads a local file. The bytes of the file become part of the request.
    ///
    /// # Errors
    /// [`Error`] if the file cannot be read, is no image, is truncated, or has more than [`MAX_BYTES`](Self::MAX_BYTES). The
    /// message names the file.
    pub fn file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let image = read(path).and_then(Self::bytes);
        image.map_err(|error| error.in_file(path))
    }

    /// Takes a whole file in memory. The bytes become part of the request.
    ///
    /// # Errors
    /// [`Error`] if the bytes are no image, are truncated, or are more than [`MAX_BYTES`](Self::MAX_BYTES).
    pub fn bytes(bytes: impl AsRef<[u8]>) -> Result<Self, Error> {
        let bytes = bytes.as_ref();
        require_small(bytes.len() as u64)?;
        let facts = from_bytes(bytes)?;
        let media_type = facts.format.map_or("image/*", ImageFormat::media_type);
        let reference = MediaRef::new(encode_data_uri(media_type, bytes));
        let reference = reference.map_err(|_| Kind::DataUri("a broken data: uri"))?;
        Ok(Self { reference, facts: Some(facts) })
    }

    /// Takes an `https` URL that the provider can fetch. Checks its form, and sends no request.
    ///
    /// # Errors
    /// [`Error`] if the text is no `https` URL. The message does not quote the text.
    pub fn url(url: impl Into<String>) -> Result<Self, Error> {
        let url = url.into();
        if let Reference::DataUri(_) = Reference::parse(&url) {
            return Err(Kind::Url("a data: uri".into()).into());
        }
        let reference = MediaRef::new(url).map_err(|violation| Kind::Url(violation.found().into()))?;
        Ok(Self { reference, facts: None })
    }

    /// Returns the reference as it is sent.
    #[must_use]
    pub const fn reference(&self) -> &MediaRef {
        &self.reference
    }

    /// Returns the facts of the file. An image by its URL has none.
    #[must_use]
    pub const fn facts(&self) -> Option<&MediaFacts> {
        self.facts.as_ref()
    }

    /// Checks the facts by the rules of a property.
    fn check(&self, rules: PropertyRules) -> Violations {
        self.facts.as_ref().map(|facts| rules.check(facts)).unwrap_or_default()
    }
}

/// The form of an image as a value of a property.
#[derive(Debug)]
#[doc(hidden)]
pub enum OfImage {}

impl<T: HasForm<MediaRef>> IntoField<T, OfImage> for Image {
    fn into_field(self, rules: PropertyRules) -> Result<Option<T>, Violations> {
        self.check(rules).into_result().map(|()| Some(T::from_form(self.reference)))
    }
}

impl<const MIN: u64, const MAX: u64> IntoField<List<MediaRef, MIN, MAX>, OfImage> for Vec<Image> {
    fn into_field(self, rules: PropertyRules) -> Result<Option<List<MediaRef, MIN, MAX>>, Violations> {
        list(self, rules)
    }
}

impl<const MIN: u64, const MAX: u64, const N: usize> IntoField<List<MediaRef, MIN, MAX>, OfImage>
    for [Image; N]
{
    fn into_field(self, rules: PropertyRules) -> Result<Option<List<MediaRef, MIN, MAX>>, Violations> {
        list(self, rules)
    }
}

/// Returns a list of references, or every violation: of the number of images, then of each.
fn list<const MIN: u64, const MAX: u64>(
    images: impl IntoIterator<Item = Image, IntoIter: ExactSizeIterator>,
    rules: PropertyRules,
) -> Result<Option<List<MediaRef, MIN, MAX>>, Violations> {
    let (mut violations, mut references) = (Violations::new(), Vec::new());
    let images = images.into_iter();
    violations.extend(List::<MediaRef, MIN, MAX>::BOUNDS.check(images.len()).err());
    for (index, image) in images.enumerate() {
        let broken = image.check(rules).into_iter();
        violations.extend(broken.map(|violation| violation.within(Pointer::ROOT.index(index))));
        references.push(image.reference);
    }
    violations.into_result()?;
    Ok(Some(List::new(references)?))
}

/// Reads a whole file, at most one byte beyond the limit.
fn read(path: &Path) -> Result<Vec<u8>, Error> {
    // Before the file is opened, since opening a pipe blocks.
    let metadata = fs::metadata(path)?;
    require_regular(&metadata)?;
    require_small(metadata.len())?;
    let mut bytes = Vec::new();
    File::open(path)?.take(Image::MAX_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn require_small(bytes: u64) -> Result<(), Error> {
    if bytes > Image::MAX_BYTES { Err(Kind::TooLarge(bytes).into()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIF: &[u8] = b"GIF89a\x40\x01\xf0\x00\x00\x00\x00;";

    /// Returns the image of a file with this content, which is removed at once.
    fn of_file(name: &str, content: &[u8]) -> Result<Image, Error> {
        let path = std::env::temp_dir().join(format!("kling-media-{}-{name}", std::process::id()));
        fs::write(&path, content).unwrap();
        let image = Image::file(&path);
        fs::remove_file(&path).unwrap();
        image
    }

    #[test]
    fn a_file_and_its_bytes_are_the_same_image() {
        let image = Image::bytes(GIF).unwrap();
        assert_eq!(image.reference().as_str(), encode_data_uri("image/gif", GIF));
        assert_eq!(image.facts(), Some(&MediaFacts::image(ImageFormat::Gif, 320, 240, GIF.len() as u64)));
        assert_eq!(of_file("named.png", GIF).unwrap(), image, "the bytes decide the media type");
    }

    #[test]
    fn each_refusal_of_a_file_names_the_file() {
        let text = of_file("text.png", b"hello, this is text").unwrap_err();
        assert!(text.is_not_an_image() && text.to_string().contains("text.png\": got no image"), "{text}");
        assert!(of_file("torn.gif", &GIF[..GIF.len() - 1]).unwrap_err().is_truncated());
        let missing = Image::file("no/such\nfile.jpg").unwrap_err();
        assert!(missing.is_io());
        assert!(
            missing.to_string().starts_with(r#""no/such\nfile.jpg": the file cannot be read"#),
            "{missing}"
        );
        assert!(Image::file(".").unwrap_err().is_io());
    }

    #[test]
    fn a_file_that_is_too_large_is_not_read() {
        let path = std::env::temp_dir().join(format!("kling-media-large-{}", std::process::id()));
        File::create(&path).unwrap().set_len(Image::MAX_BYTES + 1).unwrap();
        let error = Image::file(&path).unwrap_err();
        fs::remove_file(&path).unwrap();
        assert!(error.is_too_large() && error.is_violation());
        let message = error.violation("/image_url").unwrap().to_string();
        assert_eq!(
            message,
            "/image_url: got 49283073 bytes; expected at most 49283072 bytes inside a request"
        );
    }

    #[test]
    fn only_an_https_url_is_an_image_by_url() {
        assert_eq!(Image::url("https://a.b/c.jpg").unwrap().reference().as_str(), "https://a.b/c.jpg");
        for (text, found) in [
            ("http://a.b/c.jpg?secret", "an http URL"),
            ("start.jpg", "text that is not a URL"),
            ("data:image/png;base64,AAAA", "a data: uri"),
        ] {
            let error = Image::url(text).unwrap_err();
            assert_eq!(error.to_string(), format!("got {found}; expected an https url"));
        }
    }
}
