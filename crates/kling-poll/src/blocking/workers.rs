//! The threads of a blocking fleet: as many as calls are out at once, started when first needed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use kling_transport::blocking::{Client, Transport};
use kling_transport::{GetResult, GetStatus, PostCancel};

use super::fleet::Signal;
use crate::{CallKind, CallRequest, CallResponse};

type Work<T> = (Arc<Client<T>>, CallRequest);

/// Threads that end with this value, each after the call that it is making.
pub(super) struct Workers<T> {
    work: Sender<Work<T>>,
    queue: Arc<Mutex<Receiver<Work<T>>>>,
    answers: Sender<Signal>,
    threads: usize,
    busy: usize,
}

impl<T: Transport + 'static> Workers<T> {
    pub(super) fn new(answers: Sender<Signal>) -> Self {
        let (work, queue) = mpsc::channel();
        Self { work, queue: Arc::new(Mutex::new(queue)), answers, threads: 0, busy: 0 }
    }

    /// How many calls are out.
    pub(super) const fn busy(&self) -> usize {
        self.busy
    }

    /// Has a call made; gives it back where the system has no thread for it.
    pub(super) fn send(&mut self, client: Arc<Client<T>>, question: CallRequest) -> Option<Work<T>> {
        if self.busy == self.threads {
            self.threads += usize::from(self.start());
        }
        if self.threads == 0 {
            return Some((client, question));
        }
        self.busy += 1;
        self.work.send((client, question)).err().map(|unsent| unsent.0)
    }

    /// Notes that an answer came.
    pub(super) const fn returned(&mut self) {
        self.busy = self.busy.saturating_sub(1);
    }

    fn start(&self) -> bool {
        let (queue, answers) = (Arc::clone(&self.queue), self.answers.clone());
        let thread = thread::Builder::new().name("kling-fleet".into());
        thread.spawn(move || work(&queue, &answers)).is_ok()
    }
}

fn work<T: Transport>(queue: &Mutex<Receiver<Work<T>>>, answers: &Sender<Signal>) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((client, question)) = next else { return };
        // A transport of somebody else's may panic: its question must not be waited for for ever.
        let call = || question.span.within(|| carry(&client, &question));
        let answer = catch_unwind(AssertUnwindSafe(call));
        let answer = answer.unwrap_or_else(|_| CallResponse::lost(question.errand));
        if answers.send(Some((question, answer))).is_err() {
            return;
        }
    }
}

/// Makes a call.
pub(super) fn carry<T: Transport>(client: &Client<T>, question: &CallRequest) -> CallResponse {
    let CallRequest { id, timeout, .. } = question;
    match question.errand {
        CallKind::Status => CallResponse::Status(client.call_without_retry(&GetStatus(id), *timeout)),
        CallKind::Result => CallResponse::Result(client.call_without_retry(&GetResult(id), *timeout)),
        CallKind::Cancel => CallResponse::Cancel(client.call_without_retry(&PostCancel(id), *timeout)),
    }
}
