//! The output struct: every form of it is read, and nothing that was paid for is lost.

use kling_types::OutputKind;
use proc_macro2::TokenStream;
use quote::quote;

use crate::checks::check;
use crate::docs;
use crate::literal::text_literal;
use crate::module::{doc_attributes, parse_type};
use crate::objects::{Field, Object};

/// The struct.
pub(crate) fn structure(object: &Object<'_>) -> TokenStream {
    let fields = object.fields.iter().map(field);
    quote! {
        /// The output of the model. Reading it never fails: what fits no property stays in `extra`.
        #[derive(Clone, Debug, Default, PartialEq, kt::export::Serialize)]
        #[serde(crate = "kt::export::serde")]
        #[non_exhaustive]
        pub struct Output {
            #(#fields,)*
            /// Whatever else the provider sent, and what is not of the type that the schema says.
            #[serde(flatten)]
            pub extra: kt::export::Map<String, kt::export::Value>,
        }
    }
}

/// The call of the macro that reads it, checks it and finds the URLs in it.
pub(crate) fn table(object: &Object<'_>, kind: OutputKind) -> String {
    let rows: String = object.fields.iter().enumerate().map(row).collect();
    let open = object.plan.schema.open;
    format!("kt::output! {{\n    Output, {kind:?}, open: {open}, {{\n{rows}    }}\n}}\n")
}

fn field(field: &Field<'_>) -> TokenStream {
    let (ident, ty) = (&field.ident, parse_type(&field_type(field)));
    let docs = doc_attributes(&docs::field(field.plan.property, false, None));
    let rename = field.rename.map(|wire| quote!(rename = #wire,));
    quote!(#docs #[serde(#rename skip_serializing_if = "kt::output::OutputField::is_absent")] pub #ident: #ty)
}

fn row((position, field): (usize, &Field<'_>)) -> String {
    let property = field.plan.property;
    let presence = if property.required { "required" } else { "optional" };
    let check = check(&property.shape).map(|check| format!(", by {check}")).unwrap_or_default();
    let (ident, ty, wire) = (&field.ident, field_type(field), text_literal(&property.name));
    format!("        {position} {presence} {ident}: {ty} = {wire}{check};\n")
}

/// Optional even where the schema requires it: what the provider left out is no reason to lose the rest.
fn field_type(field: &Field<'_>) -> String {
    let path = &field.plan.type_ref.path;
    if path.starts_with("Vec<") { path.clone() } else { format!("Option<{path}>") }
}
