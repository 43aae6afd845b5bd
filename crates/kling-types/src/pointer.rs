//! A JSON pointer that costs nothing until something is wrong.

use std::borrow::Cow;
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

    /// The property `name` of the object at this place, known when the program is compiled.
    #[must_use]
    pub const fn property(&'a self, name: PropertyName) -> Self {
        Self { parent: Some(self), step: Step::Property(name) }
    }

    /// The RFC 6901 form, in memory that is taken once, or none for a known property of the whole document.
    #[inline]
    pub(crate) fn to_text(self) -> Cow<'static, str> {
        match (self.parent, self.step) {
            (
                Some(Self { parent: None, .. }),
                Step::Property(PropertyName { pointer: Some(pointer), .. }),
            ) => pointer.into(),
            _ => self.written().into(),
        }
    }

    #[inline(never)]
    fn written(&self) -> String {
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
            Step::Key(key) | Step::Property(PropertyName { name: key, .. }) => key.len(),
        };
        self.parent.map_or(0, |parent| parent.text_len() + 1 + own)
    }

    fn write(&self, out: &mut impl Write) -> fmt::Result {
        let Some(parent) = self.parent else { return Ok(()) };
        parent.write(out)?;
        out.write_char('/')?;
        let key = match self.step {
            Step::Index(index) => return write!(out, "{index}"),
            Step::Key(key) | Step::Property(PropertyName { name: key, .. }) => key,
        };
        match key {
            key if key.bytes().any(|byte| matches!(byte, b'~' | b'/')) => {
                out.write_str(&key.replace('~', "~0").replace('/', "~1"))
            }
            key => out.write_str(key),
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
    Property(PropertyName),
}

/// The name of a property that is known when the program is compiled, with its pointer from the whole document.
///
/// Generated validators use it: the pointer of such a property costs no memory.
#[derive(Clone, Copy, Debug)]
pub struct PropertyName {
    name: &'static str,
    pointer: Option<&'static str>,
}

impl PropertyName {
    /// The property `name`, where `pointer` is the same behind a `/`; a name that has to be escaped is escaped when needed.
    #[must_use]
    pub const fn new(name: &'static str, pointer: &'static str) -> Self {
        let (bytes, mut index) = (name.as_bytes(), 0);
        while index < bytes.len() {
            if matches!(bytes[index], b'~' | b'/') {
                return Self { name, pointer: None };
            }
            index += 1;
        }
        Self { name, pointer: Some(pointer) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_property_reads_like_any_other_and_takes_memory_only_below_the_top() {
        let (plain, odd) = (PropertyName::new("a", "/a"), PropertyName::new("a/~b", "/a/~b"));
        let root = Pointer::ROOT;
        assert!(matches!(root.property(plain).to_text(), Cow::Borrowed("/a")));
        assert_eq!(root.property(odd).to_text(), root.key("a/~b").to_text());
        assert_eq!(root.property(odd).property(plain).to_text(), "/a~1~0b/a");
        assert_eq!(root.property(plain).index(3).to_text(), "/a/3");
    }
}
