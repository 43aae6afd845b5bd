//! Runs both clients, each with one set for all its jobs.

use std::collections::HashMap;
use std::io;
use std::sync::mpsc::Sender;
use std::thread;

use kling::{Client, Error, JobSet, JobUpdate, blocking};
use tokio::runtime;

use super::Tools;
use super::case::{Model, Outcome};
use super::workers::{TASKS, THREADS};

/// Starts both sets. Each finished job is sent to `outcomes`.
pub(crate) fn start(tools: &Tools, outcomes: Sender<Outcome>) -> io::Result<()> {
    let client = tools.builder().build_blocking().map_err(io::Error::other)?;
    let mut ledger = Ledger::new(tools, outcomes.clone());
    thread::Builder::new().spawn(move || ledger.in_thread(&client))?;
    let client = tools.builder().build().map_err(io::Error::other)?;
    let mut ledger = Ledger::new(tools, outcomes);
    let runtime = runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    thread::Builder::new().spawn(move || runtime.block_on(ledger.in_task(&client)))?;
    Ok(())
}

/// The jobs of one set, by their numbers.
struct Ledger {
    tools: Tools,
    outcomes: Sender<Outcome>,
    open: HashMap<usize, Outcome>,
}

impl Ledger {
    /// Changes the outcome of a job. Sends the outcome once it has ended.
    fn change(&mut self, number: usize, change: impl FnOnce(&mut Outcome) -> bool) {
        let mut outcome = self.open.remove(&number).unwrap_or_default();
        if change(&mut outcome) {
            let _ = self.outcomes.send(outcome);
        } else {
            self.open.insert(number, outcome);
        }
    }

    fn new(tools: &Tools, outcomes: Sender<Outcome>) -> Self {
        Self { tools: tools.clone(), outcomes, open: HashMap::new() }
    }

    fn in_thread(&mut self, client: &blocking::Client) {
        let mut set = blocking::JobSet::<_, Model>::new(client).with_max_unfinished(THREADS);
        for number in (1..self.tools.plan.jobs).step_by(2) {
            if let Some(input) = self.tools.input(number) {
                set.run(number, &input);
            }
        }
        for event in set {
            self.change(event.key, |outcome| match event.update {
                JobUpdate::Submitted(job) => {
                    outcome.submitted(job.job_ref());
                    false
                }
                JobUpdate::Changed(update) => {
                    outcome.updated(&update);
                    false
                }
                JobUpdate::Done(done) => end(outcome, done.map(|done| format!("{done:?}"))),
                _ => false,
            });
        }
    }

    async fn in_task(&mut self, client: &Client) {
        let mut set = JobSet::<_, Model>::new(client).with_max_unfinished(TASKS);
        for number in (0..self.tools.plan.jobs).step_by(2) {
            if let Some(input) = self.tools.input(number) {
                set.run(number, &input);
            }
        }
        while let Some(event) = set.next().await {
            self.change(event.key, |outcome| match event.update {
                JobUpdate::Submitted(job) => {
                    outcome.submitted(job.job_ref());
                    false
                }
                JobUpdate::Changed(update) => {
                    outcome.updated(&update);
                    false
                }
                JobUpdate::Done(done) => end(outcome, done.map(|done| format!("{done:?}"))),
                _ => false,
            });
        }
    }
}

/// Records the end of a job. Returns that it has ended.
fn end(outcome: &mut Outcome, done: Result<String, Error>) -> bool {
    match done {
        Err(error) if outcome.paid.is_none() => outcome.not_submitted(&error),
        Err(error) => outcome.waited(Err(&error)),
        Ok(shown) => outcome.waited(Ok(shown)),
    }
    true
}
