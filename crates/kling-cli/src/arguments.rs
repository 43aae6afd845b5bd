//! The command line.

pub(crate) mod hyphen;

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use kling::RequestId;
use kling::transport::{DownloadOptions, ExpectedContent};
use kling::validation::ModelSchema;

/// The default model.
pub(crate) const DEFAULT_MODEL: &str = "kling/kling-1-6/pro/image-to-video";

/// Returns the help of an option with the values that the default model accepts.
fn with_default_model(help: &str, property: &str) -> String {
    let schema = kling::models::find(DEFAULT_MODEL).and_then(|model| ModelSchema::of(model).ok());
    match schema.as_ref().and_then(|schema| schema.input.property(property)) {
        Some(property) => format!("{help}: {} with the default model", property.shape),
        None => help.to_owned(),
    }
}

const AFTER_HELP: &str = "\
Environment:
  RUNCOMFY_API_TOKEN       The API token; RUNCOMFY_TOKEN and YOUR_API_TOKEN are read after it
  RUNCOMFY_MODEL_API_BASE  Another base URL of the API
  KLING_JOURNAL            The journal file, or `off` [default: ~/.local/state/kling/journal.db]

A paid request is recorded in the journal before it is sent.

Exit codes:
   0  success
   1  the job failed or was cancelled
  64  wrong usage
  65  invalid input
  66  input file missing
  69  service or disk error, or an output that is not media
  70  unknown outcome of a submit: submitting again may pay twice
  75  unfinished, not cancelled, or locked by another process: try again
  77  sign in
  10  models drift: text changes only (11 compatible, 12 behaviour, 13 breaking)";

/// Generate clips from images with RunComfy's Model API. Invalid input is refused before it costs money. A paid job is never
/// submitted twice and never lost.
#[derive(Debug, Parser)]
#[command(
    name = "kling",
    version,
    long_version = env!("KLING_LONG_VERSION"),
    after_help = AFTER_HELP,
    max_term_width = 100
)]
pub(crate) struct Arguments {
    /// Print one JSON object on stdout instead of text.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Generate a clip from an image: check, submit, wait, download.
    Generate(Generate),
    /// Run any model of the catalog: check, submit, wait, download.
    Run(Run),
    /// Browse the live catalog: list, show, search, drift.
    #[command(subcommand)]
    Models(ModelsCommand),
    /// Print the schema of a model.
    Schema(Schema),
    /// Check an input, submit it and print the request id.
    Submit(Submit),
    /// Show a request's status.
    Status(Request),
    /// Show a request's result.
    Result(Request),
    /// Wait for requests and download their outputs. Submits nothing.
    Wait(Wait),
    /// List requests submitted from this machine, unknown outcomes first.
    Jobs(Jobs),
    /// Export, import or check the journal of paid requests.
    #[command(subcommand)]
    Journal(JournalCommand),
    /// Resume unfinished requests: wait for them and download their outputs. Submits nothing.
    Resume(Resume),
    /// Cancel a request that is still in the queue.
    Cancel(Request),
    /// Check an input without submitting it. Media may be local files. If the model is not compiled in, the schema comes from
    /// the live catalog.
    Validate(Validate),
    /// Show the account balance.
    Balance,
    /// Run the API simulator on this machine, for any client.
    #[cfg(feature = "offline")]
    Sim(Sim),
    /// Print shell completions.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

#[derive(Args, Debug)]
pub(crate) struct Generate {
    /// Start image: an https URL, a file, or - for stdin. A file is checked and uploaded inline.
    pub(crate) image: String,
    /// Text prompt: the content of the clip.
    #[arg(short, long, allow_hyphen_values = true, value_parser = hyphen::prompt)]
    pub(crate) prompt: Option<String>,
    /// End image: an https URL, a file, or - for stdin.
    #[arg(long, value_name = "IMAGE")]
    pub(crate) tail_image: Option<String>,
    #[arg(short, long, help = with_default_model("Seconds of video", "duration"))]
    pub(crate) duration: Option<String>,
    /// Content to keep out of the clip.
    #[arg(long, allow_hyphen_values = true, value_parser = hyphen::prompt)]
    pub(crate) negative_prompt: Option<String>,
    #[arg(
        long,
        value_name = "F",
        allow_negative_numbers = true,
        help = with_default_model("How closely to follow the prompt", "cfg_scale")
    )]
    pub(crate) cfg_scale: Option<f64>,
    #[command(flatten)]
    pub(crate) model: ModelChoice,
    #[command(flatten)]
    pub(crate) generate_args: GenerateArgs,
}

#[derive(Args, Debug)]
pub(crate) struct GenerateArgs {
    /// Output file or folder [default: `kling-<request id>.mp4` in the current folder]. A trailing slash creates the folder.
    /// Further outputs get `-2`, `-3`, … before the dot. An existing file is never overwritten.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Submit and print the request id, without waiting.
    #[arg(long)]
    pub(crate) no_wait: bool,
    #[command(flatten)]
    pub(crate) wait_args: WaitArgs,
    #[command(flatten)]
    pub(crate) journal_args: JournalArgs,
    #[command(flatten)]
    pub(crate) media: MediaCheck,
    /// Use the built-in simulator: no token, no network, no cost. The clip says SIMULATED.
    #[cfg_attr(feature = "offline", arg(long))]
    #[cfg_attr(not(feature = "offline"), arg(skip))]
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
    /// Send the input unchecked, to any model. Use it for properties that the compiled-in schema lacks.
    #[arg(long)]
    pub(crate) unchecked: bool,
    #[command(flatten)]
    pub(crate) journal_args: JournalArgs,
    #[command(flatten)]
    pub(crate) interrupt_args: InterruptArgs,
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
    /// The request id that `kling submit` printed.
    pub(crate) id: RequestId,
}

#[derive(Args, Debug)]
pub(crate) struct Wait {
    /// Request ids. An id that the journal does not know is added to it, for `kling resume`. With several ids, each result is
    /// a line `ID URL` or `ID FILE`, and --json prints one object per event.
    #[arg(required = true, value_name = "ID")]
    pub(crate) ids: Vec<RequestId>,
    /// Output file, or a folder if there are several requests. A trailing slash creates the folder. Without this option, the
    /// URLs of the outputs are printed and not downloaded.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) wait_args: WaitArgs,
}

#[cfg(feature = "offline")]
#[derive(Args, Debug)]
pub(crate) struct Sim {
    /// Port on 127.0.0.1; 0 picks a free one.
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,
    /// Speed of jobs, as a multiple of real time.
    #[arg(long, default_value_t = 1.0)]
    pub(crate) speed: f64,
    /// Also serve the models of this folder, in place of compiled-in ones with the same id. Each model is a folder named by
    /// its id, with input.json, output.json and model.toml.
    #[arg(long, value_name = "DIR")]
    pub(crate) schemas: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Run {
    /// Model id: a compiled-in one, or any of the catalog.
    #[arg(value_name = "MODEL_ID")]
    pub(crate) model: String,
    /// Input as JSON. A path in a media property is uploaded inline; - is stdin.
    #[arg(long, value_name = "JSON", conflicts_with = "input_file", required_unless_present_any = ["input_file", "set"])]
    input: Option<String>,
    /// File with the input as JSON, or - for stdin.
    #[arg(long, value_name = "FILE")]
    input_file: Option<PathBuf>,
    /// Set one property, overriding the input. The value is JSON if the property takes no text. Repeat it to append to a list.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<Setting>,
    /// Use the live catalog's schema even if one is compiled in.
    #[arg(long)]
    pub(crate) live: bool,
    #[command(flatten)]
    pub(crate) generate_args: GenerateArgs,
    /// With --offline, also serve the models of this folder. Each model is a folder named by its id, with input.json,
    /// output.json and model.toml.
    #[cfg_attr(feature = "offline", arg(long, value_name = "DIR", requires = "offline"))]
    #[cfg_attr(not(feature = "offline"), arg(skip))]
    pub(crate) schemas: Option<PathBuf>,
}

impl Run {
    /// Returns the source of the input, unless `--set` alone sets it.
    pub(crate) fn source(&self) -> Option<InputSource> {
        let (input, input_file) = (self.input.clone(), self.input_file.clone());
        (input.is_some() || input_file.is_some()).then_some(InputSource { input, input_file })
    }

    /// Whether the schema comes from the catalog even if one is compiled in.
    pub(crate) const fn is_from_catalog(&self) -> bool {
        self.live || self.schemas.is_some()
    }
}

/// A property and the text of its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) key: String,
    pub(crate) text: String,
}

impl FromStr for Setting {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (key, text) =
            text.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or("expected KEY=VALUE")?;
        Ok(Self { key: key.to_owned(), text: text.to_owned() })
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelsCommand {
    /// List the live catalog: id, kind, base price and inputs. A star marks a required input.
    List(Filter),
    /// Show one model: description, price, and each input with its type, default and bounds.
    Show {
        /// Model id.
        #[arg(value_name = "MODEL_ID")]
        model: String,
    },
    /// Search the live catalog.
    Search(Search),
    /// Compare compiled-in schemas with the live catalog. Exits with the worst change: 0 unchanged, 10 text changes only,
    /// 11 compatible, 12 behaviour, 13 breaking.
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
    /// Words to search for.
    #[arg(required = true)]
    pub(crate) words: Vec<String>,
    #[command(flatten)]
    pub(crate) filter: Filter,
}

#[derive(Args, Debug)]
pub(crate) struct Drift {
    /// Ids of compiled-in models.
    #[arg(value_name = "MODEL_ID", required_unless_present = "all")]
    pub(crate) models: Vec<String>,
    /// Compare every compiled-in model.
    #[arg(long, conflicts_with = "models")]
    pub(crate) all: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Schema {
    /// Model id. A compiled-in model needs no token.
    #[arg(value_name = "MODEL_ID")]
    pub(crate) model: String,
    /// Print the output schema. The catalog has none, so that --live prints the generic one of the provider's pages.
    #[arg(long)]
    pub(crate) output: bool,
    /// Use the live catalog's schema even if one is compiled in.
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
    /// Show the page after this position, as the previous page prints it.
    #[arg(long, value_name = "POSITION")]
    pub(crate) after: Option<String>,
    /// Show every request.
    #[arg(long, conflicts_with_all = ["limit", "after"])]
    pub(crate) all: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum JobsCommand {
    /// Settle an unknown outcome by hand, after checking the account's history.
    Settle(Settle),
    /// Remove old finished requests from the journal. Unknown, running and unsaved requests always stay.
    Prune(Prune),
}

#[derive(Args, Debug)]
pub(crate) struct Settle {
    /// Intent id, or a unique prefix of it.
    #[arg(value_parser = intent)]
    pub(crate) intent: String,
    #[command(flatten)]
    pub(crate) settled_as: SettledAs,
}

/// Limits the length of the text, so that an error can quote it.
fn intent(text: &str) -> Result<String, &'static str> {
    const LONGEST: usize = 128;
    if text.len() > LONGEST { Err("too long for an intent id") } else { Ok(text.to_owned()) }
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct SettledAs {
    /// The job exists and has this request id.
    #[arg(long, value_name = "ID", allow_hyphen_values = true, value_parser = hyphen::request_id)]
    pub(crate) id: Option<RequestId>,
    /// No job was created.
    #[arg(long)]
    pub(crate) not_submitted: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Prune {
    /// Remove requests that did not change for this long, such as 30days or 1year.
    #[arg(long, value_name = "DUR", default_value = "90days", value_parser = humantime::parse_duration)]
    pub(crate) older_than: Duration,
    /// Remove the requests. Without this option, only their number is printed.
    #[arg(short, long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum JournalCommand {
    /// Export every entry as one line of JSON. The lines contain output URLs, which open without a token.
    Export {
        /// File to write, or - for stdout. An existing file is never overwritten.
        #[arg(default_value = "-")]
        file: PathBuf,
    },
    /// Import the entries of an export that the journal lacks.
    Import {
        /// File to read, or - for stdin.
        file: PathBuf,
    },
    /// Check the journal for damage. Readable entries of a damaged journal are rescued into a new file; the damaged file is
    /// kept.
    Check,
}

#[derive(Args, Debug)]
pub(crate) struct Resume {
    /// Request id to resume.
    #[arg(required_unless_present = "all")]
    pub(crate) id: Option<RequestId>,
    /// Resume every unfinished request of this API, except those locked by another process.
    #[arg(long, conflicts_with = "id")]
    pub(crate) all: bool,
    /// Output file or folder, instead of the one recorded at the submit. With --all, a folder.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) wait_args: WaitArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ModelChoice {
    /// Model id.
    #[arg(short, long, value_name = "ID", default_value = DEFAULT_MODEL)]
    pub(crate) model: String,
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct InputSource {
    /// Input as JSON.
    #[arg(long, value_name = "JSON")]
    pub(crate) input: Option<String>,
    /// File with the input as JSON, or - for stdin.
    #[arg(long, value_name = "FILE")]
    pub(crate) input_file: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct MediaCheck {
    /// Skip all checks of images and local files: format, width, height, aspect ratio and size.
    #[arg(long)]
    pub(crate) no_media_check: bool,
    /// Count a megabyte as 1,048,576 bytes instead of 1,000,000. The provider does not publish its unit.
    #[arg(long)]
    pub(crate) binary_megabytes: bool,
}

#[derive(Args, Debug)]
pub(crate) struct WaitArgs {
    /// How long to wait, such as 20s or 5m.
    #[arg(long, value_name = "DUR", default_value = "1h", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Duration,
    /// What to do with the request on timeout. Only queued requests can be cancelled.
    #[arg(long, value_name = "ACTION", default_value = "leave")]
    pub(crate) at_deadline: OnInterrupt,
    #[command(flatten)]
    pub(crate) interrupt_args: InterruptArgs,
    #[command(flatten)]
    pub(crate) download: DownloadArgs,
}

#[derive(Args, Debug)]
pub(crate) struct DownloadArgs {
    /// Allow downloads from this host too. A leading dot allows all its subdomains.
    #[arg(long, value_name = "HOST")]
    pub(crate) allow_host: Vec<String>,
    /// Maximum size of one output, such as 500MB or 4GiB.
    #[arg(long, value_name = "SIZE", default_value = "2GiB")]
    max_size: ByteSize,
    /// Interrupt a download if no data arrives for this long, and retry a few times.
    #[arg(long, value_name = "DUR", default_value = "1m", value_parser = humantime::parse_duration)]
    idle_timeout: Duration,
    /// Interrupt a download that stays below this many bytes per second for the idle timeout; 0 disables the limit.
    #[arg(long, value_name = "SIZE", default_value = "1kB")]
    min_rate: ByteSize,
    /// Save any content, even if it is not the media that the model promises.
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
pub(crate) struct InterruptArgs {
    /// What to do with the job on Ctrl-C [default: cancel it if it is still in the queue; `kling resume`: leave]. SIGTERM,
    /// SIGHUP and SIGQUIT leave it unless this is `cancel`.
    #[arg(long, value_name = "ACTION")]
    pub(crate) on_interrupt: Option<OnInterrupt>,
}

/// The action on a job when its wait ends early. A job that is left may be billed. Only a queued job can be cancelled.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum OnInterrupt {
    Leave,
    Cancel,
}

#[derive(Args, Debug)]
pub(crate) struct JournalArgs {
    /// Submit even if the outcome of the same earlier request is unknown. May pay twice.
    #[arg(long, alias = "again")]
    pub(crate) allow_duplicate: bool,
    /// Don't record this request; it can't be recovered after a crash.
    #[arg(long)]
    pub(crate) no_journal: bool,
}
