//! Job sets with a journal, over real sockets, async and blocking.
#![cfg(all(feature = "async", feature = "blocking", feature = "journal"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod setup;

use std::time::Duration;

use kling::kling_journal::{Entry, EntryStatus};
use kling::{FixedInterval, Job, JobSet, RateLimit, WaitOptions, blocking};
use kling_sim::Sim;
use setup::{Setup, input, model};

fn options() -> WaitOptions {
    WaitOptions::default().with_schedule(FixedInterval(Duration::from_millis(1)))
}

fn rate_limit() -> RateLimit {
    RateLimit::new(4)
}

/// Submits jobs, of which the first fails.
fn submit(setup: &Setup, jobs: usize) -> Vec<Job> {
    let client = setup.blocking();
    setup.sim.fail_next_job("the image is empty");
    (0..jobs).map(|_| client.submit_json(&model(), &input()).into_result().unwrap()).collect()
}

async fn wait_for(setup: &Setup, jobs: Vec<Job>, is_async: bool) {
    if is_async {
        let client = setup.client();
        let mut set = JobSet::new();
        let account = set.account(client.client().clone(), rate_limit());
        for job in &jobs {
            account.add(job, &options());
        }
        while let Some(event) = set.next().await {
            client.record(&event).await;
        }
        return;
    }
    let client = setup.blocking();
    let waiting = move || {
        let mut set = blocking::JobSet::new();
        let account = set.account(client.client().clone(), rate_limit());
        for job in &jobs {
            account.add(job, &options());
        }
        (&mut set).for_each(|event| client.record(&event));
    };
    tokio::task::spawn_blocking(waiting).await.unwrap();
}

#[tokio::test]
async fn outputs_and_final_states_of_a_set_reach_the_journal() {
    for is_async in [true, false] {
        let setup = Setup::new();
        let jobs = submit(&setup, 12);
        wait_for(&setup, jobs, is_async).await;
        let entries = setup.entries();
        assert_eq!(entries[0].status(), EntryStatus::Failed);
        let is_done = |entry: &Entry| {
            entry.status() == EntryStatus::Succeeded && entry.outputs().len() == 1 && entry.state().is_some()
        };
        assert!(entries[1..].iter().all(is_done), "{entries:?}");
        assert!(entries.iter().all(|entry| !entry.is_locked()), "all are unlocked");
    }
}

#[tokio::test]
async fn after_a_crash_a_set_resumes_from_its_recorded_states() {
    let setup = Setup::with(Sim::builder().manual_time().concurrency(1).start().unwrap());
    let jobs = submit(&setup, 3);
    setup.sim.advance(Duration::from_secs(6));
    let client = setup.client();
    let mut set = JobSet::new();
    let account = set.account(client.client().clone(), rate_limit());
    for job in &jobs {
        account.add(job, &options());
    }
    let mut recorded = 0;
    while recorded < 3 {
        client.record(&set.next().await.unwrap()).await;
        recorded = setup.entries().iter().filter(|entry| entry.state().is_some()).count();
    }
    let entries = setup.entries();
    let states: Vec<_> = entries.iter().map(|entry| entry.state().unwrap()).collect();
    assert_eq!(states, ["in_progress", "in_queue", "in_queue"]);
    assert!(entries.iter().all(|entry| entry.status() == EntryStatus::Running && entry.is_locked()));

    client.release(jobs[2].id()).await;
    assert!(!setup.entries()[2].is_locked());
    // As in a crash, no destructor runs.
    std::mem::forget((client, set, account));
    setup.sim.advance(Duration::from_secs(1000));
    wait_for(&setup, jobs, true).await;
    let statuses: Vec<_> = setup.entries().iter().map(|entry| entry.status()).collect();
    assert_eq!(statuses, [EntryStatus::Failed, EntryStatus::Succeeded, EntryStatus::Succeeded]);
}

#[tokio::test]
async fn a_job_of_a_set_that_was_submitted_elsewhere_is_recorded() {
    let setup = Setup::new();
    let job = kling::Client::new(setup.settings()).unwrap().submit_json(&model(), &input()).await;
    wait_for(&setup, vec![job.into_result().unwrap()], true).await;
    assert_eq!(setup.entries()[0].status(), EntryStatus::Succeeded);
}
