//! The display while a person waits: live lines on a terminal, for one request or many, and plain lines in a pipe.

use std::collections::HashMap;
use std::sync::PoisonError;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use kling::{Progress, RequestId, Update};

use crate::console::{Console, LINE, printable};

/// How a wait and a download are shown.
pub(crate) struct ProgressLine {
    console: Console,
    bar: Option<ProgressBar>,
}

impl ProgressLine {
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
            None => self.console.note(text),
        }
    }

    /// Prints a line that stays, above the live line.
    pub(crate) fn note(&self, text: &str) {
        self.console.note(text);
    }

    /// Returns a function that prints such a line, for callbacks.
    pub(crate) fn printer(&self) -> impl Fn(&str) + Send + Sync + 'static {
        let console = self.console;
        move |text| console.note(text)
    }
}

impl Drop for ProgressLine {
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

/// More lines than this push each other off the screen: then only the last line moves.
const MOST_LINES: usize = 30;

/// How many requests are shown.
pub(crate) struct ProgressTable {
    console: Console,
    bars: Option<Bars>,
}

struct Bars {
    all: MultiProgress,
    lines: HashMap<RequestId, ProgressBar>,
    total: ProgressBar,
}

impl ProgressTable {
    pub(crate) fn new(console: Console, ids: &[RequestId]) -> Self {
        Self { console, bars: console.is_watched().then(|| Bars::new(ids)) }
    }

    /// Shows what a request does.
    pub(crate) fn show(&self, id: &RequestId, text: &str) {
        match &self.bars {
            Some(bars) => bars.lines.get(id).into_iter().for_each(|line| line.set_message(printable(text))),
            None => self.console.note(format!("{id}: {text}")),
        }
    }

    /// Shows how a request ended.
    pub(crate) fn end(&self, id: &RequestId, text: &str) {
        match &self.bars {
            Some(bars) => {
                if let Some(line) = bars.lines.get(id) {
                    line.finish_with_message(printable(text));
                }
                bars.total.inc(1);
            }
            None => self.console.note(format!("{id}: {text}")),
        }
    }

    /// Shows that a request did not end well; a live line may be too short for the words.
    pub(crate) fn fail(&self, id: &RequestId, text: &str) {
        if self.bars.is_some() {
            self.aside(|| self.console.note(format!("{id}: {text}")));
        }
        self.end(id, text);
    }

    /// Prints something that stays, above the live lines.
    pub(crate) fn aside(&self, print: impl FnOnce()) {
        match &self.bars {
            Some(bars) => bars.all.suspend(print),
            None => print(),
        }
    }
}

impl Bars {
    fn new(ids: &[RequestId]) -> Self {
        let all = MultiProgress::new();
        let shown = if ids.len() > MOST_LINES { &[] } else { ids };
        let widest = shown.iter().map(|id| id.as_str().len()).max().unwrap_or_default();
        let line = |id: &RequestId| {
            let line = all.add(ProgressBar::new_spinner().with_style(style("{spinner} {prefix} {wide_msg}")));
            line.set_prefix(format!("{:widest$}", id.as_str()));
            line.enable_steady_tick(Duration::from_millis(120));
            (id.clone(), line)
        };
        let lines = shown.iter().map(line).collect();
        let total = all.add(ProgressBar::new(ids.len() as u64));
        total.set_style(style("{pos} of {len} are over · {elapsed}"));
        total.enable_steady_tick(Duration::from_millis(500));
        Self { all, lines, total }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        // The lines of requests stay, as a record; the count is in the summary.
        self.lines.values().filter(|line| !line.is_finished()).for_each(ProgressBar::abandon);
        self.total.finish_and_clear();
    }
}
