//! The pictures of an input, measured by as little of them as can be, and judged by the rules of their properties.

use kling::media::remote::{Checker, Options};
use kling::media::{DataUri, Error, Measured, Reference};
use kling::{MediaField, MediaKind, MediaRule, Megabyte, RuleResult, Violations};
use serde_json::{Value, json};

use crate::arguments::MediaCheck;
use crate::attachments;
use crate::console::{CliError, Console};

/// How pictures are looked at.
pub(crate) struct MediaChecker {
    with_urls: bool,
    megabyte: Megabyte,
}

impl MediaChecker {
    /// As the command line asks; without `with_urls` nothing is fetched.
    pub(crate) fn new(arguments: &MediaCheck, with_urls: bool) -> Option<Self> {
        let megabyte = if arguments.binary_megabytes { Megabyte::Binary } else { Megabyte::Decimal };
        (!arguments.no_media_check).then_some(Self { with_urls, megabyte })
    }

    /// The broken rules of one picture. A question that stays open goes into the report: a warning, never an error. A local
    /// file that cannot be read stops the program.
    pub(crate) async fn judge(
        &self,
        field: &MediaField,
        pointer: &str,
        reference: &str,
        report: &mut Report,
    ) -> Result<Violations, CliError> {
        if field.kind != MediaKind::Image || field.rules.is_empty() {
            return Ok(Violations::new());
        }
        Ok(match self.measure(reference).await? {
            Some(Ok(measured)) => {
                let judgement = field.judge_with(pointer, &measured.facts, self.megabyte);
                let unchecked =
                    judgement.unchecked.iter().map(|rule| format!("{pointer}: {rule} was not checked"));
                report.unchecked.extend(unchecked);
                report.looked_at(field, pointer, &measured, self.megabyte);
                judgement.violations
            }
            Some(Err(error)) => match error.violation(pointer) {
                Some(violation) => violation.into(),
                None => {
                    report.unchecked.push(format!("{pointer}: {error}"));
                    Violations::new()
                }
            },
            None => {
                let text =
                    "the picture behind the URL is replaced by a placeholder, so its rules were not checked";
                report.unchecked.push(format!("{pointer}: {text}"));
                Violations::new()
            }
        })
    }

    /// The facts of a picture; `None` if it is behind a URL and none is to be fetched.
    async fn measure(&self, reference: &str) -> Result<Option<Result<Measured, Error>>, CliError> {
        Ok(match Reference::parse(reference) {
            Reference::Base64(text) | Reference::DataUri(text) => {
                Some(DataUri::decode(text).and_then(|uri| uri.measure()))
            }
            Reference::Url(url) if self.with_urls => Some(match Checker::new(Options::default()) {
                Ok(checker) => checker.measure_url(url).await,
                Err(error) => Err(error),
            }),
            Reference::Path(path) => Some(attachments::measure(path)?),
            Reference::Url(_) => None,
        })
    }
}

/// What was found out about the pictures of an input.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// For each picture that was measured: where it stands, its facts, the verdicts, and what it took to find them.
    media: Vec<Value>,
    /// What could not be checked, in words.
    unchecked: Vec<String>,
}

impl Report {
    /// Says what could not be checked.
    pub(crate) fn warn(&self, console: Console) {
        self.unchecked.iter().for_each(|what| console.note(format!("warning: {what}")));
    }

    pub(crate) fn json(&self) -> Value {
        json!({ "media": self.media, "unchecked": self.unchecked })
    }

    fn looked_at(&mut self, field: &MediaField, pointer: &str, measured: &Measured, megabyte: Megabyte) {
        let verdict = |rule: &MediaRule| match rule.judge_with(&measured.facts, megabyte) {
            RuleResult::Pass => "holds",
            RuleResult::Fail(_) => "broken",
            RuleResult::Skipped => "unchecked",
        };
        let verdicts =
            field.rules.iter().map(|rule| json!({ "rule": rule.to_string(), "verdict": verdict(rule) }));
        self.media.push(json!({
            "pointer": pointer, "facts": measured.facts, "verdicts": verdicts.collect::<Value>(),
            "bytes_read": measured.bytes_read, "requests": measured.requests,
        }));
    }
}
