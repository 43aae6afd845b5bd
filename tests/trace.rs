//! The same script through the async and the blocking client: the same requests, the same outcome.

use std::time::Duration;

use kling_poll::{FixedInterval, Update, WaitOptions};
use kling_tests::script_server::{Recorded, ScriptServer, Turn};
use kling_tests::wire_script::{self, ID, OUTPUT, accepted, ok, redirect, status, succeeded};
use kling_transport::{
    Backoff, CancelOutcome, ListModels, ModelId, RequestId, RetryPolicy, Settings, SubmitOutcome, Token,
    blocking,
};
use kling_types::models::kling_1_6_pro_image_to_video::Input;
use serde_json::json;

const TOKEN: &str = "trace-token-0123456789";

#[test]
fn both_clients_send_the_same_requests_and_end_alike() {
    for script in wire_script::all() {
        let server = || ScriptServer::start(script.turns.clone()).unwrap();
        let (first, second) = (server(), server());
        assert_eq!(in_async(&first), script.end, "async, {}", script.name);
        assert_eq!(in_blocking(&second), script.end, "blocking, {}", script.name);
        assert_eq!(trace(&first), trace(&second), "{}", script.name);
        // Each turn has one request.
        let requests = script.turns.len();
        assert_eq!((first.connections(), second.connections()), (requests, requests), "{}", script.name);
    }
}

#[test]
fn a_foreign_url_in_a_reply_is_never_called() {
    let foreign = || ScriptServer::start([accepted(), accepted()]).unwrap();
    let (theirs, yours) = (foreign(), foreign());
    let url = |server: &ScriptServer| format!("{}/requests/{ID}/status", server.base());
    let script = |server: &ScriptServer| {
        let url = url(server);
        [
            ok(json!({"request_id": ID, "status_url": url, "result_url": url, "cancel_url": url})),
            ok(json!({"request_id": ID, "status": "in_queue", "status_url": url, "result_url": url})),
            redirect(308, &url),
            status("completed"),
            succeeded(),
        ]
    };
    let first = ScriptServer::start(script(&theirs)).unwrap();
    let second = ScriptServer::start(script(&yours)).unwrap();
    assert_eq!(in_async(&first), "succeeded");
    assert_eq!(in_blocking(&second), "succeeded");
    assert_eq!((theirs.connections(), yours.connections()), (0, 0));
    assert_eq!(trace(&first), trace(&second));
}

#[test]
fn both_clients_send_the_same_free_calls() {
    let script = || {
        [
            ok(json!({"request_id": ID, "status": "in_queue", "outcome": "cancelled"})),
            Turn::CloseAfterReading,
            status("in_progress"),
            ok(json!({"balance_usd": "-1.5", "currency": "USD"})),
            ok(json!({"model_id": "maker/Model 2/x", "input_schema": {}})),
            ok(json!({"models": [], "total": 0})),
        ]
    };
    let id: RequestId = ID.parse().unwrap();
    let model: ModelId = "maker/Model 2/x".parse().unwrap();
    let query = ListModels { search: Some("a&b c".to_owned()), limit: Some(5), ..ListModels::default() };

    let first = ScriptServer::start(script()).unwrap();
    runtime().block_on(async {
        let client = kling_transport::Client::new(settings(&first)).unwrap();
        assert_eq!(client.cancel(&id).await.unwrap().outcome, CancelOutcome::Cancelled);
        assert_eq!(client.status(&id).await.unwrap().state.as_str(), "in_progress");
        assert_eq!(client.balance().await.unwrap().usd, -1.5);
        assert_eq!(client.model(&model).await.unwrap()["model_id"], model.as_str());
        assert_eq!(client.models(&query).await.unwrap()["total"], 0);
    });

    let second = ScriptServer::start(script()).unwrap();
    let client = blocking::Client::new(settings(&second)).unwrap();
    assert_eq!(client.cancel(&id).unwrap().outcome, CancelOutcome::Cancelled);
    assert_eq!(client.status(&id).unwrap().state.as_str(), "in_progress");
    assert_eq!(client.balance().unwrap().usd, -1.5);
    assert_eq!(client.model(&model).unwrap()["model_id"], model.as_str());
    assert_eq!(client.models(&query).unwrap()["total"], 0);

    assert_eq!(trace(&first), trace(&second));
    let lines: Vec<_> = first.recorded().iter().map(Recorded::line).collect();
    assert_eq!(
        lines,
        [
            format!("POST /v1/requests/{ID}/cancel"),
            format!("GET /v1/requests/{ID}/status"),
            format!("GET /v1/requests/{ID}/status"),
            "GET /prod/v2/balance".to_owned(),
            "GET /v1/models/maker/Model%202/x".to_owned(),
            "GET /v1/models?search=a%26b+c&limit=5".to_owned(),
        ]
    );
}

#[test]
fn a_closed_port_rejects_the_submit_after_retries() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let base = format!("http://{closed}/v1").parse().unwrap();
    let settings =
        settings_for(base).with_submit_retry(RetryPolicy::new(Duration::from_secs(5)).with_max_attempts(3));
    let client = kling_transport::Client::new(settings.clone()).unwrap();
    let first = runtime().block_on(client.submit(&input()));
    let second = blocking::Client::new(settings).unwrap().submit(&input());
    for outcome in [first.into_result(), second.into_result()] {
        let Err(kling_transport::SubmitError::Rejected(error)) = outcome else {
            panic!("expected a rejected submit")
        };
        assert!(error.is_connect(), "{error}");
    }
}

#[test]
fn a_large_body_arrives_complete_from_both_clients() {
    let image = format!("data:image/png;base64,{}", "QUJD".repeat(300_000));
    let (model, body): (ModelId, _) = ("maker/model".parse().unwrap(), json!({"image_url": image}));
    let (first, second) =
        (ScriptServer::start([accepted()]).unwrap(), ScriptServer::start([accepted()]).unwrap());
    let job = runtime().block_on(async {
        let client = kling_transport::Client::new(settings(&first)).unwrap();
        client.submit_json(&model, &body).await.into_result().unwrap()
    });
    let client = blocking::Client::new(settings(&second)).unwrap();
    assert_eq!(client.submit_json(&model, &body).into_result().unwrap().id(), job.id());
    assert_eq!(first.recorded()[0].body(), body.to_string().as_bytes());
    assert!(trace(&first) == trace(&second), "the traces of a large body differ");
}

#[test]
fn the_paid_request_is_exactly_what_the_api_documents() {
    let server = ScriptServer::start([accepted(), status("completed"), succeeded()]).unwrap();
    in_blocking(&server);
    let post = &server.recorded()[0];
    assert_eq!(post.line(), "POST /v1/models/kling/kling-1-6/pro/image-to-video");
    assert_eq!(post.body(), br#"{"image_url":"https://example.com/start.jpg"}"#);
    let headers = ours(post);
    let bearer = format!("Bearer {TOKEN}");
    assert!(headers.contains(&("authorization".to_owned(), bearer)));
    assert!(headers.contains(&("content-type".to_owned(), "application/json".to_owned())));
}

fn in_async(server: &ScriptServer) -> String {
    runtime().block_on(async {
        let client = kling_transport::Client::new(settings(server)).unwrap();
        let job = match client.submit(&input()).await {
            SubmitOutcome::Accepted(job) => job,
            other => return text(other),
        };
        let result = kling_poll::wait(&client, &job, &options(), |_: &Update| {}).await;
        result.map_or_else(|error| error.to_string(), |done| good(done.cost_usd(), &done.output().urls()))
    })
}

fn in_blocking(server: &ScriptServer) -> String {
    let client = blocking::Client::new(settings(server)).unwrap();
    let job = match client.submit(&input()) {
        SubmitOutcome::Accepted(job) => job,
        other => return text(other),
    };
    let result = kling_poll::blocking::wait(&client, &job, &options(), |_: &Update| {});
    result.map_or_else(|error| error.to_string(), |done| good(done.cost_usd(), &done.output().urls()))
}

fn text<M: kling_transport::JobModel>(outcome: SubmitOutcome<M>) -> String {
    match outcome {
        SubmitOutcome::Accepted(_) => "submitted",
        SubmitOutcome::Rejected(_) => "refused",
        SubmitOutcome::Unknown(_) => "unknown",
    }
    .to_owned()
}

fn good(cost: Option<f64>, urls: &[&str]) -> String {
    assert_eq!(urls, [OUTPUT], "the output's URL arrives as it was sent");
    assert_eq!(cost, Some(0.35));
    "succeeded".to_owned()
}

fn input() -> Input {
    Input::builder().image_url("https://example.com/start.jpg").build().unwrap()
}

fn settings(server: &ScriptServer) -> Settings {
    settings_for(server.base().parse().unwrap())
}

/// Retries without pauses, since only the order of events is compared.
fn settings_for(base: kling_transport::ApiBase) -> Settings {
    let brisk = Backoff { first: Duration::ZERO, cap: Duration::ZERO };
    Settings::new(Token::new(TOKEN).unwrap())
        .with_base(base)
        .with_submit_retry(RetryPolicy::new(Duration::from_secs(60)).with_backoff(brisk))
        .with_call_retry(RetryPolicy::new(Duration::from_secs(60)).with_backoff(brisk).with_max_attempts(4))
        .with_submit_timeout(Duration::from_millis(500))
}

fn options() -> WaitOptions {
    WaitOptions::default()
        .with_schedule(FixedInterval(Duration::ZERO))
        .with_backoff(Backoff { first: Duration::ZERO, cap: Duration::ZERO })
}

/// A request: the line, the headers except `host` and `connection`, the body.
type Line = (String, Vec<(String, String)>, String);

fn trace(server: &ScriptServer) -> Vec<Line> {
    let requests = server.recorded();
    requests
        .iter()
        .map(|request| (request.line(), ours(request), String::from_utf8_lossy(request.body()).into_owned()))
        .collect()
}

fn ours(request: &Recorded) -> Vec<(String, String)> {
    request
        .headers()
        .into_iter()
        .filter(|(name, _)| !matches!(name.as_str(), "host" | "connection"))
        .collect()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
