//! Does a fault to a call: reads and processes as much of it as the fault allows, then spoils the answer.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::request::Parts;
use axum::response::Response;
use serde_json::Value;

use crate::Fault;
use crate::distortion::{Truth, flood};
use crate::fault::Reach;
use crate::route::Route;
use crate::server::{honest, read};
use crate::service::Service;
use crate::wire::{Play, Wire};

/// One call that goes wrong.
pub(crate) struct Misbehaviour {
    pub(crate) fault: Fault,
    pub(crate) wire: Wire,
}

impl Misbehaviour {
    /// The answer; nothing where the connection ends instead, in which case what is sent over it is settled here.
    pub(crate) async fn answer(
        self,
        service: &Arc<Service>,
        route: Route,
        head: Parts,
        body: Body,
    ) -> Option<Response> {
        match self.fault.reach() {
            Reach::Head => self.end(Play::default()),
            Reach::Body => {
                // A body that cannot be read is not what this is about.
                let _ = read(body).await;
                self.unprocessed()
            }
            Reach::Effect => {
                let asked = route.request_id().map(str::to_owned);
                let truth = honest(service, route, head, body).await;
                self.processed(service, asked, truth).await
            }
        }
    }

    fn unprocessed(self) -> Option<Response> {
        match self.fault {
            Fault::Answer(reply) => Some(reply.into_response()),
            Fault::Flood(bytes) => self.end(flood(bytes)),
            _ => self.end(Play::default()),
        }
    }

    async fn processed(self, service: &Service, asked: Option<String>, truth: Response) -> Option<Response> {
        if let Fault::Answer(reply) = self.fault {
            return Some(reply.into_response());
        }
        let (head, body) = truth.into_parts();
        // Answers are made in memory, so that reading them back neither fails nor has an end in sight.
        let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
        let truth = Truth { head, body };
        if let Some(play) = truth.on_the_wire(&self.fault) {
            return self.end(play);
        }
        if matches!(self.fault, Fault::ForgetJob) {
            service.forget(&asked.or_else(|| named(&truth)).unwrap_or_default());
        }
        Some(truth.in_other_words(&self.fault))
    }

    fn end(self, play: Play) -> Option<Response> {
        self.wire.play(play);
        None
    }
}

/// The id of the job that an answer is about.
fn named(truth: &Truth) -> Option<String> {
    let answer: Value = serde_json::from_slice(&truth.body).ok()?;
    answer["request_id"].as_str().map(str::to_owned)
}
