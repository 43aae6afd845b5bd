//! The accepted jobs: their accounts, their phases and their outcomes. No clock, no socket.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;

use crate::output::ClipSpec;
use crate::queue::{JobIndex, Phase, Queue, QueueSettings};
use crate::refusal::{Code, Refusal};

/// One accepted submit.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) account: usize,
    pub(crate) submitted: Duration,
    pub(crate) microdollars: i64,
    pub(crate) outcome: Outcome,
}

/// The outcome of a job after its run time, decided at submit.
#[derive(Debug)]
pub(crate) enum Outcome {
    Failed(Value),
    Succeeded(ClipSpec),
}

/// The jobs by request id, behind one queue for all accounts.
#[derive(Debug)]
pub(crate) struct Jobs {
    lifetime: Duration,
    queue: Queue,
    jobs: Vec<Job>,
    indices: HashMap<String, JobIndex>,
    ids: fastrand::Rng,
}

impl Jobs {
    pub(crate) fn new(queue: QueueSettings, lifetime: Duration, seed: Option<u64>) -> Self {
        let ids = seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        Self { lifetime, queue: Queue::new(queue), jobs: Vec::new(), indices: HashMap::new(), ids }
    }

    /// Returns a new request id, a random UUID.
    pub(crate) fn new_id(&mut self) -> String {
        uuid::Builder::from_random_bytes(self.ids.u128(..).to_ne_bytes()).into_uuid().to_string()
    }

    /// Adds a job to the queue.
    pub(crate) fn accept(&mut self, job: Job) {
        self.indices.insert(job.id.clone(), self.queue.push(job.submitted));
        self.jobs.push(job);
    }

    /// Returns the job with this request id, if it belongs to this account.
    pub(crate) fn find(&self, id: &str, account: usize, now: Duration) -> Result<(JobIndex, &Job), Refusal> {
        let unknown = || Refusal::new(Code::ResourceNotFound, "no request has this id, or it has expired");
        let (index, job) = self.unexpired(id, now).ok_or_else(unknown)?;
        if job.account != account {
            let message = "the request belongs to another account";
            return Err(Refusal::new(Code::PermissionDenied, message));
        }
        Ok((index, job))
    }

    /// Returns the specification of a file, for any caller that knows its URL.
    pub(crate) fn clip_spec(&self, id: &str, now: Duration) -> Option<&ClipSpec> {
        let (index, job) = self.unexpired(id, now)?;
        match (&job.outcome, self.phase(index, now)) {
            (Outcome::Succeeded(spec), Phase::Completed(_)) => Some(spec),
            _ => None,
        }
    }

    /// Counts the jobs of an account that wait or run.
    pub(crate) fn unfinished(&self, account: usize, now: Duration) -> usize {
        let own = self.jobs.iter().enumerate().filter(|(_, job)| job.account == account);
        own.filter(|(index, _)| matches!(self.phase(*index, now), Phase::InQueue(_) | Phase::InProgress))
            .count()
    }

    pub(crate) fn phase(&self, index: JobIndex, now: Duration) -> Phase {
        self.queue.phase(index, now).unwrap_or(Phase::InQueue(1))
    }

    /// Cancels a job, and returns whether it was still waiting.
    pub(crate) fn cancel(&mut self, index: JobIndex, now: Duration) -> bool {
        self.queue.cancel(index, now)
    }

    /// Makes a request id unknown. Its job stays in the queue and billed.
    pub(crate) fn forget(&mut self, id: &str) {
        self.indices.remove(id);
    }

    fn unexpired(&self, id: &str, now: Duration) -> Option<(JobIndex, &Job)> {
        let index = *self.indices.get(id)?;
        let job = self.jobs.get(index)?;
        (now <= job.submitted.saturating_add(self.lifetime)).then_some((index, job))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn jobs(lifetime: Duration) -> Jobs {
        let queue = QueueSettings { concurrency: 1, queue_time: at(2), run_time: at(10) };
        Jobs::new(queue, lifetime, Some(7))
    }

    fn accept(jobs: &mut Jobs, account: usize, outcome: Outcome) -> String {
        let id = jobs.new_id();
        let (submitted, microdollars) = (at(0), 1);
        jobs.accept(Job { id: id.clone(), account, submitted, microdollars, outcome });
        id
    }

    #[test]
    fn ids_are_valid_unique_and_reproducible_by_seed() {
        let (mut one, mut other) = (jobs(at(1)), jobs(at(1)));
        let (first, second) = (one.new_id(), one.new_id());
        assert_ne!(first, second);
        assert_eq!(first, other.new_id());
        assert!(first.len() <= 128 && first.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'));
    }

    #[test]
    fn a_job_is_seen_by_its_own_account_only() {
        let mut jobs = jobs(Duration::MAX);
        let id = accept(&mut jobs, 1, Outcome::Failed(Value::Null));
        assert!(jobs.find(&id, 1, at(0)).is_ok());
        assert!(jobs.find(&id, 0, at(0)).is_err());
        assert!(jobs.find("none", 1, at(0)).is_err());
    }

    #[test]
    fn an_id_expires_after_its_lifetime() {
        let mut jobs = jobs(at(60));
        let id = accept(&mut jobs, 0, Outcome::Succeeded(ClipSpec::default()));
        assert!(jobs.find(&id, 0, at(60)).is_ok());
        assert!(jobs.find(&id, 0, at(61)).is_err());
        assert!(jobs.clip_spec(&id, at(61)).is_none());
    }

    #[test]
    fn a_file_exists_once_its_job_has_succeeded() {
        let mut jobs = jobs(Duration::MAX);
        let good = accept(&mut jobs, 0, Outcome::Succeeded(ClipSpec::default()));
        let bad = accept(&mut jobs, 0, Outcome::Failed(Value::Null));
        assert!(jobs.clip_spec(&good, at(11)).is_none());
        assert!(jobs.clip_spec(&good, at(12)).is_some());
        assert!(jobs.clip_spec(&bad, at(60)).is_none());
    }
}
