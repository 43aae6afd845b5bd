//! What a server sent, without the token: taken out of the whole text before anything reads, cuts or keeps it.

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::Value;

use crate::{Failure, HttpReply, Token};

/// The outcome of an exchange, without the token wherever the server or the client quotes it.
pub(crate) fn outcome(
    outcome: Result<HttpReply, Failure>,
    token: Option<&Token>,
) -> Result<HttpReply, Failure> {
    let Some(token) = token else { return outcome };
    match outcome {
        Ok(reply) => Ok(HttpReply { body: whole(reply.body, token), ..reply }),
        Err(failure) => Err(Failure {
            message: token.redact(&failure.message),
            read: cut_off(failure.read, token),
            ..failure
        }),
    }
}

/// A whole body.
fn whole(body: Bytes, token: &Token) -> Bytes {
    // Nearly every body is UTF-8, which is told in a quarter of the time when nothing is to be replaced.
    let text = str::from_utf8(&body).map_or_else(|_| String::from_utf8_lossy(&body), Cow::Borrowed);
    // In JSON any letter may be escaped by its number.
    let is_escaped = text.contains("\\u") || token.expose().contains(['"', '\\']);
    let plain = if token.stands_in(&text) { token.redact(&text).into() } else { body };
    if is_escaped { unescaped(&plain, token).unwrap_or(plain) } else { plain }
}

/// A body that ends anywhere, also in the midst of the token.
fn cut_off(body: Bytes, token: &Token) -> Bytes {
    let body = whole(body, token);
    body.slice(..body.len() - token.begun_at_the_end_of(&body))
}

/// The same JSON without the token in any of its texts; nothing where it is no JSON, or the token is not in it.
fn unescaped(body: &[u8], token: &Token) -> Option<Bytes> {
    let mut value: Value = serde_json::from_slice(body).ok()?;
    take_out(&mut value, token).then(|| value.to_string().into())
}

/// Takes the token out of every text; true where it was in one.
fn take_out(value: &mut Value, token: &Token) -> bool {
    match value {
        Value::String(text) if token.stands_in(text) => {
            *text = token.redact(text);
            true
        }
        // No lazy `any`: every one of them is to be cleaned.
        Value::Array(items) => items.iter_mut().fold(false, |found, item| take_out(item, token) | found),
        Value::Object(pairs) => {
            let is_named = pairs.keys().any(|key| token.stands_in(key));
            if is_named {
                let named = std::mem::take(pairs).into_iter();
                *pairs = named.map(|(key, item)| (token.redact(&key), item)).collect();
            }
            pairs.values_mut().fold(is_named, |found, item| take_out(item, token) | found)
        }
        _ => false,
    }
}

impl Token {
    /// Shorter ones guard nothing, and would be found in any text.
    const SHORTEST_SECRET: usize = 8;

    /// A text with the token taken out.
    fn redact(&self, text: &str) -> String {
        if !self.stands_in(text) {
            return text.to_owned();
        }
        self.spellings().fold(text.to_owned(), |text, spelling| text.replace(spelling, "[token]"))
    }

    fn stands_in(&self, text: &str) -> bool {
        self.expose().len() >= Self::SHORTEST_SECRET
            && self.spellings().any(|spelling| text.contains(spelling))
    }

    /// How many bytes at the end of a text are the beginning of the token.
    fn begun_at_the_end_of(&self, text: &[u8]) -> usize {
        let token = self.expose().as_bytes();
        (1..token.len()).rev().find(|length| text.ends_with(&token[..*length])).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        Asking, Error, FailureKind, GetResult, GetStatus, HttpHead, ModelId, Phase, Settings, Submission,
        Submitting,
    };

    const TOKEN: &str = "Zq9/wJ7+Xk3vB5nM";

    fn token() -> Token {
        Token::new(TOKEN).unwrap()
    }

    fn settings() -> Settings {
        Settings::new(token())
    }

    fn reply(status: u16, body: String) -> Result<HttpReply, Failure> {
        Ok(HttpReply::new(HttpHead::new(status, |_| None, SystemTime::UNIX_EPOCH), body.into()))
    }

    /// Fails where three letters of the token in a row are left.
    fn clean(shown: &str) {
        let is_left =
            TOKEN.as_bytes().windows(3).any(|piece| shown.contains(std::str::from_utf8(piece).unwrap()));
        assert!(!is_left, "{shown}");
    }

    fn status_error(outcome: Result<HttpReply, Failure>) -> Error {
        let id = "id-1".parse().unwrap();
        Asking::new(&GetStatus(&id), &settings()).read(outcome).unwrap_err()
    }

    proptest! {
        #[test]
        fn wherever_a_text_is_cut_no_piece_of_the_token_is_left(before in 0usize..500, after in 0usize..500, at in 0usize..1200) {
            let text = format!("{}{TOKEN}{}", "a".repeat(before), "b".repeat(after));
            clean(&status_error(reply(502, text.clone())).to_string());
            let message = serde_json::json!({ "error_message": text, "detail": [text] }).to_string();
            let error = status_error(reply(500, message));
            clean(&format!("{error} {:?} {:?}", error, error.detail()));
            let failure = Failure::new(Phase::Reading, FailureKind::Broken, text.clone());
            let read = Bytes::copy_from_slice(&text.as_bytes()[..at.min(text.len())]);
            clean(&receipt(Err(failure.while_reading(200, read))));
            clean(&receipt(reply(200, text)));
        }
    }

    fn receipt(outcome: Result<HttpReply, Failure>) -> String {
        let model: ModelId = "maker/model".parse().unwrap();
        let input = serde_json::json!({});
        let mut submitting = Submitting::json(&settings(), &model, &input, SystemTime::UNIX_EPOCH).unwrap();
        let std::ops::ControlFlow::Break(Submission::Unknown(receipt)) =
            submitting.next(outcome, Default::default(), 0.5)
        else {
            panic!("nothing is known of it");
        };
        format!("{receipt} {receipt:?} {}", serde_json::to_string(&receipt).unwrap())
    }

    #[test]
    fn a_result_holds_the_token_in_none_of_its_parts_however_it_is_escaped() {
        let id = "id-1".parse().unwrap();
        let escaped: String = TOKEN.chars().map(|letter| format!("\\u{:04x}", u32::from(letter))).collect();
        for spelling in [TOKEN.to_owned(), TOKEN.replace('/', "\\/"), escaped] {
            let body = format!(
                r#"{{"status":"failed","error":{{"message":"bad {spelling}!","{spelling}":[1,"{spelling}"]}},"output":"{spelling}","created_at":"{spelling}"}}"#
            );
            let read = Asking::new(&GetResult(&id), &settings()).read(reply(200, body)).unwrap();
            clean(&format!("{read:?} {}", serde_json::to_string(&read).unwrap()));
            assert_eq!(read.error_text().as_deref(), Some("bad [token]!"));
            let state = format!(r#"{{"status":"waiting for {spelling}"}}"#);
            let read = Asking::new(&GetStatus(&id), &settings()).read(reply(200, state)).unwrap();
            assert_eq!(read.state.as_str(), "waiting for [token]");
        }
    }

    #[test]
    fn what_holds_no_token_stays_as_it_is_to_the_byte() {
        for body in [&b"{\"a\": 1.50, \"b\": \"\\u0041\\/\"}"[..], b"\xff\xfe", b""] {
            assert_eq!(whole(Bytes::from_static(body), &token()), body);
        }
        let short = Token::new("status").unwrap();
        assert_eq!(whole(Bytes::from_static(b"{\"status\":1}"), &short), &b"{\"status\":1}"[..]);
    }
}
