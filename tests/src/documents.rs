//! Arbitrary input documents for any schema of the provider: valid, with one fault, with many faults, or random.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::Union;
use serde_json::{Map, Number, Value, json};

use crate::standard;

/// Returns documents for an input schema. Half of them have values that are probably valid.
pub fn documents(input_schema: &str) -> BoxedStrategy<Value> {
    let schema: Value = serde_json::from_str(input_schema).expect("the schema is JSON");
    let schema = standard::expanded(&schema);
    let likely = object(&schema, 1);
    let faulty = object(&schema, 4);
    prop_oneof![4 => likely, 4 => faulty, 1 => garbage()].boxed()
}

/// Returns an object of the schema. Each property is random with a chance of `ten` in ten.
fn object(schema: &Value, faults_in_ten: u32) -> BoxedStrategy<Value> {
    let empty = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&empty);
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut fields: Vec<BoxedStrategy<Vec<(String, Value)>>> = Vec::new();
    for (name, property) in properties {
        let name = name.clone();
        let value = prop_oneof![10 - faults_in_ten => likely(property), faults_in_ten => garbage()];
        let presence = if required.contains(&name.as_str()) { 0.95 } else { 0.5 };
        let field = proptest::option::weighted(presence, value);
        fields.push(
            field
                .prop_map(move |value| value.map(|value| (name.clone(), value)).into_iter().collect())
                .boxed(),
        );
    }
    let additional = &schema["additionalProperties"];
    let value = if additional.is_object() {
        prop_oneof![3 => likely(additional), 1 => garbage()].boxed()
    } else {
        garbage()
    };
    let stranger = (key(), value).prop_map(|pair| vec![pair]);
    let strangers = prop_oneof![9 => Just(Vec::new()), faults_in_ten => stranger];
    (fields, strangers)
        .prop_map(|(fields, strangers)| {
            Value::Object(fields.into_iter().flatten().chain(strangers).collect())
        })
        .boxed()
}

/// Returns values that a property probably allows, and values at and beside its bounds.
fn likely(property: &Value) -> BoxedStrategy<Value> {
    if let Some(values) = property["enum"].as_array() {
        let values = values.clone();
        let floats = values.iter().filter_map(Value::as_f64).map(|float| json!(float)).collect::<Vec<_>>();
        return select([values, floats].concat()).boxed();
    }
    if let Some(forms) = property["anyOf"].as_array().or_else(|| property["oneOf"].as_array()) {
        return Union::new(forms.iter().map(likely)).boxed();
    }
    if let Some(kinds) = property["type"].as_array() {
        let of_kind = |kind: &Value| {
            let mut property = property.clone();
            property["type"] = kind.clone();
            likely(&property)
        };
        return Union::new(kinds.iter().map(of_kind)).boxed();
    }
    match property["type"].as_str() {
        Some("null") => Just(Value::Null).boxed(),
        Some("string") => text(property["maxLength"].as_u64()),
        Some("integer") => number(property, true),
        Some("number" | "float") => number(property, false),
        Some("boolean") => any::<bool>().prop_map(Value::from).boxed(),
        Some("array") => {
            let longest = property["maxItems"].as_u64().unwrap_or(3) as usize + 1;
            vec(likely(&property["items"]), 0..=longest).prop_map(Value::from).boxed()
        }
        Some("object") => object(property, 1),
        _ => text(None),
    }
}

fn text(longest: Option<u64>) -> BoxedStrategy<Value> {
    let url = Just("https://example.com/start.jpg".to_owned());
    let short = prop_oneof![3 => url, 1 => any::<String>(), 1 => Just(String::new())];
    let Some(longest) = longest else { return short.prop_map(Value::from).boxed() };
    // One scalar value more than allowed, in letters of one to four bytes and with combining marks.
    let letter = select(vec!["a", "é", "字", "🎬", "e\u{301}"]);
    let around = longest.saturating_sub(1) as usize..=longest as usize + 1;
    let long =
        (letter, around).prop_map(|(letter, chars)| letter.chars().cycle().take(chars).collect::<String>());
    prop_oneof![2 => short, 1 => long].prop_map(Value::from).boxed()
}

fn number(property: &Value, whole: bool) -> BoxedStrategy<Value> {
    let (low, high) =
        (property["minimum"].as_f64().unwrap_or(-10.0), property["maximum"].as_f64().unwrap_or(10.0));
    let step = if whole { 1.0 } else { 0.000_1 };
    let edges = vec![low, high, low - step, high + step, low + step, high - step, -0.0, low + 0.5];
    let inside = (0.0..=1.0_f64).prop_map(move |share| {
        let value = low + share * (high - low);
        if whole { value.round() } else { value }
    });
    prop_oneof![select(edges), inside].prop_map(move |value| any_spelling(value, whole)).boxed()
}

/// `5` and `5.0` are one number, so both must be accepted.
fn any_spelling(value: f64, whole: bool) -> Value {
    let is_exact = value.fract() == 0.0 && value.abs() < 9.0e15;
    if whole && is_exact && (value.abs() as u64).is_multiple_of(2) {
        json!(value as i64)
    } else {
        json!(value)
    }
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        select(vec!["promt", "imageUrl", "Duration", "", "a/b", "~", "字"]).prop_map(str::to_owned),
        "[a-z_]{1,12}"
    ]
}

fn garbage() -> BoxedStrategy<Value> {
    let numbers = vec![0.0, -0.0, 0.5, 1.0, 5.0, 7.0, 10.0, -1.0, 1e15, 1e300, -1e300, 5e-324, f64::MAX];
    let integers = vec![i64::MIN, -1, 0, 1, 5, 6, 10, 1391, i64::MAX];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        select(numbers).prop_map(|number| json!(number)),
        select(integers).prop_map(Value::from),
        any::<u64>().prop_map(|number| Value::Number(Number::from(number))),
        any::<String>().prop_map(Value::from),
        subsequence("https://data:5\u{0}\u{1f3ac}".chars().collect::<Vec<_>>(), 0..=16)
            .prop_map(|letters| Value::from(letters.into_iter().collect::<String>())),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(key(), inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
    .boxed()
}
