//! Ctrl-C and every other signal by which a terminal or a supervisor ends a program, and what they mean.

use crate::arguments::{Interrupting, OnInterrupt};

/// Listens for signals from the moment it is made, also between two waits.
pub(crate) struct Interrupts {
    chosen: Option<OnInterrupt>,
    choice: OnInterrupt,
    were_heard: bool,
    signals: Signals,
}

/// Who ends the program.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Interrupt {
    /// A person, who may press it again.
    CtrlC,
    /// A terminal that closes, a supervisor, or a machine that shuts down. Such a signal may come several times: a closed
    /// terminal sends SIGHUP by the kernel and by the shell.
    Shutdown,
}

impl Interrupts {
    /// Listens for signals. `otherwise` is what happens to the job on Ctrl-C if the user chose nothing.
    pub(crate) fn new(chosen: Interrupting, otherwise: OnInterrupt) -> Self {
        Self {
            chosen: chosen.on_interrupt,
            choice: chosen.on_interrupt.unwrap_or(otherwise),
            were_heard: false,
            signals: Signals::new(),
        }
    }

    /// What happens to a job that was interrupted.
    pub(crate) const fn choice(&self) -> OnInterrupt {
        self.choice
    }

    /// Whether there was a signal.
    pub(crate) const fn were_heard(&self) -> bool {
        self.were_heard
    }

    /// Waits for the next signal. One that does not come from a person's Ctrl-C says nothing about the job: the job is left,
    /// unless the user chose otherwise.
    pub(crate) async fn next(&mut self) -> Interrupt {
        let interrupt = self.signals.next().await;
        if interrupt == Interrupt::Shutdown {
            self.choice = self.chosen.unwrap_or(OnInterrupt::Leave);
        }
        self.were_heard = true;
        interrupt
    }
}

/// The signals of Unix; `None` for one that cannot be listened for, or is to be ignored.
#[cfg(unix)]
struct Signals {
    interrupt: Option<tokio::signal::unix::Signal>,
    hangup: Option<tokio::signal::unix::Signal>,
    quit: Option<tokio::signal::unix::Signal>,
    terminate: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| if is_ignored(kind) { None } else { signal(kind).ok() };
        Self {
            interrupt: listen(SignalKind::interrupt()),
            hangup: listen(SignalKind::hangup()),
            quit: listen(SignalKind::quit()),
            terminate: listen(SignalKind::terminate()),
        }
    }

    async fn next(&mut self) -> Interrupt {
        async fn heard(signal: &mut Option<tokio::signal::unix::Signal>) {
            match signal {
                Some(signal) => _ = signal.recv().await,
                None => std::future::pending().await,
            }
        }
        tokio::select! {
            () = heard(&mut self.interrupt) => Interrupt::CtrlC,
            () = heard(&mut self.hangup) => Interrupt::Shutdown,
            () = heard(&mut self.quit) => Interrupt::Shutdown,
            () = heard(&mut self.terminate) => Interrupt::Shutdown,
        }
    }
}

/// Whether the program was started with a signal ignored, as `nohup` does with SIGHUP and a script with the Ctrl-C of its
/// background jobs. Only Linux can be asked.
#[cfg(unix)]
fn is_ignored(kind: tokio::signal::unix::SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    mask >> (kind.as_raw_value() - 1) & 1 == 1
}

/// The signals of Windows; `None` for one that cannot be listened for.
#[cfg(windows)]
struct Signals {
    ctrl_c: Option<tokio::signal::windows::CtrlC>,
    ctrl_break: Option<tokio::signal::windows::CtrlBreak>,
    close: Option<tokio::signal::windows::CtrlClose>,
    logoff: Option<tokio::signal::windows::CtrlLogoff>,
    shutdown: Option<tokio::signal::windows::CtrlShutdown>,
}

#[cfg(windows)]
impl Signals {
    fn new() -> Self {
        use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_logoff, ctrl_shutdown};
        Self {
            ctrl_c: ctrl_c().ok(),
            ctrl_break: ctrl_break().ok(),
            close: ctrl_close().ok(),
            logoff: ctrl_logoff().ok(),
            shutdown: ctrl_shutdown().ok(),
        }
    }

    async fn next(&mut self) -> Interrupt {
        macro_rules! heard {
            ($signal:expr) => {
                async {
                    match &mut $signal {
                        Some(signal) => _ = signal.recv().await,
                        None => std::future::pending().await,
                    }
                }
            };
        }
        tokio::select! {
            () = heard!(self.ctrl_c) => Interrupt::CtrlC,
            () = heard!(self.ctrl_break) => Interrupt::Shutdown,
            () = heard!(self.close) => Interrupt::Shutdown,
            () = heard!(self.logoff) => Interrupt::Shutdown,
            () = heard!(self.shutdown) => Interrupt::Shutdown,
        }
    }
}

/// Keeps the process alive when a file would grow past the limit of `ulimit -f`: the write fails instead, and its error says
/// so. Must be called within a runtime.
#[cfg(unix)]
pub(crate) fn outlive_file_size_limit() {
    use tokio::signal::unix::{SignalKind, signal};
    // The handler stays when this is dropped. If it cannot be set, the system's own rule holds.
    drop(signal(SignalKind::from_raw(libc::SIGXFSZ)));
}
