//! The fleet in virtual time: the real machine and schedules, a server that answers at once, and no clock.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use fastrand::Rng;
use jiff::Timestamp;
use kling_poll::{
    CallKind, CallRequest, CallResponse, FleetAction, JobKey, JobSetMachine, JobSetUpdate, LaneId, RateLimit,
    WaitOptions,
};
use kling_transport::{
    ApiBase, Call, GetResult, GetStatus, HttpHead, HttpReply, RequestId, ResultReply, StatusReply,
};

use crate::durations::Times;

/// What became of one job.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// Questions for its status.
    pub polls: u32,
    /// Seconds from its end to the answer that told it.
    pub delay: f64,
    /// When it was added, in seconds.
    pub added: f64,
}

/// A fleet that is kept at a number of jobs.
pub struct Simulation<'a> {
    fleet: JobSetMachine,
    lane: LaneId,
    rng: Rng,
    now: Duration,
    jobs: HashMap<JobKey, Pending>,
    words: Words,
    /// Draws a job and says how it is waited for, by the time in seconds.
    draw: &'a dyn Fn(&mut Rng, f64) -> (Times, WaitOptions),
}

struct Pending {
    added: f64,
    runs_from: f64,
    ends: f64,
    polls: u32,
}

/// The answers, read once.
pub struct Words {
    id: RequestId,
    queued: StatusReply,
    /// Of a job that runs.
    pub running: StatusReply,
    over: StatusReply,
    result: ResultReply,
}

impl<'a> Simulation<'a> {
    /// A fleet with so many jobs, whose calls are bounded by a pace.
    pub fn new(
        seed: u64,
        jobs: usize,
        pace: RateLimit,
        draw: &'a dyn Fn(&mut Rng, f64) -> (Times, WaitOptions),
    ) -> Self {
        let mut fleet = JobSetMachine::new();
        let lane = fleet.add_lane(&ApiBase::default(), pace);
        let rng = Rng::with_seed(seed);
        let now = Duration::ZERO;
        let mut this = Self { fleet, lane, rng, now, jobs: HashMap::new(), words: Words::read(), draw };
        // Jobs do not come all at once: the first ones are taken to be somewhere in their midst.
        (0..jobs).for_each(|_| this.add(true));
        this
    }

    /// Runs until so many jobs are over.
    pub fn run(&mut self, jobs: usize) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(jobs);
        while outcomes.len() < jobs {
            while let Some(event) = self.fleet.news() {
                if let JobSetUpdate::Done(_) = event.news {
                    outcomes.extend(self.over(event.ticket));
                    self.add(false);
                }
            }
            match self.fleet.next(self.now) {
                FleetAction::Ask(question) => self.answer(&question),
                FleetAction::Wait(Some(until)) => self.now = self.now.max(until),
                FleetAction::Wait(None) => break,
            }
        }
        outcomes
    }

    /// Runs for a while.
    pub fn run_for(&mut self, span: Duration) {
        let until = self.now + span;
        while self.now < until {
            self.run(1);
        }
    }

    fn add(&mut self, in_the_midst: bool) {
        let (mut times, options) = (self.draw)(&mut self.rng, self.now.as_secs_f64());
        if in_the_midst {
            let part = self.rng.f64();
            times = Times { queued: times.queued * part, ran: times.ran * part };
        }
        let added = self.now.as_secs_f64();
        let age = Some(Duration::ZERO);
        if let Some(ticket) = self.fleet.add(self.now, self.lane, &self.words.id, age, &options) {
            let runs_from = added + times.queued;
            self.jobs.insert(ticket, Pending { added, runs_from, ends: runs_from + times.ran, polls: 0 });
        }
    }

    fn answer(&mut self, question: &CallRequest) {
        let now = self.now.as_secs_f64();
        let answer = match (question.errand, self.jobs.get_mut(&question.ticket)) {
            (CallKind::Status, Some(job)) => {
                job.polls += 1;
                let Words { queued, running, over, .. } = &self.words;
                let reply = if now < job.runs_from {
                    queued
                } else if now < job.ends {
                    running
                } else {
                    over
                };
                CallResponse::Status(Ok(reply.clone()))
            }
            (CallKind::Result, Some(job)) => CallResponse::Result(Ok(self.words.result_of(job))),
            _ => CallResponse::lost(question.errand),
        };
        self.fleet.answer(self.now, self.rng.f64(), question, answer);
    }

    fn over(&mut self, ticket: JobKey) -> Option<Outcome> {
        let job = self.jobs.remove(&ticket)?;
        Some(Outcome { polls: job.polls, delay: self.now.as_secs_f64() - job.ends, added: job.added })
    }
}

impl Words {
    /// Reads them.
    #[must_use]
    pub fn read() -> Self {
        let id: RequestId = "3f0c2b6e-8a0e-4c55-9d61-1f2f3f4f5f6f".parse().expect("an id");
        let read = |body: &'static str| {
            HttpReply::new(HttpHead::new(200, |_| None, SystemTime::UNIX_EPOCH), body.as_bytes().into())
        };
        let status = |body| GetStatus(&id).read(&read(body)).expect("a status");
        Self {
            queued: status(r#"{"status":"in_queue"}"#),
            running: status(r#"{"status":"in_progress"}"#),
            over: status(r#"{"status":"completed"}"#),
            result: GetResult(&id).read(&read(r#"{"status":"succeeded"}"#)).expect("a result"),
            id,
        }
    }
}

impl Words {
    /// The result, with the times that the API reports.
    fn result_of(&self, job: &Pending) -> ResultReply {
        let moment = |seconds: f64| Timestamp::from_microsecond((seconds * 1e6) as i64).ok();
        let mut reply = self.result.clone();
        reply.created_at = moment(job.added).map(|moment| moment.to_string());
        reply.finished_at = moment(job.ends).map(|moment| moment.to_string());
        reply
    }
}

/// The figures of many outcomes.
#[derive(Clone, Copy, Debug)]
pub struct Summary {
    /// Questions a job.
    pub polls: f64,
    /// Mean delay in seconds.
    pub delay: f64,
    /// The delay that one job in twenty exceeds.
    pub p95: f64,
}

impl Summary {
    /// Of these.
    pub fn of(outcomes: &[Outcome]) -> Self {
        let jobs = outcomes.len() as f64;
        let mut delays: Vec<_> = outcomes.iter().map(|outcome| outcome.delay).collect();
        delays.sort_unstable_by(f64::total_cmp);
        Self {
            polls: outcomes.iter().map(|outcome| f64::from(outcome.polls)).sum::<f64>() / jobs,
            delay: delays.iter().sum::<f64>() / jobs,
            p95: delays[(jobs * 0.95) as usize],
        }
    }
}
