//! Many paid jobs under random faults, through both clients at once; their journal is joined to what was billed.
//!
//! Only the service is simulated. Waits and pauses take milliseconds, so that thousands of jobs take minutes.

mod case;
mod job_sets;
mod listener;
mod report;
mod token_leak;
mod workers;

use std::io;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use kling::journal::{Journal, Query, Selection};
use kling::transport::{Backoff, DownloadOptions, RetryPolicy, Settings};
use kling::wait::FixedInterval;
use kling::{Client, ClientBuilder, Token, WaitOptions};
use kling_sim::{ApiVariant, FaultPlan, Sim};

pub use self::case::{Ended, Outcome, Paid};
use self::listener::Listener;
use self::report::Books;
pub use self::report::Report;
use self::token_leak::TokenLeak;

/// The token of every call. It must appear in no other place.
pub(crate) const TOKEN: &str = "chaos-token-5e1f09c4d7";

/// Jobs that finish later than this after the one before count as hanging.
const SILENCE: Duration = Duration::from_secs(120);
/// Longer than any reply takes that is not stalled, also on a busy machine.
const SUBMIT_TIMEOUT: Duration = Duration::from_secs(5);

/// The plan of a run.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The number of jobs, half of them by the blocking client.
    pub jobs: usize,
    /// The seed of the faults.
    pub seed: u64,
    /// The share of calls with a fault, from 0 to 1.
    pub rate: f64,
    /// Downloads the output of each job whose number is a multiple of this.
    pub download_every: usize,
    /// Whether each client waits for all its jobs in one set, without downloads.
    pub job_sets: bool,
}

/// Runs a plan, and calls `on_done` after each job.
///
/// # Errors
/// If no port or file can be opened.
pub fn run(plan: &Plan, mut on_done: impl FnMut()) -> io::Result<Report> {
    let started = Instant::now();
    let token_leak = TokenLeak::start()?;
    let sim = simulator(plan, &token_leak)?;
    let folder = tempfile::tempdir()?;
    let (sender, outcomes) = mpsc::channel();
    let journal = Journal::open(folder.path().join("journal.db")).map_err(io::Error::other)?;
    let tools = Tools::new(plan, &sim, folder.path(), journal.clone())?;
    let listener = Listener::hired()?;
    let lines = listener.lines();
    if plan.job_sets { job_sets::start(&tools, sender) } else { workers::start(&tools, sender) }?;
    let mut report = Report::new(plan);
    for _ in 0..plan.jobs {
        // No job finished in time, or no client is left. The other jobs count as hanging.
        let Ok(outcome) = outcomes.recv_timeout(SILENCE) else { break };
        report.add(outcome);
        on_done();
    }
    let all = Query::new(Selection::All).with_limit(1000);
    let entries = journal.entries(all).collect::<Result<_, _>>().map_err(io::Error::other)?;
    // The file is open, so only SQLite may read it.
    let mut exported = Vec::new();
    journal.export(&mut exported).map_err(io::Error::other)?;
    report.close(&Books {
        bills: sim.billed(),
        calls: sim.requests(),
        entries,
        journal: String::from_utf8_lossy(&exported).into_owned(),
        foreign: token_leak.connections(),
        lines: listener.lines() - lines,
        overheard: listener.sightings(),
        elapsed: started.elapsed(),
    });
    Ok(report)
}

fn simulator(plan: &Plan, token_leak: &TokenLeak) -> io::Result<Sim> {
    let link_origin = Some(token_leak.origin());
    Sim::builder()
        .token(TOKEN)
        .balance(1e9)
        .concurrency(usize::MAX)
        .queue_time(Duration::from_millis(5))
        .run_time(Duration::from_millis(20))
        .api_variant(ApiVariant { link_origin, ..ApiVariant::default() })
        .faults(FaultPlan::random(plan.seed, plan.rate).stall(SUBMIT_TIMEOUT + Duration::from_secs(1)))
        .start()
}

/// The tools of every job.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    plan: Plan,
    settings: Settings,
    journal: Journal,
    waiting: WaitOptions,
    download: DownloadOptions,
    folder: Box<Path>,
}

impl Tools {
    /// Returns the builder of a client.
    pub(crate) fn builder(&self) -> ClientBuilder {
        Client::builder()
            .settings(self.settings.clone())
            .open_journal(self.journal.clone())
            .wait_options(self.waiting.clone())
    }

    fn new(plan: &Plan, sim: &Sim, folder: &Path, journal: Journal) -> io::Result<Self> {
        let base = sim.base_url().parse().map_err(io::Error::other)?;
        let token = Token::new(TOKEN).map_err(io::Error::other)?;
        let brisk = Backoff { first: Duration::from_millis(2), cap: Duration::from_millis(20) };
        let retry = RetryPolicy::new(Duration::from_secs(60)).with_backoff(brisk);
        let settings =
            Settings::new(token).with_base(base).with_submit_retry(retry).with_submit_timeout(SUBMIT_TIMEOUT);
        let waiting = WaitOptions::default()
            .with_deadline(Duration::from_secs(90))
            .with_call_timeout(Duration::from_millis(500))
            .with_backoff(brisk)
            .with_schedule(FixedInterval(Duration::from_millis(10)));
        let download = DownloadOptions::default()
            .with_idle_timeout(Duration::from_millis(500))
            .with_retry(retry.with_max_attempts(20));
        Ok(Self { plan: *plan, settings, journal, waiting, download, folder: folder.into() })
    }
}
