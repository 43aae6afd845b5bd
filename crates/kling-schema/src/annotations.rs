//! Keywords that rule nothing: they are kept as documentation, never dropped.

use std::fmt::Display;

use crate::keywords::Keywords;
use crate::{Annotation, SchemaError};

/// The annotations of JSON Schema and OpenAPI that are no prose; beside them, every keyword that starts with `x-`.
const ANNOTATIONS: [&str; 9] = [
    "$comment",
    "$id",
    "contentEncoding",
    "contentMediaType",
    "deprecated",
    "example",
    "examples",
    "readOnly",
    "writeOnly",
];

/// Whether what stands as an annotation rules nothing; a word of an inner schema has that schema's place before it.
pub(crate) fn is_word(keyword: &str) -> bool {
    let name = keyword.rsplit('/').next().unwrap_or_default();
    is_annotation(name) || matches!(name, "default" | "description" | "format" | "title")
}

/// The place of an annotation of the schema at `at`.
pub(crate) fn place(at: impl Display, keyword: &str) -> String {
    if keyword.is_empty() { at.to_string() } else { format!("{at}/{keyword}") }
}

/// Whether a keyword rules nothing by its name.
fn is_annotation(keyword: &str) -> bool {
    ANNOTATIONS.contains(&keyword) || keyword.starts_with("x-")
}

/// The words that a schema has for its reader.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prose {
    pub(crate) title: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) annotations: Vec<Annotation>,
}

impl Prose {
    /// Consumes the prose and the annotations of a schema; `more` are keywords that are annotations by the notes.
    pub(crate) fn take(keywords: &mut Keywords<'_>, more: &[String]) -> Result<Self, SchemaError> {
        let (title, description) = (keywords.text("title")?, keywords.text("description")?);
        let annotations =
            keywords.take_all(|keyword| is_annotation(keyword) || more.iter().any(|one| one == keyword));
        let annotations =
            annotations.into_iter().map(|(keyword, value)| Annotation { keyword, value }).collect();
        Ok(Self { title, description, annotations })
    }

    /// All of it as annotations: an element of an array has no documentation of its own, and neither has a form of a choice.
    pub(crate) fn into_annotations(self) -> impl Iterator<Item = Annotation> {
        let texts = [("title", self.title), ("description", self.description)];
        let texts = texts.into_iter().filter_map(|(keyword, text)| {
            let text = text.filter(|text| !text.is_empty())?;
            Some(Annotation { keyword: keyword.to_owned(), value: text.into() })
        });
        texts.chain(self.annotations)
    }
}
