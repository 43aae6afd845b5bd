//! Outputs in every form that the provider sends: an object, a bare URL, or an array of URLs.

use std::collections::HashSet;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::media_ref::strip_scheme;

/// The kind of file that a model makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OutputKind {
    /// Sounds.
    Audio,
    /// Still images.
    Image,
    /// Clips.
    Video,
}

impl OutputKind {
    /// The key of one file of this kind, such as `video`.
    pub const fn singular(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Image => "image",
            Self::Video => "video",
        }
    }

    /// The key of several files of this kind, such as `videos`.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Audio => "audios",
            Self::Image => "images",
            Self::Video => "videos",
        }
    }
}

/// Converts any form to an object: a bare URL becomes `video`, an array becomes `videos`, or as the kind says.
pub fn object(value: Value, kind: OutputKind) -> Map<String, Value> {
    let key = match value {
        Value::Object(object) => return object,
        Value::Null => return Map::new(),
        Value::Array(_) => kind.plural(),
        _ => kind.singular(),
    };
    Map::from_iter([(key.to_owned(), value)])
}

/// The type of an output field: a value that may be missing, or a list that may be empty.
pub trait OutputField: Default + DeserializeOwned {
    /// The type that the schema states.
    type Value;

    /// Whether the field is missing or empty.
    fn is_absent(&self) -> bool;
}

impl<T: DeserializeOwned> OutputField for Option<T> {
    type Value = T;

    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

impl<T: DeserializeOwned> OutputField for Vec<T> {
    type Value = Self;

    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

/// Takes a property out if it has the type of the field. Otherwise the property stays, since the output is paid for.
pub fn take<F: OutputField>(object: &mut Map<String, Value>, key: &str) -> F {
    let value = object.get(key).filter(|value| !value.is_null());
    let Some(field) = value.and_then(|value| F::deserialize(value).ok()) else { return F::default() };
    object.remove(key);
    field
}

/// Returns the URLs in the given properties, in order and without duplicates: `https`, `http` and `data:`.
pub fn urls<'a>(properties: &[&'a dyn Urls]) -> Vec<&'a str> {
    let mut found = Found::default();
    properties.iter().for_each(|property| property.add_to(&mut found));
    found.urls
}

/// The URLs found so far. A set finds duplicates, since a reply may hold a hundred thousand URLs.
#[derive(Debug, Default)]
pub struct Found<'a> {
    urls: Vec<&'a str>,
    seen: HashSet<&'a str>,
}

/// A property of an output that may hold URLs.
pub trait Urls {
    /// Adds the URLs that are not in `found` yet.
    fn add_to<'a>(&'a self, _found: &mut Found<'a>) {}
}

impl Urls for bool {}
impl Urls for i64 {}
impl Urls for crate::Number {}

impl Urls for String {
    fn add_to<'a>(&'a self, found: &mut Found<'a>) {
        let is_url =
            ["https://", "http://", "data:"].iter().any(|scheme| strip_scheme(self, scheme).is_some());
        if is_url && found.seen.insert(self) {
            found.urls.push(self);
        }
    }
}

impl<T: Urls> Urls for Option<T> {
    fn add_to<'a>(&'a self, found: &mut Found<'a>) {
        self.iter().for_each(|one| one.add_to(found));
    }
}

impl<T: Urls> Urls for Vec<T> {
    fn add_to<'a>(&'a self, found: &mut Found<'a>) {
        self.iter().for_each(|one| one.add_to(found));
    }
}

impl Urls for Map<String, Value> {
    fn add_to<'a>(&'a self, found: &mut Found<'a>) {
        self.values().for_each(|one| one.add_to(found));
    }
}

impl Urls for Value {
    fn add_to<'a>(&'a self, found: &mut Found<'a>) {
        match self {
            Self::String(text) => text.add_to(found),
            Self::Array(elements) => elements.add_to(found),
            Self::Object(object) => object.add_to(found),
            Self::Null | Self::Bool(_) | Self::Number(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn urls_are_found_anywhere_and_once() {
        let (first, second) =
            (json!({"a": ["https://a/1", "no URL", {"b": "http://a/2"}]}), json!("https://a/1"));
        let third = json!(["HTTPS://a/3", "https://a/1", 5, null]);
        assert_eq!(urls(&[&first, &second, &third]), ["https://a/1", "http://a/2", "HTTPS://a/3"]);
    }

    #[test]
    fn a_data_uri_in_the_reply_is_a_url() {
        let output = json!({"video": "data:video/mp4;base64,AAAA", "caption": "data about a video"});
        assert_eq!(urls(&[&output]), ["data:video/mp4;base64,AAAA"]);
    }

    #[test]
    fn very_many_urls_keep_their_order() {
        let many: Vec<String> = (0..100_000).map(|number| format!("https://a/{}", number % 60_000)).collect();
        assert_eq!(urls(&[&many]), many[..60_000]);
    }
}
