//! The error of this crate.

use std::fmt;
use std::sync::Arc;

use kling_journal::{Error as JournalError, ErrorKind as JournalErrorKind};
use kling_media::Error as MediaError;
use kling_poll::WaitError;
use kling_schema::SchemaError;
use kling_transport::{CancelOutcome, Error as CallError, ErrorKind, RequestId, SubmitError, UnknownOutcome};
use kling_types::Violations;

/// Any error of this crate. `Display` is one line, without the token and the queries of URLs.
///
/// [`Error::kind`] tells the cause, and [`Error::is_money_at_stake`] whether a paid job needs attention.
///
/// ```
/// use kling::{ErrorKind, models::kling_1_6_pro_image_to_video::Input};
///
/// let build = || -> Result<Input, kling::Error> { Ok(Input::builder().prompt("a calm sea").build()?) };
/// let error = build().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::InvalidInput);
/// assert!(!error.is_money_at_stake());
/// assert_eq!(error.violations().unwrap().iter().next().unwrap().pointer(), "/image_url");
/// ```
#[derive(Clone)]
pub struct Error(Box<Cause>);

#[derive(Clone, Debug)]
enum Cause {
    Call(CallError),
    Invalid(Violations),
    Journal(JournalError),
    Media(Arc<MediaError>),
    Schema(SchemaError),
    /// The output of a paid job could not be saved, with its URL.
    Save {
        id: RequestId,
        url: String,
        error: CallError,
    },
    Unknown(Box<UnknownOutcome>),
    Wait(WaitError),
}

impl Error {
    /// Returns the kind.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match &*self.0 {
            Cause::Call(error) | Cause::Save { error, .. } => error.kind(),
            Cause::Invalid(_) => ErrorKind::InvalidInput,
            Cause::Journal(error) if error.kind() == JournalErrorKind::DuplicateRequest => {
                ErrorKind::DuplicateRequest
            }
            Cause::Journal(_) => ErrorKind::Journal,
            Cause::Media(error) if error.is_io() => ErrorKind::File,
            Cause::Media(_) => ErrorKind::InvalidInput,
            Cause::Schema(_) => ErrorKind::Protocol,
            Cause::Unknown(_) => ErrorKind::UnknownOutcome,
            Cause::Wait(error) => error.kind(),
        }
    }

    /// Whether a job may run and be billed, or an output of a paid job is not saved.
    ///
    /// [`Client::unfinished`](crate::Client::unfinished) and
    /// [`Client::unknown_outcomes`](crate::Client::unknown_outcomes) list such jobs.
    #[must_use]
    pub fn is_money_at_stake(&self) -> bool {
        match &*self.0 {
            Cause::Unknown(_) | Cause::Save { .. } => true,
            Cause::Wait(error) => {
                let is_over = error.is_failed() || error.is_cancelled() || error.is_not_found();
                let is_cancelled =
                    |reply: &kling_transport::CancelReply| reply.outcome == CancelOutcome::Cancelled;
                !is_over && !matches!(error.cancelling(), Some(Ok(reply)) if is_cancelled(reply))
            }
            _ => false,
        }
    }

    /// Returns the request id of the job that the error is about, if it is known.
    #[must_use]
    pub fn request_id(&self) -> Option<&RequestId> {
        match &*self.0 {
            Cause::Call(error) => error.request_id(),
            Cause::Save { id, .. } => Some(id),
            Cause::Wait(error) => Some(error.request_id()),
            _ => None,
        }
    }

    /// Returns every violation of the input, if the input was refused before anything was sent.
    #[must_use]
    pub fn violations(&self) -> Option<&Violations> {
        if let Cause::Invalid(violations) = &*self.0 { Some(violations) } else { None }
    }

    /// Returns the record of a submit whose outcome is unknown.
    #[must_use]
    pub fn unknown_outcome(&self) -> Option<&UnknownOutcome> {
        if let Cause::Unknown(unknown) = &*self.0 { Some(unknown) } else { None }
    }

    /// Returns the error of a wait, with the last state and the API's reason.
    #[must_use]
    pub fn wait_error(&self) -> Option<&WaitError> {
        if let Cause::Wait(error) = &*self.0 { Some(error) } else { None }
    }

    /// Returns the error of the call or download that failed, with its HTTP status and the API's code.
    #[must_use]
    pub fn call_error(&self) -> Option<&CallError> {
        match &*self.0 {
            Cause::Call(error) | Cause::Save { error, .. } => Some(error),
            Cause::Wait(error) => error.error(),
            _ => None,
        }
    }

    /// Returns the URL of the output that could not be saved. The URL opens without a token, so keep it out of logs.
    #[must_use]
    pub fn output_url(&self) -> Option<&str> {
        if let Cause::Save { url, .. } = &*self.0 { Some(url) } else { None }
    }

    /// Returns the error of an output that could not be saved.
    pub(crate) fn save(id: &RequestId, url: &str, error: CallError) -> Self {
        Cause::Save { id: id.clone(), url: url.to_owned(), error }.into()
    }
}

impl From<Cause> for Error {
    fn from(cause: Cause) -> Self {
        Self(Box::new(cause))
    }
}

impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        Cause::Call(error).into()
    }
}

impl From<SubmitError> for Error {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Rejected(error) => error.into(),
            SubmitError::Unknown(unknown) => Cause::Unknown(unknown).into(),
        }
    }
}

impl From<WaitError> for Error {
    fn from(error: WaitError) -> Self {
        Cause::Wait(error).into()
    }
}

impl From<Violations> for Error {
    fn from(violations: Violations) -> Self {
        Cause::Invalid(violations).into()
    }
}

impl From<JournalError> for Error {
    fn from(error: JournalError) -> Self {
        Cause::Journal(error).into()
    }
}

impl From<MediaError> for Error {
    fn from(error: MediaError) -> Self {
        Cause::Media(Arc::new(error)).into()
    }
}

impl From<SchemaError> for Error {
    fn from(error: SchemaError) -> Self {
        Cause::Schema(error).into()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Cause::Call(error) => error.fmt(f),
            Cause::Invalid(violations) => {
                write!(f, "the input was refused, and nothing was sent: {violations}")
            }
            Cause::Journal(error) => error.fmt(f),
            Cause::Media(error) => error.fmt(f),
            Cause::Schema(error) => error.fmt(f),
            Cause::Save { id, error, .. } => write!(
                f,
                "request {id} succeeded, but its output is not saved: {error}; the job is paid, so save it again"
            ),
            Cause::Unknown(unknown) => unknown.fmt(f),
            Cause::Wait(error) => error.fmt(f),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}: {self})", self.kind())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_crosses_threads_and_is_one_pointer() {
        const fn is_portable<T: std::error::Error + Send + Sync + 'static>() {}
        is_portable::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
