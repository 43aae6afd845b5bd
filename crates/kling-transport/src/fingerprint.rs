//! The fingerprint of a submit, so that submits can be compared.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Number, Value};
use sha2::{Digest, Sha256};

use crate::Error;

/// The SHA-256 of a submit's canonical body, as 64 hexadecimal digits.
///
/// Equal inputs have equal fingerprints, whatever the order of keys and the spelling of numbers and texts. The
/// canonical form is that of RFC 8785, except that integers beyond 2^53 are compared digit by digit. A body that is not
/// JSON is hashed as bytes.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Returns the fingerprint of a body.
    pub fn of(body: &[u8]) -> Self {
        Self(canonical(body).map_or_else(|| Sha256::digest(body), Sha256::digest).into())
    }
}

/// Returns the canonical form of a JSON text.
fn canonical(body: &[u8]) -> Option<Vec<u8>> {
    let mut value = serde_json::from_slice(body).ok()?;
    keep_digits(&mut value);
    serde_json_canonicalizer::to_vec(&value).ok()
}

/// Turns integers that a double cannot hold into texts, since different seeds are different requests.
fn keep_digits(value: &mut Value) {
    match value {
        Value::Number(number) if !is_exact(number) => *value = number.to_string().into(),
        Value::Array(elements) => elements.iter_mut().for_each(keep_digits),
        Value::Object(members) => members.values_mut().for_each(keep_digits),
        _ => {}
    }
}

fn is_exact(number: &Number) -> bool {
    const LARGEST: u64 = 1 << 53;
    match (number.as_u64(), number.as_i64()) {
        (Some(positive), _) => positive <= LARGEST,
        (None, Some(negative)) => negative.unsigned_abs() <= LARGEST,
        (None, None) => true,
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl FromStr for Fingerprint {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Error::config("not a fingerprint: expected 64 hexadecimal digits"));
        }
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            // The digits were checked.
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap_or_default();
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 8785, 3.2.2 and 3.2.3, and of its appendix B.
    #[test]
    fn the_canonical_form_is_that_of_rfc_8785() {
        let written = r#"{
            "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
            "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
            "literals": [null, true, false]
        }"#;
        let canonical_form = r#"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}"#;
        assert_eq!(String::from_utf8(canonical(written.as_bytes()).unwrap()).unwrap(), canonical_form);
        let keys = r#"{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}"#;
        let values: Vec<char> = String::from_utf8(canonical(keys.as_bytes()).unwrap())
            .unwrap()
            .chars()
            .filter(|one| one.is_ascii_digit())
            .collect();
        assert_eq!(
            values,
            ['2', '1', '4', '6', '7', '1', '5', '3'],
            "by UTF-16 units, the key 1 among the values"
        );
        let numbers = [
            ("-0", "0"),
            ("5e-324", "5e-324"),
            ("1.7976931348623157e308", "1.7976931348623157e+308"),
            ("9007199254740992", "9007199254740992"),
            ("295147905179352830000", "295147905179352830000"),
            ("9.999999999999997e22", "9.999999999999997e+22"),
            ("1e23", "1e+23"),
            ("0.000001", "0.000001"),
            ("333333333.3333333", "333333333.3333333"),
        ];
        for (written, expected) in numbers {
            assert_eq!(canonical(written.as_bytes()).unwrap(), expected.as_bytes(), "{written}");
        }
    }

    #[test]
    fn large_integers_are_compared_digit_by_digit() {
        let of = |seed: &str| Fingerprint::of(format!("{{\"seed\":{seed}}}").as_bytes());
        assert_ne!(of("9007199254740993"), of("9007199254740992"));
        assert_ne!(of("18446744073709551615"), of("18446744073709551614"));
        assert_ne!(of("-9223372036854775807"), of("-9223372036854775806"));
        assert_eq!(of("9007199254740992"), of("9007199254740992.0"));
    }

    #[test]
    fn a_body_that_is_not_json_is_hashed_as_bytes() {
        assert_eq!(Fingerprint::of(b"{a}"), Fingerprint(Sha256::digest(b"{a}").into()));
        assert_ne!(Fingerprint::of(b"{a}"), Fingerprint::of(b"{a} "));
        assert_ne!(Fingerprint::of(b"[1e999]"), Fingerprint::of(b"[1e998]"), "too large a number");
    }

    #[test]
    fn a_fingerprint_round_trips_as_text() {
        let print = Fingerprint::of(b"{}");
        assert_eq!(print.to_string(), "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
        assert_eq!(print.to_string().parse::<Fingerprint>().unwrap(), print);
        for text in ["", "4", "+4136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", "é"] {
            assert!(text.parse::<Fingerprint>().is_err());
        }
    }
}
