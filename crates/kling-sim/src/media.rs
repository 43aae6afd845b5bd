//! The pictures of an input: found, decoded or fetched, and judged by the rules of their fields.

use kling_types::{Keyword, MediaField, Violation, Violations};
use serde_json::Value;

use crate::endpoint::Endpoint;
use crate::settings::Settings;

/// What was found out about the pictures of one input.
#[derive(Debug, Default)]
pub(crate) struct Examination {
    /// References that are no picture at all.
    pub(crate) unusable: Violations,
    /// Pictures that break a rule of the provider.
    pub(crate) broken: Violations,
    /// Pointers of pictures whose rules could not be checked.
    pub(crate) unchecked: Vec<String>,
    /// The bytes of the first start picture; nothing where it is unknown.
    pub(crate) start: Option<Vec<u8>>,
    /// The bytes of the first end picture; nothing where there is none or it is unknown.
    pub(crate) end: Option<Vec<u8>>,
}

impl Examination {
    /// Looks at every picture of an input that fits its schema.
    pub(crate) fn of(endpoint: &Endpoint, input: &Value, settings: &Settings) -> Self {
        let mut examination = Self::default();
        for field in endpoint.pictures() {
            for (pointer, reference) in field.references(input) {
                let picture = examination.look(field, &pointer, reference, settings);
                let place = if is_last(&field.name) { &mut examination.end } else { &mut examination.start };
                *place = place.take().or(picture);
            }
        }
        examination
    }

    fn look(
        &mut self,
        field: &MediaField,
        pointer: &str,
        reference: &str,
        settings: &Settings,
    ) -> Option<Vec<u8>> {
        let bytes = match bytes_of(reference, settings) {
            Ok(bytes) => bytes,
            Err(violation) => {
                self.unusable.push(violation.within(pointer));
                return None;
            }
        };
        let facts = match bytes.as_deref().map(kling_media::from_bytes) {
            Some(Ok(facts)) => facts,
            Some(Err(error)) => {
                let violation =
                    Violation::new(pointer, Keyword::MediaReference, error.to_string(), "a picture");
                self.unusable.push(violation);
                return None;
            }
            None => kling_types::MediaFacts::unknown(),
        };
        let judgement = field.judge_with(pointer, &facts, settings.api.megabyte);
        self.broken.extend(judgement.violations);
        if !judgement.unchecked.is_empty() {
            self.unchecked.push(pointer.to_owned());
        }
        bytes
    }
}

/// The bytes behind a reference; nothing where they are elsewhere and out of reach.
fn bytes_of(reference: &str, settings: &Settings) -> Result<Option<Vec<u8>>, Violation> {
    let is_data = reference.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"));
    if !is_data {
        return Ok(settings.fetcher.as_ref().and_then(|fetch| fetch(reference)));
    }
    let data = kling_media::DataUri::decode(reference).map_err(|error| {
        Violation::new("", Keyword::MediaReference, error.to_string(), "a `data:` URI in base64")
    })?;
    let (found, limit) = (data.bytes.len() as u64, settings.api.data_uri_limit.unwrap_or(u64::MAX));
    if found > limit {
        let (found, allowed) = (format!("{found} bytes"), format!("at most {limit} bytes in a `data:` URI"));
        return Err(Violation::new("", Keyword::MediaReference, found, allowed));
    }
    Ok(Some(data.bytes))
}

/// Whether a property holds the picture that a clip ends with, by the names that the catalog has for it.
fn is_last(name: &str) -> bool {
    name.split('_').any(|word| matches!(word, "tail" | "end" | "last"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_picture_is_known_by_its_name() {
        assert!(is_last("tail_image_url") && is_last("end_image_url") && is_last("last_image"));
        assert!(!is_last("image_url") && !is_last("start_image_url") && !is_last("blending"));
    }
}
