//! A client with a journal, over real sockets: what is written down when, and what is not sent.
#![cfg(all(feature = "async", feature = "blocking", feature = "journal"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod world;

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use kling::kling_journal::{Entry, EntryStatus, Error, Event, Intent, IntentId, Page, Query, Store};
use kling::{
    CancelOutcome, Client, ErrorKind, Job, Journal, Journaled, OnDeadline, OnDuplicate, SubmitOutcome,
    WaitOptions,
};
use kling_sim::{Call, Fault, Reply, Sim};
use serde_json::json;
use world::{World, input, model, until};

#[tokio::test]
async fn a_job_is_followed_from_its_intent_to_its_files() {
    let world = World::new();
    let client = world.client().with_output_path("/tmp/clip.mp4");
    let job = client.submit_json(&model(), &input()).await.into_result().unwrap();
    let entry = world.entries().remove(0);
    assert_eq!((entry.status(), entry.request_id()), (EntryStatus::Running, Some(job.id().as_str())));
    assert_eq!(entry.intent().fingerprint(), world.sim.billed()[0].body_sha256);
    assert!(!entry.is_locked());

    let held = Mutex::new(None);
    let note = |_: &kling::Update| {
        held.lock().unwrap().get_or_insert_with(|| world.entries()[0].is_locked());
    };
    client.wait(&job, &WaitOptions::default(), note).await.unwrap();
    assert_eq!(*held.lock().unwrap(), Some(true));
    client.saved(job.id(), ["/tmp/clip.mp4"]).await;
    let entry = world.entries().remove(0);
    assert_eq!((entry.status(), entry.outputs().len()), (EntryStatus::Succeeded, 1));
    assert_eq!(entry.files(), ["/tmp/clip.mp4"]);
    assert!(!entry.is_locked() && !entry.is_unfinished() && entry.state().is_some());
}

#[tokio::test]
async fn the_same_request_is_not_sent_again_while_its_outcome_is_unknown() {
    let world = World::new();
    let client = world.client();
    world.sim.fault_next(Call::Submit, Fault::DropProcessed);
    assert!(matches!(client.submit_json(&model(), &input()).await, SubmitOutcome::Unknown(_)));
    let refused = client.submit_json(&model(), &input()).await;
    assert!(
        matches!(&refused, SubmitOutcome::Rejected(error) if error.kind() == ErrorKind::DuplicateRequest),
        "{refused:?}"
    );
    assert_eq!(world.posts(), 1);
    let meant = client.on_duplicate(OnDuplicate::Allow).submit_json(&model(), &input()).await;
    assert!(matches!(meant, SubmitOutcome::Accepted(_)));
}

#[tokio::test]
async fn what_the_api_refused_is_closed() {
    let world = World::new();
    let refused = world.client().submit_json(&model(), &json!({ "image_url": "nowhere" })).await;
    assert!(matches!(refused, SubmitOutcome::Rejected(_)));
    assert_eq!(world.entries()[0].status(), EntryStatus::Rejected);
}

#[tokio::test]
async fn a_job_that_was_cancelled_or_failed_is_over() {
    let world = World::new();
    world.sim.fail_next_job("nothing is on the picture");
    let client = world.client();
    let job = client.submit_json(&model(), &input()).await.into_result().unwrap();
    let failed = client.wait(&job, &WaitOptions::default(), |_| {}).await.unwrap_err();
    assert!(failed.is_failed());
    assert_eq!(world.entries()[0].status(), EntryStatus::Failed);
}

#[tokio::test]
async fn a_job_that_was_submitted_elsewhere_is_noted_when_it_is_waited_for() {
    let world = World::new();
    let elsewhere = Client::new(world.settings()).unwrap();
    for is_async in [true, false] {
        let job = elsewhere.submit_json(&model(), &input()).await.into_result().unwrap();
        let unknown: Job = Job::from_id(job.id().clone());
        if is_async {
            let client = world.client().with_output_path("/tmp/clip.mp4");
            client.wait(&unknown, &WaitOptions::default(), |_| {}).await.unwrap();
        } else {
            let client = world.blocking();
            let waited =
                tokio::task::spawn_blocking(move || client.wait(&job, &WaitOptions::default(), |_| {}));
            waited.await.unwrap().unwrap();
        }
    }
    let entries = world.entries();
    let models: Vec<_> = entries.iter().map(|entry| entry.intent().model()).collect();
    assert_eq!(models, ["", model().as_str()], "the model is noted where it is known");
    assert!(entries.iter().all(|entry| entry.status() == EntryStatus::Succeeded && !entry.is_locked()));
    assert_eq!(entries[0].intent().output(), Some("/tmp/clip.mp4".as_ref()));
    let nobodys: Job = Job::from_id("no-such-job".parse().unwrap());
    let error = world.client().wait(&nobodys, &WaitOptions::default(), |_| {}).await.unwrap_err();
    assert!(error.is_not_found());
    assert_eq!(world.entries()[2].status(), EntryStatus::Gone);
}

#[tokio::test]
async fn a_cancel_at_the_deadline_or_after_a_drop_is_noted() {
    let sim = Sim::builder().manual_time().start().unwrap();
    let world = World::with(sim);
    let client = world.client();
    let first = client.submit_json(&model(), &input()).await.into_result().unwrap();
    let brief = WaitOptions::default().with_deadline(Duration::ZERO).with_at_deadline(OnDeadline::Cancel);
    let error = client.wait(&first, &brief, |_| {}).await.unwrap_err();
    assert!(matches!(error.cancelling(), Some(Ok(reply)) if reply.outcome == CancelOutcome::Cancelled));
    assert_eq!(world.entries()[0].status(), EntryStatus::Cancelled);

    cancelled_by_a_drop(&world, seen_in_queue(&world)).await;
    assert_eq!(world.entries()[1].status(), EntryStatus::Cancelled);
    // At its first look into the journal.
    cancelled_by_a_drop(&world, std::future::ready(())).await;
    assert_eq!(world.entries()[2].status(), EntryStatus::Cancelled);
}

/// Submits a job, and waits for it until a moment.
async fn cancelled_by_a_drop(world: &World, moment: impl Future<Output = ()>) {
    let client = world.client();
    let job = client.submit_json(&model(), &input()).await.into_result().unwrap();
    let (told, heard) = tokio::sync::oneshot::channel();
    let told = Mutex::new(Some(told));
    let options = WaitOptions::default().with_cancel_on_drop(move |id, outcome| {
        let outcome = outcome.as_ref().map(|reply| reply.outcome).unwrap();
        drop(told.lock().unwrap().take().map(|told| told.send((id.clone(), outcome))));
    });
    tokio::select! {
        biased;
        _ = client.wait(&job, &options, |_| {}) => panic!("it cannot be over yet"),
        () = moment => {}
    }
    assert_eq!(heard.await.unwrap(), (job.id().clone(), CancelOutcome::Cancelled));
}

/// Ends once the status of a job was asked for.
async fn seen_in_queue(world: &World) {
    let asked = || world.sim.requests().iter().filter(|call| call.call == Call::Status).count();
    let before = asked();
    until(|| asked() > before).await;
}

#[tokio::test]
async fn without_a_record_nothing_is_sent_and_a_record_that_comes_late_loses_no_job() {
    let world = World::new();
    let client = |store| Journaled::new(Client::new(world.settings()).unwrap(), Journal::with_store(store));
    let refused = client(Failing { at_begin: true }).submit_json(&model(), &input()).await;
    assert!(
        matches!(&refused, SubmitOutcome::Rejected(error) if error.kind() == ErrorKind::Journal),
        "{refused:?}"
    );
    assert_eq!(world.posts(), 0);

    let told = Arc::new(Mutex::new(Vec::new()));
    let (tell, show) = (told.clone(), told.clone());
    let client = client(Failing { at_begin: false })
        .on_journal_error(move |error| tell.lock().unwrap().push(error.to_string()))
        .on_accepted(move |id| show.lock().unwrap().push(id.to_string()));
    let SubmitOutcome::Accepted(job) = client.submit_json(&model(), &input()).await else { panic!("no job") };
    assert_eq!(*told.lock().unwrap(), [job.id().as_str(), "the disk is full"], "the id comes first");
}

#[test]
fn a_callback_that_panics_loses_no_request_id() {
    let world = World::new();
    let client = world.blocking().on_accepted(|_| panic!("stderr is gone"));
    let submit = std::panic::AssertUnwindSafe(|| client.submit_json(&model(), &input()));
    assert!(std::panic::catch_unwind(submit).is_err());
    let entry = world.entries().remove(0);
    assert_eq!(entry.request_id(), Some(world.sim.billed()[0].request_id.as_str()));
}

#[test]
fn the_blocking_client_keeps_the_same_record() {
    let world = World::new();
    let client = world.blocking();
    let job = client.submit_json(&model(), &input()).into_result().unwrap();
    client.wait(&job, &WaitOptions::default(), |_| {}).unwrap();
    client.saved(job.id(), ["/tmp/clip.mp4"]);
    let entry = world.entries().remove(0);
    assert_eq!((entry.status(), entry.outputs().len(), entry.files().len()), (EntryStatus::Succeeded, 1, 1));

    world.sim.fault_next(Call::Submit, Fault::DropProcessed);
    assert!(matches!(client.submit_json(&model(), &input()), SubmitOutcome::Unknown(_)));
    let refused = client.submit_json(&model(), &input());
    assert!(
        matches!(&refused, SubmitOutcome::Rejected(error) if error.kind() == ErrorKind::DuplicateRequest),
        "{refused:?}"
    );
    assert_eq!(world.posts(), 2);
}

/// A store of one's own that fails at once, or once the money is spent.
#[derive(Debug)]
struct Failing {
    at_begin: bool,
}

impl Failing {
    fn fail<T>() -> Result<T, Error> {
        Err(Error::store("the disk is full"))
    }
}

impl Store for Failing {
    fn begin(&self, _: &[Intent], _: OnDuplicate) -> Result<(), Error> {
        if self.at_begin { Self::fail() } else { Ok(()) }
    }

    fn adopt(&self, _: &Intent) -> Result<Intent, Error> {
        Self::fail()
    }

    fn record(&self, _: &IntentId, _: &Event) -> Result<(), Error> {
        Self::fail()
    }

    fn lock(&self, _: &IntentId) -> Result<bool, Error> {
        Self::fail()
    }

    fn unlock(&self, _: &IntentId) -> Result<(), Error> {
        Self::fail()
    }

    fn find_intents(&self, _: &str) -> Result<Vec<Entry>, Error> {
        Self::fail()
    }

    fn find_job(&self, _: &str, _: &str) -> Result<Option<Entry>, Error> {
        Self::fail()
    }

    fn page(&self, _: &Query) -> Result<Page, Error> {
        Self::fail()
    }

    fn restore(&self, _: &[Entry]) -> Result<usize, Error> {
        Self::fail()
    }

    fn count_prunable(&self, _: SystemTime) -> Result<usize, Error> {
        Self::fail()
    }

    fn prune(&self, _: SystemTime) -> Result<usize, Error> {
        Self::fail()
    }
}

#[tokio::test]
async fn a_gateways_404_does_not_write_a_paid_job_off() {
    let world = World::new();
    let client = world.client();
    let submitted = client.submit_json(&model(), &input()).await.into_result().unwrap();
    let job: Job = Job::from_id(submitted.id().clone());
    let gateways = json!({ "message": "no Route matched with those values" });
    world.sim.answer_next(Call::Status, Reply::json(404, &gateways));
    let hasty = WaitOptions::default().with_max_errors(0);
    let error = client.wait(&job, &hasty, |_| {}).await.unwrap_err();
    assert!(error.is_exhausted() && !error.is_not_found(), "{error}");
    assert!(world.entries()[0].is_unfinished());
    client.wait(&job, &WaitOptions::default(), |_| {}).await.unwrap();
    assert_eq!(world.entries()[0].status(), EntryStatus::Succeeded);
}
