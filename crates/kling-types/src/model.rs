//! Models: their ids, inputs and outputs as types, and as values for code that learns the model at run time.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{MediaField, OutputKind, Violations};

/// One endpoint of the catalog, as a type that generated code implements and that is never constructed.
pub trait Model: Clone + std::fmt::Debug + Send + Sync + 'static {
    /// The typed input.
    type Input: ModelInput<Model = Self>;
    /// The typed output.
    type Output: ModelOutput;

    /// The id in the catalog, such as `kling/kling-1-6/pro/image-to-video`.
    const ID: &'static str;
    /// The entry of the model in the list of compiled-in models.
    const INFO: ModelInfo;
}

/// The type of a model, beside its input and output types.
#[doc(hidden)]
#[macro_export]
macro_rules! model {
    ($name:ident, $id:literal, makes: $kind:ident, facts_only: $facts_only:literal, not_on_file: [$($missing:literal),*],
     input: $input:expr, output: $output:expr) => {
        #[doc = concat!("The model `", $id, "`.")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct $name;

        impl $crate::Model for $name {
            type Input = Input;
            type Output = Output;

            const ID: &'static str = $id;
            const INFO: $crate::ModelInfo = {
                let kind = $crate::OutputKind::$kind;
                let info = $crate::ModelInfo::new::<Self>(kind, MEDIA, $facts_only, &[$($missing),*], [$input, $output]);
                $crate::__if_schemars! { let info = info.with_schemas::<Input, Output>(); }
                info
            };
        }

        impl $crate::ModelInput for Input {
            type Model = $name;

            fn validate_json(value: &$crate::export::Value) -> ::std::result::Result<(), $crate::Violations> {
                $crate::check::document(value, <Self as $crate::Validate>::check_json)
            }
        }
    };
}

/// An input that is valid by construction.
pub trait ModelInput: Serialize + DeserializeOwned + Send + Sync {
    /// The model that takes the input.
    type Model: Model<Input = Self>;

    /// Checks raw JSON against the rules of the typed input.
    ///
    /// # Errors
    /// Every violation at once, in the order of the schema.
    fn validate_json(value: &Value) -> Result<(), Violations>;
}

/// An output. Reading it never fails, since it is paid for.
pub trait ModelOutput: Serialize + DeserializeOwned + Send + Sync {
    /// Reads any form that the provider sends: an object, a bare URL or an array of URLs. A value that fits no property is kept
    /// under its key.
    fn from_json(value: Value) -> Self;

    /// The URL of every file, without duplicates, in the order of the schema.
    fn urls(&self) -> Vec<&str>;
}

/// A compiled-in model as a value, for code that learns the model at run time.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ModelInfo {
    /// The id in the catalog.
    pub id: &'static str,
    /// The kind of file that the model makes.
    pub output_kind: OutputKind,
    /// The media properties with their rules.
    pub media: &'static [MediaField],
    /// Whether the texts of the schema are those of this project. Names, types and bounds are always the provider's.
    pub facts_only: bool,
    /// Inputs that the live model has and the schema on file lacks. They can be sent as extra properties, unchecked.
    pub not_on_file: &'static [&'static str],
    /// The provider's input schema, as printed.
    pub input_schema: &'static str,
    /// The provider's output schema, as printed.
    pub output_schema: &'static str,
    /// Checks an input: [`ModelInput::validate_json`].
    pub validate_input: fn(&Value) -> Result<(), Violations>,
    /// Reads an input as its type and writes it as it would be sent.
    pub normalize_input: fn(&Value) -> Result<Value, serde_json::Error>,
    /// The JSON Schema of the input type and of the output type.
    #[cfg(feature = "schemars")]
    pub derived_schemas: fn() -> [schemars::Schema; 2],
}

impl ModelInfo {
    /// The entry of the model `M`; called by generated code.
    #[doc(hidden)]
    pub const fn new<M: Model>(
        output_kind: OutputKind,
        media: &'static [MediaField],
        facts_only: bool,
        not_on_file: &'static [&'static str],
        [input_schema, output_schema]: [&'static str; 2],
    ) -> Self {
        Self {
            id: M::ID,
            output_kind,
            media,
            facts_only,
            not_on_file,
            input_schema,
            output_schema,
            validate_input: M::Input::validate_json,
            normalize_input: normalized::<M::Input>,
            #[cfg(feature = "schemars")]
            derived_schemas: || [schemars::Schema::default(), schemars::Schema::default()],
        }
    }

    /// The entry with the JSON Schema of its types; called by generated code.
    #[cfg(feature = "schemars")]
    #[doc(hidden)]
    #[must_use]
    pub const fn with_schemas<I: schemars::JsonSchema, O: schemars::JsonSchema>(mut self) -> Self {
        self.derived_schemas = || [schemars::schema_for!(I), schemars::schema_for!(O)];
        self
    }
}

fn normalized<I: ModelInput>(value: &Value) -> Result<Value, serde_json::Error> {
    serde_json::to_value(I::deserialize(value)?)
}
