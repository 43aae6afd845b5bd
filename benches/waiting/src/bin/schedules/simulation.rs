//! Waits for simulated jobs in virtual time, one after the other, and counts polls and delays.

use std::time::{Duration, SystemTime};

use fastrand::Rng;
use jiff::Timestamp;
use kling_poll::{Action, Event, JobMachine, WaitOptions};
use kling_transport::{Call, GetResult, GetStatus, HttpHead, HttpReply, RequestId, ResultReply, StatusReply};

use crate::durations::Times;

/// A wait for one job.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    polls: u32,
    /// The seconds from the end of the job to the reply that shows it.
    delay: f64,
}

/// A server that replies at once, and waits that share their options.
pub(crate) struct Simulation {
    options: WaitOptions,
    rng: Rng,
    replies: Replies,
}

/// The replies of the API, read once.
struct Replies {
    queued: StatusReply,
    running: StatusReply,
    over: StatusReply,
    result: ResultReply,
}

impl Simulation {
    pub(crate) fn new(seed: u64, options: WaitOptions) -> Self {
        Self { options, rng: Rng::with_seed(seed), replies: Replies::read() }
    }

    /// Waits for so many jobs.
    pub(crate) fn run(&mut self, jobs: usize, draw: impl Fn(&mut Rng) -> Times) -> Vec<Outcome> {
        (0..jobs)
            .map(|_| draw(&mut self.rng))
            .collect::<Vec<_>>()
            .iter()
            .map(|times| self.wait(times))
            .collect()
    }

    fn wait(&self, times: &Times) -> Outcome {
        let mut machine = JobMachine::new(Some(Duration::ZERO));
        let (mut now, mut event) = (Duration::ZERO, Event::Started);
        loop {
            event = match machine.step(&self.options, now, 0.5, event).action {
                Action::WaitUntil(due) => {
                    now = due;
                    Event::Due
                }
                Action::SendStatus { .. } => Event::Status(Ok(self.replies.status(times, now))),
                Action::SendResult { .. } => Event::Result(Ok(self.replies.result(times))),
                _ => {
                    let delay = now.as_secs_f64() - times.queued - times.ran;
                    return Outcome { polls: machine.polls(), delay };
                }
            };
        }
    }
}

impl Replies {
    fn read() -> Self {
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
        }
    }

    fn status(&self, times: &Times, now: Duration) -> StatusReply {
        let now = now.as_secs_f64();
        if now < times.queued {
            self.queued.clone()
        } else if now < times.queued + times.ran {
            self.running.clone()
        } else {
            self.over.clone()
        }
    }

    /// The result, with the times that the API reports.
    fn result(&self, times: &Times) -> ResultReply {
        let moment = |seconds: f64| Timestamp::from_microsecond((seconds * 1e6) as i64).ok();
        let mut reply = self.result.clone();
        reply.created_at = moment(0.0).map(|moment| moment.to_string());
        reply.finished_at = moment(times.queued + times.ran).map(|moment| moment.to_string());
        reply
    }
}

/// The figures of many waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Summary {
    /// Status polls a job.
    pub(crate) polls: f64,
    /// The mean delay in seconds.
    pub(crate) delay: f64,
    /// The delay that one job in twenty exceeds.
    pub(crate) p95: f64,
}

impl Summary {
    pub(crate) fn of(outcomes: &[Outcome]) -> Self {
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
