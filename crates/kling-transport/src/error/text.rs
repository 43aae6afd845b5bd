//! What is said of an error.

use std::fmt;

use super::{Error, Inner};
use crate::Phase;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_finding(f)?;
        self.0.kind.advice().map_or(Ok(()), |advice| write!(f, "; {advice}"))
    }
}

impl Error {
    /// Writes what was found, without advice.
    pub(crate) fn write_finding(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, message, status, code, request_id, phase, .. } = &*self.0;
        let Some(finding) = kind.finding() else {
            return f.write_str(message);
        };
        f.write_str(finding)?;
        let facts = [
            // Of a connection that cannot be made, the finding says so already.
            phase.filter(|phase| *phase != Phase::Connect).map(|phase| format!("while {phase}")),
            status.map(|status| format!("HTTP {status}")),
            code.map(|code| format!("error_code {code}")),
            request_id.as_ref().map(|id| format!("request {id}")),
        ];
        let facts: Vec<_> = facts.into_iter().flatten().collect();
        if !facts.is_empty() {
            write!(f, " ({})", facts.join(", "))?;
        }
        if !message.is_empty() {
            write!(f, ": {message}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    /// The same facts as `Display`, and no raw detail, which may quote an input.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}: {self})", self.0.kind)
    }
}
