//! A JSON pointer that costs nothing until something is wrong.

use std::fmt;

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

    /// The element `index` of the array at this place.
    #[must_use]
    pub const fn index(&'a self, index: usize) -> Self {
        Self { parent: Some(self), step: Step::Index(index) }
    }
}

impl fmt::Display for Pointer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(parent) = self.parent else { return Ok(()) };
        parent.fmt(f)?;
        match self.step {
            Step::Index(index) => write!(f, "/{index}"),
            Step::Key(key) => {
                f.write_str("/")?;
                write_escaped(key, f)
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Index(usize),
    Key(&'a str),
}

fn write_escaped(key: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if !key.contains(['~', '/']) {
        return f.write_str(key);
    }
    f.write_str(&key.replace('~', "~0").replace('/', "~1"))
}
