//! The tasks of an async fleet: as many as calls are out at once, started when first needed, and used again.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use kling_transport::{Client, GetResult, GetStatus, PostCancel, Transport};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use super::{Answer, Errand, Question};

/// Tasks that end with this value, each in the midst of its call.
///
/// A task a call would be simpler, but its future holds a whole HTTP exchange, which would be allocated, moved and freed each time.
pub(super) struct Callers<T> {
    tasks: JoinSet<()>,
    /// The desks of tasks that have nothing to do, the last one used at the end.
    idle: Vec<Arc<Desk<T>>>,
    replies: UnboundedSender<Reply<T>>,
    answers: UnboundedReceiver<Reply<T>>,
}

type Work<T> = (Arc<Client<T>>, Question);

struct Reply<T> {
    question: Question,
    answer: Answer,
    /// None where the task is gone.
    desk: Option<Arc<Desk<T>>>,
}

impl<T: Transport + 'static> Callers<T> {
    pub(super) fn new() -> Self {
        let (replies, answers) = unbounded_channel();
        Self { tasks: JoinSet::new(), idle: Vec::new(), replies, answers }
    }

    /// Has a call made.
    pub(super) fn ask(&mut self, client: &Arc<Client<T>>, question: Question) {
        let desk = self.idle.pop().unwrap_or_else(|| self.start());
        desk.put((Arc::clone(client), question));
    }

    /// The next answer, whenever one comes.
    pub(super) fn poll_answer(&mut self, context: &mut Context<'_>) -> Poll<(Question, Answer)> {
        match ready!(self.answers.poll_recv(context)) {
            Some(Reply { question, answer, desk }) => {
                self.idle.extend(desk);
                Poll::Ready((question, answer))
            }
            None => Poll::Pending,
        }
    }

    fn start(&mut self) -> Arc<Desk<T>> {
        let desk = Arc::new(Desk(Mutex::new((None, None))));
        self.tasks.spawn(serve(Arc::clone(&desk), self.replies.clone()));
        desk
    }
}

async fn serve<T: Transport>(desk: Arc<Desk<T>>, replies: UnboundedSender<Reply<T>>) {
    loop {
        let (client, question) = poll_fn(|context| desk.poll_take(context)).await;
        let mut asked = Asked { question: Some(question), replies: &replies };
        if let Some(question) = &asked.question {
            let answer = question.span.around(carry(&client, question)).await;
            asked.reply(answer, Some(Arc::clone(&desk)));
        }
    }
}

/// Where work is laid for one task, a piece at a time: a channel takes two kilobytes, which counts where hundreds are in flight.
struct Desk<T>(Mutex<(Option<Work<T>>, Option<Waker>)>);

impl<T> Desk<T> {
    fn put(&self, work: Work<T>) {
        let mut desk = self.lock();
        desk.0 = Some(work);
        let waker = desk.1.take();
        drop(desk);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn poll_take(&self, context: &Context<'_>) -> Poll<Work<T>> {
        let mut desk = self.lock();
        match desk.0.take() {
            Some(work) => Poll::Ready(work),
            None => {
                desk.1 = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Nothing that could panic runs under the lock.
    fn lock(&self) -> MutexGuard<'_, (Option<Work<T>>, Option<Waker>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A question that gets an answer in any case: where its task ends in the midst of it, because a transport of somebody else's
/// panicked, it must not be waited for for ever.
struct Asked<'a, T> {
    question: Option<Question>,
    replies: &'a UnboundedSender<Reply<T>>,
}

impl<T> Asked<'_, T> {
    fn reply(&mut self, answer: Answer, desk: Option<Arc<Desk<T>>>) {
        if let Some(question) = self.question.take() {
            // Nobody listens any more where the fleet is gone.
            drop(self.replies.send(Reply { question, answer, desk }));
        }
    }
}

impl<T> Drop for Asked<'_, T> {
    fn drop(&mut self) {
        if let Some(errand) = self.question.as_ref().map(|question| question.errand) {
            self.reply(Answer::lost(errand), None);
        }
    }
}

async fn carry<T: Transport>(client: &Client<T>, question: &Question) -> Answer {
    let Question { id, timeout, .. } = question;
    match question.errand {
        Errand::Status => Answer::Status(client.call_once(&GetStatus(id), *timeout).await),
        Errand::Result => Answer::Result(client.call_once(&GetResult(id), *timeout).await),
        Errand::Cancel => Answer::Cancel(client.call_once(&PostCancel(id), *timeout).await),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kling_transport::{Failure, FailureKind, HttpReply, HttpRequest, Limits, Phase, Settings, Token};

    use super::*;
    use crate::{FleetMachine, Pace, Ticket};

    /// Breaks off every call, or panics.
    struct Broken {
        panics: bool,
    }

    impl Transport for Broken {
        async fn send(&self, _: HttpRequest, _: Limits) -> Result<HttpReply, Failure> {
            assert!(!self.panics, "a mistake of somebody else's");
            Err(Failure::new(Phase::Waiting, FailureKind::Broken, "cut"))
        }
    }

    /// Makes calls one after the other; how many tasks were started for them, and how many are left.
    fn after(calls: usize, panics: bool) -> (usize, usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let settings = Settings::new(Token::new("token").unwrap());
        let client = Arc::new(Client::with_transport(settings, Broken { panics }));
        let mut callers = Callers::new();
        runtime.block_on(async {
            for call in 0..calls {
                let (id, second) = (format!("id-{call}").parse().unwrap(), Duration::from_secs(1));
                let lane = FleetMachine::new().add_lane(client.settings().base(), Pace::default());
                callers.ask(&client, Question::new(lane, Ticket::default(), id, Errand::Status, second));
                let (question, answer) = poll_fn(|context| callers.poll_answer(context)).await;
                assert_eq!(question.id.as_str(), format!("id-{call}"));
                assert!(answer.error().is_some_and(kling_transport::Error::is_transient), "{answer:?}");
            }
        });
        (callers.tasks.len(), callers.idle.len())
    }

    #[test]
    fn calls_one_after_the_other_need_one_task() {
        assert_eq!(after(5, false), (1, 1));
    }

    #[test]
    fn a_call_whose_task_panics_is_answered_all_the_same_and_the_task_is_not_used_again() {
        assert_eq!(after(3, true), (3, 0));
    }
}
