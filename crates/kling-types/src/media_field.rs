//! The media properties of a model: which they are, and what their files must keep.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;

use crate::{MediaFacts, MediaRule, Megabyte, Pointer, RuleResult, Violations};

/// A property that holds one media reference, or a list of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MediaField {
    /// The property's name; of one in a nested object the way to it, such as `elements/*/image_url` for each element's.
    pub name: Cow<'static, str>,
    /// What the files are; of a property that takes one kind or another, the first.
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
pub struct MediaReport {
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
        let mut found = Vec::new();
        self.find(input, Some(&self.name), &Pointer::ROOT, &mut found);
        found
    }

    /// Walks the rest of the way from `value`, and adds what stands at its end.
    fn find<'v>(
        &self,
        value: &'v Value,
        way: Option<&str>,
        at: &Pointer<'_>,
        found: &mut Vec<(String, &'v str)>,
    ) {
        let step = way.map(|way| way.split_once('/').map_or((way, None), |(step, rest)| (step, Some(rest))));
        match (step, value) {
            (None, Value::String(text)) => found.push((at.to_string(), text)),
            (None, Value::Array(items)) if self.plural => {
                items.iter().enumerate().for_each(|(index, item)| {
                    found.extend(item.as_str().map(|text| (at.index(index).to_string(), text)));
                })
            }
            (Some(("*", rest)), Value::Array(items)) => items.iter().enumerate().for_each(|(index, item)| {
                self.find(item, rest, &at.index(index), found);
            }),
            (Some((step, rest)), Value::Object(object)) => {
                // A name may hold a slash itself.
                let whole = way.and_then(|way| Some((object.get(way)?, at.key(way), None)));
                let one = whole.or_else(|| Some((object.get(step)?, at.key(step), rest)));
                if let Some((value, at, rest)) = one {
                    self.find(value, rest, &at, found);
                }
            }
            _ => {}
        }
    }

    /// Judges one file by every rule of this field; `pointer` is the place of its reference in the input.
    ///
    /// A megabyte is 1,000,000 bytes here, as in the provider's own client.
    #[must_use]
    pub fn judge(&self, pointer: &str, facts: &MediaFacts) -> MediaReport {
        self.judge_with(pointer, facts, Megabyte::Decimal)
    }

    /// Judges one file as [`judge`](Self::judge) does, with the megabyte of the caller's choice: [`Megabyte::Binary`] lets
    /// files through that are refused only because the provider does not publish which one it means.
    #[must_use]
    pub fn judge_with(&self, pointer: &str, facts: &MediaFacts, megabyte: Megabyte) -> MediaReport {
        let mut judgement = MediaReport::default();
        for rule in self.rules.iter() {
            match rule.judge_with(facts, megabyte) {
                RuleResult::Pass => {}
                RuleResult::Fail(violation) => judgement.violations.push(violation.within(pointer)),
                RuleResult::Skipped => judgement.unchecked.push(rule.clone()),
            }
        }
        judgement
    }
}
