//! A client with a journal, over real sockets: its records, and the requests that it does not send.
#![cfg(all(feature = "async", feature = "blocking", feature = "journal"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod setup;

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use kling::journal::{
    Entry, EntryStatus, Event, Intent, IntentId, Journal, JournalError as Error, OnDuplicate, Page, Query,
    Store,
};
use kling::transport::{ApiClient, CancelOutcome, Downloaded};
use kling::wait::OnDeadline;
use kling::{ErrorKind, WaitOptions};
use kling_sim::{Call, Fault, Reply, Sim};
use serde_json::json;
use setup::{Setup, input, model, until};

#[tokio::test]
async fn a_job_is_recorded_from_its_intent_to_its_files() {
    let setup = Setup::new();
    let client = setup.client().with_output_path("/tmp/clip.mp4");
    let job = client.submit_json(&model(), &input()).await.unwrap();
    let entry = setup.entries().remove(0);
    assert_eq!((entry.status(), entry.request_id()), (EntryStatus::Running, Some(job.id().as_str())));
    assert_eq!(entry.intent().fingerprint(), setup.sim.billed()[0].body_sha256);
    assert!(entry.is_locked(), "no other process takes the job while its handle lives");

    let completed = job.await.unwrap();
    let entry = setup.entries().remove(0);
    assert_eq!((entry.status(), entry.outputs().len()), (EntryStatus::Succeeded, 1));
    assert!(entry.is_locked() && entry.is_unfinished(), "the output is not saved yet");
    let folder = tempfile::tempdir().unwrap();
    let saved: Vec<Downloaded> = completed.save_as(folder.path().join("clip.mp4")).await.unwrap();
    drop(completed);
    let entry = setup.entries().remove(0);
    assert_eq!(entry.files(), [saved[0].path.display().to_string()]);
    assert!(!entry.is_locked() && !entry.is_unfinished() && entry.state().is_some());
}

#[tokio::test]
async fn the_same_request_is_rejected_while_its_outcome_is_unknown() {
    let setup = Setup::new();
    let client = setup.client();
    setup.sim.fault_next(Call::Submit, Fault::DropProcessed);
    assert!(
        matches!(client.submit_json(&model(), &input()).await, Err(error) if error.kind() == ErrorKind::UnknownOutcome)
    );
    let rejected = client.submit_json(&model(), &input()).await;
    assert!(matches!(&rejected, Err(error) if error.kind() == ErrorKind::DuplicateRequest), "{rejected:?}");
    assert_eq!(setup.posts(), 1);
    let allowed = setup
        .builder()
        .on_duplicate(OnDuplicate::Allow)
        .build()
        .unwrap()
        .submit_json(&model(), &input())
        .await;
    assert!(allowed.is_ok());
}

#[tokio::test]
async fn a_rejected_submit_is_recorded_as_rejected() {
    let setup = Setup::new();
    let rejected = setup
        .client()
        .submit_unchecked(&model(), &json!({ "image_url": "nowhere" }), std::future::pending())
        .await;
    assert!(rejected.is_err());
    assert_eq!(setup.entries()[0].status(), EntryStatus::Rejected);
}

#[tokio::test]
async fn a_failed_job_is_recorded_as_failed() {
    let setup = Setup::new();
    setup.sim.fail_next_job("the image is empty");
    let client = setup.client();
    let job = client.submit_json(&model(), &input()).await.unwrap();
    let failed = job.wait().await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::JobFailed);
    assert_eq!(setup.entries()[0].status(), EntryStatus::Failed);
}

#[tokio::test]
async fn a_wait_for_a_job_that_was_submitted_elsewhere_adds_an_entry() {
    let setup = Setup::new();
    let elsewhere = ApiClient::new(setup.settings()).unwrap();
    for is_async in [true, false] {
        let job = elsewhere.submit_json(&model(), &input()).await.into_result().unwrap();
        if is_async {
            let client = setup.client().with_output_path("/tmp/clip.mp4");
            client.job(job.id().clone()).await.await.unwrap();
        } else {
            let client = setup.blocking();
            let waited = tokio::task::spawn_blocking(move || client.attach(job).wait());
            waited.await.unwrap().unwrap();
        }
    }
    let entries = setup.entries();
    let models: Vec<_> = entries.iter().map(|entry| entry.intent().model()).collect();
    assert_eq!(models, ["", model().as_str()], "the model is recorded if it is known");
    assert!(entries.iter().all(|entry| entry.status() == EntryStatus::Succeeded && !entry.is_locked()));
    assert_eq!(entries[0].intent().output(), Some("/tmp/clip.mp4".as_ref()));
    let error = setup.client().job("no-such-job".parse().unwrap()).await.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(setup.entries()[2].status(), EntryStatus::Gone);
}

#[tokio::test]
async fn a_cancel_at_the_deadline_or_after_a_drop_is_recorded() {
    let sim = Sim::builder().manual_time().start().unwrap();
    let setup = Setup::with(sim);
    let client = setup.client();
    let first = client.submit_json(&model(), &input()).await.unwrap();
    let brief = WaitOptions::default().with_deadline(Duration::ZERO).with_at_deadline(OnDeadline::Cancel);
    let error = first.wait().options(brief.clone()).await.unwrap_err();
    assert!(
        matches!(error.wait_error().unwrap().cancelling(), Some(Ok(reply)) if reply.outcome == CancelOutcome::Cancelled)
    );
    assert_eq!(setup.entries()[0].status(), EntryStatus::Cancelled);

    cancel_by_drop(&setup, first_poll(&setup)).await;
    assert_eq!(setup.entries()[1].status(), EntryStatus::Cancelled);
    // During the first read of the journal.
    cancel_by_drop(&setup, std::future::ready(())).await;
    assert_eq!(setup.entries()[2].status(), EntryStatus::Cancelled);
}

/// Submits a job, and drops its wait at a moment.
async fn cancel_by_drop(setup: &Setup, moment: impl Future<Output = ()>) {
    let client = setup.client();
    let job = client.submit_json(&model(), &input()).await.unwrap();
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let sender = Mutex::new(Some(sender));
    let options = WaitOptions::default().with_cancel_on_drop(move |id, outcome| {
        let outcome = outcome.as_ref().map(|reply| reply.outcome).unwrap();
        drop(sender.lock().unwrap().take().map(|sender| sender.send((id.clone(), outcome))));
    });
    tokio::select! {
        biased;
        _ = job.wait().options(options.clone()) => panic!("the wait must not be over yet"),
        () = moment => {}
    }
    assert_eq!(receiver.await.unwrap(), (job.id().clone(), CancelOutcome::Cancelled));
}

/// Completes after the next status poll.
async fn first_poll(setup: &Setup) {
    let polls = || setup.sim.requests().iter().filter(|call| call.call == Call::Status).count();
    let before = polls();
    until(|| polls() > before).await;
}

#[tokio::test]
async fn a_failed_intent_sends_nothing_and_a_failed_record_loses_no_job() {
    let setup = Setup::new();
    let builder = |store| setup.builder().open_journal(Journal::with_store(store));
    let refusing = builder(Failing { at_begin: true }).build().unwrap();
    let rejected = refusing.submit_json(&model(), &input()).await;
    assert!(matches!(&rejected, Err(error) if error.kind() == ErrorKind::Journal), "{rejected:?}");
    assert_eq!(setup.posts(), 0);

    let events = Arc::new(Mutex::new(Vec::new()));
    let (errors, ids) = (events.clone(), events.clone());
    let client = builder(Failing { at_begin: false })
        .on_journal_error(move |error| errors.lock().unwrap().push(error.to_string()))
        .build()
        .unwrap()
        .with_on_accepted(move |id| ids.lock().unwrap().push(id.to_string()));
    let job = client.submit_json(&model(), &input()).await.unwrap();
    assert_eq!(events.lock().unwrap()[..2], [job.id().as_str(), "the disk is full"], "the id comes first");
}

#[test]
fn a_callback_that_panics_loses_no_request_id() {
    let setup = Setup::new();
    let client = setup.client().with_on_accepted(|_| panic!("stderr is gone"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let submit = || runtime.block_on(client.submit_json(&model(), &input())).map(drop);
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(submit)).is_err());
    let entry = setup.entries().remove(0);
    assert_eq!(entry.request_id(), Some(setup.sim.billed()[0].request_id.as_str()));
}

#[test]
fn the_blocking_client_writes_the_same_records() {
    let setup = Setup::new();
    let client = setup.blocking();
    let job = client.submit_json(&model(), &input()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    job.wait().unwrap().save(folder.path()).unwrap();
    let entry = setup.entries().remove(0);
    assert_eq!((entry.status(), entry.outputs().len(), entry.files().len()), (EntryStatus::Succeeded, 1, 1));

    setup.sim.fault_next(Call::Submit, Fault::DropProcessed);
    assert!(
        matches!(client.submit_json(&model(), &input()), Err(error) if error.kind() == ErrorKind::UnknownOutcome)
    );
    let rejected = client.submit_json(&model(), &input());
    assert!(matches!(&rejected, Err(error) if error.kind() == ErrorKind::DuplicateRequest), "{rejected:?}");
    assert_eq!(setup.posts(), 2);
}

/// A store that fails before the submit, or only after it.
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
    fn begin(&self, _: &Intent, _: OnDuplicate) -> Result<(), Error> {
        if self.at_begin { Self::fail() } else { Ok(()) }
    }

    fn begin_or_find(&self, _: &Intent) -> Result<Option<Entry>, Error> {
        if self.at_begin { Self::fail() } else { Ok(None) }
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
async fn a_404_of_a_gateway_does_not_end_a_paid_job() {
    let setup = Setup::new();
    let client = setup.client();
    let submitted = client.submit_json(&model(), &input()).await.unwrap();
    let job = client.job(submitted.id().clone()).await;
    let gateways = json!({ "message": "no Route matched with those values" });
    setup.sim.answer_next(Call::Status, Reply::json(404, &gateways));
    let impatient = WaitOptions::default().with_max_errors(0);
    let error = job.wait().options(impatient).await.unwrap_err();
    let waited = error.wait_error().unwrap();
    assert!(waited.is_exhausted() && !waited.is_not_found(), "{error}");
    assert!(setup.entries()[0].is_unfinished());
    job.wait().await.unwrap();
    assert_eq!(setup.entries()[0].status(), EntryStatus::Succeeded);
}
