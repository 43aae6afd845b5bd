//! A schema as plain values: objects, properties, and the shape of a value.

use kling_types::fault::{IntegerBounds, ItemBounds, NumberBounds, TextBounds};
use kling_types::{MediaKind, MediaRule};
use serde_json::Value;

/// An object with its properties in the provider's order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObjectSchema {
    /// The provider's title.
    pub title: Option<String>,
    /// The provider's description.
    pub description: Option<String>,
    /// The properties, in the provider's order.
    pub properties: Vec<Property>,
    /// Whether properties that the schema does not name are allowed.
    pub open: bool,
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
    /// Whether it has to be there.
    pub required: bool,
    /// What the provider takes when nothing is sent; `null` is no default. It is never sent for the user.
    pub default: Option<Value>,
    /// A format that is documentation only, such as `uri`.
    pub format: Option<String>,
    /// What the value has to be.
    pub shape: Shape,
    /// The media rules of the property, in the provider's order.
    pub rules: Vec<MediaRule>,
}

/// What a value has to be.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Shape {
    /// Anything.
    Any,
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
}

impl Property {
    /// The kind of media that it holds, and whether it holds a list of them.
    #[must_use]
    pub fn media(&self) -> Option<(MediaKind, bool)> {
        match &self.shape {
            Shape::Media(kind) => Some((*kind, false)),
            Shape::List { items, .. } => match **items {
                Shape::Media(kind) => Some((kind, true)),
                _ => None,
            },
            _ => None,
        }
    }
}
