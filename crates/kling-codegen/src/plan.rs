//! What will be generated for a model: which Rust type stands for which property, before a line is printed.

use std::collections::BTreeMap;

use kling_schema::{ModelSchema, ObjectSchema, Property, Shape};
use kling_types::fault::{IntegerBounds, NumberBounds, TextBounds};
use serde_json::{Value, json};

use crate::Error;
use crate::names::{feature_name, module_name, type_name};

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
    /// The path of the element's type, for a list.
    pub(crate) element: Option<String>,
}

/// An object and the Rust types of its properties.
#[derive(Debug)]
pub(crate) struct ObjectPlan<'a> {
    pub(crate) name: String,
    pub(crate) schema: &'a ObjectSchema,
    pub(crate) fields: Vec<FieldPlan<'a>>,
}

/// A property and its Rust type.
#[derive(Debug)]
pub(crate) struct FieldPlan<'a> {
    pub(crate) property: &'a Property,
    pub(crate) type_ref: TypeRef,
}

/// A Rust type, and how the document for typify speaks of it.
#[derive(Clone, Debug)]
pub(crate) struct TypeRef {
    pub(crate) path: String,
    pub(crate) document: Value,
    /// Where `document` refers to a definition that is replaced by `path`: the definition's name.
    pub(crate) replaces: Option<String>,
}

impl<'a> Plan<'a> {
    pub(crate) fn new(schema: &'a ModelSchema) -> Result<Self, Error> {
        let module = module_name(&schema.id);
        let mut types = Types { leaves: Vec::new(), objects: Vec::new() };
        types.input_object("Input".to_owned(), &schema.input);
        let output =
            ObjectPlan { name: "Output".to_owned(), schema: &schema.output, fields: output_fields(schema) };
        let (feature, marker) = (feature_name(&module), type_name(&module));
        let plan =
            Self { schema, module, feature, marker, leaves: types.leaves, inputs: types.objects, output };
        plan.refuse_same_types()?;
        Ok(plan)
    }

    /// Refuses two models whose ids make one module.
    pub(crate) fn refuse_clashes(plans: &[Self]) -> Result<(), Error> {
        let mut seen = BTreeMap::new();
        let clashes =
            plans.iter().filter_map(|plan| Some((seen.insert(&plan.module, &plan.schema.id)?, plan)));
        let errors = clashes.map(|(first, plan)| {
            Err(Error::model(
                &plan.schema.id,
                format!("makes the module `{}`, and so does {first}", plan.module),
            ))
        });
        Error::collect::<()>(errors).map(|_| ())
    }

    fn refuse_same_types(&self) -> Result<(), Error> {
        let builders = self.inputs.iter().map(|object| format!("{}Builder", object.name));
        let mut names: Vec<String> = vec!["Output".to_owned(), self.marker.clone()];
        names.extend(self.inputs.iter().map(|object| object.name.clone()).chain(builders));
        names.extend(self.leaves.iter().map(|leaf| leaf.name.clone()));
        names.sort();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            None => Ok(()),
            Some(pair) => {
                Err(Error::model(&self.schema.id, format!("two types would be called `{}`", pair[0])))
            }
        }
    }
}

/// The types of an input, gathered while its properties are walked.
struct Types<'a> {
    leaves: Vec<Leaf<'a>>,
    objects: Vec<ObjectPlan<'a>>,
}

impl<'a> Types<'a> {
    fn input_object(&mut self, name: String, schema: &'a ObjectSchema) {
        let index = self.objects.len();
        // The place is taken first, so that an object stands before the ones nested in it.
        self.objects.push(ObjectPlan { name: name.clone(), schema, fields: Vec::new() });
        let prefix = if index == 0 { "" } else { &name };
        let fields = schema
            .properties
            .iter()
            .map(|property| {
                let wanted = format!("{prefix}{}", type_name(&property.name));
                FieldPlan { property, type_ref: self.input_type(wanted, property, &property.shape) }
            })
            .collect();
        self.objects[index].fields = fields;
    }

    fn input_type(&mut self, wanted: String, property: &'a Property, shape: &'a Shape) -> TypeRef {
        match shape {
            Shape::Object(schema) => {
                self.input_object(wanted.clone(), schema);
                let document = json!({ "$ref": format!("#/definitions/{wanted}") });
                TypeRef { path: wanted, document, replaces: None }
            }
            Shape::List { items, .. } => {
                let element = self.input_type(format!("{wanted}Item"), property, items);
                self.leaf(wanted, property, shape, Some(element.path))
            }
            _ => plain(shape).unwrap_or_else(|| self.leaf(wanted, property, shape, None)),
        }
    }

    fn leaf(
        &mut self,
        name: String,
        property: &'a Property,
        shape: &'a Shape,
        element: Option<String>,
    ) -> TypeRef {
        self.leaves.push(Leaf { name: name.clone(), property, shape, element });
        TypeRef::replaced(&name, name.clone())
    }
}

impl TypeRef {
    fn replaced(definition: &str, path: String) -> Self {
        let document = json!({ "$ref": format!("#/definitions/{definition}") });
        Self { path, document, replaces: Some(definition.to_owned()) }
    }

    fn inline(path: &str, document: Value) -> Self {
        Self { path: path.to_owned(), document, replaces: None }
    }
}

/// The shapes that need no type of their own.
fn plain(shape: &Shape) -> Option<TypeRef> {
    Some(match shape {
        Shape::Any => TypeRef::replaced("AnyValue", "kt::export::Value".to_owned()),
        Shape::Boolean => TypeRef::inline("bool", json!({ "type": "boolean" })),
        Shape::Integer(bounds) if *bounds == IntegerBounds::default() => {
            TypeRef::inline("i64", json!({ "type": "integer", "format": "int64" }))
        }
        Shape::Media(_) => TypeRef::replaced("MediaRef", "kt::MediaRef".to_owned()),
        Shape::Number(bounds) if *bounds == NumberBounds::NONE => {
            TypeRef::replaced("FiniteNumber", "kt::Number".to_owned())
        }
        Shape::Text(bounds) if *bounds == TextBounds::default() => {
            TypeRef::inline("String", json!({ "type": "string" }))
        }
        _ => return None,
    })
}

fn output_fields(schema: &ModelSchema) -> Vec<FieldPlan<'_>> {
    let field = |property| FieldPlan { property, type_ref: output_type(&property.shape) };
    schema.output.properties.iter().map(field).collect()
}

/// Outputs have plain types: a value outside a bound or an enum has been paid for, and is kept.
fn output_type(shape: &Shape) -> TypeRef {
    match shape {
        Shape::Integer(_) | Shape::IntegerEnum(_) => {
            TypeRef::inline("i64", json!({ "type": "integer", "format": "int64" }))
        }
        Shape::List { items, .. } => {
            let items = output_type(items);
            let path = format!("Vec<{}>", items.path);
            TypeRef {
                path,
                document: json!({ "type": "array", "items": items.document }),
                replaces: items.replaces,
            }
        }
        Shape::Number(_) | Shape::NumberEnum(_) => TypeRef::replaced("FiniteNumber", "kt::Number".to_owned()),
        Shape::Text(_) | Shape::TextEnum(_) | Shape::Media(_) => {
            TypeRef::inline("String", json!({ "type": "string" }))
        }
        Shape::Boolean => TypeRef::inline("bool", json!({ "type": "boolean" })),
        _ => TypeRef::replaced("AnyValue", "kt::export::Value".to_owned()),
    }
}
