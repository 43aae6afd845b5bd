//! The arguments about what was submitted before.

use clap::{Args, Subcommand};
use kling::RequestId;

use super::Patience;

#[derive(Args, Debug)]
pub(crate) struct Jobs {
    #[command(subcommand)]
    pub(crate) command: Option<JobsCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum JobsCommand {
    /// Close an unknown outcome by hand, after a look at the account's history.
    Settle(Settle),
}

#[derive(Args, Debug)]
pub(crate) struct Settle {
    /// The intent, or enough of its start.
    pub(crate) intent: String,

    #[command(flatten)]
    pub(crate) finding: Finding,
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct Finding {
    /// A job was made, and this is its request id.
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<RequestId>,

    /// No job was made.
    #[arg(long)]
    pub(crate) not_submitted: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Resume {
    /// The request to take up.
    #[arg(required_unless_present = "all")]
    pub(crate) id: Option<RequestId>,

    /// Take up every request of this API that is not finished and in no other process's hands.
    #[arg(long, conflicts_with = "id")]
    pub(crate) all: bool,

    #[command(flatten)]
    pub(crate) patience: Patience,
}
