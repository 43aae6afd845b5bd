//! Checks for every model, compiled in or generated for a test.

use kling_schema::ModelSchema;
use kling_types::ModelInfo;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

use crate::documents::documents;
use crate::oracle::{Oracle, standard_pointers};
use crate::{canonical, standard};

/// The documents over all models, and the fewest for each.
const DOCUMENTS: u32 = 9_000;
const LEAST: u32 = 120;

/// Checks that an independent validator finds violations at the same pointers.
///
/// # Panics
/// If they differ.
pub fn with_the_standard(models: &[ModelInfo]) {
    every_document(models, |model| {
        let oracle = Oracle::of(model);
        move |document| {
            let ours = standard_pointers(&(model.validate_input)(document));
            prop_assert_eq!(ours, oracle.failing_pointers(document), "{}", document);
            Ok(())
        }
    });
}

/// Checks that validation by the schema at run time finds the same violations in the same order.
///
/// # Panics
/// If they differ.
pub fn at_run_time(models: &[ModelInfo]) {
    every_document(models, |model| {
        let schema = ModelSchema::of(model).unwrap_or_else(|error| panic!("{error}"));
        move |document| {
            prop_assert_eq!(schema.validate_input(document), (model.validate_input)(document));
            Ok(())
        }
    });
}

/// Checks that the typed input accepts the same documents as the validator, and writes them unchanged.
///
/// # Panics
/// If they differ.
pub fn of_types_and_json(models: &[ModelInfo]) {
    every_document(models, |model| {
        move |document| {
            let checked = (model.validate_input)(document);
            let typed = (model.normalize_input)(document);
            prop_assert_eq!(checked.is_ok(), typed.is_ok(), "{}: {:?} {:?}", document, checked, typed);
            let Ok(typed) = typed else { return Ok(()) };
            prop_assert_eq!(canonical::value(&typed), canonical::value(document));
            Ok(())
        }
    });
}

/// Checks that the JSON Schema derived from the types is equivalent to the provider's schemas.
///
/// # Panics
/// If they differ.
pub fn of_derived_schemas(models: &[ModelInfo]) {
    for model in models {
        let [input, output] = (model.derived_schemas)();
        let stated = canonical::schema(standard::input_schema(model));
        assert_eq!(canonical::schema(input.to_value()), stated, "{}", model.id);
        let printed: Value = serde_json::from_str(model.output_schema).expect("the schema is JSON");
        let mut printed = canonical::schema(printed.get("output").cloned().unwrap_or(printed));
        let derived = canonical::schema(output.to_value());
        // The type of an output may accept more than its schema, so that no paid output is lost.
        if let Some(Value::Object(properties)) = printed.get_mut("properties") {
            let says_nothing = |value: &Value| value.as_object().is_some_and(serde_json::Map::is_empty);
            for (name, property) in properties {
                if says_nothing(&derived["properties"][name.as_str()]) {
                    *property = Value::Object(serde_json::Map::new());
                }
            }
        }
        assert_eq!(derived, printed, "{}", model.id);
    }
}

fn every_document<T>(models: &[ModelInfo], test_of: impl Fn(&'static ModelInfo) -> T)
where
    T: Fn(&Value) -> Result<(), TestCaseError>,
{
    assert!(!models.is_empty());
    let cases = (DOCUMENTS / u32::try_from(models.len()).unwrap_or(u32::MAX)).max(LEAST);
    for model in models {
        let test = test_of(Box::leak(Box::new(*model)));
        let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
        let tested = runner.run(&documents(model.input_schema), |document| test(&document));
        tested.unwrap_or_else(|failure| panic!("{}: {failure}", model.id));
    }
}
