//! One JSON document in any of its spellings: escapes, surrogate pairs, blanks, exponents, and keys that stand twice.

use std::fmt::Write;

use fastrand::Rng;
use serde_json::{Number, Value};

/// Spells a document as bytes of JSON may spell it.
#[must_use]
pub fn any(document: &Value, rng: &mut Rng) -> String {
    let mut speller = Speller { text: String::new(), rng, twice: None };
    speller.value(document);
    speller.text
}

/// Spells a document with one key twice, its value spelled anew; `None` where there is no key to repeat.
#[must_use]
pub fn with_a_key_twice(document: &Value, rng: &mut Rng) -> Option<String> {
    let keys = keys(document);
    if keys == 0 {
        return None;
    }
    let twice = Some(rng.usize(..keys));
    let mut speller = Speller { text: String::new(), rng, twice };
    speller.value(document);
    Some(speller.text)
}

fn keys(document: &Value) -> usize {
    match document {
        Value::Array(elements) => elements.iter().map(keys).sum(),
        Value::Object(object) => object.values().map(|value| 1 + keys(value)).sum(),
        _ => 0,
    }
}

struct Speller<'a> {
    text: String,
    rng: &'a mut Rng,
    /// After how many more keys one is repeated.
    twice: Option<usize>,
}

impl Speller<'_> {
    fn value(&mut self, value: &Value) {
        self.blanks();
        match value {
            Value::Array(elements) => {
                self.text.push('[');
                for (index, element) in elements.iter().enumerate() {
                    self.comma(index);
                    self.value(element);
                }
                self.text.push(']');
            }
            Value::Number(number) => self.number(number),
            Value::Object(object) => {
                self.text.push('{');
                for (index, (key, value)) in object.iter().enumerate() {
                    self.comma(index);
                    self.property(key, value);
                }
                self.text.push('}');
            }
            Value::String(text) => self.string(text),
            Value::Bool(_) | Value::Null => self.text.push_str(&value.to_string()),
        }
        self.blanks();
    }

    fn property(&mut self, key: &str, value: &Value) {
        let is_repeated = self.twice == Some(0);
        self.twice = self.twice.and_then(|left| left.checked_sub(1));
        for index in 0..1 + usize::from(is_repeated) {
            self.comma(index);
            self.blanks();
            self.string(key);
            self.blanks();
            self.text.push(':');
            self.value(value);
        }
    }

    fn comma(&mut self, index: usize) {
        if index > 0 {
            self.text.push(',');
        }
    }

    fn blanks(&mut self) {
        if self.rng.u8(..8) == 0 {
            self.text.push_str([" ", "\n", "\t", "\r\n  "][self.rng.usize(..4)]);
        }
    }

    fn string(&mut self, text: &str) {
        self.text.push('"');
        // Escaped all over at times, as some writers do, with characters beyond 16 bits as pairs of surrogates.
        let escapes = self.rng.u8(..4) == 0;
        for letter in text.chars() {
            if matches!(letter, '"' | '\\' | '\0'..='\u{1f}') || (escapes && self.rng.bool()) {
                let mut units = [0; 2];
                for unit in letter.encode_utf16(&mut units) {
                    let _ = write!(self.text, "\\u{unit:04x}");
                }
            } else {
                self.text.push(letter);
            }
        }
        self.text.push('"');
    }

    /// A whole number may be written with a fraction or an exponent, which makes a double of it: one of the same value only
    /// as far as doubles are exact.
    fn number(&mut self, number: &Number) {
        const EXACT: i64 = 1 << 53;
        let spelled = number.to_string();
        let huge = number.as_f64().filter(|float| float.abs() > u64::MAX as f64);
        let is_exact = number.as_i64().is_some_and(|integer| (-EXACT..=EXACT).contains(&integer));
        match self.rng.u8(..6) {
            0 if is_exact => self.text.push_str(&(spelled + ".0")),
            1 if is_exact => self.text.push_str(&(spelled + "e0")),
            2 if is_exact && number.as_i64() != Some(0) => self.text.push_str(&(spelled + "0E-1")),
            // Every digit of a number that no integer of 64 bits holds.
            3 if let Some(float) = huge => self.text.push_str(&float.to_string()),
            _ => self.text.push_str(&spelled),
        }
    }
}
