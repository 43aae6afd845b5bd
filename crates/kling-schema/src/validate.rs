//! Validation at run time, by the very checks that generated validators call.

use kling_types::{Pointer, Violations, any_of, check, output};
use serde_json::Value;

use crate::{ModelSchema, ObjectSchema, Shape};

impl ModelSchema {
    /// Checks an input.
    ///
    /// # Errors
    /// Every violation at once: the same ones, in the same order, as the generated validator of the model.
    pub fn validate_input(&self, value: &Value) -> Result<(), Violations> {
        check::document(value, |value, at, out| self.input.check(value, at, out))
    }

    /// Checks an output in any of its forms: an object, a bare URL, an array of URLs.
    ///
    /// # Errors
    /// Every violation at once.
    pub fn validate_output(&self, value: &Value) -> Result<(), Violations> {
        check::document(value, |value, at, out| {
            if !output::check_bare(value, at, out) {
                self.output.check(value, at, out);
            }
        })
    }
}

impl ObjectSchema {
    /// Adds everything that is wrong with `value` to `out`.
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

impl Shape {
    /// Whether nothing is wrong with `value`.
    #[must_use]
    pub fn accepts(&self, value: &Value) -> bool {
        let mut violations = Violations::new();
        self.check(value, &Pointer::ROOT, &mut violations);
        violations.is_empty()
    }

    /// Adds everything that is wrong with `value` to `out`.
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
            Self::Media(_) => check::media(value, at, out),
            Self::Null => any_of::null(value, at, out),
            Self::Number(bounds) => check::number(value, *bounds, at, out),
            Self::NumberEnum(values) => check::number_enum(value, values, at, out),
            Self::Object(object) => object.check(value, at, out),
            Self::Text(bounds) => check::text(value, *bounds, at, out),
            Self::TextEnum(values) => check::text_enum(value, values, at, out),
        }
    }
}
