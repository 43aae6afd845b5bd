//! Outputs in every form that the provider sends: an object, a bare URL, an array of URLs.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{Checked, OutputKind, Pointer, Violations};

impl OutputKind {
    /// The key of one file of this kind, such as `video`.
    #[must_use]
    pub const fn singular(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Image => "image",
            Self::Video => "video",
        }
    }

    /// The key of several files of this kind, such as `videos`.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Audio => "audios",
            Self::Image => "images",
            Self::Video => "videos",
        }
    }
}

/// Brings any form to the object form: a bare URL goes under `video`, an array under `videos`, or as the kind says.
#[must_use]
pub fn object(value: Value, kind: OutputKind) -> Map<String, Value> {
    let key = match value {
        Value::Object(object) => return object,
        Value::Null => return Map::new(),
        Value::Array(_) => kind.plural(),
        _ => kind.singular(),
    };
    Map::from_iter([(key.to_owned(), value)])
}

/// The type of a field of an output: a value that may be missing, or a list that is empty where it is.
pub trait OutputField: Default {
    /// The value that the schema speaks of.
    type Value: DeserializeOwned;

    /// Fills it.
    fn filled(value: Self::Value) -> Self;

    /// Whether there is nothing in it.
    fn is_absent(&self) -> bool;
}

impl<T: DeserializeOwned> OutputField for Option<T> {
    type Value = T;

    fn filled(value: T) -> Self {
        Some(value)
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

impl<T: DeserializeOwned> OutputField for Vec<T> {
    type Value = Self;

    fn filled(value: Self) -> Self {
        value
    }

    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

/// Takes a property out if it has the type that is asked for; otherwise it stays, so that nothing paid for is lost.
pub fn take<F: OutputField>(object: &mut Map<String, Value>, key: &str) -> F {
    let Some(value) =
        object.get(key).and_then(|value| <F::Value as serde::Deserialize>::deserialize(value).ok())
    else {
        return F::default();
    };
    object.remove(key);
    F::filled(value)
}

/// Checks either form that is not an object: a URL, or an array of URLs. Returns whether it was one.
pub fn check_bare(value: &Value, at: &Pointer<'_>, out: &mut Violations) -> bool {
    match value {
        Value::String(_) => true,
        Value::Array(elements) => {
            elements
                .iter()
                .enumerate()
                .for_each(|(index, one)| String::check_json(one, &at.index(index), out));
            true
        }
        _ => false,
    }
}

/// The URLs in the given properties, in order, each once.
#[must_use]
pub fn urls<'a>(properties: &[&'a dyn Urls]) -> Vec<&'a str> {
    let mut urls = Vec::new();
    properties.iter().for_each(|property| property.add_to(&mut urls));
    urls
}

/// A property of an output that may hold URLs.
pub trait Urls {
    /// Adds the URLs that are not there yet.
    fn add_to<'a>(&'a self, urls: &mut Vec<&'a str>);
}

impl Urls for str {
    fn add_to<'a>(&'a self, urls: &mut Vec<&'a str>) {
        let is_url = self.starts_with("https://") || self.starts_with("http://");
        if is_url && !urls.contains(&self) {
            urls.push(self);
        }
    }
}

impl Urls for String {
    fn add_to<'a>(&'a self, urls: &mut Vec<&'a str>) {
        self.as_str().add_to(urls);
    }
}

impl<T: Urls> Urls for Option<T> {
    fn add_to<'a>(&'a self, urls: &mut Vec<&'a str>) {
        self.iter().for_each(|one| one.add_to(urls));
    }
}

impl<T: Urls> Urls for Vec<T> {
    fn add_to<'a>(&'a self, urls: &mut Vec<&'a str>) {
        self.iter().for_each(|one| one.add_to(urls));
    }
}

impl Urls for Map<String, Value> {
    fn add_to<'a>(&'a self, urls: &mut Vec<&'a str>) {
        self.values().for_each(|one| one.add_to(urls));
    }
}

impl Urls for Value {
    fn add_to<'a>(&'a self, urls: &mut Vec<&'a str>) {
        match self {
            Self::String(text) => text.add_to(urls),
            Self::Array(elements) => elements.add_to(urls),
            Self::Object(object) => object.add_to(urls),
            Self::Null | Self::Bool(_) | Self::Number(_) => {}
        }
    }
}

macro_rules! no_urls {
    ($($type:ty)*) => {
        $(impl Urls for $type {
            fn add_to<'a>(&'a self, _: &mut Vec<&'a str>) {}
        })*
    };
}

no_urls!(bool i64 crate::Number);
