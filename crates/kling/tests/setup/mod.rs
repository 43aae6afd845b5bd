//! A simulator, a folder for a journal, and clients for both.
#![allow(dead_code, reason = "each test file uses a part")]

use std::time::{Duration, Instant};

use kling::journal::{Entry, Journal, Query, Selection};
use kling::transport::Settings;
use kling::{Client, ClientBuilder, ModelId, Token, blocking};
use kling_sim::{Call, Sim};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) struct Setup {
    pub(crate) sim: Sim,
    folder: TempDir,
}

impl Setup {
    pub(crate) fn new() -> Self {
        Self::with(Sim::builder().speed(500.0).start().unwrap())
    }

    pub(crate) fn with(sim: Sim) -> Self {
        Self { sim, folder: TempDir::new().unwrap() }
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings::new(Token::new(self.sim.token()).unwrap()).with_base(self.sim.base_url().parse().unwrap())
    }

    pub(crate) fn journal(&self) -> Journal {
        Journal::open(self.folder.path().join("journal.db")).unwrap()
    }

    pub(crate) fn builder(&self) -> ClientBuilder {
        Client::builder().settings(self.settings()).open_journal(self.journal())
    }

    pub(crate) fn client(&self) -> Client {
        self.builder().build().unwrap()
    }

    pub(crate) fn blocking(&self) -> blocking::Client {
        self.builder().build_blocking().unwrap()
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        entries(&self.journal())
    }

    pub(crate) fn posts(&self) -> usize {
        self.sim.requests().iter().filter(|call| call.call == Call::Submit).count()
    }
}

/// Returns every entry, in the order of the submits.
pub(crate) fn entries(journal: &Journal) -> Vec<Entry> {
    let all = journal.entries(Query::new(Selection::All).oldest_first());
    let mut entries = all.collect::<Result<Vec<_>, _>>().unwrap();
    entries.sort_by_key(|entry| entry.intent().at());
    entries
}

pub(crate) fn model() -> ModelId {
    "kling/kling-1-6/pro/image-to-video".parse().unwrap()
}

pub(crate) fn input() -> Value {
    json!({ "image_url": "https://example.com/start.jpg" })
}

/// Waits until a condition holds, for at most a minute.
pub(crate) async fn until(mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(60), "the condition did not hold within a minute");
        tokio::task::yield_now().await;
    }
}
