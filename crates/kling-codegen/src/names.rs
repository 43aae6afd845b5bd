//! Rust names for what the provider calls anything at all, each by one written rule.

use heck::{ToSnakeCase, ToUpperCamelCase};

/// The module of a model: its id in snake case, segments joined, without the maker where the second segment says it
/// again. `kling/kling-1-6/pro/image-to-video` is `kling_1_6_pro_image_to_video`.
pub(crate) fn module_name(id: &str) -> String {
    let segments: Vec<String> = id.split('/').map(snake).collect();
    let name = match segments.as_slice() {
        [maker, second, ..] if second.starts_with(maker.as_str()) => segments[1..].join("_"),
        _ => segments.join("_"),
    };
    if name.starts_with(|first: char| first.is_ascii_digit()) { format!("model_{name}") } else { name }
}

/// The feature of a module: the same name with dashes.
pub(crate) fn feature_name(module: &str) -> String {
    module.replace('_', "-")
}

/// The type of a property or a module.
pub(crate) fn type_name(name: &str) -> String {
    let name = name.to_upper_camel_case();
    match name.as_str() {
        // Generated code uses these by their short names.
        "Default" | "Err" | "Into" | "None" | "Ok" | "Option" | "Result" | "Self" | "Some" | "String"
        | "Vec" => {
            format!("{name}Value")
        }
        _ if name.starts_with(|first: char| first.is_ascii_digit()) => format!("N{name}"),
        _ => name,
    }
}

/// The variant of an enum for an integer: `Seconds5` in a duration, `Fps24`, `Hz44100`, and `N4` where the unit is not known.
pub(crate) fn integer_variant(property: &str, value: i64) -> String {
    let unit = unit(property).unwrap_or("N");
    let sign = if value < 0 { "Minus" } else { "" };
    format!("{unit}{sign}{}", value.unsigned_abs())
}

/// The variant of an enum for a text: `R16x9` for a ratio, `Seconds5` for the text `5` in a duration, `R480p` for what
/// starts with a digit, and camel case for words.
pub(crate) fn text_variant(property: &str, value: &str) -> String {
    if let Some(ratio) = ratio(value) {
        return ratio;
    }
    let name: String = value.split(|letter: char| !letter.is_alphanumeric()).map(capitalised).collect();
    match name.chars().next() {
        None => "Empty".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("{}{name}", unit(property).unwrap_or("R")),
        Some(_) => name,
    }
}

fn snake(segment: &str) -> String {
    // heck joins a digit to the word before it; ids separate them on purpose.
    let words = segment.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("_")
}

/// The field of a property, as typify names it.
pub(crate) fn is_snake(name: &str) -> bool {
    name == name.to_snake_case()
}

fn unit(property: &str) -> Option<&'static str> {
    match property.to_snake_case().as_str() {
        "duration" | "length" | "seconds" => Some("Seconds"),
        "fps" | "frame_rate" | "frames_per_second" => Some("Fps"),
        "sample_rate" => Some("Hz"),
        _ => None,
    }
}

fn ratio(value: &str) -> Option<String> {
    let (width, height) = value.split_once(':')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(width) && is_number(height)).then(|| format!("R{width}x{height}"))
}

pub(crate) fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_become_modules() {
        for (id, module) in [
            ("kling/kling-1-6/pro/image-to-video", "kling_1_6_pro_image_to_video"),
            ("kling/kling-3.0/4k/text-to-video", "kling_3_0_4k_text_to_video"),
            ("minimax/Hailuo Video 01 Live", "minimax_hailuo_video_01_live"),
            ("blackforestlabs/flux-2-klein/9b", "blackforestlabs_flux_2_klein_9b"),
            ("3d/model", "model_3d_model"),
        ] {
            assert_eq!(module_name(id), module);
        }
    }

    #[test]
    fn values_become_variants() {
        assert_eq!(integer_variant("duration", 5), "Seconds5");
        assert_eq!(integer_variant("seed", -1), "NMinus1");
        assert_eq!(text_variant("aspect_ratio", "16:9"), "R16x9");
        assert_eq!(text_variant("duration", "5"), "Seconds5");
        assert_eq!(text_variant("duration", "auto"), "Auto");
        assert_eq!(text_variant("resolution", "480p"), "R480p");
        assert_eq!(text_variant("mode", "very-high quality"), "VeryHighQuality");
        assert_eq!(text_variant("mode", ""), "Empty");
    }
}
