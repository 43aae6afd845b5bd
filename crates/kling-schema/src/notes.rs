//! What a schema does not say of its model: kept beside it by hand, in the same vocabulary.

use kling_types::{MediaField, MediaKind, MediaRule, ModelInfo, OutputKind, Pointer, RuleSource};
use serde_json::Value;

use crate::keywords::Keywords;
use crate::{ModelSchema, SchemaError, parse_rules};

/// Facts of a model beside its schemas; in a schema folder they are the file `model.toml`.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelNotes {
    /// `output_kind`: what the model makes.
    pub output_kind: OutputKind,
    /// `price_unit`: what the provider counts, such as `second` or `output`.
    pub price_unit: Option<String>,
    /// `output_assumed`: the output schema is the generic one, since the provider prints none for this model.
    pub output_assumed: bool,
    /// `facts_only`: names, types and bounds are the provider's, all texts are ours; comparisons leave texts out.
    pub facts_only: bool,
    /// `not_on_file`: inputs that exist live but not in the schema on file; they are sent as extra properties.
    pub not_on_file: Vec<String>,
    /// `annotations`: keywords of its schema that the dialect does not know, and that rule nothing: documentation.
    pub annotations: Vec<String>,
    /// `ignore_required`: required names that are no property, which the reader goes on without.
    pub ignore_required: Vec<String>,
    /// `module`: the name of the module, where the rule makes one that is taken.
    pub module: Option<String>,
    /// `overrides`: what a rule cannot settle, property by property.
    pub overrides: Vec<Override>,
    /// `prose_rules`: rules that stand only in the prose of the provider's page, each with the property that it is over.
    pub prose_rules: Vec<(String, MediaRule)>,
    is_strict: bool,
}

/// What is settled by hand for one property.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Override {
    /// The property by its names from the top, such as `camera/zoom`.
    pub property: String,
    /// The Rust field.
    pub field: Option<String>,
    /// The Rust type.
    pub type_name: Option<String>,
    /// Whether its texts refer to media.
    pub media: Option<MediaChoice>,
    /// The Rust variants of an enum by their values on the wire; a number is written as text.
    pub variants: Vec<(String, String)>,
}

/// Whether a property refers to media, where neither format nor name says it rightly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaChoice {
    /// It does, of this kind.
    Is(MediaKind),
    /// It does not.
    None,
}

impl ModelNotes {
    /// Notes of a model of which only the kind of its output is known. Whoever reads a schema at run time cannot mend it: a
    /// required name that is no property passes, a keyword that is not understood is kept as
    /// [unchecked](crate::ModelSchema::unchecked), and so is a property that cannot be read at all. An object is open if such a
    /// keyword may name properties.
    #[must_use]
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

    /// What a compiled-in model was generated with, as far as it touches what is valid: which properties are media against
    /// the rules for them, and the rules that stand only in prose.
    #[must_use]
    pub fn of(model: &ModelInfo) -> Self {
        let prose = model.media.iter().flat_map(|field| {
            let rules = field.rules.iter().filter(|rule| rule.origin == RuleSource::Prose);
            rules.map(|rule| (field.name.to_string(), rule.clone()))
        });
        Self {
            overrides: overrides_of(model),
            prose_rules: prose.collect(),
            facts_only: model.facts_only,
            not_on_file: model.not_on_file.iter().map(|&name| name.to_owned()).collect(),
            ..Self::new(model.output_kind)
        }
    }

    /// The same notes for another version of the schema, which nobody has mended: what it says is read as with
    /// [`new`](Self::new), in the light of what is settled here.
    #[must_use]
    pub fn lenient(self) -> Self {
        Self { is_strict: false, ..self }
    }

    /// Reads notes; every key is one of the fields, by the name that its documentation starts with.
    ///
    /// # Errors
    /// [`SchemaError`] for a key that is not understood, or a rule that is none.
    pub fn read(model: &str, notes: &Value) -> Result<Self, SchemaError> {
        Self::parse(notes).map_err(|error| error.of(model, "model"))
    }

    /// What is settled by hand for the property at `path`.
    #[must_use]
    pub fn override_of(&self, path: &str) -> Option<&Override> {
        self.overrides.iter().find(|one| one.property == path)
    }

    /// Whether the property at `path` is media, where that is settled.
    pub(crate) fn media_choice(&self, path: &str) -> Option<MediaChoice> {
        self.override_of(path).and_then(|settled| settled.media)
    }

    /// Whether what is not understood stops the reader.
    pub(crate) fn is_strict(&self) -> bool {
        self.is_strict
    }

    pub(crate) fn ignores_required(&self, name: &str) -> bool {
        !self.is_strict() || self.ignore_required.iter().any(|ignored| ignored == name)
    }

    fn parse(notes: &Value) -> Result<Self, SchemaError> {
        let root = Pointer::ROOT;
        let mut keywords = Keywords::open(notes, &root)?;
        let kind = keywords.text("output_kind")?;
        let Some(output_kind) = kind.as_deref().and_then(parse_output_kind) else {
            return Err(keywords.error("output_kind", "allowed are audio, image and video"));
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
}

/// What settled the media of a compiled-in model: its table, where that is not what the rules make of its schema.
fn overrides_of(model: &ModelInfo) -> Vec<Override> {
    let notes = ModelNotes::new(model.output_kind);
    let by_rules = ModelSchema::read(model.id, model.input_schema, model.output_schema, notes);
    // The generator has read the same documents, so that there is no error.
    let by_rules = by_rules.map(|schema| schema.media).unwrap_or_default();
    let kind = |fields: &[MediaField], name: &str| {
        fields.iter().find(|field| field.name == name).map(|field| field.kind)
    };
    let added = by_rules.iter().filter(|field| kind(model.media, &field.name).is_none());
    let moved = model.media.iter().filter(|field| kind(&by_rules, &field.name) != Some(field.kind));
    let settle = |field: &MediaField| Override {
        property: field.name.replace("/*", ""),
        media: Some(kind(model.media, &field.name).map_or(MediaChoice::None, MediaChoice::Is)),
        ..Override::default()
    };
    added.chain(moved).map(settle).collect()
}

fn parse_output_kind(kind: &str) -> Option<OutputKind> {
    [OutputKind::Audio, OutputKind::Image, OutputKind::Video].into_iter().find(|one| one.singular() == kind)
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
        Some(_) => return Err(keywords.error("media", "allowed are audio, image, video and none")),
    };
    let (field, type_name) = (keywords.text("field")?, keywords.text("type")?);
    let variants = keywords.object("variants")?.unwrap_or_default();
    let variants: Option<_> =
        variants.iter().map(|(value, name)| Some((value.clone(), name.as_str()?.to_owned()))).collect();
    let variants = variants.ok_or_else(|| keywords.error("variants", "allowed are names by values"))?;
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
