//! The HTTP side: reads a call, notes it, lets the service answer it, and labels the answer.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::HeaderValue;
use axum::http::request::Parts;
use axum::response::Response;

use crate::misbehaviour::Misbehaviour;
use crate::refusal::{Code, Refusal};
use crate::route::Route;
use crate::service::Service;
use crate::wire::Wire;
use crate::{Call, SIMULATED_HEADER};

/// The most bytes in a body: what the provider's own nodes send at most.
const LARGEST_BODY: usize = 64 * 1024 * 1024;

/// Every path goes through one handler, since the paths of models are read by [`Route`].
pub(crate) fn router(service: Arc<Service>) -> Router {
    Router::new().fallback(answer).with_state(service)
}

async fn answer(
    State(service): State<Arc<Service>>,
    ConnectInfo(wire): ConnectInfo<Wire>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let route = Route::of(&head.method, head.uri.path());
    let fault = service.fault(route.call());
    let number = service.record(route.call(), &head, fault.as_ref());
    let response = match fault {
        Some(fault) => Misbehaviour { fault, wire }.answer(&service, route, head, body).await,
        None => Some(honest(&service, route, head, body).await),
    };
    // Where the connection ends instead, this is what makes it do so, and is never seen.
    let Some(mut response) = response else { return Response::default() };
    response.headers_mut().insert(SIMULATED_HEADER, HeaderValue::from_static("true"));
    service.record_answer(number, &response);
    response
}

/// The true answer.
pub(crate) async fn honest(service: &Arc<Service>, route: Route, head: Parts, body: Body) -> Response {
    match read(body).await {
        Ok(body) => process(service, route, head, body).await,
        Err(refusal) => refusal.into_response(&service.settings.api),
    }
}

/// Reads a body, unless it says beforehand that it is too large or turns out to be.
pub(crate) async fn read(body: Body) -> Result<Bytes, Refusal> {
    let too_large = || {
        let message = format!("the body was cut off, or has more than {LARGEST_BODY} bytes");
        Refusal::new(Code::TooLarge, message)
    };
    if body.size_hint().lower() > LARGEST_BODY as u64 {
        return Err(too_large());
    }
    to_bytes(body, LARGEST_BODY).await.map_err(|_| too_large())
}

async fn process(service: &Arc<Service>, route: Route, head: Parts, body: Bytes) -> Response {
    let answer = match route.call() {
        Call::Output | Call::Submit => process_elsewhere(service, route, head, body).await,
        _ => service.process(&route, &head, &body),
    };
    answer.unwrap_or_else(|refusal| refusal.into_response(&service.settings.api))
}

/// Decoding a picture, fetching one and encoding a clip take their time, so that those calls leave this thread.
async fn process_elsewhere(
    service: &Arc<Service>,
    route: Route,
    head: Parts,
    body: Bytes,
) -> Result<Response, Refusal> {
    let service = Arc::clone(service);
    let work = tokio::task::spawn_blocking(move || service.process(&route, &head, &body));
    let defect = |_| Refusal::new(Code::Internal, "the simulator failed; this is a defect of its own");
    work.await.map_err(defect).flatten()
}
