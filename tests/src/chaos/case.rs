//! One job through a client, and its outcome.

use std::fmt::{Debug, Display};
use std::path::PathBuf;

use kling::models::ModelInput;
use kling::models::kling_1_6_pro_image_to_video::Input;
use kling::transport::{Downloaded, JobRef};
use kling::{Error, ErrorKind, UnknownOutcome, Update};
use serde::Serialize;

use super::{TOKEN, Tools};

pub(super) type Model = <Input as ModelInput>::Model;

/// The proof of a submit that a client has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Paid {
    /// A request id.
    Job(String),
    /// A receipt for an unknown outcome, by the fingerprint of its body.
    UnknownOutcome(String),
    /// None, since the submit was rejected.
    Nothing,
}

/// How a job ended for its client.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Ended {
    /// With an output, and with the file if one was requested.
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

/// The outcome of one job.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The proof of the submit, or `None` after a panic.
    pub paid: Option<Paid>,
    /// How it ended.
    pub ended: Ended,
    /// The bytes of the file, if one was downloaded.
    pub file: Option<Vec<u8>>,
    /// The number of shown texts that contain the token.
    pub sightings: usize,
    /// The error of a client, if there was one.
    pub words: Option<String>,
}

impl Outcome {
    pub(crate) fn panicked() -> Self {
        Self { ended: Ended::Panicked, ..Self::default() }
    }

    /// Records the error of a submit.
    pub(crate) fn not_submitted(&mut self, error: &Error) {
        match error.unknown_outcome() {
            Some(receipt) => self.unknown(receipt),
            None => {
                self.show(error);
                self.paid = Some(Paid::Nothing);
                self.words = Some(error.to_string());
            }
        }
    }

    fn unknown(&mut self, receipt: &UnknownOutcome) {
        self.show(receipt);
        self.keep(receipt);
        self.paid = Some(Paid::UnknownOutcome(receipt.fingerprint().to_string()));
    }

    /// Records that a submit was accepted.
    pub(crate) fn submitted(&mut self, job: &JobRef<Model>) {
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

    /// Records the error of a wait or of a download, or that there was none.
    pub(crate) fn waited(&mut self, waited: Result<String, &Error>) {
        match waited {
            Ok(shown) => {
                self.look(&shown);
                self.ended = Ended::Well;
            }
            Err(error) => {
                self.show(error);
                self.ended = if error.kind() == ErrorKind::Deadline { Ended::Late } else { Ended::GivenUp };
                self.words = Some(error.to_string());
            }
        }
    }

    pub(crate) fn downloaded(&mut self, downloaded: Result<Vec<Downloaded>, Error>) {
        match downloaded {
            Ok(files) => self.file = files.first().and_then(|file| std::fs::read(&file.path).ok()),
            Err(error) => self.waited(Err(&error)),
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
    /// Returns a unique input, so that its fingerprint identifies the job.
    pub(crate) fn input(&self, number: usize) -> Option<Input> {
        let prompt = format!("chaos {} of seed {}", number, self.plan.seed);
        Input::builder().image_url("https://example.com/start.jpg").prompt(prompt).build().ok()
    }

    /// Returns the output path of a job, if its output is downloaded.
    pub(crate) fn place(&self, number: usize) -> Option<PathBuf> {
        number
            .is_multiple_of(self.plan.download_every.max(1))
            .then(|| self.folder.join(format!("{number}.mp4")))
    }
}
