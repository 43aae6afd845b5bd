//! Validators of raw JSON: straight-line code over the properties, in the provider's order.

use kling_schema::{ObjectSchema, Property, Shape};
use kling_types::fault::{IntegerBounds, ItemBounds, NumberBounds, TextBounds};
use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, format_ident, quote};

use crate::module::parse_type;
use crate::objects::Object;

/// `Checked` for an input object.
pub(crate) fn input(object: &Object<'_>, is_top: bool) -> TokenStream {
    let name = format_ident!("{}", object.plan.name);
    let wires: Vec<&String> = object.fields.iter().map(|field| &field.plan.property.name).collect();
    let checks = object.fields.iter().map(|field| {
        let ty = parse_type(&field.plan.type_ref.path);
        let presence = if field.plan.property.required { quote!(required) } else { quote!(optional) };
        let (ident, wire) = (&field.ident, &field.plan.property.name);
        quote!(kt::check::#presence::<#ty>(#ident, #wire, at, out);)
    });
    let properties = is_top.then(|| {
        quote! {
            /// The names of the properties, in the provider's order.
            pub const PROPERTIES: &[&str] = &[#(#wires),*];
        }
    });
    let known = if object.plan.schema.open {
        quote!(None)
    } else if is_top {
        quote!(Some(PROPERTIES))
    } else {
        quote!(Some(&[#(#wires),*]))
    };
    let body = body(object, &known, checks);
    quote! {
        #properties

        impl kt::Checked for #name {
            fn check_json(
                value: &kt::export::Value,
                at: &kt::Pointer<'_>,
                out: &mut kt::Violations,
            ) {
                #body
            }
        }
    }
}

/// `Checked` for an output: its types are wider than its schema, so the checks are printed from the schema.
pub(crate) fn output(object: &Object<'_>) -> TokenStream {
    let checks = object.fields.iter().map(|field| property_check(field.plan.property, &field.ident));
    let known = if object.plan.schema.open {
        quote!(None)
    } else {
        let wires = object.fields.iter().map(|field| &field.plan.property.name);
        quote!(Some(&[#(#wires),*]))
    };
    let body = body(object, &known, checks);
    quote! {
        impl kt::Checked for Output {
            fn check_json(
                value: &kt::export::Value,
                at: &kt::Pointer<'_>,
                out: &mut kt::Violations,
            ) {
                if kt::output::check_bare(value, at, out) {
                    return;
                }
                #body
            }
        }
    }
}

fn body(object: &Object<'_>, known: &TokenStream, checks: impl Iterator<Item = TokenStream>) -> TokenStream {
    properties(
        &object.fields.iter().map(|field| (&field.plan.property.name, &field.ident)).collect::<Vec<_>>(),
        known,
        checks,
    )
}

/// Finds the properties of an object by one pass over it, then runs a check over each.
fn properties<I: ToTokens>(
    names: &[(&String, I)],
    known: &TokenStream,
    checks: impl Iterator<Item = TokenStream>,
) -> TokenStream {
    let idents = names.iter().map(|(_, ident)| ident);
    let arms = names.iter().enumerate().map(|(position, (wire, _))| {
        let position = Literal::usize_unsuffixed(position);
        quote!(#wire => #position)
    });
    quote! {
        let position = |key: &str| Some(match key { #(#arms,)* _ => return None });
        let Some([#(#idents),*]) = kt::check::properties(value, position, #known, at, out) else { return };
        #(#checks)*
    }
}

fn property_check(property: &Property, ident: &impl ToTokens) -> TokenStream {
    let wire = &property.name;
    match (plain_type(&property.shape), property.required) {
        (Some(ty), true) => quote!(kt::check::required::<#ty>(#ident, #wire, at, out);),
        (Some(ty), false) => quote!(kt::check::optional::<#ty>(#ident, #wire, at, out);),
        (None, required) => {
            let presence = if required { quote!(required_by) } else { quote!(optional_by) };
            let check = shape(&property.shape);
            quote!(kt::check::#presence(#ident, #wire, at, out, #check);)
        }
    }
}

/// The type whose own check is that of an unbounded shape.
fn plain_type(shape: &Shape) -> Option<TokenStream> {
    Some(match shape {
        Shape::Any => quote!(kt::export::Value),
        Shape::Boolean => quote!(bool),
        Shape::Integer(bounds) if *bounds == IntegerBounds::default() => quote!(i64),
        Shape::List { bounds, items } if *bounds == ItemBounds::default() => {
            let item = plain_type(items)?;
            quote!(Vec<#item>)
        }
        Shape::Number(bounds) if *bounds == NumberBounds::NONE => quote!(kt::Number),
        Shape::Text(bounds) if *bounds == TextBounds::default() => quote!(String),
        _ => return None,
    })
}

/// The check of a shape as an expression: a function of a value, its place and the list of violations.
fn shape(shape: &Shape) -> TokenStream {
    let call = match shape {
        Shape::Any => return quote!(|_, _, _| {}),
        Shape::Boolean => quote!(boolean(value, at, out)),
        Shape::Integer(IntegerBounds { min, max }) => {
            let (min, max) = (option(min), option(max));
            quote!(integer(value, kt::fault::IntegerBounds { min: #min, max: #max }, at, out))
        }
        Shape::IntegerEnum(values) => quote!(integer_enum(value, &[#(#values),*], at, out)),
        Shape::List { bounds: ItemBounds { min, max }, items } => {
            let (min, max, items) = (option(min), option(max), self::shape(items));
            quote!(items(value, kt::fault::ItemBounds { min: #min, max: #max }, at, out, #items))
        }
        Shape::Media(_) => quote!(media(value, at, out)),
        Shape::Number(NumberBounds { min, max, above, below }) => {
            let [min, max, above, below] = [min, max, above, below].map(option);
            quote!(number(
                value,
                kt::fault::NumberBounds { min: #min, max: #max, above: #above, below: #below },
                at,
                out,
            ))
        }
        Shape::NumberEnum(values) => quote!(number_enum(value, &[#(#values),*], at, out)),
        Shape::Object(object) => return nested(object),
        Shape::Text(TextBounds { min, max }) => {
            let (min, max) = (option(min), option(max));
            quote!(text(value, kt::fault::TextBounds { min: #min, max: #max }, at, out))
        }
        Shape::TextEnum(values) => quote!(text_enum(value, &[#(#values),*], at, out)),
        _ => return quote!(|_, _, _| {}),
    };
    quote!(|value, at, out| kt::check::#call)
}

fn nested(object: &ObjectSchema) -> TokenStream {
    let names: Vec<_> = object
        .properties
        .iter()
        .enumerate()
        .map(|(position, property)| (&property.name, format_ident!("property_{position}")))
        .collect();
    let checks =
        object.properties.iter().zip(&names).map(|(property, (_, ident))| property_check(property, ident));
    let known = if object.open {
        quote!(None)
    } else {
        let wires = names.iter().map(|(wire, _)| wire);
        quote!(Some(&[#(#wires),*]))
    };
    let body = properties(&names, &known, checks);
    quote! {
        |value: &kt::export::Value,
         at: &kt::Pointer<'_>,
         out: &mut kt::Violations| { #body }
    }
}

fn option<T: ToTokens>(value: &Option<T>) -> TokenStream {
    value.as_ref().map_or_else(|| quote!(None), |value| quote!(Some(#value)))
}
