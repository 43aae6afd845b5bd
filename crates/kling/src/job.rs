//! The handle of one job: wait, status, result, cancel.

use std::fmt;
use std::future::IntoFuture;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kling_journal::{Entry, EntryLock};
use kling_poll::{Update, WaitOptions};
use kling_transport::{
    BoxFuture, CancelReply, DynModel, Job as JobRef, JobModel, ModelId, RequestId, ResultReply, StatusReply,
};
use serde::{Serialize, Serializer};

use crate::client::lock;
use crate::{Client, CompletedJob, Error};

/// A submitted job. Await it for its result, or see [`Job::wait`].
///
/// Dropping the handle leaves the job running. The job is in the journal, and other processes may resume it from then on.
///
/// A handle serialises as plain data, without a token. [`Client::attach`] makes a handle of this data, in any process:
///
/// ```no_run
/// # async fn run(client: kling::Client, job: kling::Job) -> Result<(), Box<dyn std::error::Error>> {
/// let text = serde_json::to_string(&job)?;
/// let job: kling::Job = client.attach(serde_json::from_str(&text)?).await;
/// let completed = job.await?;
/// # Ok(())
/// # }
/// ```
pub struct Job<M: JobModel = DynModel>(Arc<Handle<M>>);

struct Handle<M: JobModel> {
    client: Client,
    job: JobRef<M>,
    /// The recorded path of the outputs.
    output_path: Option<PathBuf>,
    /// The absolute paths of the files that hold outputs.
    saved: Mutex<Vec<PathBuf>>,
    /// The result, if the journal has it and every output is on disk.
    recorded: Option<ResultReply>,
    /// Keeps other processes away from the job.
    lock: Option<Arc<EntryLock>>,
}

impl<M: JobModel> Job<M> {
    pub(crate) fn new(
        client: Client,
        job: JobRef<M>,
        entry: Option<&Entry>,
        lock: Option<EntryLock>,
        recorded: Option<ResultReply>,
    ) -> Self {
        let files = entry.map(Entry::files).unwrap_or_default();
        let saved = Mutex::new(files.iter().map(PathBuf::from).filter(|file| file.exists()).collect());
        let output_path = entry.and_then(|entry| entry.intent().output().map(PathBuf::from));
        let lock = lock.map(Arc::new);
        Self(Arc::new(Handle { client, job, output_path, saved, recorded, lock }))
    }

    /// Returns the request id.
    #[must_use]
    pub fn id(&self) -> &RequestId {
        self.0.job.id()
    }

    /// Returns the model, if it is known.
    #[must_use]
    pub fn model(&self) -> Option<&ModelId> {
        self.0.job.model()
    }

    /// Returns the facts of the job as plain data.
    #[must_use]
    pub fn job_ref(&self) -> &JobRef<M> {
        &self.0.job
    }

    /// Returns the path that the submit recorded for the outputs, if it recorded one.
    #[must_use]
    pub fn output_path(&self) -> Option<&PathBuf> {
        self.0.output_path.as_ref()
    }

    /// Whether the handle keeps other processes away from the job. A job without a journal entry is not locked.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.0.lock.is_some()
    }

    /// Returns a wait until the job is over, with the client's options. It makes no paid call. Awaiting the job does the same.
    pub fn wait(&self) -> Wait<'static, M> {
        let options = self.0.client.wait_options.clone();
        Wait { job: self.clone(), options, on_update: Box::new(|_| {}) }
    }

    /// Returns the updates of the wait as a stream that ends with the result.
    ///
    /// ```no_run
    /// # async fn run(job: kling::Job) {
    /// use kling::JobUpdate;
    ///
    /// let mut updates = job.updates();
    /// while let Some(event) = updates.next().await {
    ///     if let JobUpdate::Done(Ok(completed)) = event.update {
    ///         println!("{:?}", completed.urls());
    ///     }
    /// }
    /// # }
    /// ```
    #[cfg(feature = "async")]
    pub fn updates(&self) -> crate::JobSet<(), M> {
        let mut set = crate::JobSet::new(&self.0.client);
        set.wait((), self.clone());
        set
    }

    /// Returns the status. A status never proves success: only the result does.
    ///
    /// # Errors
    /// As for any call.
    pub async fn status(&self) -> Result<StatusReply, Error> {
        Ok(self.0.client.api.status(self.id()).await?)
    }

    /// Returns the API's reply for the result of a job that is over.
    ///
    /// # Errors
    /// [`ErrorKind::NotReady`](crate::ErrorKind::NotReady) if the job runs. Others as for any call.
    pub async fn result(&self) -> Result<ResultReply, Error> {
        Ok(self.0.client.api.result(self.id()).await?)
    }

    /// Cancels the job if it is still in the queue. Retries lost replies, asks the status if the reply is unclear, and records
    /// the outcome.
    ///
    /// # Errors
    /// As for any call. The outcome of the cancel is unknown then.
    pub async fn cancel(&self) -> Result<CancelReply, Error> {
        self.0.client.cancel(self.id()).await
    }

    /// Leaves the job running, and returns its facts. Any process can resume the job by [`Client::attach`].
    #[must_use]
    pub fn detach(self) -> JobRef<M> {
        self.0.job.clone()
    }

    pub(crate) fn client(&self) -> &Client {
        &self.0.client
    }

    /// Returns the result, if the journal has it and every output is on disk. The API may have forgotten the job.
    pub(crate) fn recorded(&self) -> Option<CompletedJob<M>> {
        self.0.recorded.clone().map(|reply| CompletedJob::new(self.clone(), reply))
    }

    /// Returns the files that hold outputs.
    pub(crate) fn saved_files(&self) -> Vec<PathBuf> {
        lock(&self.0.saved).clone()
    }

    pub(crate) fn add_saved(&self, files: impl IntoIterator<Item = PathBuf>) {
        let mut saved = lock(&self.0.saved);
        for file in files {
            if !saved.contains(&file) {
                saved.push(file);
            }
        }
    }
}

impl Job {
    /// Returns the job with its model's type.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if the job is known to be of another model.
    pub fn typed<M: JobModel>(self) -> Result<Job<M>, Error> {
        let job = self.0.job.clone().typed()?;
        let (client, output_path) = (self.0.client.clone(), self.0.output_path.clone());
        let (saved, recorded) = (Mutex::new(self.saved_files()), self.0.recorded.clone());
        Ok(Job(Arc::new(Handle { client, job, output_path, saved, recorded, lock: self.0.lock.clone() })))
    }
}

impl<M: JobModel> Clone for Job<M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<M: JobModel> fmt::Debug for Job<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.job.fmt(f)
    }
}

impl<M: JobModel> Serialize for Job<M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.job.serialize(serializer)
    }
}

impl<M: JobModel> IntoFuture for Job<M> {
    type Output = Result<CompletedJob<M>, Error>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        self.wait().into_future()
    }
}

/// A wait for a job, with its options. Await it.
///
/// # Errors
/// [`ErrorKind::JobFailed`](crate::ErrorKind::JobFailed), [`ErrorKind::JobCancelled`](crate::ErrorKind::JobCancelled) and
/// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) are final. After [`ErrorKind::Deadline`](crate::ErrorKind::Deadline) and
/// any other error the job may still run: wait again.
#[must_use = "a wait does nothing unless it is awaited"]
pub struct Wait<'a, M: JobModel = DynModel> {
    job: Job<M>,
    options: WaitOptions,
    on_update: Box<dyn FnMut(&Update) + Send + 'a>,
}

impl<'a, M: JobModel> Wait<'a, M> {
    /// Sets how long to wait. The default is an hour. At its end the job keeps running, unless the options cancel the job.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { options: self.options.with_deadline(timeout), ..self }
    }

    /// Sets all options of the wait: deadline, schedule, retries, and the fate of an unfinished job. Replaces an earlier timeout.
    pub fn options(self, options: WaitOptions) -> Self {
        Self { options, ..self }
    }

    /// Calls back on each change of the state, and on each error that is retried.
    pub fn on_update<'b>(self, on_update: impl FnMut(&Update) + Send + 'b) -> Wait<'b, M>
    where
        'a: 'b,
    {
        Wait { job: self.job, options: self.options, on_update: Box::new(on_update) }
    }

    pub(crate) async fn run(mut self) -> Result<CompletedJob<M>, Error> {
        if let Some(completed) = self.job.recorded() {
            return Ok(completed);
        }
        let client = self.job.client().clone();
        let result = client.wait_for(self.job.job_ref(), &self.options, &mut self.on_update).await?;
        Ok(CompletedJob::new(self.job, result.reply().clone()))
    }
}

impl<'a, M: JobModel> IntoFuture for Wait<'a, M> {
    type Output = Result<CompletedJob<M>, Error>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl<M: JobModel> fmt::Debug for Wait<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait").field("job", &self.job).field("options", &self.options).finish_non_exhaustive()
    }
}
