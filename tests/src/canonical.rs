//! One spelling for schemas and values that say the same.

use serde_json::{Map, Value, json};

/// What the provider's words and a derived schema both say. Prose and annotations are the provider's alone, the closing of
/// objects and the draft ours alone; a bound of an integer is inclusive, sizes from 0 are none, a null default is none.
#[must_use]
pub fn schema(mut schema: Value) -> Value {
    simplify(&mut schema);
    schema
}

/// A document with every number as the double that it is.
#[must_use]
pub fn value(value: &Value) -> Value {
    match value {
        Value::Array(elements) => elements.iter().map(self::value).collect(),
        Value::Number(number) => json!(number.as_f64()),
        Value::Object(object) => object.iter().map(|(key, one)| (key.clone(), self::value(one))).collect(),
        other => other.clone(),
    }
}

fn simplify(schema: &mut Value) {
    if *schema == json!(true) {
        *schema = json!({});
    }
    let Value::Object(keywords) = schema else { return };
    keywords.retain(|keyword, value| is_rule(keyword, value));
    if let Some(only) = keywords.remove("const") {
        keywords.insert("enum".to_owned(), json!([only]));
    }
    if let Some(schemas) = keywords.remove("oneOf") {
        keywords.insert("anyOf".to_owned(), schemas);
    }
    state_forms(keywords);
    if keywords.get("type").is_some_and(|kind| kind == "integer") {
        include_bounds(keywords);
    }
    for (keyword, value) in keywords.iter_mut() {
        match (keyword.as_str(), value) {
            ("properties", Value::Object(properties)) => properties.values_mut().for_each(simplify),
            ("validations", Value::Array(rules)) => *rules = rules.iter().flat_map(plain_rules).collect(),
            ("anyOf", Value::Array(schemas)) => schemas.iter_mut().for_each(simplify),
            ("additionalProperties", values) => simplify(values),
            ("items", items) => {
                simplify(items);
                // A default of an element is documentation.
                items.as_object_mut().map(|items| items.remove("default"));
            }
            (_, other) => *other = self::value(other),
        }
    }
    bound_values(keywords);
    if let Some(Value::Array(required)) = keywords.get_mut("required") {
        required.sort_by_key(ToString::to_string);
    }
}

/// A media rule without blanks, its bound a number; an equality is two of them.
fn plain_rules(rule: &Value) -> Vec<Value> {
    let words = rule["validation_rule"].as_str().unwrap_or_default().replace(' ', "");
    let bound = &rule["validation_value"];
    let bound = bound.as_f64().or_else(|| bound.as_str()?.parse().ok());
    let error = rule["validation_error"].as_str().unwrap_or_default();
    let plain =
        |words: &str| json!({"validation_rule": words, "validation_value": bound, "validation_error": error});
    match words.strip_suffix("==") {
        Some(metric) => vec![plain(&format!("{metric}>=")), plain(&format!("{metric}<="))],
        None => vec![plain(&words)],
    }
}

/// Several types are a choice of schemas of one type each.
fn state_forms(keywords: &mut Map<String, Value>) {
    let listed = keywords.get("enum").and_then(Value::as_array).cloned().unwrap_or_default();
    let kinds = match keywords.get("type") {
        Some(Value::Array(kinds)) => kinds.clone(),
        Some(_) => return,
        None => {
            let mut kinds: Vec<Value> = Vec::new();
            listed.iter().map(|value| json!(kind_of(value))).for_each(|kind| {
                if !kinds.contains(&kind) {
                    kinds.push(kind);
                }
            });
            kinds
        }
    };
    let mut forms: Vec<Value> =
        kinds.iter().filter_map(Value::as_str).map(|kind| form(keywords, kind)).collect();
    keywords.retain(|keyword, _| matches!(keyword.as_str(), "anyOf" | "default" | "validations"));
    match (forms.pop(), forms.is_empty()) {
        (Some(Value::Object(only)), true) => keywords.extend(only),
        (Some(last), _) => {
            forms.push(last);
            keywords.insert("anyOf".to_owned(), Value::Array(forms));
        }
        (None, _) => {}
    }
}

/// What the keywords say of one type.
fn form(keywords: &Map<String, Value>, kind: &str) -> Value {
    let about: &[&str] = match kind {
        "array" => &["items", "maxItems", "minItems"],
        "integer" | "number" => &["exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum"],
        "object" => &["additionalProperties", "properties", "required"],
        "string" => &["maxLength", "minLength"],
        _ => &[],
    };
    let mut form: Map<String, Value> = keywords
        .iter()
        .filter(|(keyword, _)| about.contains(&keyword.as_str()))
        .map(|(keyword, value)| (keyword.clone(), value.clone()))
        .collect();
    form.insert("type".to_owned(), json!(kind));
    if let Some(Value::Array(listed)) = keywords.get("enum") {
        let own: Vec<&Value> = listed.iter().filter(|value| kind_of(value) == kind).collect();
        form.insert("enum".to_owned(), json!(own));
    }
    Value::Object(form)
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Array(_) => "array",
        Value::Bool(_) => "boolean",
        Value::Null => "null",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::Object(_) => "object",
        Value::String(_) => "string",
    }
}

/// Listed values outside the bounds beside them cannot be sent.
fn bound_values(keywords: &mut Map<String, Value>) {
    if !keywords.contains_key("enum") {
        return;
    }
    let mut bound = |keyword| keywords.remove(keyword).and_then(|bound| bound.as_f64());
    let (least, most) = (bound("minimum"), bound("maximum"));
    if let Some(Value::Array(listed)) = keywords.get_mut("enum") {
        let is_within =
            |number: f64| least.is_none_or(|least| number >= least) && most.is_none_or(|most| number <= most);
        listed.retain(|value| value.as_f64().is_none_or(is_within));
    }
}

fn is_rule(keyword: &str, value: &Value) -> bool {
    const RULES: [&str; 19] = [
        "additionalProperties",
        "anyOf",
        "const",
        "default",
        "enum",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "items",
        "maxItems",
        "maxLength",
        "maximum",
        "minItems",
        "minLength",
        "minimum",
        "oneOf",
        "properties",
        "required",
        "type",
        "validations",
    ];
    let says_nothing = match keyword {
        // The closing of an object is ours.
        "additionalProperties" => value.is_boolean(),
        "minItems" | "minLength" => value.as_u64() == Some(0),
        "default" => value.is_null(),
        "required" => value.as_array().is_some_and(Vec::is_empty),
        "properties" => value.as_object().is_some_and(Map::is_empty),
        _ => false,
    };
    RULES.contains(&keyword) && !says_nothing
}

fn include_bounds(keywords: &mut Map<String, Value>) {
    for (inclusive, exclusive, step) in
        [("minimum", "exclusiveMinimum", 1), ("maximum", "exclusiveMaximum", -1)]
    {
        if let Some(bound) = keywords.remove(exclusive).and_then(|bound| bound.as_i64()) {
            keywords.insert(inclusive.to_owned(), json!(bound + step));
        }
    }
    for (keyword, round) in [("minimum", f64::ceil as fn(f64) -> f64), ("maximum", f64::floor)] {
        if let Some(bound) = keywords.get_mut(keyword) {
            *bound = json!(bound.as_f64().map(round));
        }
    }
}
