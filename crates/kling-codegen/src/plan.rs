//! The plan of a model: the Rust type of each property, before any code is printed.

use std::collections::BTreeMap;

use kling_schema::{ModelSchema, ObjectSchema, Override, Property, Shape};
use kling_types::bounds::{IntegerBounds, NumberBounds, TextBounds};

use crate::Error;
use crate::names::{family_name, field_name, module_name, type_name};

/// The plan of one model.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) schema: &'a ModelSchema,
    /// The module, such as `kling_1_6_pro_image_to_video`.
    pub(crate) module: String,
    /// The cargo feature of the model's family, such as `kling-1-6`.
    pub(crate) family: String,
    /// The type that implements `Model`, such as `Kling16ProImageToVideo`.
    pub(crate) marker: String,
    /// The leaf types, in the order of the schema.
    pub(crate) leaves: Vec<Leaf<'a>>,
    /// The input, then its nested objects.
    pub(crate) inputs: Vec<ObjectPlan<'a>>,
    /// The output.
    pub(crate) output: ObjectPlan<'a>,
}

/// A type of its own for the values of one property.
#[derive(Debug)]
pub(crate) struct Leaf<'a> {
    pub(crate) name: String,
    pub(crate) property: &'a Property,
    pub(crate) shape: &'a Shape,
    /// The type of the elements of a list, or of each form of a choice.
    pub(crate) inner: Vec<String>,
    pub(crate) settled: Option<&'a Override>,
}

/// An object and the Rust types of its properties.
#[derive(Debug)]
pub(crate) struct ObjectPlan<'a> {
    pub(crate) name: String,
    pub(crate) schema: &'a ObjectSchema,
    /// The property of the object. The top object has none.
    pub(crate) holder: Option<&'a Property>,
    /// The path of the object in the names of media fields, such as `elements/*/`.
    pub(crate) prefix: String,
    pub(crate) fields: Vec<FieldPlan<'a>>,
}

/// A property and its Rust type.
#[derive(Debug)]
pub(crate) struct FieldPlan<'a> {
    pub(crate) property: &'a Property,
    /// The name of the field.
    pub(crate) ident: String,
    /// The type of a value. The type of an optional field is an `Option` of it.
    pub(crate) ty: String,
    pub(crate) settled: Option<&'a Override>,
}

impl<'a> Plan<'a> {
    pub(crate) fn new(schema: &'a ModelSchema) -> Result<Self, Error> {
        let module = schema.notes.module.clone().unwrap_or_else(|| module_name(&schema.id));
        if syn::parse_str::<syn::Ident>(&module).is_err() {
            // The name is also the name of a folder.
            return Err(Error::model(
                &schema.id,
                format!("the module cannot be `{module}`; `module` names another"),
            ));
        }
        let InputTypes { leaves, objects: mut inputs, .. } = InputTypes::of(schema);
        let mut output = output(schema);
        for object in inputs.iter_mut().chain([&mut output]) {
            name_fields(object).map_err(|message| Error::model(&schema.id, message))?;
        }
        let (family, marker) = (family_name(&schema.id), type_name(&module));
        let plan = Self { schema, family, marker, module, leaves, inputs, output };
        plan.refuse_ruled_additions()?;
        plan.refuse_idle_overrides().and_then(|()| plan.refuse_same_types())?;
        Ok(plan)
    }

    /// An error for each model whose id makes the module of another.
    pub(crate) fn clashes(plans: &[Self]) -> Error {
        let mut seen = BTreeMap::new();
        let clashes =
            plans.iter().filter_map(|plan| Some((seen.insert(&plan.module, &plan.schema.id)?, plan)));
        let errors = clashes.map(|(first, plan)| {
            let module = &plan.module;
            let message = format!(
                "makes the module `{module}`, and so does {first}; `module = \"…\"` in model.toml gives another"
            );
            Err(Error::model(&plan.schema.id, message))
        });
        Error::split::<()>(errors).1
    }

    /// Refuses a struct that would need a type for properties of any name.
    fn refuse_ruled_additions(&self) -> Result<(), Error> {
        let mut objects = self.inputs.iter().chain([&self.output]);
        match objects.find(|object| object.schema.additional.is_some()) {
            None => Ok(()),
            Some(object) => {
                let place = object.holder.map_or("the object itself", |property| property.name.as_str());
                let message = format!(
                    "{place:?} names properties and has `additionalProperties` with a schema; no type for both can be generated yet"
                );
                Err(Error::model(&self.schema.id, message))
            }
        }
    }

    /// Refuses an override that has no effect, since it is a mistake.
    fn refuse_idle_overrides(&self) -> Result<(), Error> {
        let idle = self.schema.notes.overrides.iter().filter_map(|one| Some((one, self.idle(one)?)));
        let errors = idle.map(|(one, why)| {
            let message = format!("model.toml overrides {:?}, {why}", one.property);
            Err(Error::model(&self.schema.id, message))
        });
        Error::collect::<()>(errors).map(|_| ())
    }

    /// The reason why an override has no effect, if it has none.
    fn idle(&self, one: &Override) -> Option<&'static str> {
        let mut fields = self.inputs.iter().flat_map(|object| object.fields.iter());
        if !fields.any(|field| field.settled == Some(one)) {
            return Some("which is no property");
        }
        let has_type = |name: &String| {
            let objects = self.inputs.iter().map(|object| &object.name);
            objects.chain(self.leaves.iter().map(|leaf| &leaf.name)).any(|known| known == name)
        };
        if one.type_name.as_ref().is_some_and(|name| !has_type(name)) {
            return Some("which has no type of its own to be named");
        }
        let is_enum = |leaf: &Leaf<'_>| {
            leaf.settled == Some(one)
                && matches!(leaf.shape, Shape::IntegerEnum(_) | Shape::NumberEnum(_) | Shape::TextEnum(_))
        };
        (!one.variants.is_empty() && !self.leaves.iter().any(is_enum)).then_some("which has no variants")
    }

    fn refuse_same_types(&self) -> Result<(), Error> {
        let objects = self.inputs.iter().chain([&self.output]).flat_map(|object| {
            let holder = object.holder.map_or("the object itself", |property| property.name.as_str());
            [(object.name.clone(), holder), (format!("{}Builder", object.name), holder)]
        });
        let leaves = self.leaves.iter().map(|leaf| (leaf.name.clone(), leaf.property.name.as_str()));
        let mut seen = BTreeMap::from([(self.marker.clone(), "the model itself")]);
        let errors = objects.chain(leaves).map(|(name, property)| {
            let fail = |message| Err(Error::model(&self.schema.id, message));
            // Macros and serde use names with two underscores.
            let is_taken = name.starts_with("__") || name == "kt";
            if is_taken || syn::parse_str::<syn::Ident>(&name).is_err() {
                return fail(format!(
                    "the type of {property:?} would be `{name}`, which is not a valid name; override it"
                ));
            }
            match seen.insert(name.clone(), property) {
                None => Ok(()),
                Some(first) => fail(format!(
                    "{first:?} and {property:?} would both have the type `{name}`; override one"
                )),
            }
        });
        Error::collect(errors).map(|_| ())
    }
}

/// The types of an input, collected in a walk through its properties.
struct InputTypes<'a> {
    schema: &'a ModelSchema,
    pub(crate) leaves: Vec<Leaf<'a>>,
    pub(crate) objects: Vec<ObjectPlan<'a>>,
}

impl<'a> InputTypes<'a> {
    pub(crate) fn of(schema: &'a ModelSchema) -> Self {
        let mut types = Self { schema, leaves: Vec::new(), objects: Vec::new() };
        let top = Place { name: "Input".to_owned(), path: String::new(), prefix: String::new() };
        types.input_object(top, None, &schema.input);
        types
    }

    fn input_object(&mut self, place: Place, holder: Option<&'a Property>, schema: &'a ObjectSchema) {
        let index = self.objects.len();
        // An object comes before its nested objects.
        let (name, prefix) = (place.name.clone(), place.prefix.clone());
        self.objects.push(ObjectPlan { name, schema, holder, prefix, fields: Vec::new() });
        let fields = schema.properties.iter().map(|property| self.field(&place, property)).collect();
        self.objects[index].fields = fields;
    }

    fn field(&mut self, parent: &Place, property: &'a Property) -> FieldPlan<'a> {
        let is_top = parent.path.is_empty();
        let path = if is_top { property.name.clone() } else { format!("{}/{}", parent.path, property.name) };
        let settled = self.schema.notes.override_of(&path);
        let wanted = settled.and_then(|settled| settled.type_name.clone()).unwrap_or_else(|| {
            format!("{}{}", if is_top { "" } else { &parent.name }, type_name(&property.name))
        });
        let prefix = format!("{}{}/", parent.prefix, property.name);
        let place = Place { name: wanted, path, prefix };
        let ty = self.input_type(place, property, &property.shape);
        FieldPlan { property, ident: String::new(), ty, settled }
    }

    fn input_type(&mut self, place: Place, property: &'a Property, shape: &'a Shape) -> String {
        let inner = |form: &str, step: &str| Place {
            name: format!("{}{form}", place.name),
            path: place.path.clone(),
            prefix: format!("{}{step}", place.prefix),
        };
        match shape {
            Shape::Object(schema) if schema.open && schema.properties.is_empty() => {
                match &schema.additional {
                    None => "kt::export::Map<String, kt::export::Value>".to_owned(),
                    Some(value) => {
                        let value = self.input_type(inner("Value", "*/"), property, value);
                        self.leaf(place, property, shape, vec![value])
                    }
                }
            }
            Shape::Object(schema) => {
                let name = place.name.clone();
                self.input_object(place, Some(property), schema);
                name
            }
            Shape::List { items, .. } => {
                let element = self.input_type(inner("Item", "*/"), property, items);
                self.leaf(place, property, shape, vec![element])
            }
            Shape::AnyOf(shapes) => {
                let forms = shapes.iter().zip(form_names(shapes));
                let forms =
                    forms.map(|(shape, name)| self.input_type(inner(&name, ""), property, shape)).collect();
                self.leaf(place, property, shape, forms)
            }
            _ => plain(shape).unwrap_or_else(|| self.leaf(place, property, shape, Vec::new())),
        }
    }

    fn leaf(&mut self, place: Place, property: &'a Property, shape: &'a Shape, inner: Vec<String>) -> String {
        let settled = self.schema.notes.override_of(&place.path);
        self.leaves.push(Leaf { name: place.name.clone(), property, shape, inner, settled });
        place.name
    }
}

/// A place in the walk through the input.
struct Place {
    /// The type of the value at the place.
    name: String,
    /// The path of the property, as in overrides.
    path: String,
    /// The path of the property as in media fields, with a slash at its end.
    prefix: String,
}

/// The variants of a choice, one for each form. The second form of a kind has `Second` in its name.
pub(crate) fn form_names(shapes: &[Shape]) -> Vec<String> {
    const ORDINALS: [&str; 6] = ["", "Second", "Third", "Fourth", "Fifth", "Further"];
    let name = |shape: &Shape| match shape {
        Shape::Boolean => "Boolean",
        Shape::Integer(_) | Shape::IntegerEnum(_) => "Integer",
        Shape::List { .. } => "List",
        Shape::Media(_) => "Reference",
        Shape::Null => "Null",
        Shape::Number(_) | Shape::NumberEnum(_) => "Number",
        Shape::Object(_) => "Object",
        Shape::Text(_) => "Text",
        Shape::TextEnum(_) => "Named",
        _ => "Value",
    };
    let before =
        |index: usize| shapes[..index].iter().filter(|other| name(other) == name(&shapes[index])).count();
    let numbered = |index: usize| ORDINALS[before(index).min(ORDINALS.len() - 1)];
    shapes.iter().enumerate().map(|(index, shape)| format!("{}{}", numbered(index), name(shape))).collect()
}

/// Names the fields of an object.
fn name_fields(object: &mut ObjectPlan<'_>) -> Result<(), String> {
    let mut seen = BTreeMap::new();
    for field in &mut object.fields {
        let name = &field.property.name;
        field.ident = field_name(field.property, field.settled)?;
        if let Some(other) = seen.insert(field.ident.clone(), name) {
            let ident = &field.ident;
            return Err(format!("{other:?} and {name:?} would both be the field `{ident}`; override one"));
        }
    }
    Ok(())
}

/// The type of a shape that needs no type of its own.
pub(crate) fn plain(shape: &Shape) -> Option<String> {
    let ty = match shape {
        Shape::Any => "kt::export::Value",
        Shape::Boolean => "bool",
        Shape::Integer(bounds) if *bounds == IntegerBounds::default() => "kt::Integer",
        Shape::Media(_) => "kt::MediaRef",
        Shape::Null => "kt::Null",
        Shape::Number(bounds) if *bounds == NumberBounds::NONE => "kt::Number",
        Shape::Text(bounds) if *bounds == TextBounds::default() => "String",
        _ => return None,
    };
    Some(ty.to_owned())
}

fn output(schema: &ModelSchema) -> ObjectPlan<'_> {
    let fields = schema.output.properties.iter().map(|property| {
        let ty = output_type(&property.shape);
        FieldPlan { property, ident: String::new(), ty, settled: None }
    });
    let (name, prefix) = ("Output".to_owned(), String::new());
    ObjectPlan { name, schema: &schema.output, holder: None, prefix, fields: fields.collect() }
}

/// The type of an output property. It has no bounds, since a value out of range is paid for and must be kept.
fn output_type(shape: &Shape) -> String {
    match shape {
        Shape::Boolean => "bool".to_owned(),
        Shape::Integer(_) | Shape::IntegerEnum(_) => "i64".to_owned(),
        Shape::List { items, .. } => format!("Vec<{}>", output_type(items)),
        Shape::Media(_) | Shape::Text(_) | Shape::TextEnum(_) => "String".to_owned(),
        Shape::Number(_) | Shape::NumberEnum(_) => "kt::Number".to_owned(),
        _ => "kt::export::Value".to_owned(),
    }
}
