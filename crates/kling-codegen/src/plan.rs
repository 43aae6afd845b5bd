//! What will be generated for a model: which Rust type stands for which property, before a line is printed.

use std::collections::BTreeMap;

use kling_schema::{ModelSchema, ObjectSchema, Override, Property, Shape};

use crate::Error;
use crate::names::{feature_name, module_name, type_name};
use crate::type_ref::{TypeRef, output_type, plain};

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
        let mut types = Types { schema, leaves: Vec::new(), objects: Vec::new() };
        let top = Place { name: "Input".to_owned(), path: String::new(), prefix: String::new() };
        types.input_object(top, None, &schema.input);
        let plan = Self {
            schema,
            feature: feature_name(&module),
            marker: type_name(&module),
            module,
            leaves: types.leaves,
            inputs: types.objects,
            output: output(schema),
        };
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
            if syn::parse_str::<syn::Ident>(&name).is_err() {
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

/// Where the walk through the input is.
struct Place {
    /// The type wanted for what stands there.
    name: String,
    /// The property by names from the top, as overrides name it.
    path: String,
    /// The same as media fields name it, with a slash at its end.
    prefix: String,
}

/// The types of an input, gathered while its properties are walked.
struct Types<'a> {
    schema: &'a ModelSchema,
    leaves: Vec<Leaf<'a>>,
    objects: Vec<ObjectPlan<'a>>,
}

impl<'a> Types<'a> {
    fn input_object(&mut self, place: Place, holder: Option<&'a Property>, schema: &'a ObjectSchema) {
        let index = self.objects.len();
        // The place is taken first, so that an object stands before the ones nested in it.
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
            Shape::Object(schema) if schema.open && schema.properties.is_empty() => TypeRef::any_object(),
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

/// The variants of a choice: what each form is, the second of a kind named so.
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

fn output(schema: &ModelSchema) -> ObjectPlan<'_> {
    let field = |property| FieldPlan { property, type_ref: output_type(&property.shape), settled: None };
    let fields = schema.output.properties.iter().map(field).collect();
    let (name, prefix) = ("Output".to_owned(), String::new());
    ObjectPlan { name, schema: &schema.output, holder: None, prefix, fields }
}
