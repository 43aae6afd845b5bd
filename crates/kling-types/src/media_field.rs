//! The media properties of a model: which they are, and what their files must keep.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;

use crate::{MediaFacts, MediaRule, Megabyte, Pointer, Verdict, Violations};

/// A property that holds one media reference, or a list of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MediaField {
    /// The property's name.
    pub name: Cow<'static, str>,
    /// What the files are.
    pub kind: MediaKind,
    /// Whether the property is an array; its rules then hold for each element.
    pub plural: bool,
    /// The rules, in the provider's order, ours last.
    pub rules: Cow<'static, [MediaRule]>,
}

/// What a media file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MediaKind {
    /// A sound.
    Audio,
    /// A still picture.
    Image,
    /// A clip.
    Video,
}

/// What a model makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OutputKind {
    /// Sounds.
    Audio,
    /// Still pictures.
    Image,
    /// Clips.
    Video,
}

/// The verdicts of all rules of one field on one file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judgement {
    /// The rules that the file breaks.
    pub violations: Violations,
    /// The rules that could not be checked.
    pub unchecked: Vec<MediaRule>,
}

impl MediaField {
    /// A field with the rules of a static table.
    #[must_use]
    pub const fn new(name: &'static str, kind: MediaKind, plural: bool, rules: &'static [MediaRule]) -> Self {
        Self { name: Cow::Borrowed(name), kind, plural, rules: Cow::Borrowed(rules) }
    }

    /// The references in `input` that belong to this field, each with its JSON pointer; anything but text is left out.
    #[must_use]
    pub fn references<'v>(&self, input: &'v Value) -> Vec<(String, &'v str)> {
        let root = Pointer::ROOT;
        let at = root.key(&self.name);
        match input.get(&*self.name) {
            Some(Value::String(text)) => vec![(at.to_string(), text)],
            Some(Value::Array(items)) if self.plural => items
                .iter()
                .enumerate()
                .filter_map(|(index, item)| Some((at.index(index).to_string(), item.as_str()?)))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Judges one file by every rule of this field; `pointer` is the place of its reference in the input.
    ///
    /// A megabyte is 1,000,000 bytes here, as in the provider's own client.
    #[must_use]
    pub fn judge(&self, pointer: &str, facts: &MediaFacts) -> Judgement {
        self.judge_with(pointer, facts, Megabyte::Decimal)
    }

    /// Judges one file as [`judge`](Self::judge) does, with the megabyte of the caller's choice: [`Megabyte::Binary`] lets
    /// files through that are refused only because the provider does not publish which one it means.
    #[must_use]
    pub fn judge_with(&self, pointer: &str, facts: &MediaFacts, megabyte: Megabyte) -> Judgement {
        let mut judgement = Judgement::default();
        for rule in self.rules.iter() {
            match rule.judge_with(facts, megabyte) {
                Verdict::Holds => {}
                Verdict::Broken(violation) => judgement.violations.push(violation.within(pointer)),
                Verdict::Unchecked => judgement.unchecked.push(rule.clone()),
            }
        }
        judgement
    }
}
