//! The kinds of error, how codes and statuses become one, and what is said of each.

/// Private to the crate: callers ask [`Error`](crate::Error) questions.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Kind {
    Auth,
    Balance,
    Certificate,
    #[default]
    Config,
    Connect,
    Content,
    Disk,
    File,
    Abandoned,
    Host,
    InOtherHands,
    Interrupted,
    InvalidInput,
    Journal,
    NotFound,
    NotReady,
    OutputUnavailable,
    Permission,
    Protocol,
    Proxy,
    RateLimited,
    Redirect,
    Refused,
    Server,
    Timeout,
    TooLarge,
    Unresolved,
}

impl Kind {
    /// The kind of an `error_code` that the provider names, and nothing else.
    pub(crate) const fn of_known_code(code: i64) -> Option<Self> {
        Some(match code {
            400_001 => Self::InvalidInput,
            400_002 => Self::Balance,
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
            402 => Self::Balance,
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
            | Self::Host
            | Self::InOtherHands
            | Self::TooLarge
            | Self::Unresolved => {
                return None;
            }
            Self::Auth => "the token was not accepted",
            Self::Balance => "the account's balance does not cover this",
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
            Self::Balance => "add credit to the account and submit again",
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
            assert_eq!(Kind::status_of_code(code), status, "{code}");
        }
    }
}
