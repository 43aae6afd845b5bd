//! A JSON pointer that costs nothing until something is wrong.

use std::fmt::{self, Write};

/// A place in a JSON document, as a linked list on the stack of the validator that walks it.
///
/// Nothing is allocated while a document is valid; [`Display`](fmt::Display) writes the RFC 6901 form.
///
/// ```
/// use kling_types::Pointer;
/// let root = Pointer::ROOT;
/// let images = root.key("images");
/// assert_eq!(images.index(2).to_string(), "/images/2");
/// assert_eq!(root.key("a/b").to_string(), "/a~1b");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Pointer<'a> {
    parent: Option<&'a Self>,
    step: Step<'a>,
}

impl<'a> Pointer<'a> {
    /// The whole document: the empty pointer.
    pub const ROOT: Pointer<'static> = Pointer { parent: None, step: Step::Key("") };

    /// The property `key` of the object at this place.
    #[must_use]
    pub const fn key(&'a self, key: &'a str) -> Self {
        Self { parent: Some(self), step: Step::Key(key) }
    }

    /// The RFC 6901 form, in memory that is taken once.
    pub(crate) fn to_text(self) -> String {
        let mut text = String::with_capacity(self.text_len());
        // Writing into a string cannot fail.
        let _ = self.write(&mut text);
        text
    }

    /// How long the text is, escapes left out, which are rare.
    fn text_len(self) -> usize {
        const LONGEST_INDEX: usize = 4;
        let own = match self.step {
            Step::Index(_) => LONGEST_INDEX,
            Step::Key(key) => key.len(),
        };
        self.parent.map_or(0, |parent| parent.text_len() + 1 + own)
    }

    fn write(&self, out: &mut impl Write) -> fmt::Result {
        let Some(parent) = self.parent else { return Ok(()) };
        parent.write(out)?;
        out.write_char('/')?;
        match self.step {
            Step::Index(index) => write!(out, "{index}"),
            Step::Key(key) if key.bytes().any(|byte| matches!(byte, b'~' | b'/')) => {
                out.write_str(&key.replace('~', "~0").replace('/', "~1"))
            }
            Step::Key(key) => out.write_str(key),
        }
    }

    /// The element `index` of the array at this place.
    #[must_use]
    pub const fn index(&'a self, index: usize) -> Self {
        Self { parent: Some(self), step: Step::Index(index) }
    }
}

impl fmt::Display for Pointer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f)
    }
}

#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Index(usize),
    Key(&'a str),
}
