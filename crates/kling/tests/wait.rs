//! The wait that does not give up, over real sockets, by both clients: whatever goes wrong with a free call.
#![cfg(all(feature = "async", feature = "blocking"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::{Duration, SystemTime};

use kling::kling_transport::Backoff;
use kling::{
    CancelOutcome, Client, ErrorKind, FixedInterval, Job, ModelId, OnDeadline, RequestId, Settings, State,
    Token, WaitError, WaitOptions, blocking,
};
use kling_sim::{Call, Fault, Reply, Sim};
use serde_json::json;

/// Everything that a network, a proxy or a server in trouble does to a free call.
fn troubles() -> Vec<Fault> {
    let mut troubles = vec![
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
    troubles.extend([408, 429, 500, 501, 502, 503, 504].map(|status| Reply::empty(status).into()));
    troubles
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

/// A simulator with one job, submitted by somebody else.
fn with_a_job() -> (Sim, RequestId) {
    let sim = Sim::builder().speed(10_000.0).start().unwrap();
    let id = submitted(&sim);
    (sim, id)
}

fn submitted(sim: &Sim) -> RequestId {
    let model: ModelId = "kling/kling-1-6/pro/image-to-video".parse().unwrap();
    let client = blocking::Client::new(settings(sim)).unwrap();
    let job = client.submit_json(&model, &json!({ "image_url": "https://example.com/start.jpg" }));
    job.into_result().unwrap().id().clone()
}

/// Waits by one of the two clients.
fn wait(sim: &Sim, id: &RequestId, is_async: bool, options: &WaitOptions) -> Result<(), WaitError> {
    wait_for(sim, &Job::from_id(id.clone()), is_async, options)
}

fn wait_for(sim: &Sim, job: &Job, is_async: bool, options: &WaitOptions) -> Result<(), WaitError> {
    if !is_async {
        let client = blocking::Client::new(settings(sim)).unwrap();
        return blocking::wait(&client, job, options, |_| {}).map(drop);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = Client::new(settings(sim)).unwrap();
        kling::wait(&client, job, options, |_| {}).await.map(drop)
    })
}

#[test]
fn every_trouble_with_a_status_or_a_result_is_survived() {
    for is_async in [true, false] {
        let (sim, id) = with_a_job();
        for trouble in troubles() {
            for call in [Call::Status, Call::Result] {
                sim.fault_next(call, trouble.clone());
                wait(&sim, &id, is_async, &options())
                    .unwrap_or_else(|error| panic!("{trouble} on {call:?}, async {is_async}: {error}"));
            }
        }
        assert_eq!(sim.billed().len(), 1);
    }
}

#[test]
fn errors_count_only_in_a_row() {
    for is_async in [true, false] {
        let (sim, id) = with_a_job();
        let patience = options().with_max_errors(2);
        for _ in 0..3 {
            sim.answer_next(Call::Status, Reply::empty(502));
            sim.answer_next(Call::Status, Reply::empty(503));
            sim.fault_next(Call::Status, Fault::UnknownState);
        }
        wait(&sim, &id, is_async, &patience).unwrap();
        (0..3).for_each(|_| sim.answer_next(Call::Status, Reply::empty(502)));
        let error = wait(&sim, &id, is_async, &patience).unwrap_err();
        assert!(error.is_exhausted() && error.request_id() == &id && error.polls() == 3, "{error}");
    }
}

#[test]
fn what_the_api_says_of_token_account_and_id_ends_it_at_once_with_the_id() {
    type CallRequest = fn(&WaitError) -> bool;
    let words: [(u16, u32, CallRequest); 3] = [
        (400, 400_004, WaitError::is_auth),
        (403, 403_001, WaitError::is_permission),
        (404, 404_001, WaitError::is_not_found),
    ];
    for is_async in [true, false] {
        for (status, code, is_it) in words {
            let (sim, id) = with_a_job();
            sim.answer_next(Call::Status, Reply::error(status, code, "no"));
            let error = wait(&sim, &id, is_async, &options()).unwrap_err();
            assert!(is_it(&error) && error.request_id() == &id && error.polls() == 1, "{error}");
        }
    }
}

#[test]
fn an_id_that_a_slow_replica_does_not_know_yet_is_forgiven_for_half_a_minute_and_no_longer() {
    for is_async in [true, false] {
        let (sim, id) = with_a_job();
        let job = |age| {
            let at = SystemTime::now().checked_sub(Duration::from_secs(age)).unwrap();
            let kept = json!({ "request_id": id.as_str(), "submitted_at": at });
            serde_json::from_value::<Job>(kept).unwrap()
        };
        let unknown = || Reply::error(404, 404_001, "no such request");
        (0..3).for_each(|_| sim.answer_next(Call::Status, unknown()));
        wait_for(&sim, &job(0), is_async, &options()).unwrap();
        assert_eq!(polls(&sim), 4, "three were forgiven");
        sim.answer_next(Call::Status, unknown());
        let error = wait_for(&sim, &job(31), is_async, &options()).unwrap_err();
        assert!(error.is_not_found() && error.request_id() == &id && error.polls() == 1, "{error}");
        assert_eq!(error.error().and_then(kling::Error::error_code), Some(404_001));
    }
}

fn polls(sim: &Sim) -> usize {
    sim.requests().iter().filter(|call| call.call == Call::Status).count()
}

#[test]
fn at_the_deadline_a_job_in_the_queue_is_left_or_cancelled_as_was_chosen() {
    for is_async in [true, false] {
        for (choice, is_cancelled) in [(OnDeadline::Detach, false), (OnDeadline::Cancel, true)] {
            let sim = Sim::builder().manual_time().start().unwrap();
            let id = submitted(&sim);
            let patience = options().with_deadline(Duration::ZERO).with_at_deadline(choice);
            let error = wait(&sim, &id, is_async, &patience).unwrap_err();
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
fn a_cancel_at_the_deadline_survives_every_trouble_but_a_server_that_wants_no_more_calls() {
    for (is_async, trouble) in
        [true, false].into_iter().flat_map(|way| troubles().into_iter().map(move |one| (way, one)))
    {
        let sim = Sim::builder().manual_time().start().unwrap();
        let id = submitted(&sim);
        sim.fault_next(Call::Cancel, trouble.clone());
        let patience = options().with_deadline(Duration::ZERO).with_at_deadline(OnDeadline::Cancel);
        let error = wait(&sim, &id, is_async, &patience).unwrap_err();
        let is_busy = trouble.to_string() == "answer 429";
        let state = blocking::Client::new(settings(&sim)).unwrap().status(&id).unwrap().state;
        assert_eq!(state == State::Cancelled, !is_busy, "{trouble}, async {is_async}: {error}");
        let outcome = error.cancelling().unwrap().as_ref().unwrap().outcome;
        assert_eq!(outcome == CancelOutcome::NotConfirmed, is_busy, "{trouble}, async {is_async}: {error}");
    }
}

#[test]
fn a_deadline_tells_the_id_the_state_the_polls_and_the_time() {
    for is_async in [true, false] {
        let sim = Sim::builder().manual_time().start().unwrap();
        let id = submitted(&sim);
        let patience = options().with_deadline(Duration::from_millis(50));
        let error = wait(&sim, &id, is_async, &patience).unwrap_err();
        assert!(error.is_deadline() && error.request_id() == &id, "{error}");
        assert_eq!(error.state().map(ToString::to_string).as_deref(), Some("in_queue"));
        assert!(error.polls() > 0 && error.elapsed() >= Duration::from_millis(50));
    }
}

#[test]
fn a_cancel_tells_what_became_of_the_job_whatever_becomes_of_its_answer() {
    for trouble in troubles() {
        let sim = Sim::builder().manual_time().start().unwrap();
        let id = submitted(&sim);
        let client =
            blocking::Client::new(settings(&sim).with_call_timeout(Duration::from_millis(300))).unwrap();
        sim.fault_next(Call::Cancel, trouble.clone());
        let outcome = blocking::cancel(&client, &id);
        let state = client.status(&id).unwrap().state;
        // A gateway's refusal is no trouble that passes, and is told as such; of a job in the queue all else comes to its end.
        let is_refusal = outcome
            .as_ref()
            .is_err_and(|error| matches!(error.kind(), ErrorKind::Permission | ErrorKind::NotFound));
        let expected = if is_refusal { State::InQueue } else { State::Cancelled };
        assert_eq!(state, expected, "{trouble}: {outcome:?}");
        if let Ok(reply) = &outcome {
            assert_eq!(reply.outcome, CancelOutcome::Cancelled, "{trouble}");
        }
        assert_eq!(outcome.is_err(), is_refusal, "{trouble}: {outcome:?}");
    }
}
