//! The live catalog through both clients, against the simulator.
#![cfg(all(feature = "async", feature = "blocking", feature = "kling-1-6"))]

use kling::catalog::{Drift, ListModels};
use kling::transport::Settings;
use kling::validation::ChangeClass;
use kling::{Client, ErrorKind, Token, blocking};
use kling_sim::{Call, Reply, Sim};
use kling_types::Model;
use serde_json::{Value, json};

const MODEL: kling_types::ModelInfo =
    kling::models::kling_1_6_pro_image_to_video::Kling16ProImageToVideo::INFO;

fn clients(sim: &Sim) -> (Client, blocking::Client) {
    let token = Token::new(sim.token()).unwrap();
    let settings = Settings::new(token).with_base(sim.base_url().parse().unwrap());
    let builder = || Client::builder().settings(settings.clone()).without_journal();
    (builder().build().unwrap(), builder().build_blocking().unwrap())
}

/// Returns the drift, which is the same for both clients.
async fn drift(sim: &Sim, status: u16, body: &Value) -> Drift {
    let (one, other) = clients(sim);
    sim.answer_next(Call::Catalog, Reply::json(status, body));
    let by_one = one.drift(&MODEL).await.unwrap();
    sim.answer_next(Call::Catalog, Reply::json(status, body));
    assert_eq!(by_one, other.drift(&MODEL).unwrap());
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
    let (client, _) = clients(&sim);
    sim.answer_next(
        Call::Catalog,
        Reply::json(401, &json!({"error_code": 400_004, "error_message": "who?"})),
    );
    assert!(client.drift(&MODEL).await.unwrap_err().kind() == ErrorKind::Auth);
}

#[tokio::test]
async fn both_clients_read_the_whole_catalog() {
    let sim = Sim::start().unwrap();
    let (one, other) = clients(&sim);
    let query = ListModels { search: Some("kling".to_owned()), ..ListModels::default() };
    let entries = one.catalog(query.clone()).all().await.unwrap();
    assert!(entries.iter().any(|entry| entry.id().as_str() == MODEL.id));
    assert_eq!(entries, other.catalog(query.clone()).unwrap());
    let first = ListModels { limit: Some(1), ..query };
    assert_eq!(one.catalog(first).all().await.unwrap(), entries[..1]);
}
