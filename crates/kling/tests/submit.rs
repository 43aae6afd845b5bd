//! A submit with a journal that is abandoned, stopped or torn: what is sent, and what is written down.
#![cfg(all(feature = "async", feature = "blocking", feature = "journal"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use kling::kling_journal::{Entry, EntryStatus};
use kling::kling_transport::{BoxFuture, HttpReply, HttpRequest, Limits, Transport, TransportError};
use kling::{Client, ErrorKind, Journaled, SubmitOutcome, blocking};
use kling_sim::{Call, Fault, Reply};
use serde_json::{Value, json};
use world::{World, input, model, until};

#[tokio::test]
async fn an_abandoned_submit_is_not_torn_and_its_id_reaches_the_journal() {
    let world = World::new();
    let (client, model, input) = (world.client(), model(), input());
    tokio::select! {
        biased;
        _ = client.submit_json(&model, &input) => panic!("it cannot be over yet"),
        () = until(|| world.posts() == 1) => {}
    }
    until(|| world.entries()[0].request_id().is_some()).await;
    assert_eq!(world.entries()[0].request_id(), Some(world.sim.billed()[0].request_id.as_str()));
    assert_eq!(world.posts(), 1);
}

#[tokio::test]
async fn an_abandoned_submit_makes_no_further_attempt_and_is_refused() {
    let world = World::new();
    let (client, model, input) = (world.client(), model(), input());
    world.sim.answer_next(Call::Submit, Reply::busy(429, Duration::from_secs(1)));
    tokio::select! {
        biased;
        _ = client.submit_json(&model, &input) => panic!("it cannot be over yet"),
        () = until(|| world.posts() == 1) => {}
    }
    until(|| world.entries()[0].status() == EntryStatus::Rejected).await;
    assert!(world.entries()[0].message().unwrap().contains("abandoned before another attempt"));
    // Neither does one that was told to stop, nor one that was left before its first.
    world.sim.answer_next(Call::Submit, Reply::busy(429, Duration::from_secs(30)));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let submitting = client.submit_json_until(&model, &input, async { drop(stopped.await) });
    let (submission, ()) = tokio::join!(submitting, async {
        until(|| world.posts() == 2).await;
        drop(stop);
    });
    assert!(
        matches!(&submission, SubmitOutcome::Rejected(error) if error.kind() == ErrorKind::Abandoned),
        "{submission:?}"
    );
    let unsent = client.submit_json_until(&model, &input, std::future::ready(())).await;
    assert!(
        matches!(&unsent, SubmitOutcome::Rejected(error) if error.kind() == ErrorKind::Abandoned),
        "{unsent:?}"
    );
    assert_eq!(world.posts(), 2);
    assert!(world.entries().iter().all(|entry| entry.status() == EntryStatus::Rejected));
}

#[test]
fn a_submit_that_is_torn_while_it_is_out_is_unknown_in_the_same_process() {
    let world = World::new();
    let journal = world.journal();
    let statuses = || world::entries(&journal).iter().map(Entry::status).collect::<Vec<_>>();
    let panicking = |input: Value| {
        let (settings, journal) = (world.settings(), journal.clone());
        let client = blocking::Journaled::new(blocking::Client::with_transport(settings, Panicking), journal);
        client.submit_json(&model(), &input)
    };
    assert!(catch_unwind(AssertUnwindSafe(|| panicking(input()))).is_err());
    assert_eq!(statuses(), [EntryStatus::Unknown]);
    let refused = panicking(input());
    assert!(
        matches!(&refused, SubmitOutcome::Rejected(error) if error.kind() == ErrorKind::DuplicateRequest),
        "{refused:?}"
    );

    // The async one, by a panic and by the end of its runtime.
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let other = |name: &str| json!({ "image_url": format!("https://example.com/{name}.jpg") });
    let client = Journaled::new(Client::with_transport(world.settings(), Panicking), journal.clone());
    let torn = AssertUnwindSafe(|| runtime().block_on(client.submit_json(&model(), &other("a"))));
    assert!(catch_unwind(torn).is_err());
    assert_eq!(statuses(), [EntryStatus::Unknown; 2]);
    let client = Journaled::new(Client::new(world.settings()).unwrap(), journal.clone());
    world.sim.fault_next(Call::Submit, Fault::Stall(Duration::from_secs(600)));
    let (model, input) = (model(), other("b"));
    runtime().block_on(async {
        tokio::select! {
            biased;
            _ = client.submit_json(&model, &input) => panic!("it cannot be over yet"),
            () = until(|| world.posts() == 1) => {}
        }
    });
    assert_eq!(statuses(), [EntryStatus::Unknown; 3]);
}

/// A transport that fails as badly as it can.
struct Panicking;

impl Transport for Panicking {
    fn send(&self, _: HttpRequest, _: Limits) -> BoxFuture<'_, Result<HttpReply, TransportError>> {
        panic!("in the middle of the request")
    }
}
