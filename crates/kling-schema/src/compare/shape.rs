//! Shapes of two versions: first whether the Rust type is another one, then which bound moved which way.

use std::fmt::Display;

use kling_types::fault::{IntegerBounds, ItemBounds, NumberBounds, TextBounds};

use super::change::{ChangeClass, Collector};
use crate::Shape;

/// What a shape is, as far as the type that is generated for it tells: bounded texts and numbers have types of their own.
pub(super) fn kind(shape: &Shape) -> &'static str {
    match shape {
        Shape::Any => "any value",
        Shape::AnyOf(_) => "choice",
        Shape::Boolean => "boolean",
        Shape::Integer(IntegerBounds { min: None, max: None }) => "integer",
        Shape::Integer(bounds) if bounds.fits_i64() => "integer between bounds",
        Shape::Integer(_) => "wide integer with a bound",
        Shape::IntegerEnum(_) => "enum of integers",
        Shape::List { .. } => "array",
        Shape::Media(_) => "media reference",
        Shape::Null => "null",
        Shape::Number(bounds) if *bounds == NumberBounds::NONE => "number",
        Shape::Number(_) => "number with bounds",
        Shape::NumberEnum(_) => "enum of numbers",
        Shape::Object(object) if object.open && object.properties.is_empty() => match object.additional {
            Some(_) => "object of any names",
            None => "free object",
        },
        Shape::Object(_) => "object",
        Shape::Text(bounds) if *bounds == TextBounds::default() => "string",
        Shape::Text(_) => "string with bounds",
        Shape::TextEnum(_) => "enum of strings",
    }
}

impl Collector {
    /// Compares what two versions of a value have to be.
    pub(super) fn shape(&mut self, old: &Shape, new: &Shape, at: &str) {
        if kind(old) != kind(new) {
            return self.push(ChangeClass::Breaking, format!("{at}/type"), Some(kind(old)), Some(kind(new)));
        }
        match (old, new) {
            (Shape::AnyOf(old), Shape::AnyOf(new)) => self.forms(old, new, at),
            (Shape::Integer(old), Shape::Integer(new)) => {
                self.bound([old.min, new.min], Tightens::Upwards, at, "minimum");
                self.bound([old.max, new.max], Tightens::Downwards, at, "maximum");
            }
            (Shape::IntegerEnum(old), Shape::IntegerEnum(new)) => self.values(old, new, at),
            (Shape::List { bounds: old, items }, Shape::List { bounds: new, items: others }) => {
                self.sizes(*old, *new, at);
                self.shape(items, others, &format!("{at}/items"));
            }
            (Shape::Number(old), Shape::Number(new)) => self.number(*old, *new, at),
            (Shape::NumberEnum(old), Shape::NumberEnum(new)) => self.values(old, new, at),
            (Shape::Object(old), Shape::Object(new)) => self.object(old, new, at),
            (Shape::Text(old), Shape::Text(new)) => {
                self.bound([old.min, new.min], Tightens::Upwards, at, "minLength");
                self.bound([old.max, new.max], Tightens::Downwards, at, "maxLength");
            }
            (Shape::TextEnum(old), Shape::TextEnum(new)) => self.values(old, new, at),
            _ => {}
        }
    }

    fn number(&mut self, old: NumberBounds, new: NumberBounds, at: &str) {
        self.bound([old.min, new.min], Tightens::Upwards, at, "minimum");
        self.bound([old.max, new.max], Tightens::Downwards, at, "maximum");
        self.bound([old.above, new.above], Tightens::Upwards, at, "exclusiveMinimum");
        self.bound([old.below, new.below], Tightens::Downwards, at, "exclusiveMaximum");
    }

    fn sizes(&mut self, old: ItemBounds, new: ItemBounds, at: &str) {
        self.bound([old.min, new.min], Tightens::Upwards, at, "minItems");
        self.bound([old.max, new.max], Tightens::Downwards, at, "maxItems");
    }

    fn bound<T: Display + PartialOrd + Copy>(
        &mut self,
        [old, new]: [Option<T>; 2],
        tightens: Tightens,
        at: &str,
        keyword: &str,
    ) {
        let is_tighter = match (old, new) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(old), Some(new)) => match tightens {
                Tightens::Upwards => new > old,
                Tightens::Downwards => new < old,
            },
        };
        let class = if is_tighter { ChangeClass::Behaviour } else { ChangeClass::Compatible };
        self.compare(class, format!("{at}/{keyword}"), old, new);
    }

    fn values<T: PartialEq + std::fmt::Debug>(&mut self, old: &[T], new: &[T], at: &str) {
        let at = format!("{at}/enum");
        for value in old.iter().filter(|value| !new.contains(value)) {
            self.push(ChangeClass::Breaking, &at, Some(format!("{value:?}")), None);
        }
        for value in new.iter().filter(|value| !old.contains(value)) {
            self.push(ChangeClass::Compatible, &at, None, Some(format!("{value:?}")));
        }
        let is_same_set = old.len() == new.len() && old.iter().all(|value| new.contains(value));
        if is_same_set && old != new {
            self.push(ChangeClass::Docs, &at, Some(format!("{old:?}")), Some(format!("{new:?}")));
        }
    }

    /// Forms of a choice are told apart by what they are; each kind stands there once but for objects of several sorts.
    fn forms(&mut self, old: &[Shape], new: &[Shape], at: &str) {
        let at = format!("{at}/anyOf");
        let mut others: Vec<&Shape> = new.iter().collect();
        for (index, form) in old.iter().enumerate() {
            match others.iter().position(|other| kind(other) == kind(form)) {
                Some(found) => self.shape(form, others.remove(found), &format!("{at}/{index}")),
                None => self.push(ChangeClass::Breaking, &at, Some(kind(form)), None),
            }
        }
        for form in others {
            self.push(ChangeClass::Compatible, &at, None, Some(kind(form)));
        }
    }
}

/// Which way a bound moves when it allows less.
#[derive(Clone, Copy)]
enum Tightens {
    Upwards,
    Downwards,
}
