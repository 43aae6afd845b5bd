//! The output file.

use crate::recipe::Recipe;

/// The media type of an output.
pub(crate) const MEDIA_TYPE: &str = "text/plain; charset=utf-8";

/// The bytes of the file; the same for the same recipe.
pub(crate) fn make(recipe: &Recipe) -> Result<Vec<u8>, String> {
    let text = format!("SIMULATED: a clip of {} s; built without the feature `clip`.\n", recipe.seconds);
    Ok(text.into_bytes())
}
