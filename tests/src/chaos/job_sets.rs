//! Runs both clients, each with one set for all its jobs.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use kling::{
    Account, Client, Job, JobKey, JobSet, JobSetEvent, JobSetUpdate, Journaled, RateLimit, blocking,
};
use tokio::runtime;
use tokio::sync::Semaphore;

use super::Tools;
use super::case::{Model, Outcome};
use super::workers::{TASKS, THREADS};

/// Starts both sets and their submitters. Each finished job is sent to `outcomes`.
pub(crate) fn start(tools: &Tools, outcomes: Sender<Outcome>) -> io::Result<()> {
    in_threads(Ledger::new(tools, outcomes.clone()))?;
    let ledger = Ledger::new(tools, outcomes);
    let client = Client::new(tools.settings.clone()).map_err(io::Error::other)?;
    let runtime = runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    thread::Builder::new().spawn(move || runtime.block_on(in_tasks(ledger, client)))?;
    Ok(())
}

fn in_threads(ledger: Arc<Ledger>) -> io::Result<()> {
    let client = blocking::Client::new(ledger.tools.settings.clone()).map_err(io::Error::other)?;
    let mut set = blocking::JobSet::open();
    let account = set.account(client.clone(), pace(THREADS));
    let client = blocking::Journaled::new(client, ledger.tools.journal.clone());
    let (next, keeper) = (Arc::new(AtomicUsize::new(1)), client.clone());
    for _ in 0..THREADS {
        let (ledger, account, client, next) = (ledger.clone(), account.clone(), client.clone(), next.clone());
        thread::Builder::new().spawn(move || {
            while let Some(number) = ledger.tools.number(&next) {
                let mut outcome = Outcome::default();
                let job = ledger.tools.input(number).and_then(|input| outcome.took(client.submit(&input)));
                ledger.enter(&account, job, outcome);
            }
        })?;
    }
    drop(account);
    thread::Builder::new().spawn(move || {
        set.for_each(|event| {
            keeper.record(&event);
            ledger.hear(event);
        });
    })?;
    Ok(())
}

async fn in_tasks(ledger: Arc<Ledger>, client: Client) {
    let mut set = JobSet::open();
    let account = set.account(client.clone(), pace(TASKS));
    let client = Journaled::new(client, ledger.tools.journal.clone());
    tokio::spawn(submit_all(ledger.clone(), account, client.clone()));
    while let Some(event) = set.next().await {
        client.record(&event).await;
        ledger.hear(event);
    }
}

async fn submit_all(ledger: Arc<Ledger>, account: Account<Model>, client: Journaled) {
    let gate = Arc::new(Semaphore::new(TASKS));
    for number in (0..ledger.tools.plan.jobs).step_by(2) {
        let Ok(place) = gate.clone().acquire_owned().await else { break };
        let (ledger, account, client) = (ledger.clone(), account.clone(), client.clone());
        tokio::spawn(async move {
            let mut outcome = Outcome::default();
            let job = match ledger.tools.input(number) {
                Some(input) => outcome.took(client.submit(&input).await),
                None => None,
            };
            ledger.enter(&account, job, outcome);
            drop(place);
        });
    }
}

fn pace(in_flight: usize) -> RateLimit {
    RateLimit::new(in_flight)
}

impl Tools {
    /// The number of the next job of the blocking client.
    fn number(&self, next: &AtomicUsize) -> Option<usize> {
        Some(next.fetch_add(2, Ordering::Relaxed)).filter(|number| *number < self.plan.jobs)
    }
}

/// The jobs of one set, by their keys.
struct Ledger {
    tools: Tools,
    waiting: Mutex<HashMap<JobKey, Outcome>>,
    outcomes: Sender<Outcome>,
}

impl Ledger {
    fn new(tools: &Tools, outcomes: Sender<Outcome>) -> Arc<Self> {
        Arc::new(Self { tools: tools.clone(), waiting: Mutex::default(), outcomes })
    }

    /// Adds a job to the set, or sends its outcome at once if there is no job.
    fn enter(&self, account: &Account<Model>, job: Option<Job<Model>>, outcome: Outcome) {
        let Some(job) = job else {
            let _ = self.outcomes.send(outcome);
            return;
        };
        // Locked until the key is recorded, since the set may be faster.
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.insert(account.add(&job, &self.tools.waiting), outcome);
    }

    fn hear(&self, event: JobSetEvent<Model>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        match event.update {
            JobSetUpdate::Update(update) => {
                waiting.entry(event.key).and_modify(|outcome| outcome.updated(&update));
            }
            JobSetUpdate::Done(waited) => {
                if let Some(mut outcome) = waiting.remove(&event.key) {
                    outcome.waited(waited);
                    let _ = self.outcomes.send(outcome);
                }
            }
            _ => {}
        }
    }
}
