//! The account's token, and its redaction from texts.

use std::env;
use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::Error;

/// The variables that may hold a token, in order of precedence. The provider's ComfyUI nodes, its command-line tool and
/// its API pages use one each.
pub const TOKEN_VARIABLES: [&str; 3] = ["RUNCOMFY_API_TOKEN", "RUNCOMFY_TOKEN", "YOUR_API_TOKEN"];

/// An API token, which can spend the account's balance. `Debug` hides it, and it implements neither `Display` nor
/// `Serialize`.
///
/// ```
/// let token = kling_transport::Token::new("rc-0123456789")?;
/// assert_eq!(format!("{token:?}"), "Token(redacted)");
/// # Ok::<(), kling_transport::Error>(())
/// ```
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct Token(pub(crate) Arc<Secret>);

#[derive(Eq, Hash, PartialEq)]
pub(crate) struct Secret {
    text: Box<str>,
    /// The spellings in which a server may quote it.
    pub(crate) spellings: Spellings,
    /// The value of the `authorization` header.
    pub(crate) bearer: Bytes,
}

impl Token {
    /// Checks a token. White space around it is removed.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if the text is empty, a placeholder, in quotes, preceded by
    /// `Bearer`, or not visible ASCII. The error does not quote the text.
    pub fn new(text: impl AsRef<str>) -> Result<Self, Error> {
        Self::named("the token", text.as_ref())
    }

    /// Checks a token. `name` names its source in errors.
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
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if none is set, or if the value is not a token. The error names
    /// the variable.
    pub fn from_env() -> Result<Self, Error> {
        // A value that is not Unicode is rejected as not ASCII.
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

    /// Returns a short hash that identifies the token without revealing it: 12 hexadecimal digits of a salted SHA-256.
    pub fn account_hash(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(b"kling account: ");
        hash.update(self.expose().as_bytes());
        hash.finalize()[..6].iter().fold(String::new(), |digits, byte| format!("{digits}{byte:02x}"))
    }

    /// Returns the text.
    pub(crate) fn expose(&self) -> &str {
        &self.0.text
    }
}

/// Returns the reason that a text is not a token, without quoting it.
fn problem(text: &str) -> Option<&'static str> {
    const QUOTES: [char; 7] = ['"', '\'', '`', '\u{201c}', '\u{201d}', '\u{2018}', '\u{2019}'];
    let is_header =
        |start: &str| text.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start));
    Some(match text {
        "" => "is empty: paste the whole token, or create one on the site's profile page",
        _ if text.starts_with(QUOTES) || text.ends_with(QUOTES) => "has quotes around the token: remove them",
        _ if is_header("bearer ") || is_header("bearer:") || is_header("authorization:") => {
            "looks like a header: give the token alone, without the word Bearer"
        }
        _ if is_placeholder(text) => "is a placeholder: replace it with the token from your profile page",
        _ if text.contains(char::is_whitespace) => "contains a space or line break: paste the token again",
        _ if !text.bytes().all(|byte| byte.is_ascii_graphic()) => {
            "contains a control character or a letter outside ASCII: paste the token again"
        }
        _ => return None,
    })
}

/// Whether a text is a placeholder from documentation, or a variable that no shell replaced.
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

/// The shortest token that is redacted. Shorter ones would match ordinary text.
const SHORTEST_SECRET: usize = 8;
/// The replacement of a token.
const PLACEHOLDER: &[u8] = b"[token]";

/// The spellings of a token: plain and in base64. Each letter may be escaped as in JSON, JavaScript, URLs and HTML.
#[derive(Eq, Hash, PartialEq)]
pub(crate) struct Spellings {
    /// The token, and its base64 at each of three offsets in both alphabets.
    words: Vec<Box<[u8]>>,
    /// The first bytes of all spellings.
    starts: Box<[bool; 256]>,
}

/// The match of a word at the start of a text, the better ones last.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
enum Match {
    No,
    /// The text ends within the word.
    Partial,
    /// A match of this many bytes.
    Whole(usize),
}

impl Match {
    fn after(self, bytes: usize) -> Self {
        if let Self::Whole(length) = self { Self::Whole(bytes + length) } else { self }
    }
}

impl Spellings {
    pub(crate) fn of(token: &str) -> Self {
        let mut words = Vec::new();
        if token.len() >= SHORTEST_SECRET {
            words.push(token.as_bytes().into());
            for alphabet in [STANDARD, URL_SAFE] {
                let engine = GeneralPurpose::new(&alphabet, GeneralPurposeConfig::new());
                words.extend((0..3).map(|offset| in_base64(token, offset, &engine)));
            }
            words.dedup();
        }
        let mut starts = Box::new([false; 256]);
        let firsts = words.iter().filter_map(|word| word.first());
        let escapes = if words.is_empty() { &b""[..] } else { b"\\%&" };
        firsts.chain(escapes).for_each(|byte| starts[usize::from(*byte)] = true);
        Self { words, starts }
    }

    /// Returns the text with each quote of the token replaced, or `None` if there is none. If the text is cut, a
    /// partial quote at its end is removed too.
    pub(crate) fn redact(&self, text: &[u8], is_cut: bool) -> Option<Vec<u8>> {
        let (mut clean, mut kept, mut at) = (Vec::new(), 0, 0);
        let mut is_found = false;
        while let Some(next) = text[at..].iter().position(|byte| self.starts[usize::from(*byte)]) {
            at += next;
            let length = match self.at_start(&text[at..]) {
                Match::Whole(length) => length,
                Match::Partial if is_cut => text.len() - at,
                _ => {
                    at += 1;
                    continue;
                }
            };
            clean.extend_from_slice(&text[kept..at]);
            at += length;
            if at < text.len() || !is_cut {
                clean.extend_from_slice(PLACEHOLDER);
            }
            (kept, is_found) = (at, true);
        }
        is_found.then(|| {
            clean.extend_from_slice(&text[kept..]);
            clean
        })
    }

    fn at_start(&self, text: &[u8]) -> Match {
        self.words.iter().map(|word| word_at_start(text, word)).max().unwrap_or(Match::No)
    }
}

/// Returns the base64 letters that the token determines alone, after `offset` other bytes. The letters beside them hold
/// at most four bits of the token.
fn in_base64(token: &str, offset: usize, engine: &GeneralPurpose) -> Box<[u8]> {
    let group = [&[0; 3][..offset], token.as_bytes()].concat();
    let letters = engine.encode(&group).into_bytes();
    letters[(8 * offset).div_ceil(6)..8 * group.len() / 6].into()
}

fn word_at_start(text: &[u8], word: &[u8]) -> Match {
    let mut at = 0;
    for letter in word {
        match letter_at_start(&text[at..], *letter) {
            Match::Whole(length) => at += length,
            other => return other,
        }
    }
    Match::Whole(at)
}

/// Matches a letter in any spelling.
fn letter_at_start(text: &[u8], letter: u8) -> Match {
    match text {
        [] => Match::Partial,
        [first, ..] if *first == letter => Match::Whole(1),
        [b'\\', ..] => escaped(text, letter),
        [b'%', rest @ ..] => percent_encoded(rest, letter),
        [b'&', rest @ ..] => character_reference(rest, letter),
        _ => Match::No,
    }
}

/// Matches `\/`, `\u002f` and `\x2f`, also with repeated backslashes.
fn escaped(text: &[u8], letter: u8) -> Match {
    let slashes = text.iter().take_while(|byte| **byte == b'\\').count();
    let numbered = match &text[slashes..] {
        [] => return Match::Partial,
        [b'u', digits @ ..] => number(digits, 4, 16, letter),
        [b'x', digits @ ..] => number(digits, 2, 16, letter),
        _ => Match::No,
    };
    match numbered {
        Match::No if text[slashes] == letter => Match::Whole(slashes + 1),
        other => other.after(slashes + 1),
    }
}

/// Matches `%2f`, also with repeatedly encoded percent signs.
fn percent_encoded(rest: &[u8], letter: u8) -> Match {
    let again = rest.chunks(2).take_while(|pair| *pair == b"25").count();
    let found = (0..=again).map(|pairs| number(&rest[2 * pairs..], 2, 16, letter).after(1 + 2 * pairs));
    found.max().unwrap_or(Match::No)
}

/// Matches `&#47;` and `&#x2f;`.
fn character_reference(rest: &[u8], letter: u8) -> Match {
    let (mark, radix) = match rest {
        [] | [b'#'] => return Match::Partial,
        [b'#', b'x' | b'X', ..] => (2, 16),
        [b'#', ..] => (1, 10),
        _ => return Match::No,
    };
    let digits = rest[mark..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    match (number(&rest[mark..], digits, radix, letter), rest.get(mark + digits)) {
        (_, None) => Match::Partial,
        (whole @ Match::Whole(_), Some(b';')) => whole.after(1 + mark + 1),
        _ => Match::No,
    }
}

/// Matches a letter as a number of `count` digits.
fn number(digits: &[u8], count: usize, radix: u32, letter: u8) -> Match {
    let head = &digits[..digits.len().min(count)];
    if !head.iter().all(u8::is_ascii_hexdigit) {
        return Match::No;
    }
    if head.len() < count {
        return Match::Partial;
    }
    let value = str::from_utf8(head).ok().and_then(|head| u32::from_str_radix(head, radix).ok());
    if value == Some(letter.into()) { Match::Whole(count) } else { Match::No }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn the_first_non_blank_variable_is_used() {
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
    fn an_account_hash_is_short_stable_and_distinct() {
        let hash = |text| Token::new(text).unwrap().account_hash();
        assert_eq!(hash("first"), hash("first"));
        assert_ne!(hash("first"), hash("second"));
        assert_eq!(hash("first").len(), 12);
    }

    #[test]
    fn an_invalid_token_is_rejected_without_being_quoted() {
        for text in ["", "  ", "Bearer abc", "a\nb", "a\u{0}b", "tökén"] {
            let error = Token::new(text).unwrap_err();
            assert!(error.kind() == ErrorKind::Config);
            assert!(text.trim().is_empty() || !error.to_string().contains(text.trim()));
        }
    }

    #[test]
    fn paste_mistakes_are_named() {
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
            ("space or line break", &["rc 0123", "rc-01\n23", "rc-01\t23"]),
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
