//! The paid call: an input is checked, charged for and put in line.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use kling_types::{Keyword, Violation, Violations};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::endpoint::Endpoint;
use crate::media::Examination;
use crate::recipe::Recipe;
use crate::refusal::{Code, Refusal};
use crate::service::{Service, World};
use crate::settings::Settings;
use crate::store::{Fate, Job};
use crate::{Bill, MediaRules, SubmitStatus, UNCHECKED_HEADER, UnknownInputs};

/// Answers `POST /v1/models/{model_id}`.
pub(crate) fn submit(
    service: &Service,
    model: &str,
    account: usize,
    head: &Parts,
    body: &Bytes,
) -> Result<Response, Refusal> {
    let endpoint = service.catalog.find(model)?;
    let input = parse(head, body)?;
    check(endpoint, &input, &service.settings)?;
    let mut examination = Examination::of(endpoint, &input, &service.settings);
    let doom = judge(&mut examination, service.settings.api.media_rules)?;
    let unchecked = examination.unchecked.join(", ");
    let draft = Draft { endpoint, account, input, doom, examination, body };
    let id = accept(service, draft)?;
    Ok(reply(service, &id, &unchecked))
}

/// A submission that fits its schema and waits for its balance.
struct Draft<'a> {
    endpoint: &'a Endpoint,
    account: usize,
    input: Value,
    doom: Option<Value>,
    examination: Examination,
    body: &'a Bytes,
}

fn parse(head: &Parts, body: &Bytes) -> Result<Value, Refusal> {
    let media_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        let message = "the body has to be sent as content type application/json";
        return Err(Refusal::new(Code::UnsupportedMediaType, message));
    }
    serde_json::from_slice(body).map_err(|error| {
        let violation = Violation::new("", Keyword::Json, format!("a body that is no JSON: {error}"), "JSON");
        Refusal::mismatch(violation.into())
    })
}

fn check(endpoint: &Endpoint, input: &Value, settings: &Settings) -> Result<(), Refusal> {
    let Err(violations) = endpoint.validate(input) else { return Ok(()) };
    let ignored = |violation: &Violation| {
        settings.api.unknown_inputs == UnknownInputs::Ignored
            && violation.keyword() == Keyword::AdditionalProperties
    };
    let violations: Violations = violations.into_iter().filter(|violation| !ignored(violation)).collect();
    violations.into_result().map_err(Refusal::mismatch)
}

/// Refuses what is no picture; a picture that breaks a rule is refused too, or dooms the job to this error.
fn judge(examination: &mut Examination, reading: MediaRules) -> Result<Option<Value>, Refusal> {
    let mut found = std::mem::take(&mut examination.unusable);
    let broken = std::mem::take(&mut examination.broken);
    if reading == MediaRules::AtSubmit {
        found.extend(broken);
        return found.into_result().map(|()| None).map_err(Refusal::mismatch);
    }
    found.into_result().map_err(Refusal::mismatch)?;
    let is_doomed = reading == MediaRules::WhileRunning && !broken.is_empty();
    Ok(is_doomed.then(|| json!(broken.to_string())))
}

fn accept(service: &Service, draft: Draft<'_>) -> Result<String, Refusal> {
    let canonical = serde_json_canonicalizer::to_vec(&draft.input).unwrap_or_else(|_| draft.body.to_vec());
    let body_sha256 = hexadecimal(&Sha256::digest(canonical));
    service.with(|world, now| {
        let Draft { endpoint, account, .. } = draft;
        admit(world, account, service.settings.job_limit, now)?;
        let price = endpoint.price(&draft.input);
        let fate = fate(world, draft);
        let is_free = matches!(fate, Fate::Fails(_)) && !service.settings.api.bill_failed_jobs;
        let microdollars = if is_free { 0 } else { price };
        let id = world.store.fresh_id();
        let (request_id, model_id, refunded) = (id.clone(), endpoint.id.clone(), false);
        let bill = Bill { request_id, model_id, body_sha256, at: now, microdollars, refunded };
        world.ledger.charge(account, bill);
        world.store.accept(Job { id: id.clone(), account, submitted: now, microdollars, fate });
        Ok(id)
    })
}

/// Refuses an account that has no balance, or as many unfinished jobs as it may have.
fn admit(world: &World, account: usize, job_limit: usize, now: Duration) -> Result<(), Refusal> {
    if world.ledger.balance(account) <= 0 {
        return Err(Refusal::new(Code::InsufficientResources, "no balance is left on the account"));
    }
    // Counted only where there is a limit: it looks at every job.
    if job_limit < usize::MAX && world.store.unfinished(account, now) >= job_limit {
        let message = format!("the account has {job_limit} unfinished jobs, and may have no more");
        return Err(Refusal::new(Code::TooManyJobs, message));
    }
    Ok(())
}

fn fate(world: &mut World, draft: Draft<'_>) -> Fate {
    if let Some(error) = draft.doom.or_else(|| world.failures.pop_front()) {
        return Fate::Fails(error);
    }
    let seconds = draft.endpoint.seconds(&draft.input);
    let mut hang = |bytes: Option<Vec<u8>>| bytes.map(|bytes| world.gallery.hang(bytes));
    let (start, end) = (hang(draft.examination.start), hang(draft.examination.end));
    Fate::Succeeds(Recipe { kind: draft.endpoint.output_kind, start, end, seconds })
}

fn reply(service: &Service, id: &str, unchecked: &str) -> Response {
    let links = &service.links;
    let mut body = json!({
        "request_id": id,
        "status_url": links.request(id, "status"),
        "result_url": links.request(id, "result"),
        "cancel_url": links.request(id, "cancel"),
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

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
