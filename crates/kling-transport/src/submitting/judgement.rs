//! What one attempt of a paid POST proves.

use bytes::Bytes;

use crate::envelope;
use crate::error_kind::Kind;
use crate::{Error, Failure, HttpReply, Phase, RequestId, excerpt};

/// What one attempt proves.
pub(super) enum Judgement {
    Accepted(RequestId),
    Refused(Error),
    Unknown(Cut),
}

/// Where an exchange was cut off.
pub(super) struct Cut {
    pub(super) phase: Phase,
    pub(super) status: Option<u16>,
    pub(super) message: String,
    pub(super) read: Bytes,
}

pub(super) fn judge(outcome: Result<HttpReply, Failure>) -> Judgement {
    match outcome {
        Ok(reply) => judge_reply(reply),
        Err(failure) => judge_failure(failure),
    }
}

/// An answer that broke off still refused, if its status did.
fn judge_failure(failure: Failure) -> Judgement {
    if failure.phase.is_before_sending() || failure.status.is_some_and(is_refusal) {
        return Judgement::Refused(match failure.status {
            Some(status) => {
                Error::new(Kind::of_status(status), excerpt::of(&failure.message)).with_status(status)
            }
            None => failure.into(),
        });
    }
    let message = excerpt::of(&failure.message);
    Judgement::Unknown(Cut { phase: failure.phase, status: failure.status, message, read: failure.read })
}

/// An id under a status of success stands against all else in the answer: a job has it. Then a refusal in words wins over the
/// status; then the status decides.
fn judge_reply(reply: HttpReply) -> Judgement {
    let status = reply.head.status;
    if let Some(id) = accepted(&reply) {
        return Judgement::Accepted(id);
    }
    let error = match envelope::open(&reply) {
        Ok(_) => Error::new(Kind::Protocol, "no usable request_id stands in the answer"),
        Err(error) if refuses(&error) || is_refusal(status) => return Judgement::Refused(error),
        Err(error) => error,
    };
    let message = excerpt::of(&error.to_string());
    Judgement::Unknown(Cut { phase: Phase::Reading, status: Some(status), message, read: reply.body })
}

/// The id of the job that was made, if the answer has a usable one.
fn accepted(reply: &HttpReply) -> Option<RequestId> {
    envelope::object(reply).ok()?.get("request_id")?.as_str()?.parse().ok()
}

/// Whether an `error_code` says by itself that no job was made, under any status.
fn refuses(error: &Error) -> bool {
    error.error_code().is_some_and(|code| {
        let under_success = error.status().is_some_and(|status| matches!(status, 200..=299));
        let like_status = Kind::status_of_code(code);
        Kind::of_known_code(code).is_some() || under_success && like_status.is_some_and(is_refusal)
    })
}

/// Whether an HTTP status says that no job was made.
///
/// 408 does not: the server gave up on a request that it may have in hand. Nor does 499, by which a proxy tells that the client
/// left before the answer. 307 and 308 do, as they ask for the very same request elsewhere; 301, 302 and 303 do not, since
/// servers answer so after they processed a POST.
const fn is_refusal(status: u16) -> bool {
    matches!(status, 307 | 308 | 400..=407 | 409..=498)
}
