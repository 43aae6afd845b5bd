//! Progress of waits and downloads: live lines on a terminal, plain lines in a pipe.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};
use kling::transport::Progress;
use kling::wait::TimeLeft;
use kling::{Job, RequestId, Update, WaitOptions};

use crate::console::{ACTIVE_LINE, Console, printable};

/// Shows the wait and the downloads of one request.
pub(crate) struct ProgressLine {
    pub(crate) console: Console,
    bar: Option<ProgressBar>,
    countdown: Countdown,
}

impl ProgressLine {
    pub(crate) fn new(console: Console) -> Self {
        let countdown = Countdown::default();
        let bar = console.is_watched().then(|| {
            let bar = ProgressBar::new_spinner().with_style(countdown.style(SPINNER, ", "));
            bar.enable_steady_tick(Duration::from_millis(120));
            *ACTIVE_LINE.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar.clone());
            bar
        });
        Self { console, bar, countdown }
    }

    /// Sets the options of the wait, which estimate its length.
    pub(crate) fn expect(&self, options: &WaitOptions) {
        self.countdown.expect(options);
    }

    /// Shows the state of the job, and the time left.
    pub(crate) fn update(&self, update: &Update) {
        let Some(text) = Self::status_text(update) else { return };
        match &self.bar {
            Some(bar) => bar.set_message(printable(&text)),
            None => self.console.note(with_time_left(&text, update.time_left)),
        }
        self.countdown.update(update);
    }

    /// Returns the state of a job, or its last error.
    pub(crate) fn status_text(update: &Update) -> Option<String> {
        Some(match (&update.error, &update.state) {
            (Some(error), _) => format!("retrying after: {error}"),
            (None, Some(state)) => match update.queue_position {
                Some(position) => format!("{state}, position {position}"),
                None => state.to_string(),
            },
            (None, None) => return None,
        })
    }

    /// Shows the progress of a download, on a terminal only.
    pub(crate) fn set_download(&self, progress: Progress) {
        let Some(bar) = &self.bar else { return };
        // Each file has its own total, or none.
        if progress.total != bar.length() {
            match progress.total {
                Some(total) => {
                    bar.set_style(download_style());
                    bar.set_length(total);
                }
                None => {
                    bar.set_style(self.countdown.style(SPINNER, ", "));
                    bar.unset_length();
                }
            }
        }
        bar.set_position(progress.received);
    }

    /// Shows a text in place of the state.
    pub(crate) fn show(&self, text: &str) {
        self.countdown.stop();
        match &self.bar {
            Some(bar) => bar.set_message(printable(text)),
            None => self.console.note(text),
        }
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            *ACTIVE_LINE.lock().unwrap_or_else(PoisonError::into_inner) = None;
            bar.finish_and_clear();
        }
    }
}

const SPINNER: &str = "{spinner} {msg}{left} · {elapsed}";

const TABLE_LINE: &str = "{spinner} {prefix} {wide_msg}{left}";

fn download_style() -> ProgressStyle {
    style("{spinner} {msg} {bar:24} {bytes}/{total_bytes} · {bytes_per_sec}")
}

fn style(template: &str) -> ProgressStyle {
    // The templates are constants, so that the fallback is never used.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn with_time_left(text: &str, time_left: Option<TimeLeft>) -> String {
    time_left.map_or_else(|| text.to_owned(), |time_left| format!("{text}, {time_left}"))
}

/// Estimates the time left whenever a line is drawn.
#[derive(Clone, Default)]
struct Countdown(Arc<Mutex<Run>>);

#[derive(Default)]
struct Run {
    options: Option<WaitOptions>,
    /// None unless the job runs since a known time.
    started: Option<Instant>,
}

impl Countdown {
    fn expect(&self, options: &WaitOptions) {
        self.change(|run| run.options = Some(options.clone()));
    }

    fn update(&self, update: &Update) {
        self.change(|run| run.started = update.run_time.and_then(|time| Instant::now().checked_sub(time)));
    }

    fn stop(&self) {
        self.change(|run| run.started = None);
    }

    fn time_left(&self) -> Option<TimeLeft> {
        self.change(|run| run.options.as_ref()?.time_left(run.started?.elapsed()))
    }

    /// Returns a style whose key `left` is a separator and the time left, if it is known.
    fn style(&self, template: &str, separator: &'static str) -> ProgressStyle {
        let countdown = self.clone();
        style(template).with_key("left", move |_: &ProgressState, line: &mut dyn fmt::Write| {
            if let Some(time_left) = countdown.time_left() {
                _ = write!(line, "{separator}{time_left}");
            }
        })
    }

    /// No panic leaves a run half changed.
    fn change<T>(&self, change: impl FnOnce(&mut Run) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The most live lines. Above it, only the total is shown.
const MOST_LINES: usize = 30;

/// Shows the waits of many requests.
pub(crate) struct ProgressTable {
    console: Console,
    bars: Option<Bars>,
}

struct Bars {
    all: MultiProgress,
    lines: HashMap<RequestId, (ProgressBar, Countdown)>,
    total: ProgressBar,
}

impl ProgressTable {
    pub(crate) fn new(console: Console, jobs: &[Job], options: &WaitOptions) -> Self {
        Self { console, bars: console.is_watched().then(|| Bars::new(jobs, options)) }
    }

    /// Shows the state of a request, and the time left.
    pub(crate) fn update(&self, id: &RequestId, update: &Update) {
        let Some(text) = ProgressLine::status_text(update) else { return };
        if self.bars.is_none() {
            return self.show(id, &with_time_left(&text, update.time_left));
        }
        self.show(id, &text);
        if let Some((_, countdown)) = self.line(id) {
            countdown.update(update);
        }
    }

    /// Shows a text in place of the state of a request.
    pub(crate) fn show(&self, id: &RequestId, text: &str) {
        if self.bars.is_none() {
            return self.console.note(format!("{id}: {text}"));
        }
        if let Some((line, countdown)) = self.line(id) {
            line.set_message(printable(text));
            countdown.stop();
        }
    }

    fn line(&self, id: &RequestId) -> Option<&(ProgressBar, Countdown)> {
        self.bars.as_ref()?.lines.get(id)
    }

    /// Shows how a request ended.
    pub(crate) fn end(&self, id: &RequestId, text: &str) {
        match &self.bars {
            Some(bars) => {
                if let Some((line, countdown)) = bars.lines.get(id) {
                    countdown.stop();
                    line.finish_with_message(printable(text));
                }
                bars.total.inc(1);
            }
            None => self.console.note(format!("{id}: {text}")),
        }
    }

    /// Shows the error of a request. A live line may be too short for it.
    pub(crate) fn fail(&self, id: &RequestId, text: &str) {
        if self.bars.is_some() {
            self.suspend(|| self.console.note(format!("{id}: {text}")));
        }
        self.end(id, text);
    }

    /// Prints permanent lines above the live lines.
    pub(crate) fn suspend(&self, print: impl FnOnce()) {
        match &self.bars {
            Some(bars) => bars.all.suspend(print),
            None => print(),
        }
    }
}

impl Bars {
    fn new(jobs: &[Job], options: &WaitOptions) -> Self {
        let all = MultiProgress::new();
        let visible = if jobs.len() > MOST_LINES { &[] } else { jobs };
        let widest = visible.iter().map(|job| job.id().as_str().len()).max().unwrap_or_default();
        let line = |job: &Job| {
            let countdown = Countdown::default();
            countdown.expect(&options.for_job(job.job_ref()));
            let style = countdown.style(TABLE_LINE, " ");
            let line = all.add(ProgressBar::new_spinner().with_style(style));
            line.set_prefix(format!("{:widest$}", job.id().as_str()));
            line.enable_steady_tick(Duration::from_millis(120));
            (job.id().clone(), (line, countdown))
        };
        let lines = visible.iter().map(line).collect();
        let total = all.add(ProgressBar::new(jobs.len() as u64));
        total.set_style(style("{pos} of {len} done · {elapsed}"));
        total.enable_steady_tick(Duration::from_millis(500));
        Self { all, lines, total }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        // The lines of requests stay as a record.
        let open = self.lines.values().filter(|(line, _)| !line.is_finished());
        open.for_each(|(line, _)| line.abandon());
        self.total.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use indicatif::{ProgressDrawTarget, TermLike};
    use kling::transport::JobRef;
    use kling::wait::DurationHistory;

    use super::*;

    /// A terminal that keeps the text of the last drawing.
    #[derive(Clone, Debug)]
    struct Screen {
        width: u16,
        text: Arc<Mutex<String>>,
    }

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            self.width
        }

        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write_str(text)
        }

        fn write_str(&self, text: &str) -> io::Result<()> {
            self.text.lock().unwrap().push_str(text);
            Ok(())
        }

        fn clear_line(&self) -> io::Result<()> {
            self.text.lock().unwrap().clear();
            Ok(())
        }

        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The countdown of a job that has run for a time, if jobs of its kind run for about 200 s.
    fn countdown(run_time: u64) -> Countdown {
        let job: JobRef = serde_json::from_str(r#"{"request_id":"a","model":"maker/model"}"#).unwrap();
        let history: DurationHistory =
            serde_json::from_str(r#"{"maker/model":[170,190,200,210,230]}"#).unwrap();
        let countdown = Countdown::default();
        countdown.expect(&WaitOptions::default().with_history(&history).for_job(&job));
        countdown.change(|run| run.started = Instant::now().checked_sub(Duration::from_secs(run_time)));
        countdown
    }

    fn drawn(width: u16, style: ProgressStyle) -> String {
        let screen = Screen { width, text: Arc::default() };
        let target = ProgressDrawTarget::term_like(Box::new(screen.clone()));
        let bar = ProgressBar::with_draw_target(None, target).with_style(style);
        bar.set_prefix("5e1f-09c");
        bar.set_message("in_progress");
        bar.tick();
        let text = screen.text.lock().unwrap().trim().to_owned();
        // The first sign is the spinner.
        text.chars().skip(1).collect::<String>().trim().to_owned()
    }

    #[test]
    fn a_line_tells_the_time_left_at_any_width() {
        for width in [80, 40] {
            let line = drawn(width, countdown(20).style(SPINNER, ", "));
            assert_eq!(line, "in_progress, about 3 min left · 0s", "{width} columns");
        }
        let line = |width| drawn(width, countdown(20).style(TABLE_LINE, " "));
        assert_eq!(line(40), "5e1f-09c in_progress  about 3 min left");
        assert_eq!(line(80), format!("5e1f-09c in_progress{}about 3 min left", " ".repeat(42)));
    }

    #[test]
    fn a_job_that_takes_longer_than_usual_is_said_to() {
        let line = drawn(80, countdown(1000).style(SPINNER, ", "));
        assert_eq!(line, "in_progress, longer than usual · 0s");
    }

    #[test]
    fn an_unknown_time_is_not_shown() {
        let (stopped, unknown) = (countdown(20), Countdown::default());
        stopped.stop();
        unknown.change(|run| run.started = Some(Instant::now()));
        for countdown in [stopped, unknown] {
            assert_eq!(drawn(80, countdown.style(SPINNER, ", ")), "in_progress · 0s");
        }
    }
}
