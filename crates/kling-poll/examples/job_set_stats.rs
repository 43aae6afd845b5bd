//! Waits for the jobs whose ids are given, and prints the set's figures once a second as a metrics scraper reads them.
//!
//! ```text
//! RUNCOMFY_API_TOKEN=… cargo run -p kling-poll --example job_set_stats -- ID…
//! ```

#![allow(clippy::print_stdout, reason = "an example prints")]

use std::time::Duration;

use kling_poll::{Account, JobSet, JobSetStats, JobSetUpdate, RateLimit, WaitOptions};
use kling_transport::{Client, Job};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run())
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let mut set = JobSet::new();
    let account: Account = set.account(Client::from_env()?, RateLimit::default());
    for id in std::env::args().skip(1) {
        account.add(&Job::from_id(id.parse()?), &WaitOptions::default());
    }
    let figures = tokio::spawn(print_figures(account));
    while let Some(event) = set.next().await {
        if let JobSetUpdate::Done(Err(error)) = event.update {
            println!("# {error}");
        }
    }
    figures.abort();
    println!("{}", text(&set.stats()));
    Ok(())
}

async fn print_figures(account: Account) {
    let mut second = tokio::time::interval(Duration::from_secs(1));
    loop {
        second.tick().await;
        println!("{}", text(&account.stats()));
    }
}

/// One line a figure; those that only grow are named `…_total`.
fn text(stats: &JobSetStats) -> String {
    let figures = [
        ("waiting", stats.waiting as u64),
        ("behind", stats.behind as u64),
        ("in_flight", stats.in_flight as u64),
        ("polls_total", stats.polls),
        ("results_total", stats.results),
        ("errors_total", stats.errors),
        ("succeeded_total", stats.succeeded),
        ("failed_total", stats.failed),
        ("given_up_total", stats.given_up),
    ];
    figures.map(|(name, value)| format!("kling_jobs_{name} {value}")).join("\n")
}
