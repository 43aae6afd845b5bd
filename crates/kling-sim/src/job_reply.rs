//! The free calls on a job: status, result and cancel.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kling_types::OutputKind;
use serde_json::{Value, json};

use crate::ledger::dollars;
use crate::queue::Phase;
use crate::refusal::{Code, Refusal};
use crate::service::Service;
use crate::store::{Fate, Job};
use crate::{OutputForm, StatusWords, UnfinishedResult};

/// Answers `GET /v1/requests/{id}/status`.
pub(crate) fn status(service: &Service, id: &str, account: usize) -> Result<Response, Refusal> {
    service.with(|world, now| {
        let (ticket, job) = world.store.find(id, account, now)?;
        let phase = world.store.phase(ticket, now);
        let mut body = json!({
            "request_id": id,
            "status": status_word(&service.settings.api.status_words, phase, &job.fate),
            "status_url": service.links.request(id, "status"),
            "result_url": service.links.request(id, "result"),
        });
        if let Phase::InQueue(position) = phase {
            body["queue_position"] = json!(position);
        }
        Ok(Json(body).into_response())
    })
}

/// Answers `GET /v1/requests/{id}/result`.
pub(crate) fn result(
    service: &Service,
    id: &str,
    account: usize,
    with_cost: bool,
) -> Result<Response, Refusal> {
    service.with(|world, now| {
        let (ticket, job) = world.store.find(id, account, now)?;
        let phase = world.store.phase(ticket, now);
        let words = &service.settings.api.status_words;
        let mut body = json!({
            "request_id": id,
            "status": status_word(words, phase, &job.fate),
            "created_at": service.clock.date(job.submitted),
        });
        match phase {
            Phase::InQueue(_) | Phase::InProgress => {
                if service.settings.api.unfinished_result == UnfinishedResult::Error400005 {
                    return Err(Refusal::new(Code::NotReady, "the result is not ready"));
                }
            }
            Phase::Cancelled(at) => body["finished_at"] = json!(service.clock.date(at)),
            Phase::Completed(at) => {
                body["finished_at"] = json!(service.clock.date(at));
                finish(service, job, &mut body);
                if with_cost {
                    body["cost"] = json!(dollars(job.microdollars));
                }
            }
        }
        Ok(Json(body).into_response())
    })
}

/// Answers `POST /v1/requests/{id}/cancel`.
pub(crate) fn cancel(service: &Service, id: &str, account: usize) -> Result<Response, Refusal> {
    service.with(|world, now| {
        let (ticket, _) = world.store.find(id, account, now)?;
        let is_cancelled = world.store.cancel(ticket, now);
        if is_cancelled && !service.settings.api.bill_cancelled_jobs {
            // Every accepted job has one bill, so that ticket and bill have the same number.
            world.ledger.refund(account, ticket);
        }
        let (_, job) = world.store.find(id, account, now)?;
        let words = &service.settings.api.status_words;
        let outcome = if is_cancelled { words.cancel_outcome.as_str() } else { "not_cancellable" };
        let body = json!({
            "request_id": id,
            "status": status_word(words, world.store.phase(ticket, now), &job.fate),
            "outcome": outcome,
        });
        Ok((StatusCode::ACCEPTED, Json(body)).into_response())
    })
}

fn finish(service: &Service, job: &Job, body: &mut Value) {
    let words = &service.settings.api.status_words;
    match &job.fate {
        Fate::Fails(error) => {
            body["status"] = json!(words.failed);
            body["error"] = error.clone();
        }
        Fate::Succeeds(recipe) => {
            body["status"] = json!(words.succeeded);
            body["output"] = output(service, job, recipe.kind);
        }
    }
}

fn output(service: &Service, job: &Job, kind: OutputKind) -> Value {
    let files = 0..service.settings.output_count;
    let mut urls: Vec<Value> =
        files.map(|number| json!(service.links.output(&job.id, number, kind))).collect();
    match service.settings.api.output_form {
        OutputForm::Array => Value::Array(urls),
        OutputForm::Url => urls.swap_remove(0),
        OutputForm::Object if urls.len() == 1 => json!({kind.singular(): urls.swap_remove(0)}),
        OutputForm::Object => json!({kind.plural(): urls}),
    }
}

fn status_word<'w>(words: &'w StatusWords, phase: Phase, fate: &Fate) -> &'w str {
    match (phase, fate) {
        (Phase::Cancelled(_), _) => &words.cancelled,
        (Phase::Completed(_), Fate::Fails(_)) => &words.failed_on_status,
        (Phase::Completed(_), Fate::Succeeds(_)) => &words.completed,
        (Phase::InProgress, _) => &words.in_progress,
        (Phase::InQueue(_), _) => &words.in_queue,
    }
}
