//! The plan of a model: the Rust type of each property, before any code is printed.

use std::collections::BTreeMap;

use heck::ToUpperCamelCase;
use kling_schema::{ModelSchema, ObjectSchema, Override, Property, Shape};
use kling_types::bounds::{IntegerBounds, NumberBounds, TextBounds};
use serde_json::{Value, json};

use crate::Error;
use crate::names::{family_name, module_name, type_name};

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
    pub(crate) inner: Vec<TypeRef>,
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
    pub(crate) type_ref: TypeRef,
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
        let InputTypes { leaves, objects, .. } = InputTypes::of(schema);
        let plan = Self {
            schema,
            family: family_name(&schema.id),
            marker: type_name(&module),
            module,
            leaves,
            inputs: objects,
            output: output(schema),
        };
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
        FieldPlan { property, type_ref: self.input_type(place, property, &property.shape), settled }
    }

    fn input_type(&mut self, place: Place, property: &'a Property, shape: &'a Shape) -> TypeRef {
        let inner = |form: &str, step: &str| Place {
            name: format!("{}{form}", place.name),
            path: place.path.clone(),
            prefix: format!("{}{step}", place.prefix),
        };
        match shape {
            Shape::Object(schema) if schema.open && schema.properties.is_empty() => {
                match &schema.additional {
                    None => TypeRef::any_object(),
                    Some(value) => {
                        let value = self.input_type(inner("Value", "*/"), property, value);
                        self.leaf(place, property, shape, vec![value])
                    }
                }
            }
            Shape::Object(schema) => {
                let type_ref = TypeRef::defined(&place.name);
                self.input_object(place, Some(property), schema);
                type_ref
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

    fn leaf(
        &mut self,
        place: Place,
        property: &'a Property,
        shape: &'a Shape,
        inner: Vec<TypeRef>,
    ) -> TypeRef {
        let settled = self.schema.notes.override_of(&place.path);
        let type_ref = TypeRef::replaced(&place.name);
        self.leaves.push(Leaf { name: place.name, property, shape, inner, settled });
        type_ref
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

/// A Rust type, and its schema in the document for typify.
#[derive(Clone, Debug)]
pub(crate) struct TypeRef {
    pub(crate) path: String,
    pub(crate) document: Value,
    /// The name of the definition that `path` replaces, if there is one.
    pub(crate) replaces: Option<String>,
}

impl TypeRef {
    /// A definition that is replaced by a type of `kling-types`. Its name is the path of the type, which no property has.
    pub(crate) fn replaced(path: &str) -> Self {
        Self { replaces: Some(path.to_owned()), ..Self::defined(path) }
    }

    /// An object that typify generates.
    fn defined(name: &str) -> Self {
        let document = json!({ "$ref": format!("#/definitions/{}", definition(name)) });
        Self { path: name.to_owned(), document, replaces: None }
    }

    /// An object that may hold anything.
    fn any_object() -> Self {
        Self::replaced("kt::export::Map<String, kt::export::Value>")
    }

    fn inline(path: &str, document: Value) -> Self {
        Self { path: path.to_owned(), document, replaces: None }
    }
}

/// The name of a definition in the document for typify. typify would change a name with two capitals in a row or with letters
/// beyond ASCII.
pub(crate) fn definition(name: &str) -> String {
    if name.is_ascii() && name == name.to_upper_camel_case() {
        return name.to_owned();
    }
    let digits: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("T{digits}")
}

/// The type of a shape that needs no type of its own.
pub(crate) fn plain(shape: &Shape) -> Option<TypeRef> {
    Some(match shape {
        Shape::Any => TypeRef::replaced("kt::export::Value"),
        Shape::Boolean => TypeRef::inline("bool", json!({ "type": "boolean" })),
        Shape::Integer(bounds) if *bounds == IntegerBounds::default() => TypeRef::replaced("kt::Integer"),
        Shape::Media(_) => TypeRef::replaced("kt::MediaRef"),
        Shape::Null => TypeRef::replaced("kt::Null"),
        Shape::Number(bounds) if *bounds == NumberBounds::NONE => TypeRef::replaced("kt::Number"),
        Shape::Text(bounds) if *bounds == TextBounds::default() => {
            TypeRef::inline("String", json!({ "type": "string" }))
        }
        _ => return None,
    })
}

fn output(schema: &ModelSchema) -> ObjectPlan<'_> {
    let field = |property| FieldPlan { property, type_ref: output_type(&property.shape), settled: None };
    let fields = schema.output.properties.iter().map(field).collect();
    let (name, prefix) = ("Output".to_owned(), String::new());
    ObjectPlan { name, schema: &schema.output, holder: None, prefix, fields }
}

/// The type of an output property. It has no bounds, since a value out of range is paid for and must be kept.
fn output_type(shape: &Shape) -> TypeRef {
    match shape {
        Shape::Integer(_) | Shape::IntegerEnum(_) => {
            TypeRef::inline("i64", json!({ "type": "integer", "format": "int64" }))
        }
        Shape::List { items, .. } => {
            let items = output_type(items);
            let document = json!({ "type": "array", "items": items.document });
            TypeRef { path: format!("Vec<{}>", items.path), document, replaces: items.replaces }
        }
        Shape::Number(_) | Shape::NumberEnum(_) => TypeRef::replaced("kt::Number"),
        Shape::Text(_) | Shape::TextEnum(_) | Shape::Media(_) => {
            TypeRef::inline("String", json!({ "type": "string" }))
        }
        Shape::Boolean => TypeRef::inline("bool", json!({ "type": "boolean" })),
        _ => TypeRef::replaced("kt::export::Value"),
    }
}
