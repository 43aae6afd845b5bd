//! The variants of enums, by one written rule.
//!
//! A ratio is `R16x9`; a number has its unit before it where the property names one (`Seconds5`, `Fps24`), else `N`; what
//! starts with a digit and is no number has an `R` (`R480p`, `R1024x1024`); a point between digits is an underscore
//! (`N0_5`); words are camel case, and capitals alone are a word (`PNG` is `Png`). Of values that make one name the first
//! has it; the next is spelled out (`a_b` beside `a-b` is `AUnderscoreB`), and where only the case differs, says its case
//! (`auto` beside `Auto` is `AutoLower`). An override goes before every rule.

use heck::ToSnakeCase;

use crate::names::capitalised;

/// The variants of text values, in their order.
pub(crate) fn of_texts(
    property: &str,
    values: &[String],
    overrides: &[(String, String)],
) -> Result<Vec<String>, String> {
    let candidates = |value: &String| {
        let (plain, spelled) = (from_text(property, value), spelled(property, value));
        let cased = format!("{spelled}{}", case(value));
        vec![plain, spelled, cased]
    };
    named(values, Clone::clone, candidates, overrides)
}

/// The variants of integers, in their order.
pub(crate) fn of_integers(
    property: &str,
    values: &[i64],
    overrides: &[(String, String)],
) -> Result<Vec<String>, String> {
    let candidates = |value: &i64| vec![from_number(property, &value.to_string())];
    named(values, i64::to_string, candidates, overrides)
}

/// The variants of numbers, in their order.
pub(crate) fn of_numbers(
    property: &str,
    values: &[f64],
    overrides: &[(String, String)],
) -> Result<Vec<String>, String> {
    let candidates = |value: &f64| vec![from_number(property, &value.to_string())];
    named(values, f64::to_string, candidates, overrides)
}

fn named<T>(
    values: &[T],
    wire: impl Fn(&T) -> String,
    candidates: impl Fn(&T) -> Vec<String>,
    overrides: &[(String, String)],
) -> Result<Vec<String>, String> {
    let wires: Vec<String> = values.iter().map(wire).collect();
    if let Some((stranger, _)) = overrides.iter().find(|(value, _)| !wires.contains(value)) {
        return Err(format!("an override names the variant of {stranger:?}, which is no value"));
    }
    let mut taken: Vec<String> = overrides.iter().map(|(_, name)| name.clone()).collect();
    let mut names = Vec::new();
    for (value, wire) in values.iter().zip(&wires) {
        let chosen = overrides.iter().find(|(value, _)| value == wire).map(|(_, name)| name.clone());
        let free = || candidates(value).into_iter().find(|name| !taken.contains(name));
        let name = chosen.or_else(free);
        let name = name
            .ok_or_else(|| format!("the variant of {wire:?} would have a name that is taken; override it"))?;
        if !is_identifier(&name) {
            return Err(format!("the variant of {wire:?} would be `{name}`, which is no name; override it"));
        }
        taken.push(name.clone());
        names.push(name);
    }
    Ok(names)
}

fn from_number(property: &str, digits: &str) -> String {
    let sign = if digits.starts_with('-') { "Minus" } else { "" };
    let digits = digits.trim_start_matches('-').replace('.', "_");
    format!("{}{sign}{digits}", unit(property).unwrap_or("N"))
}

fn from_text(property: &str, value: &str) -> String {
    let trimmed = value.trim();
    if trimmed.parse::<f64>().is_ok()
        && trimmed.trim_start_matches('-').starts_with(|c: char| c.is_ascii_digit())
    {
        return from_number(property, trimmed);
    }
    finished(property, words(trimmed).concat())
}

/// Camel-case pieces of a text; between digits a separator says that they are two numbers.
fn words(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let mut words = vec![String::new()];
    for (index, &letter) in letters.iter().enumerate() {
        let is_digit =
            |at: Option<usize>| at.and_then(|at| letters.get(at)).is_some_and(char::is_ascii_digit);
        let is_between_digits = is_digit(index.checked_sub(1)) && is_digit(Some(index + 1));
        match letter {
            letter if letter.is_ascii_alphanumeric() => push(&mut words, letter),
            ':' | '*' | '×' if is_between_digits => push(&mut words, 'x'),
            '.' | ',' | '-' | '_' | '/' | ' ' if is_between_digits => push(&mut words, '_'),
            '%' => words.extend(["Percent".to_owned(), String::new()]),
            '+' => words.extend(["Plus".to_owned(), String::new()]),
            '-' if is_digit(Some(index + 1)) && index == 0 => {
                words.extend(["Minus".to_owned(), String::new()])
            }
            letter if letter.is_ascii() => words.push(String::new()),
            letter => words.extend([format!("U{:X}", u32::from(letter)), String::new()]),
        }
    }
    words.iter().map(|word| capitals_as_word(word)).collect()
}

fn push(words: &mut [String], letter: char) {
    if let Some(word) = words.last_mut() {
        word.push(letter);
    }
}

fn capitals_as_word(word: &str) -> String {
    let is_capitals = word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_uppercase());
    if is_capitals { capitalised(&word.to_ascii_lowercase()) } else { capitalised(word) }
}

/// The value with every separator by its name, so that no two values with other separators make one name.
fn spelled(property: &str, value: &str) -> String {
    let name = |letter: char| match letter {
        ' ' => " Space ".to_owned(),
        '-' => " Dash ".to_owned(),
        '_' => " Underscore ".to_owned(),
        '.' => " Dot ".to_owned(),
        ':' => " Colon ".to_owned(),
        '/' => " Slash ".to_owned(),
        '+' => " Plus ".to_owned(),
        '*' => " Star ".to_owned(),
        letter if letter.is_ascii_alphanumeric() => letter.to_string(),
        letter => format!(" U{:X} ", u32::from(letter)),
    };
    let spelled: String = value.chars().map(name).collect();
    finished(property, spelled.split(' ').map(capitals_as_word).collect())
}

fn case(value: &str) -> &'static str {
    let letters = || value.chars().filter(|letter| letter.is_ascii_alphabetic());
    if letters().all(|letter| letter.is_ascii_lowercase()) {
        "Lower"
    } else if letters().all(|letter| letter.is_ascii_uppercase()) {
        "Upper"
    } else {
        "Capital"
    }
}

fn finished(property: &str, name: String) -> String {
    match name.chars().next() {
        None => "Empty".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("{}{name}", unit(property).unwrap_or("R")),
        // A keyword, and what every enum has beside its variants.
        Some(_) if matches!(name.as_str(), "ALL" | "Self" | "VALUES") => format!("{name}Value"),
        Some(_) => name,
    }
}

fn is_identifier(name: &str) -> bool {
    syn::parse_str::<syn::Ident>(name).is_ok()
}

fn unit(property: &str) -> Option<&'static str> {
    match property.to_snake_case().as_str() {
        "duration" | "length" | "seconds" => Some("Seconds"),
        "fps" | "frame_rate" | "frames_per_second" => Some("Fps"),
        "sample_rate" => Some("Hz"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(property: &str, values: &[&str]) -> Vec<String> {
        let values: Vec<String> = values.iter().map(|&value| value.to_owned()).collect();
        of_texts(property, &values, &[]).unwrap()
    }

    #[test]
    fn values_become_variants() {
        assert_eq!(texts("aspect_ratio", &["auto", "16:9", "9:16"]), ["Auto", "R16x9", "R9x16"]);
        assert_eq!(texts("duration", &["auto", "5", "10"]), ["Auto", "Seconds5", "Seconds10"]);
        assert_eq!(texts("resolution", &["480p", "2K", "1024x1024"]), ["R480p", "R2K", "R1024x1024"]);
        assert_eq!(texts("size", &["square_hd", "portrait_4_3"]), ["SquareHd", "Portrait4_3"]);
        assert_eq!(texts("mode", &["very-high quality", "PNG", ""]), ["VeryHighQuality", "Png", "Empty"]);
        assert_eq!(texts("scale", &["0.5", "-1", "50%", "+2x"]), ["N0_5", "NMinus1", "R50Percent", "Plus2x"]);
        assert_eq!(of_integers("seed", &[-1, 4], &[]).unwrap(), ["NMinus1", "N4"]);
        assert_eq!(of_numbers("fps", &[23.976, 24.0], &[]).unwrap(), ["Fps23_976", "Fps24"]);
    }

    #[test]
    fn values_that_would_be_one_name_are_told_apart() {
        assert_eq!(texts("resolution", &["480P", "480p"]), ["R480P", "R480p"]);
        assert_eq!(texts("mode", &["Auto", "auto", "AUTO"]), ["Auto", "AutoLower", "AutoUpper"]);
        assert_eq!(texts("mode", &["a-b", "a_b", "a b"]), ["AB", "AUnderscoreB", "ASpaceB"]);
        assert_eq!(texts("mode", &["self", "SELF", "中"]), ["SelfValue", "SelfValueUpper", "U4E2D"]);
        assert_eq!(texts("mode", &["a l l", "all"]), ["ALLValue", "All"]);
    }

    #[test]
    fn an_override_goes_first() {
        let (values, by_hand) = (["a".to_owned(), "A".to_owned()], [("A".to_owned(), "Best".to_owned())]);
        assert_eq!(of_texts("mode", &values, &by_hand).unwrap(), ["A", "Best"]);
        assert!(of_texts("mode", &values[..1], &by_hand).unwrap_err().contains("no value"));
        assert!(of_texts("mode", &values, &[("A".to_owned(), "no name".to_owned())]).is_err());
    }
}
