//! A schema as plain values: objects, properties, and the shape of a value.

use kling_types::fault::{IntegerBounds, ItemBounds, NumberBounds, TextBounds};
use kling_types::{MediaKind, MediaRule, check};
use serde_json::Value;

/// An object with its properties in the provider's order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObjectSchema {
    /// The provider's title.
    pub title: Option<String>,
    /// The provider's description.
    pub description: Option<String>,
    /// What else the schema says without ruling anything.
    pub annotations: Vec<Annotation>,
    /// The properties, in the provider's order.
    pub properties: Vec<Property>,
    /// Whether properties that the schema does not name are allowed.
    pub open: bool,
    /// What each of those properties has to be, if the schema says it.
    pub additional: Option<Box<Shape>>,
}

/// One property of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Property {
    /// The name on the wire.
    pub name: String,
    /// The provider's title.
    pub title: Option<String>,
    /// The provider's description.
    pub description: Option<String>,
    /// What else the schema says without ruling anything.
    pub annotations: Vec<Annotation>,
    /// Whether it has to be there.
    pub required: bool,
    /// What the provider takes when nothing is sent; `null` is no default. It is never sent for the user, and it may break
    /// the property's own rules: live pages print example prompts and texts that should be numbers.
    pub default: Option<Value>,
    /// A format that is documentation only, such as `uri`.
    pub format: Option<String>,
    /// What the value has to be.
    pub shape: Shape,
    /// The kind of media that it refers to; of a choice between kinds, the first.
    pub media: Option<MediaKind>,
    /// The media rules of the property, in the provider's order.
    pub rules: Vec<MediaRule>,
}

/// A keyword that rules nothing, such as `examples`, `deprecated` or `x-order`: it is documentation.
#[derive(Clone, Debug, PartialEq)]
pub struct Annotation {
    /// The keyword; of an array's elements it has `items/` before it, and of the second form of a choice `anyOf/1/`. It is
    /// empty for a whole schema that was not understood.
    pub keyword: String,
    /// Its value.
    pub value: Value,
}

/// What a value has to be.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Shape {
    /// Anything.
    Any,
    /// One of several shapes, none of which is [`Any`](Self::Any) or a choice itself.
    AnyOf(Vec<Self>),
    /// `true` or `false`.
    Boolean,
    /// An integer within bounds.
    Integer(IntegerBounds),
    /// An integer out of a list.
    IntegerEnum(Vec<i64>),
    /// An array.
    List {
        /// How long it may be.
        bounds: ItemBounds,
        /// What each element has to be.
        items: Box<Self>,
    },
    /// A reference to a media file.
    Media(MediaKind),
    /// `null`, as one shape of several.
    Null,
    /// A finite number within bounds.
    Number(NumberBounds),
    /// A number out of a list.
    NumberEnum(Vec<f64>),
    /// An object.
    Object(ObjectSchema),
    /// A string within bounds.
    Text(TextBounds),
    /// A string out of a list.
    TextEnum(Vec<String>),
}

impl ObjectSchema {
    /// The names of the properties, in the provider's order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.properties.iter().map(|property| property.name.as_str())
    }

    /// The property with this name.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&Property> {
        self.properties.iter().find(|property| property.name == name)
    }
}

impl Property {
    /// A property of which nothing is understood but whether it has to be there: its schema is kept, unchecked.
    pub(crate) fn unread(name: &str, schema: &Value, required: bool) -> Self {
        let unchecked = Annotation { keyword: String::new(), value: schema.clone() };
        Self {
            name: name.to_owned(),
            title: None,
            description: None,
            annotations: vec![unchecked],
            required,
            default: None,
            format: None,
            shape: Shape::Any,
            media: None,
            rules: Vec::new(),
        }
    }

    /// Whether a default stands there that keeps the property's own rules.
    #[must_use]
    pub fn has_legal_default(&self) -> bool {
        self.default.as_ref().is_some_and(|default| self.shape.accepts(default))
    }

    /// Whether the type generated for its values has the default as its `Default`: a bounded text or number or an enum, with
    /// a default that its rules allow and an integer of 64 bits can hold.
    #[must_use]
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
    /// One of these shapes: flat, each once, and no choice where there is only one.
    pub(crate) fn any_of(shapes: impl IntoIterator<Item = Self>) -> Self {
        let mut flat: Vec<Self> = Vec::new();
        for shape in shapes {
            match shape {
                Self::Any => return Self::Any,
                Self::AnyOf(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        let mut once: Vec<Self> = Vec::new();
        flat.into_iter().for_each(|shape| {
            if !once.contains(&shape) {
                once.push(shape)
            }
        });
        match once.pop() {
            Some(only) if once.is_empty() => only,
            Some(last) => Self::AnyOf(once.into_iter().chain([last]).collect()),
            None => Self::Any,
        }
    }

    /// The kind of the first reference that it is or may hold; the properties of objects in it have their own.
    pub(crate) fn media_kind(&self) -> Option<MediaKind> {
        match self {
            Self::AnyOf(shapes) => shapes.iter().find_map(Self::media_kind),
            Self::List { items, .. } => items.media_kind(),
            Self::Media(kind) => Some(*kind),
            _ => None,
        }
    }

    /// Whether it is an array, or may be one.
    #[must_use]
    pub fn is_plural(&self) -> bool {
        match self {
            Self::AnyOf(shapes) => shapes.iter().any(Self::is_plural),
            Self::List { .. } => true,
            _ => false,
        }
    }
}
