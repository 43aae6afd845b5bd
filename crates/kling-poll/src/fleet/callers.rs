//! The tasks of an async fleet: as many as calls are out at once, started when first needed, and used again.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use kling_transport::{Client, GetResult, GetStatus, PostCancel, Transport};
use tokio::task::JoinSet;
use tokio::task::coop::consume_budget;

use super::{CallKind, CallRequest, CallResponse, LaneId, Shared};

/// Tasks that end with this value, each in the midst of its call.
///
/// A task a call would be simpler, but its future holds a whole HTTP exchange, which would be allocated, moved and freed each time.
pub(super) struct Callers<T> {
    tasks: JoinSet<()>,
    office: Arc<Office<T>>,
}

/// What all tasks of a fleet share.
struct Office<T> {
    shared: Arc<Shared>,
    /// One an account, in the order of their lanes.
    clients: Mutex<Vec<Arc<Client<T>>>>,
    /// The desks of tasks that have nothing to do, the last one used at the end.
    idle: Mutex<Vec<Arc<Desk>>>,
}

impl<T: Transport + 'static> Callers<T> {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        let office = Office { shared: Arc::clone(shared), clients: Mutex::default(), idle: Mutex::default() };
        Self { tasks: JoinSet::new(), office: Arc::new(office) }
    }

    /// Takes the client of a lane, which is the next one or has the place of one that is gone.
    pub(super) fn add_client(&self, lane: LaneId, client: Client<T>) {
        let (mut clients, client) = (lock(&self.office.clients), Arc::new(client));
        match clients.get_mut(lane.index()) {
            Some(place) => *place = client,
            None => clients.push(client),
        }
    }

    /// Has a call made.
    pub(super) fn ask(&mut self, question: CallRequest) {
        let idle = lock(&self.office.idle).pop();
        idle.unwrap_or_else(|| self.start()).put(question);
    }

    fn start(&mut self) -> Arc<Desk> {
        let desk = Arc::default();
        self.tasks.spawn(serve(Arc::clone(&self.office), Arc::clone(&desk)));
        desk
    }
}

impl<T> Office<T> {
    fn client(&self, lane: LaneId) -> Arc<Client<T>> {
        Arc::clone(&lock(&self.clients)[lane.index()])
    }
}

/// Makes calls. Who brings an answer goes on with the next question, if there is one: nobody has to be woken for it, and what the
/// allocator just got back is used at once.
async fn serve<T: Transport>(office: Arc<Office<T>>, desk: Arc<Desk>) {
    loop {
        let mut next = Some(poll_fn(|context| desk.poll_take(context)).await);
        while let Some(question) = next {
            let asked = Asked { question: Some(question), shared: &office.shared };
            next = asked.carried_by(&office).await;
            // Beside a transport that never waits, other tasks would never run.
            consume_budget().await;
        }
        lock(&office.idle).push(Arc::clone(&desk));
    }
}

/// Where work is laid for one task, a piece at a time: a channel takes two kilobytes, which counts where hundreds are in flight.
#[derive(Default)]
struct Desk(Mutex<(Option<CallRequest>, Option<Waker>)>);

impl Desk {
    fn put(&self, question: CallRequest) {
        let mut desk = lock(&self.0);
        desk.0 = Some(question);
        let waker = desk.1.take();
        drop(desk);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn poll_take(&self, context: &Context<'_>) -> Poll<CallRequest> {
        let mut desk = lock(&self.0);
        match desk.0.take() {
            Some(question) => Poll::Ready(question),
            None => {
                desk.1 = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Nothing that could panic runs under these locks.
fn lock<V>(mutex: &Mutex<V>) -> MutexGuard<'_, V> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A question that gets an answer in any case: where its task ends in the midst of it, because a transport of somebody else's
/// panicked, it must not be waited for for ever.
struct Asked<'a> {
    question: Option<CallRequest>,
    shared: &'a Shared,
}

impl Asked<'_> {
    /// Makes the call; the question that follows it, if it is to be asked at once.
    async fn carried_by<T: Transport>(mut self, office: &Office<T>) -> Option<CallRequest> {
        let question = self.question.as_ref()?;
        let client = office.client(question.lane);
        let answer = question.span.around(carry(&client, question)).await;
        self.question.take().and_then(|question| self.shared.exchange(&question, answer))
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        if let Some(question) = self.question.take() {
            let answer = CallResponse::lost(question.errand);
            self.shared.change(|machine, now| machine.answer(now, fastrand::f64(), &question, answer));
        }
    }
}

async fn carry<T: Transport>(client: &Client<T>, question: &CallRequest) -> CallResponse {
    let CallRequest { id, timeout, .. } = question;
    match question.errand {
        CallKind::Status => CallResponse::Status(client.call_without_retry(&GetStatus(id), *timeout).await),
        CallKind::Result => CallResponse::Result(client.call_without_retry(&GetResult(id), *timeout).await),
        CallKind::Cancel => CallResponse::Cancel(client.call_without_retry(&PostCancel(id), *timeout).await),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use kling_transport::{
        DynModel, HttpHead, HttpReply, HttpRequest, Job, Limits, Phase, Settings, Token, TransportError,
        TransportErrorKind,
    };

    use super::*;
    use crate::fleet::{Account, Turn};
    use crate::{FixedInterval, JobSet, JobSetEvent, JobSetUpdate, RateLimit, WaitOptions};

    /// Breaks off every call, or panics.
    struct Broken {
        panics: bool,
    }

    impl Transport for Broken {
        async fn send(&self, _: HttpRequest, _: Limits) -> Result<HttpReply, TransportError> {
            assert!(!self.panics, "a mistake of somebody else's");
            Err(TransportError::new(Phase::Waiting, TransportErrorKind::Broken, "cut"))
        }
    }

    /// Waits for jobs one after the other, each of whose calls breaks off; how many tasks were started, and how many are left.
    fn after(jobs: usize, panics: bool) -> (usize, usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let client = Client::with_transport(Settings::new(Token::new("token").unwrap()), Broken { panics });
        let shared = Arc::new(Shared::new(false, || Duration::ZERO));
        let account: Account = Account::new(&shared, client.settings().base(), RateLimit::default());
        let mut callers = Callers::new(&shared);
        callers.add_client(account.lane(), client);
        runtime.block_on(async {
            for job in 0..jobs {
                let (id, hasty) =
                    (format!("id-{job}").parse().unwrap(), WaitOptions::default().with_max_errors(0));
                account.add(&Job::from_id(id), &hasty);
                let event = poll_fn(|context| poll_event(&shared, &mut callers, context)).await;
                assert_eq!(event.request_id.as_str(), format!("id-{job}"));
                assert!(matches!(event.news, JobSetUpdate::Done(Err(_))), "{event:?}");
            }
        });
        (callers.tasks.len(), lock(&callers.office.idle).len())
    }

    fn poll_event(
        shared: &Shared,
        callers: &mut Callers<Broken>,
        context: &Context<'_>,
    ) -> Poll<Box<JobSetEvent>> {
        loop {
            match shared.turn(context.waker()) {
                Turn::Tell(event) => return Poll::Ready(event),
                Turn::Ask(question) => callers.ask(question),
                Turn::Wait(_) | Turn::Rest => return Poll::Pending,
            }
        }
    }

    #[test]
    fn calls_one_after_the_other_need_one_task() {
        assert_eq!(after(5, false), (1, 1));
    }

    /// Tells at once that a job goes on.
    struct Instant;

    impl Transport for Instant {
        async fn send(&self, _: HttpRequest, _: Limits) -> Result<HttpReply, TransportError> {
            let head = HttpHead::new(200, |_| None, SystemTime::UNIX_EPOCH);
            Ok(HttpReply::new(head, r#"{"status":"in_progress"}"#.into()))
        }
    }

    #[test]
    fn answers_that_come_at_once_leave_room_for_other_tasks() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let client = Client::with_transport(Settings::new(Token::new("token").unwrap()), Instant);
        let mut fleet: JobSet<DynModel, _> = JobSet::new();
        let hasty = WaitOptions::default().with_schedule(FixedInterval(Duration::ZERO));
        let account = fleet.account(client, RateLimit::default());
        account.add(&Job::from_id("id-1".parse().unwrap()), &hasty);
        runtime.block_on(async {
            assert!(fleet.next().await.is_some_and(|event| matches!(event.news, JobSetUpdate::Update(_))));
            let waiting = tokio::spawn(async move { fleet.next().await.is_some() });
            while account.stats().polls < 1000 {
                tokio::task::yield_now().await;
            }
            waiting.abort();
        });
    }

    #[test]
    fn a_call_whose_task_panics_is_answered_all_the_same_and_the_task_is_not_used_again() {
        assert_eq!(after(3, true), (3, 0));
    }
}
