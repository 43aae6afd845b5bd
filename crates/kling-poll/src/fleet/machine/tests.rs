mod deadlines;

use std::time::SystemTime;

use kling_transport::{Call, CancelOutcome, GetResult, GetStatus, HttpHead, HttpReply, PostCancel};
use proptest::prelude::*;

use super::*;
use crate::{FixedInterval, JobMachine, OnDeadline};

const SECOND: Duration = Duration::from_secs(1);

/// A server that takes `latency` for a call, and whose jobs end at set times.
struct World {
    fleet: JobSetMachine,
    now: Duration,
    latency: Duration,
    calls: Vec<(Duration, CallRequest)>,
    /// Every call made: when, on which account, what.
    asked: Vec<(Duration, usize, CallKind)>,
    ends: std::collections::HashMap<JobKey, Duration>,
    /// How the server answers while it is too busy, and until when.
    busy_until: Duration,
    /// The account whose server is never too busy.
    calm: Option<LaneId>,
    /// How many cancels are answered by a 503 yet.
    lost_cancels: usize,
}

impl World {
    fn new(fleet: JobSetMachine) -> Self {
        Self {
            fleet,
            now: Duration::ZERO,
            latency: Duration::from_millis(100),
            calls: Vec::new(),
            asked: Vec::new(),
            ends: Default::default(),
            busy_until: Duration::ZERO,
            calm: None,
            lost_cancels: 0,
        }
    }

    fn add(&mut self, lane: LaneId, end: Duration, options: &WaitOptions) -> JobKey {
        let id = format!("id-{}", self.ends.len()).parse().unwrap();
        let ticket = self.fleet.add(self.now, lane, &id, None, options).unwrap();
        self.ends.insert(ticket, end);
        ticket
    }

    /// Runs until nothing is left to do or `until` has come, and tells the news.
    fn run(&mut self, until: Duration) -> Vec<(Duration, JobSetEvent)> {
        let mut told = Vec::new();
        while self.now < until {
            while let Some(event) = self.fleet.news() {
                told.push((self.now, event));
            }
            match self.fleet.next(self.now) {
                FleetAction::Ask(question) => {
                    self.asked.push((self.now, question.lane.index(), question.errand));
                    self.calls.push((self.now + self.latency, question));
                }
                FleetAction::Wait(due) => {
                    let answer = self.calls.iter().map(|call| call.0).min();
                    let Some(next) = answer.into_iter().chain(due).min() else { break };
                    assert!(next > self.now || answer == Some(next), "a pause that is over already");
                    self.now = next.min(until);
                    self.answer_what_is_there();
                }
            }
            if self.fleet.is_empty() && self.calls.is_empty() && self.fleet.news.is_empty() {
                break;
            }
        }
        told
    }

    fn answer_what_is_there(&mut self) {
        let (there, out) = std::mem::take(&mut self.calls).into_iter().partition(|call| call.0 <= self.now);
        self.calls = out;
        let there: Vec<(Duration, CallRequest)> = there;
        for (at, question) in there {
            let answer = self.reply(at, &question);
            self.fleet.answer(self.now, 0.5, &question, answer);
        }
    }

    fn reply(&mut self, at: Duration, question: &CallRequest) -> CallResponse {
        if question.errand == CallKind::Cancel && self.lost_cancels > 0 {
            self.lost_cancels -= 1;
            let head = HttpHead::new(503, |_| None, SystemTime::UNIX_EPOCH);
            return CallResponse::Cancel(PostCancel(&question.id).read(&HttpReply::new(head, "".into())));
        }
        let busy = at < self.busy_until && self.calm != Some(question.lane);
        let over = self.ends.get(&question.ticket).is_some_and(|end| *end <= at);
        let body = match (busy, over, question.errand) {
            (true, ..) => "",
            (_, true, CallKind::Status) => r#"{"status":"completed"}"#,
            (_, false, CallKind::Status) => r#"{"status":"in_progress"}"#,
            (_, true, _) => r#"{"status":"succeeded","output":"u"}"#,
            (_, false, _) => r#"{"status":"in_queue","outcome":"cancelled"}"#,
        };
        let header = |name: &str| (busy && name == "retry-after").then_some("7");
        let head = HttpHead::new(if busy { 429 } else { 200 }, header, SystemTime::UNIX_EPOCH);
        let reply = HttpReply::new(head, body.into());
        match question.errand {
            CallKind::Status => CallResponse::Status(GetStatus(&question.id).read(&reply)),
            CallKind::Result => CallResponse::Result(GetResult(&question.id).read(&reply)),
            CallKind::Cancel => CallResponse::Cancel(PostCancel(&question.id).read(&reply)),
        }
    }
}

fn base(port: u16) -> ApiBase {
    format!("http://127.0.0.1:{port}/v1").parse().unwrap()
}

fn options() -> WaitOptions {
    WaitOptions::default().with_schedule(FixedInterval(SECOND * 2)).with_deadline(None)
}

fn done(told: &[(Duration, JobSetEvent)]) -> usize {
    told.iter().filter(|(_, event)| matches!(event.news, JobSetUpdate::Done(Ok(_)))).count()
}

/// The most calls in any second.
fn busiest_second(asked: &[(Duration, usize, CallKind)]) -> usize {
    let within = |from: Duration| asked.iter().filter(move |call| call.0 >= from && call.0 < from + SECOND);
    asked.iter().map(|call| within(call.0).count()).max().unwrap_or_default()
}

#[test]
fn every_job_is_told_once_and_never_more_calls_are_out_than_allowed() {
    let mut fleet = JobSetMachine::new();
    let lane = fleet.add_lane(&base(1), RateLimit { in_flight: 3, per_second: None });
    let mut world = World::new(fleet);
    for job in 0..50 {
        world.add(lane, SECOND * job, &options());
    }
    let mut most = 0;
    let mut told = Vec::new();
    while !world.fleet.is_empty() || !world.fleet.news.is_empty() {
        let until = world.now + Duration::from_millis(50);
        told.extend(world.run(until));
        most = most.max(world.fleet.stats().in_flight);
    }
    assert_eq!((done(&told), most), (50, 3));
    let stats = world.fleet.stats();
    assert_eq!((stats.succeeded, stats.waiting, stats.in_flight, stats.results), (50, 0, 0, 50));
}

#[test]
fn overload_costs_delay_and_starves_nobody() {
    let mut fleet = JobSetMachine::new();
    let lane = fleet.add_lane(&base(1), RateLimit { in_flight: 64, per_second: Some(20.0) });
    let mut world = World::new(fleet);
    let tickets: Vec<_> = (0..400).map(|_| world.add(lane, SECOND * 100_000, &options())).collect();
    world.run(SECOND * 100);
    assert!(busiest_second(&world.asked) <= 23, "{}", busiest_second(&world.asked));
    let polls = |ticket: &JobKey| world.fleet.slots.get(*ticket).unwrap().machine.polls();
    let (fewest, most) = (tickets.iter().map(polls).min().unwrap(), tickets.iter().map(polls).max().unwrap());
    assert!(fewest >= 3 && most <= 7, "{fewest} to {most} polls for 5 on average");
}

#[test]
fn a_pause_asked_of_one_account_is_kept_by_all_that_ask_the_same_server() {
    let mut fleet = JobSetMachine::new();
    let [one, two] = [(); 2].map(|()| fleet.add_lane(&base(1), RateLimit::default()));
    let elsewhere = fleet.add_lane(&base(2), RateLimit::default());
    let mut world = World::new(fleet);
    for lane in [one, two, elsewhere] {
        world.add(lane, SECOND * 30, &options());
    }
    world.run(SECOND);
    let calm = world.asked.len();
    (world.busy_until, world.calm) = (SECOND * 3, Some(elsewhere));
    world.run(SECOND * 40);
    let asked = |lanes: &[usize]| {
        let those = world.asked[calm..].iter().filter(|call| lanes.contains(&call.1));
        those.map(|call| call.0).collect::<Vec<_>>()
    };
    let here = asked(&[0, 1]);
    let refused = here[0] + world.latency;
    assert!(here.iter().filter(|at| **at > refused).all(|at| *at >= refused + SECOND * 7), "{here:?}");
    let there = asked(&[2]).into_iter().filter(|at| *at > refused && *at < refused + SECOND * 7);
    assert!(there.count() >= 3, "another server asked for nothing");
}

#[test]
fn a_cancelled_job_is_told_of_and_waited_for_to_its_end() {
    let mut fleet = JobSetMachine::new();
    let lane = fleet.add_lane(&base(1), RateLimit { in_flight: 1, per_second: None });
    let mut world = World::new(fleet);
    let ticket = world.add(lane, SECOND * 5, &options());
    world.run(SECOND);
    assert!(world.fleet.cancel(ticket));
    let told = world.run(SECOND * 60);
    let words: Vec<_> = told
        .iter()
        .map(|(_, event)| match &event.news {
            JobSetUpdate::Update(_) => "update",
            JobSetUpdate::Cancelling(Ok(reply)) if reply.outcome == CancelOutcome::Cancelled => "cancelled",
            JobSetUpdate::Cancelling(_) => "not cancelled",
            JobSetUpdate::Done(_) => "done",
        })
        .collect();
    assert_eq!(words, ["cancelled", "update", "done"]);
    assert!(!world.fleet.cancel(ticket));
}

#[test]
fn a_detached_job_is_told_of_no_more_and_can_be_added_again() {
    let mut fleet = JobSetMachine::new();
    let lane = fleet.add_lane(&base(1), RateLimit::default());
    let mut world = World::new(fleet);
    let ticket = world.add(lane, SECOND * 5, &options());
    world.run(Duration::from_millis(50));
    assert_eq!(world.fleet.stats().in_flight, 1, "detached while a call is out");
    let id = world.fleet.detach(ticket).unwrap();
    assert!(world.run(SECOND * 10).is_empty());
    assert_eq!((world.fleet.stats().in_flight, world.fleet.detach(ticket)), (0, None));
    world.fleet.add(world.now, lane, &id, None, &options()).unwrap();
    assert!(!world.run(world.now + SECOND).is_empty());
}

#[test]
fn a_lane_of_another_fleet_is_refused() {
    let mut other = JobSetMachine::new();
    let lane = other.add_lane(&base(1), RateLimit::default());
    let id = "id".parse().unwrap();
    assert_eq!(JobSetMachine::new().add(SECOND, lane, &id, None, &options()), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_added_cancelled_and_detached_all_is_accounted_for(
        jobs in proptest::collection::vec((0u64..60, 0usize..3, any::<bool>(), any::<bool>()), 1..40),
        in_flight in 1usize..5,
        per_second in proptest::option::of(1.0f64..50.0),
    ) {
        let mut fleet = JobSetMachine::new();
        let lanes = [1, 1, 2].map(|port| fleet.add_lane(&base(port), RateLimit { in_flight, per_second }));
        let mut world = World::new(fleet);
        let (mut told, mut detached) = (Vec::new(), 0);
        for (end, lane, cancel, detach) in &jobs {
            let ticket = world.add(lanes[*lane], SECOND * u32::try_from(*end).unwrap(), &options());
            told.extend(world.run(world.now + Duration::from_millis(70)));
            if *cancel {
                world.fleet.cancel(ticket);
            }
            told.extend(world.run(world.now + Duration::from_millis(70)));
            if *detach {
                detached += usize::from(world.fleet.detach(ticket).is_some());
            }
        }
        told.extend(world.run(SECOND * 100_000));
        prop_assert_eq!(done(&told) + detached, jobs.len());
        let stats = world.fleet.stats();
        prop_assert_eq!((stats.waiting, stats.in_flight, stats.behind), (0, 0, 0));
    }
}

#[test]
fn jobs_that_come_and_go_while_no_call_may_be_made_leave_nothing_behind() {
    let mut fleet = JobSetMachine::new();
    let lane = fleet.add_lane(&ApiBase::default(), RateLimit { in_flight: 1, per_second: None });
    let (id, options) = ("id".parse().unwrap(), WaitOptions::default());
    fleet.add(SECOND, lane, &id, None, &options).unwrap();
    assert!(matches!(fleet.next(SECOND), FleetAction::Ask(_)));
    for job in 0..3000 {
        let ticket = fleet.add(SECOND, lane, &id, None, &options).unwrap();
        if job % 2 == 0 {
            assert!(matches!(fleet.next(SECOND), FleetAction::Wait(_)));
        }
        assert!(fleet.cancel(ticket) && fleet.cancel(ticket));
        assert!(fleet.detach(ticket).is_some());
    }
    assert!(fleet.due.len() + fleet.lanes.iter().map(AccountQueue::behind).sum::<usize>() < 400, "{fleet:?}");
}

#[test]
fn a_job_that_waits_takes_little_room() {
    assert!(size_of::<JobMachine>() <= 32 && size_of::<Slot>() <= 80, "{}", size_of::<Slot>());
}
