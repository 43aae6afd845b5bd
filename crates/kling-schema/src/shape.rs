//! A schema as plain values: objects, properties, and the shapes of values. They check JSON and read text at run time.

use std::fmt;

use kling_types::bounds::{IntegerBounds, ItemBounds, NumberBounds, TextBounds};
use kling_types::{
    Keyword, MediaKind, MediaRef, MediaRule, Pointer, Validate, Violation, Violations, any_of, check, json,
};
use serde_json::Value;

/// The schema of an object.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ObjectSchema {
    /// The provider's title.
    pub title: Option<String>,
    /// The provider's description.
    pub description: Option<String>,
    /// The other documentation of the schema.
    pub annotations: Vec<Annotation>,
    /// The properties, in the provider's order.
    pub properties: Vec<Property>,
    /// Whether the object may have properties that the schema does not name.
    pub open: bool,
    /// The shape of those properties, if the schema has one.
    pub additional: Option<Box<Shape>>,
}

/// The schema of a property.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Property {
    /// The name on the wire.
    pub name: String,
    /// The provider's title.
    pub title: Option<String>,
    /// The provider's description.
    pub description: Option<String>,
    /// The other documentation of the schema.
    pub annotations: Vec<Annotation>,
    /// Whether the object must have the property.
    pub required: bool,
    /// The value that the provider uses if none is sent. `null` is not a default. A default is never sent for the user. It may
    /// break the property's own rules: live pages have example prompts and texts that should be numbers.
    pub default: Option<Value>,
    /// A format that is documentation only, such as `uri`.
    pub format: Option<String>,
    /// The shape of the value.
    pub shape: Shape,
    /// The kind of media that the property refers to, or the first of several.
    pub media: Option<MediaKind>,
    /// The media rules of the property, in the provider's order.
    pub rules: Vec<MediaRule>,
}

/// A keyword that is documentation, such as `examples`, `deprecated` or `x-order`, or one that was not understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Annotation {
    /// The keyword. The place of an inner schema comes before it, such as `items/` or `anyOf/1/`. It is empty for a whole
    /// schema that was not understood.
    pub keyword: String,
    /// The value.
    pub value: Value,
}

/// The shape of a value.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Shape {
    /// Anything.
    #[default]
    Any,
    /// One of several shapes. None of them is [`Any`](Self::Any) or `AnyOf`.
    AnyOf(Vec<Self>),
    /// `true` or `false`.
    Boolean,
    /// An integer within bounds.
    Integer(IntegerBounds),
    /// An integer of a list.
    IntegerEnum(Vec<i64>),
    /// An array.
    List {
        /// The bounds of the length.
        bounds: ItemBounds,
        /// The shape of each element.
        items: Box<Self>,
    },
    /// A reference to a media file.
    Media(MediaKind),
    /// `null`, as one shape of several.
    Null,
    /// A finite number within bounds.
    Number(NumberBounds),
    /// A number of a list.
    NumberEnum(Vec<f64>),
    /// An object.
    Object(ObjectSchema),
    /// A string within bounds.
    Text(TextBounds),
    /// A string of a list.
    TextEnum(Vec<String>),
}

impl ObjectSchema {
    /// Returns the names of the properties, in the provider's order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.properties.iter().map(|property| property.name.as_str())
    }

    /// Returns the property with this name.
    pub fn property(&self, name: &str) -> Option<&Property> {
        self.properties.iter().find(|property| property.name == name)
    }

    /// Adds every violation of `value` to `out`.
    pub fn check(&self, value: &Value, at: &Pointer<'_>, out: &mut Violations) {
        let Some(object) = check::object(value, at, out) else { return };
        let names: Vec<&str> = self.names().collect();
        if !self.open {
            check::unknown_properties(object, &names, at, out);
        }
        for property in &self.properties {
            let at = at.key(&property.name);
            match object.get(&property.name) {
                Some(value) => property.shape.check(value, &at, out),
                None if property.required => check::missing(&at, out),
                None => {}
            }
        }
        if let Some(additional) = &self.additional {
            check::additional(value, &names, at, out, |value, at, out| additional.check(value, at, out));
        }
    }
}

impl Property {
    /// Creates a property whose schema cannot be read. Its value is not checked.
    pub(crate) fn unread(name: &str, schema: &Value, required: bool) -> Self {
        let unchecked = Annotation { keyword: String::new(), value: schema.clone() };
        Self { name: name.to_owned(), annotations: vec![unchecked], required, ..Self::default() }
    }

    /// Whether there is a default that keeps the property's own rules.
    pub fn has_legal_default(&self) -> bool {
        self.default.as_ref().is_some_and(|default| self.shape.accepts(default))
    }

    /// Whether the generated type of the property has the default as its `Default`. The type must be a bounded text or number
    /// or an enum. The default must keep its rules, and must fit into 64 bits if it is an integer.
    pub fn has_typed_default(&self) -> bool {
        let fits = |default: &Value| match default {
            Value::Number(number) => check::whole(number).is_none_or(|whole| i64::try_from(whole).is_ok()),
            _ => true,
        };
        let has_type = match &self.shape {
            Shape::Integer(bounds) => {
                *bounds != IntegerBounds::default() && self.default.as_ref().is_some_and(fits)
            }
            Shape::IntegerEnum(_) | Shape::NumberEnum(_) | Shape::TextEnum(_) => true,
            Shape::Number(bounds) => *bounds != NumberBounds::NONE,
            Shape::Text(bounds) => *bounds != TextBounds::default(),
            _ => false,
        };
        has_type && self.has_legal_default()
    }
}

impl Shape {
    /// Whether the value may be an array.
    pub fn is_plural(&self) -> bool {
        match self {
            Self::AnyOf(shapes) => shapes.iter().any(Self::is_plural),
            Self::List { .. } => true,
            _ => false,
        }
    }

    /// Whether `value` has no violation.
    pub fn accepts(&self, value: &Value) -> bool {
        let mut violations = Violations::new();
        self.check(value, &Pointer::ROOT, &mut violations);
        violations.is_empty()
    }

    /// Adds every violation of `value` to `out`.
    pub fn check(&self, value: &Value, at: &Pointer<'_>, out: &mut Violations) {
        match self {
            Self::Any => {}
            Self::AnyOf(shapes) => {
                let checks = shapes.iter().map(|shape| {
                    move |value: &Value, at: &Pointer<'_>, out: &mut _| shape.check(value, at, out)
                });
                any_of::any_of(value, checks, at, out);
            }
            Self::Boolean => check::boolean(value, at, out),
            Self::Integer(bounds) => check::integer(value, *bounds, at, out),
            Self::IntegerEnum(values) => check::integer_enum(value, values, at, out),
            Self::List { bounds, items } => {
                check::items(value, *bounds, at, out, |item, at, out| items.check(item, at, out));
            }
            Self::Media(_) => MediaRef::check_json(value, at, out),
            Self::Null => any_of::null(value, at, out),
            Self::Number(bounds) => check::number(value, *bounds, at, out),
            Self::NumberEnum(values) => check::number_enum(value, values, at, out),
            Self::Object(object) => object.check(value, at, out),
            Self::Text(bounds) => check::text(value, *bounds, at, out),
            Self::TextEnum(values) => check::text_enum(value, values, at, out),
        }
    }

    /// Reads a text as a value of this shape. That is the text itself if the shape allows it, and else the JSON in it. A single
    /// element is read as a list. A text that does not fit stays a text, and the check reports it.
    ///
    /// ```
    /// use kling_schema::Shape;
    /// use kling_types::bounds::IntegerBounds;
    /// assert_eq!(Shape::Integer(IntegerBounds::default()).read_text("5")?, 5);
    /// assert_eq!(Shape::TextEnum(vec!["5".into(), "auto".into()]).read_text("5")?, "5");
    /// # Ok::<(), kling_types::Violation>(())
    /// ```
    ///
    /// # Errors
    /// A violation for JSON in which a key occurs twice.
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
            // The violation is then about the text, or about the number.
            (Self::AnyOf(_) | Self::Media(_) | Self::Text(_) | Self::TextEnum(_), _) | (_, None) => as_text,
            (_, Some(json)) => json,
        })
    }

    /// Creates a choice of shapes: flat, each shape once. A single shape is not a choice.
    pub(crate) fn any_of(shapes: impl IntoIterator<Item = Self>) -> Self {
        let mut flat: Vec<Self> = Vec::new();
        for shape in shapes {
            let inner = match shape {
                Self::Any => return Self::Any,
                Self::AnyOf(inner) => inner,
                other => vec![other],
            };
            for shape in inner {
                if !flat.contains(&shape) {
                    flat.push(shape);
                }
            }
        }
        match flat.len() {
            0 => Self::Any,
            1 => flat.remove(0),
            _ => Self::AnyOf(flat),
        }
    }

    /// Returns the kind of the first media reference in the value, without the properties of objects in it.
    pub(crate) fn media_kind(&self) -> Option<MediaKind> {
        match self {
            Self::AnyOf(shapes) => shapes.iter().find_map(Self::media_kind),
            Self::List { items, .. } => items.media_kind(),
            Self::Media(kind) => Some(*kind),
            _ => None,
        }
    }
}

/// ```
/// use kling_schema::Shape;
/// use kling_types::bounds::IntegerBounds;
/// assert_eq!(Shape::Integer(IntegerBounds { min: Some(3), max: Some(15) }).to_string(), "integer, 3 to 15");
/// assert_eq!(Shape::IntegerEnum(vec![5, 10]).to_string(), "5 or 10");
/// ```
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("anything"),
            Self::AnyOf(shapes) => choice(f, shapes.iter().map(ToString::to_string)),
            Self::Boolean => f.write_str("true or false"),
            Self::Integer(IntegerBounds { min, max }) => range(f, "integer", "", *min, *max),
            Self::IntegerEnum(values) => choice(f, values.iter().map(ToString::to_string)),
            Self::List { bounds: ItemBounds { min, max }, items } => {
                range(f, &format!("list of ({items})"), " elements", *min, *max)
            }
            Self::Media(kind) => f.write_str(reference(*kind)),
            Self::Null => f.write_str("null"),
            Self::Number(bounds) => number(f, *bounds),
            Self::NumberEnum(values) => choice(f, values.iter().map(ToString::to_string)),
            Self::Object(object) if object.properties.is_empty() => match &object.additional {
                Some(shape) => write!(f, "object of ({shape})"),
                None => f.write_str("object"),
            },
            Self::Object(object) => {
                let names: Vec<&str> = object.names().collect();
                write!(f, "object with {}", names.join(", "))
            }
            Self::Text(TextBounds { min, max }) => range(f, "text", " characters", *min, *max),
            Self::TextEnum(values) => choice(f, values.iter().map(|value| format!("{value:?}"))),
        }
    }
}

const fn reference(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Audio => "sound",
        MediaKind::Image => "image",
        _ => "video",
    }
}

/// `5, 10 or 15`
fn choice(f: &mut fmt::Formatter<'_>, words: impl ExactSizeIterator<Item = String>) -> fmt::Result {
    let count = words.len();
    words.enumerate().try_for_each(|(index, word)| match count - index {
        _ if index == 0 => f.write_str(&word),
        1 => write!(f, " or {word}"),
        _ => write!(f, ", {word}"),
    })
}

/// `integer, 3 to 15`
fn range<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    noun: &str,
    unit: &str,
    min: Option<T>,
    max: Option<T>,
) -> fmt::Result {
    match (min, max) {
        (None, None) => f.write_str(noun),
        (Some(min), None) => write!(f, "{noun}, at least {min}{unit}"),
        (None, Some(max)) => write!(f, "{noun}, at most {max}{unit}"),
        (Some(min), Some(max)) => write!(f, "{noun}, {min} to {max}{unit}"),
    }
}

fn number(f: &mut fmt::Formatter<'_>, bounds: NumberBounds) -> fmt::Result {
    range(f, "number", "", bounds.min, bounds.max)?;
    bounds.above.map_or(Ok(()), |above| write!(f, ", above {above}"))?;
    bounds.below.map_or(Ok(()), |below| write!(f, ", below {below}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_is_read_as_the_shape() {
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
    fn a_key_that_occurs_twice_is_refused_but_in_a_text() {
        let text = r#"{"zoom": {"at": 1, "at": 2}}"#;
        let free = Shape::Object(ObjectSchema { open: true, ..ObjectSchema::default() });
        let refused = free.read_text(text).unwrap_err();
        assert_eq!((refused.pointer(), refused.keyword()), ("/zoom/at", Keyword::DuplicateKey));
        assert_eq!(Shape::Text(TextBounds::default()).read_text(text).unwrap(), text);
    }

    #[test]
    fn each_shape_has_a_short_description() {
        let text = |min, max| Shape::Text(TextBounds { min, max });
        let list =
            |items| Shape::List { bounds: ItemBounds { min: None, max: Some(4) }, items: Box::new(items) };
        let cases = [
            (text(None, None), "text"),
            (text(Some(1), Some(1391)), "text, 1 to 1391 characters"),
            (list(Shape::Media(MediaKind::Image)), "list of (image), at most 4 elements"),
            (
                Shape::TextEnum(vec!["auto".into(), "16:9".into(), "1\u{1b}".into()]),
                r#""auto", "16:9" or "1\u{1b}""#,
            ),
            (Shape::AnyOf(vec![text(None, None), Shape::Boolean]), "text or true or false"),
            (
                Shape::Number(NumberBounds { above: Some(0.5), max: Some(2.0), ..NumberBounds::NONE }),
                "number, at most 2, above 0.5",
            ),
        ];
        for (shape, words) in cases {
            assert_eq!(shape.to_string(), words);
        }
    }
}
