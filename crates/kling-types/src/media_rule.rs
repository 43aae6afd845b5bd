//! The provider's `validations`: rules over the pixels and bytes of a media file.

mod megabyte;
mod metric;

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;

pub use self::megabyte::{BYTES_PER_MEGABYTE, Megabyte};
pub use self::metric::Metric;
use self::metric::ratio;
use crate::{Keyword, MediaFacts, Violation};

/// One media rule, such as `width_pixels>` 300: it holds when the metric compares to the value as written.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MediaRule {
    /// What is measured.
    pub metric: Metric,
    /// How it compares to [`value`](Self::value).
    pub comparison: Comparison,
    /// The bound, in the unit of the metric.
    pub value: f64,
    /// The text for a file that breaks the rule: the provider's own, or ours for [`RuleSource::Prose`].
    pub message: Cow<'static, str>,
    /// Where the rule stands.
    pub origin: RuleSource,
}

/// How a measured value compares to a rule's bound, strict as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Comparison {
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `<=`
    AtMost,
    /// `<`
    Below,
}

/// Where a media rule stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RuleSource {
    /// Only in the prose of the provider's page; written as a rule by this project.
    Prose,
    /// In the `validations` of the provider's schema.
    Schema,
}

/// What became of one rule on one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleResult {
    /// The file keeps it.
    Pass,
    /// The file breaks it; the violation's pointer is still empty.
    Fail(Violation),
    /// The metric could not be measured, or is one that this version does not know.
    Skipped,
}

impl MediaRule {
    /// A rule of a static table.
    #[must_use]
    pub const fn new(
        metric: Metric,
        comparison: Comparison,
        value: f64,
        message: &'static str,
        origin: RuleSource,
    ) -> Self {
        Self { metric, comparison, value, message: Cow::Borrowed(message), origin }
    }

    /// Judges one file by what is known of it, a megabyte being 1,000,000 bytes.
    ///
    /// ```
    /// use kling_types::{Comparison, ImageFormat, MediaFacts, MediaRule, Metric, RuleSource, RuleResult};
    /// let text = "the width must exceed 300 pixels";
    /// let rule = MediaRule::new(Metric::Width, Comparison::Above, 300.0, text, RuleSource::Schema);
    /// assert_eq!(rule.judge(&MediaFacts::image(ImageFormat::Png, 301, 400, 1_000)), RuleResult::Pass);
    /// assert!(matches!(rule.judge(&MediaFacts::image(ImageFormat::Png, 300, 400, 1_000)), RuleResult::Fail(_)));
    /// assert_eq!(rule.judge(&MediaFacts::unknown()), RuleResult::Skipped);
    /// ```
    #[must_use]
    pub fn judge(&self, facts: &MediaFacts) -> RuleResult {
        self.judge_with(facts, Megabyte::Decimal)
    }

    /// Judges one file by what is known of it, with the megabyte of the caller's choice.
    #[must_use]
    pub fn judge_with(&self, facts: &MediaFacts, megabyte: Megabyte) -> RuleResult {
        match self.holds(facts, megabyte) {
            None => RuleResult::Skipped,
            Some(true) => RuleResult::Pass,
            Some(false) => RuleResult::Fail(self.violation(facts)),
        }
    }

    fn holds(&self, facts: &MediaFacts, megabyte: Megabyte) -> Option<bool> {
        self.metric.measure(facts, megabyte).map(|measured| self.comparison.holds(measured, self.value))
    }

    fn violation(&self, facts: &MediaFacts) -> Violation {
        let depends = self.holds(facts, Megabyte::Binary) == Some(true);
        let note =
            if depends { "; whether a megabyte is 1000000 or 1048576 bytes is not published" } else { "" };
        let violation =
            Violation::new("", Keyword::Validations, self.describe(facts), format!("{self}{note}"));
        violation.with_advice(self.message.clone())
    }

    /// What was measured, in words.
    fn describe(&self, facts: &MediaFacts) -> String {
        let (width, height) = (facts.width.unwrap_or(0), facts.height.unwrap_or(0));
        match &self.metric {
            Metric::AspectRatio => {
                format!("{width}x{height} pixels, a ratio of {}", self.broken_by(ratio(facts).unwrap_or(0.0)))
            }
            Metric::FileSizeMb => format!("{} bytes", facts.bytes.unwrap_or(0)),
            Metric::Height => format!("a height of {height} pixels"),
            Metric::Unknown(name) => name.to_string(),
            Metric::Width => format!("a width of {width} pixels"),
        }
    }

    /// A value that breaks the rule, with as many digits as it takes for what is printed to break it too.
    fn broken_by(&self, value: f64) -> String {
        let rounded = (3..18).map(|digits| format!("{value:.digits$}"));
        let breaks =
            |text: &String| text.parse().is_ok_and(|shown| !self.comparison.holds(shown, self.value));
        rounded.into_iter().find(breaks).unwrap_or_else(|| value.to_string())
    }
}

impl fmt::Display for MediaRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.metric, self.comparison, self.value)
    }
}

impl Comparison {
    /// The comparison as the provider spells it, such as `>=`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Above => ">",
            Self::AtLeast => ">=",
            Self::AtMost => "<=",
            Self::Below => "<",
        }
    }

    fn holds(self, measured: f64, bound: f64) -> bool {
        match self {
            Self::Above => measured > bound,
            Self::AtLeast => measured >= bound,
            Self::AtMost => measured <= bound,
            Self::Below => measured < bound,
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ImageFormat;

    const COMPARISONS: [Comparison; 4] =
        [Comparison::Above, Comparison::AtLeast, Comparison::AtMost, Comparison::Below];

    fn found(comparison: Comparison, bound: f64, width: u32, height: u32) -> Option<String> {
        let rule = MediaRule::new(Metric::AspectRatio, comparison, bound, "", RuleSource::Schema);
        match rule.judge(&MediaFacts::image(ImageFormat::Png, width, height, 1)) {
            RuleResult::Fail(violation) => Some(violation.found().into_owned()),
            _ => None,
        }
    }

    #[test]
    fn a_ratio_has_as_many_digits_as_it_takes() {
        let found = |comparison, bound, width, height| found(comparison, bound, width, height).unwrap();
        let least = Comparison::AtLeast;
        assert_eq!(found(least, 0.4, 100, 300), "100x300 pixels, a ratio of 0.333");
        assert_eq!(found(least, 0.4, 1199, 3000), "1199x3000 pixels, a ratio of 0.3997");
        assert_eq!(
            found(Comparison::AtMost, 2.5, 2_500_001, 1_000_000),
            "2500001x1000000 pixels, a ratio of 2.500001"
        );
        assert_eq!(found(Comparison::Above, 0.4, 400, 1000), "400x1000 pixels, a ratio of 0.400");
    }

    proptest! {
        #[test]
        fn what_is_printed_breaks_the_rule_too(
            width in 1..4_000_000_u32, height in 1..4_000_000_u32, away in -3..=3_i8, which in 0..4_usize,
        ) {
            let bound = f64::from(width) / f64::from(height) * (1.0 + f64::from(away) * 1e-9);
            let text = found(COMPARISONS[which], bound, width, height);
            if let Some((_, ratio)) = text.as_ref().and_then(|text| text.split_once("a ratio of ")) {
                let ratio: f64 = ratio.parse().unwrap();
                prop_assert!(!COMPARISONS[which].holds(ratio, bound), "{ratio} {bound}");
            }
        }
    }
}
