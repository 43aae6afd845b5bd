//! Jobs from submit to result, over real sockets in manual time.

mod client;

use std::time::Duration;

use client::{accepted, cancel, get, input, post, result, status, submit};
use kling_schema::ModelSchema;
use kling_sim::{Call, Reply, SIMULATED_HEADER, Sim, UNCHECKED_HEADER};
use serde_json::{Value, json};

fn manual() -> Sim {
    client::builder().manual_time().concurrency(1).start().unwrap()
}

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[test]
fn a_job_goes_from_submit_to_result() {
    let sim = manual();
    let answer = submit(&sim, &input());
    assert_eq!(answer.status, 200);
    let links = answer.json();
    let id = links["request_id"].as_str().unwrap();
    for call in ["status", "result", "cancel"] {
        assert_eq!(links[format!("{call}_url")], format!("{}/requests/{id}/{call}", sim.base_url()));
    }
    let waiting = status(&sim, id);
    assert_eq!((&waiting["status"], &waiting["queue_position"]), (&json!("in_queue"), &json!(1)));
    assert_eq!(waiting["status_url"], links["status_url"]);
    sim.advance(seconds(4));
    assert_eq!(status(&sim, id)["status"], "in_progress");
    assert_eq!(status(&sim, id).get("queue_position"), None);
    sim.advance(seconds(20));
    assert_eq!(status(&sim, id)["status"], "completed");
    let done = result(&sim, id);
    assert_eq!((&done["status"], &done["cost"]), (&json!("succeeded"), &json!(0.25)));
    assert!(done["output"]["video"].as_str().unwrap().ends_with(&format!("/outputs/{id}%3D/output.mp4")));
    assert!(done["created_at"].as_str() < done["finished_at"].as_str());
    assert_eq!(get(&sim, &format!("/requests/{id}/result")).json().get("cost"), None);
}

#[test]
fn positions_in_the_queue_go_down() {
    let sim = manual();
    let ids: Vec<String> = (0..3).map(|_| accepted(&sim, &input())).collect();
    let positions = |sim: &Sim| -> Vec<Value> {
        ids.iter().map(|id| status(sim, id)["queue_position"].clone()).collect()
    };
    assert_eq!(positions(&sim), [json!(1), json!(2), json!(3)]);
    sim.advance(seconds(4));
    assert_eq!(positions(&sim), [Value::Null, json!(1), json!(2)]);
    sim.advance(seconds(20));
    assert_eq!(positions(&sim), [Value::Null, Value::Null, json!(1)]);
}

#[test]
fn a_job_is_cancelled_only_while_it_waits() {
    let sim = manual();
    let (running, waiting) = (accepted(&sim, &input()), accepted(&sim, &input()));
    sim.advance(seconds(5));
    let heard = cancel(&sim, &waiting);
    assert_eq!(heard.status, 202);
    assert_eq!(heard.json(), json!({"request_id": waiting, "status": "cancelled", "outcome": "cancelled"}));
    for (id, state) in [(&running, "in_progress"), (&waiting, "cancelled")] {
        let refused = cancel(&sim, id);
        assert_eq!(refused.status, 202);
        assert_eq!(refused.json(), json!({"request_id": id, "status": state, "outcome": "not_cancellable"}));
    }
    assert_eq!(status(&sim, &waiting)["status"], "cancelled");
    assert_eq!(result(&sim, &waiting)["status"], "cancelled");
    assert_eq!(result(&sim, &waiting).get("output"), None);
}

#[test]
fn an_unfinished_result_has_the_state() {
    let sim = manual();
    let id = accepted(&sim, &input());
    assert_eq!(result(&sim, &id)["status"], "in_queue");
    sim.advance(seconds(4));
    let running = result(&sim, &id);
    assert_eq!(running["status"], "in_progress");
    assert!(running.get("output").is_none() && running.get("finished_at").is_none());
}

#[test]
fn a_failing_job_is_completed_on_status_and_failed_on_result() {
    let sim = manual();
    sim.fail_next_job(json!({"reason": "content policy"}));
    let (doomed, good) = (accepted(&sim, &input()), accepted(&sim, &input()));
    sim.advance(seconds(60));
    assert_eq!(status(&sim, &doomed)["status"], "completed");
    let failed = result(&sim, &doomed);
    assert_eq!((&failed["status"], &failed["error"]["reason"]), (&json!("failed"), &json!("content policy")));
    assert_eq!(failed.get("output"), None);
    assert_eq!(result(&sim, &good)["status"], "succeeded");
}

#[test]
fn every_accepted_submit_is_billed_and_a_cancelled_one_refunded() {
    let sim = client::builder().manual_time().balance(1.0).start().unwrap();
    let body = json!({"image_url": "https://example.com/start.jpg", "duration": 10});
    let id = accepted(&sim, &body);
    assert_eq!(submit(&sim, &json!({})).status, 422);
    assert!((sim.balance() - 0.5).abs() < 1e-9);
    let bills = sim.billed();
    assert_eq!(bills.len(), 1);
    assert_eq!((bills[0].request_id.as_str(), bills[0].model_id.as_str()), (id.as_str(), client::MODEL));
    assert_eq!((bills[0].microdollars, bills[0].refunded), (500_000, false));
    assert_eq!(bills[0].body_sha256.len(), 64);
    cancel(&sim, &id);
    assert!((sim.balance() - 1.0).abs() < 1e-9);
    assert!(sim.billed()[0].refunded);
}

#[test]
fn the_same_body_has_the_same_hash_and_another_has_another() {
    let sim = manual();
    accepted(&sim, &input());
    accepted(&sim, &input());
    accepted(&sim, &json!({"image_url": "https://example.com/start.jpg", "duration": 5}));
    let hashes: Vec<String> = sim.billed().into_iter().map(|bill| bill.body_sha256).collect();
    assert_eq!(hashes[0], hashes[1]);
    assert_ne!(hashes[0], hashes[2]);
}

#[test]
fn every_reply_is_labelled_and_names_unchecked_images() {
    let sim = manual();
    let submitted = submit(&sim, &input());
    assert_eq!(submitted.header(UNCHECKED_HEADER), Some("/image_url"));
    sim.answer_next(Call::Status, Reply::html(502, "<h1>Bad gateway</h1>"));
    for answer in [submitted, get(&sim, "/requests/x/status"), get(&sim, "/models"), get(&sim, "/nothing")] {
        assert_eq!(answer.header(SIMULATED_HEADER), Some("true"));
    }
}

#[test]
fn a_queued_reply_replaces_one_reply() {
    let sim = manual();
    let id = accepted(&sim, &input());
    sim.answer_next(Call::Status, Reply::json(429, &json!({})).header("retry-after", "7"));
    let limited = get(&sim, &format!("/requests/{id}/status"));
    assert_eq!((limited.status, limited.header("retry-after")), (429, Some("7")));
    assert_eq!(status(&sim, &id)["status"], "in_queue");
}

#[test]
fn a_queued_reply_may_hide_a_billed_submit() {
    let sim = manual();
    sim.answer_next(Call::Submit, Reply::empty(503));
    sim.answer_next(Call::Submit, Reply::empty(503).after_processing());
    assert_eq!(submit(&sim, &input()).status, 503);
    assert_eq!(sim.billed().len(), 0);
    assert_eq!(submit(&sim, &input()).status, 503);
    assert_eq!(sim.billed().len(), 1);
}

#[test]
fn calls_are_recorded_without_the_token() {
    let sim = manual();
    let id = accepted(&sim, &input());
    result(&sim, &id);
    client::send("GET", &format!("{}/models", sim.base_url()), None, None);
    let calls = sim.requests();
    let recorded: Vec<(Call, bool, Option<u16>)> =
        calls.iter().map(|call| (call.call, call.has_auth, call.status)).collect();
    let expected =
        [(Call::Submit, true, Some(200)), (Call::Result, true, Some(200)), (Call::Catalog, false, Some(400))];
    assert_eq!(recorded, expected);
    assert_eq!(calls[1].query.as_deref(), Some("include_cost=true"));
    assert!(!format!("{calls:?} {sim:?}").contains(sim.token()));
}

#[test]
fn a_speed_runs_time_by_itself() {
    let sim = client::builder().speed(1e9).start().unwrap();
    let id = accepted(&sim, &input());
    assert_eq!(status(&sim, &id)["status"], "completed");
}

#[test]
fn a_stopped_simulator_frees_its_port() {
    let sim = manual();
    let port: u16 = sim.base_url().split([':', '/']).nth(4).unwrap().parse().unwrap();
    assert!(client::builder().port(port).start().is_err());
    drop(sim);
    assert!(client::builder().port(port).start().is_ok());
}

#[test]
fn an_invalid_speed_is_refused() {
    for speed in [f64::NAN, f64::INFINITY, -1.0] {
        assert!(client::builder().speed(speed).start().is_err());
    }
}

#[test]
fn a_simulator_starts_and_stops_inside_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let sim = manual();
        let port: u16 = sim.base_url().split([':', '/']).nth(4).unwrap().parse().unwrap();
        assert!(client::builder().port(port).start().is_err());
    });
}

#[test]
fn an_output_matches_the_output_schema() {
    let sim = manual();
    let submitted = post(&sim, &format!("/models/{}", client::COMPILED_IN), &input()).json();
    let id = submitted["request_id"].as_str().unwrap();
    sim.advance(seconds(60));
    let model = kling_types::models::find(client::COMPILED_IN).unwrap();
    let schema = ModelSchema::of(model).unwrap();
    assert_eq!(schema.validate_output(&result(&sim, id)["output"]), Ok(()));
}
