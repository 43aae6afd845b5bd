//! The HTTP side: reads a call, notes it, lets the service answer it, and labels the answer.

use std::sync::Arc;

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::request::Parts;
use axum::response::Response;

use crate::SIMULATED_HEADER;
use crate::refusal::{Code, Refusal};
use crate::route::Route;
use crate::service::Service;

/// The most bytes in a body: what the provider's own nodes send at most.
const LARGEST_BODY: usize = 64 * 1024 * 1024;

/// Every path goes through one handler, since the paths of models are read by [`Route`].
pub(crate) fn router(service: Arc<Service>) -> Router {
    Router::new().fallback(answer).with_state(service)
}

async fn answer(State(service): State<Arc<Service>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let route = Route::of(&head.method, head.uri.path());
    let number = service.record(route.call(), &head);
    let mut response = match to_bytes(body, LARGEST_BODY).await {
        Ok(body) => reply(&service, route, head, body).await,
        Err(_) => {
            let message = format!("the body was cut off, or has more than {LARGEST_BODY} bytes");
            Refusal::new(Code::TooLarge, message).into_response(&service.settings)
        }
    };
    response.headers_mut().insert(SIMULATED_HEADER, HeaderValue::from_static("true"));
    service.record_answer(number, &response);
    response
}

async fn reply(service: &Arc<Service>, route: Route, head: Parts, body: Bytes) -> Response {
    match service.scripted(route.call()) {
        Some(scripted) if scripted.processed => {
            let _ = process(service, route, head, body).await;
            scripted.into_response()
        }
        Some(scripted) => scripted.into_response(),
        None => process(service, route, head, body).await,
    }
}

/// Decoding a picture, fetching one and encoding a clip take their time, so that those calls leave this thread.
async fn process(service: &Arc<Service>, route: Route, head: Parts, body: Bytes) -> Response {
    let owned = Arc::clone(service);
    let work = move || owned.process(&route, &head, &body);
    let answer = match tokio::task::spawn_blocking(work).await {
        Ok(answer) => answer,
        Err(_) => Err(Refusal::new(Code::Internal, "the simulator failed; this is a defect of its own")),
    };
    answer.unwrap_or_else(|refusal| refusal.into_response(&service.settings))
}
