//! Ctrl-C, and the other signals that end a program.

use std::future::poll_fn;
use std::task::{Context, Poll};

use crate::arguments::{InterruptArgs, OnInterrupt};

/// Listens for signals from its creation, also between two waits.
pub(crate) struct Interrupts {
    chosen: Option<OnInterrupt>,
    choice: OnInterrupt,
    were_heard: bool,
    signals: Signals,
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
            signals: Signals::new(),
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
        let interrupt = self.signals.next().await;
        if interrupt == Interrupt::Shutdown {
            self.choice = self.chosen.unwrap_or(OnInterrupt::Leave);
        }
        self.were_heard = true;
        interrupt
    }
}

/// Polls for one signal of the system.
type Listener = Box<dyn FnMut(&mut Context<'_>) -> Poll<Option<()>> + Send>;

/// The signals that this process listens for. A signal that cannot be listened for is left out.
struct Signals(Vec<(Interrupt, Listener)>);

impl Signals {
    async fn next(&mut self) -> Interrupt {
        let poll = |context: &mut Context<'_>| {
            let heard = self
                .0
                .iter_mut()
                .find_map(|(interrupt, poll)| poll(context).is_ready().then_some(*interrupt));
            heard.map_or(Poll::Pending, Poll::Ready)
        };
        poll_fn(poll).await
    }

    #[cfg(unix)]
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [
            (Interrupt::CtrlC, SignalKind::interrupt()),
            (Interrupt::Shutdown, SignalKind::hangup()),
            (Interrupt::Shutdown, SignalKind::quit()),
            (Interrupt::Shutdown, SignalKind::terminate()),
        ];
        let heard = kinds.into_iter().filter(|(_, kind)| !is_ignored(*kind));
        let listen = |(interrupt, kind)| {
            let mut signal = signal(kind).ok()?;
            Some((
                interrupt,
                Box::new(move |context: &mut Context<'_>| signal.poll_recv(context)) as Listener,
            ))
        };
        Self(heard.filter_map(listen).collect())
    }

    #[cfg(windows)]
    fn new() -> Self {
        use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_logoff, ctrl_shutdown};
        let mut listeners: Vec<(Interrupt, Listener)> = Vec::new();
        macro_rules! listen {
            ($interrupt:ident, $signal:expr) => {
                if let Ok(mut signal) = $signal {
                    listeners.push((
                        Interrupt::$interrupt,
                        Box::new(move |context: &mut Context<'_>| signal.poll_recv(context)),
                    ));
                }
            };
        }
        listen!(CtrlC, ctrl_c());
        listen!(Shutdown, ctrl_break());
        listen!(Shutdown, ctrl_close());
        listen!(Shutdown, ctrl_logoff());
        listen!(Shutdown, ctrl_shutdown());
        Self(listeners)
    }
}

/// Whether the program was started with a signal ignored, as `nohup` does with SIGHUP. Only Linux tells.
#[cfg(unix)]
fn is_ignored(kind: tokio::signal::unix::SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    mask >> (kind.as_raw_value() - 1) & 1 == 1
}

/// Makes a write past the limit of `ulimit -f` fail, instead of ending the process. Must be called within a runtime.
#[cfg(unix)]
pub(crate) fn outlive_file_size_limit() {
    use tokio::signal::unix::{SignalKind, signal};
    // The handler stays when this is dropped. If it cannot be set, the system's own rule holds.
    drop(signal(SignalKind::from_raw(libc::SIGXFSZ)));
}
