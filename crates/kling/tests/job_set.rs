//! Job sets over real sockets, async and blocking: inputs are submitted once, and everything is recorded.
#![cfg(all(feature = "async", feature = "blocking", feature = "journal", feature = "kling-1-6"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod setup;

use kling::journal::{Entry, EntryStatus};
use kling::models::kling_1_6_pro_image_to_video::Input;
use kling::transport::ApiClient;
use kling::{ErrorKind, JobSet, JobUpdate, blocking};
use kling_sim::{Call, Fault, Sim};
use setup::{Setup, input, model};

fn inputs(count: usize) -> Vec<Input> {
    let url = |row| format!("https://example.com/{row}.jpg");
    (0..count).map(|row| Input::builder().image_url(url(row)).build().unwrap()).collect()
}

/// Runs inputs, and returns the key of each result with the kind of its error.
async fn run(setup: &Setup, count: usize, is_async: bool) -> Vec<(usize, Option<ErrorKind>)> {
    let mut results = Vec::new();
    if is_async {
        let mut set = JobSet::new(&setup.client()).with_max_unfinished(5);
        inputs(count).iter().enumerate().for_each(|(row, input)| set.run(row, input));
        while let Some(event) = set.next().await {
            if let JobUpdate::Done(outcome) = event.update {
                results.push((event.key, outcome.err().map(|error| error.kind())));
            }
        }
    } else {
        let client = setup.blocking();
        let waiting = move || {
            let mut set = blocking::JobSet::new(&client).with_max_unfinished(5);
            inputs(count).iter().enumerate().for_each(|(row, input)| set.run(row, input));
            let done = set.filter_map(|event| match event.update {
                JobUpdate::Done(outcome) => Some((event.key, outcome.err().map(|error| error.kind()))),
                _ => None,
            });
            done.collect::<Vec<_>>()
        };
        results = tokio::task::spawn_blocking(waiting).await.unwrap();
    }
    results.sort_by_key(|(row, _)| *row);
    results
}

#[tokio::test]
async fn every_input_of_a_set_is_submitted_once_and_recorded() {
    for is_async in [true, false] {
        let setup = Setup::new();
        let results = run(&setup, 12, is_async).await;
        assert_eq!(results, (0..12).map(|row| (row, None)).collect::<Vec<_>>());
        let is_done = |entry: &Entry| entry.status() == EntryStatus::Succeeded && entry.state().is_some();
        assert!(setup.entries().iter().all(|entry| is_done(entry) && !entry.is_locked()));
        // The second run resumes every job, since no output is saved.
        assert_eq!(run(&setup, 13, is_async).await.len(), 13);
        assert_eq!((setup.posts(), setup.sim.billed().len()), (13, 13));
    }
}

#[tokio::test]
async fn a_submit_without_a_known_outcome_ends_its_item_only() {
    for is_async in [true, false] {
        let setup = Setup::new();
        setup.sim.fault_next(Call::Submit, Fault::DropProcessed);
        let results = run(&setup, 3, is_async).await;
        let errors: Vec<_> = results.iter().filter_map(|(_, error)| *error).collect();
        assert_eq!((results.len(), errors), (3, vec![ErrorKind::UnknownOutcome]));
        // It is refused until a person has settled it.
        let again = run(&setup, 3, is_async).await;
        let errors: Vec<_> = again.iter().filter_map(|(_, error)| *error).collect();
        assert_eq!((setup.posts(), errors), (3, vec![ErrorKind::DuplicateRequest]));
    }
}

#[tokio::test]
async fn no_more_jobs_are_unfinished_than_allowed() {
    let setup = Setup::with(Sim::builder().speed(500.0).concurrency(2).start().unwrap());
    let mut set = JobSet::new(&setup.client()).with_max_unfinished(3);
    inputs(9).iter().enumerate().for_each(|(row, input)| set.run(row, input));
    let (mut unfinished, mut most) = (0, 0);
    while let Some(event) = set.next().await {
        match event.update {
            JobUpdate::Submitted(_) => unfinished += 1,
            JobUpdate::Done(outcome) => unfinished -= usize::from(outcome.is_ok()),
            _ => {}
        }
        most = most.max(unfinished);
    }
    assert_eq!((unfinished, most, setup.posts()), (0, 3, 9));
}

#[tokio::test]
async fn a_dropped_set_unlocks_its_jobs_and_another_takes_them_up() {
    let setup = Setup::with(Sim::builder().manual_time().concurrency(1).start().unwrap());
    let client = setup.client();
    let mut jobs = Vec::new();
    for _ in 0..3 {
        jobs.push(client.submit_json(&model(), &input()).await.unwrap());
    }
    setup.sim.advance(std::time::Duration::from_secs(6));
    let mut set = JobSet::new(&client);
    jobs.into_iter().enumerate().for_each(|(row, job)| set.wait(row, job));
    while setup.entries().iter().any(|entry| entry.state().is_none()) {
        assert!(matches!(set.next().await.unwrap().update, JobUpdate::Changed(_)));
    }
    let states: Vec<_> = setup.entries().iter().map(|entry| entry.state().unwrap().to_owned()).collect();
    assert_eq!(states, ["in_progress", "in_queue", "in_queue"]);
    assert!(setup.entries().iter().all(Entry::is_locked));
    let detached = set.detach(&2).unwrap();
    assert_eq!(detached.clone().detach().id(), detached.id());
    drop(detached);
    assert_eq!(setup.entries().iter().filter(|entry| entry.is_locked()).count(), 2);
    drop(set);
    assert!(!setup.entries().iter().any(Entry::is_locked));

    setup.sim.advance(std::time::Duration::from_secs(1000));
    let other = setup.client();
    let mut set: JobSet<String> = JobSet::new(&other);
    other.unfinished().await.unwrap().into_iter().for_each(|job| set.wait(job.id().to_string(), job));
    let mut done = 0;
    while let Some(event) = set.next().await {
        done += usize::from(matches!(event.update, JobUpdate::Done(Ok(_))));
    }
    assert_eq!(done, 3);
    assert!(setup.entries().iter().all(|entry| entry.status() == EntryStatus::Succeeded));
}

#[tokio::test]
async fn a_cancel_of_an_item_is_an_event_and_recorded() {
    let setup = Setup::with(Sim::builder().manual_time().start().unwrap());
    let client = setup.client();
    let mut set: JobSet<&str> = JobSet::new(&client);
    set.wait("mine", client.submit_json(&model(), &input()).await.unwrap());
    assert!(set.cancel(&"mine") && !set.cancel(&"other"));
    let mut updates = Vec::new();
    while let Some(event) = set.next().await {
        updates.push(match event.update {
            JobUpdate::Cancelling(outcome) => format!("{:?}", outcome.unwrap().outcome),
            JobUpdate::Done(outcome) => format!("{:?}", outcome.unwrap_err().kind()),
            _ => continue,
        });
    }
    assert_eq!(updates, ["Cancelled", "JobCancelled"]);
    assert_eq!(setup.entries()[0].status(), EntryStatus::Cancelled);
}

#[tokio::test]
async fn a_job_that_was_submitted_elsewhere_is_recorded() {
    let setup = Setup::new();
    let elsewhere = ApiClient::new(setup.settings()).unwrap();
    let job = elsewhere.submit_json(&model(), &input()).await.into_result().unwrap();
    let mut updates = setup.client().attach(job).await.updates();
    while updates.next().await.is_some() {}
    assert_eq!(setup.entries()[0].status(), EntryStatus::Succeeded);
}
