//! One job: what both clients do with it, and what came of it.

use std::fmt::{Debug, Display};
use std::path::PathBuf;

use kling::kling_1_6_pro_image_to_video::Input;
use kling::{
    CompletedJob, Downloaded, Error, Job, ModelInput, SubmitOutcome, UnknownOutcome, Update, WaitError,
};
use serde::Serialize;

use super::{TOKEN, Tools};

pub(super) type Model = <Input as ModelInput>::Model;

/// What a client kept of a submit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Paid {
    /// A request id.
    Job(String),
    /// A receipt for an unknown outcome, by the fingerprint of its body.
    UnknownOutcome(String),
    /// Nothing: refused.
    Nothing,
}

/// How a job ended for its client.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Ended {
    /// With an output, and the file where one was wanted.
    Well,
    /// The wait or the download gave up on a job that was known.
    GivenUp,
    /// No job to wait for.
    #[default]
    Unsubmitted,
    /// A deadline passed.
    Late,
    /// The client panicked.
    Panicked,
}

/// What came of one job.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// What the client kept; nothing where it panicked.
    pub paid: Option<Paid>,
    /// How it ended.
    pub ended: Ended,
    /// Bytes of the file, where one was downloaded.
    pub file: Option<Vec<u8>>,
    /// How often the token stood in anything that a client showed.
    pub sightings: usize,
    /// The first words of a client that did not end well.
    pub words: Option<String>,
}

impl Outcome {
    pub(crate) fn panicked() -> Self {
        Self { ended: Ended::Panicked, ..Self::default() }
    }

    /// Takes note of a submit: the job, where there is one.
    pub(crate) fn took(&mut self, submission: SubmitOutcome<Model>) -> Option<Job<Model>> {
        match submission {
            SubmitOutcome::Accepted(job) => {
                self.submitted(&job);
                return Some(job);
            }
            SubmitOutcome::Rejected(error) => self.refused(&error),
            SubmitOutcome::Unknown(receipt) => self.unknown(&receipt),
        }
        None
    }

    fn refused(&mut self, error: &Error) {
        self.show(error);
        self.paid = Some(Paid::Nothing);
        self.words = Some(error.to_string());
    }

    fn unknown(&mut self, receipt: &UnknownOutcome) {
        self.show(receipt);
        self.keep(receipt);
        self.paid = Some(Paid::UnknownOutcome(receipt.fingerprint().to_string()));
    }

    fn submitted(&mut self, job: &Job<Model>) {
        self.look(&format!("{job:?}"));
        self.keep(job);
        self.paid = Some(Paid::Job(job.id().to_string()));
    }

    pub(crate) fn updated(&mut self, update: &Update) {
        self.look(&format!("{update:?}"));
        if let Some(error) = &update.error {
            self.show(error);
        }
    }

    /// The first URL of the output, where there is one.
    pub(crate) fn waited(&mut self, waited: Result<CompletedJob<Model>, WaitError>) -> Option<String> {
        match waited {
            Ok(done) => {
                self.look(&format!("{done:?}"));
                self.ended = Ended::Well;
                done.output().urls().first().map(|url| (*url).to_owned())
            }
            Err(error) => {
                self.show(&error);
                self.ended = if error.is_deadline() { Ended::Late } else { Ended::GivenUp };
                self.words = Some(error.to_string());
                None
            }
        }
    }

    pub(crate) fn downloaded(&mut self, downloaded: Result<Downloaded, Error>) {
        match downloaded {
            Ok(file) => self.file = std::fs::read(file.path).ok(),
            Err(error) => {
                self.show(&error);
                self.ended = Ended::GivenUp;
                self.words = Some(error.to_string());
            }
        }
    }

    fn show(&mut self, shown: &(impl Debug + Display)) {
        self.look(&format!("{shown} {shown:?} {shown:#?}"));
    }

    fn keep(&mut self, kept: &impl Serialize) {
        self.look(&serde_json::to_string(kept).unwrap_or_default());
    }

    fn look(&mut self, text: &str) {
        self.sightings += usize::from(text.contains(TOKEN));
    }
}

impl Tools {
    /// An input like no other, so that its fingerprint names the job.
    pub(crate) fn input(&self, number: usize) -> Option<Input> {
        let prompt = format!("chaos {} of seed {}", number, self.plan.seed);
        Input::builder().image_url("https://example.com/start.jpg").prompt(prompt).build().ok()
    }

    /// Where the output of a job goes, if it is wanted.
    pub(crate) fn place(&self, number: usize) -> Option<PathBuf> {
        number
            .is_multiple_of(self.plan.download_every.max(1))
            .then(|| self.folder.join(format!("{number}.mp4")))
    }
}
