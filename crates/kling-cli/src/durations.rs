//! Keeps how long jobs ran in a file beside the journal, so that a wait knows how long such jobs take.
//!
//! The journal itself cannot say: its entries record when a program noticed the end of a job, which may be days later.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use kling::Client;
use kling::journal::journal_file;
use kling::wait::DurationHistory;

/// The longest file that is read, in bytes.
const MAX_SIZE: u64 = 16 << 20;

/// The histories of each API. All simulators on this machine share one.
type Histories = BTreeMap<String, DurationHistory>;

/// How long jobs of one API ran.
pub(crate) struct Durations {
    pub(crate) history: DurationHistory,
    /// None if there is no journal.
    file: Option<PathBuf>,
    api: String,
}

impl Durations {
    /// Reads the file beside the journal of a client. A missing or damaged file counts as empty.
    pub(crate) fn read(client: &Client) -> Self {
        let base = client.api().settings().base();
        let api = if base.is_loopback() { "loopback".to_owned() } else { base.origin() };
        let journal = client.journal().and_then(|_| journal_file().ok()?);
        Self::of_file(journal.map(|journal| journal.with_extension("durations.json")), api)
    }

    fn of_file(file: Option<PathBuf>, api: String) -> Self {
        let history = file.as_deref().and_then(|file| read(file).ok()?.remove(&api)).unwrap_or_default();
        Self { history, file, api }
    }

    /// Adds the durations that were learned since to the file, which another process may have changed. A duration that
    /// cannot be written is lost without a message: it only makes the next wait a little worse.
    pub(crate) fn save(self) {
        let Some(file) = self.file else { return };
        let mut histories = read(&file).unwrap_or_default();
        if histories.entry(self.api).or_default().add_learned(&self.history) > 0 {
            _ = write(&file, &histories);
        }
    }
}

fn read(file: &Path) -> io::Result<Histories> {
    let mut text = Vec::new();
    File::open(file)?.take(MAX_SIZE).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

/// Replaces the file in one step, so that no other process reads a half.
fn write(file: &Path, histories: &Histories) -> io::Result<()> {
    let mut new = tempfile::NamedTempFile::new_in(file.parent().unwrap_or_else(|| Path::new(".")))?;
    new.write_all(&serde_json::to_vec(histories)?)?;
    new.persist(file)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use kling::transport::JobRef as Job;
    use kling::wait::Schedule;

    use super::*;

    fn job() -> Job {
        serde_json::from_str(r#"{"request_id":"a","model":"maker/model"}"#).unwrap()
    }

    fn learn(durations: &Durations, seconds: u64) {
        durations.history.schedule(&job()).unwrap().learn(Duration::from_secs(seconds));
    }

    fn known(durations: &Durations) -> Vec<f32> {
        durations.history.schedule(&job()).unwrap().seconds()
    }

    #[test]
    fn two_processes_keep_the_durations_of_both() {
        let folder = tempfile::tempdir().unwrap();
        let open = |api: &str| {
            Durations::of_file(Some(folder.path().join("journal.durations.json")), api.to_owned())
        };
        let (one, other, elsewhere) = (open("api"), open("api"), open("another api"));
        learn(&one, 1);
        learn(&other, 2);
        learn(&elsewhere, 3);
        [one, other, elsewhere].into_iter().for_each(Durations::save);
        assert_eq!(known(&open("api")), [1.0, 2.0]);
        assert_eq!(known(&open("another api")), [3.0]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn a_damaged_file_counts_as_empty_and_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("journal.durations.json");
        let open = || Durations::of_file(Some(file.clone()), "api".to_owned());
        for damaged in ["", "{", "[]", r#"{"api":{"maker/model":["x"]}}"#, r#"{"api":7}"#] {
            fs::write(&file, damaged).unwrap();
            let durations = open();
            assert!(known(&durations).is_empty(), "{damaged}");
            learn(&durations, 7);
            durations.save();
            assert_eq!(known(&open()), [7.0], "{damaged}");
        }
    }

    #[test]
    fn without_a_journal_nothing_is_written() {
        let durations = Durations::of_file(None, "api".to_owned());
        learn(&durations, 7);
        durations.save();
    }
}
