//! One change, and all of them.

use std::fmt;

use serde_json::{Value, json};

use crate::reader::Side;

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

    pub(super) fn extend(&mut self, collector: Collector) {
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

/// The changes met so far while two documents are walked.
#[derive(Debug)]
pub(super) struct Collector {
    pub(super) side: Side,
    /// Whether words, examples and free texts count.
    pub(super) with_words: bool,
    changes: Vec<Change>,
}

impl Collector {
    pub(super) const fn new(side: Side, with_words: bool) -> Self {
        Self { side, with_words, changes: Vec::new() }
    }

    pub(super) fn push<T: fmt::Display>(
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
    pub(super) fn compare<T: fmt::Display + PartialEq>(
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
