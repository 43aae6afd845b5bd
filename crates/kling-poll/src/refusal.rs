//! Which errors are the API's own last word on a job.

use kling_transport::Error;

/// The request belongs to another account.
const PERMISSION_DENIED: i64 = 403_001;

/// The request is not known, or expired.
const RESOURCE_NOT_FOUND: i64 = 404_001;

/// Whether the API itself said that the job is not to be had with this token. Gateways say 403 and 404 as well, and in JSON: they
/// know no job, so only the API's own codes count.
pub(crate) fn is_final(error: &Error) -> bool {
    let is_denied = error.error_code() == Some(PERMISSION_DENIED);
    (error.is_auth() && error.is_in_words()) || is_denied || is_unknown(error)
}

/// Whether the API itself said that it knows no such job.
pub(crate) fn is_unknown(error: &Error) -> bool {
    error.error_code() == Some(RESOURCE_NOT_FOUND)
}
