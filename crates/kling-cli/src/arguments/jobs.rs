//! The arguments about requests that were submitted before.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use kling::RequestId;

use super::{Patience, hyphen};

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
    pub(crate) patience: Patience,
}
