//! Media properties of a model, and the rules that their files must keep.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;

use crate::{MediaFacts, MediaRule, Megabyte, Pointer, RuleResult, Violations};

/// A property that holds one media reference, or a list of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MediaField {
    /// The name of the property. In a nested object it is the path to the property, such as `elements/*/image_url`.
    pub name: Cow<'static, str>,
    /// The kind of the files. Of a property that takes several kinds, the first.
    pub kind: MediaKind,
    /// Whether the property is an array. Its rules then hold for each element.
    pub plural: bool,
    /// The rules: first the provider's in their order, then those of this project.
    pub rules: Cow<'static, [MediaRule]>,
}

/// The kind of a media file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MediaKind {
    /// A sound.
    Audio,
    /// A still image.
    Image,
    /// A clip.
    Video,
}

/// The results of all rules of one field on one file.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct MediaReport {
    /// The violations of broken rules.
    pub violations: Violations,
    /// The rules that could not be checked.
    pub unchecked: Vec<MediaRule>,
}

impl MediaField {
    /// A field with the rules of a static table.
    pub const fn new(name: &'static str, kind: MediaKind, plural: bool, rules: &'static [MediaRule]) -> Self {
        Self { name: Cow::Borrowed(name), kind, plural, rules: Cow::Borrowed(rules) }
    }

    /// Returns the references in `input` that belong to this field, each with its JSON pointer. Values other than text are left
    /// out.
    pub fn references<'v>(&self, input: &'v Value) -> Vec<(String, &'v str)> {
        let mut found = Vec::new();
        self.find(input, Some(&self.name), &Pointer::ROOT, &mut found);
        found
    }

    /// Walks the rest of the path from `value`, and adds the references at its end.
    fn find<'v>(
        &self,
        value: &'v Value,
        path: Option<&str>,
        at: &Pointer<'_>,
        found: &mut Vec<(String, &'v str)>,
    ) {
        let step =
            path.map(|path| path.split_once('/').map_or((path, None), |(step, rest)| (step, Some(rest))));
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
                // A name may contain a slash.
                let whole = path.and_then(|path| Some((object.get(path)?, at.key(path), None)));
                let one = whole.or_else(|| Some((object.get(step)?, at.key(step), rest)));
                if let Some((value, at, rest)) = one {
                    self.find(value, rest, &at, found);
                }
            }
            _ => {}
        }
    }

    /// Checks one file against every rule of this field; `pointer` is the place of its reference in the input.
    ///
    /// A megabyte is 1,000,000 bytes, as in the provider's own client.
    pub fn check(&self, pointer: &str, facts: &MediaFacts) -> MediaReport {
        self.check_with(pointer, facts, Megabyte::Decimal)
    }

    /// Checks one file as [`check`](Self::check) does, with the megabyte of the caller's choice. [`Megabyte::Binary`] accepts
    /// files that are refused only because the provider does not publish its megabyte.
    pub fn check_with(&self, pointer: &str, facts: &MediaFacts, megabyte: Megabyte) -> MediaReport {
        let mut report = MediaReport::default();
        for rule in self.rules.iter() {
            match rule.check_with(facts, megabyte) {
                RuleResult::Pass => {}
                RuleResult::Fail(violation) => report.violations.push(violation.within(pointer)),
                RuleResult::Skipped => report.unchecked.push(rule.clone()),
            }
        }
        report
    }
}

/// `MEDIA`, the media properties of a model: one line a rule.
#[doc(hidden)]
#[macro_export]
macro_rules! media {
    ($($name:literal: $kind:ident, plural: $plural:literal, [
        $($metric:ident $(($unknown:literal))? $comparison:ident $value:literal $origin:ident $message:literal;)*
    ])*) => {
        /// The media properties of the input, each with the rules that its files must keep.
        pub static MEDIA: &[$crate::MediaField] = &[$({
            const RULES: &[$crate::MediaRule] = &[$($crate::MediaRule::new(
                $crate::Metric::$metric $((::std::borrow::Cow::Borrowed($unknown)))?,
                $crate::Comparison::$comparison,
                $value,
                $message,
                $crate::RuleSource::$origin,
            ),)*];
            $crate::MediaField::new($name, $crate::MediaKind::$kind, $plural, RULES)
        },)*];
    };
}
