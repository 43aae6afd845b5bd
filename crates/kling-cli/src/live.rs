//! What moves while a person waits: one live line on a terminal, plain lines in a pipe.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use kling::{Progress, Update};

use crate::console::{Console, printable};

/// The live line that is shown at the moment, if there is one: what is said meanwhile goes above it.
static LINE: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Prints while no live line is in the way.
pub(crate) fn above_the_line(print: impl FnOnce()) {
    let line = LINE.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match line {
        Some(bar) => bar.suspend(print),
        None => print(),
    }
}

/// How a wait and a download are shown.
pub(crate) struct Live {
    console: Console,
    bar: Option<ProgressBar>,
}

impl Live {
    pub(crate) fn new(console: Console) -> Self {
        let bar = console.is_watched().then(|| {
            let bar = ProgressBar::new_spinner().with_style(spinner_style());
            bar.enable_steady_tick(Duration::from_millis(120));
            *LINE.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar.clone());
            bar
        });
        Self { console, bar }
    }

    /// Shows what the job does.
    pub(crate) fn update(&self, update: &Update) {
        if let Some(text) = Self::words(update) {
            self.show(&text);
        }
    }

    /// What a job does, in words.
    pub(crate) fn words(update: &Update) -> Option<String> {
        Some(match (&update.error, &update.state) {
            (Some(error), _) => format!("asking again after: {error}"),
            (None, Some(state)) => match update.queue_position {
                Some(position) => format!("{state}, position {position}"),
                None => state.to_string(),
            },
            (None, None) => return None,
        })
    }

    /// Shows how far a download is; in a pipe only its beginning is worth a line.
    pub(crate) fn progress(&self, progress: Progress) {
        let Some(bar) = &self.bar else { return };
        // Each file has a total of its own, or none.
        if progress.total != bar.length() {
            match progress.total {
                Some(total) => {
                    bar.set_style(download_style());
                    bar.set_length(total);
                }
                None => {
                    bar.set_style(spinner_style());
                    bar.unset_length();
                }
            }
        }
        bar.set_position(progress.received);
    }

    /// Shows one line of news.
    pub(crate) fn show(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(printable(text)),
            None => self.console.say(text),
        }
    }

    /// Prints a line that stays, above the live line.
    pub(crate) fn say(&self, text: &str) {
        self.console.say(text);
    }

    /// Returns a function that prints such a line, for callbacks.
    pub(crate) fn printer(&self) -> impl Fn(&str) + Send + Sync + 'static {
        let console = self.console;
        move |text| console.say(text)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            *LINE.lock().unwrap_or_else(PoisonError::into_inner) = None;
            bar.finish_and_clear();
        }
    }
}

fn spinner_style() -> ProgressStyle {
    style("{spinner} {msg} · {elapsed}")
}

fn download_style() -> ProgressStyle {
    style("{spinner} {msg} {bar:24} {bytes}/{total_bytes} · {bytes_per_sec}")
}

fn style(template: &str) -> ProgressStyle {
    // The templates are constants; if one were wrong, indicatif's own style would do.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
