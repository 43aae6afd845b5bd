//! The live catalog through both clients, against the simulator.
#![cfg(all(feature = "async", feature = "blocking", feature = "schema", feature = "kling-1-6"))]

use kling::schema::ChangeClass;
use kling::{Client, Drift, ErrorKind, ListModels, Model, Settings, Token, blocking};
use kling_sim::{Call, Reply, Sim};
use serde_json::{Value, json};

const MODEL: kling::ModelInfo = kling::kling_1_6_pro_image_to_video::Kling16ProImageToVideo::INFO;

fn settings(sim: &Sim) -> Settings {
    Settings::new(Token::new(sim.token()).unwrap()).with_base(sim.base_url().parse().unwrap())
}

/// Returns the drift, which is the same for both clients.
async fn drift(sim: &Sim, status: u16, body: &Value) -> Drift {
    let (one, other) = (Client::new(settings(sim)).unwrap(), blocking::Client::new(settings(sim)).unwrap());
    sim.answer_next(Call::Catalog, Reply::json(status, body));
    let by_one = kling::drift(&one, &MODEL).await.unwrap();
    sim.answer_next(Call::Catalog, Reply::json(status, body));
    assert_eq!(by_one, blocking::drift(&other, &MODEL).unwrap());
    by_one
}

#[tokio::test]
async fn both_clients_report_the_same_drift() {
    let sim = Sim::start().unwrap();
    let mut entry = json!({"model_id": MODEL.id});
    entry["input_schema"] = serde_json::from_str(MODEL.input_schema).unwrap();
    assert_eq!(drift(&sim, 200, &entry).await.class(), None);
    let longest = entry["input_schema"]["properties"]["prompt"]["maxLength"].as_u64().unwrap();
    entry["input_schema"]["properties"]["prompt"]["maxLength"] = json!(longest - 1);
    let changed = drift(&sim, 200, &entry).await;
    assert_eq!(changed.class(), Some(ChangeClass::Behaviour));
    let expected = format!("input /properties/prompt/maxLength: {longest} became {}", longest - 1);
    assert_eq!(changed.to_string(), format!("behaviour: {expected}"));
    entry["input_schema"] = json!(null);
    assert!(matches!(drift(&sim, 200, &entry).await, Drift::Unreadable(_)));
    let gone = json!({"error_code": 400_001, "error_message": "no such model"});
    assert_eq!(drift(&sim, 400, &gone).await, Drift::Gone);
}

#[tokio::test]
async fn a_failed_call_to_the_catalog_is_an_error_and_no_drift() {
    let sim = Sim::start().unwrap();
    let client = Client::new(settings(&sim)).unwrap();
    sim.answer_next(
        Call::Catalog,
        Reply::json(401, &json!({"error_code": 400_004, "error_message": "who?"})),
    );
    assert!(kling::drift(&client, &MODEL).await.unwrap_err().kind() == ErrorKind::Auth);
}

#[tokio::test]
async fn both_clients_read_the_whole_catalog() {
    let sim = Sim::start().unwrap();
    let (one, other) = (Client::new(settings(&sim)).unwrap(), blocking::Client::new(settings(&sim)).unwrap());
    let query = ListModels { search: Some("kling".to_owned()), ..ListModels::default() };
    let entries = kling::catalog(&one, &query).await.unwrap();
    assert!(entries.iter().any(|entry| entry["model_id"] == MODEL.id));
    assert_eq!(entries, blocking::catalog(&other, &query).unwrap());
    let first = ListModels { limit: Some(1), ..query };
    assert_eq!(kling::catalog(&one, &first).await.unwrap(), entries[..1]);
}
