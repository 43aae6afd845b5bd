//! Many inputs and jobs at once: each is submitted, recorded and waited for.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use kling_poll::{Account, JobKey, JobSetEvent as PollEvent, JobSetUpdate, Update, WaitOptions};
use kling_transport::{BoxFuture, CancelReply, DynModel, JobModel, ModelId};
use kling_types::ModelInput;
use serde_json::Value;

use crate::journal_writer::JobSetJournal;
use crate::{Client, CompletedJob, Error, Job};

/// The jobs that are unfinished at once by default.
const MAX_UNFINISHED: usize = 50;

/// An event of one item of a set. `kling::blocking` has the same events of blocking jobs.
#[derive(Debug)]
#[non_exhaustive]
pub struct JobSetEvent<K, U = JobUpdate> {
    /// The caller's key of the item.
    pub key: K,
    /// The content of the event.
    pub update: U,
}

/// The content of an event, with the types of the job and of its result.
#[derive(Debug)]
#[non_exhaustive]
pub enum JobUpdate<J = Job, C = CompletedJob> {
    /// The input has a job: it was submitted, or resumed from an earlier run.
    Submitted(J),
    /// The state or the place in the queue changed, or an error is being retried.
    Changed(Update),
    /// The outcome of a cancel. An error means that it is unknown. The wait continues to the end of the job.
    Cancelling(Result<CancelReply, Error>),
    /// The item is over: its result, or the error of its submit or wait. No further event of the item follows.
    Done(Result<C, Error>),
}

/// An event of a set of jobs of the model `M`.
pub(crate) type ModelEvent<K, M> = JobSetEvent<K, JobUpdate<Job<M>, CompletedJob<M>>>;

/// An input on its way to a job.
type Launch<M> = BoxFuture<'static, Result<Job<M>, Error>>;

/// The part of a set that the async and the blocking face share.
pub(crate) struct Items<K, M: JobModel> {
    client: Client,
    account: Account<M>,
    journal: Arc<JobSetJournal>,
    waiting: VecDeque<(K, Launch<M>)>,
    jobs: HashMap<JobKey, (K, Job<M>)>,
    pub(crate) ready: VecDeque<ModelEvent<K, M>>,
    pub(crate) options: WaitOptions,
    pub(crate) max_unfinished: usize,
}

impl<K: Clone, M: JobModel> Items<K, M> {
    pub(crate) fn new(client: &Client, account: Account<M>) -> Self {
        let (waiting, jobs, ready) = (VecDeque::new(), HashMap::new(), VecDeque::new());
        let (client, journal, options) = (client.clone(), Arc::default(), client.wait_options.clone());
        Self { client, account, journal, waiting, jobs, ready, options, max_unfinished: MAX_UNFINISHED }
    }

    pub(crate) fn run<I: ModelInput<Model = M> + Clone + 'static>(&mut self, key: K, input: &I) {
        let (client, input) = (self.client.clone(), input.clone());
        self.waiting.push_back((key, Box::pin(async move { client.obtain(&input).await })));
    }

    pub(crate) fn wait(&mut self, key: K, job: Job<M>) {
        let added = self.account.add(job.job_ref(), &self.options);
        self.jobs.insert(added, (key, job));
    }

    /// Returns the next input that may be submitted beside so many submits.
    pub(crate) fn next_launch(&mut self, submitting: usize) -> Option<(K, Launch<M>)> {
        (self.jobs.len() + submitting < self.max_unfinished).then(|| self.waiting.pop_front()).flatten()
    }

    pub(crate) fn launched(&mut self, key: K, outcome: Result<Job<M>, Error>) {
        let update = match outcome {
            Ok(job) => match job.recorded() {
                Some(completed) => {
                    self.ready.push_back(JobSetEvent { key: key.clone(), update: JobUpdate::Submitted(job) });
                    JobUpdate::Done(Ok(completed))
                }
                None => {
                    self.wait(key.clone(), job.clone());
                    JobUpdate::Submitted(job)
                }
            },
            Err(error) => JobUpdate::Done(Err(error)),
        };
        self.ready.push_back(JobSetEvent { key, update });
    }

    /// Takes an event of the wait. Returns its record, which must be run before the event is given out.
    pub(crate) fn polled(&mut self, event: PollEvent<M>) -> BoxFuture<'static, ()> {
        let found = match &event.update {
            JobSetUpdate::Done(_) => self.jobs.remove(&event.key),
            _ => self.jobs.get(&event.key).cloned(),
        };
        let recorded = event.clone();
        let update = match event.update {
            JobSetUpdate::Update(update) => Some(JobUpdate::Changed(update)),
            JobSetUpdate::Cancelling(outcome) => Some(JobUpdate::Cancelling(outcome.map_err(Error::from))),
            JobSetUpdate::Done(outcome) => found.as_ref().map(|(_, job)| {
                JobUpdate::Done(match outcome {
                    Ok(result) => Ok(CompletedJob::new(job.clone(), result.reply().clone())),
                    Err(error) => Err(error.into()),
                })
            }),
            _ => None,
        };
        if let (Some((key, _)), Some(update)) = (found, update) {
            self.ready.push_back(JobSetEvent { key, update });
        }
        let (client, journal) = (self.client.clone(), Arc::clone(&self.journal));
        Box::pin(async move { client.record(journal, recorded).await })
    }

    pub(crate) fn cancel(&self, key: &K) -> bool
    where
        K: PartialEq,
    {
        self.find(key).is_some_and(|at| self.account.cancel(at))
    }

    pub(crate) fn detach(&mut self, key: &K) -> Option<Job<M>>
    where
        K: PartialEq,
    {
        let at = self.find(key)?;
        self.account.detach(at);
        let (_, job) = self.jobs.remove(&at)?;
        self.journal.release(job.id());
        Some(job)
    }

    fn find(&self, key: &K) -> Option<JobKey>
    where
        K: PartialEq,
    {
        self.jobs.iter().find(|(_, (other, _))| other == key).map(|(at, _)| *at)
    }

    #[cfg(feature = "async")]
    pub(crate) fn is_empty(&self) -> bool {
        self.jobs.is_empty() && self.waiting.is_empty() && self.ready.is_empty()
    }
}

impl<K: Clone> Items<K, DynModel> {
    pub(crate) fn run_json(&mut self, key: K, model: &ModelId, input: &Value) {
        let (client, model, input) = (self.client.clone(), model.clone(), input.clone());
        self.waiting.push_back((key, Box::pin(async move { client.obtain_json(&model, &input).await })));
    }
}

#[cfg(feature = "async")]
pub use self::stream::JobSet;

#[cfg(feature = "async")]
mod stream {
    use std::fmt;
    use std::future::poll_fn;
    use std::pin::Pin;
    use std::task::{Context, Poll, ready};

    use futures_core::Stream;
    use kling_poll::{JobSetStats, RateLimit};
    use tokio::task::JoinSet;

    use super::*;

    /// The submits that are made at once.
    const MAX_SUBMITS: usize = 8;

    /// Submits inputs, waits for their jobs and for other ones, and records everything. `blocking::JobSet` is its twin.
    ///
    /// It is a stream of events, each with the caller's key. An input is resumed or submitted as by [`Client::run`], so that a program that
    /// crashed can run again without paying twice. Dropping the set leaves the jobs running: see [`Client::unfinished`].
    ///
    /// At most 8 submits are made at once, and 64 polls beside those at a deadline.
    ///
    /// ```no_run
    /// # use kling::{Client, JobSet, JobUpdate, models::kling_1_6_pro_image_to_video::Input};
    /// # async fn run(client: Client, inputs: Vec<Input>) -> Result<(), kling::Error> {
    /// let mut set = JobSet::new(&client);
    /// for (row, input) in inputs.iter().enumerate() {
    ///     set.run(row, input);
    /// }
    /// while let Some(event) = set.next().await {
    ///     match event.update {
    ///         JobUpdate::Done(Ok(completed)) => println!("{}: {:?}", event.key, completed.save("clips").await?),
    ///         JobUpdate::Done(Err(error)) => eprintln!("{}: {error}", event.key),
    ///         _ => {}
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use = "a job set runs while it is awaited"]
    pub struct JobSet<K, M: JobModel = DynModel> {
        set: kling_poll::JobSet<M>,
        items: Items<K, M>,
        submits: JoinSet<(K, Result<Job<M>, Error>)>,
        record: Option<BoxFuture<'static, ()>>,
    }

    impl<K: Clone + Send + 'static, M: JobModel> JobSet<K, M> {
        /// Returns an empty set.
        pub fn new(client: &Client) -> Self {
            let mut set = kling_poll::JobSet::new();
            let account = set.account(client.api().clone(), RateLimit::default());
            Self { set, items: Items::new(client, account), submits: JoinSet::new(), record: None }
        }

        /// Sets how many jobs may be unfinished at once, at least 1. The default is 50. Further inputs wait.
        pub fn with_max_unfinished(mut self, jobs: usize) -> Self {
            self.items.max_unfinished = jobs.max(1);
            self
        }

        /// Sets the options of the waits that are added from now on. The default are those of the client.
        pub fn with_options(mut self, options: WaitOptions) -> Self {
            self.items.options = options;
            self
        }

        /// Adds an input, which is resumed or submitted as by [`Client::run`]. **This may cost money.**
        ///
        /// Equal inputs are one request, so a second one is refused while the first is out. For several clips of one input,
        /// build the client with [`OnDuplicate::Allow`](crate::journal::OnDuplicate::Allow).
        pub fn run<I: ModelInput<Model = M> + Clone + 'static>(&mut self, key: K, input: &I) {
            self.items.run(key, input);
        }

        /// Adds a job. Its wait begins at once, even beyond the limit of unfinished jobs.
        pub fn wait(&mut self, key: K, job: Job<M>) {
            self.items.wait(key, job);
        }

        /// Cancels the job of an item as soon as possible. The outcome is an event. Returns whether the item has a job.
        pub fn cancel(&self, key: &K) -> bool
        where
            K: PartialEq,
        {
            self.items.cancel(key)
        }

        /// Removes the job of an item from the set. The job keeps running.
        pub fn detach(&mut self, key: &K) -> Option<Job<M>>
        where
            K: PartialEq,
        {
            self.items.detach(key)
        }

        /// Returns the next event of any item, or `None` if every item is over. Dropping the future loses no event.
        pub async fn next(&mut self) -> Option<ModelEvent<K, M>> {
            poll_fn(|context| self.poll_event(context)).await
        }

        /// Returns the figures of the waits.
        #[must_use]
        pub fn stats(&self) -> JobSetStats {
            self.set.stats()
        }

        fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Option<ModelEvent<K, M>>> {
            loop {
                if let Some(record) = &mut self.record {
                    ready!(record.as_mut().poll(context));
                    self.record = None;
                }
                if let Some(event) = self.items.ready.pop_front() {
                    return Poll::Ready(Some(event));
                }
                while self.submits.len() < MAX_SUBMITS
                    && let Some((key, launch)) = self.items.next_launch(self.submits.len())
                {
                    self.submits.spawn(async move { (key, launch.await) });
                }
                if let Poll::Ready(Some(submitted)) = self.submits.poll_join_next(context) {
                    match submitted {
                        Ok((key, outcome)) => self.items.launched(key, outcome),
                        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                        // Only a runtime that shuts down stops a task.
                        Err(_) => {}
                    }
                    continue;
                }
                match Pin::new(&mut self.set).poll_next(context) {
                    Poll::Ready(Some(event)) => self.record = Some(self.items.polled(event)),
                    Poll::Ready(None) if self.submits.is_empty() && self.items.is_empty() => {
                        return Poll::Ready(None);
                    }
                    Poll::Ready(None) | Poll::Pending => return Poll::Pending,
                }
            }
        }
    }

    impl<K: Clone + Send + 'static> JobSet<K, DynModel> {
        /// Adds an input in JSON, which is checked and submitted as by [`Client::run_json`]. **This may cost money.**
        pub fn run_json(&mut self, key: K, model: &ModelId, input: &Value) {
            self.items.run_json(key, model, input);
        }
    }

    impl<K: Clone + Send + 'static, M: JobModel> Stream for JobSet<K, M> {
        type Item = ModelEvent<K, M>;

        fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            self.poll_event(context)
        }
    }

    // Nothing in it is pinned in place.
    impl<K, M: JobModel> Unpin for JobSet<K, M> {}

    impl<K, M: JobModel> fmt::Debug for JobSet<K, M> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("JobSet").field("set", &self.set).finish_non_exhaustive()
        }
    }
}
