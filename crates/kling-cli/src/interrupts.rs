//! Ctrl-C, and the other signals that end a program.

use std::future;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
#[cfg(windows)]
use tokio::signal::windows;
use tokio::sync::mpsc;

use crate::arguments::{InterruptArgs, OnInterrupt};

/// Listens for signals from its creation, also between two waits.
pub(crate) struct Interrupts {
    chosen: Option<OnInterrupt>,
    choice: OnInterrupt,
    were_heard: bool,
    signals: mpsc::UnboundedReceiver<Interrupt>,
}

/// The origin of a signal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Interrupt {
    /// A person, who may press it again.
    CtrlC,
    /// A closed terminal, a supervisor, or a shutdown. Such a signal may repeat: the kernel and the shell both send SIGHUP.
    Shutdown,
}

impl Interrupts {
    /// Listens for signals. `otherwise` is the action on Ctrl-C if the user chose none.
    pub(crate) fn new(chosen: InterruptArgs, otherwise: OnInterrupt) -> Self {
        Self {
            chosen: chosen.on_interrupt,
            choice: chosen.on_interrupt.unwrap_or(otherwise),
            were_heard: false,
            signals: listen(),
        }
    }

    /// Returns the action on an interrupted job.
    pub(crate) const fn choice(&self) -> OnInterrupt {
        self.choice
    }

    /// Whether there was a signal.
    pub(crate) const fn were_heard(&self) -> bool {
        self.were_heard
    }

    /// Waits for the next signal. A shutdown leaves the job unless the user chose otherwise.
    pub(crate) async fn next(&mut self) -> Interrupt {
        let Some(interrupt) = self.signals.recv().await else { return future::pending().await };
        if interrupt == Interrupt::Shutdown {
            self.choice = self.chosen.unwrap_or(OnInterrupt::Leave);
        }
        self.were_heard = true;
        interrupt
    }
}

/// Listens for the signals of this system. A signal that cannot be listened for is left out.
fn listen() -> mpsc::UnboundedReceiver<Interrupt> {
    let (sender, signals) = mpsc::unbounded_channel();
    macro_rules! forward {
        ($interrupt:ident, $signal:expr) => {
            if let Ok(mut signal) = $signal {
                let sender = sender.clone();
                tokio::spawn(async move {
                    while signal.recv().await.is_some() && sender.send(Interrupt::$interrupt).is_ok() {}
                });
            }
        };
    }
    #[cfg(unix)]
    {
        forward!(CtrlC, unignored(SignalKind::interrupt()));
        forward!(Shutdown, unignored(SignalKind::hangup()));
        forward!(Shutdown, unignored(SignalKind::quit()));
        forward!(Shutdown, unignored(SignalKind::terminate()));
    }
    #[cfg(windows)]
    {
        forward!(CtrlC, windows::ctrl_c());
        forward!(Shutdown, windows::ctrl_break());
        forward!(Shutdown, windows::ctrl_close());
        forward!(Shutdown, windows::ctrl_logoff());
        forward!(Shutdown, windows::ctrl_shutdown());
    }
    signals
}

/// Listens for a signal, unless the program was started with it ignored, as `nohup` does with SIGHUP. Only Linux tells.
#[cfg(unix)]
fn unignored(kind: SignalKind) -> std::io::Result<Signal> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    match mask >> (kind.as_raw_value() - 1) & 1 {
        0 => signal(kind),
        _ => Err(std::io::ErrorKind::Unsupported.into()),
    }
}

/// Makes a write past the limit of `ulimit -f` fail, instead of ending the process. Must be called within a runtime.
#[cfg(unix)]
pub(crate) fn outlive_file_size_limit() {
    // The handler stays when this is dropped. If it cannot be set, the system's own rule holds.
    drop(signal(SignalKind::from_raw(libc::SIGXFSZ)));
}
