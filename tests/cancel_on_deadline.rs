//! Unfinished jobs at the deadline and on drop, in virtual time: detached or cancelled.

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

/// A server whose job stays in the queue until it is cancelled.
#[derive(Debug, Default)]
struct Server {
    /// Whether the replies to cancels are lost.
    loses_cancels: bool,
    /// Whether the reply to a status poll is 429 with a pause of twenty seconds.
    is_busy: bool,
    cancelled: Mutex<bool>,
    calls: Mutex<Vec<(u64, String)>>,
}

impl virtual_time::Server for Server {
    fn reply(&self, request: &HttpRequest, _: Limits, now: Duration) -> Result<HttpReply, TransportError> {
        let call = request.url().path().rsplit('/').next().unwrap_or_default().to_owned();
        self.calls.lock().unwrap().push((now.as_secs(), call.clone()));
        let mut cancelled = self.cancelled.lock().unwrap();
        *cancelled |= call == "cancel";
        if call == "cancel" && self.loses_cancels {
            return Err(TransportError::new(Phase::Waiting, TransportErrorKind::Broken, "reset"));
        }
        if call == "status" && self.is_busy {
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

impl Server {
    fn calls(&self) -> Vec<(u64, String)> {
        self.calls.lock().unwrap().clone()
    }
}

fn settings() -> Settings {
    Settings::new(Token::new("token").unwrap()).with_call_retry(RetryPolicy::never())
}

fn in_async(server: &Arc<Server>) -> Client {
    async_client(settings(), server)
}

fn job() -> Job {
    Job::from_id("job-1".parse().unwrap())
}

fn options() -> WaitOptions {
    WaitOptions::default().with_schedule(FixedInterval(SECOND * 4)).with_deadline(SECOND * 10)
}

fn wait(server: &Arc<Server>, options: &WaitOptions, client: &str) -> WaitError {
    match client {
        "async" => paused().block_on(async {
            kling_poll::wait(&in_async(server), &job(), options, |_| {}).await.map(drop).unwrap_err()
        }),
        "set" => paused().block_on(async {
            let mut set = JobSet::new();
            set.account(in_async(server), RateLimit::default()).add(&job(), options);
            loop {
                if let JobSetUpdate::Done(outcome) = set.next().await.unwrap().update {
                    return outcome.unwrap_err();
                }
            }
        }),
        _ => {
            let client = blocking_client(settings(), server, &VirtualClock::default());
            kling_poll::blocking::wait(&client, &job(), options, |_| {}).map(drop).unwrap_err()
        }
    }
}

fn call(at: u64, name: &str) -> (u64, String) {
    (at, name.to_owned())
}

#[test]
fn at_the_deadline_each_client_detaches_or_cancels_at_the_same_time() {
    let polls = [call(0, "status"), call(4, "status"), call(8, "status"), call(10, "status")];
    for client in ["async", "blocking", "set"] {
        let server = Arc::new(Server::default());
        let error = wait(&server, &options(), client);
        assert!(error.is_deadline() && error.cancelling().is_none(), "{client}: {error}");
        assert_eq!(server.calls(), polls, "{client}");

        for loses_cancels in [false, true] {
            let server = Arc::new(Server { loses_cancels, ..Server::default() });
            let error = wait(&server, &options().with_at_deadline(OnDeadline::Cancel), client);
            assert!(error.is_deadline() && error.elapsed() == SECOND * 10, "{client}: {error}");
            let reply = error.cancelling().unwrap().as_ref().unwrap();
            assert_eq!(reply.outcome, CancelOutcome::Cancelled, "{client}");
            assert!(error.to_string().ends_with("the job was cancelled"), "{error}");
            let mut expected = polls.to_vec();
            expected.extend(vec![call(10, "cancel"); if loses_cancels { 3 } else { 1 }]);
            expected.extend(loses_cancels.then(|| call(10, "status")));
            assert_eq!(server.calls(), expected, "{client}");
        }
    }
}

#[test]
fn a_pause_asked_by_the_server_ends_at_the_deadline_in_each_client() {
    let polls = [call(0, "status"), call(10, "status")];
    for client in ["async", "blocking", "set"] {
        let server = Arc::new(Server { is_busy: true, ..Server::default() });
        let error = wait(&server, &options(), client);
        assert!(error.is_deadline() && error.elapsed() == SECOND * 10, "{client}: {error}");
        assert_eq!(server.calls(), polls, "{client}");

        let server = Arc::new(Server { is_busy: true, ..Server::default() });
        let error = wait(&server, &options().with_at_deadline(OnDeadline::Cancel), client);
        let reply = error.cancelling().unwrap().as_ref().unwrap();
        assert!(
            reply.outcome == CancelOutcome::Cancelled && error.elapsed() == SECOND * 10,
            "{client}: {error}"
        );
        assert_eq!(server.calls(), [&polls[..], &[call(10, "cancel")]].concat(), "{client}");
    }
}

#[test]
fn a_dropped_wait_cancels_the_job_only_by_option() {
    paused().block_on(async {
        let server = Arc::new(Server::default());
        let client = in_async(&server);
        let _ = tokio::time::timeout(SECOND * 2, kling_poll::wait(&client, &job(), &options(), |_| {})).await;
        sleep(SECOND * 60).await;
        assert_eq!(server.calls(), [call(0, "status")]);

        let (sender, mut receiver) = mpsc::unbounded_channel();
        let cancelling = options().with_cancel_on_drop(move |id, outcome| {
            sender.send((id.clone(), outcome.as_ref().unwrap().outcome)).unwrap();
        });
        let _ =
            tokio::time::timeout(SECOND * 2, kling_poll::wait(&client, &job(), &cancelling, |_| {})).await;
        assert_eq!(receiver.recv().await, Some((job().id().clone(), CancelOutcome::Cancelled)));
        assert_eq!(server.calls()[1..], [call(60 + 2, "status"), call(60 + 4, "cancel")]);

        // A wait that ends by itself sends nothing more.
        let error = kling_poll::wait(&client, &job(), &cancelling, |_| {}).await.map(drop).unwrap_err();
        sleep(SECOND).await;
        assert!(error.is_cancelled() && receiver.try_recv().is_err());
        assert_eq!(server.calls().iter().filter(|call| call.1 == "cancel").count(), 1);
    });
}
