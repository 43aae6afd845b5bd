//! What a schema does not say of its model: kept beside it by hand, in the same vocabulary.

use kling_types::{MediaRule, Origin, OutputKind, Pointer};
use serde_json::Value;

use crate::keywords::Keywords;
use crate::{SchemaError, parse_rule};

/// Facts of a model beside its schemas; in a schema folder they are the file `model.toml`.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelNotes {
    /// What the model makes.
    pub output_kind: OutputKind,
    /// Rules that stand only in the prose of the provider's page, each with the property that it is over.
    pub prose_rules: Vec<(String, MediaRule)>,
}

impl ModelNotes {
    /// Notes of a model of which only the kind of its output is known.
    #[must_use]
    pub const fn new(output_kind: OutputKind) -> Self {
        Self { output_kind, prose_rules: Vec::new() }
    }

    /// Reads notes: `output_kind`, and `prose_rules` as a list of media rules that each name their `property`.
    ///
    /// # Errors
    /// [`SchemaError`] for a key that is not understood, or a rule that is none.
    pub fn read(model: &str, notes: &Value) -> Result<Self, SchemaError> {
        Self::parse(notes).map_err(|error| error.of(model, "model"))
    }

    fn parse(notes: &Value) -> Result<Self, SchemaError> {
        let root = Pointer::ROOT;
        let mut keywords = Keywords::open(notes, &root)?;
        let output_kind = match keywords.text("output_kind")?.as_deref() {
            Some("audio") => OutputKind::Audio,
            Some("image") => OutputKind::Image,
            Some("video") => OutputKind::Video,
            _ => return Err(keywords.error("output_kind", "allowed are audio, image and video")),
        };
        let at = root.key("prose_rules");
        let prose_rules = keywords
            .list("prose_rules")?
            .unwrap_or_default()
            .iter()
            .enumerate()
            .map(|(index, entry)| prose_rule(entry, &at.index(index)))
            .collect::<Result<_, _>>()?;
        keywords.close()?;
        Ok(Self { output_kind, prose_rules })
    }
}

fn prose_rule(entry: &Value, at: &Pointer<'_>) -> Result<(String, MediaRule), SchemaError> {
    let mut entry = entry.clone();
    let property = entry.as_object_mut().and_then(|keys| keys.shift_remove("property"));
    let Some(Value::String(property)) = property else {
        return Err(SchemaError::new(at, Some("property"), "missing from a prose rule"));
    };
    Ok((property, parse_rule(&entry, at, Origin::Prose)?))
}
