//! The provider's `validations`: rules over the pixels and bytes of a media file.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;

use crate::{Keyword, MediaFacts, Violation};

/// Bytes in a megabyte, as the provider's own client counts them. The server's reading is not published.
pub const BYTES_PER_MEGABYTE: u64 = 1_000_000;

/// Which megabyte `file_size_mb` means. The provider does not publish it, so a file between the two is refused unless the
/// caller says that it should pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Megabyte {
    /// 1,048,576 bytes: the reading that lets most through.
    Binary,
    /// 1,000,000 bytes, as the provider's own client counts.
    #[default]
    Decimal,
}

impl Megabyte {
    /// How many bytes it has.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        match self {
            Self::Binary => 1 << 20,
            Self::Decimal => BYTES_PER_MEGABYTE,
        }
    }
}

/// One media rule, such as `width_pixels>` 300: it holds when the metric compares to the value as written.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MediaRule {
    /// What is measured.
    pub metric: Metric,
    /// How it compares to [`value`](Self::value).
    pub comparison: Comparison,
    /// The bound, in the unit of the metric.
    pub value: f64,
    /// The text for a file that breaks the rule: the provider's own, or ours for [`Origin::Prose`].
    pub message: Cow<'static, str>,
    /// Where the rule stands.
    pub origin: Origin,
}

/// What a media rule measures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Metric {
    /// `width/height`: width divided by height.
    AspectRatio,
    /// `file_size_mb`: the whole file in megabytes of 1,000,000 bytes.
    FileSizeMb,
    /// `height_pixels`.
    Height,
    /// A metric that this version cannot measure: carried, and reported as unchecked.
    Unknown(Cow<'static, str>),
    /// `width_pixels`.
    Width,
}

/// How a measured value compares to a rule's bound, strict as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
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
pub enum Origin {
    /// Only in the prose of the provider's page; written as a rule by this project.
    Prose,
    /// In the `validations` of the provider's schema.
    Schema,
}

/// What became of one rule on one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The file keeps it.
    Holds,
    /// The file breaks it; the violation's pointer is still empty.
    Broken(Violation),
    /// The metric could not be measured, or is one that this version does not know.
    Unchecked,
}

impl MediaRule {
    /// A rule of a static table.
    #[must_use]
    pub const fn new(
        metric: Metric,
        comparison: Comparison,
        value: f64,
        message: &'static str,
        origin: Origin,
    ) -> Self {
        Self { metric, comparison, value, message: Cow::Borrowed(message), origin }
    }

    /// Judges one file by what is known of it, a megabyte being 1,000,000 bytes.
    ///
    /// ```
    /// use kling_types::{Comparison, MediaFacts, MediaRule, Metric, Origin, Verdict};
    /// let text = "the width must exceed 300 pixels";
    /// let rule = MediaRule::new(Metric::Width, Comparison::Above, 300.0, text, Origin::Schema);
    /// assert_eq!(rule.judge(&MediaFacts::image("png", 301, 400, 1_000)), Verdict::Holds);
    /// assert!(matches!(rule.judge(&MediaFacts::image("png", 300, 400, 1_000)), Verdict::Broken(_)));
    /// assert_eq!(rule.judge(&MediaFacts::unknown()), Verdict::Unchecked);
    /// ```
    #[must_use]
    pub fn judge(&self, facts: &MediaFacts) -> Verdict {
        self.judge_with(facts, Megabyte::Decimal)
    }

    /// Judges one file by what is known of it, with the megabyte of the caller's choice.
    #[must_use]
    pub fn judge_with(&self, facts: &MediaFacts, megabyte: Megabyte) -> Verdict {
        match self.holds(facts, megabyte) {
            None => Verdict::Unchecked,
            Some(true) => Verdict::Holds,
            Some(false) => Verdict::Broken(self.violation(facts)),
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
            Violation::new("", Keyword::Validations, self.metric.describe(facts), format!("{self}{note}"));
        violation.with_advice(self.message.clone())
    }
}

impl fmt::Display for MediaRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.metric, self.comparison, self.value)
    }
}

impl Metric {
    /// The metric as the provider spells it, such as `width/height`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::AspectRatio => "width/height",
            Self::FileSizeMb => "file_size_mb",
            Self::Height => "height_pixels",
            Self::Unknown(name) => name,
            Self::Width => "width_pixels",
        }
    }

    fn measure(&self, facts: &MediaFacts, megabyte: Megabyte) -> Option<f64> {
        match self {
            Self::AspectRatio => ratio(facts),
            // A file is far below 2^53 bytes, so the conversion is exact.
            #[allow(clippy::cast_precision_loss, reason = "no file has 2^53 bytes")]
            Self::FileSizeMb => facts.bytes.map(|bytes| bytes as f64 / megabyte.bytes() as f64),
            Self::Height => facts.height.map(f64::from),
            Self::Unknown(_) => None,
            Self::Width => facts.width.map(f64::from),
        }
    }

    fn describe(&self, facts: &MediaFacts) -> String {
        let (width, height) = (facts.width.unwrap_or(0), facts.height.unwrap_or(0));
        match self {
            Self::AspectRatio => {
                format!("{width}x{height} pixels, a ratio of {:.3}", ratio(facts).unwrap_or(0.0))
            }
            Self::FileSizeMb => format!("{} bytes", facts.bytes.unwrap_or(0)),
            Self::Height => format!("a height of {height} pixels"),
            Self::Unknown(name) => name.to_string(),
            Self::Width => format!("a width of {width} pixels"),
        }
    }
}

fn ratio(facts: &MediaFacts) -> Option<f64> {
    let (width, height) = (f64::from(facts.width?), f64::from(facts.height?));
    (height > 0.0).then(|| width / height)
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
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
