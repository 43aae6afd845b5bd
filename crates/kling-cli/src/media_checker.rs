//! Checks an input by the schema of its model, and its images by the media rules.

use std::collections::HashMap;

use kling::Violations;
use kling::media::remote::{Checker, Options};
use kling::media::{
    DataUri, Measured, MediaError as Error, MediaField, MediaKind, Megabyte, Reference, RuleResult,
};
use serde_json::{Value, json};

use crate::arguments::MediaCheck;
use crate::console::{CliError, Console};

/// Checks the images of one input. Each image is measured once, and each rule checked once.
pub(crate) struct MediaChecker {
    /// Whether images and local files are checked at all.
    pub(crate) is_on: bool,
    fetches_urls: bool,
    megabyte: Megabyte,
    /// The images that were measured when their files were read, by the pointers of their references.
    measured: HashMap<String, Result<Measured, Error>>,
    /// The one HTTP client for all URLs, created for the first.
    url_checker: Option<Checker>,
    report: Report,
}

impl MediaChecker {
    /// Checks as the command line asks. Without `fetches_urls`, images behind URLs are not checked.
    pub(crate) fn new(arguments: &MediaCheck, fetches_urls: bool) -> Self {
        let megabyte = if arguments.binary_megabytes { Megabyte::Binary } else { Megabyte::Decimal };
        Self {
            is_on: !arguments.no_media_check,
            fetches_urls,
            megabyte,
            measured: HashMap::new(),
            url_checker: None,
            report: Report::default(),
        }
    }

    /// Whether the images of a field are checked.
    pub(crate) fn checks(&self, field: &MediaField) -> bool {
        self.is_on && field.kind == MediaKind::Image && !field.rules.is_empty()
    }

    /// Adds an image that is measured already.
    pub(crate) fn add_measured(&mut self, pointer: String, measured: Result<Measured, Error>) {
        self.measured.insert(pointer, measured);
    }

    /// Joins the violations of the schema with those of the media rules. Returns the report if there are none.
    pub(crate) async fn check(
        mut self,
        by_schema: Result<(), Violations>,
        fields: &[MediaField],
        input: &Value,
    ) -> Result<Report, CliError> {
        let mut violations = by_schema.err().unwrap_or_default();
        for field in fields.iter().filter(|field| self.checks(field)).collect::<Vec<_>>() {
            for (pointer, reference) in field.references(input) {
                // The schema has found text that is no reference.
                if violations.iter().all(|violation| violation.pointer() != pointer) {
                    violations.extend(self.check_image(field, &pointer, reference).await);
                }
            }
        }
        let report = self.report;
        match violations.into_result() {
            Ok(()) => Ok(report),
            Err(violations) => Err(CliError::from(violations).with("checks", report.json())),
        }
    }

    /// Returns the violations of one image. An image that cannot be measured from here is a warning.
    async fn check_image(&mut self, field: &MediaField, pointer: &str, reference: &str) -> Violations {
        let measured = match (self.measured.remove(pointer), Reference::parse(reference)) {
            (Some(measured), _) => measured,
            (None, Reference::Base64(text) | Reference::DataUri(text)) => {
                DataUri::decode(text).and_then(|uri| uri.measure())
            }
            (None, Reference::Url(url)) if self.fetches_urls => self.measure_url(url).await,
            (None, Reference::Url(_)) => {
                let reason =
                    "the image behind the URL is replaced by a placeholder, so its rules were not checked";
                self.report.unchecked.push(format!("{pointer}: {reason}"));
                return Violations::new();
            }
            // A text that the model accepts as it is.
            (None, Reference::Path(_)) => return Violations::new(),
        };
        match measured {
            Ok(measured) => self.check_rules(field, pointer, &measured),
            Err(error) => error.violation(pointer).map_or_else(
                || {
                    self.report.unchecked.push(format!("{pointer}: {error}"));
                    Violations::new()
                },
                Violations::from,
            ),
        }
    }

    async fn measure_url(&mut self, url: &str) -> Result<Measured, Error> {
        let checker = match self.url_checker.take() {
            Some(checker) => checker,
            None => Checker::new(Options::default())?,
        };
        self.url_checker.insert(checker).measure_url(url).await
    }

    fn check_rules(&mut self, field: &MediaField, pointer: &str, measured: &Measured) -> Violations {
        let (mut violations, mut results) = (Violations::new(), Vec::new());
        for rule in field.rules.iter() {
            let result = match rule.check_with(&measured.facts, self.megabyte) {
                RuleResult::Pass => "holds",
                RuleResult::Fail(violation) => {
                    violations.push(violation.within(pointer));
                    "broken"
                }
                RuleResult::Skipped => {
                    self.report.unchecked.push(format!("{pointer}: {rule} was not checked"));
                    "unchecked"
                }
            };
            results.push(json!({ "rule": rule.to_string(), "verdict": result }));
        }
        self.report.media.push(json!({
            "pointer": pointer, "facts": measured.facts, "verdicts": results,
            "bytes_read": measured.bytes_read, "requests": measured.requests,
        }));
        violations
    }
}

/// The findings about the images of an input.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// For each measured image: its pointer, its facts, the result of each rule, and the cost of measuring.
    media: Vec<Value>,
    /// The reason for each check that was skipped.
    unchecked: Vec<String>,
}

impl Report {
    /// Prints a warning for each check that was skipped.
    pub(crate) fn warn(&self, console: Console) {
        self.unchecked.iter().for_each(|reason| console.note(format!("warning: {reason}")));
    }

    pub(crate) fn json(&self) -> Value {
        json!({ "media": self.media, "unchecked": self.unchecked })
    }
}
