//! The source of a module: calls of `kling-types` macros, and the list of modules.

use kling_schema::Property;
use kling_types::{MediaField, MediaRule, Metric, OutputKind};

use crate::file_set::{MARK, MODULE_MARK, Source};
use crate::names::text_literal;
use crate::plan::{FieldPlan, ObjectPlan, Plan};
use crate::{Error, docs, leaves};

/// The source of a model's module.
pub(crate) fn print(source: &Source, plan: &Plan<'_>, command: &str) -> Result<String, Error> {
    let (header, leaves) = (header(source, plan, command), leaves::leaves(plan)?);
    let mut parts = vec![header, model(plan), leaves, media_table(&plan.schema.media)];
    parts.extend(plan.inputs.iter().map(|object| input(plan, object)));
    parts.push(output(&plan.output, plan.schema.output_kind));
    parts.retain(|part| !part.is_empty());
    Ok(parts.join("\n"))
}

/// The `mod.rs` of the generated folder. With features, each module is compiled with the feature of its family only.
pub(crate) fn registry(plans: &[Plan<'_>], command: &str, with_features: bool) -> String {
    let mut modules = String::new();
    let mut entries = String::new();
    for Plan { module, marker, family, .. } in plans {
        let gate = if with_features { format!("#[cfg(feature = {family:?})]\n") } else { String::new() };
        modules += &format!("{gate}pub mod {module};\n");
        entries += &format!(
            "        {}<{module}::{marker} as ::kling_types::Model>::INFO,\n",
            gate.replace('\n', "\n        ")
        );
    }
    format!(
        "{MARK}{command}`; do not edit by hand.

pub use ::kling_types::{{Model, ModelInfo, ModelInput, ModelOutput}};

{modules}
/// Every compiled-in model, sorted by id.
#[must_use]
pub const fn all() -> &'static [ModelInfo] {{
    &[
{entries}    ]
}}

/// Returns the compiled-in model with this id.
#[must_use]
pub fn find(id: &str) -> Option<&'static ModelInfo> {{
    all().iter().find(|model| model.id == id)
}}
"
    )
}

fn header(source: &Source, plan: &Plan<'_>, command: &str) -> String {
    let [input, output] = source.hashes();
    let id = &plan.schema.id;
    let assumed = match plan.schema.notes.output_assumed {
        true => {
            "\n//!\n//! The provider publishes no output schema of the model, so the generic one is assumed."
        }
        false => "",
    };
    let facts = match plan.schema.notes.facts_only {
        true => "\n//!\n//! Names, types and bounds are the provider's. The texts are those of this project.",
        false => "",
    };
    format!(
        "{MARK}{command}{MODULE_MARK}{id}; do not edit by hand.
// sha256 of input.json:  {input}
// sha256 of output.json: {output}

//! Input, output and rules of the model `{id}`.{facts}{assumed}

use ::kling_types as kt;
"
    )
}

fn model(plan: &Plan<'_>) -> String {
    let (marker, id, kind) = (&plan.marker, text_literal(&plan.schema.id), plan.schema.output_kind);
    let notes = &plan.schema.notes;
    let not_on_file: Vec<String> = notes.not_on_file.iter().map(|name| text_literal(name)).collect();
    let (facts_only, not_on_file) = (notes.facts_only, not_on_file.join(", "));
    format!(
        "kt::model! {{
    {marker}, {id}, makes: {kind:?},
    facts_only: {facts_only}, not_on_file: [{not_on_file}],
    input: include_str!(\"input.json\"), output: include_str!(\"output.json\")
}}
"
    )
}

/// The call of the macro that makes an input object.
fn input(plan: &Plan<'_>, object: &ObjectPlan<'_>) -> String {
    let rows: String = object.fields.iter().enumerate().map(|field| input_row(plan, object, field)).collect();
    let (name, open) = (&object.name, object.schema.open);
    let docs = docs::comment(&input_documentation(plan, object), "    ");
    let media = match object.prefix.as_str() {
        "" => "MEDIA".to_owned(),
        prefix => format!("MEDIA below {}", text_literal(prefix)),
    };
    // The top object can always have extra properties, and a nested object if it is open.
    let extra = if object.holder.is_none() || open { ", extra: extra" } else { "" };
    format!(
        "kt::input! {{\n{docs}    {name}, {name}Builder, media: {media}, open: {open}{extra}, {{\n{rows}    }}\n}}\n"
    )
}

fn input_documentation(plan: &Plan<'_>, object: &ObjectPlan<'_>) -> Vec<String> {
    match object.holder {
        None => {
            let opening = "The input of the model, valid by construction.".to_owned();
            docs::input(opening, object.schema, &plan.schema.notes.not_on_file)
        }
        Some(holder) => docs::input(docs::headline(holder), object.schema, &[]),
    }
}

fn input_row(plan: &Plan<'_>, object: &ObjectPlan<'_>, (position, field): (usize, &FieldPlan<'_>)) -> String {
    let FieldPlan { property, ident, ty, .. } = field;
    let name = format!("{}{}", object.prefix, property.name);
    let media = plan.schema.media.iter().find(|media| media.name == name);
    let docs = docs::comment(&docs::field(property, media), "        ");
    let (presence, wire) = (presence(property), text_literal(&property.name));
    let default = property.default.as_ref().filter(|_| !property.has_typed_default());
    let default = default.map(|default| format!(", default {}", text_literal(&default.to_string())));
    format!("{docs}        {position} {presence} {ident}: {ty} = {wire}{};\n", default.unwrap_or_default())
}

/// The call of the macro that makes the output.
fn output(object: &ObjectPlan<'_>, kind: OutputKind) -> String {
    let rows: String = object.fields.iter().map(output_row).collect();
    format!("kt::output! {{\n    Output, {kind:?}, open: {}, {{\n{rows}    }}\n}}\n", object.schema.open)
}

/// A required property is optional too, so that a missing one never loses the others.
fn output_row(field: &FieldPlan<'_>) -> String {
    let FieldPlan { property, ident, ty, .. } = field;
    let docs = docs::comment(&docs::field(property, None), "        ");
    let ty = if ty.starts_with("Vec<") { ty.clone() } else { format!("Option<{ty}>") };
    format!("{docs}        {} {ident}: {ty} = {};\n", presence(property), text_literal(&property.name))
}

const fn presence(property: &Property) -> &'static str {
    if property.required { "required" } else { "optional" }
}

/// `MEDIA`, the media properties of a model.
fn media_table(media: &[MediaField]) -> String {
    let fields: String = media.iter().map(media_field).collect();
    format!("kt::media! {{\n{fields}}}\n")
}

fn media_field(field: &MediaField) -> String {
    let MediaField { name, kind, plural, .. } = field;
    let rules: String = field.rules.iter().map(media_rule).collect();
    format!("    {name:?}: {kind:?}, plural: {plural}, [\n{rules}    ]\n")
}

fn media_rule(rule: &MediaRule) -> String {
    let metric = match &rule.metric {
        Metric::Unknown(name) => format!("Unknown({name:?})"),
        known => format!("{known:?}"),
    };
    // `Debug` of an enum without fields is the name of its variant.
    let MediaRule { comparison, value, origin, message, .. } = rule;
    format!("        {metric} {comparison:?} {value:?} {origin:?} {message:?};\n")
}
