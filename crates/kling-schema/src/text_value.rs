//! Values given as text, on a command line say: read as what the schema wants there.

use kling_types::{Keyword, Violation, json};
use serde_json::Value;

use crate::Shape;

impl Shape {
    /// The value that a text stands for where this shape is wanted: the text itself where a text is right, else the JSON that
    /// it is, and for an array also a single element. What fits nothing stays a text, for the check to name.
    ///
    /// ```
    /// use kling_schema::Shape;
    /// use kling_types::fault::IntegerBounds;
    /// assert_eq!(Shape::Integer(IntegerBounds::default()).read_text("5")?, 5);
    /// assert_eq!(Shape::TextEnum(vec!["5".into(), "auto".into()]).read_text("5")?, "5");
    /// # Ok::<(), kling_types::Violation>(())
    /// ```
    ///
    /// # Errors
    /// A violation for JSON in which a key stands twice: of two values, nobody knows which is meant.
    pub fn read_text(&self, text: &str) -> Result<Value, Violation> {
        let as_text = Value::from(text);
        if self.accepts(&as_text) {
            return Ok(as_text);
        }
        let as_json = match json::from_slice(text.as_bytes()) {
            Err(violation) if violation.keyword() == Keyword::DuplicateKey => return Err(violation),
            read => read.ok(),
        };
        Ok(match (self, as_json) {
            (_, Some(json)) if self.accepts(&json) => json,
            (Self::List { .. }, Some(array @ Value::Array(_))) => array,
            (Self::List { items, .. }, _) => Value::Array(vec![items.read_text(text)?]),
            // A text that breaks a rule for texts is told so; a number out of bounds is told that.
            (Self::AnyOf(_) | Self::Media(_) | Self::Text(_) | Self::TextEnum(_), _) | (_, None) => as_text,
            (_, Some(json)) => json,
        })
    }
}

#[cfg(test)]
mod tests {
    use kling_types::MediaKind;
    use kling_types::fault::{IntegerBounds, ItemBounds, TextBounds};
    use serde_json::json;

    use super::*;
    use crate::ObjectSchema;

    #[test]
    fn a_text_is_read_as_what_is_wanted() {
        let integer = || Shape::Integer(IntegerBounds { min: Some(0), max: Some(9) });
        let list = |items| Shape::List { bounds: ItemBounds::default(), items: Box::new(items) };
        let cases = [
            (Shape::Text(TextBounds::default()), "5", json!("5")),
            (Shape::Boolean, "true", json!(true)),
            (integer(), "5", json!(5)),
            (integer(), "50", json!(50)),
            (integer(), "five", json!("five")),
            (Shape::TextEnum(vec!["auto".into()]), "5", json!("5")),
            (Shape::AnyOf(vec![Shape::TextEnum(vec!["auto".into()]), integer()]), "5", json!(5)),
            (list(Shape::Media(MediaKind::Image)), "https://a.b/c", json!(["https://a.b/c"])),
            (list(integer()), "[1, 2]", json!([1, 2])),
            (Shape::Media(MediaKind::Image), "photo.jpg", json!("photo.jpg")),
        ];
        for (shape, text, value) in cases {
            assert_eq!(shape.read_text(text).unwrap(), value, "{shape:?} {text}");
        }
    }

    #[test]
    fn a_key_that_stands_twice_is_refused_but_in_a_text() {
        let text = r#"{"zoom": {"at": 1, "at": 2}}"#;
        let free = Shape::Object(ObjectSchema { open: true, ..ObjectSchema::default() });
        let refused = free.read_text(text).unwrap_err();
        assert_eq!((refused.pointer(), refused.keyword()), ("/zoom/at", Keyword::DuplicateKey));
        assert_eq!(Shape::Text(TextBounds::default()).read_text(text).unwrap(), text);
    }
}
