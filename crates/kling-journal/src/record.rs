//! One line of the file: a checksum, a blank, and what happened as JSON.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Event, Intent, IntentId};

/// The digits of a checksum, and the blank after it.
const PREFIX: usize = 9;

/// What one line says.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Record {
    pub(crate) intent: IntentId,
    pub(crate) at: SystemTime,
    pub(crate) fact: Fact,
}

/// What happened, to an intent or to who works on it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fact {
    /// It was written down by the process of this lease.
    Begun { intent: Box<Intent>, lease: Uuid },
    /// The process of this lease works on it.
    Held { lease: Uuid },
    /// Nobody works on it.
    Released,
    /// It got further.
    Event(Event),
}

impl Record {
    pub(crate) fn new(intent: IntentId, fact: Fact) -> Self {
        Self { intent, at: SystemTime::now(), fact }
    }

    /// Whether it has to outlive a power cut: after one, nobody holds anything.
    pub(crate) fn is_precious(&self) -> bool {
        match &self.fact {
            Fact::Begun { .. } => true,
            Fact::Held { .. } | Fact::Released => false,
            Fact::Event(event) => event.is_precious(),
        }
    }

    /// The whole line with its end.
    pub(crate) fn to_line(&self) -> serde_json::Result<Vec<u8>> {
        let json = serde_json::to_vec(self)?;
        let mut line = format!("{:08x} ", crc32fast::hash(&json)).into_bytes();
        line.extend(json);
        line.push(b'\n');
        Ok(line)
    }

    /// Reads a line without its end; nothing where it is damaged.
    pub(crate) fn from_line(line: &[u8]) -> Option<Self> {
        let (prefix, json) = line.split_at_checked(PREFIX)?;
        let digits = prefix.strip_suffix(b" ")?;
        // The standard library would take a sign as well.
        let are_hex = digits.iter().all(u8::is_ascii_hexdigit);
        let expected = std::str::from_utf8(digits).ok().filter(|_| are_hex)?;
        let is_whole = u32::from_str_radix(expected, 16).ok()? == crc32fast::hash(json);
        is_whole.then(|| serde_json::from_slice(json).ok()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line() -> Vec<u8> {
        let event = Event::submitted("5e1f-09c");
        let mut line = Record::new(IntentId::random(), Fact::Event(event)).to_line().unwrap();
        line.pop();
        line
    }

    #[test]
    fn a_record_comes_back_from_its_line() {
        let intent = Intent::new("https://a", "m", "f\n\"ü").with_account("x").with_output("/ä b".as_ref());
        let facts = [
            Fact::Begun { intent: Box::new(intent), lease: Uuid::new_v4() },
            Fact::Held { lease: Uuid::new_v4() },
            Fact::Released,
            Fact::Event(Event::saved(["/tmp/clip.mp4"])),
        ];
        for fact in facts {
            let record = Record::new(IntentId::random(), fact);
            let line = record.to_line().unwrap();
            assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
            assert_eq!(Record::from_line(&line[..line.len() - 1]), Some(record));
        }
    }

    #[test]
    fn a_sign_is_no_digit_of_a_checksum() {
        let mut begins_with_0 = std::iter::repeat_with(line).find(|line| line[0] == b'0').unwrap();
        begins_with_0[0] = b'+';
        assert_eq!(Record::from_line(&begins_with_0), None);
    }

    proptest! {
        #[test]
        fn a_line_with_one_byte_changed_is_damaged(at in 0..140_usize, flip in 1..=255_u8) {
            let mut line = line();
            let at = at % line.len();
            line[at] ^= flip;
            // The checksum may be written in either case, which says the same.
            prop_assume!(at >= 8 || !line[at].is_ascii_uppercase());
            prop_assert_eq!(Record::from_line(&line), None);
        }

        #[test]
        fn whatever_a_line_holds_reading_it_does_not_panic(bytes: Vec<u8>) {
            let _ = Record::from_line(&bytes);
        }
    }
}
