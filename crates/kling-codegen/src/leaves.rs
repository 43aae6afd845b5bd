//! Leaf types, each a call of a `kling-types` macro with names, documentation and bounds, and the variants of enums.

use std::collections::BTreeSet;

use heck::ToSnakeCase;
use kling_schema::Shape;
use kling_types::bounds::{IntegerBounds, ItemBounds, NumberBounds, TextBounds};
use kling_types::check;
use serde_json::Value;

use crate::names::{capitalised, text_literal};
use crate::plan::{Leaf, Plan, form_names, plain};
use crate::{Error, docs};

/// The source of every leaf type of a model.
pub(crate) fn leaves(plan: &Plan<'_>) -> Result<String, Error> {
    let source = |leaf| {
        source(plan, leaf)
            .map_err(|error| Error::model(&plan.schema.id, format!("{:?}: {error}", leaf.property.name)))
    };
    Ok(Error::collect(plan.leaves.iter().map(source))?.join("\n"))
}

fn source(plan: &Plan<'_>, leaf: &Leaf<'_>) -> Result<String, String> {
    let name = &leaf.name;
    Ok(match leaf.shape {
        Shape::AnyOf(shapes) => any_of(plan, leaf, shapes),
        Shape::Integer(bounds @ IntegerBounds { min, max }) => {
            let default = prefixed(", default: ", default(leaf).and_then(integer));
            match (min, max) {
                (Some(min), Some(max)) if bounds.fits_i64() => {
                    call("integer", leaf, &format!("{name} {{ min: {min}, max: {max}{default} }}"))
                }
                _ => call("open_integer", leaf, &format!("{name} {{ min: {min:?}, max: {max:?}{default} }}")),
            }
        }
        Shape::IntegerEnum(values) => {
            let texts: Vec<String> = values.iter().map(i64::to_string).collect();
            enumeration("integer_enum", leaf, &texts, texts.clone(), integer)?
        }
        Shape::List { bounds, .. } => {
            let docs = documentation(leaf, "");
            format!("{docs}pub type {name} = {};\n", list(leaf, *bounds, |element| element.to_owned()))
        }
        Shape::Object(_) => {
            let docs = documentation(leaf, "");
            format!("{docs}pub type {name} = {};\n", dictionary(leaf, |value| value.to_owned()))
        }
        Shape::Number(bounds) => {
            let default = prefixed(" default ", default(leaf).and_then(number));
            call("number", leaf, &format!("{name} {{ {} }}{default}", number_bounds(*bounds)))
        }
        Shape::NumberEnum(values) => {
            let texts: Vec<String> = values.iter().map(f64::to_string).collect();
            let wires = values.iter().map(|value| format!("{value:?}")).collect();
            enumeration("number_enum", leaf, &texts, wires, number)?
        }
        Shape::Text(TextBounds { min, max }) => {
            let default = prefixed(", default: ", default(leaf).and_then(text));
            call("text", leaf, &format!("{name} {{ min: {min:?}, max: {max:?}{default} }}"))
        }
        Shape::TextEnum(values) => {
            let wires = values.iter().map(|value| text_literal(value)).collect();
            enumeration("text_enum", leaf, values, wires, text)?
        }
        other => return Err(format!("a type for {other:?} cannot be generated yet")),
    })
}

/// The type of a list. `print` prints the type of its elements.
fn list(leaf: &Leaf<'_>, bounds: ItemBounds, print: impl FnOnce(&str) -> String) -> String {
    let element = leaf.inner.first().map_or("kt::export::Value", String::as_str);
    let min = bounds.min.unwrap_or(0);
    let max = bounds.max.map_or_else(|| "{ kt::UNBOUNDED }".to_owned(), |max| max.to_string());
    format!("kt::List<{}, {min}, {max}>", print(element))
}

/// The type of an object with any names. `print` prints the type of its values.
fn dictionary(leaf: &Leaf<'_>, print: impl FnOnce(&str) -> String) -> String {
    let value = leaf.inner.first().map_or("kt::export::Value", String::as_str);
    format!("kt::Dictionary<{}>", print(value))
}

/// The type behind a path. Lists and objects with any names have an alias, and no type of their own.
fn resolved(plan: &Plan<'_>, path: &str) -> String {
    let inner = |path: &str| resolved(plan, path);
    let named = plan.leaves.iter().find(|leaf| leaf.name == path);
    let alias = named.and_then(|leaf| match leaf.shape {
        Shape::List { bounds, .. } => Some(list(leaf, *bounds, inner)),
        Shape::Object(_) => Some(dictionary(leaf, inner)),
        _ => None,
    });
    alias.unwrap_or_else(|| path.to_owned())
}

/// A choice: its forms as types, and the plain values that convert into it.
fn any_of(plan: &Plan<'_>, leaf: &Leaf<'_>, shapes: &[Shape]) -> String {
    let names = form_names(shapes);
    let forms = names.iter().zip(&leaf.inner).map(|(name, form)| format!("        {name}({form}),\n"));
    let own = names.iter().zip(&leaf.inner).zip(shapes).filter(|(_, shape)| {
        // Plain values convert by being checked, so that any of the forms can take them.
        plain(shape).is_none() || matches!(shape, Shape::Media(_) | Shape::Null)
    });
    // A type converts into the first form of that type.
    let mut sources = BTreeSet::new();
    let own = own.filter(|((_, form), _)| sources.insert(resolved(plan, form)));
    let own = own.map(|((name, form), _)| format!("{name}({form}), "));
    let mut reads: Vec<&str> = shapes.iter().flat_map(plain_values).copied().collect();
    reads.sort_unstable();
    reads.dedup();
    let (forms, own, reads) = (forms.collect::<String>(), own.collect::<String>(), reads.join(" "));
    call("any_of", leaf, &format!("{} {{\n{forms}    }} from {{ {own}}} reads {{ {reads} }}", leaf.name))
}

const fn plain_values(shape: &Shape) -> &'static [&'static str] {
    match shape {
        Shape::Boolean => &["boolean"],
        Shape::Integer(_) | Shape::IntegerEnum(_) => &["integer"],
        Shape::Media(_) | Shape::Text(_) | Shape::TextEnum(_) => &["text"],
        Shape::Number(_) | Shape::NumberEnum(_) => &["integer", "number"],
        _ => &[],
    }
}

/// An enum of values, each as a text and as a Rust literal.
fn enumeration(
    kind: &str,
    leaf: &Leaf<'_>,
    texts: &[String],
    wires: Vec<String>,
    print: impl Fn(&Value) -> Option<String>,
) -> Result<String, String> {
    let by_hand = leaf.settled.map_or(&[][..], |settled| &settled.variants);
    let names = variants(&leaf.property.name, texts, by_hand)?;
    let variants: Vec<(String, String)> = names.into_iter().zip(wires).collect();
    let default = default(leaf)
        .and_then(print)
        .and_then(|wire| variants.iter().find(|(_, printed)| *printed == wire).map(|(name, _)| name.clone()));
    let body: String = variants.iter().map(|(name, wire)| format!("        {name} = {wire},\n")).collect();
    Ok(call(kind, leaf, &format!("{} {{\n{body}    }}{}", leaf.name, prefixed(" default ", default))))
}

fn call(kind: &str, leaf: &Leaf<'_>, body: &str) -> String {
    format!("kt::{kind}! {{\n{}    {body}\n}}\n", documentation(leaf, "    "))
}

fn number_bounds(bounds: NumberBounds) -> String {
    let NumberBounds { min, max, above, below } = bounds;
    let named = [("min", min), ("max", max), ("above", above), ("below", below)];
    let set = named.into_iter().filter_map(|(name, bound)| Some(format!("{name}: {:?}", bound?)));
    set.collect::<Vec<_>>().join(", ")
}

/// The default of the leaf, if the property's own rules allow it and the type can hold it.
fn default<'a>(leaf: &Leaf<'a>) -> Option<&'a Value> {
    let is_whole_property = std::ptr::eq(leaf.shape, &leaf.property.shape);
    leaf.property.default.as_ref().filter(|_| is_whole_property && leaf.property.has_typed_default())
}

fn integer(value: &Value) -> Option<String> {
    value.as_number().and_then(check::whole).map(|whole| whole.to_string())
}

fn number(value: &Value) -> Option<String> {
    value.as_f64().map(|value| format!("{value:?}"))
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(text_literal)
}

fn prefixed(prefix: &str, text: Option<String>) -> String {
    text.map(|text| format!("{prefix}{text}")).unwrap_or_default()
}

fn documentation(leaf: &Leaf<'_>, indent: &str) -> String {
    docs::comment(&docs::leaf(leaf.property), indent)
}

/// The variants of values, in their order.
fn variants(
    property: &str,
    values: &[String],
    overrides: &[(String, String)],
) -> Result<Vec<String>, String> {
    if let Some((stranger, _)) = overrides.iter().find(|(value, _)| !values.contains(value)) {
        return Err(format!(
            "an override names the variant of {stranger:?}, which is not a value of the enum"
        ));
    }
    let mut taken: Vec<String> = overrides.iter().map(|(_, name)| name.clone()).collect();
    let mut names = Vec::new();
    for value in values {
        let chosen =
            overrides.iter().find(|(overridden, _)| overridden == value).map(|(_, name)| name.clone());
        let spelled = spelled(property, value);
        let cased = format!("{spelled}{}", case(value));
        let mut candidates = [from_text(property, value), spelled, cased].into_iter();
        let name = chosen.or_else(|| candidates.find(|name| !taken.contains(name))).ok_or_else(|| {
            format!("the variant of {value:?} would have a name that is taken; override it")
        })?;
        if syn::parse_str::<syn::Ident>(&name).is_err() {
            return Err(format!(
                "the variant of {value:?} would be `{name}`, which is not a valid name; override it"
            ));
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

/// Camel-case words of a text. A separator between digits is kept, since it separates two numbers.
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

/// The value with every separator spelled out, so that values with different separators have different names.
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
        // A keyword, and the constants of every enum.
        Some(_) if matches!(name.as_str(), "ALL" | "Self" | "VALUES") => format!("{name}Value"),
        Some(_) => name,
    }
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
        variants(property, &values, &[]).unwrap()
    }

    #[test]
    fn values_become_variants() {
        assert_eq!(texts("aspect_ratio", &["auto", "16:9", "9:16"]), ["Auto", "R16x9", "R9x16"]);
        assert_eq!(texts("duration", &["auto", "5", "10"]), ["Auto", "Seconds5", "Seconds10"]);
        assert_eq!(texts("resolution", &["480p", "2K", "1024x1024"]), ["R480p", "R2K", "R1024x1024"]);
        assert_eq!(texts("size", &["square_hd", "portrait_4_3"]), ["SquareHd", "Portrait4_3"]);
        assert_eq!(texts("mode", &["very-high quality", "PNG", ""]), ["VeryHighQuality", "Png", "Empty"]);
        assert_eq!(texts("scale", &["0.5", "-1", "50%", "+2x"]), ["N0_5", "NMinus1", "R50Percent", "Plus2x"]);
        assert_eq!(texts("seed", &["-1", "4"]), ["NMinus1", "N4"]);
        assert_eq!(texts("fps", &["23.976", "24"]), ["Fps23_976", "Fps24"]);
    }

    #[test]
    fn values_that_would_have_one_name_get_different_names() {
        assert_eq!(texts("resolution", &["480P", "480p"]), ["R480P", "R480p"]);
        assert_eq!(texts("mode", &["Auto", "auto", "AUTO"]), ["Auto", "AutoLower", "AutoUpper"]);
        assert_eq!(texts("mode", &["a-b", "a_b", "a b"]), ["AB", "AUnderscoreB", "ASpaceB"]);
        assert_eq!(texts("mode", &["self", "SELF", "中"]), ["SelfValue", "SelfValueUpper", "U4E2D"]);
        assert_eq!(texts("mode", &["a l l", "all"]), ["ALLValue", "All"]);
    }

    #[test]
    fn an_override_goes_first() {
        let (values, by_hand) = (["a".to_owned(), "A".to_owned()], [("A".to_owned(), "Best".to_owned())]);
        assert_eq!(variants("mode", &values, &by_hand).unwrap(), ["A", "Best"]);
        assert!(variants("mode", &values[..1], &by_hand).unwrap_err().contains("not a value"));
        assert!(variants("mode", &values, &[("A".to_owned(), "no name".to_owned())]).is_err());
    }
}
