//! Waits through both clients, over real sockets, with every fault of a free call.
#![cfg(all(feature = "async", feature = "blocking"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::{Duration, SystemTime};

use kling_poll::{FixedInterval, OnDeadline, WaitError, WaitOptions};
use kling_sim::{Call, Fault, Reply, Sim};
use kling_transport::{
    Backoff, CancelOutcome, Client, ErrorKind, Job, ModelId, RequestId, Settings, State, Token, blocking,
};
use serde_json::json;

/// Every fault of a network, a proxy or a server.
fn faults() -> Vec<Fault> {
    let mut faults = vec![
        Fault::CloseInBody,
        Fault::DropProcessed,
        Fault::DropUnprocessed,
        Fault::DropUnread,
        Fault::Html,
        Fault::InvalidJson,
        Fault::ShortContentLength,
        Fault::ResetInBody,
        Fault::ResetInHead,
        Fault::Stall(Duration::from_secs(600)),
        Fault::StallInBody(Duration::from_secs(600)),
        Fault::Truncated,
        Fault::UnknownFields,
        Fault::UnknownState,
        Fault::WrongId,
        Reply::empty(200).into(),
        Reply::html(404, "<h1>Not found</h1>").into(),
        Reply::json(404, &json!({ "message": "no Route matched with those values" })).into(),
        Reply::json(403, &json!({ "message": "Forbidden" })).into(),
    ];
    faults.extend([408, 429, 500, 501, 502, 503, 504].map(|status| Reply::empty(status).into()));
    faults
}

fn options() -> WaitOptions {
    let moment = Duration::from_millis(1);
    WaitOptions::default()
        .with_call_timeout(Duration::from_millis(300))
        .with_backoff(Backoff { first: moment, cap: moment })
        .with_schedule(FixedInterval(moment))
}

fn settings(sim: &Sim) -> Settings {
    Settings::new(Token::new(sim.token()).unwrap()).with_base(sim.base_url().parse().unwrap())
}

/// Returns a simulator with one job.
fn sim_with_job() -> (Sim, RequestId) {
    let sim = Sim::builder().speed(10_000.0).start().unwrap();
    let id = submit(&sim);
    (sim, id)
}

fn submit(sim: &Sim) -> RequestId {
    let model: ModelId = "kling/kling-1-6/pro/image-to-video".parse().unwrap();
    let client = blocking::Client::new(settings(sim)).unwrap();
    let job = client.submit_json(&model, &json!({ "image_url": "https://example.com/start.jpg" }));
    job.into_result().unwrap().id().clone()
}

/// Waits through one of the two clients.
fn wait(sim: &Sim, id: &RequestId, is_async: bool, options: &WaitOptions) -> Result<(), WaitError> {
    wait_for(sim, &Job::from_id(id.clone()), is_async, options)
}

fn wait_for(sim: &Sim, job: &Job, is_async: bool, options: &WaitOptions) -> Result<(), WaitError> {
    if !is_async {
        let client = blocking::Client::new(settings(sim)).unwrap();
        return kling_poll::blocking::wait(&client, job, options, |_| {}).map(drop);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = Client::new(settings(sim)).unwrap();
        kling_poll::wait(&client, job, options, |_| {}).await.map(drop)
    })
}

#[test]
fn a_wait_survives_every_fault_of_a_status_or_a_result() {
    for is_async in [true, false] {
        let (sim, id) = sim_with_job();
        for fault in faults() {
            for call in [Call::Status, Call::Result] {
                sim.fault_next(call, fault.clone());
                wait(&sim, &id, is_async, &options())
                    .unwrap_or_else(|error| panic!("{fault} on {call:?}, async {is_async}: {error}"));
            }
        }
        assert_eq!(sim.billed().len(), 1);
    }
}

#[test]
fn only_consecutive_errors_count() {
    for is_async in [true, false] {
        let (sim, id) = sim_with_job();
        let options = options().with_max_errors(2);
        for _ in 0..3 {
            sim.answer_next(Call::Status, Reply::empty(502));
            sim.answer_next(Call::Status, Reply::empty(503));
            sim.fault_next(Call::Status, Fault::UnknownState);
        }
        wait(&sim, &id, is_async, &options).unwrap();
        (0..3).for_each(|_| sim.answer_next(Call::Status, Reply::empty(502)));
        let error = wait(&sim, &id, is_async, &options).unwrap_err();
        assert!(error.is_exhausted() && error.request_id() == &id && error.polls() == 3, "{error}");
    }
}

#[test]
fn error_codes_on_token_account_and_id_end_the_wait_at_once() {
    type Predicate = fn(&WaitError) -> bool;
    let cases: [(u16, u32, Predicate); 3] = [
        (400, 400_004, WaitError::is_auth),
        (403, 403_001, WaitError::is_permission),
        (404, 404_001, WaitError::is_not_found),
    ];
    for is_async in [true, false] {
        for (status, code, is_expected) in cases {
            let (sim, id) = sim_with_job();
            sim.answer_next(Call::Status, Reply::error(status, code, "no"));
            let error = wait(&sim, &id, is_async, &options()).unwrap_err();
            assert!(is_expected(&error) && error.request_id() == &id && error.polls() == 1, "{error}");
        }
    }
}

#[test]
fn not_found_is_retried_for_half_a_minute_after_the_submit() {
    for is_async in [true, false] {
        let (sim, id) = sim_with_job();
        let job = |age| {
            let at = SystemTime::now().checked_sub(Duration::from_secs(age)).unwrap();
            let kept = json!({ "request_id": id.as_str(), "submitted_at": at });
            serde_json::from_value::<Job>(kept).unwrap()
        };
        let unknown = || Reply::error(404, 404_001, "no such request");
        (0..3).for_each(|_| sim.answer_next(Call::Status, unknown()));
        wait_for(&sim, &job(0), is_async, &options()).unwrap();
        assert_eq!(polls(&sim), 4, "three errors are retried");
        sim.answer_next(Call::Status, unknown());
        let error = wait_for(&sim, &job(31), is_async, &options()).unwrap_err();
        assert!(error.is_not_found() && error.request_id() == &id && error.polls() == 1, "{error}");
        assert_eq!(error.error().and_then(kling_transport::Error::error_code), Some(404_001));
    }
}

fn polls(sim: &Sim) -> usize {
    sim.requests().iter().filter(|call| call.call == Call::Status).count()
}

#[test]
fn at_the_deadline_a_queued_job_is_detached_or_cancelled_by_option() {
    for is_async in [true, false] {
        for (choice, is_cancelled) in [(OnDeadline::Detach, false), (OnDeadline::Cancel, true)] {
            let sim = Sim::builder().manual_time().start().unwrap();
            let id = submit(&sim);
            let options = options().with_deadline(Duration::ZERO).with_at_deadline(choice);
            let error = wait(&sim, &id, is_async, &options).unwrap_err();
            assert!(error.is_deadline());
            let outcome = error.cancelling().map(|outcome| outcome.as_ref().unwrap().outcome);
            assert_eq!(outcome, is_cancelled.then_some(CancelOutcome::Cancelled), "{error}");
            let client = blocking::Client::new(settings(&sim)).unwrap();
            let state = client.status(&id).unwrap().state;
            assert_eq!(state.as_str(), if is_cancelled { "cancelled" } else { "in_queue" });
        }
    }
}

#[test]
fn a_cancel_at_the_deadline_survives_every_fault_but_too_many_calls() {
    for (is_async, fault) in
        [true, false].into_iter().flat_map(|way| faults().into_iter().map(move |one| (way, one)))
    {
        let sim = Sim::builder().manual_time().start().unwrap();
        let id = submit(&sim);
        sim.fault_next(Call::Cancel, fault.clone());
        let options = options().with_deadline(Duration::ZERO).with_at_deadline(OnDeadline::Cancel);
        let error = wait(&sim, &id, is_async, &options).unwrap_err();
        let is_busy = fault.to_string() == "answer 429";
        let state = blocking::Client::new(settings(&sim)).unwrap().status(&id).unwrap().state;
        assert_eq!(state == State::Cancelled, !is_busy, "{fault}, async {is_async}: {error}");
        let outcome = error.cancelling().unwrap().as_ref().unwrap().outcome;
        assert_eq!(outcome == CancelOutcome::NotConfirmed, is_busy, "{fault}, async {is_async}: {error}");
    }
}

#[test]
fn a_deadline_error_has_the_id_the_state_the_polls_and_the_time() {
    for is_async in [true, false] {
        let sim = Sim::builder().manual_time().start().unwrap();
        let id = submit(&sim);
        let options = options().with_deadline(Duration::from_millis(50));
        let error = wait(&sim, &id, is_async, &options).unwrap_err();
        assert!(error.is_deadline() && error.request_id() == &id, "{error}");
        assert_eq!(error.state().map(ToString::to_string).as_deref(), Some("in_queue"));
        assert!(error.polls() > 0 && error.elapsed() >= Duration::from_millis(50));
    }
}

#[test]
fn a_cancel_reports_the_outcome_under_every_fault_of_its_reply() {
    for fault in faults() {
        let sim = Sim::builder().manual_time().start().unwrap();
        let id = submit(&sim);
        let client =
            blocking::Client::new(settings(&sim).with_call_timeout(Duration::from_millis(300))).unwrap();
        sim.fault_next(Call::Cancel, fault.clone());
        let outcome = kling_poll::blocking::cancel(&client, &id);
        let state = client.status(&id).unwrap().state;
        // The refusal of a gateway is reported. After any other fault the queued job is cancelled.
        let is_refusal = outcome
            .as_ref()
            .is_err_and(|error| matches!(error.kind(), ErrorKind::Permission | ErrorKind::NotFound));
        let expected = if is_refusal { State::InQueue } else { State::Cancelled };
        assert_eq!(state, expected, "{fault}: {outcome:?}");
        if let Ok(reply) = &outcome {
            assert_eq!(reply.outcome, CancelOutcome::Cancelled, "{fault}");
        }
        assert_eq!(outcome.is_err(), is_refusal, "{fault}: {outcome:?}");
    }
}
