//! One module: the pieces of a model, printed in one order.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Type;

use crate::file_set::{MARK, MODULE_MARK};
use crate::literal::text_literal;
use crate::objects::objects;
use crate::plan::Plan;
use crate::source::Source;
use crate::{Error, input, leaves, media, output};

/// The source of a model's module.
pub(crate) fn print(source: &Source, plan: &Plan<'_>, command: &str) -> Result<String, Error> {
    let mut objects = objects(plan)?;
    let no_output = || Error::model(&plan.schema.id, "has no output");
    let output_object = objects.pop().ok_or_else(no_output)?;
    let mut parts = vec![
        header(source, plan, command),
        model(plan),
        leaves::leaves(plan)?,
        media::table(&plan.schema.media),
    ];
    for object in &objects {
        parts.extend([formatted(plan, input::structure(plan, object))?, input::table(object)]);
    }
    let output = formatted(plan, output::structure(&output_object))?;
    parts.extend([output, output::table(&output_object, plan.schema.output_kind)]);
    parts.retain(|part| !part.is_empty());
    Ok(parts.join("\n"))
}

fn header(source: &Source, plan: &Plan<'_>, command: &str) -> String {
    let [input, output] = source.hashes();
    let id = &plan.schema.id;
    let assumed = match plan.schema.notes.output_assumed {
        true => "\n//!\n//! The provider prints no output schema for it: the generic one is assumed.",
        false => "",
    };
    let facts = match plan.schema.notes.facts_only {
        true => {
            "\n//!\n//! Names, types and bounds are the provider's; the words of its documentation are ours."
        }
        false => "",
    };
    format!(
        "{MARK}{command}{MODULE_MARK}{id}; do not edit by hand.
// sha256 of input.json:  {input}
// sha256 of output.json: {output}

//! `{id}`: its input, its output, and the rules of both.{facts}{assumed}

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
pub(crate) fn doc_attributes(paragraphs: &[String]) -> TokenStream {
    let lines = paragraphs.join("\n\n");
    let lines = lines.lines().map(|line| if line.is_empty() { String::new() } else { format!(" {line}") });
    quote!(#(#[doc = #lines])*)
}

/// A type by the path that the plan gives it; the plan only makes paths that parse.
pub(crate) fn parse_type(path: &str) -> Type {
    syn::parse_str(path).unwrap_or_else(|_| Type::Verbatim(path.parse().unwrap_or_default()))
}

fn formatted(plan: &Plan<'_>, tokens: TokenStream) -> Result<String, Error> {
    let fail =
        |error: syn::Error| Error::model(&plan.schema.id, format!("generated code does not parse: {error}"));
    Ok(prettyplease::unparse(&syn::parse2(tokens).map_err(fail)?))
}
