//! Options that several commands share.

use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use clap::{Args, ValueEnum};
use kling::{DownloadOptions, ExpectedContent};

use super::DEFAULT_MODEL;

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
pub(crate) struct Patience {
    /// How long to wait, such as 20s or 5m.
    #[arg(long, value_name = "DUR", default_value = "1h", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Duration,

    /// What becomes of the request when that time is up; what is cancelled has to be in the queue.
    #[arg(long, value_name = "WHAT", default_value = "leave")]
    pub(crate) at_deadline: AtEnd,

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
            .with_patience(self.idle_timeout)
            .with_min_rate(self.min_rate.as_u64())
            .with_content(content);
        self.allow_host.iter().fold(options, DownloadOptions::with_allowed_host)
    }
}

#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Interrupting {
    /// What to do with the job on Ctrl-C [default: cancel it if it is still in the queue; `kling resume`: leave]. SIGTERM,
    /// SIGHUP and SIGQUIT leave it unless this is `cancel`.
    #[arg(long, value_name = "WHAT")]
    pub(crate) on_interrupt: Option<AtEnd>,
}

/// What becomes of a request that is not waited for any longer: it goes on and may be billed, or is cancelled if it is still in
/// the queue.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum AtEnd {
    Leave,
    Cancel,
}

#[derive(Args, Debug)]
pub(crate) struct Noting {
    /// Submit even if the same request was submitted before and its outcome is unknown. May pay twice.
    #[arg(long, alias = "again")]
    pub(crate) allow_duplicate: bool,

    /// Don't record this request; it can't be recovered after a crash.
    #[arg(long)]
    pub(crate) no_journal: bool,
}
