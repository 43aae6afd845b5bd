//! The output file where clips are not built in: a line of text that says so.

use kling_types::OutputKind;

use crate::recipe::Recipe;

/// The media type of an output.
pub(crate) const fn media_type(_: OutputKind) -> &'static str {
    "text/plain; charset=utf-8"
}

/// The bytes of the file; the same for the same recipe.
pub(crate) fn make(recipe: &Recipe) -> Result<Vec<u8>, String> {
    let Recipe { kind, start, end, seconds } = recipe;
    let kind = kind.singular();
    let pictures = [start, end].into_iter().flatten().map(|picture| picture.bytes.len());
    let (count, bytes) = pictures.fold((0, 0), |(count, sum), bytes| (count + 1, sum + bytes));
    let made_from = format!("{seconds} s from {count} picture(s) of {bytes} bytes");
    Ok(format!(
        "SIMULATED: no {kind} of {made_from}, since kling-sim was built without its feature `clip`.\n"
    )
    .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_says_what_it_is() {
        let text = String::from_utf8(make(&Recipe::default()).unwrap()).unwrap();
        assert!(text.starts_with("SIMULATED") && text.contains("feature `clip`"));
    }
}
