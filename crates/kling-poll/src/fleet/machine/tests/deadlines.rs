//! Deadlines, and cancels that were asked for, under pauses, paces and calls that hang.

use super::*;

/// A fleet of jobs that never end, which are asked about every two seconds and cancelled after three.
fn parting(pace: RateLimit, jobs: usize) -> World {
    let mut fleet = JobSetMachine::new();
    let lane = fleet.add_lane(&base(1), pace);
    let mut world = World::new(fleet);
    let options = options().with_deadline(SECOND * 3).with_at_deadline(OnDeadline::Cancel);
    for _ in 0..jobs {
        world.add(lane, SECOND * 100_000, &options);
    }
    world
}

/// How each wait ended and when; when the cancels left.
fn parted(world: &mut World) -> (Vec<Duration>, Vec<Duration>) {
    let told = world.run(SECOND * 100);
    let over = told.iter().filter(|(_, event)| {
        matches!(&event.news, JobSetUpdate::Done(Err(error))
            if error.is_deadline() && matches!(error.cancelling(), Some(Ok(reply))
                if reply.outcome == CancelOutcome::Cancelled))
    });
    let cancels = world.asked.iter().filter(|call| call.2 == CallKind::Cancel);
    (over.map(|told| told.0).collect(), cancels.map(|call| call.0).collect())
}

#[test]
fn neither_a_pause_nor_a_pace_nor_calls_that_hang_delay_a_deadline() {
    // The last poll leaves at the deadline, the cancel with its answer.
    let polled = SECOND * 3 + Duration::from_millis(100);
    let (ended, cancelled) = (vec![polled + Duration::from_millis(100); 2], vec![polled; 2]);

    let mut calm = parting(RateLimit::default(), 2);
    assert_eq!(parted(&mut calm), (ended.clone(), cancelled.clone()));

    let mut paused = parting(RateLimit::default(), 2);
    paused.busy_until = SECOND * 2;
    assert_eq!(parted(&mut paused), (ended.clone(), cancelled.clone()), "a pause of seven seconds");

    let mut slow = parting(RateLimit { in_flight: 2, per_second: Some(0.1) }, 2);
    assert_eq!(parted(&mut slow), (ended.clone(), cancelled.clone()), "a call in ten seconds");

    // Four jobs that never come back take all the calls that the pace allows.
    let mut full = parting(RateLimit { in_flight: 4, per_second: None }, 0);
    let lane = LaneId(0);
    (0..4).for_each(|_| _ = full.add(lane, SECOND, &options()));
    full.latency = SECOND * 60;
    full.run(SECOND / 1000);
    full.latency = Duration::from_millis(100);
    let cancelling = options().with_deadline(SECOND * 3).with_at_deadline(OnDeadline::Cancel);
    (0..2).for_each(|_| _ = full.add(lane, SECOND * 100_000, &cancelling));
    assert_eq!(full.fleet.stats().in_flight, 4);
    let (over, cancels) = parted(&mut full);
    let close = |moments: &[Duration], expected: Duration| {
        moments.len() == 2 && moments.iter().all(|at| at.abs_diff(expected) < Duration::from_millis(2))
    };
    assert!(close(&over, ended[0]) && close(&cancels, cancelled[0]), "{over:?} {cancels:?}");
}

#[test]
fn at_a_deadline_of_many_the_calls_at_once_stay_bounded() {
    let mut world = parting(RateLimit { in_flight: 3, per_second: Some(1.0) }, 50);
    let mut most = 0;
    let mut over = 0;
    while !world.fleet.is_empty() || !world.fleet.news.is_empty() {
        let until = world.now + Duration::from_millis(10);
        over += done_at_deadline(&world.run(until));
        most = most.max(world.fleet.stats().in_flight);
    }
    assert_eq!((over, most), (50, 6), "as many again as the pace allows");
    assert!(world.now < SECOND * 6, "{:?}", world.now);
}

fn done_at_deadline(told: &[(Duration, JobSetEvent)]) -> usize {
    let is_over =
        |event: &JobSetEvent| matches!(&event.news, JobSetUpdate::Done(Err(error)) if error.is_deadline());
    told.iter().filter(|(_, event)| is_over(event)).count()
}

#[test]
fn deadlines_that_differ_are_each_kept_while_no_call_may_be_made() {
    let mut fleet = JobSetMachine::new();
    let lane = fleet.add_lane(&base(1), RateLimit { in_flight: 1, per_second: Some(0.1) });
    let mut world = World::new(fleet);
    for job in 0..20 {
        world.add(lane, SECOND * 100_000, &options().with_deadline(SECOND / 2 + SECOND * job / 10));
    }
    let told = world.run(SECOND * 60);
    let ends =
        told.iter().filter(|(_, event)| matches!(event.news, JobSetUpdate::Done(_))).map(|told| told.0);
    let late: Vec<_> = ends.zip(0..).map(|(at, job)| at - SECOND / 2 - SECOND * job / 10).collect();
    assert_eq!(late.len(), 20);
    // An answer to the last poll, and a moment for looking.
    assert!(late.iter().all(|late| *late < Duration::from_millis(101)), "{late:?}");
}

#[test]
fn a_cancel_that_was_asked_for_waits_for_nothing_and_is_told_of_once_it_is_clear() {
    for (lost, cancels, statuses) in [(0, 1, 0), (1, 2, 0), (2, 3, 0), (3, 3, 1)] {
        let mut world = parting(RateLimit { in_flight: 1, per_second: Some(0.1) }, 0);
        let ticket = world.add(LaneId(0), SECOND * 100_000, &options());
        world.busy_until = SECOND / 2;
        world.run(SECOND);
        world.lost_cancels = lost;
        let before = world.asked.len();
        assert!(world.fleet.cancel(ticket) && world.fleet.cancel(ticket));
        let told = world.run(SECOND * 2);
        let asked = |errand| world.asked[before..].iter().filter(|call| call.2 == errand).count();
        assert_eq!((asked(CallKind::Cancel), asked(CallKind::Status)), (cancels, statuses), "{lost} lost");
        let outcomes: Vec<_> = told
            .iter()
            .filter_map(|(_, event)| match &event.news {
                JobSetUpdate::Cancelling(outcome) => Some(outcome.as_ref().unwrap().outcome),
                _ => None,
            })
            .collect();
        let expected = if lost < 3 { CancelOutcome::Cancelled } else { CancelOutcome::NotConfirmed };
        assert_eq!(outcomes, [expected], "{lost} lost");
    }
}
