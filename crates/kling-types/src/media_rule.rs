//! The provider's `validations`: rules over the pixels and bytes of a media file.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;

use crate::{Keyword, MediaFacts, Violation};

/// Bytes in a megabyte, as the provider's own client counts them. The server's reading is not published.
pub const BYTES_PER_MEGABYTE: u64 = 1_000_000;

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

    /// Judges one file by what is known of it.
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
        let Some(measured) = self.metric.measure(facts) else { return Verdict::Unchecked };
        if self.comparison.holds(measured, self.value) {
            return Verdict::Holds;
        }
        let found = self.metric.describe(facts, measured);
        let allowed = format!("{} {} {}", self.metric, self.comparison, self.value);
        let violation = Violation::new("", Keyword::Validations, found, allowed);
        Verdict::Broken(violation.with_advice(self.message.clone()))
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

    fn measure(&self, facts: &MediaFacts) -> Option<f64> {
        match self {
            Self::AspectRatio => {
                let (width, height) = (f64::from(facts.width?), f64::from(facts.height?));
                (height > 0.0).then(|| width / height)
            }
            // A file is far below 2^53 bytes, so the conversion is exact.
            #[allow(clippy::cast_precision_loss, reason = "no file has 2^53 bytes")]
            Self::FileSizeMb => facts.bytes.map(|bytes| bytes as f64 / BYTES_PER_MEGABYTE as f64),
            Self::Height => facts.height.map(f64::from),
            Self::Unknown(_) => None,
            Self::Width => facts.width.map(f64::from),
        }
    }

    fn describe(&self, facts: &MediaFacts, measured: f64) -> String {
        match (self, facts) {
            (Self::FileSizeMb, MediaFacts { bytes: Some(bytes), .. }) => format!("{bytes} bytes"),
            (Self::AspectRatio, MediaFacts { width: Some(width), height: Some(height), .. }) => {
                format!("{width}x{height} pixels, a ratio of {measured:.3}")
            }
            (Self::Height, _) => format!("a height of {measured} pixels"),
            (Self::Width, _) => format!("a width of {measured} pixels"),
            _ => measured.to_string(),
        }
    }
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
