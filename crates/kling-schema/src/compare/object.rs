//! Objects and properties of two versions.

use kling_types::{MediaRule, Origin};

use super::change::{ChangeClass, Collector};
use super::shape::kind;
use crate::annotations::{self, is_word};
use crate::reader::Side;
use crate::{Annotation, ObjectSchema, Property, Shape};

impl Collector {
    /// Compares two objects at a place.
    pub(super) fn object(&mut self, old: &ObjectSchema, new: &ObjectSchema, at: &str) {
        self.words([&old.title, &new.title], &format!("{at}/title"));
        self.words([&old.description, &new.description], &format!("{at}/description"));
        self.annotations(&old.annotations, &new.annotations, at);
        if old.open != new.open {
            let class = if new.open { ChangeClass::Compatible } else { ChangeClass::Breaking };
            self.push(class, format!("{at}/additionalProperties"), Some(old.open), Some(new.open));
        } else if old.open {
            self.additional(old.additional.as_deref(), new.additional.as_deref(), at);
        }
        for property in &old.properties {
            let place = place(at, &property.name);
            match new.property(&property.name) {
                Some(other) => self.property(property, other, &place),
                None => self.push(ChangeClass::Breaking, place, Some(kind(&property.shape)), None),
            }
        }
        for property in new.properties.iter().filter(|property| old.property(&property.name).is_none()) {
            // What has to be sent from now on is not sent by anyone yet; an output may hold more at any time.
            let is_breaking = property.required && self.side == Side::Input;
            let class = if is_breaking { ChangeClass::Breaking } else { ChangeClass::Compatible };
            self.push(class, place(at, &property.name), None, Some(described(property)));
        }
        let order = |object: &ObjectSchema, other: &ObjectSchema| {
            let shared: Vec<&str> = object.names().filter(|name| other.property(name).is_some()).collect();
            shared.join(", ")
        };
        let (before, after) = (order(old, new), order(new, old));
        self.compare(ChangeClass::Docs, format!("{at}/properties"), Some(before), Some(after));
    }

    /// What properties without a name of their own have to be; an object that does not say it takes any value.
    fn additional(&mut self, old: Option<&Shape>, new: Option<&Shape>, at: &str) {
        let at = format!("{at}/additionalProperties");
        match (old, new) {
            (None, None) => {}
            (Some(old), Some(new)) => self.shape(old, new, &at),
            (old, new) => self.push(ChangeClass::Breaking, &at, old.map(kind), new.map(kind)),
        }
    }

    fn property(&mut self, old: &Property, new: &Property, at: &str) {
        let required = if self.side == Side::Input { ChangeClass::Breaking } else { ChangeClass::Behaviour };
        let word = |property: &Property| if property.required { "required" } else { "optional" };
        self.compare(required, at, Some(word(old)), Some(word(new)));
        self.shape(&old.shape, &new.shape, at);
        self.default(old, new, at);
        let media = |property: &Property| property.media.map(|kind| format!("{kind:?}").to_lowercase());
        self.compare(ChangeClass::Behaviour, format!("{at}/format"), media(old), media(new));
        if media(old) == media(new) && self.with_words {
            self.compare(ChangeClass::Docs, format!("{at}/format"), old.format.as_ref(), new.format.as_ref());
        }
        self.rules(&old.rules, &new.rules, &format!("{at}/validations"));
        self.words([&old.title, &new.title], &format!("{at}/title"));
        self.words([&old.description, &new.description], &format!("{at}/description"));
        self.annotations(&old.annotations, &new.annotations, at);
    }

    /// A default is what the provider takes where nothing is sent, so that the same request means something else. Where only
    /// facts are on file, free text and URLs are examples.
    fn default(&mut self, old: &Property, new: &Property, at: &str) {
        let is_free = matches!(old.shape, Shape::Text(_) | Shape::Media(_) | Shape::List { .. });
        if is_free && !self.with_words {
            return;
        }
        let at = format!("{at}/default");
        // The type loses its `Default` along with it.
        let is_lost = old.has_typed_default() && !new.has_typed_default();
        let class = if is_lost { ChangeClass::Breaking } else { ChangeClass::Behaviour };
        self.compare(class, at, old.default.as_ref(), new.default.as_ref());
    }

    fn rules(&mut self, old: &[MediaRule], new: &[MediaRule], at: &str) {
        let own = |rules: &[MediaRule]| -> Vec<MediaRule> {
            rules.iter().filter(|rule| rule.origin == Origin::Schema).cloned().collect()
        };
        let (old, new) = (own(old), own(new));
        let same = |one: &MediaRule, other: &MediaRule| one.to_string() == other.to_string();
        for rule in old.iter().filter(|rule| !new.iter().any(|other| same(rule, other))) {
            self.push(ChangeClass::Behaviour, at, Some(rule), None);
        }
        // Of rules that say the same in other words, one may still be the very same.
        for rule in new.iter().filter(|rule| !old.contains(rule)) {
            match old.iter().find(|other| same(rule, other)) {
                None => self.push(ChangeClass::Behaviour, at, None, Some(rule)),
                Some(before) => {
                    self.words([&Some(before.message.to_string()), &Some(rule.message.to_string())], at)
                }
            }
        }
    }

    /// Words, and keywords that are not understood: those may rule something, so that they count as behaviour.
    fn annotations(&mut self, old: &[Annotation], new: &[Annotation], at: &str) {
        let said = |annotations: &[Annotation], keyword: &str| {
            let values = annotations.iter().filter(|one| one.keyword == keyword);
            let values: Vec<String> = values.map(|one| one.value.to_string()).collect();
            (!values.is_empty()).then(|| values.join(", "))
        };
        let mut keywords: Vec<&str> = old.iter().chain(new).map(|one| one.keyword.as_str()).collect();
        keywords.sort_unstable();
        keywords.dedup();
        for keyword in keywords {
            let class = if is_word(keyword) { ChangeClass::Docs } else { ChangeClass::Behaviour };
            if self.with_words || class > ChangeClass::Docs {
                self.compare(class, annotations::place(at, keyword), said(old, keyword), said(new, keyword));
            }
        }
    }

    fn words(&mut self, [old, new]: [&Option<String>; 2], at: &str) {
        let said = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if self.with_words {
            self.compare(ChangeClass::Docs, at, said(old), said(new));
        }
    }
}

fn place(at: &str, name: &str) -> String {
    format!("{at}/properties/{}", name.replace('~', "~0").replace('/', "~1"))
}

fn described(property: &Property) -> String {
    let word = if property.required { "a required" } else { "an optional" };
    format!("{word} {}", kind(&property.shape))
}
