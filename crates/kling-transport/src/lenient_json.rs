//! Reads broken or truncated JSON leniently.
//!
//! Valid JSON is read by `serde_json` alone. Anything else is read by a parser that never fails. It accepts misspelt
//! values, skips unexpected characters, and keeps every whole member.

use std::borrow::Cow;

use serde_json::{Map, Number, Value};

use crate::RequestId;

/// The members that are searched in the text if the structure is destroyed.
const SEARCHED: [&str; 4] = ["request_id", "status", "output", "error"];
/// The most occurrences of a name that are tried, since a hostile text may hold a million.
const MAX_SEARCHES: usize = 8;
/// The deepest nesting, as in `serde_json`. The brackets of a deeper value are skipped.
const MAX_DEPTH: usize = 127;

/// The damage of a text. Without any flag, every member was read.
#[derive(Debug, Default)]
pub(crate) struct Damage {
    /// The error of `serde_json`, unless the text was valid JSON.
    pub(crate) note: Option<String>,
    /// The text ends before the object does.
    pub(crate) is_cut: bool,
    /// Unexpected characters were skipped, so members may be missing or misplaced.
    pub(crate) is_garbled: bool,
    /// Other text precedes the object.
    pub(crate) is_embedded: bool,
}

impl Damage {
    /// Whether members may be missing.
    pub(crate) const fn may_lack_members(&self) -> bool {
        self.is_cut || self.is_garbled
    }
}

/// Reads an object. Returns `None` if the text has no member of the API.
pub(crate) fn read(body: &[u8]) -> Option<(Map<String, Value>, Damage)> {
    let note = match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => return Some((object, Damage::default())),
        Ok(Value::String(text)) if text.trim_start().starts_with('{') => {
            let (object, mut damage) = read(text.as_bytes())?;
            damage.note.get_or_insert_with(|| "an object inside a string".to_owned());
            return Some((object, damage));
        }
        Ok(_) => "expected an object".to_owned(),
        Err(error) => error.to_string(),
    };
    let text = String::from_utf8_lossy(body);
    let (mut object, mut damage) = Reader::outermost(&text);
    if damage.is_garbled {
        for name in SEARCHED {
            if !object.contains_key(name)
                && let Some(value) =
                    search(&text, name, |reader| reader.value(MAX_DEPTH).filter(|value| !value.is_null()))
            {
                object.insert(name.to_owned(), value);
            }
        }
    }
    damage.note = Some(note);
    is_known(&object).then_some((object, damage))
}

/// Finds a whole request id anywhere in a text.
pub(crate) fn request_id(body: &[u8]) -> Option<RequestId> {
    search(&String::from_utf8_lossy(body), "request_id", |reader| {
        let id: Cow<'_, str> = match reader.peek()? {
            '"' => reader.string('"')?.into(),
            // A number would lose digits of a large id.
            _ => reader.word()?.into(),
        };
        self::id(&id)
    })
}

/// Returns the id in a text, unless the text is a word for an absent value.
pub(crate) fn id(text: &str) -> Option<RequestId> {
    let text = text.trim();
    let is_absent = ["null", "none", "nil", "undefined", "true", "false", "nan"]
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word));
    if is_absent { None } else { text.parse().ok() }
}

/// Whether an object has a member of API replies.
fn is_known(object: &Map<String, Value>) -> bool {
    const KNOWN: &str =
        "request_id status output outcome error error_code error_message message detail queue_position";
    KNOWN.split(' ').any(|name| object.contains_key(name))
}

/// Finds a member's name in a text and reads the value after its colon.
fn search<'a, T>(text: &'a str, name: &str, read: impl Fn(&mut Reader<'a>) -> Option<T>) -> Option<T> {
    let name = format!("\"{name}\"");
    text.match_indices(&name).filter(|(at, _)| !text[..*at].ends_with('\\')).take(MAX_SEARCHES).find_map(
        |(at, _)| {
            let mut reader = Reader::new(text, at + name.len());
            reader.skip_blanks();
            if reader.peek()? != ':' {
                return None;
            }
            reader.at += 1;
            reader.skip_blanks();
            read(&mut reader)
        },
    )
}

/// A lenient parser.
struct Reader<'a> {
    text: &'a str,
    at: usize,
    damage: Damage,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, at: usize) -> Self {
        Self { text, at, damage: Damage::default() }
    }

    /// Reads the first object with a known member. Returns an empty, garbled one if there is none.
    fn outermost(text: &'a str) -> (Map<String, Value>, Damage) {
        let mut reader = Self::new(text, 0);
        reader.skip_blanks();
        let begin = reader.at;
        while let Some(brace) = reader.text[reader.at..].find('{') {
            reader.at += brace;
            reader.damage = Damage { is_embedded: reader.at > begin, ..Damage::default() };
            let mut object = Map::new();
            reader.members(&mut object, MAX_DEPTH);
            if is_known(&object) {
                return (object, reader.damage);
            }
        }
        (Map::new(), Damage { is_garbled: true, is_embedded: true, ..Damage::default() })
    }

    /// Reads members from an opening brace. Returns false if the text ends first.
    fn members(&mut self, object: &mut Map<String, Value>, depth: usize) -> bool {
        self.at += 1;
        loop {
            self.skip_blanks();
            let name = match self.peek() {
                None => return self.cut(),
                Some('}') => {
                    self.at += 1;
                    return true;
                }
                Some(',') => {
                    self.at += 1;
                    continue;
                }
                Some(letter) => match self.name(letter) {
                    Some(name) => name,
                    None if self.is_at_end() => return self.cut(),
                    None => {
                        self.garbled(letter);
                        continue;
                    }
                },
            };
            self.skip_blanks();
            match self.peek() {
                None => return self.cut(),
                Some(':') => self.at += 1,
                // Not a name. The next characters are read anew.
                Some(_) => {
                    self.damage.is_garbled = true;
                    continue;
                }
            }
            match self.value(depth) {
                Some(value) => drop(object.insert(name, value)),
                None if self.is_at_end() => return self.cut(),
                None => self.damage.is_garbled = true,
            }
        }
    }

    /// Reads a member's name in double, single or no quotes. Returns `None` if there is none, or if the text ends with
    /// it.
    fn name(&mut self, letter: char) -> Option<String> {
        match letter {
            '"' => self.string('"'),
            '\'' => self.single_quoted(),
            _ => self.word().map(str::to_owned),
        }
    }

    fn elements(&mut self, depth: usize) -> Option<Vec<Value>> {
        self.at += 1;
        let mut elements = Vec::new();
        loop {
            self.skip_blanks();
            match self.peek() {
                None => {
                    self.cut();
                    return None;
                }
                Some(']') => {
                    self.at += 1;
                    return Some(elements);
                }
                Some(',') => self.at += 1,
                // The closing bracket is missing. The brace closes the object around the array.
                Some('}') => {
                    self.damage.is_garbled = true;
                    return Some(elements);
                }
                Some(':') => self.garbled(':'),
                Some(_) => elements.push(self.value(depth)?),
            }
        }
    }

    /// Reads a whole value. Returns `None` if there is none, or if the text ends within it.
    fn value(&mut self, depth: usize) -> Option<Value> {
        self.skip_blanks();
        match self.peek()? {
            bracket @ ('{' | '[') if depth == 0 => {
                self.garbled(bracket);
                None
            }
            '{' => {
                let mut object = Map::new();
                self.members(&mut object, depth - 1).then_some(Value::Object(object))
            }
            '[' => self.elements(depth - 1).map(Value::Array),
            '"' => self.string('"').map(Value::String),
            '\'' => match self.single_quoted() {
                Some(string) => Some(Value::String(string)),
                None => self.word().map(word_value),
            },
            _ => self.word().map(word_value),
        }
    }

    /// Reads a string from its opening quote. Returns `None` if it does not end.
    fn string(&mut self, quote: char) -> Option<String> {
        self.at += 1;
        let mut string = String::new();
        loop {
            let rest = &self.text[self.at..];
            let Some(end) = rest.find([quote, '\\']) else {
                self.at = self.text.len();
                return None;
            };
            string.push_str(&rest[..end]);
            self.at += end + 1;
            if rest[end..].starts_with(quote) {
                return Some(string);
            }
            string.push(self.escaped()?);
        }
    }

    /// Reads a string in single quotes, as Python prints it. An apostrophe without a partner is not a quote.
    fn single_quoted(&mut self) -> Option<String> {
        let before = self.at;
        let string = self.string('\'');
        if string.is_none() {
            self.at = before;
        }
        string
    }

    /// Reads the character of an escape. An unknown escape yields its letter.
    fn escaped(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.at += letter.len_utf8();
        Some(match letter {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => self.unit().map_or(char::REPLACEMENT_CHARACTER, |unit| self.character(unit)),
            other => other,
        })
    }

    /// Returns the character of a UTF-16 unit, with the second half of its pair if it follows.
    fn character(&mut self, unit: u16) -> char {
        let before = self.at;
        if (0xd800..0xdc00).contains(&unit) && self.text[self.at..].starts_with("\\u") {
            self.at += 2;
            if let Some(second) = self.unit()
                && let Some(Ok(pair)) = char::decode_utf16([unit, second]).next()
            {
                return pair;
            }
            self.at = before;
        }
        char::from_u32(unit.into()).unwrap_or(char::REPLACEMENT_CHARACTER)
    }

    fn unit(&mut self) -> Option<u16> {
        let digits = self.text.get(self.at..self.at + 4)?;
        let unit = u16::from_str_radix(digits, 16).ok()?;
        self.at += 4;
        Some(unit)
    }

    /// Reads a word without quotes. Returns `None` if there is none, or if the text ends with it.
    fn word(&mut self) -> Option<&'a str> {
        let rest = &self.text[self.at..];
        let is_end =
            |letter: char| is_blank(letter) || matches!(letter, ',' | ':' | '"' | '{' | '}' | '[' | ']');
        let Some(end) = rest.find(is_end) else {
            self.at = self.text.len();
            return None;
        };
        self.at += end;
        (end > 0).then(|| &rest[..end])
    }

    fn skip_blanks(&mut self) {
        self.at = self.text.len() - self.text[self.at..].trim_start_matches(is_blank).len();
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn is_at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    fn garbled(&mut self, letter: char) {
        self.damage.is_garbled = true;
        self.at += letter.len_utf8();
    }

    const fn cut(&mut self) -> bool {
        self.damage.is_cut = true;
        false
    }
}

fn is_blank(letter: char) -> bool {
    letter.is_whitespace() || letter.is_control() || letter == '\u{feff}'
}

/// Returns the value of an unquoted word: the constants of other languages, a number in any spelling, or the word
/// itself.
fn word_value(word: &str) -> Value {
    match word {
        "null" | "None" | "nil" | "undefined" => return Value::Null,
        "true" | "True" => return Value::Bool(true),
        "false" | "False" => return Value::Bool(false),
        _ => {}
    }
    let exact = || word.parse::<Number>().ok();
    let whole = || word.parse::<i64>().ok().map(Number::from);
    let real = || word.parse().ok().and_then(Number::from_f64);
    exact().or_else(whole).or_else(real).map_or_else(|| word.into(), Value::Number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Returns the object of a text, and whether members may be missing.
    fn reading(text: &str) -> (Value, bool) {
        let (object, damage) = read(text.as_bytes()).unwrap_or_else(|| panic!("no object in {text}"));
        (Value::Object(object), damage.may_lack_members())
    }

    #[test]
    fn misspelt_values_are_read() {
        let cases = [
            (
                r#"{"status":"a\ud83d\ude00b\ud83dc\u12","x":1}"#,
                json!({"status": "a😀b\u{fffd}c\u{fffd}12", "x": 1}),
            ),
            (
                "{'status': 'it\\'s', 'x': None, 'y': [True, False]}",
                json!({"status": "it's", "x": null, "y": [true, false]}),
            ),
            (r#"{status: "done", x: y}"#, json!({"status": "done", "x": "y"})),
            (
                r#"{"status":"a","x":[NaN,+5,007,.5,5.,1e999,0x1]}"#,
                json!({"status": "a", "x": ["NaN", 5, 7, 0.5, 5.0, "1e999", "0x1"]}),
            ),
            (r#"{"status":"a",,"x":[1,,2,],}"#, json!({"status": "a", "x": [1, 2]})),
            (r#"{"status":"a" "x":1}"#, json!({"status": "a", "x": 1})),
            ("{\"status\":\"a\\\nb\u{1}\"}", json!({"status": "a\nb\u{1}"})),
        ];
        for (text, expected) in cases {
            assert_eq!(reading(text), (expected, false), "{text}");
        }
    }

    #[test]
    fn whole_members_are_kept_and_partial_ones_dropped() {
        let cases = [
            (r#"{"status":"a","output":{"video":"u","x":[1"#, json!({"status": "a"})),
            (r#"{"status":"a","cost":0.3"#, json!({"status": "a"})),
            (r#"{"status":"a","output":["u","v"],"erro"#, json!({"status": "a", "output": ["u", "v"]})),
            (r#"{"output":["u","status":"a"}"#, json!({"output": ["u", "status", "a"], "status": "a"})),
            (r#"{"status":"a","output":["u"}"#, json!({"status": "a", "output": ["u"]})),
            (r#"] "status":"a", "x":1"#, json!({"status": "a"})),
        ];
        for (text, expected) in cases {
            assert_eq!(reading(text), (expected, true), "{text}");
        }
    }

    #[test]
    fn a_text_without_a_member_of_the_api_is_rejected() {
        for text in [
            "",
            "[]",
            "null",
            "\"x\"",
            "<html><style>a{b:c}</style>",
            "{\"a\":1",
            "{{{{",
            "]]]]",
            "{\"status",
        ] {
            assert!(read(text.as_bytes()).is_none(), "{text}");
        }
        let page = r#"<style>a{b:c}</style><script>x = {"status":"a"}</script>"#;
        assert_eq!(reading(page), (json!({"status": "a"}), false));
    }

    #[test]
    fn hostile_texts_are_read_in_linear_time() {
        let hostile = [
            "{\"output\":",
            "\"output\":{",
            "[",
            "{",
            "'",
            "\\",
            "\"request_id\":\"",
            "x",
            "\u{1}",
            "{\"a\":[",
            "\"\\ud8",
        ];
        for piece in hostile {
            let text = piece.repeat(50_000);
            let _ = (read(text.as_bytes()), request_id(text.as_bytes()));
        }
    }
}
