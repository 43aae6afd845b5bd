//! The source of a module: structs and calls of `kling-types` macros, and the list of modules.

use kling_schema::{ObjectSchema, Property, Shape};
use kling_types::bounds::{IntegerBounds, ItemBounds, NumberBounds, TextBounds};
use kling_types::{MediaField, MediaRule, Metric, OutputKind};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::Type;

use crate::file_set::{MARK, MODULE_MARK, Source};
use crate::names::text_literal;
use crate::objects::{Field, Object, objects};
use crate::plan::Plan;
use crate::{Error, docs, leaves};

/// The source of a model's module.
pub(crate) fn print(source: &Source, plan: &Plan<'_>, command: &str) -> Result<String, Error> {
    let mut objects = objects(plan)?;
    let no_output = || Error::model(&plan.schema.id, "has no output");
    let output_object = objects.pop().ok_or_else(no_output)?;
    let mut parts = vec![
        header(source, plan, command),
        model(plan),
        leaves::leaves(plan)?,
        media_table(&plan.schema.media),
    ];
    for object in &objects {
        parts.extend([formatted(plan, input_structure(plan, object))?, input_table(object)]);
    }
    let output = formatted(plan, output_structure(&output_object))?;
    parts.extend([output, output_table(&output_object, plan.schema.output_kind)]);
    parts.retain(|part| !part.is_empty());
    Ok(parts.join("\n"))
}

/// The check of a shape as a closure, if the type of its field does not check the whole shape.
pub(crate) fn check(shape: &Shape) -> Option<String> {
    (!is_plain(shape)).then(|| closure(shape))
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

/// Paragraphs as documentation.
fn doc_attributes(paragraphs: &[String]) -> TokenStream {
    let lines = paragraphs.join("\n\n");
    let lines = lines.lines().map(|line| if line.is_empty() { String::new() } else { format!(" {line}") });
    quote!(#(#[doc = #lines])*)
}

/// A type by its path. The plan only makes paths that parse.
fn parse_type(path: &str) -> Type {
    syn::parse_str(path).unwrap_or_else(|_| Type::Verbatim(path.parse().unwrap_or_default()))
}

fn formatted(plan: &Plan<'_>, tokens: TokenStream) -> Result<String, Error> {
    let fail =
        |error: syn::Error| Error::model(&plan.schema.id, format!("generated code does not parse: {error}"));
    Ok(prettyplease::unparse(&syn::parse2(tokens).map_err(fail)?))
}

/// The struct of an input object.
fn input_structure(plan: &Plan<'_>, object: &Object<'_>) -> TokenStream {
    let name = format_ident!("{}", object.plan.name);
    let docs = doc_attributes(&input_documentation(plan, object));
    let fields = object.fields.iter().map(|field| input_field(plan, object, field));
    let extra = has_extra(object).then(|| quote!(#[serde(flatten)] extra: kt::Extra,));
    quote! {
        #docs
        #[derive(Clone, Debug, PartialEq, kt::export::Serialize)]
        #[serde(crate = "kt::export::serde")]
        #[non_exhaustive]
        pub struct #name { #(#fields,)* #extra }
    }
}

/// The call of the macro that adds the builder, the check of raw JSON and the JSON Schema.
fn input_table(object: &Object<'_>) -> String {
    let rows: String = object.fields.iter().enumerate().map(input_row).collect();
    let (name, open) = (&object.plan.name, object.plan.schema.open);
    let media = match object.plan.prefix.as_str() {
        "" => "MEDIA".to_owned(),
        prefix => format!("MEDIA below {}", text_literal(prefix)),
    };
    let extra = if has_extra(object) { ", extra: extra" } else { "" };
    format!(
        "kt::input! {{\n    {name}, {name}Builder, media: {media}, open: {open}{extra}, {{\n{rows}    }}\n}}\n"
    )
}

/// Whether an object can have extra properties: the top object always can, and a nested object if it is open.
fn has_extra(object: &Object<'_>) -> bool {
    object.plan.holder.is_none() || object.plan.schema.open
}

fn input_documentation(plan: &Plan<'_>, object: &Object<'_>) -> Vec<String> {
    match object.plan.holder {
        None => {
            let opening = "The input of the model, valid by construction.".to_owned();
            docs::input(opening, object.plan.schema, &plan.schema.notes.not_on_file)
        }
        Some(holder) => docs::input(docs::headline(holder), object.plan.schema, &[]),
    }
}

fn input_field(plan: &Plan<'_>, object: &Object<'_>, field: &Field<'_>) -> TokenStream {
    let (ident, ty) = (&field.ident, parse_type(&field.plan.type_ref.path));
    let name = format!("{}{}", object.plan.prefix, field.plan.property.name);
    let media = plan.schema.media.iter().find(|media| media.name == name);
    let has_own_type = plan.leaves.iter().any(|leaf| leaf.name == field.plan.type_ref.path);
    let docs = doc_attributes(&docs::field(field.plan.property, has_own_type, media));
    let rename = field.rename.map(|wire| quote!(rename = #wire,));
    if field.is_option {
        let absent = quote!(skip_serializing_if = "Option::is_none");
        return quote!(#docs #[serde(#rename #absent)] pub #ident: Option<#ty>);
    }
    let rename = field.rename.map(|wire| quote!(#[serde(rename = #wire)]));
    quote!(#docs #rename pub #ident: #ty)
}

fn input_row((position, field): (usize, &Field<'_>)) -> String {
    let property = field.plan.property;
    let presence = if property.required { "required" } else { "optional" };
    let (ident, ty, wire) = (&field.ident, &field.plan.type_ref.path, text_literal(&property.name));
    let default = property.default.as_ref().filter(|_| !property.has_typed_default());
    let default = default.map(|default| format!(", default {}", text_literal(&default.to_string())));
    format!("        {position} {presence} {ident}: {ty} = {wire}{};\n", default.unwrap_or_default())
}

/// The struct of an output.
fn output_structure(object: &Object<'_>) -> TokenStream {
    let fields = object.fields.iter().map(output_field);
    quote! {
        /// The output of the model. Reading it never fails: a value that fits no property is kept in `extra`.
        #[derive(Clone, Debug, Default, PartialEq, kt::export::Serialize)]
        #[serde(crate = "kt::export::serde")]
        #[non_exhaustive]
        pub struct Output {
            #(#fields,)*
            /// Other properties of the reply, and values of another type than the schema states.
            #[serde(flatten)]
            pub extra: kt::export::Map<String, kt::export::Value>,
        }
    }
}

/// The call of the macro that adds the reader, the check and the URLs.
fn output_table(object: &Object<'_>, kind: OutputKind) -> String {
    let rows: String = object.fields.iter().enumerate().map(output_row).collect();
    let open = object.plan.schema.open;
    format!("kt::output! {{\n    Output, {kind:?}, open: {open}, {{\n{rows}    }}\n}}\n")
}

fn output_field(field: &Field<'_>) -> TokenStream {
    let (ident, ty) = (&field.ident, parse_type(&field_type(field)));
    let docs = doc_attributes(&docs::field(field.plan.property, false, None));
    let rename = field.rename.map(|wire| quote!(rename = #wire,));
    quote!(#docs #[serde(#rename skip_serializing_if = "kt::output::OutputField::is_absent")] pub #ident: #ty)
}

fn output_row((position, field): (usize, &Field<'_>)) -> String {
    let property = field.plan.property;
    let presence = if property.required { "required" } else { "optional" };
    let check = check(&property.shape).map(|check| format!(", by {check}")).unwrap_or_default();
    let (ident, ty, wire) = (&field.ident, field_type(field), text_literal(&property.name));
    format!("        {position} {presence} {ident}: {ty} = {wire}{check};\n")
}

/// The type of an output field. A required property is optional too, so that a missing one never loses the others.
fn field_type(field: &Field<'_>) -> String {
    let path = &field.plan.type_ref.path;
    if path.starts_with("Vec<") { path.clone() } else { format!("Option<{path}>") }
}

/// Whether the type of the shape checks the whole shape.
fn is_plain(shape: &Shape) -> bool {
    match shape {
        Shape::Any | Shape::Boolean => true,
        Shape::Integer(bounds) => *bounds == IntegerBounds::default(),
        Shape::List { bounds, items } => *bounds == ItemBounds::default() && is_plain(items),
        Shape::Number(bounds) => *bounds == NumberBounds::NONE,
        Shape::Text(bounds) => *bounds == TextBounds::default(),
        _ => false,
    }
}

fn closure(shape: &Shape) -> String {
    let call = match shape {
        Shape::Any => return "|_, _, _| {}".to_owned(),
        Shape::AnyOf(shapes) => {
            let forms: Vec<String> = shapes.iter().map(|form| format!("&{}", typed(form))).collect();
            let count = forms.len();
            return format!(
                "|value, at, out| {{ let forms: [kt::any_of::Form<'_>; {count}] = [{}]; kt::any_of::any_of(value, forms, at, out) }}",
                forms.join(", ")
            );
        }
        Shape::Boolean => "boolean(value, at, out)".to_owned(),
        Shape::Integer(IntegerBounds { min, max }) => {
            format!("integer(value, kt::bounds::IntegerBounds {{ min: {min:?}, max: {max:?} }}, at, out)")
        }
        Shape::IntegerEnum(values) => format!("integer_enum(value, &{values:?}, at, out)"),
        Shape::List { bounds: ItemBounds { min, max }, items } => format!(
            "items(value, kt::bounds::ItemBounds {{ min: {min:?}, max: {max:?} }}, at, out, {})",
            closure(items)
        ),
        Shape::Media(_) => return "<kt::MediaRef as kt::Validate>::check_json".to_owned(),
        Shape::Null => return "kt::any_of::null".to_owned(),
        Shape::Number(NumberBounds { min, max, above, below }) => format!(
            "number(value, kt::bounds::NumberBounds {{ min: {min:?}, max: {max:?}, above: {above:?}, below: {below:?} }}, at, out)"
        ),
        Shape::NumberEnum(values) => format!("number_enum(value, &{values:?}, at, out)"),
        Shape::Object(object) => return nested(object),
        Shape::Text(TextBounds { min, max }) => {
            format!("text(value, kt::bounds::TextBounds {{ min: {min:?}, max: {max:?} }}, at, out)")
        }
        Shape::TextEnum(values) => {
            let values: Vec<String> = values.iter().map(|value| text_literal(value)).collect();
            format!("text_enum(value, &[{}], at, out)", values.join(", "))
        }
        _ => return "|_, _, _| {}".to_owned(),
    };
    format!("|value, at, out| kt::check::{call}")
}

/// The same closure with explicit types, if they cannot be inferred.
fn typed(shape: &Shape) -> String {
    let typed = "|value: &kt::export::Value, at: &kt::Pointer<'_>, out: &mut kt::Violations|";
    match closure(shape) {
        nameless if nameless.starts_with("|_, _, _|") => nameless.replacen(
            "|_, _, _|",
            "|_: &kt::export::Value, _: &kt::Pointer<'_>, _: &mut kt::Violations|",
            1,
        ),
        closure => closure.replacen("|value, at, out|", typed, 1),
    }
}

fn nested(object: &ObjectSchema) -> String {
    let name = |(position, property): (usize, &Property)| (position, text_literal(&property.name));
    let names: Vec<(usize, String)> = object.properties.iter().enumerate().map(name).collect();
    let arms: String = names.iter().map(|(position, wire)| format!("{wire} => Some({position}), ")).collect();
    let position = match names.is_empty() {
        true => "|_: &str| None".to_owned(),
        false => format!("|key: &str| match key {{ {arms}_ => None }}"),
    };
    let wires: Vec<&str> = names.iter().map(|(_, wire)| wire.as_str()).collect();
    let known = if object.open { "None".to_owned() } else { format!("Some(&[{}])", wires.join(", ")) };
    let found: Vec<String> = names.iter().map(|(position, _)| format!("property_{position}")).collect();
    let additional = object.additional.as_ref().map(|shape| {
        let (wires, check) = (wires.join(", "), closure(shape));
        format!("kt::check::additional::<&str>(value, &[{wires}], at, out, {check}); ")
    });
    let checks = object.properties.iter().zip(&names).map(|(property, (position, wire))| {
        let presence = if property.required { "required" } else { "optional" };
        let check = closure(&property.shape);
        format!("kt::check::{presence}(property_{position}, concat!(\"/\", {wire}), at, out, {check}); ")
    });
    format!(
        "|value, at, out| {{ let position = {position}; \
         let Some([{}]) = kt::check::properties(value, position, {known}, at, out) else {{ return }}; {}{}}}",
        found.join(", "),
        checks.collect::<String>(),
        additional.unwrap_or_default()
    )
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
