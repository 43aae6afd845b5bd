//! The walk through an input: a type for each property, and for the objects in it.

use kling_schema::{ModelSchema, ObjectSchema, Property, Shape};

use crate::names::type_name;
use crate::plan::{FieldPlan, Leaf, ObjectPlan};
use crate::type_ref::{TypeRef, plain};

/// The types of an input, gathered while its properties are walked.
pub(crate) struct InputTypes<'a> {
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

/// Where the walk through the input is.
struct Place {
    /// The type wanted for what stands there.
    name: String,
    /// The property by names from the top, as overrides name it.
    path: String,
    /// The same as media fields name it, with a slash at its end.
    prefix: String,
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
