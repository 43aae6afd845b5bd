//! Two versions of a model's schemas, compared: what changed, and how much that asks of those who use it.
//!
//! The measure is the generated code and what it accepts. A change is *breaking* where code that compiled may not compile, or
//! where input that was needed to be nothing is required; *behaviour* where the same code may be refused or mean something
//! else; *compatible* where more is possible than before; *docs* where only words changed. Structs and enums are
//! `#[non_exhaustive]`, so that a new optional property and a new value of an enum are compatible.

use std::fmt;

use kling_types::fault::{IntegerBounds, ItemBounds, NumberBounds, TextBounds};
use kling_types::{MediaRule, RuleSource};
use serde_json::{Value, json};

use crate::keywords::is_word;
use crate::reader::Side;
use crate::{Annotation, ModelSchema, ObjectSchema, Property, Shape, keywords};

/// Compares two versions of a model. Where either was written from facts, words and examples are left out.
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
#[must_use]
pub fn compare(old: &ModelSchema, new: &ModelSchema) -> Changes {
    let mut changes = compare_inputs(old, new);
    let mut output = collector(old, new, Side::Output);
    output.object(&old.output, &new.output, "");
    let [before, after] = [old, new].map(|schema| schema.output_kind.singular());
    if before != after {
        output.push(ChangeClass::Behaviour, "/output_kind", Some(before), Some(after));
    }
    changes.extend(output);
    changes
}

/// Compares the inputs alone: the catalog carries no more.
#[must_use]
pub fn compare_inputs(old: &ModelSchema, new: &ModelSchema) -> Changes {
    let mut input = collector(old, new, Side::Input);
    input.object(&old.input, &new.input, "");
    let mut changes = Changes::default();
    changes.extend(input);
    changes
}

/// What a change asks of those who use a model; the greater, the more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeClass {
    /// Only words changed.
    Docs,
    /// More is possible than before.
    Compatible,
    /// The same code may be refused, or mean something else.
    Behaviour,
    /// Code that compiled may not compile, or is refused from now on.
    Breaking,
}

/// The step of a version that a change asks for; below 1.0, a major step is one of the minor number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SemverStep {
    /// `1.2.3` becomes `1.2.4`.
    Patch,
    /// `1.2.3` becomes `1.3.0`.
    Minor,
    /// `1.2.3` becomes `2.0.0`.
    Major,
}

impl ChangeClass {
    /// The class as reports spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Docs => "docs",
            Self::Compatible => "compatible",
            Self::Behaviour => "behaviour",
            Self::Breaking => "breaking",
        }
    }

    /// The step of a version that it asks for.
    #[must_use]
    pub const fn semver_step(self) -> SemverStep {
        match self {
            Self::Docs => SemverStep::Patch,
            Self::Compatible | Self::Behaviour => SemverStep::Minor,
            Self::Breaking => SemverStep::Major,
        }
    }
}

impl SemverStep {
    /// The step as reports spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Patch => "patch",
            Self::Minor => "minor",
            Self::Major => "major",
        }
    }
}

/// One change of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What it asks of those who use the model.
    pub class: ChangeClass,
    /// Which document changed: `input` or `output`.
    pub document: &'static str,
    /// The JSON pointer of what changed, within its document.
    pub pointer: String,
    /// What stood there.
    pub old: Option<String>,
    /// What stands there.
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
    /// The gravest class; none where nothing changed.
    #[must_use]
    pub fn class(&self) -> Option<ChangeClass> {
        self.0.iter().map(|change| change.class).max()
    }

    /// The step of a version that they ask for together.
    #[must_use]
    pub fn semver_step(&self) -> Option<SemverStep> {
        self.class().map(ChangeClass::semver_step)
    }

    /// The changes, the gravest first, each class in the order of the schema.
    pub fn iter(&self) -> std::slice::Iter<'_, Change> {
        self.0.iter()
    }

    /// Whether nothing changed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A table for a pull request, with the step of the version above it.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let Some(step) = self.semver_step() else { return "Nothing changed.\n".to_owned() };
        let rows: String = self.0.iter().map(markdown_row).collect();
        format!(
            "Asks for a **{}** version.\n\n| class | where | old | new |\n|---|---|---|---|\n{rows}",
            step.as_str()
        )
    }

    /// The changes as JSON: `{"class", "semver", "changes": [{"class", "document", "pointer", "old", "new"}]}`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let change = |change: &Change| {
            let Change { class, document, pointer, old, new } = change;
            json!({ "class": class.as_str(), "document": document, "pointer": pointer, "old": old, "new": new })
        };
        json!({
            "class": self.class().map(ChangeClass::as_str),
            "semver": self.semver_step().map(SemverStep::as_str),
            "changes": self.0.iter().map(change).collect::<Vec<_>>(),
        })
    }

    fn extend(&mut self, collector: Collector) {
        self.0.extend(collector.changes);
        self.0.sort_by_key(|change| std::cmp::Reverse(change.class));
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, change) in self.0.iter().enumerate() {
            let newline = if index == 0 { "" } else { "\n" };
            write!(f, "{newline}{change}")?;
        }
        Ok(())
    }
}

impl<'a> IntoIterator for &'a Changes {
    type Item = &'a Change;
    type IntoIter = std::slice::Iter<'a, Change>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The changes met so far while two documents are walked.
#[derive(Debug)]
struct Collector {
    side: Side,
    /// Whether words, examples and free texts count.
    with_words: bool,
    changes: Vec<Change>,
}

impl Collector {
    const fn new(side: Side, with_words: bool) -> Self {
        Self { side, with_words, changes: Vec::new() }
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
        let (old, new) = (old.map(excerpt), new.map(excerpt));
        self.changes.push(Change { class, document, pointer: pointer.to_string(), old, new });
    }

    /// Adds a change where the two differ.
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

    /// Compares two objects at a place.
    fn object(&mut self, old: &ObjectSchema, new: &ObjectSchema, at: &str) {
        self.words([&old.title, &new.title], &format!("{at}/title"));
        self.words([&old.description, &new.description], &format!("{at}/description"));
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
            // What has to be sent from now on is not sent by anyone yet; an output may hold more at any time.
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

    /// What properties without a name of their own have to be; an object that does not say it takes any value.
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
        if media(old) == media(new) && self.with_words {
            self.compare(ChangeClass::Docs, format!("{at}/format"), old.format.as_ref(), new.format.as_ref());
        }
        self.rules(&old.rules, &new.rules, &format!("{at}/validations"));
        self.words([&old.title, &new.title], &format!("{at}/title"));
        self.words([&old.description, &new.description], &format!("{at}/description"));
        self.annotations(&old.annotations, &new.annotations, at);
    }

    /// A default is what the provider takes where nothing is sent, so that the same request means something else. Where only
    /// facts are on file, free text and URLs are examples.
    fn default(&mut self, old: &Property, new: &Property, at: &str) {
        let is_free = matches!(old.shape, Shape::Text(_) | Shape::Media(_) | Shape::List { .. });
        if is_free && !self.with_words {
            return;
        }
        let at = format!("{at}/default");
        // The type loses its `Default` along with it.
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
        // Of rules that say the same in other words, one may still be the very same.
        for rule in new.iter().filter(|rule| !old.contains(rule)) {
            match old.iter().find(|other| same(rule, other)) {
                None => self.push(ChangeClass::Behaviour, at, None, Some(rule)),
                Some(before) => {
                    self.words([&Some(before.message.to_string()), &Some(rule.message.to_string())], at)
                }
            }
        }
    }

    /// Words, and keywords that are not understood: those may rule something, so that they count as behaviour.
    fn annotations(&mut self, old: &[Annotation], new: &[Annotation], at: &str) {
        let said = |annotations: &[Annotation], keyword: &str| {
            let values = annotations.iter().filter(|one| one.keyword == keyword);
            let values: Vec<String> = values.map(|one| one.value.to_string()).collect();
            (!values.is_empty()).then(|| values.join(", "))
        };
        let mut keywords: Vec<&str> = old.iter().chain(new).map(|one| one.keyword.as_str()).collect();
        keywords.sort_unstable();
        keywords.dedup();
        for keyword in keywords {
            let class = if is_word(keyword) { ChangeClass::Docs } else { ChangeClass::Behaviour };
            if self.with_words || class > ChangeClass::Docs {
                self.compare(class, keywords::place(at, keyword), said(old, keyword), said(new, keyword));
            }
        }
    }

    fn words(&mut self, [old, new]: [&Option<String>; 2], at: &str) {
        let said = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if self.with_words {
            self.compare(ChangeClass::Docs, at, said(old), said(new));
        }
    }

    /// Compares what two versions of a value have to be.
    fn shape(&mut self, old: &Shape, new: &Shape, at: &str) {
        if kind(old) != kind(new) {
            return self.push(ChangeClass::Breaking, format!("{at}/type"), Some(kind(old)), Some(kind(new)));
        }
        match (old, new) {
            (Shape::AnyOf(old), Shape::AnyOf(new)) => self.forms(old, new, at),
            (Shape::Integer(old), Shape::Integer(new)) => {
                self.bound([old.min, new.min], Tightens::Upwards, at, "minimum");
                self.bound([old.max, new.max], Tightens::Downwards, at, "maximum");
            }
            (Shape::IntegerEnum(old), Shape::IntegerEnum(new)) => self.values(old, new, at),
            (Shape::List { bounds: old, items }, Shape::List { bounds: new, items: others }) => {
                self.sizes(*old, *new, at);
                self.shape(items, others, &format!("{at}/items"));
            }
            (Shape::Number(old), Shape::Number(new)) => self.number(*old, *new, at),
            (Shape::NumberEnum(old), Shape::NumberEnum(new)) => self.values(old, new, at),
            (Shape::Object(old), Shape::Object(new)) => self.object(old, new, at),
            (Shape::Text(old), Shape::Text(new)) => {
                self.bound([old.min, new.min], Tightens::Upwards, at, "minLength");
                self.bound([old.max, new.max], Tightens::Downwards, at, "maxLength");
            }
            (Shape::TextEnum(old), Shape::TextEnum(new)) => self.values(old, new, at),
            _ => {}
        }
    }

    fn number(&mut self, old: NumberBounds, new: NumberBounds, at: &str) {
        self.bound([old.min, new.min], Tightens::Upwards, at, "minimum");
        self.bound([old.max, new.max], Tightens::Downwards, at, "maximum");
        self.bound([old.above, new.above], Tightens::Upwards, at, "exclusiveMinimum");
        self.bound([old.below, new.below], Tightens::Downwards, at, "exclusiveMaximum");
    }

    fn sizes(&mut self, old: ItemBounds, new: ItemBounds, at: &str) {
        self.bound([old.min, new.min], Tightens::Upwards, at, "minItems");
        self.bound([old.max, new.max], Tightens::Downwards, at, "maxItems");
    }

    fn bound<T: fmt::Display + PartialOrd + Copy>(
        &mut self,
        [old, new]: [Option<T>; 2],
        tightens: Tightens,
        at: &str,
        keyword: &str,
    ) {
        let is_tighter = match (old, new) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(old), Some(new)) => match tightens {
                Tightens::Upwards => new > old,
                Tightens::Downwards => new < old,
            },
        };
        let class = if is_tighter { ChangeClass::Behaviour } else { ChangeClass::Compatible };
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

    /// Forms of a choice are told apart by what they are; each kind stands there once but for objects of several sorts.
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

/// Which way a bound moves when it allows less.
#[derive(Clone, Copy)]
enum Tightens {
    Upwards,
    Downwards,
}

fn collector(old: &ModelSchema, new: &ModelSchema, side: Side) -> Collector {
    Collector::new(side, !(old.notes.facts_only || new.notes.facts_only))
}

fn markdown_row(change: &Change) -> String {
    // A cell is one line, and ends at a bar.
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

/// Enough of a value to know it by: live schemas have whole prompts as defaults.
fn excerpt(value: impl fmt::Display) -> String {
    const LONGEST: usize = 120;
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
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

/// What a shape is, as far as the type that is generated for it tells: bounded texts and numbers have types of their own.
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
