//! The provider's `validations`: rules about the pixels and bytes of a media file, and the facts that they are checked against.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;

use crate::{Keyword, Violation};

/// One media rule, such as `width_pixels>` 300. A file passes if the metric compares to the value as written.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MediaRule {
    /// The measured property of the file.
    pub metric: Metric,
    /// The comparison with [`value`](Self::value).
    pub comparison: Comparison,
    /// The bound, in the unit of the metric.
    pub value: f64,
    /// The text for a file that breaks the rule. For [`RuleSource::Prose`] it is by this project, otherwise by the provider.
    pub message: Cow<'static, str>,
    /// The source of the rule.
    pub origin: RuleSource,
}

/// The comparison of a measured value with the bound of a rule, strict as written.
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

/// The source of a media rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RuleSource {
    /// The text of the provider's page. This project wrote the rule.
    Prose,
    /// The `validations` of the provider's schema.
    Schema,
}

/// The result of one rule on one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleResult {
    /// The file keeps the rule.
    Pass,
    /// The file breaks the rule. The pointer of the violation is empty.
    Fail(Violation),
    /// The metric is unknown or could not be measured.
    Skipped,
}

impl MediaRule {
    /// A rule of a static table.
    pub const fn new(
        metric: Metric,
        comparison: Comparison,
        value: f64,
        message: &'static str,
        origin: RuleSource,
    ) -> Self {
        Self { metric, comparison, value, message: Cow::Borrowed(message), origin }
    }

    /// Checks the facts of one file. A megabyte is 1,000,000 bytes.
    ///
    /// ```
    /// use kling_types::{Comparison, ImageFormat, MediaFacts, MediaRule, Metric, RuleSource, RuleResult};
    /// let text = "the width must exceed 300 pixels";
    /// let rule = MediaRule::new(Metric::Width, Comparison::Above, 300.0, text, RuleSource::Schema);
    /// assert_eq!(rule.check(&MediaFacts::image(ImageFormat::Png, 301, 400, 1_000)), RuleResult::Pass);
    /// assert!(matches!(rule.check(&MediaFacts::image(ImageFormat::Png, 300, 400, 1_000)), RuleResult::Fail(_)));
    /// assert_eq!(rule.check(&MediaFacts::unknown()), RuleResult::Skipped);
    /// ```
    pub fn check(&self, facts: &MediaFacts) -> RuleResult {
        self.check_with(facts, Megabyte::Decimal)
    }

    /// Checks the facts of one file, with the megabyte of the caller's choice.
    pub fn check_with(&self, facts: &MediaFacts, megabyte: Megabyte) -> RuleResult {
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

    /// The measured value, in words.
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

    /// A value that breaks the rule, with enough digits that the printed value breaks the rule too.
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

/// The property of a file that a media rule measures.
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
    /// A metric that this version cannot measure. Its rules are reported as unchecked.
    Unknown(Cow<'static, str>),
    /// `width_pixels`.
    Width,
}

impl Metric {
    /// The metric as the provider spells it, such as `width/height`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::AspectRatio => "width/height",
            Self::FileSizeMb => "file_size_mb",
            Self::Height => "height_pixels",
            Self::Unknown(name) => name,
            Self::Width => "width_pixels",
        }
    }

    /// Returns the metric of a file, if the facts contain it.
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
}

/// Width divided by height.
fn ratio(facts: &MediaFacts) -> Option<f64> {
    let (width, height) = (f64::from(facts.width?), f64::from(facts.height?));
    (height > 0.0).then(|| width / height)
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The megabyte of `file_size_mb`. The provider does not publish its definition, so a file between the two is refused by
/// default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Megabyte {
    /// 1,048,576 bytes, which accepts more files.
    Binary,
    /// 1,000,000 bytes, as in the provider's own client.
    #[default]
    Decimal,
}

impl Megabyte {
    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        match self {
            Self::Binary => 1 << 20,
            Self::Decimal => 1_000_000,
        }
    }
}

/// Measured facts of one media file. A fact that could not be measured is `None`, and its rules stay unchecked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MediaFacts {
    /// The format of the content.
    pub format: Option<ImageFormat>,
    /// Width in pixels as a decoder gives it, before any EXIF orientation is applied.
    pub width: Option<u32>,
    /// Height in pixels as a decoder gives it, before any EXIF orientation is applied.
    pub height: Option<u32>,
    /// The EXIF orientation, 1 to 8, if the file states one. From 5 on, width and height are swapped on display.
    ///
    /// `None` for HEIC and AVIF, since they rotate inside the container and every decoder returns the sides as displayed.
    pub orientation: Option<u8>,
    /// The size of the whole file in bytes. For a `data:` URI, the size of the decoded content.
    pub bytes: Option<u64>,
}

impl MediaFacts {
    /// The facts of a file that was not measured.
    pub const fn unknown() -> Self {
        Self { format: None, width: None, height: None, orientation: None, bytes: None }
    }

    /// The facts of an image.
    pub const fn image(format: ImageFormat, width: u32, height: u32, bytes: u64) -> Self {
        let (width, height, bytes) = (Some(width), Some(height), Some(bytes));
        Self { format: Some(format), width, height, orientation: None, bytes }
    }
}

macro_rules! formats {
    ($($(#[$doc:meta])+ $variant:ident = $name:literal, $media_type:literal;)+) => {
        /// The format of a still image by its content, whatever the file name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
        #[serde(rename_all = "lowercase")]
        #[non_exhaustive]
        pub enum ImageFormat {
            $($(#[$doc])+ $variant,)+
        }

        impl ImageFormat {
            /// The format in lower case, such as `jpeg`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The media type, such as `image/jpeg`.
            pub const fn media_type(self) -> &'static str {
                match self { $(Self::$variant => $media_type,)+ }
            }
        }
    };
}

formats! {
    /// AV1 in the container of HEIF.
    Avif = "avif", "image/avif";
    /// A Windows bitmap.
    Bmp = "bmp", "image/bmp";
    /// GIF, animated or not.
    Gif = "gif", "image/gif";
    /// HEIF of any other coding, most often HEVC.
    Heic = "heic", "image/heic";
    /// JPEG.
    Jpeg = "jpeg", "image/jpeg";
    /// PNG, animated or not.
    Png = "png", "image/png";
    /// TIFF, BigTIFF included.
    Tiff = "tiff", "image/tiff";
    /// WebP, lossy, lossless or animated.
    Webp = "webp", "image/webp";
}

impl fmt::Display for ImageFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COMPARISONS: [Comparison; 4] =
        [Comparison::Above, Comparison::AtLeast, Comparison::AtMost, Comparison::Below];

    fn found(comparison: Comparison, bound: f64, width: u32, height: u32) -> Option<String> {
        let rule = MediaRule::new(Metric::AspectRatio, comparison, bound, "", RuleSource::Schema);
        match rule.check(&MediaFacts::image(ImageFormat::Png, width, height, 1)) {
            RuleResult::Fail(violation) => Some(violation.found()),
            _ => None,
        }
    }

    #[test]
    fn a_ratio_is_printed_with_enough_digits() {
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
        fn a_printed_ratio_breaks_the_rule_too(
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

    #[test]
    fn a_format_has_one_name_in_every_output() {
        for format in [ImageFormat::Jpeg, ImageFormat::Heic] {
            assert_eq!(serde_json::to_value(format).unwrap(), format.as_str());
            assert_eq!(format.media_type(), format!("image/{format}"));
        }
    }
}
