//! The Rust name of each field, as typify gives it.

use std::fmt::Display;

use kling_schema::{Override, Property};
use serde_json::json;
use syn::Item;
use typify::{TypeSpace, TypeSpaceSettings};

/// The field: as the override names it, else as typify names it, with `_value` after a name that builders use themselves.
pub(crate) fn ident(property: &Property, settled: Option<&Override>) -> Result<String, String> {
    let is_taken = |ident: &str| ["build", "errors", "extra"].contains(&ident);
    if let Some(field) = settled.and_then(|settled| settled.field.as_ref()) {
        let is_valid = syn::parse_str::<syn::Ident>(field).is_ok() && !is_taken(field);
        return match is_valid {
            true => Ok(field.clone()),
            false => Err(format!("the field of {:?} cannot be `{field}`", property.name)),
        };
    }
    let ident = by_typify(&property.name)?;
    Ok(if is_taken(&ident) { format!("{ident}_value") } else { ident })
}

/// Returns the field in the struct that typify generates for an object with this one property.
fn by_typify(property: &str) -> Result<String, String> {
    let schema =
        json!({ "title": "Object", "type": "object", "properties": { property: { "type": "string" } } });
    let fail = |error: &dyn Display| format!("typify made no field for {property:?}: {error}");
    let mut space = TypeSpace::new(&TypeSpaceSettings::default());
    let root = serde_json::from_value(schema).map_err(|error| fail(&error))?;
    space.add_root_schema(root).map_err(|error| fail(&error))?;
    let file: syn::File = syn::parse2(space.to_stream()).map_err(|error| fail(&error))?;
    let field = file.items.into_iter().find_map(|item| match item {
        Item::Struct(item) => item.fields.into_iter().next()?.ident,
        _ => None,
    });
    field.map(|field| field.to_string()).ok_or_else(|| fail(&"it printed no struct"))
}
