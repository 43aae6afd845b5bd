//! Rust names of models and properties, each by one rule, and texts as Rust literals.

use std::fmt::Display;

use heck::ToUpperCamelCase;
use kling_schema::{Override, Property};
use serde_json::json;
use syn::Item;
use typify::{TypeSpace, TypeSpaceSettings};

/// The module of a model: the segments of its id in snake case, joined. The maker is left out if the second segment begins with
/// it. `kling/kling-1-6/pro/image-to-video` is `kling_1_6_pro_image_to_video`.
pub(crate) fn module_name(id: &str) -> String {
    let segments: Vec<String> = id.split('/').map(snake).collect();
    let name = match segments.as_slice() {
        [maker, second, ..] if second.starts_with(maker.as_str()) => segments[1..].join("_"),
        _ => segments.join("_"),
    };
    // One word might be a keyword, or another module of the crate.
    let is_safe = name.contains('_') && name.starts_with(|first: char| first.is_ascii_lowercase());
    if is_safe { name } else { format!("model_{name}") }
}

/// The family of a model, which is its feature: the second segment of its id in lower case with dashes. A family of one word
/// has the first segment before it, since it could be another feature. `kling/kling-3.0/4k/text-to-video` is of `kling-3-0`.
pub(crate) fn family_name(id: &str) -> String {
    let segments: Vec<String> = id.split('/').map(|segment| snake(segment).replace('_', "-")).collect();
    match segments.as_slice() {
        [_, second, ..] if second.contains('-') => second.clone(),
        [first, second, ..] => format!("{first}-{second}").trim_matches('-').to_owned(),
        _ => format!("model-{}", segments.concat()),
    }
}

/// The type of a property or a module.
pub(crate) fn type_name(name: &str) -> String {
    let name = name.to_upper_camel_case();
    match name.as_str() {
        // Generated code uses these names itself.
        "Default" | "Err" | "Input" | "InputBuilder" | "Into" | "MEDIA" | "None" | "Ok" | "Option"
        | "Output" | "Result" | "Self" | "Some" | "String" | "Vec" => format!("{name}Value"),
        _ if name.starts_with(|first: char| first.is_ascii_digit()) => format!("N{name}"),
        // A script without capitals: the field has the same name.
        _ if name.starts_with(|first: char| !first.is_uppercase()) => format!("{name}Value"),
        _ => name,
    }
}

pub(crate) fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// A string literal. Control and direction marks are escaped as by `Debug`, and backticks too, since macros print the literal
/// between backticks.
pub(crate) fn text_literal(text: &str) -> String {
    format!("{text:?}").replace('`', "\\u{60}")
}

fn snake(segment: &str) -> String {
    // heck joins a digit to the word before it, but ids separate them on purpose.
    let words = segment.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("_")
}

/// Returns the field of a property: its name in the override, or else typify's, with `_value` after a name that builders use.
pub(crate) fn field_name(property: &Property, settled: Option<&Override>) -> Result<String, String> {
    let is_taken = |ident: &str| ["build", "errors", "extra"].contains(&ident);
    if let Some(field) = settled.and_then(|settled| settled.field.as_ref()) {
        let is_valid = syn::parse_str::<syn::Ident>(field).is_ok() && !is_taken(field);
        return match is_valid {
            true => Ok(field.clone()),
            false => Err(format!("the field of {:?} cannot be `{field}`", property.name)),
        };
    }
    let ident = by_typify(&property.name)?;
    Ok(if is_taken(&ident) { format!("{ident}_value") } else { ident })
}

/// Returns the field in the struct that typify generates for an object with this one property.
fn by_typify(property: &str) -> Result<String, String> {
    let schema =
        json!({ "title": "Object", "type": "object", "properties": { property: { "type": "string" } } });
    let fail = |error: &dyn Display| format!("typify made no field for {property:?}: {error}");
    let mut space = TypeSpace::new(&TypeSpaceSettings::default());
    let root = serde_json::from_value(schema).map_err(|error| fail(&error))?;
    space.add_root_schema(root).map_err(|error| fail(&error))?;
    let file: syn::File = syn::parse2(space.to_stream()).map_err(|error| fail(&error))?;
    let field = file.items.into_iter().find_map(|item| match item {
        Item::Struct(item) => item.fields.into_iter().next()?.ident,
        _ => None,
    });
    field.map(|field| field.to_string()).ok_or_else(|| fail(&"it printed no struct"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_become_types() {
        for (property, name) in [
            ("first-frame", "FirstFrame"),
            ("promptText", "PromptText"),
            ("2d_mode", "N2dMode"),
            ("option", "OptionValue"),
            ("größe", "Größe"),
            ("提示词", "提示词Value"),
        ] {
            assert_eq!(type_name(property), name);
        }
    }

    #[test]
    fn ids_become_modules() {
        for (id, module) in [
            ("kling/kling-1-6/pro/image-to-video", "kling_1_6_pro_image_to_video"),
            ("kling/kling-3.0/4k/text-to-video", "kling_3_0_4k_text_to_video"),
            ("minimax/Hailuo Video 01 Live", "minimax_hailuo_video_01_live"),
            ("blackforestlabs/flux-2-klein/9b", "blackforestlabs_flux_2_klein_9b"),
            ("3d/model", "model_3d_model"),
            ("kling/kling", "model_kling"),
            ("a/b/c/d/e", "a_b_c_d_e"),
        ] {
            assert_eq!(module_name(id), module);
        }
    }

    #[test]
    fn ids_become_families() {
        for (id, family) in [
            ("kling/kling-1-6/pro/image-to-video", "kling-1-6"),
            ("kling/kling-3.0/4k/text-to-video", "kling-3-0"),
            ("kling/kling-video-o3/4K/image-to-video", "kling-video-o3"),
            ("minimax/Hailuo Video 01 Live", "hailuo-video-01-live"),
            ("blackforestlabs/flux-2-klein/9b", "flux-2-klein"),
            ("maker/schema", "maker-schema"),
            ("kling/kling", "kling-kling"),
            ("maker/数字", "maker"),
            ("alone", "model-alone"),
        ] {
            assert_eq!(family_name(id), family);
        }
    }

    #[test]
    fn a_literal_reads_as_the_text_and_holds_no_mark() {
        let text = "a`b\"\\\n\u{202e}\u{7}/* 字 🎬 */";
        let literal = text_literal(text);
        assert_eq!(syn::parse_str::<syn::LitStr>(&literal).unwrap().value(), text);
        assert!(!literal.contains(['`', '\n', '\u{202e}', '\u{7}']), "{literal}");
    }
}
