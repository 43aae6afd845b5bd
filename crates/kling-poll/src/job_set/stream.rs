//! The async job set: a stream of events.

use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use kling_transport::{Client, DynModel, JobModel, TokioRuntime};
use tokio::time::{Instant, Sleep, sleep_until};

use super::machine::NextStep;
use super::shared::Shared;
use super::{Account, JobSetEvent, JobSetStats, RateLimit};

/// Waits for any number of jobs at once; needs tokio. `blocking::JobSet` is an iterator for code without an async runtime.
///
/// A bounded number of calls serves all jobs: a job that waits needs no task and a few hundred bytes. The set runs while
/// [`JobSet::next`] is awaited or the stream is polled, so a slow reader slows the polls and no events pile up. Dropping the
/// set leaves all jobs running. They can be added to another set by their ids.
///
/// ```no_run
/// use kling_poll::{JobSet, JobSetUpdate, RateLimit, WaitOptions};
/// use kling_transport::{Client, Job};
///
/// # async fn run(jobs: Vec<Job>) -> Result<(), kling_transport::Error> {
/// let mut set = JobSet::new();
/// let account = set.account(Client::from_env()?, RateLimit::default());
/// for job in &jobs {
///     account.add(job, &WaitOptions::default());
/// }
/// while let Some(event) = set.next().await {
///     match event.update {
///         JobSetUpdate::Done(Ok(done)) => println!("{}: {}", event.request_id, done.output()),
///         JobSetUpdate::Done(Err(error)) => println!("{error}"),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a job set runs while it is awaited"]
pub struct JobSet<M: JobModel = DynModel> {
    shared: Arc<Shared>,
    epoch: Instant,
    sleep: Option<Pin<Box<Sleep>>>,
    model: PhantomData<fn() -> M>,
}

impl<M: JobModel> JobSet<M> {
    /// A set that ends with its last job. More jobs can be added afterwards, and it continues.
    pub fn new() -> Self {
        Self::with(false)
    }

    /// A set that waits for further jobs while it has an [`Account`].
    pub fn open() -> Self {
        Self::with(true)
    }

    fn with(stays_open: bool) -> Self {
        let shared = Shared::new(TokioRuntime, stays_open);
        Self { shared, epoch: Instant::now(), sleep: None, model: PhantomData }
    }

    /// Adds an account with a client and a rate limit of its own.
    pub fn account(&mut self, client: Client, limit: RateLimit) -> Account<M> {
        Account::new(&self.shared, client, limit)
    }

    /// Returns the next event of any job, or `None` if no job is left.
    ///
    /// Dropping the future loses no event.
    pub async fn next(&mut self) -> Option<JobSetEvent<M>> {
        poll_fn(|context| self.poll_event(context)).await
    }

    /// Returns the figures.
    pub fn stats(&self) -> JobSetStats {
        self.shared.stats()
    }

    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Option<JobSetEvent<M>>> {
        loop {
            match self.shared.next(context.waker()) {
                NextStep::Emit(event) => return Poll::Ready(Some(JobSetEvent::typed(*event))),
                NextStep::Send(call) => {
                    tokio::spawn(call.run());
                }
                NextStep::Sleep(due) => ready!(self.poll_sleep(due, context)),
                NextStep::Finish => return Poll::Ready(None),
            }
        }
    }

    /// Sleeps until a moment. Calls and accounts wake the task earlier.
    fn poll_sleep(&mut self, due: Option<Duration>, context: &mut Context<'_>) -> Poll<()> {
        let Some(due) = due.and_then(|due| self.epoch.checked_add(due)) else { return Poll::Pending };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if sleep.deadline() != due {
            sleep.as_mut().reset(due);
        }
        sleep.as_mut().poll(context)
    }
}

impl<M: JobModel> Stream for JobSet<M> {
    type Item = JobSetEvent<M>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<JobSetEvent<M>>> {
        self.poll_event(context)
    }
}

impl<M: JobModel> Default for JobSet<M> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;
    use std::time::SystemTime;

    use kling_transport::{
        BoxFuture, HttpHead, HttpReply, HttpRequest, Job, Limits, Phase, Settings, Token, Transport,
        TransportError, TransportErrorKind,
    };

    use super::*;
    use crate::{FixedInterval, JobSetUpdate, WaitOptions};

    /// Breaks every call, or panics.
    struct Broken {
        panics: bool,
    }

    impl Transport for Broken {
        fn send(&self, _: HttpRequest, _: Limits) -> BoxFuture<'_, Result<HttpReply, TransportError>> {
            Box::pin(async {
                assert!(!self.panics, "a fault of the transport");
                Err(TransportError::new(Phase::Waiting, TransportErrorKind::Broken, "cut"))
            })
        }
    }

    /// Replies at once that the job runs.
    struct Running;

    impl Transport for Running {
        fn send(&self, _: HttpRequest, _: Limits) -> BoxFuture<'_, Result<HttpReply, TransportError>> {
            let head = HttpHead::new(200, |_| None, SystemTime::UNIX_EPOCH);
            Box::pin(ready(Ok(HttpReply::new(head, r#"{"status":"in_progress"}"#.into()))))
        }
    }

    fn client(transport: impl Transport) -> Client {
        Client::with_transport(Settings::new(Token::new("token").unwrap()), transport)
    }

    fn job(number: usize) -> Job {
        Job::from_id(format!("id-{number}").parse().unwrap())
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
    }

    #[test]
    fn a_call_that_breaks_or_panics_is_an_error_of_its_job() {
        for panics in [false, true] {
            runtime().block_on(async {
                let mut set: JobSet = JobSet::new();
                let account = set.account(client(Broken { panics }), RateLimit::new(1));
                for number in 0..3 {
                    account.add(&job(number), &WaitOptions::default().with_max_errors(0));
                }
                let mut ids = Vec::new();
                while let Some(event) = set.next().await {
                    assert!(matches!(event.update, JobSetUpdate::Done(Err(_))), "{event:?}");
                    ids.push(event.request_id.to_string());
                }
                assert_eq!(ids, ["id-0", "id-1", "id-2"]);
            });
        }
    }

    #[test]
    fn immediate_replies_leave_room_for_other_tasks() {
        runtime().block_on(async {
            let mut set: JobSet = JobSet::new();
            let account = set.account(client(Running), RateLimit::default());
            account.add(&job(1), &WaitOptions::default().with_schedule(FixedInterval(Duration::ZERO)));
            assert!(set.next().await.is_some_and(|event| matches!(event.update, JobSetUpdate::Update(_))));
            let waiting = tokio::spawn(async move { set.next().await.is_some() });
            while account.stats().polls < 1000 {
                tokio::task::yield_now().await;
            }
            waiting.abort();
        });
    }

    #[test]
    fn a_set_forgets_accounts_without_handles_and_jobs() {
        let mut set: JobSet = JobSet::open();
        let kept = set.account(client(Running), RateLimit::default());
        for number in 0..100 {
            let account = set.account(client(Running), RateLimit::default());
            let (clone, key) = (account.clone(), account.add(&job(number), &WaitOptions::default()));
            drop(account);
            assert!(clone.detach(key).is_some());
        }
        assert_eq!(set.shared.accounts(), 1);
        drop(kept);
        assert!(runtime().block_on(set.next()).is_none());
        assert_eq!(set.shared.accounts(), 0);
    }
}
