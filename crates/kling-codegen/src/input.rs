//! Input structs, and the tables from which macros make their builders and checks.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::docs;
use crate::literal::text_literal;
use crate::module::{doc_attributes, parse_type};
use crate::objects::{Field, Object};
use crate::plan::Plan;

/// The struct of an input object.
pub(crate) fn structure(plan: &Plan<'_>, object: &Object<'_>) -> TokenStream {
    let name = format_ident!("{}", object.plan.name);
    let docs = doc_attributes(&documentation(plan, object));
    let fields = object.fields.iter().map(|field| field_tokens(plan, object, field));
    let extra = has_extra(object).then(|| quote!(#[serde(flatten)] extra: kt::Extra,));
    quote! {
        #docs
        #[derive(Clone, Debug, PartialEq, kt::export::Serialize)]
        #[serde(crate = "kt::export::serde")]
        #[non_exhaustive]
        pub struct #name { #(#fields,)* #extra }
    }
}

/// The call of the macro that makes the builder, the check of raw JSON and the derived JSON Schema.
pub(crate) fn table(object: &Object<'_>) -> String {
    let rows: String = object.fields.iter().enumerate().map(row).collect();
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

/// Whether properties beyond the schema can be sent with it: the top is the way past it, and open objects take any.
fn has_extra(object: &Object<'_>) -> bool {
    object.plan.holder.is_none() || object.plan.schema.open
}

fn documentation(plan: &Plan<'_>, object: &Object<'_>) -> Vec<String> {
    match object.plan.holder {
        None => {
            let opening = "The input of the model, valid by construction.".to_owned();
            docs::input(opening, object.plan.schema, &plan.schema.notes.not_on_file)
        }
        Some(holder) => docs::input(docs::headline(holder), object.plan.schema, &[]),
    }
}

fn field_tokens(plan: &Plan<'_>, object: &Object<'_>, field: &Field<'_>) -> TokenStream {
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

fn row((position, field): (usize, &Field<'_>)) -> String {
    let property = field.plan.property;
    let presence = if property.required { "required" } else { "optional" };
    let (ident, ty, wire) = (&field.ident, &field.plan.type_ref.path, text_literal(&property.name));
    let default = property.default.as_ref().filter(|_| !property.has_typed_default());
    let default = default.map(|default| format!(", default {}", text_literal(&default.to_string())));
    format!("        {position} {presence} {ident}: {ty} = {wire}{};\n", default.unwrap_or_default())
}
