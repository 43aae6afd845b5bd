//! Scripts for one job, with the expected outcome of each.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::script_server::{Answer, Turn};

/// The id of the job in every script.
pub const ID: &str = "3f8a-01_Z";
/// The output of every job that succeeds. Its `%3D` must arrive unchanged.
pub const OUTPUT: &str = "https://cdn.runcomfy.net/acc%3D1/clip_output.mp4";

/// A script with one turn for each expected request.
#[derive(Clone, Debug)]
pub struct WireScript {
    /// The name of the case.
    pub name: &'static str,
    /// The turns of the server.
    pub turns: Vec<Turn>,
    /// The outcome: the text of the wait's error, `succeeded`, or the outcome of the submit.
    pub end: &'static str,
}

/// Returns every script.
pub fn all() -> Vec<WireScript> {
    [waits_that_survive(), broken_answers(), waits_that_end(), refused_submits(), unknown_submits()].concat()
}

/// Replies with 200.
pub fn ok(body: Value) -> Turn {
    Answer::new(200, body.to_string()).into()
}

/// Accepts the job.
pub fn accepted() -> Turn {
    ok(json!({"request_id": ID, "status_url": "ignored", "result_url": "ignored", "cancel_url": "ignored"}))
}

/// Replies with a state.
pub fn status(word: &str) -> Turn {
    ok(json!({"request_id": ID, "status": word}))
}

/// Replies with an output.
pub fn succeeded() -> Turn {
    ok(json!({"request_id": ID, "status": "succeeded", "output": {"video": OUTPUT}, "cost": 0.35}))
}

/// Redirects to a URL.
pub fn redirect(status: u16, location: &str) -> Turn {
    Answer::new(status, "").with_header("location", location).into()
}

fn waits_that_survive() -> Vec<WireScript> {
    let not_ready = [status("completed"), refusal(400, 400_005), status("completed"), status("in_progress")];
    let wrong = [
        ok(json!([])),
        answer(200, "{\"status\":"),
        ok(json!({"request_id": "other", "status": "completed"})),
    ];
    let busy = |code| Turn::from(Answer::new(code, "").with_header("retry-after", "0"));
    let mut taken_at_third = wait("429 on submit, then taken", []);
    taken_at_third.turns.splice(0..0, [busy(429), refusal(429, 429_001)]);
    vec![
        wait("happy path", [status("in_queue"), status("in_progress")]),
        wait("dropped polls", [Turn::CloseAfterReading, Turn::Reset, Turn::CloseBeforeReading, half()]),
        wait("server errors on polls", [500, 502, 503, 504, 429, 408].map(|code| answer(code, ""))),
        wait("html on polls", [html(), answer(403, "<html>blocked</html>")]),
        wait("torn and wrong json on polls", wrong),
        wait("unknown words", [status("warming_up"), status("cancellation_requested")]),
        wait("result not ready, as an error and as a state", not_ready),
        wait("a redirect on a poll", [redirect(307, "http://127.0.0.1:9/elsewhere")]),
        wait("a pause asked for", [busy(429)]),
        wait("200 with an error on a poll", [refusal(200, 500_001)]),
        taken_at_third,
    ]
}

/// Returns scripts with broken replies to the submit, which still name the job, and to its result.
fn broken_answers() -> Vec<WireScript> {
    let submit = json!({"request_id": ID, "status_url": "u"}).to_string();
    let result = json!({"request_id": ID, "status": "succeeded", "output": {"video": OUTPUT}, "cost": 0.35})
        .to_string();
    let mut scripts = Vec::new();
    for (name, breaking) in ways_to_break() {
        let turns = vec![breaking(202, &submit), status("completed"), breaking(200, &result)];
        scripts.push(WireScript { name, turns, end: "succeeded" });
    }
    let carried = Answer::new(429, submit.clone()).with_header("retry-after", "0");
    let hanging = Turn::MissingByteThenStall(Answer::new(200, submit));
    for (name, turn) in [("429 with an id", carried.into()), ("hanging after the id", hanging)] {
        scripts.push(WireScript {
            name,
            turns: vec![turn, status("completed"), succeeded()],
            end: "succeeded",
        });
    }
    scripts
}

/// Breaks a reply with a status and a body.
type Breaking = fn(u16, &str) -> Turn;

fn ways_to_break() -> [(&'static str, Breaking); 9] {
    [
        ("a byte order mark", |status, body| answer(status, &format!("\u{feff}{body}"))),
        ("half a pair and a raw line feed", |status, body| {
            answer(status, &body.replacen('{', "{\"prompt\":\"\\ud83d\n\",", 1))
        }),
        ("text after it", |status, body| answer(status, &format!("{body}<!-- cached -->"))),
        ("too deep a nesting", |status, body| {
            let deep = format!("{{\"x\":{}{},", "[".repeat(10_000), "]".repeat(10_000));
            answer(status, &body.replacen('{', &deep, 1))
        }),
        ("no closing brace", |status, body| answer(status, &body[..body.len() - 1].replace("0.35", "0.35 "))),
        ("compressed", |status, body| {
            Answer::new(status, gzip(body)).with_header("content-encoding", "gzip").into()
        }),
        ("compressed and cut", |status, body| {
            let whole = gzip(body);
            Turn::MissingByte(
                Answer::new(status, &whole[..whole.len() - 8]).with_header("content-encoding", "gzip"),
            )
        }),
        ("closed before its end", |status, body| Turn::MissingByte(Answer::new(status, body))),
        ("closed before the last chunk", |status, body| Turn::OpenChunks(Answer::new(status, body))),
    ]
}

/// Compresses a text by gzip.
pub fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // Writing to memory does not fail.
    let _ = encoder.write_all(text.as_bytes());
    encoder.finish().unwrap_or_default()
}

fn waits_that_end() -> Vec<WireScript> {
    let failed = json!({"request_id": ID, "status": "failed", "error": {"message": "no face found"}});
    vec![
        WireScript {
            name: "completed but failed",
            turns: vec![accepted(), status("completed"), ok(failed)],
            end: "request 3f8a-01_Z failed: no face found",
        },
        WireScript {
            name: "cancelled elsewhere",
            turns: vec![accepted(), status("canceled"), status("cancelled")],
            end: "request 3f8a-01_Z was cancelled",
        },
        WireScript {
            name: "a token revoked while waiting",
            turns: vec![accepted(), refusal(200, 400_004)],
            end: "request 3f8a-01_Z: the token was not accepted (HTTP 200, \
                  error_code 400004, request 3f8a-01_Z): no; check the token: creating a new one revokes the old one",
        },
    ]
}

fn refused_submits() -> Vec<WireScript> {
    let too_long = Answer::new(429, "").with_header("retry-after", "3600");
    let turns = [
        ("429 that asks for more than the budget", too_long.into()),
        ("refused in words under 200", refusal(200, 400_002)),
        ("refused in words under 500", refusal(500, 400_001)),
        ("refused with 422", answer(422, r#"{"detail":[{"loc":["image_url"]}]}"#)),
        ("refused by a torn 402", Turn::HalfBody(Answer::new(402, "no credit at all"))),
        ("redirected by 307", redirect(307, "/v1/elsewhere")),
        ("redirected by 308", redirect(308, "/v1/elsewhere")),
    ];
    turns.map(|(name, turn)| WireScript { name, turns: vec![turn], end: "refused" }).into()
}

fn unknown_submits() -> Vec<WireScript> {
    let turns = [
        ("dropped", Turn::CloseAfterReading),
        ("reset", Turn::Reset),
        ("closed unread", Turn::CloseBeforeReading),
        ("stalled", Turn::Stall),
        ("answered 500", answer(500, "")),
        ("answered 503", Answer::new(503, "").with_header("retry-after", "0").into()),
        ("answered 408", answer(408, "")),
        ("answered with half a body", half()),
        ("answered with html", html()),
        ("answered without an id", ok(json!({"status": "in_queue"}))),
        ("answered with an id that is a path", ok(json!({"request_id": "../balance"}))),
        ("redirected by 302", redirect(302, "/v1/elsewhere")),
    ];
    turns.map(|(name, turn)| WireScript { name, turns: vec![turn], end: "unknown" }).into()
}

/// Returns a script with an accepted submit, the given polls, and an output.
fn wait(name: &'static str, polls: impl IntoIterator<Item = Turn>) -> WireScript {
    let turns = [accepted()].into_iter().chain(polls).chain([status("completed"), succeeded()]).collect();
    WireScript { name, turns, end: "succeeded" }
}

fn answer(status: u16, body: &str) -> Turn {
    Answer::new(status, body).into()
}

fn refusal(status: u16, code: u64) -> Turn {
    answer(status, &json!({"error_code": code, "error_message": "no"}).to_string())
}

fn html() -> Turn {
    answer(200, "<html>maintenance</html>")
}

fn half() -> Turn {
    Turn::HalfBody(Answer::new(200, json!({"request_id": ID, "status": "in_queue"}).to_string()))
}
