//! The account's token: read once, sent to the API's own origin only, never printed.

use std::env;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::Error;
use crate::spellings::Spellings;

/// The variables that may hold a token, the first one set wins: the provider's ComfyUI nodes, its command-line tool and
/// its API pages each use a name of their own.
pub const TOKEN_VARIABLES: [&str; 3] = ["RUNCOMFY_API_TOKEN", "RUNCOMFY_TOKEN", "YOUR_API_TOKEN"];

/// An account's API token, safe to keep in a struct that derives `Debug`.
///
/// It implements neither `Display` nor `Serialize`, and its `Debug` shows nothing of it. A token gives the right to spend
/// the account's balance.
///
/// ```
/// let token = kling_transport::Token::new("rc-0123456789")?;
/// assert_eq!(format!("{token:?}"), "Token(redacted)");
/// # Ok::<(), kling_transport::Error>(())
/// ```
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct Token(Arc<Secret>);

#[derive(Eq, Hash, PartialEq)]
struct Secret {
    text: Box<str>,
    /// The forms in which a server may quote it.
    spellings: Spellings,
    /// The value of the header, made once for all requests.
    bearer: Bytes,
}

impl Token {
    /// Takes a token as text; white space around it is cut off, since files end with a line break.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if it is empty, a placeholder, in quotes, follows the word Bearer, or holds anything but visible
    /// ASCII, which a header cannot carry. Nothing of it is quoted.
    pub fn new(text: impl AsRef<str>) -> Result<Self, Error> {
        Self::named("the token", text.as_ref())
    }

    /// Takes a token from the place that `name` names.
    fn named(name: &str, text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if let Some(problem) = problem(text) {
            return Err(Error::config(format!("{name} {problem}")));
        }
        Ok(Self(Arc::new(Secret {
            text: text.into(),
            spellings: Spellings::of(text),
            bearer: format!("Bearer {text}").into(),
        })))
    }

    /// Reads the first of [`TOKEN_VARIABLES`] that is set and not blank.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if none is, or if its value is no token; the error names the variable.
    pub fn from_env() -> Result<Self, Error> {
        // A value that is no Unicode is refused by its letters outside ASCII.
        Self::from_variables(|name| env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    fn from_variables(read: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let found = TOKEN_VARIABLES
            .iter()
            .filter_map(|name| Some((name, read(name)?)))
            .find(|(_, value)| !value.trim().is_empty());
        match found {
            Some((name, value)) => Self::named(name, &value),
            None => Err(Error::config(format!("no token was found: set {}", TOKEN_VARIABLES[0]))),
        }
    }

    /// A short hash that tells accounts apart in a record, and tells nothing of the token: 12 hexadecimal digits of a SHA-256
    /// over the token and a constant. A new token of the same account has another.
    #[must_use]
    pub fn account_hash(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(b"kling account: ");
        hash.update(self.expose().as_bytes());
        hash.finalize()[..6].iter().fold(String::new(), |digits, byte| format!("{digits}{byte:02x}"))
    }

    /// The text itself.
    pub(crate) fn expose(&self) -> &str {
        &self.0.text
    }

    /// The forms in which a text may quote it.
    pub(crate) fn spellings(&self) -> &Spellings {
        &self.0.spellings
    }

    /// The value of the one header that carries it.
    pub(crate) fn bearer(&self) -> Bytes {
        self.0.bearer.clone()
    }
}

/// Why a text is no token, in words that quote nothing of it.
fn problem(text: &str) -> Option<&'static str> {
    const QUOTES: [char; 7] = ['"', '\'', '`', '\u{201c}', '\u{201d}', '\u{2018}', '\u{2019}'];
    let is_header =
        |start: &str| text.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start));
    Some(match text {
        "" => "is empty: paste the token whole, or create one on the site's profile page",
        _ if text.starts_with(QUOTES) || text.ends_with(QUOTES) => "has quotes around the token: remove them",
        _ if is_header("bearer ") || is_header("bearer:") || is_header("authorization:") => {
            "begins as a header does: give the token alone, without the word Bearer"
        }
        _ if is_placeholder(text) => "is a placeholder: replace it by the token of your profile page",
        _ if text.contains(char::is_whitespace) => {
            "has a blank or a line break inside: paste the token again"
        }
        _ if !text.bytes().all(|byte| byte.is_ascii_graphic()) => {
            "has a control character or a letter outside ASCII inside: paste the token again"
        }
        _ => return None,
    })
}

/// Whether a text is one that documentation prints in the place of a token, or a variable that no shell replaced.
fn is_placeholder(text: &str) -> bool {
    const WHOLE: [&str; 5] = ["api_key", "api_token", "changeme", "placeholder", "todo"];
    const PARTS: [&str; 4] = ["your_api", "your_token", "your_runcomfy", "token_here"];
    let plain = text.to_ascii_lowercase().replace(['-', ' '], "_");
    let is_enclosed = |start, end| plain.starts_with(start) && plain.ends_with(end);
    let is_repeated = |letter: char| plain.chars().all(|other| other == letter) && plain.chars().count() > 2;
    is_enclosed('<', '>')
        || is_enclosed('[', ']')
        || is_enclosed('{', '}')
        || is_enclosed('%', '%')
        || plain.starts_with('$') && !plain.contains(|letter: char| letter.is_ascii_digit())
        || ['.', '*', 'x', '\u{2026}'].into_iter().any(is_repeated)
        || plain == "\u{2026}"
        || WHOLE.contains(&plain.as_str())
        || PARTS.iter().any(|part| plain.contains(part))
        || TOKEN_VARIABLES.iter().any(|name| plain.eq_ignore_ascii_case(name))
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn the_first_variable_that_is_not_blank_wins() {
        let environment = |name: &str| match name {
            "RUNCOMFY_API_TOKEN" => Some(" ".to_owned()),
            "RUNCOMFY_TOKEN" => Some("second\n".to_owned()),
            _ => Some("third".to_owned()),
        };
        assert_eq!(Token::from_variables(environment).unwrap().expose(), "second");
        let missing = Token::from_variables(|_| None).unwrap_err();
        assert_eq!(missing.to_string(), "no token was found: set RUNCOMFY_API_TOKEN");
    }

    #[test]
    fn the_hash_of_an_account_is_short_steady_and_its_own() {
        let hash = |text| Token::new(text).unwrap().account_hash();
        assert_eq!(hash("first"), hash("first"));
        assert_ne!(hash("first"), hash("second"));
        assert_eq!(hash("first").len(), 12);
    }

    #[test]
    fn what_a_header_cannot_carry_is_refused_without_being_shown() {
        for text in ["", "  ", "Bearer abc", "a\nb", "a\u{0}b", "tökén"] {
            let error = Token::new(text).unwrap_err();
            assert!(error.kind() == ErrorKind::Config);
            assert!(text.trim().is_empty() || !error.to_string().contains(text.trim()));
        }
    }

    #[test]
    fn each_mistake_in_pasting_is_named() {
        for (named, texts) in [
            ("quotes", ["\"rc-0123\"", "'rc-0123'", "“rc-0123”", "rc-0123\""].as_slice()),
            (
                "without the word Bearer",
                &["Bearer rc-0123", "bearer  rc-0123", "Authorization: Bearer rc-0123"],
            ),
            (
                "placeholder",
                &[
                    "YOUR_API_TOKEN",
                    "<token>",
                    "<YOUR TOKEN>",
                    "your-api-token",
                    "your_token_here",
                    "$RUNCOMFY_API_TOKEN",
                    "${RUNCOMFY_API_TOKEN}",
                    "%RUNCOMFY_API_TOKEN%",
                    "{{ token }}",
                    "RUNCOMFY_TOKEN",
                    "xxxx",
                    "...",
                    "…",
                    "****",
                    "changeme",
                ],
            ),
            ("blank", &["rc 0123", "rc-01\n23", "rc-01\t23"]),
            ("outside ASCII", &["rc-0123é", "rc-\u{0}"]),
        ] {
            for text in texts {
                let error = Token::new(text).unwrap_err();
                assert!(
                    error.kind() == ErrorKind::Config && error.to_string().contains(named),
                    "{text}: {error}"
                );
                let variable = Token::from_variables(|_| Some((*text).to_owned())).unwrap_err().to_string();
                assert!(variable.starts_with("RUNCOMFY_API_TOKEN "), "{variable}");
            }
        }
        for text in ["x", "xx", "rc-0123", "eyJhbGciOi.J9-_", "tokenized", "a$b", "sim-token"] {
            assert!(Token::new(text).is_ok(), "{text}");
        }
    }
}
