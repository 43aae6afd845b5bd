//! The kinds of error, how codes and statuses become one, and what is said of each.

/// The kind of an [`Error`](crate::Error).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The caller gave a submit up while no attempt was out: nothing was made of it.
    Abandoned,
    /// The token is missing, expired, revoked, or its account is inactive (400004, HTTP 401).
    Auth,
    /// The server's certificate was not accepted, so nothing was sent. Behind a proxy or a firewall that inspects TLS,
    /// `SSL_CERT_FILE` may name a file with its CA certificate.
    Certificate,
    /// A value given here cannot be used, so nothing was sent: a token, a base URL, an id, a TLS setting.
    #[default]
    Config,
    /// The connection could not be opened: nothing was sent.
    Connect,
    /// A file came in the place of an output that is none: an error in JSON, a page, an empty body, another kind of media, or
    /// one that is compressed. It was not saved.
    Content,
    /// The disk took no file, or not all of it: it is full, say. Another name would not help.
    Disk,
    /// The very same request was submitted before, and nobody knows what came of it. Nothing was sent: it might pay twice.
    /// Settle the earlier one, or say that it is meant again.
    DuplicateRequest,
    /// A local file exists already or cannot be written.
    File,
    /// A file is being downloaded by somebody else at the moment.
    FileLocked,
    /// A download was refused because its URL is outside the hosts allowed.
    HostNotAllowed,
    /// The account's balance does not cover the job (400002, HTTP 402).
    InsufficientBalance,
    /// The connection broke before the whole reply came.
    Interrupted,
    /// The input or the model id was refused by the API (400001, HTTP 400, 413, 422).
    InvalidInput,
    /// The journal could not be written, so nothing was sent.
    Journal,
    /// The model or the request is not known, or expired (404001, HTTP 404, 410).
    NotFound,
    /// The result is asked for too early (400005): the job goes on.
    NotReady,
    /// The host of an output answered that it does not give the file (HTTP 401, 403, 404, 410 and the like, see
    /// [`Error::status`] and [`Error::host`]).
    ///
    /// This says nothing of the token, the account or the request, which that host does not know. The link may have expired:
    /// the result of the job names a fresh one.
    OutputUnavailable,
    /// The request belongs to another account (403001, HTTP 403).
    Permission,
    /// The answer was not what the API is known to send: HTML, torn JSON, another request's id.
    Protocol,
    /// The proxy cannot be used, so nothing was sent: it wants a user and a password (HTTP 407), or its scheme is not
    /// supported.
    Proxy,
    /// Too many calls (HTTP 429); see [`Error::retry_after`].
    RateLimited,
    /// The answer was a redirect, which is never followed: the token stays with its origin.
    Redirect,
    /// The API refused the call with another HTTP status 4xx.
    Refused,
    /// The server failed (HTTP 5xx).
    Server,
    /// No answer came in time (HTTP 408, or a limit of this client).
    Timeout,
    /// An output has more bytes than its download may bring.
    TooLarge,
}

impl ErrorKind {
    /// The kind of an `error_code` that the provider names, and nothing else.
    pub(crate) const fn of_known_code(code: i64) -> Option<Self> {
        Some(match code {
            400_001 => Self::InvalidInput,
            400_002 => Self::InsufficientBalance,
            400_004 => Self::Auth,
            400_005 => Self::NotReady,
            403_001 => Self::Permission,
            404_001 => Self::NotFound,
            _ => return None,
        })
    }

    /// The HTTP status that a code looks like: 429123 and 429 both read as 429.
    pub(crate) const fn status_of_code(code: i64) -> Option<u16> {
        match code {
            400..600 => Some(code as u16),
            400_000..600_000 => Some((code / 1000) as u16),
            _ => None,
        }
    }

    /// The kind of an HTTP status of 300 and above.
    pub(crate) const fn of_status(status: u16) -> Self {
        match status {
            300..=399 => Self::Redirect,
            400 | 413 | 415 | 422 => Self::InvalidInput,
            401 => Self::Auth,
            402 => Self::InsufficientBalance,
            403 => Self::Permission,
            404 | 410 => Self::NotFound,
            408 => Self::Timeout,
            429 => Self::RateLimited,
            500..=599 => Self::Server,
            status if status / 100 == 4 => Self::Refused,
            _ => Self::Protocol,
        }
    }

    pub(crate) const fn is_transient(self) -> bool {
        matches!(
            self,
            Self::Connect
                | Self::Content
                | Self::Interrupted
                | Self::Protocol
                | Self::RateLimited
                | Self::Server
                | Self::Timeout
        )
    }

    /// What was found; nothing where the message says all.
    pub(crate) const fn finding(self) -> Option<&'static str> {
        Some(match self {
            Self::Config
            | Self::Disk
            | Self::File
            | Self::HostNotAllowed
            | Self::FileLocked
            | Self::TooLarge
            | Self::DuplicateRequest => {
                return None;
            }
            Self::Auth => "the token was not accepted",
            Self::InsufficientBalance => "the account's balance does not cover this",
            Self::Certificate => "the server's certificate was not accepted",
            Self::Connect => "cannot connect",
            Self::Content => "the file that arrived is not the output",
            Self::Abandoned => "given up before another attempt was made",
            Self::Interrupted => "the connection broke",
            Self::InvalidInput => "the request was refused",
            Self::Journal => "the record of what is paid for could not be kept, so nothing was sent",
            Self::NotFound => "not found, or expired",
            Self::NotReady => "the result is not ready",
            Self::OutputUnavailable => "the output could not be downloaded",
            Self::Permission => "this account has no access",
            Self::Protocol => "the answer could not be read",
            Self::Proxy => "the proxy cannot be used",
            Self::RateLimited => "too many calls",
            Self::Redirect => "the API answered with a redirect, which is never followed",
            Self::Refused => "the call was refused",
            Self::Server => "the service failed",
            Self::Timeout => "no answer came in time",
        })
    }

    /// What to do about it.
    pub(crate) const fn advice(self) -> Option<&'static str> {
        Some(match self {
            Self::Auth => "check that the token is current: creating one revokes the one before",
            Self::InsufficientBalance => "add credit to the account and submit again",
            Self::Certificate if cfg!(any(target_vendor = "apple", windows)) => {
                "if a proxy or a firewall inspects TLS, add its CA certificate to the system's trust store"
            }
            Self::Certificate => {
                "if a proxy or a firewall inspects TLS, let SSL_CERT_FILE name a file with its CA certificate"
            }
            Self::NotFound => "check the id, and that the token is of the account that made it",
            Self::NotReady => "wait for the job, then ask again",
            Self::Permission => "use the token of the account that made the request",
            Self::Proxy => "name it as HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT",
            Self::RateLimited => "wait, then try again",
            Self::Redirect => "check the API's base URL",
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_digits_of_a_code_are_read_as_a_status_only_where_they_can_be_one() {
        let cases = [
            (429_123, Some(429)),
            (500_000, Some(500)),
            (200_001, None),
            (429, Some(429)),
            (42, None),
            (-1, None),
            (4_000_010, None),
        ];
        for (code, status) in cases {
            assert_eq!(ErrorKind::status_of_code(code), status, "{code}");
        }
    }
}
