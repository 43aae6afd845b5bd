//! `kling models` and `kling schema`: what they are given.

use clap::{Args, Subcommand};

#[derive(Args, Debug)]
pub(crate) struct Models {
    #[command(subcommand)]
    pub(crate) command: ModelsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelsCommand {
    /// List the live catalog: id, kind, base price, inputs; a star is on those that are required.
    List(Filter),
    /// Show one model: what it is, what it costs, and every input with its type, default and bounds.
    Show(ModelId),
    /// List the models that the catalog finds for some words.
    Search(Search),
    /// Compare compiled-in schemas with the live catalog. Exits with 0 where nothing moved, 10 for words only, 11 for
    /// compatible, 12 for behaviour, 13 for breaking: the gravest of all models.
    Drift(Drift),
}

#[derive(Args, Debug)]
pub(crate) struct Filter {
    /// Only this category, such as image-to-video.
    #[arg(long)]
    pub(crate) category: Option<String>,

    /// Only this kind of output, such as video.
    #[arg(long)]
    pub(crate) kind: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Search {
    /// What to look for.
    #[arg(required = true)]
    pub(crate) words: Vec<String>,

    #[command(flatten)]
    pub(crate) filter: Filter,
}

#[derive(Args, Debug)]
pub(crate) struct ModelId {
    /// The model's id.
    #[arg(value_name = "MODEL_ID")]
    pub(crate) model: String,
}

#[derive(Args, Debug)]
pub(crate) struct Drift {
    /// The ids of compiled-in models.
    #[arg(value_name = "MODEL_ID", required_unless_present = "all")]
    pub(crate) models: Vec<String>,

    /// Every compiled-in model.
    #[arg(long, conflicts_with = "models")]
    pub(crate) all: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Schema {
    /// The model's id: a compiled-in one, which needs no token, or any of the catalog.
    #[arg(value_name = "MODEL_ID")]
    pub(crate) model: String,

    /// The schema of the output instead of the input's. The catalog has none: the one that every page prints is assumed.
    #[arg(long)]
    pub(crate) output: bool,

    /// The schema of the live catalog although one is compiled in.
    #[arg(long)]
    pub(crate) live: bool,
}
