/// Every compiled-in model.
#[must_use]
pub fn models() -> &'static [crate::ModelInfo] { &[] }
