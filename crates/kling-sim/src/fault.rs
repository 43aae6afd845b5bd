//! The faults of calls, and the plans that choose them.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use fastrand::Rng;
use serde_json::json;

use crate::{Call, Reply};

/// One fault of a call.
///
/// A *processed* call takes effect: a submit is billed even if its reply never arrives. A fault of the connection closes the
/// connection. Other faults leave it open.
///
/// ```
/// use std::time::Duration;
/// use kling_sim::{Call, Fault, Reply, Sim};
///
/// let sim = Sim::start()?;
/// sim.fault_next(Call::Submit, Fault::DropProcessed); // billed, and the request id is lost
/// sim.fault_next(Call::Status, Fault::ResetInBody);
/// sim.fault_next(Call::Status, Fault::Stall(Duration::from_secs(90)));
/// sim.fault_next(Call::Status, Reply::busy(503, Duration::from_secs(2)).into());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// Sends another reply. Processed only if [`Reply::after_processing`] was called.
    Answer(Reply),
    /// Adds a text with half a surrogate pair and a raw line feed, which is invalid JSON. Processed.
    BrokenText,
    /// Puts a byte order mark before the body. Processed.
    ByteOrderMark,
    /// Closes the connection in the middle of the body. Processed.
    CloseInBody,
    /// Compresses the body with gzip, even if the request does not accept it. Processed.
    Compressed,
    /// Adds a member that is nested deeper than JSON readers allow. Processed.
    DeepNesting,
    /// Sends the reply in 16 pieces, with this pause before each. Processed.
    Drip(Duration),
    /// Closes the connection after the request is read. Processed: **a submit is billed**.
    DropProcessed,
    /// Closes the connection after the request is read. Not processed.
    DropUnprocessed,
    /// Closes the connection after the head of the request is read. Not processed.
    DropUnread,
    /// Repeats every key of the object. Processed.
    DuplicateKeys,
    /// Sends this many bytes without a `content-length`. Not processed.
    Flood(u64),
    /// Moves the URLs of outputs to this origin, such as `https://elsewhere.example`. Processed.
    ForeignOutput(String),
    /// Sends the true reply, and then makes the request id unknown, as if expired: 404001. Processed.
    ForgetJob,
    /// Sends a page of HTML with the true status, as from a CDN in front. Processed.
    Html,
    /// Appends a comma and a quote, which is invalid JSON. Processed.
    InvalidJson,
    /// Resets the connection in the middle of the body. Processed.
    ResetInBody,
    /// Resets the connection in the middle of the head. Processed.
    ResetInHead,
    /// Sends the whole reply with a `content-length` of half its size. Processed.
    ShortContentLength,
    /// Sends nothing for this long in real time, then closes the connection. Processed.
    Stall(Duration),
    /// Sends the whole body with a `content-length` of one byte more, then stalls for this long and closes. Processed.
    StallAfterBody(Duration),
    /// Sends half of the body, then stalls for this long and closes. Processed.
    StallInBody(Duration),
    /// Sends the first half of the body with a `content-length` that fits it. Processed.
    Truncated,
    /// Adds unknown keys to the object. Processed.
    UnknownFields,
    /// Replaces the state by an unknown word. Processed.
    UnknownState,
    /// Sends the true reply as `text/plain`. Processed.
    WrongContentType,
    /// Replaces the request id by another one. Processed.
    WrongId,
}

impl From<Reply> for Fault {
    fn from(reply: Reply) -> Self {
        Self::Answer(reply)
    }
}

impl fmt::Display for Fault {
    /// Writes the name of the variant in lower-case words, such as `reset in body`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Answer(reply) = self {
            return write!(f, "answer {}", reply.summary());
        }
        let debug = format!("{self:?}");
        for (index, letter) in debug.chars().take_while(char::is_ascii_alphabetic).enumerate() {
            let space = if index > 0 && letter.is_ascii_uppercase() { " " } else { "" };
            write!(f, "{space}{}", letter.to_ascii_lowercase())?;
        }
        Ok(())
    }
}

/// A plan of faults for [`Builder::faults`](crate::Builder::faults).
///
/// Planned faults come before random ones. A seed draws the same fault for the n-th call of a kind, in any order of the kinds.
///
/// ```
/// use kling_sim::{Call, Fault, FaultPlan, Reply, Sim};
///
/// let plan = FaultPlan::none()
///     .on(Call::Submit, 1, Reply::empty(429).header("retry-after", "1"))
///     .on_each(Call::Status, 2..=4, Fault::ResetInBody);
/// let planned = Sim::builder().faults(plan).start()?;
/// let unlucky = Sim::builder().faults(FaultPlan::random(7, 0.2)).start()?; // every fifth call fails
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a plan takes effect in a simulator that is built with it"]
pub struct FaultPlan {
    planned: Vec<(Call, RangeInclusive<u64>, Fault)>,
    seed: u64,
    rate: f64,
    stall: Duration,
    queued: VecDeque<(Call, Fault)>,
    counts: HashMap<Call, u64>,
}

impl Default for FaultPlan {
    fn default() -> Self {
        let (planned, queued, counts) = (Vec::new(), VecDeque::new(), HashMap::new());
        Self { planned, seed: 0, rate: 0.0, stall: Duration::from_secs(90), queued, counts }
    }
}

impl FaultPlan {
    /// No faults.
    pub fn none() -> Self {
        Self::default()
    }

    /// Draws a fault for a share of all calls, from 0 to 1. All faults that fit the kind of a call are equally likely.
    ///
    /// Every random fault is transient: no job is forgotten, and no output is replaced. A client that retries often enough gets
    /// the result of every request id that it knows.
    pub fn random(seed: u64, rate: f64) -> Self {
        Self { seed, rate, ..Self::default() }
    }

    /// Sets the length of random stalls in real time; by default 90 s. [`Fault::Drip`] takes half of it.
    pub fn stall(mut self, time: Duration) -> Self {
        self.stall = time;
        self
    }

    /// Plans a fault for the n-th call of a kind, counted from 1.
    pub fn on(self, call: Call, nth: u64, fault: impl Into<Fault>) -> Self {
        self.on_each(call, nth..=nth, fault)
    }

    /// Plans a fault for a range of calls of a kind, counted from 1.
    pub fn on_each(mut self, call: Call, range: RangeInclusive<u64>, fault: impl Into<Fault>) -> Self {
        self.planned.push((call, range, fault.into()));
        self
    }

    /// Queues a fault for the next call of a kind, before those of the plan.
    pub(crate) fn push(&mut self, call: Call, fault: Fault) {
        self.queued.push_back((call, fault));
    }

    /// Counts a call, and returns its fault.
    pub(crate) fn take(&mut self, call: Call) -> Option<Fault> {
        let count = self.counts.entry(call).or_default();
        *count += 1;
        let nth = *count;
        let queued = self.queued.iter().position(|(kind, _)| *kind == call);
        match queued.and_then(|index| self.queued.remove(index)) {
            Some((_, fault)) => Some(fault),
            None => self.find(call, nth),
        }
    }

    /// Returns the fault of the n-th call of a kind.
    fn find(&self, call: Call, nth: u64) -> Option<Fault> {
        let planned = self.planned.iter().find(|(kind, range, _)| *kind == call && range.contains(&nth));
        planned.map(|(_, _, fault)| fault.clone()).or_else(|| self.draw(call, nth))
    }

    fn draw(&self, call: Call, nth: u64) -> Option<Fault> {
        let hash = (nth << 4 | call as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut random = Rng::with_seed(self.seed ^ hash);
        if random.f64() >= self.rate {
            return None;
        }
        let mut fitting = fitting_faults(call, self.stall);
        Some(fitting.swap_remove(random.usize(..fitting.len())))
    }
}

/// The faults that fit a call.
fn fitting_faults(call: Call, stall: Duration) -> Vec<Fault> {
    let mut faults = connection_faults(stall);
    faults.extend(rejections());
    faults.extend(match call {
        Call::Output => false_files(),
        Call::Submit => [corrupt_replies(stall), lost_acceptances()].concat(),
        _ => [corrupt_replies(stall), wrong_jobs()].concat(),
    });
    faults
}

fn connection_faults(stall: Duration) -> Vec<Fault> {
    vec![
        Fault::CloseInBody,
        Fault::Drip(stall / 32),
        Fault::DropProcessed,
        Fault::DropUnprocessed,
        Fault::DropUnread,
        Fault::ResetInBody,
        Fault::ResetInHead,
        Fault::Stall(stall),
        Fault::StallInBody(stall),
    ]
}

/// Replies to calls that did not take effect.
fn rejections() -> Vec<Fault> {
    let now = Duration::ZERO;
    let replies = [
        Reply::busy(429, now),
        Reply::busy_until(429, now, Duration::from_secs(86_400)),
        Reply::busy(503, now),
        Reply::empty(408),
        Reply::empty(500),
        Reply::html(502, "<h1>Bad gateway</h1>"),
        Reply::json(504, &json!({"message": "upstream request timeout"})),
    ];
    replies.map(Fault::from).into()
}

/// Replies with status 200 in place of a file.
fn false_files() -> Vec<Fault> {
    let video = |body: &str| Reply::text(200, "video/mp4", body).into();
    vec![
        Fault::Html,
        video(""),
        video("<html><h1>Checking your browser</h1>"),
        video(r#"{"error": "expired"}"#),
        video("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>"),
        video("try again later"),
    ]
}

/// Replies with true content that is changed or cut off.
fn corrupt_replies(stall: Duration) -> Vec<Fault> {
    vec![
        Fault::BrokenText,
        Fault::ByteOrderMark,
        Fault::Compressed,
        Fault::DeepNesting,
        Fault::DuplicateKeys,
        Fault::Html,
        Fault::InvalidJson,
        Fault::StallAfterBody(stall),
        Fault::Truncated,
        Fault::UnknownFields,
        Fault::WrongContentType,
        Reply::text(200, "application/json", "").after_processing().into(),
    ]
}

/// Replies with a wrong state, id or error of a known job.
fn wrong_jobs() -> Vec<Fault> {
    let failing = json!({"error_code": 500_001, "error_message": "try again"});
    vec![Fault::UnknownState, Fault::WrongId, Reply::json(200, &failing).into()]
}

/// Error replies to a submit that took effect.
fn lost_acceptances() -> Vec<Fault> {
    vec![
        Reply::empty(500).after_processing().into(),
        Reply::busy(503, Duration::ZERO).after_processing().into(),
        Reply::html(504, "<h1>Gateway timeout</h1>").after_processing().into(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(faults: &FaultPlan, call: Call) -> Vec<Option<String>> {
        (1..=200).map(|nth| faults.find(call, nth).map(|fault| fault.to_string())).collect()
    }

    #[test]
    fn a_plan_is_by_call_and_count() {
        let faults = FaultPlan::none().on(Call::Status, 2, Fault::Html).on_each(
            Call::Submit,
            1..=2,
            Reply::empty(503),
        );
        let found = |call, nth| faults.find(call, nth).map(|fault| fault.to_string());
        assert_eq!(found(Call::Status, 1), None);
        assert_eq!(found(Call::Status, 2).as_deref(), Some("html"));
        assert_eq!(found(Call::Submit, 2).as_deref(), Some("answer 503"));
        assert_eq!(found(Call::Submit, 3), None);
    }

    #[test]
    fn a_seed_repeats_itself_and_differs_from_others() {
        let calls = [Call::Submit, Call::Status, Call::Output];
        for call in calls {
            let faults = FaultPlan::random(7, 0.5);
            assert_eq!(drawn(&faults, call), drawn(&faults.clone(), call));
            assert_ne!(drawn(&faults, call), drawn(&FaultPlan::random(8, 0.5), call));
        }
    }

    #[test]
    fn the_rate_is_the_share_of_calls_with_a_fault() {
        let share = |rate| drawn(&FaultPlan::random(1, rate), Call::Status).iter().flatten().count();
        assert_eq!((share(0.0), share(1.0)), (0, 200));
        assert!((60..140).contains(&share(0.5)), "{}", share(0.5));
    }

    #[test]
    fn queued_faults_come_in_order_by_call_and_before_the_plan() {
        let mut plan = FaultPlan::none().on_each(Call::Status, 2..=3, Fault::Html);
        plan.push(Call::Status, Fault::Truncated);
        plan.push(Call::Submit, Reply::empty(429).into());
        plan.push(Call::Status, Reply::empty(502).into());
        let mut next = |call| plan.take(call).map(|fault| fault.to_string());
        assert_eq!(next(Call::Status).as_deref(), Some("truncated"));
        assert_eq!(next(Call::Status).as_deref(), Some("answer 502"));
        assert_eq!(next(Call::Status).as_deref(), Some("html"));
        assert_eq!(next(Call::Status), None);
        assert_eq!(next(Call::Submit).as_deref(), Some("answer 429"));
    }
}
