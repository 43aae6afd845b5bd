//! Listens to every span and every line that the clients and the libraries under them log, for the token.

use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use super::TOKEN;

/// Counts lines, and those with the token in them; one for the whole process.
#[derive(Debug, Default)]
pub(crate) struct Listener {
    heard: AtomicUsize,
    sightings: AtomicUsize,
}

impl Listener {
    /// The listener, from now on.
    pub(crate) fn hired() -> io::Result<&'static Self> {
        static ONLY: OnceLock<Listener> = OnceLock::new();
        let only = ONLY.get_or_init(Self::default);
        static BEGUN: OnceLock<bool> = OnceLock::new();
        let subscriber = || {
            tracing_subscriber::fmt()
                .with_max_level(LevelFilter::DEBUG)
                .with_span_events(FmtSpan::CLOSE)
                .with_ansi(false)
                .with_writer(move || only)
        };
        if *BEGUN.get_or_init(|| subscriber().try_init().is_ok()) {
            return Ok(only);
        }
        Err(io::Error::other("somebody else listens already"))
    }

    /// How many lines there were so far.
    pub(crate) fn heard(&self) -> usize {
        self.heard.load(Ordering::Relaxed)
    }

    /// How many of them had the token in them.
    pub(crate) fn sightings(&self) -> usize {
        self.sightings.load(Ordering::Relaxed)
    }
}

/// A subscriber writes whole lines.
impl Write for &Listener {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.heard.fetch_add(1, Ordering::Relaxed);
        let has_token = line.windows(TOKEN.len()).any(|part| part == TOKEN.as_bytes());
        self.sightings.fetch_add(usize::from(has_token), Ordering::Relaxed);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
