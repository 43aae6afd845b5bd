//! A shape in a few words, for people: what a value has to be.

use std::fmt;

use kling_types::MediaKind;
use kling_types::fault::{IntegerBounds, ItemBounds, NumberBounds, TextBounds};

use crate::Shape;

/// ```
/// use kling_schema::Shape;
/// use kling_types::fault::IntegerBounds;
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
    use super::*;

    #[test]
    fn each_shape_is_told_in_a_few_words() {
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
