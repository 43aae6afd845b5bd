//! What generated builders share: values that may be wrong, gathered until `build`.

use crate::{Pointer, Violation, Violations, fault};

/// What a setter takes for a property of type `T`: the type itself, or whatever converts into it.
///
/// Nothing implements it by hand: it stands for `TryInto<T>` with an error that says what is wrong.
pub trait IntoField<T> {
    /// Converts it.
    ///
    /// # Errors
    /// Violations with pointers that start below the property.
    fn given(self) -> Result<T, Violations>;
}

impl<T, V: TryInto<T, Error: Into<Violations>>> IntoField<T> for V {
    fn given(self) -> Result<T, Violations> {
        self.try_into().map_err(Into::into)
    }
}

/// The violations that a builder has met, each with the position of its property in the schema.
#[derive(Clone, Debug, Default)]
pub struct BuildErrors(Vec<(usize, Violation)>);

impl BuildErrors {
    /// Converts what was given for the property `name`: the last value given is the one that counts.
    pub fn accept<T>(&mut self, position: usize, name: &'static str, value: impl IntoField<T>) -> Option<T> {
        self.0.retain(|(other, _)| *other != position);
        match value.given() {
            Ok(value) => Some(value),
            Err(violations) => {
                let at = Pointer::ROOT;
                let violations = violations.into_iter().map(|violation| violation.within(at.key(name)));
                self.0.extend(violations.map(|violation| (position, violation)));
                None
            }
        }
    }

    /// Says that the property `name` is missing, unless what was given for it is already known to be wrong.
    pub fn require(&mut self, position: usize, name: &'static str, is_set: bool) {
        if !is_set && self.0.iter().all(|(other, _)| *other != position) {
            self.0.push((position, fault::missing().within(Pointer::ROOT.key(name))));
        }
    }

    /// Adds a violation of a property that the schema does not have.
    pub fn push_extra(&mut self, violation: Violation) {
        self.0.push((usize::MAX, violation));
    }

    /// Whether nothing is wrong so far.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The violations in the order of the schema.
    #[must_use]
    pub fn into_violations(mut self) -> Violations {
        self.0.sort_by_key(|(position, _)| *position);
        self.0.into_iter().map(|(_, violation)| violation).collect()
    }
}
