//! Ctrl-C, as often as it is pressed, the system's wish that the program ends, and what they mean.

use tokio::signal;

use crate::arguments::{AtEnd, Interrupting};

/// Hears Ctrl-C and SIGTERM from the moment it is made, also between two waits.
pub(crate) struct Interrupts {
    #[cfg(unix)]
    chosen: Option<AtEnd>,
    choice: AtEnd,
    were_heard: bool,
    #[cfg(unix)]
    signals: Option<(signal::unix::Signal, signal::unix::Signal)>,
}

impl Interrupts {
    /// What the user chose, or what the command does otherwise. Where signals cannot be heard, the program ends at once by the
    /// system's own rule.
    #[cfg(unix)]
    pub(crate) fn new(chosen: Interrupting, otherwise: AtEnd) -> Self {
        use signal::unix::{SignalKind, signal};
        let interrupt = signal(SignalKind::interrupt());
        Self {
            chosen: chosen.on_interrupt,
            choice: chosen.on_interrupt.unwrap_or(otherwise),
            were_heard: false,
            signals: interrupt.and_then(|interrupt| Ok((interrupt, signal(SignalKind::terminate())?))).ok(),
        }
    }

    #[cfg(not(unix))]
    pub(crate) fn new(chosen: Interrupting, otherwise: AtEnd) -> Self {
        Self { choice: chosen.on_interrupt.unwrap_or(otherwise), were_heard: false }
    }

    /// What becomes of a request that was interrupted.
    pub(crate) const fn choice(&self) -> AtEnd {
        self.choice
    }

    /// Whether there was one.
    pub(crate) const fn were_heard(&self) -> bool {
        self.were_heard
    }

    /// Waits for the next one. SIGTERM comes from a machine or a container that shuts down, and says nothing of the request: it
    /// is left, unless another end was chosen.
    #[cfg(unix)]
    pub(crate) async fn next(&mut self) {
        match &mut self.signals {
            Some((interrupt, terminate)) => tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => self.choice = self.chosen.unwrap_or(AtEnd::Leave),
            },
            None => std::future::pending().await,
        }
        self.were_heard = true;
    }

    #[cfg(not(unix))]
    pub(crate) async fn next(&mut self) {
        if signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        self.were_heard = true;
    }
}
