//! Two versions of a model's schemas, compared: what changed, and how much that asks of those who use it.
//!
//! The measure is the generated code and what it accepts. A change is *breaking* where code that compiled may not compile, or
//! where input that was needed to be nothing is required; *behaviour* where the same code may be refused or mean something
//! else; *compatible* where more is possible than before; *docs* where only words changed. Structs and enums are
//! `#[non_exhaustive]`, so that a new optional property and a new value of an enum are compatible.

mod change;
mod object;
mod shape;

pub use change::{Change, ChangeClass, Changes, SemverStep};

use change::Collector;

use crate::ModelSchema;
use crate::reader::Side;

/// Compares two versions of a model. Where either was written from facts, words and examples are left out.
///
/// ```
/// use kling_schema::{ChangeClass, ModelNotes, ModelSchema, compare};
/// use kling_types::OutputKind;
///
/// let read = |longest: u32| {
///     let input = format!(r#"{{"type": "object", "properties": {{"prompt": {{"type": "string", "maxLength": {longest}}}}}}}"#);
///     ModelSchema::read("maker/model", &input, ModelSchema::GENERIC_OUTPUT, ModelNotes::new(OutputKind::Video))
/// };
/// let changes = compare(&read(500)?, &read(400)?);
/// assert_eq!(changes.class(), Some(ChangeClass::Behaviour));
/// assert_eq!(changes.to_string(), "behaviour: input /properties/prompt/maxLength: 500 became 400");
/// # Ok::<(), kling_schema::SchemaError>(())
/// ```
#[must_use]
pub fn compare(old: &ModelSchema, new: &ModelSchema) -> Changes {
    let mut changes = compare_inputs(old, new);
    let mut output = collector(old, new, Side::Output);
    output.object(&old.output, &new.output, "");
    let [before, after] = [old, new].map(|schema| schema.output_kind.singular());
    if before != after {
        output.push(ChangeClass::Behaviour, "/output_kind", Some(before), Some(after));
    }
    changes.extend(output);
    changes
}

/// Compares the inputs alone: the catalog carries no more.
#[must_use]
pub fn compare_inputs(old: &ModelSchema, new: &ModelSchema) -> Changes {
    let mut input = collector(old, new, Side::Input);
    input.object(&old.input, &new.input, "");
    let mut changes = Changes::default();
    changes.extend(input);
    changes
}

fn collector(old: &ModelSchema, new: &ModelSchema, side: Side) -> Collector {
    Collector::new(side, !(old.notes.facts_only || new.notes.facts_only))
}
