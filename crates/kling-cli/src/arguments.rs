//! The command line.

pub(crate) mod hyphen;

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use kling::schema::ModelSchema;
use kling::{DownloadOptions, ExpectedContent, RequestId};

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

ExitStatus codes: 0 done, 1 the job failed or was cancelled, 64 usage, 65 bad input, 66 input file missing,
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
    pub(crate) making: GenerateArgs,
}

#[derive(Args, Debug)]
pub(crate) struct GenerateArgs {
    /// The file to write; by default `kling-<request id>.mp4` in the current folder, or with the ending that its URL has. A
    /// folder, or a path that ends in a slash and is made, gets a file of that name. Of several outputs, the second and
    /// further get `-2`, `-3`, … before the dot. A file that exists is never overwritten.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Submit and print the request id, without waiting.
    #[arg(long)]
    pub(crate) no_wait: bool,

    #[command(flatten)]
    pub(crate) patience: WaitArgs,

    #[command(flatten)]
    pub(crate) noting: JournalArgs,

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
    pub(crate) noting: JournalArgs,

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
    pub(crate) patience: WaitArgs,
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
    pub(crate) making: GenerateArgs,

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

    /// Whether the catalog's schema is wanted in any case: a folder's comes before a compiled-in one.
    #[cfg(feature = "offline")]
    pub(crate) const fn is_from_catalog(&self) -> bool {
        self.live || self.schemas.is_some()
    }

    #[cfg(not(feature = "offline"))]
    pub(crate) const fn is_from_catalog(&self) -> bool {
        self.live
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

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Jobs {
    #[command(subcommand)]
    pub(crate) command: Option<JobsCommand>,

    /// Show at most N requests.
    #[arg(long, value_name = "N", default_value = "50", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,

    /// Show the page after this place, which the page before prints.
    #[arg(long, value_name = "PLACE")]
    pub(crate) after: Option<String>,

    /// Show every request.
    #[arg(long, conflicts_with_all = ["limit", "after"])]
    pub(crate) all: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum JobsCommand {
    /// Close an unknown outcome by hand, after a look at the account's history.
    Settle(Settle),
    /// Remove old requests that are over from the journal. Requests that are unknown, running, or not saved always stay.
    Prune(Prune),
}

#[derive(Args, Debug)]
pub(crate) struct Settle {
    /// The intent, or enough of its start.
    #[arg(value_parser = intent)]
    pub(crate) intent: String,

    #[command(flatten)]
    pub(crate) finding: Finding,
}

/// Any text that is no longer than an intent could be, so that an error can quote it.
fn intent(text: &str) -> Result<String, &'static str> {
    const LONGEST: usize = 128;
    if text.len() > LONGEST { Err("it is longer than any intent") } else { Ok(text.to_owned()) }
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct Finding {
    /// A job was made, and this is its request id.
    #[arg(long, value_name = "ID", allow_hyphen_values = true, value_parser = hyphen::request_id)]
    pub(crate) id: Option<RequestId>,

    /// No job was made.
    #[arg(long)]
    pub(crate) not_submitted: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Prune {
    /// Remove requests that last changed longer ago than this, such as 30days or 1year.
    #[arg(long, value_name = "DUR", default_value = "90days", value_parser = humantime::parse_duration)]
    pub(crate) older_than: Duration,

    /// Remove them. Without this, only their number is printed.
    #[arg(short, long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum JournalCommand {
    /// Write every entry as one line of JSON. The lines hold the URLs of outputs, which open without a token.
    Export {
        /// The file to write, or - for stdout. A file that exists is never overwritten.
        #[arg(default_value = "-")]
        file: PathBuf,
    },
    /// Add the entries of an export that the journal does not have.
    Import {
        /// The file to read, or - for stdin.
        file: PathBuf,
    },
    /// Check the journal for damage. If it is damaged, rescue every entry that can be read into a new file; the damaged one is
    /// kept.
    Check,
}

#[derive(Args, Debug)]
pub(crate) struct Resume {
    /// The request to resume.
    #[arg(required_unless_present = "all")]
    pub(crate) id: Option<RequestId>,

    /// Resume every request of this API that is not finished and that no other process works on.
    #[arg(long, conflicts_with = "id")]
    pub(crate) all: bool,

    /// The file to write, or a folder, in the place of the one that was noted at the submit; with --all a folder.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) patience: WaitArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ModelChoice {
    /// The model's id.
    #[arg(short, long, value_name = "ID", default_value = DEFAULT_MODEL)]
    pub(crate) model: String,
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct InputSource {
    /// The input as JSON.
    #[arg(long, value_name = "JSON")]
    pub(crate) input: Option<String>,

    /// A file with the input as JSON, or - for stdin.
    #[arg(long, value_name = "FILE")]
    pub(crate) input_file: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct MediaCheck {
    /// Skip every check of images and local files: format, width, height, shape and size.
    #[arg(long)]
    pub(crate) no_media_check: bool,

    /// Take a megabyte for 1,048,576 bytes instead of 1,000,000: the provider does not publish which one it means.
    #[arg(long)]
    pub(crate) binary_megabytes: bool,
}

#[derive(Args, Debug)]
pub(crate) struct WaitArgs {
    /// How long to wait, such as 20s or 5m.
    #[arg(long, value_name = "DUR", default_value = "1h", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Duration,

    /// What becomes of the request when that time is up; what is cancelled has to be in the queue.
    #[arg(long, value_name = "ACTION", default_value = "leave")]
    pub(crate) at_deadline: OnInterrupt,

    #[command(flatten)]
    pub(crate) interrupting: Interrupting,

    #[command(flatten)]
    pub(crate) download: DownloadArgs,
}

#[derive(Args, Debug)]
pub(crate) struct DownloadArgs {
    /// A further host that outputs may be downloaded from; a leading dot allows every host below it.
    #[arg(long, value_name = "HOST")]
    pub(crate) allow_host: Vec<String>,

    /// The most bytes of one output, such as 500MB or 4GiB.
    #[arg(long, value_name = "SIZE", default_value = "2GiB")]
    max_size: ByteSize,

    /// Break a download off when nothing arrives for this long, and try again a few times.
    #[arg(long, value_name = "DUR", default_value = "1m", value_parser = humantime::parse_duration)]
    idle_timeout: Duration,

    /// Break a download off that is slower, in bytes a second, for as long as the idle timeout; 0 is no limit.
    #[arg(long, value_name = "SIZE", default_value = "1kB")]
    min_rate: ByteSize,

    /// Save whatever arrives, also if it does not begin like the media that the model promises.
    #[arg(long)]
    any_content: bool,
}

impl DownloadArgs {
    pub(crate) fn options(&self) -> DownloadOptions {
        let content = if self.any_content { ExpectedContent::Anything } else { ExpectedContent::Media };
        let options = DownloadOptions::default()
            .with_max_bytes(self.max_size.as_u64())
            .with_idle_timeout(self.idle_timeout)
            .with_min_rate(self.min_rate.as_u64())
            .with_content(content);
        self.allow_host.iter().fold(options, DownloadOptions::with_allowed_host)
    }
}

#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Interrupting {
    /// What to do with the job on Ctrl-C [default: cancel it if it is still in the queue; `kling resume`: leave]. SIGTERM,
    /// SIGHUP and SIGQUIT leave it unless this is `cancel`.
    #[arg(long, value_name = "ACTION")]
    pub(crate) on_interrupt: Option<OnInterrupt>,
}

/// What becomes of a request that is not waited for any longer: it goes on and may be billed, or is cancelled if it is still in
/// the queue.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum OnInterrupt {
    Leave,
    Cancel,
}

#[derive(Args, Debug)]
pub(crate) struct JournalArgs {
    /// Submit even if the same request was submitted before and its outcome is unknown. May pay twice.
    #[arg(long, alias = "again")]
    pub(crate) allow_duplicate: bool,

    /// Don't record this request; it can't be recovered after a crash.
    #[arg(long)]
    pub(crate) no_journal: bool,
}
