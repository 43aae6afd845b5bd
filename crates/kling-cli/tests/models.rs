//! `kling models` and `kling schema`: the live catalog, and its changes.

mod program;

use std::fs;

use kling_sim::{Call, Reply, Sim};
use program::{Program, property, schemas};
use serde_json::{Value, json};

const KLING: &str = "kling/kling-1-6/pro/image-to-video";

/// A simulator whose catalog has another schema for the model.
fn moved(edit: impl Fn(&mut Value)) -> (Sim, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join(KLING);
    fs::create_dir_all(&own).unwrap();
    let on_file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/kling/kling-1-6/pro/image-to-video");
    for name in ["model.toml", "output.json"] {
        fs::copy(format!("{on_file}/{name}"), own.join(name)).unwrap();
    }
    let input = fs::read_to_string(format!("{on_file}/input.json")).unwrap();
    let mut input: Value = serde_json::from_str(&input).unwrap();
    edit(&mut input);
    fs::write(own.join("input.json"), input.to_string()).unwrap();
    (Sim::builder().schemas_dir(folder.path()).start().unwrap(), folder)
}

#[test]
fn the_catalog_is_listed_searched_and_shown() {
    let sim = Sim::builder().schemas_dir(schemas()).start().unwrap();
    let program = Program::at(&sim);
    let all = program.run(&["models", "list", "--json"]).json()["models"].as_array().unwrap().len();
    assert_eq!(program.run(&["models", "list"]).stdout.lines().count(), all + 1);
    insta::assert_snapshot!(program.run(&["models", "search", "made-up", "--kind", "video"]).shown());
    insta::assert_snapshot!(program.run(&["models", "search", "nothing", "of", "this"]).shown());
    insta::assert_snapshot!(program.run(&["models", "show", "made-up/choices"]).shown());
    assert_eq!(program.run(&["models", "show", KLING, "--json"]).json()["model_id"], KLING);
}

#[test]
fn text_of_the_catalog_moves_no_cursor() {
    let sim = Sim::start().unwrap();
    let hostile = "\u{1b}[2Jx\u{9b}31m\u{202e}\r\ny";
    let entry = json!({"model_id": hostile, "display_name": hostile, "description": hostile, "price_unit": hostile,
        "base_price_usd": 1, "kind": hostile, "inputs": [hostile], "required_inputs": [hostile], "categories": [hostile],
        "input_schema": {"type": "object", "properties": {hostile: {"type": "string", "default": hostile, "enum": [hostile]}}}});
    for (arguments, reply) in [
        (vec!["models", "list"], json!({"models": [entry], "total": 1})),
        (vec!["models", "show", KLING], entry.clone()),
        (vec!["models", "show", KLING, "--json"], entry.clone()),
        (vec!["schema", KLING, "--live"], entry.clone()),
    ] {
        sim.answer_next(Call::Catalog, Reply::json(200, &reply));
        let ended = Program::at(&sim).run(&arguments);
        let is_unsafe = |letter: char| letter != '\n' && letter.is_control() || letter == '\u{202e}';
        assert_eq!((ended.code, ended.stdout.contains(is_unsafe)), (0, false), "{ended:?}");
    }
}

#[test]
fn what_moved_is_the_exit_code() {
    let class = |edit: fn(&mut Value)| {
        let (sim, _folder) = moved(edit);
        let ended = Program::at(&sim).run(&["models", "drift", KLING, "--json"]);
        (ended.code, ended.json()["class"].clone())
    };
    assert_eq!(class(|_| {}), (0, Value::Null));
    assert_eq!(class(|input| input["properties"]["prompt"]["title"] = json!("P")), (10, json!("docs")));
    assert_eq!(
        class(|input| input["properties"]["new"] = json!({"type": "string"})),
        (11, json!("compatible"))
    );
    assert_eq!(
        class(|input| input["properties"]["prompt"]["maxLength"] = json!(1)),
        (12, json!("behaviour"))
    );
    assert_eq!(class(|input| input["required"] = json!(["prompt"])), (13, json!("breaking")));
}

#[test]
fn drift_names_what_moved_in_every_model() {
    let longest = property("prompt")["maxLength"].as_u64().unwrap();
    let (sim, _folder) = moved(|input| input["properties"]["prompt"]["maxLength"] = json!(longest - 1));
    let program = Program::at(&sim);
    let all = program.run(&["models", "drift", "--all"]);
    assert_eq!(all.code, 12);
    let change = format!("input /properties/prompt/maxLength: {longest} became {}", longest - 1);
    let moved = format!("{KLING}: behaviour: {change}");
    assert!(all.stdout.lines().any(|line| line == moved), "{all:?}");
    assert!(all.stdout.lines().filter(|line| line.ends_with(": unchanged")).count() > 1, "{all:?}");
    sim.answer_next(
        Call::Catalog,
        Reply::json(400, &json!({"error_code": 400_001, "error_message": "no such model"})),
    );
    let gone = program.run(&["models", "drift", KLING]);
    let text = format!("{KLING}: breaking: the model is no longer in the catalog\n");
    assert_eq!((gone.code, gone.stdout), (13, text));
    let strange = json!({"model_id": KLING, "input_schema": {"type": "strange"}});
    sim.answer_next(Call::Catalog, Reply::json(200, &strange));
    let unreadable = program.run(&["models", "drift", KLING]);
    assert!(unreadable.code == 13 && unreadable.stdout.contains("\"strange\""), "{unreadable:?}");
    assert_eq!(program.run(&["models", "drift", "maker/none"]).code, 64);
    assert_eq!(program.run(&["models", "drift"]).code, 64);
}

#[test]
fn a_schema_is_printed_without_a_token_where_it_is_compiled_in() {
    let program = Program::new();
    let on_file = |name: &str| -> Value {
        let path = format!("{}/../../schemas/{KLING}/{name}.json", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
    };
    assert_eq!(program.run(&["schema", KLING]).json(), on_file("input"));
    assert_eq!(program.run(&["schema", KLING, "--output"]).json(), on_file("output"));
    assert_eq!(program.run(&["schema", "maker/none"]).code, 77);
    let sim = Sim::builder().schemas_dir(schemas()).start().unwrap();
    let live = Program::at(&sim).run(&["schema", "openai/gpt-image-2/edit"]).json();
    assert_eq!(live["properties"]["images"]["maxItems"], 10);
}
