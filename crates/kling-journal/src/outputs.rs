//! The URLs of what a job made, which are kept and never shown by accident.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The URLs of a job's outputs. They open without a token and carry an account's id, so `Debug` tells only how many there are.
#[derive(Clone, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Outputs(Vec<String>);

impl Outputs {
    /// The URLs, in the order of the API.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<U: Into<String>> FromIterator<U> for Outputs {
    fn from_iter<I: IntoIterator<Item = U>>(urls: I) -> Self {
        Self(urls.into_iter().map(Into::into).collect())
    }
}

impl fmt::Debug for Outputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outputs({})", self.0.len())
    }
}
