//! What the transport and the wait know of a model: its id, its input, its output.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{MediaField, OutputKind, Violations};

/// One endpoint of the catalog, as a type: generated code implements it, nothing is ever constructed.
pub trait Model: Send + Sync + 'static {
    /// The typed input.
    type Input: ModelInput<Model = Self>;
    /// The typed output.
    type Output: ModelOutput;

    /// The id in the catalog, such as `kling/kling-1-6/pro/image-to-video`.
    const ID: &'static str;
    /// The entry of this model in the list of compiled-in models.
    const INFO: ModelInfo;
}

/// An input that is valid by construction.
pub trait ModelInput: Serialize + DeserializeOwned + Send + Sync {
    /// The model that takes it.
    type Model: Model<Input = Self>;

    /// Checks raw JSON against the rules that the typed input keeps by construction.
    ///
    /// # Errors
    /// Every violation at once, in the order of the schema.
    fn validate_json(value: &Value) -> Result<(), Violations>;
}

/// An output: tolerant when read, since it has been paid for.
pub trait ModelOutput: Serialize + DeserializeOwned + Send + Sync {
    /// Reads any form that the provider sends: an object, a bare URL, an array of URLs. Never fails: what fits no
    /// property is kept under its key.
    fn from_json(value: Value) -> Self;

    /// Every file in it, without duplicates, in the order of the schema.
    fn urls(&self) -> Vec<&str>;

    /// Checks raw JSON against the output schema, without tolerance.
    ///
    /// # Errors
    /// Every violation at once, in the order of the schema.
    fn validate_json(value: &Value) -> Result<(), Violations>;
}

/// A compiled-in model as a value, for code that learns the model at run time.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ModelInfo {
    /// The id in the catalog.
    pub id: &'static str,
    /// The kind of file that it makes.
    pub output_kind: OutputKind,
    /// Its media properties with their rules.
    pub media: &'static [MediaField],
    /// The provider's input schema, as printed.
    pub input_schema: &'static str,
    /// The provider's output schema, as printed.
    pub output_schema: &'static str,
    /// Checks an input: [`ModelInput::validate_json`].
    pub validate_input: fn(&Value) -> Result<(), Violations>,
    /// Checks an output: [`ModelOutput::validate_json`].
    pub validate_output: fn(&Value) -> Result<(), Violations>,
}

impl ModelInfo {
    /// The entry of the model `M`; called by generated code.
    #[doc(hidden)]
    #[must_use]
    pub const fn new<M: Model>(
        output_kind: OutputKind,
        media: &'static [MediaField],
        input_schema: &'static str,
        output_schema: &'static str,
    ) -> Self {
        let (validate_input, validate_output) = (M::Input::validate_json, M::Output::validate_json);
        Self { id: M::ID, output_kind, media, input_schema, output_schema, validate_input, validate_output }
    }
}
