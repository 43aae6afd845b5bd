//! The paid call: checks an input and its images, charges the account and accepts the job.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use kling_types::{Keyword, MediaFacts, MediaField, Violation, Violations};
use serde_json::{Value, json};

use crate::catalog::Endpoint;
use crate::jobs::{Job, Outcome};
use crate::output::{ClipSpec, sha256_hex};
use crate::refusal::{Code, Refusal};
use crate::service::{Service, State};
use crate::settings::Settings;
use crate::{Bill, MediaRules, SubmitStatus, UNCHECKED_HEADER, UnknownInputs};

/// Replies to `POST /v1/models/{model_id}`.
pub(crate) fn submit(
    service: &Service,
    model: &str,
    account: usize,
    head: &Parts,
    body: &Bytes,
) -> Result<Response, Refusal> {
    let endpoint = service.catalog.find(model)?;
    let input = parse(head, body)?;
    check_schema(endpoint, &input, &service.settings)?;
    let images = Images::check(endpoint, &input, &service.settings)?;
    let unchecked = images.unchecked.join(", ");
    let id = accept(service, endpoint, account, &input, images)?;
    Ok(reply(service, &id, &unchecked))
}

fn parse(head: &Parts, body: &Bytes) -> Result<Value, Refusal> {
    let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        let message = "the content type of the body must be application/json";
        return Err(Refusal::new(Code::UnsupportedMediaType, message));
    }
    serde_json::from_slice(body).map_err(|error| {
        let violation = Violation::new("", Keyword::Json, format!("invalid JSON: {error}"), "JSON");
        Refusal::mismatch(violation.into())
    })
}

fn check_schema(endpoint: &Endpoint, input: &Value, settings: &Settings) -> Result<(), Refusal> {
    let Err(violations) = endpoint.model.validate_input(input) else { return Ok(()) };
    let ignores_unknown = settings.api.unknown_inputs == UnknownInputs::Ignored;
    let is_ignored =
        |violation: &Violation| ignores_unknown && violation.keyword() == Keyword::AdditionalProperties;
    let violations: Violations = violations.into_iter().filter(|violation| !is_ignored(violation)).collect();
    violations.into_result().map_err(Refusal::mismatch)
}

/// Charges the account for an input that passed every other check, and accepts its job.
fn accept(
    service: &Service,
    endpoint: &Endpoint,
    account: usize,
    input: &Value,
    images: Images,
) -> Result<String, Refusal> {
    let canonical = serde_json_canonicalizer::to_vec(input).unwrap_or_else(|_| input.to_string().into());
    let body_sha256 = sha256_hex(&canonical);
    service.with(|state, now| {
        admit(state, account, service.settings.job_limit, now)?;
        let outcome = outcome(state, endpoint, input, images);
        let is_free = matches!(outcome, Outcome::Failed(_)) && !service.settings.api.bill_failed_jobs;
        let microdollars = if is_free { 0 } else { endpoint.price(input) };
        let id = state.jobs.new_id();
        let (request_id, model_id, refunded) = (id.clone(), endpoint.model.id.clone(), false);
        let bill = Bill { request_id, model_id, body_sha256, at: now, microdollars, refunded };
        state.billing.charge(account, bill);
        state.jobs.accept(Job { id: id.clone(), account, submitted: now, microdollars, outcome });
        Ok(id)
    })
}

/// Refuses an account without a balance, or with too many unfinished jobs.
fn admit(state: &State, account: usize, job_limit: usize, now: Duration) -> Result<(), Refusal> {
    if state.billing.balance(account) <= 0 {
        return Err(Refusal::new(Code::InsufficientResources, "the account has no balance left"));
    }
    // Counts only if there is a limit, since counting visits every job.
    if job_limit < usize::MAX && state.jobs.unfinished(account, now) >= job_limit {
        let message = format!("the account has {job_limit} unfinished jobs, the most allowed");
        return Err(Refusal::new(Code::TooManyJobs, message));
    }
    Ok(())
}

fn outcome(state: &mut State, endpoint: &Endpoint, input: &Value, images: Images) -> Outcome {
    if let Some(error) = images.failure.or_else(|| state.failures.pop_front()) {
        return Outcome::Failed(error);
    }
    let mut keep = |image: Option<Vec<u8>>| image.map(|bytes| intern(&mut state.images, bytes));
    Outcome::Succeeded(ClipSpec {
        kind: endpoint.model.output_kind,
        start: keep(images.start),
        end: keep(images.end),
        seconds: endpoint.seconds(input),
    })
}

/// Keeps equal images once.
fn intern(images: &mut HashSet<Arc<[u8]>>, bytes: Vec<u8>) -> Arc<[u8]> {
    if let Some(known) = images.get(&*bytes) {
        return Arc::clone(known);
    }
    let image: Arc<[u8]> = bytes.into();
    images.insert(Arc::clone(&image));
    image
}

fn reply(service: &Service, id: &str, unchecked: &str) -> Response {
    let mut body = json!({
        "request_id": id,
        "status_url": service.link(id, "status"),
        "result_url": service.link(id, "result"),
        "cancel_url": service.link(id, "cancel"),
    });
    let status = match service.settings.api.submit_status {
        SubmitStatus::Ok200 => StatusCode::OK,
        SubmitStatus::Accepted202 => {
            body["status"] = json!(service.settings.api.status_words.in_queue);
            StatusCode::ACCEPTED
        }
    };
    let mut response = (status, Json(body)).into_response();
    if !unchecked.is_empty()
        && let Ok(pointers) = HeaderValue::from_str(unchecked)
    {
        response.headers_mut().insert(UNCHECKED_HEADER, pointers);
    }
    response
}

/// The images of one input.
#[derive(Debug, Default)]
struct Images {
    /// The pointers of images with unchecked rules.
    unchecked: Vec<String>,
    /// The bytes of the first start image, if known.
    start: Option<Vec<u8>>,
    /// The bytes of the first end image, if known.
    end: Option<Vec<u8>>,
    /// The error of a job that fails because an image breaks a rule.
    failure: Option<Value>,
}

impl Images {
    /// Checks every image of an input that matches its schema.
    fn check(endpoint: &Endpoint, input: &Value, settings: &Settings) -> Result<Self, Refusal> {
        let mut images = Self::default();
        let (mut unusable, mut broken) = (Violations::new(), Violations::new());
        for field in endpoint.image_fields() {
            for (pointer, reference) in field.references(input) {
                match open(reference, settings) {
                    Ok(opened) => broken.extend(images.add(field, pointer, opened, settings)),
                    Err(violation) => unusable.push(violation.within(&pointer)),
                }
            }
        }
        match settings.api.media_rules {
            MediaRules::AtSubmit => unusable.extend(broken),
            MediaRules::WhileRunning if !broken.is_empty() => {
                images.failure = Some(json!(broken.to_string()))
            }
            _ => {}
        }
        unusable.into_result().map(|()| images).map_err(Refusal::mismatch)
    }

    /// Adds an image, and returns its violations of the model's rules.
    fn add(
        &mut self,
        field: &MediaField,
        pointer: String,
        (bytes, facts): (Option<Vec<u8>>, MediaFacts),
        settings: &Settings,
    ) -> Violations {
        let report = field.check_with(&pointer, &facts, settings.api.megabyte);
        if !report.unchecked.is_empty() {
            self.unchecked.push(pointer);
        }
        let place = if is_end_image(&field.name) { &mut self.end } else { &mut self.start };
        *place = place.take().or(bytes);
        report.violations
    }
}

/// Returns the bytes and facts of an image. A URL out of reach has neither.
fn open(reference: &str, settings: &Settings) -> Result<(Option<Vec<u8>>, MediaFacts), Violation> {
    let refused =
        |found: String, allowed: String| Violation::new("", Keyword::MediaReference, found, allowed);
    let is_data_uri = reference.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"));
    let bytes = if is_data_uri {
        let data = kling_media::DataUri::decode(reference)
            .map_err(|error| refused(error.to_string(), "a `data:` URI in base64".into()))?;
        Some(data.bytes)
    } else {
        settings.fetcher.as_ref().and_then(|fetch| fetch(reference))
    };
    let Some(bytes) = bytes else { return Ok((None, MediaFacts::unknown())) };
    match settings.api.data_uri_limit.filter(|&limit| is_data_uri && bytes.len() as u64 > limit) {
        Some(limit) => {
            let allowed = format!("at most {limit} bytes in a `data:` URI");
            Err(refused(format!("{} bytes", bytes.len()), allowed))
        }
        None => {
            let facts = kling_media::from_bytes(&bytes);
            let facts = facts.map_err(|error| refused(error.to_string(), "an image".into()))?;
            Ok((Some(bytes), facts))
        }
    }
}

/// Whether a property holds the end image, by the names in the catalog.
fn is_end_image(name: &str) -> bool {
    name.split('_').any(|word| matches!(word, "tail" | "end" | "last"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_kept_once() {
        let mut images = HashSet::new();
        let (one, other) = (intern(&mut images, vec![1, 2]), intern(&mut images, vec![1, 2]));
        assert!(Arc::ptr_eq(&one, &other));
        assert_ne!(one, intern(&mut images, vec![3]));
    }

    #[test]
    fn the_end_image_is_known_by_its_name() {
        assert!(
            is_end_image("tail_image_url") && is_end_image("end_image_url") && is_end_image("last_image")
        );
        assert!(!is_end_image("image_url") && !is_end_image("start_image_url") && !is_end_image("blending"));
    }
}
