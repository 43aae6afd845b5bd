//! The forms in which a text may quote a token, and how each is found.

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};

/// Shorter tokens guard nothing, and would be found in any text.
const SHORTEST_SECRET: usize = 8;
/// What is shown in place of a token.
const PLACEHOLDER: &[u8] = b"[token]";

/// A token as it is and in base64, each letter of it as it is or escaped: as JSON, JavaScript, URLs and HTML do it.
#[derive(Eq, Hash, PartialEq)]
pub(crate) struct Spellings {
    /// The token itself and its base64 at each of the three places in a group, in both alphabets.
    words: Vec<Box<[u8]>>,
    /// The bytes that any spelling of a word may begin with.
    starts: Box<[bool; 256]>,
}

/// Whether a word is at the start of a text.
#[derive(Clone, Copy)]
enum Match {
    /// It takes so many bytes.
    Whole(usize),
    /// The text ends within it.
    Begun,
    No,
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

    /// A text with every quote of the token replaced; nothing if there is none. At the end of a text that was `cut`, also the
    /// beginning of a quote is taken out.
    pub(crate) fn taken_out(&self, text: &[u8], is_cut: bool) -> Option<Vec<u8>> {
        let (mut clean, mut kept, mut at) = (Vec::new(), 0, 0);
        let mut is_found = false;
        while let Some(next) = text[at..].iter().position(|byte| self.starts[usize::from(*byte)]) {
            at += next;
            let length = match self.at_start(&text[at..]) {
                Match::Whole(length) => length,
                Match::Begun if is_cut => text.len() - at,
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
        clean.extend_from_slice(&text[kept..]);
        is_found.then_some(clean)
    }

    fn at_start(&self, text: &[u8]) -> Match {
        let mut best = Match::No;
        for word in &self.words {
            match (word_at_start(text, word), best) {
                (Match::Whole(length), _) => return Match::Whole(length),
                (Match::Begun, _) => best = Match::Begun,
                (Match::No, _) => {}
            }
        }
        best
    }
}

/// The letters of base64 that a token determines alone, where `offset` other bytes come before it in its group. At most four
/// bits of the token are in the letters beside them.
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

/// Whether a text begins with a letter in any of its spellings.
fn letter_at_start(text: &[u8], letter: u8) -> Match {
    match text {
        [] => Match::Begun,
        [first, ..] if *first == letter => Match::Whole(1),
        [b'\\', ..] => escaped(text, letter),
        [b'%', rest @ ..] => percent_encoded(rest, letter),
        [b'&', rest @ ..] => character_reference(rest, letter),
        _ => Match::No,
    }
}

/// `\/`, `\u002f`, `\x2f`, each also escaped again.
fn escaped(text: &[u8], letter: u8) -> Match {
    let slashes = text.iter().take_while(|byte| **byte == b'\\').count();
    let numbered = match &text[slashes..] {
        [] => return Match::Begun,
        [b'u', digits @ ..] => number(digits, 4, 16, letter),
        [b'x', digits @ ..] => number(digits, 2, 16, letter),
        _ => Match::No,
    };
    match numbered {
        Match::Whole(length) => Match::Whole(slashes + 1 + length),
        Match::No if text[slashes] == letter => Match::Whole(slashes + 1),
        other => other,
    }
}

/// `%2f`, also with its percent sign encoded again, any number of times.
fn percent_encoded(rest: &[u8], letter: u8) -> Match {
    let again = rest.chunks(2).take_while(|pair| *pair == b"25").count();
    let in_last = (0..=again).rev().map(|pairs| (pairs, number(&rest[2 * pairs..], 2, 16, letter)));
    let mut found = Match::No;
    for (pairs, one) in in_last {
        match one {
            Match::Whole(length) => return Match::Whole(1 + 2 * pairs + length),
            Match::Begun => found = Match::Begun,
            Match::No => {}
        }
    }
    found
}

/// `&#47;` and `&#x2f;`.
fn character_reference(rest: &[u8], letter: u8) -> Match {
    let (mark, radix) = match rest {
        [] | [b'#'] => return Match::Begun,
        [b'#', b'x' | b'X', ..] => (2, 16),
        [b'#', ..] => (1, 10),
        _ => return Match::No,
    };
    let digits = rest[mark..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    match (number(&rest[mark..], digits, radix, letter), rest.get(mark + digits)) {
        (_, None) => Match::Begun,
        (Match::Whole(length), Some(b';')) => Match::Whole(1 + mark + length + 1),
        _ => Match::No,
    }
}

/// Whether so many digits are the number of a letter.
fn number(digits: &[u8], count: usize, radix: u32, letter: u8) -> Match {
    let head = &digits[..digits.len().min(count)];
    if !head.iter().all(u8::is_ascii_hexdigit) {
        return Match::No;
    }
    if head.len() < count {
        return Match::Begun;
    }
    let value = str::from_utf8(head).ok().and_then(|head| u32::from_str_radix(head, radix).ok());
    if value == Some(letter.into()) { Match::Whole(count) } else { Match::No }
}
