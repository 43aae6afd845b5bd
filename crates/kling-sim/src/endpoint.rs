//! One endpoint that is served: its schemas, its rules, its made-up price.

use std::fmt;

use kling_schema::{ModelDocument, SchemaError};
use kling_types::{MediaField, MediaKind, ModelInfo, OutputKind, Violations};
use serde_json::{Value, json};

/// The made-up price of a second of video, in microdollars.
const PRICE_OF_A_SECOND: i64 = 50_000;
/// The made-up price of any other output, in microdollars.
const PRICE_OF_AN_OUTPUT: i64 = 100_000;
/// The seconds of a clip whose schema and input say nothing.
const USUAL_SECONDS: u64 = 5;
/// The longest clip that is drawn.
const MOST_SECONDS: u64 = 60;

/// A model of the catalog, compiled in or read from a schema folder; nothing else here knows where it is from.
pub(crate) struct Endpoint {
    pub(crate) id: String,
    pub(crate) output_kind: OutputKind,
    pub(crate) media: Vec<MediaField>,
    schema: Value,
    validate: Box<Validate>,
}

/// Checks an input; boxed, since schemas read at run time bring their own.
type Validate = dyn Fn(&Value) -> Result<(), Violations> + Send + Sync;

impl Endpoint {
    /// Checks an input against the schema.
    pub(crate) fn validate(&self, input: &Value) -> Result<(), Violations> {
        (self.validate)(input)
    }

    /// The length of the clip that an input asks for, in whole seconds.
    pub(crate) fn seconds(&self, input: &Value) -> u32 {
        let asked = input.get("duration").or_else(|| self.schema.pointer("/properties/duration/default"));
        let seconds = asked.and_then(whole_seconds).unwrap_or(USUAL_SECONDS).clamp(1, MOST_SECONDS);
        u32::try_from(seconds).unwrap_or(u32::MAX)
    }

    /// What a job costs, in microdollars: 5 cents a second of video, 10 cents any other output.
    pub(crate) fn price(&self, input: &Value) -> i64 {
        match self.output_kind {
            OutputKind::Video => PRICE_OF_A_SECOND * i64::from(self.seconds(input)),
            _ => PRICE_OF_AN_OUTPUT,
        }
    }

    /// The word for the output's kind, also its key in an output object.
    pub(crate) const fn kind(&self) -> &'static str {
        self.output_kind.singular()
    }

    /// What the model does, such as `image-to-video`.
    pub(crate) fn category(&self) -> String {
        let named = self.id.split('/').rev().find(|segment| segment.contains("-to-"));
        named.map_or_else(|| format!("{}-generation", self.kind()), str::to_lowercase)
    }

    /// The entry in the catalog; its schema is null unless asked for.
    pub(crate) fn entry(&self, include_schema: bool) -> Value {
        let properties = self.schema.get("properties").and_then(Value::as_object);
        let inputs: Vec<&String> = properties.into_iter().flat_map(|properties| properties.keys()).collect();
        let (price, unit) = match self.output_kind {
            OutputKind::Video => (PRICE_OF_A_SECOND, "second"),
            _ => (PRICE_OF_AN_OUTPUT, "output"),
        };
        json!({
            "model_id": self.id,
            "display_name": self.display_name(),
            "description": "Simulated: nothing is generated, prices are made up.",
            "categories": [self.category()],
            "kind": self.kind(),
            "base_price_usd": crate::ledger::dollars(price),
            "price_unit": unit,
            "pricing_note": "A made-up price of the simulator.",
            "model_url": format!("https://www.runcomfy.com/models/{}", self.id),
            "inputs": inputs,
            "required_inputs": self.schema.get("required").cloned().unwrap_or_else(|| json!([])),
            "input_schema": if include_schema { self.schema.clone() } else { Value::Null },
        })
    }

    /// Whether a search finds it: in the id or in the display name, whatever the case.
    pub(crate) fn matches(&self, search: &str) -> bool {
        let search = search.to_lowercase();
        self.id.to_lowercase().contains(&search) || self.display_name().to_lowercase().contains(&search)
    }

    /// The properties that hold pictures.
    pub(crate) fn pictures(&self) -> impl Iterator<Item = &MediaField> {
        self.media.iter().filter(|field| field.kind == MediaKind::Image)
    }

    fn display_name(&self) -> String {
        self.id.split('/').skip(1).collect::<Vec<_>>().join(" ")
    }
}

impl TryFrom<&ModelDocument> for Endpoint {
    type Error = SchemaError;

    fn try_from(document: &ModelDocument) -> Result<Self, SchemaError> {
        let schema = document.read()?;
        Ok(Self {
            id: schema.id.clone(),
            output_kind: schema.output_kind,
            media: schema.media.clone(),
            // It was read a line ago, so that it is JSON.
            schema: serde_json::from_str(&document.input).unwrap_or_default(),
            validate: Box::new(move |input| schema.validate_input(input)),
        })
    }
}

impl From<&'static ModelInfo> for Endpoint {
    fn from(model: &'static ModelInfo) -> Self {
        Self {
            id: model.id.to_owned(),
            output_kind: model.output_kind,
            media: model.media.to_vec(),
            // The text is compiled in and was read by the generator, so that it is JSON.
            schema: serde_json::from_str(model.input_schema).unwrap_or_default(),
            validate: Box::new(model.validate_input),
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Seconds given as a number or, in some schemas, as a string of digits; parts of a second round up.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the conversion saturates")]
fn whole_seconds(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_f64().map(|seconds| seconds.ceil() as u64),
        Value::String(digits) => digits.parse().ok(),
        _ => None,
    }
}
