//! The command line.

mod catalog;
pub(crate) mod hyphen;
mod jobs;
mod options;
mod run;

pub(crate) use self::catalog::{Drift, Filter, Models, ModelsCommand, Schema, Search};
pub(crate) use self::jobs::{Jobs, JobsCommand, JournalCommand, Prune, Resume, Settle};
pub(crate) use self::options::{AtEnd, InputSource, Interrupting, MediaCheck, ModelChoice, Noting, Patience};
pub(crate) use self::run::{Run, Setting};

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use kling::RequestId;
use kling::schema::ModelSchema;

/// The model that is meant unless another is named.
pub(crate) const DEFAULT_MODEL: &str = "kling/kling-1-6/pro/image-to-video";

/// The help of an option, with the values that the schema of the default model allows.
fn with_default_model(what: &str, property: &str) -> String {
    let schema = kling::model(DEFAULT_MODEL).and_then(|model| ModelSchema::of(model).ok());
    match schema.as_ref().and_then(|schema| schema.input.property(property)) {
        Some(property) => format!("{what}: {} with the default model", property.shape),
        None => what.to_owned(),
    }
}

const AFTER_HELP: &str = "\
The token is read from RUNCOMFY_API_TOKEN, RUNCOMFY_TOKEN or YOUR_API_TOKEN, the first that is set;
another base for the API from RUNCOMFY_MODEL_API_BASE. What is paid for is noted in a journal before it
is sent: ~/.local/state/kling/journal.db, or the file that KLING_JOURNAL names, or nowhere where it is off.

Exit codes: 0 done, 1 the job failed or was cancelled, 64 usage, 65 bad input, 66 input file missing,
69 service, a disk that takes no file, or an output that is no media, 70 unknown outcome of a submit (trying again may pay twice),
75 try again: not over, not cancelled, or in another process's hands; 77 sign in;
of models drift: 10 only words moved, 11 compatible, 12 behaviour, 13 breaking.";

/// Clips from pictures with RunComfy's Model API: wrong input is refused before it costs, a paid job is never submitted
/// twice and never lost.
#[derive(Debug, Parser)]
#[command(name = "kling", version, after_help = AFTER_HELP, max_term_width = 100)]
pub(crate) struct Arguments {
    /// Print one JSON object on stdout instead of text.
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a clip from a picture: check, submit, wait, download.
    Generate(Generate),
    /// Run any model of the catalog by its id: check, submit, wait, download.
    Run(Run),
    /// Look at the live catalog: list, show, search, drift.
    Models(Models),
    /// Print the schema of a model.
    Schema(Schema),
    /// Check an input and submit it; prints the request id.
    Submit(Submit),
    /// Ask for the state of a request.
    Status(Request),
    /// Ask for the outcome of a request.
    Result(Request),
    /// Wait for requests, and download what they made. Submits nothing.
    Wait(Wait),
    /// List requests that were submitted from this machine: unknown outcomes first.
    Jobs(Jobs),
    /// Export, import or check the journal of paid requests.
    #[command(subcommand)]
    Journal(JournalCommand),
    /// Resume unfinished requests: wait for them and download their outputs. Submits nothing.
    Resume(Resume),
    /// Cancel a request that is still in the queue.
    Cancel(Request),
    /// Check an input without submitting it, by the compiled-in schema or else the live catalog's. Media may be local files.
    Validate(Validate),
    /// Ask for the account's balance.
    Balance,
    /// Run the simulator of the API on this machine, for any client.
    #[cfg(feature = "offline")]
    Sim(Sim),
    /// Print the completions of a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

#[derive(Args, Debug)]
pub(crate) struct Generate {
    /// The start image: an https URL, a file, or - for stdin. A file is checked and sent inside the request.
    pub(crate) image: String,

    /// What happens in the clip.
    #[arg(short, long, allow_hyphen_values = true, value_parser = hyphen::prompt)]
    pub(crate) prompt: Option<String>,

    /// The end image: an https URL, a file, or - for stdin.
    #[arg(long, value_name = "IMAGE")]
    pub(crate) tail_image: Option<String>,

    #[arg(short, long, help = with_default_model("Seconds of video", "duration"))]
    pub(crate) duration: Option<String>,

    /// What the clip should not show.
    #[arg(long, allow_hyphen_values = true, value_parser = hyphen::prompt)]
    pub(crate) negative_prompt: Option<String>,

    #[arg(
        long,
        value_name = "F",
        allow_negative_numbers = true,
        help = with_default_model("How closely the prompt is followed", "cfg_scale")
    )]
    pub(crate) cfg_scale: Option<f64>,

    #[command(flatten)]
    pub(crate) model: ModelChoice,

    #[command(flatten)]
    pub(crate) making: Making,
}

#[derive(Args, Debug)]
pub(crate) struct Making {
    /// The file to write; by default `kling-<request id>.mp4` in the current folder, or with the ending that its URL has. A
    /// folder, or a path that ends in a slash and is made, gets a file of that name. Of several outputs, the second and
    /// further get `-2`, `-3`, … before the dot. A file that exists is never overwritten.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Submit and print the request id, without waiting.
    #[arg(long)]
    pub(crate) no_wait: bool,

    #[command(flatten)]
    pub(crate) patience: Patience,

    #[command(flatten)]
    pub(crate) noting: Noting,

    #[command(flatten)]
    pub(crate) media: MediaCheck,

    /// Use a simulator inside this program: no token, no network, no cost, and a clip that says SIMULATED.
    #[cfg(feature = "offline")]
    #[arg(long)]
    pub(crate) offline: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Submit {
    #[command(flatten)]
    pub(crate) model: ModelChoice,

    #[command(flatten)]
    pub(crate) input: InputSource,

    #[command(flatten)]
    pub(crate) media: MediaCheck,

    /// Send the input as it is, unchecked, to any model: the way for what the schema on file does not know.
    #[arg(long)]
    pub(crate) unchecked: bool,

    #[command(flatten)]
    pub(crate) noting: Noting,

    #[command(flatten)]
    pub(crate) interrupting: Interrupting,
}

#[derive(Args, Debug)]
pub(crate) struct Validate {
    #[command(flatten)]
    pub(crate) model: ModelChoice,

    #[command(flatten)]
    pub(crate) input: InputSource,

    #[command(flatten)]
    pub(crate) media: MediaCheck,
}

#[derive(Args, Debug)]
pub(crate) struct Request {
    /// The request id that the submit printed.
    pub(crate) id: RequestId,
}

#[derive(Args, Debug)]
pub(crate) struct Wait {
    /// The request ids that submits printed. One that the journal does not know is noted there, for `resume`. Of several, each
    /// result is a line of its id, a blank and a URL or file, and with --json each piece of news is a line with one object.
    #[arg(required = true, value_name = "ID")]
    pub(crate) ids: Vec<RequestId>,

    /// The file to write, or the folder for the files of several requests, which is made if the path ends in a slash; by
    /// default the URLs of the outputs are printed and nothing is downloaded.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) patience: Patience,
}

#[cfg(feature = "offline")]
#[derive(Args, Debug)]
pub(crate) struct Sim {
    /// The port on 127.0.0.1.
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,

    /// How many times as fast as real time jobs run.
    #[arg(long, default_value_t = 1.0)]
    pub(crate) speed: f64,

    /// Serve the models of this folder too, in the place of compiled-in ones with the same ids: a folder for each, its path
    /// being the id, with input.json, output.json and model.toml.
    #[arg(long, value_name = "DIR")]
    pub(crate) schemas: Option<PathBuf>,
}
