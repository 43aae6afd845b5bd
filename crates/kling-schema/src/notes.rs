//! Notes on a model: facts that its schemas do not state, kept beside them by hand.

use kling_types::{MediaKind, MediaRule, OutputKind, Pointer, RuleSource};
use serde_json::Value;

use crate::SchemaError;
use crate::keywords::Keywords;
use crate::rule::parse_rules;

/// Facts that a model's schemas do not state. In a schema folder, they are the file `model.toml`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ModelNotes {
    /// `output_kind`: the kind of the output.
    pub output_kind: OutputKind,
    /// `price_unit`: the unit of the price, such as `second` or `output`.
    pub price_unit: Option<String>,
    /// `output_assumed`: whether the output schema is the generic one, since the provider has none for this model.
    pub output_assumed: bool,
    /// `facts_only`: whether only names, types and bounds are the provider's. Comparisons then leave out texts.
    pub facts_only: bool,
    /// `not_on_file`: live inputs that the schema on file does not have. They are sent as extra properties.
    pub not_on_file: Vec<String>,
    /// `annotations`: keywords that the dialect does not know, and that are documentation.
    pub annotations: Vec<String>,
    /// `ignore_required`: required names that are not properties, and are ignored.
    pub ignore_required: Vec<String>,
    /// `module`: the name of the module, if the usual one is taken.
    pub module: Option<String>,
    /// `overrides`: decisions that no rule can make, property by property.
    pub overrides: Vec<Override>,
    /// `prose_rules`: media rules that only the provider's page states, each with its property.
    pub prose_rules: Vec<(String, MediaRule)>,
    /// Whether an unknown keyword is an error.
    pub(crate) is_strict: bool,
}

/// The decisions for one property.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Override {
    /// The property's names from the top, such as `camera/zoom`.
    pub property: String,
    /// The Rust field.
    pub field: Option<String>,
    /// The Rust type.
    pub type_name: Option<String>,
    /// Whether the texts of the property refer to media.
    pub media: Option<MediaChoice>,
    /// The Rust variants of an enum by their values in JSON. A number is written as text.
    pub variants: Vec<(String, String)>,
}

/// Whether a property refers to media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaChoice {
    /// It refers to media of this kind.
    Is(MediaKind),
    /// It does not refer to media.
    None,
}

impl ModelNotes {
    /// Creates notes for a schema that is read at run time, when nobody can add to the notes.
    ///
    /// A required name that is not a property is ignored. A keyword or a property that cannot be read is kept as
    /// [unchecked](crate::ModelSchema::unchecked). An object is open if such a keyword may name properties.
    pub const fn new(output_kind: OutputKind) -> Self {
        Self {
            output_kind,
            price_unit: None,
            output_assumed: false,
            facts_only: false,
            not_on_file: Vec::new(),
            annotations: Vec::new(),
            ignore_required: Vec::new(),
            module: None,
            overrides: Vec::new(),
            prose_rules: Vec::new(),
            is_strict: false,
        }
    }

    /// Keeps the decisions for another version of the schema, which is read as with [`ModelNotes::new`].
    #[must_use]
    pub fn lenient(self) -> Self {
        Self { is_strict: false, ..self }
    }

    /// Reads notes. Each key has the name that the documentation of its field begins with.
    ///
    /// # Errors
    /// [`SchemaError`] for an unknown key or a wrong value.
    pub fn read(model: &str, notes: &Value) -> Result<Self, SchemaError> {
        Self::parse(notes).map_err(|error| error.of(model, "model"))
    }

    fn parse(notes: &Value) -> Result<Self, SchemaError> {
        let root = Pointer::ROOT;
        let mut keywords = Keywords::open(notes, &root)?;
        let kind = keywords.text("output_kind")?;
        let mut kinds = [OutputKind::Audio, OutputKind::Image, OutputKind::Video].into_iter();
        let Some(output_kind) = kinds.find(|one| kind.as_deref() == Some(one.singular())) else {
            return Err(keywords.error("output_kind", "expected audio, image or video"));
        };
        let notes = Self {
            output_kind,
            price_unit: keywords.text("price_unit")?,
            output_assumed: keywords.flag("output_assumed")?.unwrap_or(false),
            facts_only: keywords.flag("facts_only")?.unwrap_or(false),
            not_on_file: keywords.texts("not_on_file")?,
            annotations: keywords.texts("annotations")?,
            ignore_required: keywords.texts("ignore_required")?,
            module: keywords.text("module")?,
            overrides: keywords.each("overrides", parse_override)?,
            prose_rules: keywords.each("prose_rules", prose_rules)?.concat(),
            is_strict: true,
        };
        keywords.close()?;
        Ok(notes)
    }

    /// Returns the decisions for the property at `path`.
    pub fn override_of(&self, path: &str) -> Option<&Override> {
        self.overrides.iter().find(|one| one.property == path)
    }

    pub(crate) fn media_choice(&self, path: &str) -> Option<MediaChoice> {
        self.override_of(path).and_then(|one| one.media)
    }

    pub(crate) fn ignores_required(&self, name: &str) -> bool {
        !self.is_strict || self.ignore_required.iter().any(|ignored| ignored == name)
    }
}

fn parse_override(entry: &Value, at: &Pointer<'_>) -> Result<Override, SchemaError> {
    let mut keywords = Keywords::open(entry, at)?;
    let property = keywords.text("property")?;
    let property = property.ok_or_else(|| keywords.error("property", "missing from an override"))?;
    let media = match keywords.text("media")?.as_deref() {
        None => None,
        Some("none") => Some(MediaChoice::None),
        Some("audio") => Some(MediaChoice::Is(MediaKind::Audio)),
        Some("image") => Some(MediaChoice::Is(MediaKind::Image)),
        Some("video") => Some(MediaChoice::Is(MediaKind::Video)),
        Some(_) => return Err(keywords.error("media", "expected audio, image, video or none")),
    };
    let (field, type_name) = (keywords.text("field")?, keywords.text("type")?);
    let variants = keywords.object("variants")?.unwrap_or_default();
    let variants: Option<_> =
        variants.iter().map(|(value, name)| Some((value.clone(), name.as_str()?.to_owned()))).collect();
    let variants = variants.ok_or_else(|| keywords.error("variants", "expected names by values"))?;
    keywords.close()?;
    Ok(Override { property, field, type_name, media, variants })
}

fn prose_rules(entry: &Value, at: &Pointer<'_>) -> Result<Vec<(String, MediaRule)>, SchemaError> {
    let mut entry = entry.clone();
    let property = entry.as_object_mut().and_then(|keys| keys.shift_remove("property"));
    let Some(Value::String(property)) = property else {
        return Err(SchemaError::new(at, Some("property"), "missing from a prose rule"));
    };
    let rules = parse_rules(&entry, at, RuleSource::Prose)?;
    Ok(rules.into_iter().map(|rule| (property.clone(), rule)).collect())
}
