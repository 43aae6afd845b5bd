//! The HTTP server: routes a call, records it, injects its fault, and labels the reply.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method};
use axum::response::{IntoResponse, Response};
use axum::{Json, http::StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::connection::{ConnectionHandle, RawReply};
use crate::output::file_number;
use crate::refusal::{Code, Refusal};
use crate::service::Service;
use crate::{Call, Fault, SIMULATED_HEADER, corrupt, submit};

/// The most bytes in a body, as much as the provider's own nodes send.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

/// Returns a router with one handler, since [`Route`] reads the paths.
pub(crate) fn router(service: Arc<Service>) -> Router {
    Router::new().fallback(answer).with_state(service)
}

async fn answer(
    State(service): State<Arc<Service>>,
    ConnectInfo(connection): ConnectInfo<ConnectionHandle>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let route = Route::of(&head.method, head.uri.path());
    let fault = service.with(|state, _| state.faults.take(route.call()));
    let index = service.record(route.call(), &head, fault.as_ref());
    let response = match fault {
        Some(fault) => answer_with_fault(&service, route, head, body, fault).await,
        None => Ok(answer_truly(&service, route, head, body).await),
    };
    match response {
        Ok(mut response) => {
            response.headers_mut().insert(SIMULATED_HEADER, HeaderValue::from_static("true"));
            service.record_status(index, response.status());
            response
        }
        Err(raw) => {
            connection.replace_reply(raw);
            // Its first byte makes the connection send the raw reply instead.
            Response::default()
        }
    }
}

/// Returns the reply to a call with a fault, or the raw reply that ends its connection.
async fn answer_with_fault(
    service: &Arc<Service>,
    route: Route,
    head: Parts,
    body: Body,
    fault: Fault,
) -> Result<Response, RawReply> {
    match fault {
        Fault::DropUnread => Err(RawReply::default()),
        Fault::DropUnprocessed => {
            drop(read(body).await);
            Err(RawReply::default())
        }
        Fault::Flood(bytes) => {
            drop(read(body).await);
            Err(corrupt::flood(bytes))
        }
        Fault::Answer(reply) if !reply.processed => {
            drop(read(body).await);
            Ok(reply.into_response())
        }
        fault => {
            let id = route.request_id().map(str::to_owned);
            let response = answer_truly(service, route, head, body).await;
            inject(service, id, response, fault).await
        }
    }
}

/// Injects a fault into the reply to a call that took effect.
async fn inject(
    service: &Service,
    id: Option<String>,
    response: Response,
    fault: Fault,
) -> Result<Response, RawReply> {
    if let Fault::Answer(reply) = fault {
        return Ok(reply.into_response());
    }
    let (head, body) = response.into_parts();
    // Every body is in memory already, so reading it cannot fail and needs no limit.
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    if let Some(raw) = corrupt::raw_reply(&head, &body, &fault) {
        return Err(raw);
    }
    if matches!(fault, Fault::ForgetJob) {
        let id = id.or_else(|| request_id(&body)).unwrap_or_default();
        service.with(|state, _| state.jobs.forget(&id));
    }
    Ok(corrupt::content(head, body, &fault))
}

fn request_id(body: &[u8]) -> Option<String> {
    let reply: Value = serde_json::from_slice(body).ok()?;
    reply["request_id"].as_str().map(str::to_owned)
}

async fn answer_truly(service: &Arc<Service>, route: Route, head: Parts, body: Body) -> Response {
    let answer = match read(body).await {
        Ok(body) => process_off_thread(service, route, head, body).await,
        Err(refusal) => Err(refusal),
    };
    answer.unwrap_or_else(|refusal| refusal.into_response(&service.settings.api))
}

/// Reads a body, unless its stated or actual size exceeds the limit.
async fn read(body: Body) -> Result<Bytes, Refusal> {
    let too_large = || {
        let message = format!("the body was cut off, or has more than {MAX_BODY_BYTES} bytes");
        Refusal::new(Code::TooLarge, message)
    };
    if body.size_hint().lower() > MAX_BODY_BYTES as u64 {
        return Err(too_large());
    }
    to_bytes(body, MAX_BODY_BYTES).await.map_err(|_| too_large())
}

/// Leaves the server's thread for calls that decode images or encode clips.
async fn process_off_thread(
    service: &Arc<Service>,
    route: Route,
    head: Parts,
    body: Bytes,
) -> Result<Response, Refusal> {
    if !matches!(route.call(), Call::Output | Call::Submit) {
        return process(service, &route, &head, &body);
    }
    let service = Arc::clone(service);
    let work = tokio::task::spawn_blocking(move || process(&service, &route, &head, &body));
    let defect = |_| Refusal::new(Code::Internal, "the simulator panicked; this is a bug in kling-sim");
    work.await.map_err(defect).flatten()
}

/// Answers one call, or refuses it with an error of the API.
fn process(service: &Service, route: &Route, head: &Parts, body: &Bytes) -> Result<Response, Refusal> {
    let account = || service.sign_in(head.headers.get(AUTHORIZATION));
    let json = |reply: Value| Json(reply).into_response();
    match route {
        Route::Balance => account().map(|account| json(service.balance_reply(account))),
        Route::Cancel(id) => {
            Ok((StatusCode::ACCEPTED, json(service.cancel(id, account()?)?)).into_response())
        }
        Route::Categories => account().map(|_| json(service.catalog.categories())),
        Route::Model(id) => account().and_then(|_| Ok(json(service.catalog.find(id)?.entry(true)))),
        Route::Models => account().and_then(|_| Ok(json(service.catalog.page(&head.uri)?))),
        Route::Output(id, number) => service.output(id, *number, head),
        Route::Result(id) => Ok(json(service.result(id, account()?, asks_for_cost(head))?)),
        Route::Status(id) => Ok(json(service.status(id, account()?)?)),
        Route::Submit(id) => submit::submit(service, id, account()?, head, body),
        Route::Unknown => Err(Refusal::new(Code::NoSuchPath, "the API has no such path")),
        Route::WrongMethod => {
            Err(Refusal::new(Code::MethodNotAllowed, "the path exists with another method"))
        }
    }
}

fn asks_for_cost(head: &Parts) -> bool {
    head.uri.query().is_some_and(|query| query.split('&').any(|pair| pair == "include_cost=true"))
}

/// The call that a method and a path ask for.
///
/// Paths are read without normalisation, one segment at a time. A model id holds slashes and blanks. The path of an output
/// holds `%3D`, so that a client that decodes and encodes it again fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Balance,
    Cancel(String),
    Categories,
    Model(String),
    Models,
    /// A file by request id and number, from zero.
    Output(String, usize),
    Result(String),
    Status(String),
    Submit(String),
    /// A path that exists with another method.
    WrongMethod,
    Unknown,
}

impl Route {
    fn of(method: &Method, path: &str) -> Self {
        let Some(path) = path.strip_prefix('/') else { return Self::Unknown };
        let segments: Vec<&str> = path.split('/').collect();
        let (get, post) = (*method == Method::GET, *method == Method::POST);
        let only = |allowed: bool, route: Self| if allowed { route } else { Self::WrongMethod };
        match segments.as_slice() {
            ["prod", "v2", "balance"] => only(get, Self::Balance),
            ["v1", "models"] => only(get, Self::Models),
            ["v1", "models", "categories"] if get => Self::Categories,
            ["v1", "models", id @ ..] if post => Self::Submit(model_id(id)),
            ["v1", "models", id @ ..] => only(get, Self::Model(model_id(id))),
            ["v1", "requests", id, "status"] => only(get, Self::Status(decode(id))),
            ["v1", "requests", id, "result"] => only(get, Self::Result(decode(id))),
            ["v1", "requests", id, "cancel"] => only(post, Self::Cancel(decode(id))),
            ["outputs", folder, file] => match output(folder, file) {
                Some(output) => only(get || *method == Method::HEAD, output),
                None => Self::Unknown,
            },
            _ => Self::Unknown,
        }
    }

    /// The request id in the path.
    fn request_id(&self) -> Option<&str> {
        match self {
            Self::Cancel(id) | Self::Output(id, _) | Self::Result(id) | Self::Status(id) => Some(id),
            _ => None,
        }
    }

    const fn call(&self) -> Call {
        match self {
            Self::Balance => Call::Balance,
            Self::Cancel(_) => Call::Cancel,
            Self::Categories | Self::Model(_) | Self::Models => Call::Catalog,
            Self::Output(..) => Call::Output,
            Self::Result(_) => Call::Result,
            Self::Status(_) => Call::Status,
            Self::Submit(_) => Call::Submit,
            Self::WrongMethod | Self::Unknown => Call::Other,
        }
    }
}

fn output(folder: &str, file: &str) -> Option<Route> {
    Some(Route::Output(folder.strip_suffix("%3D")?.to_owned(), file_number(file)?))
}

fn model_id(segments: &[&str]) -> String {
    // A slash that is encoded inside a segment stays encoded: no model has such an id.
    let decode = |segment: &&str| Some(decode(segment)).filter(|decoded| !decoded.contains('/'));
    let segments = segments.iter().map(|segment| decode(segment).unwrap_or_else(|| (*segment).to_owned()));
    segments.collect::<Vec<_>>().join("/")
}

fn decode(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use kling_types::OutputKind;

    use super::*;
    use crate::output::path as output_path;

    fn get(path: &str) -> Route {
        Route::of(&Method::GET, path)
    }

    fn post(path: &str) -> Route {
        Route::of(&Method::POST, path)
    }

    #[test]
    fn categories_come_before_ids() {
        assert_eq!(get("/v1/models/categories"), Route::Categories);
        assert_eq!(get("/v1/models/categories/x"), Route::Model("categories/x".into()));
        assert_eq!(get("/v1/models"), Route::Models);
    }

    #[test]
    fn a_model_id_keeps_its_slashes_and_its_encoded_blanks() {
        let id = "kling/kling-1-6/pro/image-to-video";
        assert_eq!(post(&format!("/v1/models/{id}")), Route::Submit(id.into()));
        assert_eq!(get("/v1/models/a/b%20c"), Route::Model("a/b c".into()));
        assert_eq!(get("/v1/models/a%2Fb%20c"), Route::Model("a%2Fb%20c".into()));
    }

    #[test]
    fn requests_take_their_own_method_only() {
        assert_eq!(get("/v1/requests/r-1/status"), Route::Status("r-1".into()));
        assert_eq!(get("/v1/requests/r-1/result"), Route::Result("r-1".into()));
        assert_eq!(post("/v1/requests/r-1/cancel"), Route::Cancel("r-1".into()));
        assert_eq!(get("/v1/requests/r-1/cancel"), Route::WrongMethod);
        assert_eq!(post("/prod/v2/balance"), Route::WrongMethod);
        assert_eq!(get("/v1/requests/r-1"), Route::Unknown);
        assert_eq!(get("/v1/requests"), Route::Unknown);
    }

    #[test]
    fn the_path_of_an_output_is_matched_byte_for_byte() {
        assert_eq!(get(&output_path("r-1", 0, OutputKind::Video)), Route::Output("r-1".into(), 0));
        assert_eq!(get(&output_path("r-1", 1, OutputKind::Image)), Route::Output("r-1".into(), 1));
        assert_eq!(get("/outputs/r-1%3D/output.exe"), Route::Unknown);
        assert_eq!(get("/outputs/r-1=/output.mp4"), Route::Unknown);
        assert_eq!(get("/outputs/r-1%253D/output.mp4"), Route::Unknown);
        assert_eq!(get("/outputs/r-1%3D/output_0.mp4"), Route::Unknown);
    }
}
