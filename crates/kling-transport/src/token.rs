//! The account's token: read once, sent to the API's own origin only, never printed.

use std::env;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::Error;

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
    /// The text with its slashes escaped, as some servers write them in JSON, where it has any.
    slashed: Option<Box<str>>,
    /// The value of the header, made once for all requests.
    bearer: Bytes,
}

impl Token {
    /// Takes a token as text; white space around it is cut off, since files end with a line break.
    ///
    /// # Errors
    /// [`Error::is_config`] where it is empty or holds anything but visible ASCII, which a header cannot carry.
    pub fn new(text: impl AsRef<str>) -> Result<Self, Error> {
        let text = text.as_ref().trim();
        if text.is_empty() {
            return Err(Error::config(
                "the token is empty: paste it whole, or create one on the site's profile page",
            ));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::config(
                "the token holds a blank, a control character or a letter outside ASCII: give it alone, without the word Bearer",
            ));
        }
        let slashed = text.contains('/').then(|| text.replace('/', "\\/").into());
        Ok(Self(Arc::new(Secret { text: text.into(), slashed, bearer: format!("Bearer {text}").into() })))
    }

    /// Reads the first of [`TOKEN_VARIABLES`] that is set and not blank.
    ///
    /// # Errors
    /// [`Error::is_config`] where none is, or where its value is no token.
    pub fn from_env() -> Result<Self, Error> {
        Self::from_variables(|name| env::var(name).ok())
    }

    fn from_variables(read: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let found =
            TOKEN_VARIABLES.iter().filter_map(|name| read(name)).find(|value| !value.trim().is_empty());
        match found {
            Some(value) => Self::new(value),
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
    pub(crate) fn spellings(&self) -> impl Iterator<Item = &str> {
        [Some(&self.0.text), self.0.slashed.as_ref()].into_iter().flatten().map(|text| &**text)
    }

    /// The value of the one header that carries it.
    pub(crate) fn bearer(&self) -> Bytes {
        self.0.bearer.clone()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert!(error.is_config());
            assert!(text.trim().is_empty() || !error.to_string().contains(text.trim()));
        }
    }
}
