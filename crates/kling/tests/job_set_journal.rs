//! Job sets whose events go into a journal, over real sockets, async and blocking.
#![cfg(all(feature = "async", feature = "blocking", feature = "journal"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod world;

use std::time::Duration;

use kling::kling_journal::{Entry, EntryStatus};
use kling::{FixedInterval, Job, JobSet, RateLimit, WaitOptions, blocking};
use kling_sim::Sim;
use world::{World, input, model};

fn options() -> WaitOptions {
    WaitOptions::default().with_schedule(FixedInterval(Duration::from_millis(1)))
}

fn pace() -> RateLimit {
    RateLimit::new(4)
}

/// Jobs of which the first fails.
fn submitted(world: &World, jobs: usize) -> Vec<Job> {
    let client = world.blocking();
    world.sim.fail_next_job("nothing is on the picture");
    (0..jobs).map(|_| client.submit_json(&model(), &input()).into_result().unwrap()).collect()
}

async fn waited_for(world: &World, jobs: Vec<Job>, is_async: bool) {
    if is_async {
        let client = world.client();
        let mut set = JobSet::new();
        let account = set.account(client.client().clone(), pace());
        for job in &jobs {
            account.add(job, &options());
        }
        while let Some(event) = set.next().await {
            client.record(&event).await;
        }
        return;
    }
    let client = world.blocking();
    let waiting = move || {
        let mut set = blocking::JobSet::new();
        let account = set.account(client.client().clone(), pace());
        for job in &jobs {
            account.add(job, &options());
        }
        (&mut set).for_each(|event| client.record(&event));
    };
    tokio::task::spawn_blocking(waiting).await.unwrap();
}

#[tokio::test]
async fn outputs_and_endings_of_a_set_reach_the_journal() {
    for is_async in [true, false] {
        let world = World::new();
        let jobs = submitted(&world, 12);
        waited_for(&world, jobs, is_async).await;
        let entries = world.entries();
        assert_eq!(entries[0].status(), EntryStatus::Failed);
        let is_done = |entry: &Entry| {
            entry.status() == EntryStatus::Succeeded && entry.outputs().len() == 1 && entry.state().is_some()
        };
        assert!(entries[1..].iter().all(is_done), "{entries:?}");
        assert!(entries.iter().all(|entry| !entry.is_locked()), "all are let go of");
    }
}

#[tokio::test]
async fn after_a_crash_the_last_states_of_a_set_are_there_and_it_is_gone_on_with() {
    let world = World::with(Sim::builder().manual_time().concurrency(1).start().unwrap());
    let jobs = submitted(&world, 3);
    world.sim.advance(Duration::from_secs(6));
    let client = world.client();
    let mut set = JobSet::new();
    let account = set.account(client.client().clone(), pace());
    for job in &jobs {
        account.add(job, &options());
    }
    let mut told = 0;
    while told < 3 {
        client.record(&set.next().await.unwrap()).await;
        told = world.entries().iter().filter(|entry| entry.state().is_some()).count();
    }
    let entries = world.entries();
    let states: Vec<_> = entries.iter().map(|entry| entry.state().unwrap()).collect();
    assert_eq!(states, ["in_progress", "in_queue", "in_queue"]);
    assert!(entries.iter().all(|entry| entry.status() == EntryStatus::Running && entry.is_locked()));

    client.release(jobs[2].id()).await;
    assert!(!world.entries()[2].is_locked());
    // Nothing is told to anybody: as by a crash, but that the process lives.
    std::mem::forget((client, set, account));
    world.sim.advance(Duration::from_secs(1000));
    waited_for(&world, jobs, true).await;
    let statuses: Vec<_> = world.entries().iter().map(|entry| entry.status()).collect();
    assert_eq!(statuses, [EntryStatus::Failed, EntryStatus::Succeeded, EntryStatus::Succeeded]);
}

#[tokio::test]
async fn a_job_of_a_set_that_was_submitted_elsewhere_is_noted() {
    let world = World::new();
    let job = kling::Client::new(world.settings()).unwrap().submit_json(&model(), &input()).await;
    waited_for(&world, vec![job.into_result().unwrap()], true).await;
    assert_eq!(world.entries()[0].status(), EntryStatus::Succeeded);
}
