//! The absolute URLs in replies.

use kling_types::OutputKind;

use crate::route::output_path;

/// Where links point to.
#[derive(Debug)]
pub(crate) struct Links {
    origin: String,
    elsewhere: Option<String>,
}

impl Links {
    pub(crate) const fn new(origin: String, elsewhere: Option<String>) -> Self {
        Self { origin, elsewhere }
    }

    /// The simulator's own origin.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// The URL of a call on a request: `status`, `result` or `cancel`.
    pub(crate) fn request(&self, id: &str, call: &str) -> String {
        let origin = self.elsewhere.as_deref().unwrap_or(&self.origin);
        format!("{origin}/v1/requests/{id}/{call}")
    }

    /// The URL of an output file.
    pub(crate) fn output(&self, id: &str, number: usize, kind: OutputKind) -> String {
        format!("{}{}", self.origin, output_path(id, number, kind))
    }
}
