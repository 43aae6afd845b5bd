//! `kling resume`: requests that were left are waited for and downloaded. Nothing is ever submitted here.

use kling::kling_journal::{Entry, Hold, Standing};
use kling::{Job, Journal, Journaled, OutputKind, RequestId};
use serde_json::{Value, json};

use crate::arguments::{AtEnd, Patience, Resume};
use crate::connection::Connection;
use crate::console::{Answer, Console};
use crate::exit::{Exit, Stop};
use crate::interrupts::Interrupts;
use crate::live::Live;
use crate::target::Target;
use crate::{command::jobs, waiting};

pub(crate) async fn run(arguments: &Resume, console: Console) -> Result<Answer, Stop> {
    let client = Connection::free(console)?.client;
    let interrupts = Interrupts::new(arguments.patience.interrupting, AtEnd::Leave);
    let mut resuming = Resuming { client, patience: &arguments.patience, console, interrupts };
    match &arguments.id {
        Some(id) => resuming.one(id).await,
        None => resuming.all(&jobs::open()?).await,
    }
}

struct Resuming<'a> {
    client: Journaled,
    patience: &'a Patience,
    console: Console,
    interrupts: Interrupts,
}

impl Resuming<'_> {
    /// One that was asked for is taken up whether the journal knows it or not.
    async fn one(&mut self, id: &RequestId) -> Result<Answer, Stop> {
        let origin = self.origin();
        let entry = match self.client.journal() {
            Some(journal) => journal.find_job(&origin, id.as_str())?,
            None => None,
        };
        let _hold = match &entry {
            Some(entry) => Some(self.take(entry)?.ok_or_else(|| in_other_hands(id))?),
            None => None,
        };
        let files = self.finish(id, entry.as_ref()).await?;
        let json = json!({ "request_id": id.as_str(), "status": "succeeded", "files": files });
        Ok(Answer { text: lines(&files), json })
    }

    /// Every one is tried, whatever becomes of the others; the first that goes wrong decides how it all ends. Each is looked at
    /// again when its turn comes: another process may have it in hand by then, or have finished it.
    async fn all(&mut self, journal: &Journal) -> Result<Answer, Stop> {
        let origin = self.origin();
        let entries = journal.entries()?;
        let ours = || entries.iter().filter(|entry| entry.intent().origin() == origin);
        let (mut texts, mut done, mut wrong) = (Vec::new(), Vec::new(), None);
        for entry in ours().filter(|entry| entry.is_unfinished()) {
            let Some(Ok(id)) = entry.request_id().map(str::parse::<RequestId>) else { continue };
            let Some(_hold) = self.take(entry)? else {
                self.console.say(in_other_hands(&id).message());
                done.push(json!({ "request_id": id.as_str(), "status": "in_hand" }));
                continue;
            };
            let Some(entry) = journal.find_job(&origin, id.as_str())?.filter(Entry::is_unfinished) else {
                continue;
            };
            match self.finish(&id, Some(&entry)).await {
                Ok(files) => {
                    texts.push(lines(&files));
                    done.push(json!({ "request_id": id.as_str(), "status": "succeeded", "files": files }));
                }
                Err(stop) => {
                    self.console.say(format!("kling: {}", stop.message()));
                    done.push(stop.json());
                    wrong.get_or_insert(stop);
                }
            }
            if self.interrupts.were_heard() {
                break;
            }
        }
        let unknown: Value = ours().filter_map(|entry| self.report(entry)).collect();
        match wrong {
            Some(stop) => Err(stop.with("jobs", done).with("unknown", unknown)),
            None => Ok(Answer { text: texts.join("\n"), json: json!({ "jobs": done, "unknown": unknown }) }),
        }
    }

    /// Takes a request in hand, for its wait and its download; nothing where another process has it.
    fn take(&self, entry: &Entry) -> Result<Option<Hold>, Stop> {
        match self.client.journal() {
            Some(journal) => Ok(journal.hold(entry.intent().id())?),
            None => Ok(None),
        }
    }

    /// Says of an unknown outcome that it is one.
    fn report(&self, entry: &Entry) -> Option<Value> {
        let intent = entry.intent().id();
        (entry.standing() == Standing::Unknown).then(|| {
            self.console.say(format!(
                "unknown: intent {intent}; look at the account's history, then: kling jobs settle {intent} --id ID, or \
                 --not-submitted"
            ));
            jobs::describe(entry)
        })
    }

    /// Waits and downloads. Ctrl-C leaves the request as it is, unless chosen otherwise: it was not submitted here.
    async fn finish(&mut self, id: &RequestId, entry: Option<&Entry>) -> Result<Vec<Value>, Stop> {
        let live = Live::new(self.console);
        live.say(&format!("request {id}"));
        let target = target(entry);
        let Self { client, patience, interrupts, .. } = self;
        let finished = waiting::wait(client, &Job::from_id(id.clone()), patience, &live, interrupts).await?;
        let saved = waiting::download(client, &finished, &target, patience, &live, interrupts).await?;
        Ok(saved.iter().map(waiting::Saved::json).collect())
    }

    fn origin(&self) -> String {
        self.client.client().settings().base().origin()
    }
}

fn in_other_hands(id: &RequestId) -> Stop {
    let message = format!("request {id} is in the hands of another process of this machine");
    Stop::new(Exit::TryAgain, message).with("request_id", id.as_str())
}

/// Where the output was to go when the request was submitted.
fn target(entry: Option<&Entry>) -> Target {
    let intent = entry.map(Entry::intent);
    let model = intent.and_then(|intent| kling::model(intent.model()));
    let kind = model.map_or(OutputKind::Video, |model| model.output_kind);
    Target::resumed(intent.and_then(|intent| intent.output()), kind)
}

fn lines(files: &[Value]) -> String {
    files.iter().filter_map(|file| file["path"].as_str()).collect::<Vec<_>>().join("\n")
}
