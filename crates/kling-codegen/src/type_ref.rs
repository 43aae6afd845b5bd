//! Rust types, and how the document for typify speaks of them.

use heck::ToUpperCamelCase;
use kling_schema::Shape;
use kling_types::fault::{IntegerBounds, NumberBounds, TextBounds};
use serde_json::{Value, json};

/// A Rust type, and how the document for typify speaks of it.
#[derive(Clone, Debug)]
pub(crate) struct TypeRef {
    pub(crate) path: String,
    pub(crate) document: Value,
    /// Where `document` refers to a definition that is replaced by `path`: the definition's name.
    pub(crate) replaces: Option<String>,
}

impl TypeRef {
    /// A definition that is replaced by a type of ours, and has its path for a name: no property makes one of a type elsewhere.
    pub(crate) fn replaced(path: &str) -> Self {
        Self { replaces: Some(path.to_owned()), ..Self::defined(path) }
    }

    /// An object that typify makes.
    pub(crate) fn defined(name: &str) -> Self {
        let document = json!({ "$ref": format!("#/definitions/{}", definition(name)) });
        Self { path: name.to_owned(), document, replaces: None }
    }

    /// An object that may hold anything.
    pub(crate) fn any_object() -> Self {
        Self::replaced("kt::export::Map<String, kt::export::Value>")
    }

    fn inline(path: &str, document: Value) -> Self {
        Self { path: path.to_owned(), document, replaces: None }
    }
}

/// What the definition of a type is called in the document for typify, which would spell some names anew: two capitals in a
/// row, letters beyond ASCII.
pub(crate) fn definition(name: &str) -> String {
    if name.is_ascii() && name == name.to_upper_camel_case() {
        return name.to_owned();
    }
    let digits: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("T{digits}")
}

/// The shapes that need no type of their own.
pub(crate) fn plain(shape: &Shape) -> Option<TypeRef> {
    Some(match shape {
        Shape::Any => TypeRef::replaced("kt::export::Value"),
        Shape::Boolean => TypeRef::inline("bool", json!({ "type": "boolean" })),
        Shape::Integer(bounds) if *bounds == IntegerBounds::default() => TypeRef::replaced("kt::Integer"),
        Shape::Media(_) => TypeRef::replaced("kt::MediaRef"),
        Shape::Null => TypeRef::replaced("kt::Null"),
        Shape::Number(bounds) if *bounds == NumberBounds::NONE => TypeRef::replaced("kt::Number"),
        Shape::Text(bounds) if *bounds == TextBounds::default() => {
            TypeRef::inline("String", json!({ "type": "string" }))
        }
        _ => return None,
    })
}

/// Outputs have plain types: a value outside a bound or an enum has been paid for, and is kept.
pub(crate) fn output_type(shape: &Shape) -> TypeRef {
    match shape {
        Shape::Integer(_) | Shape::IntegerEnum(_) => {
            TypeRef::inline("i64", json!({ "type": "integer", "format": "int64" }))
        }
        Shape::List { items, .. } => {
            let items = output_type(items);
            let document = json!({ "type": "array", "items": items.document });
            TypeRef { path: format!("Vec<{}>", items.path), document, replaces: items.replaces }
        }
        Shape::Number(_) | Shape::NumberEnum(_) => TypeRef::replaced("kt::Number"),
        Shape::Text(_) | Shape::TextEnum(_) | Shape::Media(_) => {
            TypeRef::inline("String", json!({ "type": "string" }))
        }
        Shape::Boolean => TypeRef::inline("bool", json!({ "type": "boolean" })),
        _ => TypeRef::replaced("kt::export::Value"),
    }
}
