//! Each reading of the points that the provider leaves open.

mod client;

use std::time::Duration;

use client::{accepted, cancel, get, image, input, result, status, submit};
use kling_sim::{
    ApiVariant, Builder, ErrorStatus, MediaRules, Megabyte, MismatchBody, OutputForm, Sim, StatusWords,
    SubmitStatus, UnfinishedResult, UnknownInputs,
};
use serde_json::{Value, json};

fn start(set_up: impl FnOnce(Builder) -> Builder) -> Sim {
    set_up(client::builder().manual_time()).start().unwrap()
}

fn finished(sim: &Sim, input: &Value) -> (Value, Value) {
    let id = accepted(sim, input);
    sim.advance(Duration::from_secs(3600));
    (status(sim, &id), result(sim, &id))
}

#[test]
fn a_submit_may_be_accepted_with_202() {
    let sim = start(|sim| {
        sim.api_variant(ApiVariant { submit_status: SubmitStatus::Accepted202, ..ApiVariant::default() })
    });
    let answer = submit(&sim, &input());
    assert_eq!((answer.status, &answer.json()["status"]), (202, &json!("in_queue")));
}

#[test]
fn an_unfinished_result_may_be_an_error() {
    let sim = start(|sim| {
        sim.api_variant(ApiVariant {
            unfinished_result: UnfinishedResult::Error400005,
            ..ApiVariant::default()
        })
    });
    let id = accepted(&sim, &input());
    let refusal = get(&sim, &format!("/requests/{id}/result")).refusal();
    assert_eq!((refusal.0, refusal.1), (400, 400_005));
    sim.advance(Duration::from_secs(3600));
    assert_eq!(result(&sim, &id)["status"], "succeeded");
}

#[test]
fn media_rules_may_apply_while_running_or_never() {
    let small = json!({"image_url": image(100, 100, 0)});
    let sim = start(|sim| {
        sim.api_variant(ApiVariant { media_rules: MediaRules::WhileRunning, ..ApiVariant::default() })
    });
    let (status, result) = finished(&sim, &small);
    assert_eq!((&status["status"], &result["status"]), (&json!("completed"), &json!("failed")));
    assert!(result["error"].as_str().unwrap().contains("must both exceed 300 pixels"));
    assert_eq!(sim.billed()[0].microdollars, 0);

    let sim = start(|sim| {
        sim.api_variant(ApiVariant { media_rules: MediaRules::Ignored, ..ApiVariant::default() })
    });
    assert_eq!(finished(&sim, &small).1["status"], "succeeded");
}

#[test]
fn a_failed_job_may_be_billed_and_a_cancelled_one_too() {
    let sim = start(|sim| {
        sim.api_variant(ApiVariant {
            bill_failed_jobs: true,
            bill_cancelled_jobs: true,
            ..ApiVariant::default()
        })
        .balance(1.0)
    });
    sim.fail_next_job("no luck");
    assert_eq!(finished(&sim, &input()).1["cost"], 0.25);
    cancel(&sim, &accepted(&sim, &input()));
    assert!((sim.balance() - 0.5).abs() < 1e-9);
}

#[test]
fn outputs_have_three_forms() {
    let urls = |sim: &Sim| finished(sim, &input()).1["output"].clone();
    assert!(
        urls(&start(
            |sim| sim.api_variant(ApiVariant { output_form: OutputForm::Url, ..ApiVariant::default() })
        ))
        .is_string()
    );
    assert_eq!(
        urls(&start(|sim| sim
            .api_variant(ApiVariant { output_form: OutputForm::Array, ..ApiVariant::default() })
            .output_count(2)))
        .as_array()
        .unwrap()
        .len(),
        2
    );
    let several = urls(&start(|sim| sim.output_count(3)));
    assert!(several["videos"][2].as_str().unwrap().ends_with("/output_3.mp4"));
}

#[test]
fn status_words_may_differ() {
    let words = StatusWords {
        in_queue: "pending".into(),
        failed_on_status: "failed".into(),
        cancelled: "canceled".into(),
        succeeded: "completed".into(),
        cancel_outcome: "cancellation_requested".into(),
        ..StatusWords::default()
    };
    let sim = start(|sim| sim.api_variant(ApiVariant { status_words: words, ..ApiVariant::default() }));
    let id = accepted(&sim, &input());
    assert_eq!(status(&sim, &id)["status"], "pending");
    assert_eq!(cancel(&sim, &id).json()["outcome"], "cancellation_requested");
    assert_eq!(status(&sim, &id)["status"], "canceled");
    assert_eq!(finished(&sim, &input()).1["status"], "completed");
    sim.fail_next_job("no luck");
    assert_eq!(finished(&sim, &input()).0["status"], "failed");
}

#[test]
fn errors_may_have_another_status() {
    let sim = start(|sim| {
        sim.api_variant(ApiVariant { error_status: ErrorStatus::AlwaysOk, ..ApiVariant::default() })
    });
    assert_eq!(get(&sim, "/requests/none/status").refusal().0, 200);
    let sim = start(|sim| {
        sim.api_variant(ApiVariant { error_status: ErrorStatus::Conventional, ..ApiVariant::default() })
            .balance(0.0)
    });
    assert_eq!(submit(&sim, &input()).refusal().0, 402);
}

#[test]
fn a_mismatch_may_have_the_form_of_a_framework() {
    let sim = start(|sim| {
        sim.api_variant(ApiVariant { mismatch_body: MismatchBody::Framework, ..ApiVariant::default() })
    });
    let answer = submit(&sim, &json!({"image_url": ""}));
    assert_eq!(answer.status, 422);
    assert_eq!(answer.json()["detail"][0]["loc"], json!(["body", "image_url"]));
}

#[test]
fn unknown_inputs_may_be_accepted() {
    let sim = start(|sim| {
        sim.api_variant(ApiVariant { unknown_inputs: UnknownInputs::Ignored, ..ApiVariant::default() })
    });
    let mut body = input();
    body["camera_control"] = json!("down_back");
    assert_eq!(submit(&sim, &body).status, 200);
    body["duration"] = json!(7);
    let answer = submit(&sim, &body);
    assert!(answer.refusal().2.contains("/duration") && !answer.refusal().2.contains("camera_control"));
}

#[test]
fn a_megabyte_may_be_binary_and_a_data_uri_limited() {
    let sim =
        start(|sim| sim.api_variant(ApiVariant { megabyte: Megabyte::Binary, ..ApiVariant::default() }));
    assert_eq!(submit(&sim, &json!({"image_url": image(400, 400, 10_485_759)})).status, 200);
    let refused = submit(&sim, &json!({"image_url": image(400, 400, 10_485_760)}));
    assert_eq!(refused.json()["detail"][0]["found"], "10485760 bytes");
    assert_eq!(refused.json()["detail"][0]["allowed"], "file_size_mb < 10");
    let sim =
        start(|sim| sim.api_variant(ApiVariant { data_uri_limit: Some(1000), ..ApiVariant::default() }));
    assert_eq!(submit(&sim, &json!({"image_url": image(400, 400, 1000)})).status, 200);
    assert_eq!(submit(&sim, &json!({"image_url": image(400, 400, 1001)})).status, 422);
}

#[test]
fn links_may_have_another_origin() {
    let sim = start(|sim| {
        sim.api_variant(ApiVariant {
            link_origin: Some("https://elsewhere.example".into()),
            ..ApiVariant::default()
        })
    });
    let links = submit(&sim, &input()).json();
    assert!(links["status_url"].as_str().unwrap().starts_with("https://elsewhere.example/v1/requests/"));
    let id = links["request_id"].as_str().unwrap();
    assert_eq!(status(&sim, id)["status"], "in_queue");
}

#[test]
fn an_account_may_have_a_limit_of_unfinished_jobs() {
    let sim = start(|sim| sim.job_limit(2));
    let id = accepted(&sim, &input());
    accepted(&sim, &input());
    assert_eq!(submit(&sim, &input()).refusal().0, 429);
    cancel(&sim, &id);
    accepted(&sim, &input());
    sim.advance(Duration::from_secs(3600));
    accepted(&sim, &input());
}

#[test]
fn any_token_may_open_an_account_with_its_own_balance() {
    let sim = start(|sim| sim.any_token().balance(2.0));
    accepted(&sim, &input());
    let balance =
        |token| client::send("GET", &sim.balance_url(), Some(token), None).json()["balance_usd"].clone();
    assert_eq!(balance(sim.token()), 1.75);
    assert_eq!(balance("another"), 2.0);
}
