//! Objects by typify: the fields of each struct, with the names, types and serde attributes that typify gives them.
//!
//! typify sorts fields by name and knows no bounds. So its fields are sorted in the provider's order, and every constrained leaf
//! is replaced by a type of `kling-types`.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic;
use std::panic::AssertUnwindSafe;
use std::sync::Mutex;

use proc_macro2::{Ident, TokenStream};
use quote::format_ident;
use serde_json::{Map, Value, json};
use syn::{Expr, Item, Lit, Type};
use typify::{TypeSpace, TypeSpaceSettings};

use crate::Error;
use crate::plan::{FieldPlan, ObjectPlan, Plan, definition};

/// One field of a struct.
pub(crate) struct Field<'a> {
    pub(crate) plan: &'a FieldPlan<'a>,
    pub(crate) ident: Ident,
    /// Whether the property is an `Option`. An optional list of an output is an empty list instead.
    pub(crate) is_option: bool,
    /// The name in JSON, if the field has another name.
    pub(crate) rename: Option<&'a str>,
}

/// The fields of an object, in the provider's order.
pub(crate) struct Object<'a> {
    pub(crate) plan: &'a ObjectPlan<'a>,
    pub(crate) fields: Vec<Field<'a>>,
}

/// The objects of a model: its inputs, then its output.
pub(crate) fn objects<'a>(plan: &'a Plan<'a>) -> Result<Vec<Object<'a>>, Error> {
    let plans: Vec<&ObjectPlan<'_>> = plan.inputs.iter().chain([&plan.output]).collect();
    let fail = |message: String| Error::model(&plan.schema.id, message);
    let mut structs = structs(typified(&plans).map_err(fail)?).map_err(fail)?;
    Error::collect(plans.into_iter().map(|object| {
        let fields = structs
            .remove(&definition(&object.name))
            .ok_or_else(|| fail(format!("typify made no `{}`", object.name)))?;
        ordered(object, fields).map(|fields| Object { plan: object, fields }).map_err(fail)
    }))
}

/// Runs typify over one plain draft-07 document.
fn typified(objects: &[&ObjectPlan<'_>]) -> Result<TokenStream, String> {
    let mut settings = TypeSpaceSettings::default();
    let mut definitions = Map::new();
    for object in objects {
        definitions.insert(definition(&object.name), document(object));
        for type_ref in object.fields.iter().map(|field| &field.type_ref) {
            if let Some(name) = type_ref.replaces.as_deref().map(definition) {
                // The type is printed from the plan. typify must only know that there is one.
                settings.with_replacement(&name, "kt::Leaf", std::iter::empty());
                // A replaced definition needs no details.
                definitions.insert(name, json!({ "type": "string" }));
            }
        }
    }
    let root =
        serde_json::from_value(json!({ "definitions": definitions })).map_err(|error| error.to_string())?;
    without_panic(move || {
        let mut space = TypeSpace::new(&settings);
        space.add_root_schema(root).map_err(|error| format!("typify: {error}"))?;
        Ok(space.to_stream())
    })
}

fn document(object: &ObjectPlan<'_>) -> Value {
    let property = |field: &FieldPlan<'_>| (field.property.name.clone(), field.type_ref.document.clone());
    let required =
        object.fields.iter().filter(|field| field.property.required).map(|field| &field.property.name);
    json!({
        "type": "object",
        "properties": object.fields.iter().map(property).collect::<Map<_, _>>(),
        "required": required.collect::<Vec<_>>(),
    })
}

/// Returns a panic of typify as an error. typify panics if two names are one name in Rust.
fn without_panic<T>(run: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    // The hook is global, so two generators must not swap it at once.
    static HOOK: Mutex<()> = Mutex::new(());
    let _alone = HOOK.lock();
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let result = panic::catch_unwind(AssertUnwindSafe(run));
    panic::set_hook(hook);
    result.unwrap_or_else(|payload| Err(format!("typify: {}", panic_message(&*payload))))
}

fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    text.unwrap_or("stopped without a reason").replace('\n', " ")
}

fn structs(tokens: TokenStream) -> Result<BTreeMap<String, Vec<syn::Field>>, String> {
    let file: syn::File = syn::parse2(tokens).map_err(|error| format!("typify printed no Rust: {error}"))?;
    let structs = file.items.into_iter().filter_map(|item| match item {
        Item::Struct(item) => Some((item.ident.to_string(), item.fields.into_iter().collect())),
        _ => None,
    });
    Ok(structs.collect())
}

fn ordered<'a>(object: &'a ObjectPlan<'a>, fields: Vec<syn::Field>) -> Result<Vec<Field<'a>>, String> {
    let mut by_wire: BTreeMap<String, syn::Field> =
        fields.into_iter().filter_map(|field| Some((wire_name(&field)?, field))).collect();
    let mut seen = BTreeMap::new();
    let mut ordered = Vec::new();
    for plan in &object.fields {
        let name = &plan.property.name;
        let field = by_wire.remove(name).ok_or_else(|| format!("typify made no field for {name:?}"))?;
        let ident = named(plan, field.ident)?;
        if let Some(other) = seen.insert(ident.to_string(), name) {
            return Err(format!("{other:?} and {name:?} would both be the field `{ident}`; override one"));
        }
        let rename = (ident.to_string().trim_start_matches("r#") != name).then_some(name.as_str());
        ordered.push(Field { plan, is_option: is_option(&field.ty), ident, rename });
    }
    Ok(ordered)
}

/// The field: as the override names it, else as typify names it, with `_value` after a name that builders use themselves.
fn named(plan: &FieldPlan<'_>, by_typify: Option<Ident>) -> Result<Ident, String> {
    let name = &plan.property.name;
    let is_taken = |ident: &Ident| ["build", "errors", "extra"].iter().any(|taken| ident == taken);
    if let Some(field) = plan.settled.and_then(|settled| settled.field.as_ref()) {
        let ident = syn::parse_str(field).ok().filter(|ident| !is_taken(ident));
        return ident.ok_or_else(|| format!("the field of {name:?} cannot be `{field}`"));
    }
    let ident = by_typify.ok_or_else(|| format!("typify made no named field for {name:?}"))?;
    Ok(if is_taken(&ident) { format_ident!("{ident}_value") } else { ident })
}

/// The name in JSON: the `rename` of the field if it has one, else its own name.
fn wire_name(field: &syn::Field) -> Option<String> {
    let ident = field.ident.as_ref()?.to_string();
    let mut renamed = None;
    for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        // Other keys are skipped. The attributes of typify always parse.
        let _ = attribute.parse_nested_meta(|meta| {
            if let Ok(value) = meta.value()
                && let (true, Expr::Lit(literal)) = (meta.path.is_ident("rename"), value.parse()?)
                && let Lit::Str(text) = literal.lit
            {
                renamed = Some(text.value());
            }
            Ok(())
        });
    }
    Some(renamed.unwrap_or_else(|| ident.trim_start_matches("r#").to_owned()))
}

fn is_option(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Option"))
}
