//! Deadlines and cancels under pauses, rate limits and calls that hang.

use super::*;

/// Returns a set with jobs that never end, and its account. Each job is polled every two seconds and cancelled after three.
fn cancelled_set(limit: RateLimit, jobs: usize) -> (Server, AccountKey) {
    let mut set = JobSetMachine::default();
    let account = set.add_account(&base(1), limit);
    let mut server = Server::new(set);
    let options = options().with_deadline(SECOND * 3).with_at_deadline(OnDeadline::Cancel);
    for _ in 0..jobs {
        server.add(account, SECOND * 100_000, &options);
    }
    (server, account)
}

/// Returns when the waits ended with a cancelled job, and when the cancels were sent.
fn ends_and_cancels(server: &mut Server) -> (Vec<Duration>, Vec<Duration>) {
    let events = server.run(SECOND * 100);
    let over = events.iter().filter(|(_, event)| {
        matches!(&event.update, JobSetUpdate::Done(Err(error))
            if error.is_deadline() && matches!(error.cancelling(), Some(Ok(reply))
                if reply.outcome == CancelOutcome::Cancelled))
    });
    let cancels = server.calls.iter().filter(|call| call.2 == Kind::Cancel);
    (over.map(|events| events.0).collect(), cancels.map(|call| call.0).collect())
}

#[test]
fn pauses_rates_and_slow_calls_do_not_delay_a_deadline() {
    // The last poll is sent at the deadline, and the cancel after its reply.
    let polled = SECOND * 3 + Duration::from_millis(100);
    let (ended, cancelled) = (vec![polled + Duration::from_millis(100); 2], vec![polled; 2]);

    let (mut calm, _) = cancelled_set(RateLimit::default(), 2);
    assert_eq!(ends_and_cancels(&mut calm), (ended.clone(), cancelled.clone()));

    let (mut paused, _) = cancelled_set(RateLimit::default(), 2);
    paused.busy_until = SECOND * 2;
    assert_eq!(ends_and_cancels(&mut paused), (ended.clone(), cancelled.clone()), "a pause of seven seconds");

    let (mut slow, _) = cancelled_set(RateLimit { in_flight: 2, per_second: Some(0.1) }, 2);
    assert_eq!(ends_and_cancels(&mut slow), (ended.clone(), cancelled.clone()), "a call in ten seconds");

    // Four slow calls use up the rate limit.
    let (mut full, account) = cancelled_set(RateLimit { in_flight: 4, per_second: None }, 0);
    (0..4).for_each(|_| _ = full.add(account, SECOND, &options()));
    full.latency = SECOND * 60;
    full.run(SECOND / 1000);
    full.latency = Duration::from_millis(100);
    let cancelling = options().with_deadline(SECOND * 3).with_at_deadline(OnDeadline::Cancel);
    (0..2).for_each(|_| _ = full.add(account, SECOND * 100_000, &cancelling));
    assert_eq!(full.set.stats().in_flight, 4);
    let (over, cancels) = ends_and_cancels(&mut full);
    let close = |moments: &[Duration], expected: Duration| {
        moments.len() == 2 && moments.iter().all(|at| at.abs_diff(expected) < Duration::from_millis(2))
    };
    assert!(close(&over, ended[0]) && close(&cancels, cancelled[0]), "{over:?} {cancels:?}");
}

#[test]
fn at_the_deadline_of_many_jobs_the_calls_in_flight_are_bounded() {
    let (mut server, _) = cancelled_set(RateLimit { in_flight: 3, per_second: Some(1.0) }, 50);
    let mut most = 0;
    let mut over = 0;
    while !server.set.jobs.is_empty() || !server.set.events.is_empty() {
        let until = server.now + Duration::from_millis(10);
        over += done_at_deadline(&server.run(until));
        most = most.max(server.set.stats().in_flight);
    }
    assert_eq!((over, most), (50, 6), "twice the rate limit");
    assert!(server.now < SECOND * 6, "{:?}", server.now);
}

fn done_at_deadline(events: &[(Duration, JobSetEvent)]) -> usize {
    let is_over =
        |event: &JobSetEvent| matches!(&event.update, JobSetUpdate::Done(Err(error)) if error.is_deadline());
    events.iter().filter(|(_, event)| is_over(event)).count()
}

#[test]
fn each_deadline_is_kept_while_no_call_may_be_made() {
    let mut set = JobSetMachine::default();
    let account = set.add_account(&base(1), RateLimit { in_flight: 1, per_second: Some(0.1) });
    let mut server = Server::new(set);
    for job in 0..20 {
        server.add(account, SECOND * 100_000, &options().with_deadline(SECOND / 2 + SECOND * job / 10));
    }
    let events = server.run(SECOND * 60);
    let ends = events
        .iter()
        .filter(|(_, event)| matches!(event.update, JobSetUpdate::Done(_)))
        .map(|events| events.0);
    let late: Vec<_> = ends.zip(0..).map(|(at, job)| at - SECOND / 2 - SECOND * job / 10).collect();
    assert_eq!(late.len(), 20);
    // The latency of the last poll, and a rounding error.
    assert!(late.iter().all(|late| *late < Duration::from_millis(101)), "{late:?}");
}

#[test]
fn a_cancel_ignores_pauses_and_rates_and_is_reported_once_it_is_settled() {
    for (lost, cancels, statuses) in [(0, 1, 0), (1, 2, 0), (2, 3, 0), (3, 3, 1)] {
        let (mut server, account) = cancelled_set(RateLimit { in_flight: 1, per_second: Some(0.1) }, 0);
        let key = server.add(account, SECOND * 100_000, &options());
        server.busy_until = SECOND / 2;
        server.run(SECOND);
        server.lost_cancels = lost;
        let before = server.calls.len();
        assert!(server.set.cancel(key) && server.set.cancel(key));
        let events = server.run(SECOND * 2);
        let count = |kind| server.calls[before..].iter().filter(|call| call.2 == kind).count();
        assert_eq!((count(Kind::Cancel), count(Kind::Status)), (cancels, statuses), "{lost} lost");
        let outcomes: Vec<_> = events
            .iter()
            .filter_map(|(_, event)| match &event.update {
                JobSetUpdate::Cancelling(outcome) => Some(outcome.as_ref().unwrap().outcome),
                _ => None,
            })
            .collect();
        let expected = if lost < 3 { CancelOutcome::Cancelled } else { CancelOutcome::NotConfirmed };
        assert_eq!(outcomes, [expected], "{lost} lost");
    }
}
