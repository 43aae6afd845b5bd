//! A submit that is written down, and that nothing tears or begins anew.

use std::convert::Infallible;
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::SystemTime;

use kling_transport::{Makes, ModelId, Submission, Submitting, Transport};
use kling_types::ModelInput;
use serde_json::Value;
use tokio::sync::oneshot;

use super::{Journaled, blocking, joined};

impl<T: Transport + 'static> Journaled<T> {
    /// Submits a typed input to its model. **This costs money**, and is sent once: see [`Submission`].
    pub async fn submit<I: ModelInput>(&self, input: &I) -> Submission<I::Model> {
        match Submitting::typed(self.client.settings(), input, SystemTime::now()) {
            Ok(submitting) => self.carry(submitting, pending()).await,
            Err(error) => Submission::Refused(error),
        }
    }

    /// Submits raw JSON to a model by its id, unchecked. **This costs money**, and is sent once: see [`Submission`].
    pub async fn submit_json(&self, model: &ModelId, input: &Value) -> Submission {
        match Submitting::json(self.client.settings(), model, input, SystemTime::now()) {
            Ok(submitting) => self.carry(submitting, pending()).await,
            Err(error) => Submission::Refused(error),
        }
    }

    /// The same, until it is to stop. **This costs money.** From then on no further attempt is made: one that is out is seen to
    /// its end, and a pause before another ends at once, refused as [`Error::is_given_up`](kling_transport::Error::is_given_up).
    pub async fn submit_json_until(
        &self,
        model: &ModelId,
        input: &Value,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Submission {
        match Submitting::json(self.client.settings(), model, input, SystemTime::now()) {
            Ok(submitting) => self.carry(submitting, stop).await,
            Err(error) => Submission::Refused(error),
        }
    }

    /// Carries a submit in a task of its own, so that dropping this future does not tear it, only keeps it from beginning anew.
    async fn carry<M: Makes>(
        &self,
        submitting: Submitting<M>,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Submission<M> {
        let (_here, gone) = oneshot::channel::<Infallible>();
        let stop = either(stop, async { drop(gone.await) });
        joined(tokio::spawn(self.clone().keep(submitting, stop))).await
    }

    async fn keep<M: Makes>(
        self,
        submitting: Submitting<M>,
        stop: impl Future<Output = ()> + Send,
    ) -> Submission<M> {
        let Self { client, keeping, .. } = self;
        let intent = keeping.intent(client.settings(), &submitting);
        let mut paying = match blocking(move || keeping.begin(&intent)).await {
            Ok(paying) => paying,
            Err(error) => return Submission::Refused(error),
        };
        let submission = client.carry_until(submitting, stop).await;
        paying.came(&submission);
        blocking(move || drop(paying)).await;
        submission
    }
}

/// Whichever of two comes first.
async fn either(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|context| match one.as_mut().poll(context) {
        Poll::Pending => other.as_mut().poll(context),
        done => done,
    })
    .await;
}
