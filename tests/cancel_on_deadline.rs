//! How a wait parts from a job that is not over, in virtual time: at the deadline and on drop, left or cancelled, and told.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use kling_poll::{FixedInterval, JobSet, JobSetUpdate, OnDeadline, RateLimit, WaitError, WaitOptions};
use kling_tests::virtual_time::{self, VirtualClock, async_client, blocking_client, paused};
use kling_transport::{
    CancelOutcome, Client, HttpHead, HttpReply, HttpRequest, Job, Limits, Phase, RetryPolicy, Settings,
    Token, TransportError, TransportErrorKind,
};
use tokio::sync::mpsc;
use tokio::time::sleep;

const SECOND: Duration = Duration::from_secs(1);

/// A server whose job stays in the queue until it is cancelled; where it is deaf, the answers to cancels are lost; where it is busy,
/// it asks for a pause of twenty seconds instead of telling a status.
#[derive(Debug, Default)]
struct World {
    deaf: bool,
    busy: bool,
    cancelled: Mutex<bool>,
    asked: Mutex<Vec<(u64, String)>>,
}

impl virtual_time::World for World {
    fn reply(&self, request: &HttpRequest, _: Limits, now: Duration) -> Result<HttpReply, TransportError> {
        let call = request.url().path().rsplit('/').next().unwrap_or_default().to_owned();
        self.asked.lock().unwrap().push((now.as_secs(), call.clone()));
        let mut cancelled = self.cancelled.lock().unwrap();
        *cancelled |= call == "cancel";
        if call == "cancel" && self.deaf {
            return Err(TransportError::new(Phase::Waiting, TransportErrorKind::Broken, "reset"));
        }
        if call == "status" && self.busy {
            let head =
                HttpHead::new(429, |name| (name == "retry-after").then_some("20"), SystemTime::UNIX_EPOCH);
            return Ok(HttpReply::new(head, "".into()));
        }
        let body = match (&*call, *cancelled) {
            ("cancel", _) => r#"{"outcome":"cancelled","status":"cancelled"}"#,
            (_, true) => r#"{"status":"cancelled"}"#,
            _ => r#"{"status":"in_queue"}"#,
        };
        Ok(HttpReply::new(HttpHead::new(200, |_| None, SystemTime::UNIX_EPOCH), body.into()))
    }
}

impl World {
    fn asked(&self) -> Vec<(u64, String)> {
        self.asked.lock().unwrap().clone()
    }
}

fn settings() -> Settings {
    Settings::new(Token::new("token").unwrap()).with_call_retry(RetryPolicy::never())
}

fn in_async(world: &Arc<World>) -> Client {
    async_client(settings(), world)
}

fn job() -> Job {
    Job::from_id("job-1".parse().unwrap())
}

fn options() -> WaitOptions {
    WaitOptions::default().with_schedule(FixedInterval(SECOND * 4)).with_deadline(SECOND * 10)
}

fn waited(world: &Arc<World>, options: &WaitOptions, way: &str) -> WaitError {
    match way {
        "async" => paused().block_on(async {
            kling_poll::wait(&in_async(world), &job(), options, |_| {}).await.map(drop).unwrap_err()
        }),
        "set" => paused().block_on(async {
            let mut set = JobSet::new();
            set.account(in_async(world), RateLimit::default()).add(&job(), options);
            loop {
                if let JobSetUpdate::Done(outcome) = set.next().await.unwrap().update {
                    return outcome.unwrap_err();
                }
            }
        }),
        _ => {
            let client = blocking_client(settings(), world, &VirtualClock::default());
            kling_poll::blocking::wait(&client, &job(), options, |_| {}).map(drop).unwrap_err()
        }
    }
}

fn call(at: u64, name: &str) -> (u64, String) {
    (at, name.to_owned())
}

#[test]
fn at_the_deadline_each_shell_leaves_or_cancels_at_the_same_moment_as_was_chosen() {
    let polls = [call(0, "status"), call(4, "status"), call(8, "status"), call(10, "status")];
    for way in ["async", "blocking", "set"] {
        let world = Arc::new(World::default());
        let error = waited(&world, &options(), way);
        assert!(error.is_deadline() && error.cancelling().is_none(), "{way}: {error}");
        assert_eq!(world.asked(), polls, "{way}");

        for deaf in [false, true] {
            let world = Arc::new(World { deaf, ..World::default() });
            let error = waited(&world, &options().with_at_deadline(OnDeadline::Cancel), way);
            assert!(error.is_deadline() && error.elapsed() == SECOND * 10, "{way}: {error}");
            let reply = error.cancelling().unwrap().as_ref().unwrap();
            assert_eq!(reply.outcome, CancelOutcome::Cancelled, "{way}");
            assert!(error.to_string().ends_with("the job was cancelled"), "{error}");
            let mut expected = polls.to_vec();
            expected.extend(vec![call(10, "cancel"); if deaf { 3 } else { 1 }]);
            expected.extend(deaf.then(|| call(10, "status")));
            assert_eq!(world.asked(), expected, "{way}");
        }
    }
}

#[test]
fn a_pause_that_the_server_asks_for_does_not_go_past_the_deadline_in_any_shell() {
    let polls = [call(0, "status"), call(10, "status")];
    for way in ["async", "blocking", "set"] {
        let world = Arc::new(World { busy: true, ..World::default() });
        let error = waited(&world, &options(), way);
        assert!(error.is_deadline() && error.elapsed() == SECOND * 10, "{way}: {error}");
        assert_eq!(world.asked(), polls, "{way}");

        let world = Arc::new(World { busy: true, ..World::default() });
        let error = waited(&world, &options().with_at_deadline(OnDeadline::Cancel), way);
        let reply = error.cancelling().unwrap().as_ref().unwrap();
        assert!(
            reply.outcome == CancelOutcome::Cancelled && error.elapsed() == SECOND * 10,
            "{way}: {error}"
        );
        assert_eq!(world.asked(), [&polls[..], &[call(10, "cancel")]].concat(), "{way}");
    }
}

#[test]
fn a_dropped_wait_leaves_the_job_unless_it_chose_to_cancel_which_is_told() {
    paused().block_on(async {
        let world = Arc::new(World::default());
        let client = in_async(&world);
        let _ = tokio::time::timeout(SECOND * 2, kling_poll::wait(&client, &job(), &options(), |_| {})).await;
        sleep(SECOND * 60).await;
        assert_eq!(world.asked(), [call(0, "status")]);

        let (told, mut heard) = mpsc::unbounded_channel();
        let cancelling = options().with_cancel_on_drop(move |id, outcome| {
            told.send((id.clone(), outcome.as_ref().unwrap().outcome)).unwrap();
        });
        let _ =
            tokio::time::timeout(SECOND * 2, kling_poll::wait(&client, &job(), &cancelling, |_| {})).await;
        assert_eq!(heard.recv().await, Some((job().id().clone(), CancelOutcome::Cancelled)));
        assert_eq!(world.asked()[1..], [call(60 + 2, "status"), call(60 + 4, "cancel")]);

        // A wait that ends by itself sends nothing more.
        let error = kling_poll::wait(&client, &job(), &cancelling, |_| {}).await.map(drop).unwrap_err();
        sleep(SECOND).await;
        assert!(error.is_cancelled() && heard.try_recv().is_err());
        assert_eq!(world.asked().iter().filter(|asked| asked.1 == "cancel").count(), 1);
    });
}
