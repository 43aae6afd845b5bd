//! The reasons why nothing was generated, all at once.

use std::fmt;
use std::path::Path;

use kling_schema::SchemaError;

/// The problems that stop the generator. If there is one, no file is written.
#[derive(Debug)]
pub struct Error(Vec<Problem>);

#[derive(Debug)]
struct Problem {
    message: String,
    is_stale: bool,
}

impl Error {
    /// Whether the generated files differ from the schemas, and there is no other problem.
    pub fn is_stale(&self) -> bool {
        self.0.iter().all(|problem| problem.is_stale)
    }

    fn new(message: String) -> Self {
        Self(vec![Problem { message, is_stale: false }])
    }

    /// A file or folder that the generator must not touch.
    pub(crate) fn in_the_way(path: &Path, why: &str) -> Self {
        Self::new(format!("{} {why}", path.display()))
    }

    pub(crate) fn io(path: &Path, error: &std::io::Error) -> Self {
        Self::new(format!("{}: {error}", path.display()))
    }

    pub(crate) fn model(model: &str, message: impl fmt::Display) -> Self {
        Self::new(format!("{model}: {message}"))
    }

    pub(crate) fn stale(file: &Path, why: &str, command: &str) -> Self {
        let message = format!("{} {why}; run `{command}`", file.display());
        Self(vec![Problem { message, is_stale: true }])
    }

    /// The values, and the problems of every failure.
    pub(crate) fn split<T>(results: impl IntoIterator<Item = Result<T, Self>>) -> (Vec<T>, Self) {
        let (mut values, mut problems) = (Vec::new(), Vec::new());
        for result in results {
            match result {
                Ok(value) => values.push(value),
                Err(Self(more)) => problems.extend(more),
            }
        }
        (values, Self(problems))
    }

    /// The problems of several errors as one error, if there are any.
    pub(crate) fn join(errors: impl IntoIterator<Item = Self>) -> Result<(), Self> {
        let problems: Vec<Problem> = errors.into_iter().flat_map(|error| error.0).collect();
        if problems.is_empty() { Ok(()) } else { Err(Self(problems)) }
    }

    /// All values, or the problems of every failure.
    pub(crate) fn collect<T>(results: impl IntoIterator<Item = Result<T, Self>>) -> Result<Vec<T>, Self> {
        let (values, problems) = Self::split(results);
        Self::join([problems]).map(|()| values)
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let messages: Vec<&str> = self.0.iter().map(|problem| problem.message.as_str()).collect();
        f.write_str(&messages.join("\n"))
    }
}

impl From<SchemaError> for Error {
    fn from(error: SchemaError) -> Self {
        Self::new(error.to_string())
    }
}
