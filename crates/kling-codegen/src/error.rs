//! Why nothing was generated: every reason at once.

use std::fmt;
use std::path::Path;

use kling_schema::SchemaError;

/// What stops the generator; nothing is written when there is one.
#[derive(Debug)]
pub struct Error(Vec<Problem>);

#[derive(Debug)]
enum Problem {
    InTheWay(String),
    Io(String),
    Model { model: String, message: String },
    Schema(SchemaError),
    Stale { file: String, why: &'static str, command: String },
}

impl Error {
    /// Whether the generated files differ from what the schemas say, and nothing else is wrong.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.0.iter().all(|problem| matches!(problem, Problem::Stale { .. }))
    }

    /// Something on the disk that the generator does not touch.
    pub(crate) fn in_the_way(path: &Path, why: &str) -> Self {
        Self(vec![Problem::InTheWay(format!("{} {why}", path.display()))])
    }

    pub(crate) fn io(path: &Path, error: &std::io::Error) -> Self {
        Self(vec![Problem::Io(format!("{}: {error}", path.display()))])
    }

    pub(crate) fn model(model: &str, message: impl Into<String>) -> Self {
        Self(vec![Problem::Model { model: model.to_owned(), message: message.into() }])
    }

    pub(crate) fn stale(file: &Path, why: &'static str, command: &str) -> Self {
        Self(vec![Problem::Stale { file: file.display().to_string(), why, command: command.to_owned() }])
    }

    /// The values, and the problems of all that failed.
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

    /// All of these problems as one error, if there is any.
    pub(crate) fn join(errors: impl IntoIterator<Item = Self>) -> Result<(), Self> {
        let problems: Vec<Problem> = errors.into_iter().flat_map(|error| error.0).collect();
        if problems.is_empty() { Ok(()) } else { Err(Self(problems)) }
    }

    /// All values, or the problems of all that failed.
    pub(crate) fn collect<T>(results: impl IntoIterator<Item = Result<T, Self>>) -> Result<Vec<T>, Self> {
        let (values, problems) = Self::split(results);
        Self::join([problems]).map(|()| values)
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let newline = if index == 0 { "" } else { "\n" };
            match problem {
                Problem::InTheWay(message) | Problem::Io(message) => write!(f, "{newline}{message}")?,
                Problem::Model { model, message } => write!(f, "{newline}{model}: {message}")?,
                Problem::Schema(error) => write!(f, "{newline}{error}")?,
                Problem::Stale { file, why, command } => write!(f, "{newline}{file} {why}; run `{command}`")?,
            }
        }
        Ok(())
    }
}

impl From<SchemaError> for Error {
    fn from(error: SchemaError) -> Self {
        Self(vec![Problem::Schema(error)])
    }
}
