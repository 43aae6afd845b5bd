//! Every accepted job: whose it is, where it is, what becomes of it. No clock, no socket.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;

use crate::queue::{Phase, Queue, QueueSettings, Ticket};
use crate::recipe::Recipe;
use crate::refusal::{Code, Refusal};

/// One accepted submission.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) account: usize,
    pub(crate) submitted: Duration,
    pub(crate) microdollars: i64,
    pub(crate) fate: Fate,
}

/// What a job comes to when its time has run; settled when it is accepted.
#[derive(Debug)]
pub(crate) enum Fate {
    Fails(Value),
    Succeeds(Recipe),
}

/// The jobs by id, behind one queue for all accounts.
#[derive(Debug)]
pub(crate) struct Store {
    lifetime: Duration,
    queue: Queue,
    jobs: Vec<Job>,
    tickets: HashMap<String, Ticket>,
    ids: fastrand::Rng,
}

impl Store {
    pub(crate) fn new(settings: QueueSettings, lifetime: Duration, seed: Option<u64>) -> Self {
        let ids = seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        Self { lifetime, queue: Queue::new(settings), jobs: Vec::new(), tickets: HashMap::new(), ids }
    }

    /// An id that no job has: a random UUID.
    pub(crate) fn fresh_id(&mut self) -> String {
        uuid::Builder::from_random_bytes(self.ids.u128(..).to_ne_bytes()).into_uuid().to_string()
    }

    /// Puts a job in line.
    pub(crate) fn accept(&mut self, job: Job) -> Ticket {
        let ticket = self.queue.join(job.submitted);
        self.tickets.insert(job.id.clone(), ticket);
        self.jobs.push(job);
        ticket
    }

    /// The job with this id as this account may see it.
    pub(crate) fn find(&self, id: &str, account: usize, now: Duration) -> Result<(Ticket, &Job), Refusal> {
        let unknown = || Refusal::new(Code::ResourceNotFound, "no request has this id, or it has expired");
        let (ticket, job) = self.alive(id, now).ok_or_else(unknown)?;
        if job.account != account {
            let message = "the request belongs to another account";
            return Err(Refusal::new(Code::PermissionDenied, message));
        }
        Ok((ticket, job))
    }

    /// The recipe of a file, for anyone who knows its address.
    pub(crate) fn recipe(&self, id: &str, now: Duration) -> Option<&Recipe> {
        let (ticket, job) = self.alive(id, now)?;
        match (&job.fate, self.phase(ticket, now)) {
            (Fate::Succeeds(recipe), Phase::Completed(_)) => Some(recipe),
            _ => None,
        }
    }

    /// How many jobs of an account wait or run.
    pub(crate) fn unfinished(&self, account: usize, now: Duration) -> usize {
        let own = self.jobs.iter().enumerate().filter(|(_, job)| job.account == account);
        own.filter(|(ticket, _)| matches!(self.phase(*ticket, now), Phase::InQueue(_) | Phase::InProgress))
            .count()
    }

    /// Where a job is.
    pub(crate) fn phase(&self, ticket: Ticket, now: Duration) -> Phase {
        self.queue.phase(ticket, now).unwrap_or(Phase::InQueue(1))
    }

    /// Takes a job out of the line, and says whether it was still waiting.
    pub(crate) fn cancel(&mut self, ticket: Ticket, now: Duration) -> bool {
        self.queue.cancel(ticket, now)
    }

    /// Makes an id unknown; its job stays in line, and paid for.
    pub(crate) fn forget(&mut self, id: &str) {
        self.tickets.remove(id);
    }

    fn alive(&self, id: &str, now: Duration) -> Option<(Ticket, &Job)> {
        let ticket = *self.tickets.get(id)?;
        let job = self.jobs.get(ticket)?;
        (now <= job.submitted.saturating_add(self.lifetime)).then_some((ticket, job))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn store(lifetime: Duration) -> Store {
        let settings = QueueSettings { concurrency: 1, queue_time: at(2), run_time: at(10) };
        Store::new(settings, lifetime, Some(7))
    }

    fn accept(store: &mut Store, account: usize, fate: Fate) -> String {
        let id = store.fresh_id();
        let (submitted, microdollars) = (at(0), 1);
        store.accept(Job { id: id.clone(), account, submitted, microdollars, fate });
        id
    }

    #[test]
    fn ids_are_valid_fresh_and_repeatable_by_seed() {
        let (mut one, mut other) = (store(at(1)), store(at(1)));
        let (first, second) = (one.fresh_id(), one.fresh_id());
        assert_ne!(first, second);
        assert_eq!(first, other.fresh_id());
        assert!(first.len() <= 128 && first.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'));
    }

    #[test]
    fn a_job_is_seen_by_its_own_account_only() {
        let mut store = store(Duration::MAX);
        let id = accept(&mut store, 1, Fate::Fails(Value::Null));
        assert!(store.find(&id, 1, at(0)).is_ok());
        assert!(store.find(&id, 0, at(0)).is_err());
        assert!(store.find("none", 1, at(0)).is_err());
    }

    #[test]
    fn an_id_expires_after_its_lifetime() {
        let mut store = store(at(60));
        let id = accept(&mut store, 0, Fate::Succeeds(Recipe::default()));
        assert!(store.find(&id, 0, at(60)).is_ok());
        assert!(store.find(&id, 0, at(61)).is_err());
        assert!(store.recipe(&id, at(61)).is_none());
    }

    #[test]
    fn a_file_exists_once_its_job_has_succeeded() {
        let mut store = store(Duration::MAX);
        let good = accept(&mut store, 0, Fate::Succeeds(Recipe::default()));
        let bad = accept(&mut store, 0, Fate::Fails(Value::Null));
        assert!(store.recipe(&good, at(11)).is_none());
        assert!(store.recipe(&good, at(12)).is_some());
        assert!(store.recipe(&bad, at(60)).is_none());
    }
}
