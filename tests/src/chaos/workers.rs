//! Runs both clients, with tasks or threads.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::thread;

use kling::{Client, blocking};
use tokio::runtime;
use tokio::sync::Semaphore;

use super::Tools;
use super::case::Outcome;

/// Concurrent jobs of the async client.
pub(super) const TASKS: usize = 64;
/// Concurrent jobs of the blocking client.
pub(super) const THREADS: usize = 32;

/// Starts both clients. Each finished job is sent to `outcomes`.
pub(crate) fn start(tools: &Tools, outcomes: Sender<Outcome>) -> io::Result<()> {
    let blocking = tools.builder().build_blocking().map_err(io::Error::other)?;
    let next = Arc::new(AtomicUsize::new(1));
    for _ in 0..THREADS {
        let (tools, client, next, outcomes) =
            (tools.clone(), blocking.clone(), next.clone(), outcomes.clone());
        thread::Builder::new().spawn(move || {
            loop {
                let number = next.fetch_add(2, Ordering::Relaxed);
                if number >= tools.plan.jobs {
                    break;
                }
                let done = catch_unwind(AssertUnwindSafe(|| in_blocking(&tools, &client, number)));
                let _ = outcomes.send(done.unwrap_or_else(|_| Outcome::panicked()));
            }
        })?;
    }
    let client = tools.builder().build().map_err(io::Error::other)?;
    let tools = tools.clone();
    let runtime = runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    thread::Builder::new().spawn(move || runtime.block_on(in_tasks(tools, client, outcomes)))?;
    Ok(())
}

async fn in_tasks(tools: Tools, client: Client, outcomes: Sender<Outcome>) {
    let gate = Arc::new(Semaphore::new(TASKS));
    let mut watchers = Vec::new();
    for number in (0..tools.plan.jobs).step_by(2) {
        let Ok(place) = gate.clone().acquire_owned().await else { break };
        let (tools, client, outcomes) = (tools.clone(), client.clone(), outcomes.clone());
        watchers.push(tokio::spawn(async move {
            let done = tokio::spawn(async move { in_async(&tools, &client, number).await }).await;
            let _ = outcomes.send(done.unwrap_or_else(|_| Outcome::panicked()));
            drop(place);
        }));
    }
    for watcher in watchers {
        let _ = watcher.await;
    }
}

async fn in_async(tools: &Tools, client: &Client, number: usize) -> Outcome {
    let mut outcome = Outcome::default();
    let Some(input) = tools.input(number) else { return outcome };
    let job = match client.submit(&input).await {
        Ok(job) => job,
        Err(error) => {
            outcome.not_submitted(&error);
            return outcome;
        }
    };
    outcome.submitted(job.job_ref());
    let waited = job.wait().on_update(|update| outcome.updated(update)).await;
    outcome.waited(waited.as_ref().map(|done| format!("{done:?}")));
    if let (Ok(done), Some(place)) = (waited, tools.place(number)) {
        outcome.downloaded(done.save_as(place).options(tools.download.clone()).await);
    }
    outcome
}

fn in_blocking(tools: &Tools, client: &blocking::Client, number: usize) -> Outcome {
    let mut outcome = Outcome::default();
    let Some(input) = tools.input(number) else { return outcome };
    let job = match client.submit(&input) {
        Ok(job) => job,
        Err(error) => {
            outcome.not_submitted(&error);
            return outcome;
        }
    };
    outcome.submitted(job.job_ref());
    let waited = job.wait_with(tools.waiting.clone(), |update| outcome.updated(update));
    outcome.waited(waited.as_ref().map(|done| format!("{done:?}")));
    if let (Ok(done), Some(place)) = (waited, tools.place(number)) {
        outcome.downloaded(done.save_as_with(place, tools.download.clone()));
    }
    outcome
}
