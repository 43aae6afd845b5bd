//! Properties set on the command line, over an input from elsewhere.

use kling::schema::{ObjectSchema, Shape};
use kling::{Pointer, Violations};
use serde_json::{Map, Value};

use crate::arguments::Setting;
use crate::exit::{Exit, Stop};
use crate::shown;

/// Puts every setting into the input, each read as what its property takes; a name that is no property stays a text, for the
/// check to name. Where the input is no object, the check says that.
pub(crate) fn apply(settings: &[Setting], schema: &ObjectSchema, input: &mut Value) -> Result<(), Stop> {
    let Value::Object(input) = input else { return Ok(()) };
    for (index, Setting { key, text }) in settings.iter().enumerate() {
        let is_again = settings[..index].iter().any(|before| before.key == *key);
        let shape = schema.property(key).map(|property| &property.shape);
        let value = shape.map_or_else(|| Ok(Value::from(text.as_str())), |shape| shape.read_text(text));
        let value = value.map_err(|violation| Violations::from(violation.within(Pointer::ROOT.key(key))))?;
        match (is_again, shape) {
            (false, _) => drop(input.insert(key.clone(), value)),
            (true, Some(Shape::List { .. })) => add(input, key, value),
            (true, _) => {
                return Err(Stop::new(
                    Exit::Usage,
                    format!("--set {} was given twice; only lists can be repeated", shown::name(key)),
                ));
            }
        }
    }
    Ok(())
}

fn add(input: &mut Map<String, Value>, key: &str, value: Value) {
    if let (Some(Value::Array(elements)), Value::Array(more)) = (input.get_mut(key), value) {
        elements.extend(more);
    }
}

#[cfg(test)]
mod tests {
    use kling::OutputKind;
    use kling::schema::{ModelNotes, ModelSchema};
    use serde_json::json;

    use super::*;

    fn applied(settings: &[&str]) -> Result<Value, Stop> {
        let input = r#"{"type": "object", "properties": {"n": {"type": "integer"}, "prompt": {"type": "string"},
            "images": {"type": "array", "format": "image_uris"}, "camera": {"type": "object"}}}"#;
        let notes = ModelNotes::new(OutputKind::Video);
        let schema = ModelSchema::read("maker/model", input, ModelSchema::GENERIC_OUTPUT, notes).unwrap();
        let settings: Vec<Setting> = settings.iter().map(|text| text.parse().unwrap()).collect();
        let mut input = json!({"n": 1});
        apply(&settings, &schema.input, &mut input).map(|()| input)
    }

    #[test]
    fn a_setting_is_read_as_what_its_property_takes() {
        let input = applied(&["n=5", "prompt=5", "camera={\"zoom\": 3}", "strange=7"]).unwrap();
        assert_eq!(input, json!({"n": 5, "prompt": "5", "camera": {"zoom": 3}, "strange": "7"}));
        assert_eq!(applied(&["prompt=a=b", "n=five"]).unwrap(), json!({"n": "five", "prompt": "a=b"}));
    }

    #[test]
    fn a_key_that_stands_twice_is_refused_by_its_place() {
        let stop = applied(&["camera={\"zoom\": 1, \"zoom\": 2}"]).unwrap_err();
        assert_eq!(stop.exit(), Exit::Input);
        assert!(stop.message().contains("/camera/zoom: found the key twice"), "{}", stop.message());
    }

    #[test]
    fn a_list_grows_and_anything_else_is_set_once() {
        assert_eq!(applied(&["images=a.jpg", "images=b.jpg"]).unwrap()["images"], json!(["a.jpg", "b.jpg"]));
        assert_eq!(applied(&["n=5", "n=6"]).unwrap_err().exit(), Exit::Usage);
    }

    #[test]
    fn what_has_no_key_is_no_setting() {
        assert!("prompt".parse::<Setting>().is_err() && "=x".parse::<Setting>().is_err());
    }
}
