//! Entries of the live catalog: a model's id, its input schema, and the kind of its output.

use kling_types::{ModelInfo, OutputKind};
use serde_json::Value;

use crate::{Changes, ModelNotes, ModelSchema, SchemaError, compare_inputs};

/// The parts of a catalog entry that concern its schema.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CatalogEntry {
    /// The id, such as `kling/kling-1-6/pro/image-to-video`.
    pub model_id: String,
    /// The input schema, unchanged except for white space.
    pub input_schema: Value,
    /// The kind of the output, from [`CatalogEntry::output_kind`].
    pub output_kind: OutputKind,
    /// The unit of the price, such as `second`.
    pub price_unit: Option<String>,
}

impl CatalogEntry {
    /// Reads a catalog reply: one entry, or `{"models": […]}`. Each entry is read alone, so a bad one hides no other.
    pub fn read_reply(reply: &Value) -> Vec<Result<Self, SchemaError>> {
        match reply.get("models").and_then(Value::as_array) {
            Some(entries) => entries.iter().map(Self::read).collect(),
            None => vec![Self::read(reply)],
        }
    }

    /// Reads one entry.
    ///
    /// # Errors
    /// [`SchemaError`] for an entry without an id or an input schema, and for an id that is not a safe path. No segment may be
    /// empty, start or end with a dot or a blank, name a device of Windows, or hold control characters or any of
    /// `\ : * ? " < > |`.
    pub fn read(entry: &Value) -> Result<Self, SchemaError> {
        let fail = |pointer: &str, message: &str| SchemaError::new(pointer, None, message);
        let Some(model_id) = entry.get("model_id").and_then(Value::as_str) else {
            return Err(fail("/model_id", "expected the id of a model").of("an entry without id", "catalog"));
        };
        if let Some(segment) = model_id.split('/').find(|segment| !is_safe(segment)) {
            let message = format!("the segment {segment:?} is not safe in a path");
            return Err(fail("/model_id", &message).of(model_id, "catalog"));
        }
        let Some(input_schema) = entry.get("input_schema").filter(|schema| schema.is_object()) else {
            let message = "expected a schema; query the catalog with include_schema=true";
            return Err(fail("/input_schema", message).of(model_id, "catalog"));
        };
        Ok(Self {
            model_id: model_id.to_owned(),
            input_schema: input_schema.clone(),
            output_kind: Self::output_kind(entry),
            price_unit: entry.get("price_unit").and_then(Value::as_str).map(str::to_owned),
        })
    }

    /// Infers the kind of a model's output, since the catalog has no field for it.
    ///
    /// The first word that names a kind wins: in `kind`, `categories`, then the segments of the id from the last one.
    /// `image-to-video` names a video. Without such a word, a price per second means a video, and any other price an image.
    pub fn output_kind(entry: &Value) -> OutputKind {
        let text = |key: &str| entry.get(key).and_then(Value::as_str);
        let categories = entry.get("categories").and_then(Value::as_array).into_iter().flatten();
        let segments = text("model_id").into_iter().flat_map(|id| id.rsplit('/'));
        let words = text("kind").into_iter().chain(categories.filter_map(Value::as_str)).chain(segments);
        let by_price =
            || if text("price_unit") == Some("second") { OutputKind::Video } else { OutputKind::Image };
        words.filter_map(kind_of_words).next().unwrap_or_else(by_price)
    }

    /// Reads the schema of a model that is not compiled in, with the generic output.
    ///
    /// # Errors
    /// [`SchemaError`] if the schema cannot be read at all.
    pub fn schema(&self) -> Result<ModelSchema, SchemaError> {
        let (input, notes) = (self.input_schema.to_string(), ModelNotes::new(self.output_kind));
        ModelSchema::read(&self.model_id, &input, ModelSchema::GENERIC_OUTPUT, notes)
    }

    /// Compares a compiled-in model with its live entry.
    ///
    /// # Errors
    /// [`SchemaError`] for the entry of another model, and for a live schema that cannot be read. That is a change too.
    pub fn drift(&self, model: &ModelInfo) -> Result<Changes, SchemaError> {
        if self.model_id != model.id {
            let message = format!("got the entry of {:?}", self.model_id);
            return Err(SchemaError::new("/model_id", None, message).of(model.id, "catalog"));
        }
        let (on_file, live) = (ModelSchema::of(model)?, self.input_schema.to_string());
        let live = ModelSchema::read(model.id, &live, model.output_schema, on_file.notes.clone())?;
        Ok(compare_inputs(&on_file, &live))
    }
}

/// Returns the last kind of media that a phrase names, such as `image-to-video` or `Text to Speech`.
fn kind_of_words(phrase: &str) -> Option<OutputKind> {
    let phrase = phrase.to_lowercase();
    let mut words = phrase.split(|letter: char| !letter.is_alphanumeric()).rev();
    words.find_map(|word| match word {
        "audio" | "music" | "song" | "sound" | "speech" | "tts" | "voice" => Some(OutputKind::Audio),
        "image" | "images" | "img" | "photo" | "picture" => Some(OutputKind::Image),
        "animation" | "lipsync" | "video" | "videos" => Some(OutputKind::Video),
        _ => None,
    })
}

/// Whether a segment of an id is a safe name of a folder on every system.
fn is_safe(segment: &str) -> bool {
    const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];
    let stem = segment.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let is_port = stem.len() == 4 && (stem.starts_with("com") || stem.starts_with("lpt"));
    let is_bad = |letter: char| letter.is_control() || r#"\:*?"<>|"#.contains(letter);
    !segment.is_empty()
        && segment.trim() == segment
        && !segment.starts_with('.')
        && !segment.ends_with('.')
        && !segment.contains(is_bad)
        && !(DEVICES.contains(&stem.as_str())
            || is_port && stem.ends_with(|last: char| last.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_output_kind_is_inferred_from_the_entry() {
        let kind = |entry| CatalogEntry::output_kind(&entry);
        assert_eq!(kind(json!({"kind": "video"})), OutputKind::Video);
        assert_eq!(kind(json!({"kind": "model", "categories": ["image-to-video"]})), OutputKind::Video);
        assert_eq!(kind(json!({"categories": ["Text to Speech"]})), OutputKind::Audio);
        assert_eq!(kind(json!({"model_id": "a/b/video-to-audio"})), OutputKind::Audio);
        assert_eq!(kind(json!({"model_id": "a/image-to-video/1080p"})), OutputKind::Video);
        assert_eq!(kind(json!({"price_unit": "second"})), OutputKind::Video);
        assert_eq!(kind(json!({"price_unit": "output"})), OutputKind::Image);
    }

    #[test]
    fn an_id_that_is_not_a_safe_path_is_refused() {
        for id in [
            "", "a//b", "/a", "a/", "a/../b", "./a", "a/.git", "a\\b", "c:/x", "a/con", "a/lpt1.x", "a/b ",
            "a/b.", "a/\n",
        ] {
            let error = CatalogEntry::read(&json!({"model_id": id, "input_schema": {}})).unwrap_err();
            assert_eq!(error.pointer(), "/model_id", "{id:?}");
        }
        for id in ["minimax/Hailuo Video 01 Live", "kling/kling-3.0/4k/x", "a/b/c/d/e", "a/console"] {
            assert!(CatalogEntry::read(&json!({"model_id": id, "input_schema": {}})).is_ok(), "{id:?}");
        }
    }

    #[test]
    fn a_bad_entry_of_a_reply_hides_no_other() {
        let reply = json!({"models": [{"model_id": "a/b"}, {"model_id": "a/c", "input_schema": {}}, {}]});
        let read = CatalogEntry::read_reply(&reply);
        assert_eq!(read.iter().map(Result::is_ok).collect::<Vec<_>>(), [false, true, false]);
        assert_eq!(
            read[0].as_ref().unwrap_err().to_string(),
            "a/b: catalog schema, at \"/input_schema\": expected a schema; query the catalog with include_schema=true"
        );
    }
}
