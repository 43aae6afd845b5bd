//! The blocking face: the clients, waits and catalog on the caller's thread.
//!
//! ```no_run
//! use kling::blocking::{Client, wait};
//! use kling::{Job, WaitOptions};
//!
//! let client = Client::from_env()?;
//! let job: Job = Job::from_id("5e1f-09c".parse()?);
//! let clip = wait(&client, &job, &WaitOptions::default(), |_| {})?;
//! println!("{}", clip.output());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use kling_transport::blocking::block_on;
use kling_transport::{Error, ListModels};
use serde_json::Value;

#[cfg(feature = "journal")]
pub use self::journaled::Journaled;
pub use kling_poll::blocking::{JobSet, cancel, wait};
#[cfg(any(feature = "rustls", feature = "native-tls"))]
pub use kling_transport::blocking::tls_config;
pub use kling_transport::blocking::{Client, ThreadRuntime};

/// Returns every entry of the live catalog that matches `query`; see [`catalog`](crate::catalog).
///
/// # Errors
/// See [`Error`]. Then no entry is returned.
pub fn catalog(client: &Client, query: &ListModels) -> Result<Vec<Value>, Error> {
    block_on(crate::catalog(client.as_async(), query))
}

/// Compares the schema of a compiled-in model with its entry in the live catalog; see [`drift`](crate::drift).
///
/// # Errors
/// See [`Error`].
#[cfg(feature = "schema")]
pub fn drift(client: &Client, model: &kling_types::ModelInfo) -> Result<crate::Drift, Error> {
    block_on(crate::drift(client.as_async(), model))
}

#[cfg(feature = "journal")]
mod journaled {
    use std::path::{Path, PathBuf};
    use std::time::SystemTime;

    use kling_journal::{Error as JournalError, Journal, OnDuplicate};
    use kling_poll::{CompletedJob, JobSetEvent, Update, WaitError, WaitOptions};
    use kling_transport::blocking::{Client, block_on};
    use kling_transport::{
        CancelReply, Error, Job, JobModel, ModelId, PendingSubmit, RequestId, SubmitOutcome,
    };
    use kling_types::ModelInput;
    use serde_json::Value;

    /// A [`Client`] that records paid jobs. Each method is documented at the async [`Journaled`](crate::Journaled).
    #[derive(Clone, Debug)]
    pub struct Journaled {
        client: Client,
        inner: crate::Journaled,
    }

    #[allow(missing_docs, clippy::missing_errors_doc, reason = "the async client documents the same methods")]
    impl Journaled {
        /// A client with a journal. With `None` the client keeps no records.
        pub fn new(client: Client, journal: impl Into<Option<Journal>>) -> Self {
            Self { inner: crate::Journaled::new(client.as_async().clone(), journal), client }
        }

        #[must_use]
        pub fn on_journal_error(self, callback: impl Fn(&JournalError) + Send + Sync + 'static) -> Self {
            Self { inner: self.inner.on_journal_error(callback), ..self }
        }

        #[must_use]
        pub fn on_accepted(self, callback: impl Fn(&RequestId) + Send + Sync + 'static) -> Self {
            Self { inner: self.inner.on_accepted(callback), ..self }
        }

        #[must_use]
        pub fn on_duplicate(self, on_duplicate: OnDuplicate) -> Self {
            Self { inner: self.inner.on_duplicate(on_duplicate), ..self }
        }

        #[must_use]
        pub fn with_output_path(self, path: impl Into<PathBuf>) -> Self {
            Self { inner: self.inner.with_output_path(path), ..self }
        }

        /// Returns the client without the journal.
        pub fn client(&self) -> &Client {
            &self.client
        }

        pub fn journal(&self) -> Option<&Journal> {
            self.inner.journal()
        }

        pub fn submit<I: ModelInput>(&self, input: &I) -> SubmitOutcome<I::Model> {
            self.execute(PendingSubmit::typed(self.client.settings(), input, SystemTime::now()))
        }

        pub fn submit_json(&self, model: &ModelId, input: &Value) -> SubmitOutcome {
            self.execute(PendingSubmit::json(self.client.settings(), model, input, SystemTime::now()))
        }

        pub fn wait<M: JobModel>(
            &self,
            job: &Job<M>,
            options: &WaitOptions,
            on_update: impl FnMut(&Update),
        ) -> Result<CompletedJob<M>, WaitError> {
            block_on(self.inner.wait(job, options, on_update))
        }

        pub fn cancel(&self, id: &RequestId) -> Result<CancelReply, Error> {
            block_on(self.inner.cancel(id))
        }

        pub fn saved(&self, id: &RequestId, files: impl IntoIterator<Item = impl AsRef<Path>>) {
            block_on(self.inner.saved(id, files));
        }

        pub fn record<M: JobModel>(&self, event: &JobSetEvent<M>) {
            block_on(self.inner.record(event));
        }

        pub fn release(&self, id: &RequestId) {
            block_on(self.inner.release(id));
        }

        fn execute<M: JobModel>(&self, pending: Result<PendingSubmit<M>, Error>) -> SubmitOutcome<M> {
            match pending {
                Ok(pending) => block_on(self.inner.execute(pending, std::future::pending())),
                Err(error) => SubmitOutcome::Rejected(error),
            }
        }
    }
}
