//! Compares the clients' journal with the simulator's bills.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::time::Duration;

use kling::journal::{Entry, EntryStatus};
use kling_sim::{Bill, Call, RecordedCall};

use super::{Ended, Outcome, Paid, Plan, TOKEN};

/// The records of both sides.
pub(crate) struct Books {
    pub(crate) bills: Vec<Bill>,
    pub(crate) calls: Vec<RecordedCall>,
    pub(crate) entries: Vec<Entry>,
    /// The journal's export.
    pub(crate) journal: String,
    pub(crate) foreign: usize,
    /// Lines of the log, and those with the token in them.
    pub(crate) lines: usize,
    pub(crate) overheard: usize,
    pub(crate) elapsed: Duration,
}

/// The books of a run.
#[derive(Debug)]
pub struct Report {
    plan: Plan,
    ids: HashSet<String>,
    receipts: HashSet<String>,
    refused: usize,
    outcomes: usize,
    ended: BTreeMap<&'static str, usize>,
    files: usize,
    contents: HashSet<Vec<u8>>,
    sightings: usize,
    lines: usize,
    words: Vec<String>,
    billed: usize,
    distinct: usize,
    lost: usize,
    /// Jobs that succeeded by the journal.
    worked: usize,
    /// Whether the journal agrees with the outcomes of the clients.
    agrees: bool,
    calls: usize,
    faults: BTreeMap<String, usize>,
    cut: usize,
    foreign: usize,
    elapsed: Duration,
}

impl Report {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            plan: *plan,
            ids: HashSet::new(),
            receipts: HashSet::new(),
            refused: 0,
            outcomes: 0,
            ended: BTreeMap::new(),
            files: 0,
            contents: HashSet::new(),
            sightings: 0,
            lines: 0,
            words: Vec::new(),
            billed: 0,
            distinct: 0,
            lost: 0,
            worked: 0,
            agrees: false,
            calls: 0,
            faults: BTreeMap::new(),
            cut: 0,
            foreign: 0,
            elapsed: Duration::ZERO,
        }
    }

    /// Adds one job.
    pub(crate) fn add(&mut self, outcome: Outcome) {
        self.outcomes += 1;
        self.sightings += outcome.sightings;
        match outcome.paid {
            Some(Paid::Job(id)) => drop(self.ids.insert(id)),
            Some(Paid::UnknownOutcome(fingerprint)) => drop(self.receipts.insert(fingerprint)),
            Some(Paid::Nothing) => self.refused += 1,
            None => {}
        }
        *self.ended.entry(name(outcome.ended)).or_default() += 1;
        self.words.extend(outcome.words.filter(|_| outcome.ended != Ended::Well));
        if let Some(content) = outcome.file {
            self.files += 1;
            self.contents.insert(content);
        }
    }

    /// Compares the journal with the bills. A bill without an id or an unknown intent is lost.
    pub(crate) fn close(&mut self, books: &Books) {
        let Books { bills, calls, entries, .. } = books;
        let ids: HashSet<&str> = entries.iter().filter_map(Entry::request_id).collect();
        let unknown = entries.iter().filter(|entry| entry.status() == EntryStatus::Unknown);
        let unknown: HashSet<&str> = unknown.map(|entry| entry.intent().fingerprint()).collect();
        let reached = |bill: &&Bill| ids.contains(&*bill.request_id) || unknown.contains(&*bill.body_sha256);
        self.lost = bills.iter().filter(|bill| !reached(bill)).count();
        let is_same = |known: &HashSet<&str>, reported: &HashSet<String>| {
            known.len() == reported.len() && reported.iter().all(|one| known.contains(&**one))
        };
        self.worked = entries.iter().filter(|entry| entry.status() == EntryStatus::Succeeded).count();
        self.agrees = is_same(&ids, &self.ids) && is_same(&unknown, &self.receipts);
        self.billed = bills.len();
        self.distinct = bills.iter().map(|bill| &bill.body_sha256).collect::<HashSet<_>>().len();
        self.calls = calls.len();
        for (call, fault) in calls.iter().filter_map(|call| Some((call, call.fault.as_ref()?))) {
            *self.faults.entry(fault.clone()).or_default() += 1;
            self.cut += usize::from(call.call == Call::Submit && !leaves_an_answer(fault));
        }
        let strays = calls.iter().filter(|call| call.call == Call::Output && call.has_auth).count();
        self.sightings += strays + books.journal.matches(TOKEN).count();
        self.sightings += books.overheard;
        self.lines = books.lines;
        self.foreign = books.foreign;
        self.elapsed = books.elapsed;
    }

    /// Returns every broken promise.
    #[must_use]
    pub fn broken_promises(&self) -> Vec<String> {
        let ended = |ended| self.ended.get(name(ended)).copied().unwrap_or_default();
        let counts = [
            (self.billed - self.distinct, "billed twice"),
            (self.lost, "billed and lost"),
            (self.receipts.len().saturating_sub(self.cut), "unknown though the answer came whole"),
            (ended(Ended::Well).saturating_sub(self.worked), "finished, and the journal does not say so"),
            (usize::from(!self.agrees), "journal that disagrees with its clients"),
            (self.plan.jobs - self.outcomes, "hanging"),
            (ended(Ended::Late), "late"),
            (ended(Ended::GivenUp), "given up"),
            (ended(Ended::Panicked), "panicked"),
            (self.refused, "refused for good"),
            (self.contents.len().saturating_sub(1), "torn files"),
            (self.sightings, "sightings of the token"),
            (self.foreign, "connections to a foreign origin"),
        ];
        let broken = counts.into_iter().filter(|(count, _)| *count > 0);
        broken.map(|(count, what)| format!("{count} {what}")).collect()
    }

    /// Returns the number of calls with a fault.
    #[must_use]
    pub fn faults(&self) -> usize {
        self.faults.values().sum()
    }

    /// Returns the number of kinds of fault.
    #[must_use]
    pub fn kinds_of_fault(&self) -> usize {
        self.faults.len()
    }

    /// Returns the errors of the clients, except unknown outcomes.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.words
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ended = |ended| self.ended.get(name(ended)).copied().unwrap_or_default();
        let Plan { jobs, seed, rate, .. } = self.plan;
        writeln!(
            f,
            "jobs                 {jobs} (seed {seed}, every call with a chance of {rate} to go wrong)"
        )?;
        writeln!(f, "calls                {} in {:.1?}", self.calls, self.elapsed)?;
        writeln!(f, "faults injected      {}", self.faults())?;
        for (fault, count) in &self.faults {
            writeln!(f, "  {fault:<22}{count:>7}")?;
        }
        writeln!(f, "billed               {}", self.billed)?;
        writeln!(f, "distinct submits     {}", self.distinct)?;
        writeln!(f, "billed twice         {}", self.billed - self.distinct)?;
        writeln!(f, "known by id          {}", self.ids.len())?;
        writeln!(f, "known by receipt     {} (answers really cut: {})", self.receipts.len(), self.cut)?;
        writeln!(f, "refused for good     {}", self.refused)?;
        writeln!(
            f,
            "lost                 {} (bills that the journal leads to by no id and no intent)",
            self.lost
        )?;
        writeln!(f, "finished             {} (by the journal: {})", ended(Ended::Well), self.worked)?;
        writeln!(f, "given up or late     {}", ended(Ended::GivenUp) + ended(Ended::Late))?;
        writeln!(f, "files downloaded     {} ({} torn)", self.files, self.contents.len().saturating_sub(1))?;
        writeln!(f, "hung                 {}", self.plan.jobs - self.outcomes)?;
        writeln!(f, "panics               {}", ended(Ended::Panicked))?;
        writeln!(f, "token seen elsewhere {} ({} lines of the log searched)", self.sightings, self.lines)?;
        write!(f, "foreign connections  {}", self.foreign)
    }
}

/// Whether the reply to a submit still shows its outcome.
fn leaves_an_answer(fault: &str) -> bool {
    matches!(
        fault,
        "answer 429"
            | "broken text"
            | "byte order mark"
            | "compressed"
            | "deep nesting"
            | "duplicate keys"
            | "invalid json"
            | "stall after body"
            | "unknown fields"
            | "wrong content type"
    )
}

const fn name(ended: Ended) -> &'static str {
    match ended {
        Ended::Well => "well",
        Ended::GivenUp => "given up",
        Ended::Unsubmitted => "not submitted",
        Ended::Late => "late",
        Ended::Panicked => "panicked",
    }
}
