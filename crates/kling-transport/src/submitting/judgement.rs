//! What one attempt of a paid POST proves.

use bytes::Bytes;

use crate::answer::Answer;
use crate::envelope;
use crate::error_kind::Kind;
use crate::{Error, Failure, HttpReply, Phase, RequestId, excerpt, fields, lenient};

/// What one attempt proves.
pub(super) enum Judgement {
    /// A job was made. The warning says what was wrong with the answer.
    Accepted(RequestId, Option<Box<str>>),
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

/// An answer that broke off may still name its job. Without an id it still refused, if its status did.
fn judge_failure(failure: Failure) -> Judgement {
    let begun = HttpReply::begun(&failure);
    if let Some(reply) = &begun
        && let Some(answer) = Answer::read(reply)
        && let Some(id) = submitted_id(&answer, reply)
    {
        return Judgement::Accepted(id, answer.warning);
    }
    if failure.phase.is_before_sending() || failure.status.is_some_and(is_refusal) {
        return Judgement::Refused(match failure.status {
            Some(status) => Error::new(Kind::of_status(status), excerpt::of(&failure.message))
                .with_status(status)
                .with_retry_after(failure.retry_after),
            None => failure.into(),
        });
    }
    let message = excerpt::of(&failure.message);
    Judgement::Unknown(Cut { phase: failure.phase, status: failure.status, message, read: failure.read })
}

/// An id counts for more than all else in the answer: a job has it. Then a refusal in words wins over the status; then the
/// status decides.
fn judge_reply(reply: HttpReply) -> Judgement {
    let status = reply.head.status;
    let (is_whole, opened) = match Answer::read(&reply) {
        Some(answer) => {
            if let Some(id) = submitted_id(&answer, &reply) {
                return Judgement::Accepted(id, answer.warning);
            }
            // A part that is missing may hold an id, so that the rest proves no refusal.
            (answer.is_whole(), envelope::accepted(&reply, answer.object))
        }
        None => (false, Err(envelope::wordless(&reply))),
    };
    let error = match opened {
        Ok(_) => Error::new(Kind::Protocol, "no usable request_id stands in the answer"),
        Err(error) if is_whole && refuses(&error) || is_refusal(status) => return Judgement::Refused(error),
        Err(error) => error,
    };
    let message = excerpt::of(&error.to_string());
    Judgement::Unknown(Cut { phase: Phase::Reading, status: Some(status), message, read: reply.body })
}

/// The id of the job that was made, if the answer proves that there is one.
///
/// Under a status of success, and under 429, any id counts: a job has it. Under another status an id may be that of the
/// failed call. Then the answer must be no part of a page and name no error, and a refusal must look like an acceptance.
fn submitted_id(answer: &Answer, reply: &HttpReply) -> Option<RequestId> {
    let status = reply.head.status;
    let id = fields::request_id(&answer.object);
    if reply.head.is_success() {
        // In another place than the top, or a number that is too large to be read as one.
        let elsewhere = || lenient::request_id(&reply.body).filter(|_| !answer.complains());
        return id.or_else(elsewhere);
    }
    let has_links =
        ["status_url", "result_url", "cancel_url"].iter().any(|name| answer.object.contains_key(*name));
    let is_doubtful = answer.complains() || answer.is_embedded() || is_refusal(status) && !has_links;
    id.filter(|_| status == 429 || !is_doubtful)
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
