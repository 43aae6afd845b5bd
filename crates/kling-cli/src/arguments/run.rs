//! `kling run`: what it is given.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use super::{InputSource, Making};

#[derive(Args, Debug)]
pub(crate) struct Run {
    /// The model's id: a compiled-in one, or any of the catalog.
    #[arg(value_name = "MODEL_ID")]
    pub(crate) model: String,

    /// The input as JSON. In a media property, a path is sent as a file inside the request; - is stdin.
    #[arg(long, value_name = "JSON", conflicts_with = "input_file", required_unless_present_any = ["input_file", "set"])]
    input: Option<String>,

    /// A file with the input as JSON, or - for stdin.
    #[arg(long, value_name = "FILE")]
    input_file: Option<PathBuf>,

    /// Set one property, over the input: text, or JSON where the property takes no text. Again for a list adds to it.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<Setting>,

    /// Take the schema of the live catalog although one is compiled in.
    #[arg(long)]
    pub(crate) live: bool,

    #[command(flatten)]
    pub(crate) making: Making,

    /// With --offline, serve the models of this folder too: a folder for each, its path being the id, with input.json,
    /// output.json and model.toml.
    #[cfg(feature = "offline")]
    #[arg(long, value_name = "DIR", requires = "offline")]
    pub(crate) schemas: Option<PathBuf>,
}

impl Run {
    /// Where the input is, unless it is set property by property alone.
    pub(crate) fn source(&self) -> Option<InputSource> {
        let (input, input_file) = (self.input.clone(), self.input_file.clone());
        (input.is_some() || input_file.is_some()).then_some(InputSource { input, input_file })
    }
}

/// One property and the text for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) key: String,
    pub(crate) text: String,
}

impl FromStr for Setting {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (key, text) =
            text.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or("allowed is key=value")?;
        Ok(Self { key: key.to_owned(), text: text.to_owned() })
    }
}
