//! The faults that may be drawn for a call of each kind.

use std::time::Duration;

use fastrand::Rng;
use serde_json::json;

use crate::{Call, Fault, Reply};

/// One of those that fit the call, each as likely.
pub(crate) fn draw(random: &mut Rng, call: Call, stall: Duration) -> Fault {
    let mut fitting = on_the_wire(stall);
    fitting.extend(refusals());
    fitting.extend(match call {
        Call::Output => impostors(),
        Call::Submit => [garbled(stall), lost()].concat(),
        _ => [garbled(stall), confused()].concat(),
    });
    fitting.swap_remove(random.usize(..fitting.len()))
}

fn on_the_wire(stall: Duration) -> Vec<Fault> {
    vec![
        Fault::CloseInBody,
        Fault::Drip(stall / 32),
        Fault::DropProcessed,
        Fault::DropUnprocessed,
        Fault::DropUnread,
        Fault::ResetInBody,
        Fault::ResetInHead,
        Fault::Stall(stall),
        Fault::StallInBody(stall),
    ]
}

/// Answers before anything took effect.
fn refusals() -> Vec<Fault> {
    let nothing = Duration::ZERO;
    let answers = [
        Reply::busy(429, nothing),
        Reply::busy_until(429, nothing, Duration::from_secs(86_400)),
        Reply::busy(503, nothing),
        Reply::empty(408),
        Reply::empty(500),
        Reply::html(502, "<h1>Bad gateway</h1>"),
        Reply::json(504, &json!({"message": "upstream request timeout"})),
    ];
    answers.map(Fault::from).into()
}

/// Answers that come under 200 in the place of a file.
fn impostors() -> Vec<Fault> {
    let labelled = |body: &str| Reply::text(200, "video/mp4", body).into();
    vec![
        Fault::Html,
        labelled(""),
        labelled("<html><h1>Checking your browser</h1>"),
        labelled(r#"{"error": "expired"}"#),
        labelled("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>"),
        labelled("try again later"),
    ]
}

/// Answers that hold the truth and something else, or hold it no more.
fn garbled(stall: Duration) -> Vec<Fault> {
    vec![
        Fault::BrokenText,
        Fault::ByteOrderMark,
        Fault::Compressed,
        Fault::DeepNesting,
        Fault::DuplicateKeys,
        Fault::Html,
        Fault::InvalidJson,
        Fault::StallAfterBody(stall),
        Fault::Truncated,
        Fault::UnknownFields,
        Fault::WrongContentType,
        Reply::text(200, "application/json", "").after_processing().into(),
    ]
}

/// What happens to a job that is known.
fn confused() -> Vec<Fault> {
    let failing = json!({"error_code": 500_001, "error_message": "try again"});
    vec![Fault::UnknownState, Fault::WrongId, Reply::json(200, &failing).into()]
}

/// Answers to a submit that took effect, and do not say so.
fn lost() -> Vec<Fault> {
    vec![
        Reply::empty(500).after_processing().into(),
        Reply::busy(503, Duration::ZERO).after_processing().into(),
        Reply::html(504, "<h1>Gateway timeout</h1>").after_processing().into(),
    ]
}
