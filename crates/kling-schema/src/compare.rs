//! Compares two versions of a model's schemas: the changes, and their effect on code that uses the model.
//!
//! The measure is the generated code and the input that it accepts. A change is *breaking* if code that compiled may not
//! compile, or if input becomes required. It is *behaviour* if the same code may be refused or mean something else. It is
//! *compatible* if only more is possible, and *docs* if only texts changed. Structs and enums are `#[non_exhaustive]`, so a
//! new optional property or enum value is compatible.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt;

use kling_types::bounds::{IntegerBounds, NumberBounds, TextBounds};
use kling_types::{MediaRule, RuleSource};
use serde_json::{Value, json};

use crate::keywords::{self, is_prose};
use crate::reader::Side;
use crate::{Annotation, ModelSchema, ObjectSchema, Property, Shape};

/// Compares two versions of a model. Texts and examples are left out if the notes of either have `facts_only`.
///
/// ```
/// use kling_schema::{ChangeClass, ModelNotes, ModelSchema, compare};
/// use kling_types::OutputKind;
///
/// let read = |longest: u32| {
///     let input = format!(r#"{{"type": "object", "properties": {{"prompt": {{"type": "string", "maxLength": {longest}}}}}}}"#);
///     ModelSchema::read("maker/model", &input, ModelSchema::GENERIC_OUTPUT, ModelNotes::new(OutputKind::Video))
/// };
/// let changes = compare(&read(500)?, &read(400)?);
/// assert_eq!(changes.class(), Some(ChangeClass::Behaviour));
/// assert_eq!(changes.to_string(), "behaviour: input /properties/prompt/maxLength: 500 became 400");
/// # Ok::<(), kling_schema::SchemaError>(())
/// ```
pub fn compare(old: &ModelSchema, new: &ModelSchema) -> Changes {
    let mut output = Collector::new(old, new, Side::Output);
    output.object(&old.output, &new.output, "");
    let kind = |schema: &ModelSchema| Some(schema.output_kind.singular());
    output.compare(ChangeClass::Behaviour, "/output_kind", kind(old), kind(new));
    let mut changes = compare_inputs(old, new);
    changes.0.extend(output.changes);
    changes.0.sort_by_key(|change| Reverse(change.class));
    changes
}

/// Compares the inputs only, since the catalog has no outputs.
pub fn compare_inputs(old: &ModelSchema, new: &ModelSchema) -> Changes {
    let mut input = Collector::new(old, new, Side::Input);
    input.object(&old.input, &new.input, "");
    input.changes.sort_by_key(|change| Reverse(change.class));
    Changes(input.changes)
}

/// The effect of a change on code that uses the model, the smallest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeClass {
    /// Only texts changed.
    Docs,
    /// More is possible than before.
    Compatible,
    /// The same code may be refused, or mean something else.
    Behaviour,
    /// Code that compiled may not compile, or is always refused.
    Breaking,
}

impl ChangeClass {
    /// The name of the class in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Docs => "docs",
            Self::Compatible => "compatible",
            Self::Behaviour => "behaviour",
            Self::Breaking => "breaking",
        }
    }

    /// The part of a semantic version that must grow: `patch`, `minor` or `major`. Below 1.0, `major` is the minor number.
    pub const fn semver_step(self) -> &'static str {
        match self {
            Self::Docs => "patch",
            Self::Compatible | Self::Behaviour => "minor",
            Self::Breaking => "major",
        }
    }
}

/// One change of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// The effect on code that uses the model.
    pub class: ChangeClass,
    /// The document: `input` or `output`.
    pub document: &'static str,
    /// The JSON pointer of the change within its document.
    pub pointer: String,
    /// The old value.
    pub old: Option<String>,
    /// The new value.
    pub new: Option<String>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { class, document, pointer, old, new } = self;
        write!(f, "{}: {document} {pointer}: ", class.as_str())?;
        match (old, new) {
            (Some(old), Some(new)) => write!(f, "{old} became {new}"),
            (Some(old), None) => write!(f, "{old} is gone"),
            (None, Some(new)) => write!(f, "{new} is new"),
            (None, None) => f.write_str("changed"),
        }
    }
}

/// Every change between two versions of a model, the gravest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes(Vec<Change>);

impl Changes {
    /// The gravest class, or `None` if nothing changed.
    pub fn class(&self) -> Option<ChangeClass> {
        self.0.first().map(|change| change.class)
    }

    /// The part of a semantic version that must grow for all changes together.
    pub fn semver_step(&self) -> Option<&'static str> {
        self.class().map(ChangeClass::semver_step)
    }

    /// Returns the changes, the gravest first, each class in the order of the schema.
    pub fn iter(&self) -> std::slice::Iter<'_, Change> {
        self.0.iter()
    }

    /// Whether nothing changed.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns a table for a pull request, below the part of the version that must grow.
    pub fn to_markdown(&self) -> String {
        let Some(step) = self.semver_step() else { return "Nothing changed.\n".to_owned() };
        let rows: String = self.0.iter().map(markdown_row).collect();
        format!("Asks for a **{step}** version.\n\n| class | where | old | new |\n|---|---|---|---|\n{rows}")
    }

    /// Returns the changes as JSON: `{"class", "semver", "changes": [{"class", "document", "pointer", "old", "new"}]}`.
    pub fn to_json(&self) -> Value {
        let change = |change: &Change| {
            let Change { class, document, pointer, old, new } = change;
            json!({ "class": class.as_str(), "document": document, "pointer": pointer, "old": old, "new": new })
        };
        json!({
            "class": self.class().map(ChangeClass::as_str),
            "semver": self.semver_step(),
            "changes": self.0.iter().map(change).collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// The changes that were found while two documents are walked.
#[derive(Debug)]
struct Collector {
    side: Side,
    /// Whether texts, examples and free defaults count.
    with_texts: bool,
    changes: Vec<Change>,
}

impl Collector {
    fn new(old: &ModelSchema, new: &ModelSchema, side: Side) -> Self {
        let with_texts = !(old.notes.facts_only || new.notes.facts_only);
        Self { side, with_texts, changes: Vec::new() }
    }

    fn push<T: fmt::Display>(
        &mut self,
        class: ChangeClass,
        pointer: impl fmt::Display,
        old: Option<T>,
        new: Option<T>,
    ) {
        let document = match self.side {
            Side::Input => "input",
            Side::Output => "output",
        };
        let (old, new) = (old.map(shortened), new.map(shortened));
        self.changes.push(Change { class, document, pointer: pointer.to_string(), old, new });
    }

    fn compare<T: fmt::Display + PartialEq>(
        &mut self,
        class: ChangeClass,
        pointer: impl fmt::Display,
        old: Option<T>,
        new: Option<T>,
    ) {
        if old != new {
            self.push(class, pointer, old, new);
        }
    }

    fn object(&mut self, old: &ObjectSchema, new: &ObjectSchema, at: &str) {
        self.texts(&old.title, &new.title, &format!("{at}/title"));
        self.texts(&old.description, &new.description, &format!("{at}/description"));
        self.annotations(&old.annotations, &new.annotations, at);
        if old.open != new.open {
            let class = if new.open { ChangeClass::Compatible } else { ChangeClass::Breaking };
            self.push(class, format!("{at}/additionalProperties"), Some(old.open), Some(new.open));
        } else if old.open {
            self.additional(old.additional.as_deref(), new.additional.as_deref(), at);
        }
        for property in &old.properties {
            let place = place(at, &property.name);
            match new.property(&property.name) {
                Some(other) => self.property(property, other, &place),
                None => self.push(ChangeClass::Breaking, place, Some(kind(&property.shape)), None),
            }
        }
        for property in new.properties.iter().filter(|property| old.property(&property.name).is_none()) {
            // Nobody sends a new required property yet. An output may have more properties at any time.
            let is_breaking = property.required && self.side == Side::Input;
            let class = if is_breaking { ChangeClass::Breaking } else { ChangeClass::Compatible };
            self.push(class, place(at, &property.name), None, Some(described(property)));
        }
        let order = |object: &ObjectSchema, other: &ObjectSchema| {
            let shared: Vec<&str> = object.names().filter(|name| other.property(name).is_some()).collect();
            shared.join(", ")
        };
        let (before, after) = (order(old, new), order(new, old));
        self.compare(ChangeClass::Docs, format!("{at}/properties"), Some(before), Some(after));
    }

    /// Compares the shapes of unnamed properties. An object without one takes any value.
    fn additional(&mut self, old: Option<&Shape>, new: Option<&Shape>, at: &str) {
        let at = format!("{at}/additionalProperties");
        match (old, new) {
            (None, None) => {}
            (Some(old), Some(new)) => self.shape(old, new, &at),
            (old, new) => self.push(ChangeClass::Breaking, &at, old.map(kind), new.map(kind)),
        }
    }

    fn property(&mut self, old: &Property, new: &Property, at: &str) {
        let required = if self.side == Side::Input { ChangeClass::Breaking } else { ChangeClass::Behaviour };
        let word = |property: &Property| if property.required { "required" } else { "optional" };
        self.compare(required, at, Some(word(old)), Some(word(new)));
        self.shape(&old.shape, &new.shape, at);
        self.default(old, new, at);
        let media = |property: &Property| property.media.map(|kind| format!("{kind:?}").to_lowercase());
        self.compare(ChangeClass::Behaviour, format!("{at}/format"), media(old), media(new));
        if media(old) == media(new) && self.with_texts {
            self.compare(ChangeClass::Docs, format!("{at}/format"), old.format.as_ref(), new.format.as_ref());
        }
        self.rules(&old.rules, &new.rules, &format!("{at}/validations"));
        self.texts(&old.title, &new.title, &format!("{at}/title"));
        self.texts(&old.description, &new.description, &format!("{at}/description"));
        self.annotations(&old.annotations, &new.annotations, at);
    }

    /// Compares defaults. The same request means something else with another default. With `facts_only`, a free text and a URL
    /// are examples.
    fn default(&mut self, old: &Property, new: &Property, at: &str) {
        let is_free = matches!(old.shape, Shape::Text(_) | Shape::Media(_) | Shape::List { .. });
        if is_free && !self.with_texts {
            return;
        }
        let at = format!("{at}/default");
        // The type then loses its `Default`.
        let is_lost = old.has_typed_default() && !new.has_typed_default();
        let class = if is_lost { ChangeClass::Breaking } else { ChangeClass::Behaviour };
        self.compare(class, at, old.default.as_ref(), new.default.as_ref());
    }

    fn rules(&mut self, old: &[MediaRule], new: &[MediaRule], at: &str) {
        let own = |rules: &[MediaRule]| -> Vec<MediaRule> {
            rules.iter().filter(|rule| rule.origin == RuleSource::Schema).cloned().collect()
        };
        let (old, new) = (own(old), own(new));
        let same = |one: &MediaRule, other: &MediaRule| one.to_string() == other.to_string();
        for rule in old.iter().filter(|rule| !new.iter().any(|other| same(rule, other))) {
            self.push(ChangeClass::Behaviour, at, Some(rule), None);
        }
        // The bound may be the same with another message.
        for rule in new.iter().filter(|rule| !old.contains(rule)) {
            match old.iter().find(|other| same(rule, other)) {
                None => self.push(ChangeClass::Behaviour, at, None, Some(rule)),
                Some(before) => {
                    self.texts(&Some(before.message.to_string()), &Some(rule.message.to_string()), at)
                }
            }
        }
    }

    /// Compares annotations. A keyword that was not understood may be a rule, so it counts as behaviour.
    fn annotations(&mut self, old: &[Annotation], new: &[Annotation], at: &str) {
        let values = |annotations: &[Annotation], keyword: &str| {
            let values = annotations.iter().filter(|one| one.keyword == keyword);
            let values: Vec<String> = values.map(|one| one.value.to_string()).collect();
            (!values.is_empty()).then(|| values.join(", "))
        };
        let all: BTreeSet<&str> = old.iter().chain(new).map(|one| one.keyword.as_str()).collect();
        for keyword in all {
            let class = if is_prose(keyword) { ChangeClass::Docs } else { ChangeClass::Behaviour };
            if self.with_texts || class > ChangeClass::Docs {
                self.compare(class, keywords::place(at, keyword), values(old, keyword), values(new, keyword));
            }
        }
    }

    fn texts(&mut self, old: &Option<String>, new: &Option<String>, at: &str) {
        let stated = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if self.with_texts {
            self.compare(ChangeClass::Docs, at, stated(old), stated(new));
        }
    }

    fn shape(&mut self, old: &Shape, new: &Shape, at: &str) {
        if kind(old) != kind(new) {
            return self.push(ChangeClass::Breaking, format!("{at}/type"), Some(kind(old)), Some(kind(new)));
        }
        match (old, new) {
            (Shape::AnyOf(old), Shape::AnyOf(new)) => self.forms(old, new, at),
            (Shape::Integer(old), Shape::Integer(new)) => {
                self.bound([old.min, new.min], PartialOrd::gt, at, "minimum");
                self.bound([old.max, new.max], PartialOrd::lt, at, "maximum");
            }
            (Shape::IntegerEnum(old), Shape::IntegerEnum(new)) => self.values(old, new, at),
            (Shape::List { bounds: old, items }, Shape::List { bounds: new, items: others }) => {
                self.bound([old.min, new.min], PartialOrd::gt, at, "minItems");
                self.bound([old.max, new.max], PartialOrd::lt, at, "maxItems");
                self.shape(items, others, &format!("{at}/items"));
            }
            (Shape::Number(old), Shape::Number(new)) => {
                self.bound([old.min, new.min], PartialOrd::gt, at, "minimum");
                self.bound([old.max, new.max], PartialOrd::lt, at, "maximum");
                self.bound([old.above, new.above], PartialOrd::gt, at, "exclusiveMinimum");
                self.bound([old.below, new.below], PartialOrd::lt, at, "exclusiveMaximum");
            }
            (Shape::NumberEnum(old), Shape::NumberEnum(new)) => self.values(old, new, at),
            (Shape::Object(old), Shape::Object(new)) => self.object(old, new, at),
            (Shape::Text(old), Shape::Text(new)) => {
                self.bound([old.min, new.min], PartialOrd::gt, at, "minLength");
                self.bound([old.max, new.max], PartialOrd::lt, at, "maxLength");
            }
            (Shape::TextEnum(old), Shape::TextEnum(new)) => self.values(old, new, at),
            _ => {}
        }
    }

    /// Compares a bound. `is_tighter` returns whether the first of two bounds allows less than the second.
    fn bound<T: fmt::Display + PartialOrd>(
        &mut self,
        [old, new]: [Option<T>; 2],
        is_tighter: fn(&T, &T) -> bool,
        at: &str,
        keyword: &str,
    ) {
        let allows_less = new.as_ref().is_some_and(|new| old.as_ref().is_none_or(|old| is_tighter(new, old)));
        let class = if allows_less { ChangeClass::Behaviour } else { ChangeClass::Compatible };
        self.compare(class, format!("{at}/{keyword}"), old, new);
    }

    fn values<T: PartialEq + fmt::Debug>(&mut self, old: &[T], new: &[T], at: &str) {
        let at = format!("{at}/enum");
        for value in old.iter().filter(|value| !new.contains(value)) {
            self.push(ChangeClass::Breaking, &at, Some(format!("{value:?}")), None);
        }
        for value in new.iter().filter(|value| !old.contains(value)) {
            self.push(ChangeClass::Compatible, &at, None, Some(format!("{value:?}")));
        }
        let is_same_set = old.len() == new.len() && old.iter().all(|value| new.contains(value));
        if is_same_set && old != new {
            self.push(ChangeClass::Docs, &at, Some(format!("{old:?}")), Some(format!("{new:?}")));
        }
    }

    /// Compares the forms of a choice, each with the next form of its kind. Only objects may occur several times.
    fn forms(&mut self, old: &[Shape], new: &[Shape], at: &str) {
        let at = format!("{at}/anyOf");
        let mut others: Vec<&Shape> = new.iter().collect();
        for (index, form) in old.iter().enumerate() {
            match others.iter().position(|other| kind(other) == kind(form)) {
                Some(found) => self.shape(form, others.remove(found), &format!("{at}/{index}")),
                None => self.push(ChangeClass::Breaking, &at, Some(kind(form)), None),
            }
        }
        for form in others {
            self.push(ChangeClass::Compatible, &at, None, Some(kind(form)));
        }
    }
}

fn markdown_row(change: &Change) -> String {
    // A cell is one line, and a bar ends it.
    let cell = |text: Option<&String>| match text {
        None => String::new(),
        Some(text) => format!("`{}`", text.replace(['\n', '\r', '`'], " ").replace('|', "\\|")),
    };
    let (place, old, new) = (format!("{} {}", change.document, change.pointer), &change.old, &change.new);
    format!(
        "| {} | {} | {} | {} |\n",
        change.class.as_str(),
        cell(Some(&place)),
        cell(old.as_ref()),
        cell(new.as_ref())
    )
}

/// Shortens a value, since live schemas have whole prompts as defaults.
fn shortened(value: impl fmt::Display) -> String {
    const MAX_CHARS: usize = 120;
    let text = value.to_string();
    match text.char_indices().nth(MAX_CHARS) {
        None => text,
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

fn place(at: &str, name: &str) -> String {
    format!("{at}/properties/{}", name.replace('~', "~0").replace('/', "~1"))
}

fn described(property: &Property) -> String {
    let word = if property.required { "a required" } else { "an optional" };
    format!("{word} {}", kind(&property.shape))
}

/// Returns the kind of a shape. Shapes of one kind have the same generated type.
fn kind(shape: &Shape) -> &'static str {
    match shape {
        Shape::Any => "any value",
        Shape::AnyOf(_) => "choice",
        Shape::Boolean => "boolean",
        Shape::Integer(IntegerBounds { min: None, max: None }) => "integer",
        Shape::Integer(bounds) if bounds.fits_i64() => "integer between bounds",
        Shape::Integer(_) => "wide integer with a bound",
        Shape::IntegerEnum(_) => "enum of integers",
        Shape::List { .. } => "array",
        Shape::Media(_) => "media reference",
        Shape::Null => "null",
        Shape::Number(bounds) if *bounds == NumberBounds::NONE => "number",
        Shape::Number(_) => "number with bounds",
        Shape::NumberEnum(_) => "enum of numbers",
        Shape::Object(object) if object.open && object.properties.is_empty() => match object.additional {
            Some(_) => "object of any names",
            None => "free object",
        },
        Shape::Object(_) => "object",
        Shape::Text(bounds) if *bounds == TextBounds::default() => "string",
        Shape::Text(_) => "string with bounds",
        Shape::TextEnum(_) => "enum of strings",
    }
}
