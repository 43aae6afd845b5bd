//! The server as a process of its own, so that neither side of a comparison pays for it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

use kling_bench_waiting::server;

use crate::{TransportError, clock};

/// The server's process.
pub(crate) struct Server {
    child: Child,
    lines: BufReader<ChildStdout>,
    /// Where it listens.
    pub(crate) address: String,
}

impl Server {
    pub(crate) fn start(pause: u64) -> Result<Self, TransportError> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command
            .args(["serve", &pause.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("no output")?);
        let mut address = String::new();
        lines.read_line(&mut address)?;
        Ok(Self { child, lines, address: address.trim().to_owned() })
    }

    /// Ends it, and tells what it saw.
    pub(crate) fn stop(&mut self) -> Result<String, TransportError> {
        drop(self.child.stdin.take());
        let mut seen = String::new();
        self.lines.read_line(&mut seen)?;
        self.child.wait()?;
        Ok(seen.trim().to_owned())
    }
}

/// Serves until the other side of standard input is gone.
pub(crate) fn serve(pause: Duration) -> Result<(), TransportError> {
    let (address, seen) = server::start(pause, clock::draw)?;
    println!("{address}");
    std::io::stdin().read_line(&mut String::new())?;
    let (requests, kept) = (seen.requests.load(Ordering::Relaxed), seen.kept.load(Ordering::Relaxed));
    println!(
        "most connections {}, each request kept {:.1} ms",
        seen.most_open.load(Ordering::Relaxed),
        kept as f64 / 1000.0 / requests as f64
    );
    Ok(std::io::stdout().flush()?)
}
