//! Many requests at once: one live line each on a terminal, plain lines in a pipe.

use std::collections::HashMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use kling::RequestId;

use crate::console::{Console, printable};

/// More lines than this push each other off the screen: then only the last line moves.
const MOST_LINES: usize = 30;

/// How many requests are shown.
pub(crate) struct Board {
    console: Console,
    bars: Option<Bars>,
}

struct Bars {
    all: MultiProgress,
    lines: HashMap<RequestId, ProgressBar>,
    total: ProgressBar,
}

impl Board {
    pub(crate) fn new(console: Console, ids: &[RequestId]) -> Self {
        Self { console, bars: console.is_watched().then(|| Bars::new(ids)) }
    }

    /// Shows what a request does.
    pub(crate) fn show(&self, id: &RequestId, text: &str) {
        match &self.bars {
            Some(bars) => bars.lines.get(id).into_iter().for_each(|line| line.set_message(printable(text))),
            None => self.console.say(format!("{id}: {text}")),
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
            None => self.console.say(format!("{id}: {text}")),
        }
    }

    /// Shows that a request did not end well; a live line may be too short for the words.
    pub(crate) fn fail(&self, id: &RequestId, text: &str) {
        if self.bars.is_some() {
            self.aside(|| self.console.say(format!("{id}: {text}")));
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

fn style(template: &str) -> ProgressStyle {
    // The templates are constants; if one were wrong, indicatif's own style would do.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
