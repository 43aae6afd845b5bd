//! The same script of answers through the async and the blocking client: the same bytes leave, and the same comes of it.

use std::time::Duration;

use kling_poll::{Fixed, Update, WaitOptions};
use kling_tests::script_server::{Answer, Recorded, ScriptServer, Turn};
use kling_transport::{
    Backoff, CancelOutcome, Job, ListModels, ModelId, RequestId, RetryPolicy, Settings, Submission, Token,
    blocking,
};
use kling_types::kling_1_6_pro_image_to_video::Input;
use serde_json::json;

const TOKEN: &str = "trace-token-0123456789";
const ID: &str = "3f8a-01_Z";
const OUTPUT: &str = "https://cdn.runcomfy.net/acc%3D1/clip_output.mp4";

/// A name, the script, and what must come of it.
struct Case {
    name: &'static str,
    turns: Vec<Turn>,
    outcome: &'static str,
    posts: usize,
}

fn ok(body: serde_json::Value) -> Turn {
    Answer::new(200, body.to_string()).into()
}

fn bare(status: u16) -> Turn {
    Answer::new(status, "").into()
}

fn accepted() -> Turn {
    ok(json!({"request_id": ID, "status_url": "ignored", "result_url": "ignored", "cancel_url": "ignored"}))
}

fn status(word: &str) -> Turn {
    ok(json!({"request_id": ID, "status": word}))
}

fn succeeded() -> Turn {
    ok(json!({"request_id": ID, "status": "succeeded", "output": {"video": OUTPUT}, "cost": 0.35}))
}

/// A submit that succeeds, followed by the polls given and a good end.
fn polls(name: &'static str, polls: impl IntoIterator<Item = Turn>) -> Case {
    let end = [status("completed"), succeeded()];
    let turns = [accepted()].into_iter().chain(polls).chain(end).collect();
    Case { name, turns, outcome: "succeeded at 0.35", posts: 1 }
}

fn submit(name: &'static str, turn: Turn, outcome: &'static str) -> Case {
    Case { name, turns: vec![turn], outcome, posts: 1 }
}

fn cases() -> Vec<Case> {
    let html = || Turn::Answer(Answer::new(200, "<html>maintenance</html>"));
    let error = |code: u64| json!({"error_code": code, "error_message": "no"});
    let half =
        || Turn::HalfBody(Answer::new(200, json!({"request_id": ID, "status": "in_queue"}).to_string()));
    vec![
        polls("happy path", [status("in_queue"), status("in_progress")]),
        polls("dropped polls", [Turn::CloseAfterReading, Turn::Reset, Turn::CloseBeforeReading, half()]),
        polls("server errors on polls", [bare(500), bare(502), bare(503), bare(504), bare(429), bare(408)]),
        polls("html on polls", [html(), Turn::Answer(Answer::new(403, "<html>blocked</html>"))]),
        polls(
            "torn and wrong json on polls",
            [
                ok(json!([])),
                Answer::new(200, "{\"status\":").into(),
                ok(json!({"request_id": "other", "status": "completed"})),
            ],
        ),
        polls("unknown words", [status("warming_up"), status("cancellation_requested")]),
        polls(
            "result not ready, as an error and as a state",
            [
                status("completed"),
                Answer::new(400, error(400_005).to_string()).into(),
                status("completed"),
                status("in_progress"),
            ],
        ),
        polls(
            "a redirect on a poll",
            [Answer::new(307, "").with_header("location", "http://127.0.0.1:9/elsewhere").into()],
        ),
        polls("a pause asked for", [Answer::new(429, "").with_header("retry-after", "0").into()]),
        polls("200 with an error on a poll", [ok(error(500_001))]),
        Case {
            name: "completed but failed",
            turns: vec![
                accepted(),
                status("completed"),
                ok(json!({"request_id": ID, "status": "failed", "error": {"message": "no face found"}})),
            ],
            outcome: "request 3f8a-01_Z failed: no face found",
            posts: 1,
        },
        Case {
            name: "cancelled elsewhere",
            turns: vec![accepted(), status("canceled"), status("cancelled")],
            outcome: "request 3f8a-01_Z was cancelled",
            posts: 1,
        },
        Case {
            name: "a token revoked while waiting",
            turns: vec![accepted(), ok(error(400_004))],
            outcome: "the wait for request 3f8a-01_Z was refused (no state seen): the token was not accepted (HTTP 200, \
                      error_code 400004, request 3f8a-01_Z): no; check that the token is current: creating one revokes \
                      the one before",
            posts: 1,
        },
        Case {
            name: "429 on submit, then taken",
            turns: vec![
                Answer::new(429, "").with_header("retry-after", "0").into(),
                Answer::new(429, error(429_001).to_string()).into(),
                accepted(),
                status("completed"),
                succeeded(),
            ],
            outcome: "succeeded at 0.35",
            posts: 3,
        },
        submit(
            "429 that asks for more than the budget",
            Answer::new(429, "").with_header("retry-after", "3600").into(),
            "refused",
        ),
        submit("submit refused in words under 200", ok(error(400_002)), "refused"),
        submit(
            "submit refused in words under 500",
            Answer::new(500, error(400_001).to_string()).into(),
            "refused",
        ),
        submit(
            "submit refused with 422",
            Answer::new(422, r#"{"detail":[{"loc":["image_url"]}]}"#).into(),
            "refused",
        ),
        submit(
            "submit refused by a torn 402",
            Turn::HalfBody(Answer::new(402, "no credit at all")),
            "refused",
        ),
        submit("submit dropped", Turn::CloseAfterReading, "unknown"),
        submit("submit reset", Turn::Reset, "unknown"),
        submit("submit closed unread", Turn::CloseBeforeReading, "unknown"),
        submit("submit stalled", Turn::Stall, "unknown"),
        submit("submit answered 500", bare(500), "unknown"),
        submit("submit answered 503", Answer::new(503, "").with_header("retry-after", "0").into(), "unknown"),
        submit("submit answered 408", bare(408), "unknown"),
        submit("submit answered with half a body", half(), "unknown"),
        submit("submit answered with html", html(), "unknown"),
        submit("submit answered without an id", ok(json!({"status": "in_queue"})), "unknown"),
        submit(
            "submit answered with an id that is a path",
            ok(json!({"request_id": "../balance"})),
            "unknown",
        ),
        submit(
            "submit redirected by 302",
            Answer::new(302, "").with_header("location", "/v1/elsewhere").into(),
            "unknown",
        ),
        submit(
            "submit redirected by 307",
            Answer::new(307, "").with_header("location", "/v1/elsewhere").into(),
            "refused",
        ),
        submit(
            "submit redirected by 308",
            Answer::new(308, "").with_header("location", "/v1/elsewhere").into(),
            "refused",
        ),
    ]
}

#[test]
fn both_clients_leave_the_same_trace_and_come_to_the_same_end() {
    for case in cases() {
        let (first, second) =
            (ScriptServer::start(case.turns.clone()).unwrap(), ScriptServer::start(case.turns).unwrap());
        let outcomes = (in_async(&first), in_blocking(&second));
        assert_eq!(outcomes, (case.outcome.to_owned(), case.outcome.to_owned()), "{}", case.name);
        assert_eq!(trace(&first), trace(&second), "{}", case.name);
        assert_eq!(
            (first.turns_left(), second.turns_left()),
            (0, 0),
            "{}: the script was played through",
            case.name
        );
        assert_eq!(posts(&first), case.posts, "{}: submits sent", case.name);
    }
}

#[test]
fn a_foreign_url_in_an_answer_is_never_asked() {
    let foreign = || ScriptServer::start([accepted(), accepted()]).unwrap();
    let (theirs, yours) = (foreign(), foreign());
    let url = |server: &ScriptServer| format!("{}/requests/{ID}/status", server.base());
    let script = |server: &ScriptServer| {
        let (url, redirect) = (url(server), Answer::new(308, "").with_header("location", url(server)));
        [
            ok(json!({"request_id": ID, "status_url": url, "result_url": url, "cancel_url": url})),
            ok(json!({"request_id": ID, "status": "in_queue", "status_url": url, "result_url": url})),
            redirect.into(),
            status("completed"),
            succeeded(),
        ]
    };
    let first = ScriptServer::start(script(&theirs)).unwrap();
    let second = ScriptServer::start(script(&yours)).unwrap();
    assert_eq!(in_async(&first), "succeeded at 0.35");
    assert_eq!(in_blocking(&second), "succeeded at 0.35");
    assert_eq!((theirs.connections(), yours.connections()), (0, 0));
    assert_eq!(trace(&first), trace(&second));
}

#[test]
fn every_free_call_leaves_the_same_trace() {
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
fn a_port_that_nobody_listens_on_is_a_refusal_that_was_tried_again() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let base = format!("http://{nobody}/v1").parse().unwrap();
    let settings =
        settings_for(base).with_submit_retry(RetryPolicy::new(Duration::from_secs(5)).with_max_attempts(3));
    let client = kling_transport::Client::new(settings.clone()).unwrap();
    let first = runtime().block_on(client.submit(&input()));
    let second = blocking::Client::new(settings).unwrap().submit(&input());
    for outcome in [first.into_result(), second.into_result()] {
        let Err(kling_transport::SubmitError::Refused(error)) = outcome else { panic!("expected a refusal") };
        assert!(error.is_connect(), "{error}");
    }
}

#[test]
fn a_large_body_arrives_whole_and_alike() {
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
    assert_eq!(post.body(), br#"{"image_url":"https://example.com/start.jpg","duration":5}"#);
    let headers = ours(post);
    let bearer = format!("Bearer {TOKEN}");
    assert!(headers.contains(&("authorization".to_owned(), bearer)));
    assert!(headers.contains(&("content-type".to_owned(), "application/json".to_owned())));
}

fn in_async(server: &ScriptServer) -> String {
    runtime().block_on(async {
        let client = kling_transport::Client::new(settings(server)).unwrap();
        let job = match client.submit(&input()).await {
            Submission::Submitted(job) => job,
            other => return ended(other),
        };
        let waited = kling_poll::wait(&client, &job, &options(), |_: &Update| {}).await;
        waited.map_or_else(
            |error| error.to_string(),
            |done| succeeded_at(done.cost_usd(), &done.output().urls()),
        )
    })
}

fn in_blocking(server: &ScriptServer) -> String {
    let client = blocking::Client::new(settings(server)).unwrap();
    let job = match client.submit(&input()) {
        Submission::Submitted(job) => job,
        other => return ended(other),
    };
    let waited = kling_poll::blocking::wait(&client, &job, &options(), |_: &Update| {});
    waited.map_or_else(|error| error.to_string(), |done| succeeded_at(done.cost_usd(), &done.output().urls()))
}

fn ended<M: kling_transport::Makes>(submission: Submission<M>) -> String {
    match submission {
        Submission::Submitted(_) => "submitted",
        Submission::Refused(_) => "refused",
        Submission::Unknown(_) => "unknown",
    }
    .to_owned()
}

fn succeeded_at(cost: Option<f64>, urls: &[&str]) -> String {
    assert_eq!(urls, [OUTPUT], "the output's URL arrives as it was sent");
    format!("succeeded at {}", cost.unwrap_or_default())
}

fn input() -> Input {
    Input::builder().image_url("https://example.com/start.jpg").duration(5).build().unwrap()
}

fn settings(server: &ScriptServer) -> Settings {
    settings_for(server.base().parse().unwrap())
}

/// Pauses of nothing: the order of events is what is compared, not their pace.
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
        .with_schedule(Fixed(Duration::ZERO))
        .with_backoff(Backoff { first: Duration::ZERO, cap: Duration::ZERO })
}

/// The requests at the socket: the line, the headers but for those that name the connection, the body.
fn trace(server: &ScriptServer) -> Vec<(String, Vec<(String, String)>, String)> {
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

/// Submits that reached the server, read or not.
fn posts(server: &ScriptServer) -> usize {
    let others =
        server.recorded().iter().filter(|request| !request.line().starts_with("POST /v1/models/")).count();
    let unread = server.connections() - server.recorded().len();
    let polled = server.recorded().iter().any(|request| request.line().starts_with("GET"));
    server.recorded().len() - others + if polled { 0 } else { unread }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Jobs are plain data: this compiles only while they are.
const _: fn(Job) -> Job = |job| job;
