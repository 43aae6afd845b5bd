//! Input structs with their builders.

use kling_types::MediaField;
use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};
use syn::{Ident, Type};

use crate::docs;
use crate::module::{doc_attributes, parse_type};
use crate::objects::{Field, Object};

/// The struct of an input object, its builder and what both can do.
pub(crate) fn input(object: &Object<'_>, media: &[MediaField], is_top: bool) -> TokenStream {
    let structure = structure(object, media, is_top);
    let methods = methods(object, is_top);
    let builder = builder(object, is_top);
    quote!(#structure #methods #builder)
}

fn structure(object: &Object<'_>, media: &[MediaField], is_top: bool) -> TokenStream {
    let name = format_ident!("{}", object.plan.name);
    let docs = doc_attributes(&object_docs(object));
    let fields = object.fields.iter().map(|field| field_tokens(field, media));
    let extra = is_top.then(|| quote!(#[serde(flatten, skip_deserializing)] extra: kt::Extra,));
    quote! {
        #docs
        #[derive(Clone, Debug, PartialEq, kt::export::Deserialize, kt::export::Serialize)]
        #[serde(crate = "kt::export::serde", deny_unknown_fields)]
        #[non_exhaustive]
        pub struct #name { #(#fields,)* #extra }
    }
}

fn object_docs(object: &Object<'_>) -> Vec<String> {
    let described = [&object.plan.schema.title, &object.plan.schema.description];
    let described =
        described.into_iter().flatten().map(|text| docs::prose(text)).filter(|text| !text.is_empty());
    let name = object.plan.name.as_str();
    let opening =
        if name == "Input" { "The input of the model, valid by construction." } else { "A nested object." };
    [opening.to_owned()].into_iter().chain(described.filter(|text| text != name)).collect()
}

fn field_tokens(field: &Field<'_>, media: &[MediaField]) -> TokenStream {
    let (ident, ty) = (&field.ident, parse_type(&field.plan.type_ref.path));
    let media = media.iter().find(|media| media.name == field.plan.property.name);
    let docs = doc_attributes(&docs::property(field.plan.property, media));
    let rename = field.rename.map(|wire| quote!(rename = #wire,));
    let is_integer = field.plan.type_ref.path == "i64";
    // `null` is no way to leave a property out, and `5.0` is the integer 5: serde alone sees both otherwise.
    match (field.is_option, is_integer) {
        (true, _) => {
            let reader = if is_integer { "kt::number::some_integer" } else { "kt::builder::some" };
            let skip = quote!(default, skip_serializing_if = "Option::is_none", deserialize_with = #reader);
            quote!(#docs #[serde(#rename #skip)] pub #ident: Option<#ty>)
        }
        (false, true) => {
            quote!(#docs #[serde(#rename deserialize_with = "kt::number::deserialize_integer")] pub #ident: #ty)
        }
        (false, false) => {
            let rename = field.rename.map(|wire| quote!(#[serde(rename = #wire)]));
            quote!(#docs #rename pub #ident: #ty)
        }
    }
}

fn methods(object: &Object<'_>, is_top: bool) -> TokenStream {
    let name = format_ident!("{}", object.plan.name);
    let builder = format_ident!("{name}Builder");
    let extra = is_top.then(|| {
        quote! {
            /// The properties that are sent beyond the schema.
            #[must_use]
            pub const fn extra(&self) -> &kt::Extra { &self.extra }
        }
    });
    quote! {
        impl #name {
            /// Starts an input; `build` reports everything that is wrong with it at once.
            pub fn builder() -> #builder { #builder::default() }

            #extra
        }
    }
}

fn builder(object: &Object<'_>, is_top: bool) -> TokenStream {
    let name = format_ident!("{}", object.plan.name);
    let builder = format_ident!("{name}Builder");
    let builder_docs = format!(" Builds {} `{name}`.", if name == "Input" { "an" } else { "a" });
    let fields = object.fields.iter().map(|field| {
        let (ident, ty) = (&field.ident, value_type(field));
        quote!(#ident: Option<#ty>)
    });
    let setters = object.fields.iter().enumerate().map(|(position, field)| setter(position, field));
    let (extra_field, extra_setter) = if is_top { extra() } else { Default::default() };
    let build = build(object, &name, is_top);
    quote! {
        #[doc = #builder_docs]
        #[derive(Clone, Debug, Default)]
        #[must_use]
        pub struct #builder { faults: kt::builder::Faults, #(#fields,)* #extra_field }

        impl #builder {
            #(#setters)*
            #extra_setter
            #build
        }
    }
}

fn setter(position: usize, field: &Field<'_>) -> TokenStream {
    let (ident, ty, wire) = (&field.ident, value_type(field), &field.plan.property.name);
    let docs = doc_attributes(&docs::property(field.plan.property, None)[..1]);
    let position = Literal::usize_unsuffixed(position);
    quote! {
        #docs
        pub fn #ident(mut self, value: impl kt::builder::Given<#ty>) -> Self {
            self.#ident = self.faults.accept(#position, #wire, value);
            self
        }
    }
}

fn extra() -> (TokenStream, TokenStream) {
    let field = quote!(extra: kt::Extra,);
    let setter = quote! {
        /// Sends a property that the schema does not have; a name that it has is a violation.
        pub fn extra(
            mut self,
            key: impl Into<String>,
            value: impl Into<kt::export::Value>,
        ) -> Self {
            if let Err(violation) = self.extra.insert(PROPERTIES, key, value) {
                self.faults.push_extra(violation);
            }
            self
        }
    };
    (field, setter)
}

fn build(object: &Object<'_>, name: &Ident, is_top: bool) -> TokenStream {
    let required = object.fields.iter().enumerate().filter(|(_, field)| field.plan.property.required);
    let checks = required.map(|(position, field)| {
        let (ident, wire) = (&field.ident, &field.plan.property.name);
        let position = Literal::usize_unsuffixed(position);
        quote!(self.faults.require(#position, #wire, self.#ident.is_some());)
    });
    let is_mutable = object.fields.iter().any(|field| field.plan.property.required).then(|| quote!(mut));
    let patterns = object.fields.iter().map(|field| {
        let ident = &field.ident;
        if field.plan.property.required { quote!(#ident: Some(#ident)) } else { quote!(#ident) }
    });
    let values = object.fields.iter().map(|field| &field.ident);
    let extra = is_top.then(|| quote!(extra,));
    quote! {
        /// Finishes it.
        ///
        /// # Errors
        /// Every violation at once, each with its JSON pointer, in the order of the schema.
        pub fn build(#is_mutable self) -> Result<#name, kt::Violations> {
            #(#checks)*
            match self {
                Self { faults, #(#patterns,)* #extra } if faults.is_empty() => Ok(#name { #(#values,)* #extra }),
                Self { faults, .. } => Err(faults.into_violations()),
            }
        }
    }
}

fn value_type(field: &Field<'_>) -> Type {
    parse_type(&field.plan.type_ref.path)
}
