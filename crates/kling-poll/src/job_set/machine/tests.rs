mod deadlines;

use std::time::SystemTime;

use kling_transport::{Call, CancelOutcome, GetResult, GetStatus, HttpHead, HttpReply, PostCancel};
use proptest::prelude::*;

use super::*;
use crate::{FixedInterval, OnDeadline};

const SECOND: Duration = Duration::from_secs(1);

/// The kind of a call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Status,
    Result,
    Cancel,
}

fn kind(request: &CallRequest) -> Kind {
    match request.action {
        Action::SendResult { .. } => Kind::Result,
        Action::SendCancel { .. } => Kind::Cancel,
        _ => Kind::Status,
    }
}

/// A server with a latency, whose jobs end at set times.
struct Server {
    set: JobSetMachine,
    now: Duration,
    latency: Duration,
    in_flight: Vec<(Duration, CallRequest)>,
    /// Every call: its time, account and kind.
    calls: Vec<(Duration, AccountKey, Kind)>,
    ends: std::collections::HashMap<JobKey, Duration>,
    /// Until then the server replies with 429.
    busy_until: Duration,
    /// The account whose server is never busy.
    calm: Option<AccountKey>,
    /// The number of cancels that the server still replies to with 503.
    lost_cancels: usize,
}

impl Server {
    fn new(set: JobSetMachine) -> Self {
        Self {
            set,
            now: Duration::ZERO,
            latency: Duration::from_millis(100),
            in_flight: Vec::new(),
            calls: Vec::new(),
            ends: Default::default(),
            busy_until: Duration::ZERO,
            calm: None,
            lost_cancels: 0,
        }
    }

    fn add(&mut self, account: AccountKey, end: Duration, options: &WaitOptions) -> JobKey {
        let id = format!("id-{}", self.ends.len()).parse().unwrap();
        let key = self.set.add(self.now, account, &id, None, options).unwrap();
        self.ends.insert(key, end);
        key
    }

    /// Runs until the set is empty or until a time, and returns the events.
    fn run(&mut self, until: Duration) -> Vec<(Duration, JobSetEvent)> {
        let mut events = Vec::new();
        while self.now < until {
            let due = match self.set.next(self.now) {
                NextStep::Emit(event) => {
                    events.push((self.now, *event));
                    continue;
                }
                NextStep::Send(request) => {
                    self.calls.push((self.now, request.account, kind(&request)));
                    self.in_flight.push((self.now + self.latency, request));
                    continue;
                }
                NextStep::Sleep(due) => due,
                NextStep::Finish => None,
            };
            let reply = self.in_flight.iter().map(|call| call.0).min();
            let Some(next) = reply.into_iter().chain(due).min() else { break };
            assert!(next > self.now || reply == Some(next), "a pause in the past");
            self.now = next.min(until);
            self.respond();
        }
        events
    }

    fn respond(&mut self) {
        let calls = std::mem::take(&mut self.in_flight).into_iter();
        let (done, in_flight): (Vec<_>, _) = calls.partition(|call| call.0 <= self.now);
        self.in_flight = in_flight;
        for (at, request) in done {
            let reply = self.reply(at, &request);
            self.set.respond(self.now, 0.5, &request, reply);
        }
    }

    fn reply(&mut self, at: Duration, request: &CallRequest) -> Event {
        if kind(request) == Kind::Cancel && self.lost_cancels > 0 {
            self.lost_cancels -= 1;
            let head = HttpHead::new(503, |_| None, SystemTime::UNIX_EPOCH);
            return Event::Cancel(PostCancel(&request.request_id).read(&HttpReply::new(head, "".into())));
        }
        let busy = at < self.busy_until && self.calm != Some(request.account);
        let over = self.ends.get(&request.key).is_some_and(|end| *end <= at);
        let body = match (busy, over, kind(request)) {
            (true, ..) => "",
            (_, true, Kind::Status) => r#"{"status":"completed"}"#,
            (_, false, Kind::Status) => r#"{"status":"in_progress"}"#,
            (_, true, _) => r#"{"status":"succeeded","output":"u"}"#,
            (_, false, _) => r#"{"status":"in_queue","outcome":"cancelled"}"#,
        };
        let header = |name: &str| (busy && name == "retry-after").then_some("7");
        let head = HttpHead::new(if busy { 429 } else { 200 }, header, SystemTime::UNIX_EPOCH);
        let reply = HttpReply::new(head, body.into());
        match kind(request) {
            Kind::Status => Event::Status(GetStatus(&request.request_id).read(&reply)),
            Kind::Result => Event::Result(GetResult(&request.request_id).read(&reply)),
            Kind::Cancel => Event::Cancel(PostCancel(&request.request_id).read(&reply)),
        }
    }
}

fn base(port: u16) -> ApiBase {
    format!("http://127.0.0.1:{port}/v1").parse().unwrap()
}

fn options() -> WaitOptions {
    WaitOptions::default().with_schedule(FixedInterval(SECOND * 2)).with_deadline(None)
}

fn done(events: &[(Duration, JobSetEvent)]) -> usize {
    events.iter().filter(|(_, event)| matches!(event.update, JobSetUpdate::Done(Ok(_)))).count()
}

/// Returns the most calls in any second.
fn busiest_second(calls: &[(Duration, AccountKey, Kind)]) -> usize {
    let within = |from: Duration| calls.iter().filter(move |call| call.0 >= from && call.0 < from + SECOND);
    calls.iter().map(|call| within(call.0).count()).max().unwrap_or_default()
}

#[test]
fn every_job_is_reported_once_and_calls_in_flight_are_bounded() {
    let mut set = JobSetMachine::default();
    let account = set.add_account(&base(1), RateLimit { in_flight: 3, per_second: None });
    let mut server = Server::new(set);
    for job in 0..50 {
        server.add(account, SECOND * job, &options());
    }
    let mut most = 0;
    let mut events = Vec::new();
    while !server.set.jobs.is_empty() || !server.set.events.is_empty() {
        let until = server.now + Duration::from_millis(50);
        events.extend(server.run(until));
        most = most.max(server.set.stats().in_flight);
    }
    assert_eq!((done(&events), most), (50, 3));
    let stats = server.set.stats();
    assert_eq!((stats.succeeded, stats.waiting, stats.in_flight, stats.results), (50, 0, 0, 50));
}

#[test]
fn overload_delays_all_jobs_alike() {
    let mut set = JobSetMachine::default();
    let account = set.add_account(&base(1), RateLimit { in_flight: 64, per_second: Some(20.0) });
    let mut server = Server::new(set);
    let keys: Vec<_> = (0..400).map(|_| server.add(account, SECOND * 100_000, &options())).collect();
    server.run(SECOND * 100);
    assert!(busiest_second(&server.calls) <= 23, "{}", busiest_second(&server.calls));
    let polls = |key: &JobKey| server.set.jobs.get(*key).unwrap().machine.polls();
    let (fewest, most) = (keys.iter().map(polls).min().unwrap(), keys.iter().map(polls).max().unwrap());
    assert!(fewest >= 3 && most <= 7, "{fewest} to {most} polls for 5 on average");
}

#[test]
fn all_accounts_of_a_server_keep_its_pause() {
    let mut set = JobSetMachine::default();
    let [one, two] = [(); 2].map(|()| set.add_account(&base(1), RateLimit::default()));
    let elsewhere = set.add_account(&base(2), RateLimit::default());
    let mut server = Server::new(set);
    for account in [one, two, elsewhere] {
        server.add(account, SECOND * 30, &options());
    }
    server.run(SECOND);
    let calm = server.calls.len();
    (server.busy_until, server.calm) = (SECOND * 3, Some(elsewhere));
    server.run(SECOND * 40);
    let times = |accounts: &[AccountKey]| {
        let calls = server.calls[calm..].iter().filter(|call| accounts.contains(&call.1));
        calls.map(|call| call.0).collect::<Vec<_>>()
    };
    let here = times(&[one, two]);
    let refused = here[0] + server.latency;
    assert!(here.iter().filter(|at| **at > refused).all(|at| *at >= refused + SECOND * 7), "{here:?}");
    let there = times(&[elsewhere]).into_iter().filter(|at| *at > refused && *at < refused + SECOND * 7);
    assert!(there.count() >= 3, "another server asked for no pause");
}

#[test]
fn the_outcome_of_a_cancel_is_reported_and_the_wait_continues() {
    let mut set = JobSetMachine::default();
    let account = set.add_account(&base(1), RateLimit { in_flight: 1, per_second: None });
    let mut server = Server::new(set);
    let key = server.add(account, SECOND * 5, &options());
    server.run(SECOND);
    assert!(server.set.cancel(key));
    let events = server.run(SECOND * 60);
    let words: Vec<_> = events
        .iter()
        .map(|(_, event)| match &event.update {
            JobSetUpdate::Update(_) => "update",
            JobSetUpdate::Cancelling(Ok(reply)) if reply.outcome == CancelOutcome::Cancelled => "cancelled",
            JobSetUpdate::Cancelling(_) => "not cancelled",
            JobSetUpdate::Done(_) => "done",
        })
        .collect();
    assert_eq!(words, ["cancelled", "update", "done"]);
    assert!(!server.set.cancel(key));
}

#[test]
fn a_detached_job_has_no_more_events_and_can_be_added_again() {
    let mut set = JobSetMachine::default();
    let account = set.add_account(&base(1), RateLimit::default());
    let mut server = Server::new(set);
    let key = server.add(account, SECOND * 5, &options());
    server.run(Duration::from_millis(50));
    assert_eq!(server.set.stats().in_flight, 1, "detached while a call is in flight");
    let id = server.set.detach(key).unwrap();
    assert!(server.run(SECOND * 10).is_empty());
    assert_eq!((server.set.stats().in_flight, server.set.detach(key)), (0, None));
    server.set.add(server.now, account, &id, None, &options()).unwrap();
    assert!(!server.run(server.now + SECOND).is_empty());
}

#[test]
fn an_account_of_another_set_is_refused() {
    let mut other = JobSetMachine::default();
    let account = other.add_account(&base(1), RateLimit::default());
    let id = "id".parse().unwrap();
    assert_eq!(JobSetMachine::default().add(SECOND, account, &id, None, &options()), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_added_job_ends_or_is_detached(
        jobs in proptest::collection::vec((0u64..60, 0usize..3, any::<bool>(), any::<bool>()), 1..40),
        in_flight in 1usize..5,
        per_second in proptest::option::of(1.0f64..50.0),
    ) {
        let mut set = JobSetMachine::default();
        let accounts = [1, 1, 2].map(|port| set.add_account(&base(port), RateLimit { in_flight, per_second }));
        let mut server = Server::new(set);
        let (mut events, mut detached) = (Vec::new(), 0);
        for (end, account, cancel, detach) in &jobs {
            let key = server.add(accounts[*account], SECOND * u32::try_from(*end).unwrap(), &options());
            events.extend(server.run(server.now + Duration::from_millis(70)));
            if *cancel {
                server.set.cancel(key);
            }
            events.extend(server.run(server.now + Duration::from_millis(70)));
            if *detach {
                detached += usize::from(server.set.detach(key).is_some());
            }
        }
        events.extend(server.run(SECOND * 100_000));
        prop_assert_eq!(done(&events) + detached, jobs.len());
        let stats = server.set.stats();
        prop_assert_eq!((stats.waiting, stats.in_flight, stats.behind), (0, 0, 0));
    }
}

#[test]
fn jobs_that_come_and_go_while_no_call_may_be_made_leave_no_entries() {
    let mut set = JobSetMachine::default();
    let account = set.add_account(&ApiBase::default(), RateLimit { in_flight: 1, per_second: None });
    let (id, options) = ("id".parse().unwrap(), WaitOptions::default());
    set.add(SECOND, account, &id, None, &options).unwrap();
    assert!(matches!(set.next(SECOND), NextStep::Send(_)));
    for job in 0..3000 {
        let key = set.add(SECOND, account, &id, None, &options).unwrap();
        if job % 2 == 0 {
            assert!(matches!(set.next(SECOND), NextStep::Sleep(_)));
        }
        assert!(set.cancel(key) && set.cancel(key));
        assert!(set.detach(key).is_some());
    }
    assert!(
        set.due.len() + set.accounts.queues.values().map(AccountQueue::len).sum::<usize>() < 400,
        "{set:?}"
    );
}

#[test]
fn a_waiting_job_takes_little_room() {
    assert!(size_of::<Slot>() <= 300, "{}", size_of::<Slot>());
}
