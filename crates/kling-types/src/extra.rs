//! Input properties that the schema does not have, sent knowingly.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{Keyword, Pointer, Violation};

/// The way past the schema: properties that the provider may know and the schema on file does not.
///
/// They are merged into the input when it is serialised. Reading an input never fills them: there, an unknown property
/// is an error, unless the schema itself leaves the object open.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Extra(Map<String, Value>);

impl Extra {
    /// Adds a property that is not in `known`, the names that the schema has.
    ///
    /// # Errors
    /// A violation when the schema has the name: it is set by its own method, where it is checked.
    pub fn insert(
        &mut self,
        known: &[&str],
        key: impl Into<String>,
        value: impl Into<Value>,
    ) -> Result<(), Violation> {
        let key = key.into();
        if known.contains(&key.as_str()) {
            let at = Pointer::ROOT;
            let allowed = "names that the schema does not have";
            let violation = Violation::new(at.key(&key), Keyword::Extra, "a property of the schema", allowed);
            return Err(violation.with_advice("set it by its own method"));
        }
        self.0.insert(key, value.into());
        Ok(())
    }

    /// Keeps a property that was read, of an object that leaves open which it may have.
    #[doc(hidden)]
    pub fn keep(&mut self, key: String, value: Value) {
        self.0.insert(key, value);
    }

    /// The properties.
    #[must_use]
    pub const fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }
}
