//! The output struct: every form of it is read, and nothing that was paid for is lost.

use kling_types::OutputKind;
use proc_macro2::TokenStream;
use quote::quote;

use crate::docs;
use crate::module::{doc_attributes, parse_type};
use crate::objects::{Field, Object};

/// The struct, how it is read, and the URLs in it.
pub(crate) fn output(object: &Object<'_>, kind: OutputKind) -> TokenStream {
    let fields = object.fields.iter().map(field);
    let takes = object.fields.iter().map(take);
    let idents = object.fields.iter().map(|field| &field.ident);
    let kind = match kind {
        OutputKind::Audio => quote!(Audio),
        OutputKind::Image => quote!(Image),
        _ => quote!(Video),
    };
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

        impl Output {
            /// Every file in it, without duplicates, in the order of the schema.
            #[must_use]
            pub fn urls(&self) -> Vec<&str> {
                kt::output::urls(&[#(&self.#idents,)* &self.extra])
            }
        }

        impl kt::ModelOutput for Output {
            fn from_json(value: kt::export::Value) -> Self {
                let mut extra = kt::output::object(value, kt::OutputKind::#kind);
                Self { #(#takes,)* extra }
            }

            fn urls(&self) -> Vec<&str> {
                Self::urls(self)
            }

            fn validate_json(value: &kt::export::Value) -> Result<(), kt::Violations> {
                kt::check::document(value, <Self as kt::Checked>::check_json)
            }
        }

        impl<'de> kt::export::Deserialize<'de> for Output {
            fn deserialize<D: kt::export::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                kt::export::Value::deserialize(deserializer).map(<Self as kt::ModelOutput>::from_json)
            }
        }
    }
}

fn field(field: &Field<'_>) -> TokenStream {
    let (ident, ty) = (&field.ident, parse_type(&field.plan.type_ref.path));
    let docs = doc_attributes(&docs::property(field.plan.property, None));
    let rename = field.rename.map(|wire| quote!(rename = #wire,));
    if is_list(field) {
        return quote!(#docs #[serde(#rename skip_serializing_if = "Vec::is_empty")] pub #ident: #ty);
    }
    // Optional even where the schema requires it: what the provider left out is no reason to lose the rest.
    quote!(#docs #[serde(#rename skip_serializing_if = "Option::is_none")] pub #ident: Option<#ty>)
}

fn take(field: &Field<'_>) -> TokenStream {
    let (ident, wire) = (&field.ident, &field.plan.property.name);
    let unwrap = is_list(field).then(|| quote!(.unwrap_or_default()));
    quote!(#ident: kt::output::take(&mut extra, #wire) #unwrap)
}

fn is_list(field: &Field<'_>) -> bool {
    field.plan.type_ref.path.starts_with("Vec<")
}
