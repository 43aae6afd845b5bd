//! A reader of JSON bytes that refuses duplicate keys.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::{Keyword, Pointer, Violation};

/// Reads one JSON document, and refuses an object that has one key duplicate. A [`Value`] would silently keep the last of two
/// prompts.
///
/// ```
/// let error = kling_types::json::from_slice(br#"{"duration": 5, "duration": 10}"#).unwrap_err();
/// assert_eq!(error.to_string(), "/duration: duplicate key");
/// ```
///
/// # Errors
/// A violation for bytes that are not one JSON document, or for the first duplicate key.
pub fn from_slice(bytes: &[u8]) -> Result<Value, Violation> {
    let mut duplicate = None;
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let scan = Scan { at: &Pointer::ROOT, duplicate: &mut duplicate };
    let scanned = scan.deserialize(&mut reader).and_then(|()| reader.end());
    match (duplicate, scanned) {
        (Some(violation), _) => Err(violation),
        (None, Err(error)) => Err(not_json(&error)),
        (None, Ok(())) => serde_json::from_slice(bytes).map_err(|error| not_json(&error)),
    }
}

fn not_json(error: &serde_json::Error) -> Violation {
    Violation::new("", Keyword::Json, format!("not valid JSON: {error}"), "one JSON document")
}

/// Walks a document without keeping its values.
struct Scan<'a> {
    at: &'a Pointer<'a>,
    duplicate: &'a mut Option<Violation>,
}

impl<'de> DeserializeSeed<'de> for Scan<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

macro_rules! scalars {
    ($($visit:ident($($type:ty)?))*) => {
        $(fn $visit<E>(self $(, _: $type)?) -> Result<(), E> {
            Ok(())
        })*
    };
}

impl<'de> Visitor<'de> for Scan<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            let at = self.at.key(&key);
            if seen.contains(&key) {
                *self.duplicate =
                    Some(Violation::new(at, Keyword::DuplicateKey, "duplicate key", "each key once"));
                return Err(A::Error::custom("duplicate key"));
            }
            map.next_value_seed(Scan { at: &at, duplicate: self.duplicate })?;
            seen.insert(key);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut index = 0;
        while seq.next_element_seed(Scan { at: &self.at.index(index), duplicate: self.duplicate })?.is_some()
        {
            index += 1;
        }
        Ok(())
    }

    scalars! { visit_bool(bool) visit_i64(i64) visit_u64(u64) visit_f64(f64) visit_str(&str) visit_unit() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_comes_back_as_it_is() {
        let text = r#"{"a":[1,-2,2.5,true,null,"x",{"a":1}]}"#;
        assert_eq!(from_slice(text.as_bytes()).unwrap(), serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn a_duplicate_key_is_found_at_any_depth() {
        let error = from_slice(br#"{"a":[{"b":1},{"b":1,"b":2}]}"#).unwrap_err();
        assert_eq!((error.pointer(), error.keyword()), ("/a/1/b", Keyword::DuplicateKey));
    }

    #[test]
    fn anything_but_one_document_is_refused() {
        for text in ["", "{", "{} {}", "[1,]", "\u{feff}{}", "nul"] {
            assert_eq!(from_slice(text.as_bytes()).unwrap_err().keyword(), Keyword::Json, "{text:?}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(from_slice(deep.as_bytes()).unwrap_err().keyword(), Keyword::Json);
    }
}
