//! What will be generated for a model: which Rust type stands for which property, before a line is printed.

use std::collections::BTreeMap;

use kling_schema::{ModelSchema, ObjectSchema, Override, Property, Shape};

use crate::Error;
use crate::input_types::InputTypes;
use crate::names::{feature_name, module_name, type_name};
use crate::type_ref::{TypeRef, output_type};

/// The plan of one model.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) schema: &'a ModelSchema,
    /// The module, such as `kling_1_6_pro_image_to_video`.
    pub(crate) module: String,
    /// The cargo feature, such as `kling-1-6-pro-image-to-video`.
    pub(crate) feature: String,
    /// The type that implements `Model`, such as `Kling16ProImageToVideo`.
    pub(crate) marker: String,
    /// The leaf types, in the order of the schema.
    pub(crate) leaves: Vec<Leaf<'a>>,
    /// The input first, then the objects nested in it.
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
    /// The property that holds it; the top has none.
    pub(crate) holder: Option<&'a Property>,
    /// The way to it in the names of media fields, such as `elements/*/`.
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
            // The name becomes a path too.
            return Err(Error::model(
                &schema.id,
                format!("the module cannot be `{module}`; `module` names another"),
            ));
        }
        let InputTypes { leaves, objects, .. } = InputTypes::of(schema);
        let plan = Self {
            schema,
            feature: feature_name(&module),
            marker: type_name(&module),
            module,
            leaves,
            inputs: objects,
            output: output(schema),
        };
        plan.refuse_ruled_additions()?;
        plan.refuse_strangers().and_then(|()| plan.refuse_same_types())?;
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

    /// Refuses structs that would need a type for properties without a name of their own.
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

    /// Refuses an override that changes nothing: it would have been meant for something.
    fn refuse_strangers(&self) -> Result<(), Error> {
        let strangers = self.schema.notes.overrides.iter().filter_map(|one| Some((one, self.idle(one)?)));
        let errors = strangers.map(|(one, why)| {
            let message = format!("model.toml overrides {:?}, {why}", one.property);
            Err(Error::model(&self.schema.id, message))
        });
        Error::collect::<()>(errors).map(|_| ())
    }

    /// Why an override changes nothing, if it does not.
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
            // Names with two underscores are those of the macros and of serde.
            let is_taken = name.starts_with("__") || name == "kt";
            if is_taken || syn::parse_str::<syn::Ident>(&name).is_err() {
                return fail(format!(
                    "the type of {property:?} would be `{name}`, which is no name; override it"
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

fn output(schema: &ModelSchema) -> ObjectPlan<'_> {
    let field = |property| FieldPlan { property, type_ref: output_type(&property.shape), settled: None };
    let fields = schema.output.properties.iter().map(field).collect();
    let (name, prefix) = ("Output".to_owned(), String::new());
    ObjectPlan { name, schema: &schema.output, holder: None, prefix, fields }
}
