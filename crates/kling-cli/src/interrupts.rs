//! Ctrl-C, as often as it is pressed.

use tokio::signal;

/// Hears Ctrl-C from the moment it is made, also between two waits.
pub(crate) struct Interrupts {
    #[cfg(unix)]
    signals: Option<(signal::unix::Signal, signal::unix::Signal)>,
}

impl Interrupts {
    /// Where signals cannot be heard, the program ends at once by the system's own rule.
    #[cfg(unix)]
    pub(crate) fn new() -> Self {
        use signal::unix::{SignalKind, signal};
        let interrupt = signal(SignalKind::interrupt());
        Self {
            signals: interrupt.and_then(|interrupt| Ok((interrupt, signal(SignalKind::terminate())?))).ok(),
        }
    }

    #[cfg(not(unix))]
    pub(crate) fn new() -> Self {
        Self {}
    }

    /// Waits for the next one.
    #[cfg(unix)]
    pub(crate) async fn next(&mut self) {
        match &mut self.signals {
            Some((interrupt, terminate)) => tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            },
            None => std::future::pending().await,
        }
    }

    #[cfg(not(unix))]
    pub(crate) async fn next(&mut self) {
        if signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
