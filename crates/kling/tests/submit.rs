//! Submits with a journal that are dropped, stopped or interrupted: the requests sent, and the records.
#![cfg(all(feature = "async", feature = "blocking", feature = "journal"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod setup;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use kling::ErrorKind;
use kling::journal::{Entry, EntryStatus};
use kling::transport::{BoxFuture, HttpReply, HttpRequest, Limits, Transport, TransportError};
use kling_sim::{Call, Fault, Reply};
use serde_json::{Value, json};
use setup::{Setup, input, model, until};

#[tokio::test]
async fn a_dropped_submit_is_completed_and_its_id_is_recorded() {
    let setup = Setup::new();
    let (client, model, input) = (setup.client(), model(), input());
    tokio::select! {
        biased;
        _ = client.submit_json(&model, &input) => panic!("the submit must not be over yet"),
        () = until(|| setup.posts() == 1) => {}
    }
    until(|| setup.entries()[0].request_id().is_some()).await;
    assert_eq!(setup.entries()[0].request_id(), Some(setup.sim.billed()[0].request_id.as_str()));
    assert_eq!(setup.posts(), 1);
}

#[tokio::test]
async fn a_dropped_submit_makes_no_further_attempt_and_is_rejected() {
    let setup = Setup::new();
    let (client, model, input) = (setup.client(), model(), input());
    setup.sim.answer_next(Call::Submit, Reply::busy(429, Duration::from_secs(1)));
    tokio::select! {
        biased;
        _ = client.submit_json(&model, &input) => panic!("the submit must not be over yet"),
        () = until(|| setup.posts() == 1) => {}
    }
    until(|| setup.entries()[0].status() == EntryStatus::Rejected).await;
    assert!(setup.entries()[0].message().unwrap().contains("abandoned before another attempt"));
    // A stopped submit makes no further attempt, also if it is stopped before the first one.
    setup.sim.answer_next(Call::Submit, Reply::busy(429, Duration::from_secs(30)));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let submitting = client.submit_unchecked(&model, &input, async { drop(stopped.await) });
    let (outcome, ()) = tokio::join!(submitting, async {
        until(|| setup.posts() == 2).await;
        drop(stop);
    });
    assert!(matches!(&outcome, Err(error) if error.kind() == ErrorKind::Abandoned), "{outcome:?}");
    let unsent = client.submit_unchecked(&model, &input, std::future::ready(())).await;
    assert!(matches!(&unsent, Err(error) if error.kind() == ErrorKind::Abandoned), "{unsent:?}");
    assert_eq!(setup.posts(), 2);
    assert!(setup.entries().iter().all(|entry| entry.status() == EntryStatus::Rejected));
}

#[test]
fn a_submit_that_is_interrupted_in_flight_has_an_unknown_outcome() {
    let setup = Setup::new();
    let journal = setup.journal();
    let statuses = || setup::entries(&journal).iter().map(Entry::status).collect::<Vec<_>>();
    let panicking = |input: Value| {
        let client = setup.builder().transport(Panicking).build_blocking().unwrap();
        client.submit_json(&model(), &input)
    };
    assert!(catch_unwind(AssertUnwindSafe(|| panicking(input()))).is_err());
    assert_eq!(statuses(), [EntryStatus::Unknown]);
    let rejected = panicking(input());
    assert!(matches!(&rejected, Err(error) if error.kind() == ErrorKind::DuplicateRequest), "{rejected:?}");

    // An async submit is interrupted by a panic and by the end of its runtime.
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let other = |name: &str| json!({ "image_url": format!("https://example.com/{name}.jpg") });
    let client = setup.builder().transport(Panicking).build().unwrap();
    let interrupted = AssertUnwindSafe(|| runtime().block_on(client.submit_json(&model(), &other("a"))));
    assert!(catch_unwind(interrupted).is_err());
    assert_eq!(statuses(), [EntryStatus::Unknown; 2]);
    let client = setup.client();
    setup.sim.fault_next(Call::Submit, Fault::Stall(Duration::from_secs(600)));
    let (model, input) = (model(), other("b"));
    runtime().block_on(async {
        tokio::select! {
            biased;
            _ = client.submit_json(&model, &input) => panic!("the submit must not be over yet"),
            () = until(|| setup.posts() == 1) => {}
        }
    });
    assert_eq!(statuses(), [EntryStatus::Unknown; 3]);
}

/// A transport that panics.
struct Panicking;

impl Transport for Panicking {
    fn send(&self, _: HttpRequest, _: Limits) -> BoxFuture<'_, Result<HttpReply, TransportError>> {
        panic!("in the middle of the request")
    }
}
