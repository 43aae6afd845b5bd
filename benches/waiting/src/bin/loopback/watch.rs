//! Polls, processor time and memory of this process over a span.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::sync::LazyLock;
use std::time::Instant;

/// `/proc/self/stat` and `/proc/self/status`, opened at the first look: later on connections may have taken every descriptor.
static FILES: LazyLock<(io::Result<File>, io::Result<File>)> =
    LazyLock::new(|| (File::open("/proc/self/stat"), File::open("/proc/self/status")));

fn read(file: &io::Result<File>) -> String {
    let mut text = String::new();
    let read = file.as_ref().ok().map(|mut file| file.rewind().and_then(|()| file.read_to_string(&mut text)));
    // On a system without them all figures are nought.
    drop(read);
    text
}

/// What a span held.
pub(crate) struct Polls {
    pub(crate) a_second: f64,
    /// Microseconds of processor time a poll: of the program, and of the kernel for it.
    pub(crate) cpu: (f64, f64),
    /// While all jobs wait.
    pub(crate) memory: Memory,
}

/// Counts over a span that begins and ends with a number of polls.
pub(crate) struct Watch {
    begun: Instant,
    polls: u64,
    cpu: (f64, f64),
}

impl Watch {
    pub(crate) fn begin(polls: u64) -> Self {
        Self { begun: Instant::now(), polls, cpu: cpu_micros() }
    }

    pub(crate) fn end(&self, polls: u64) -> Polls {
        let (made, now) = ((polls - self.polls) as f64, cpu_micros());
        Polls {
            a_second: made / self.begun.elapsed().as_secs_f64(),
            cpu: ((now.0 - self.cpu.0) / made, (now.1 - self.cpu.1) / made),
            memory: Memory::now(),
        }
    }
}

/// User and system time of this process, from `/proc/self/stat`, whose clock ticks a hundred times a second.
fn cpu_micros() -> (f64, f64) {
    let text = read(&FILES.0);
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
    let mut micros =
        fields.skip(11).filter_map(|ticks| ticks.parse::<f64>().ok()).map(|ticks| ticks * 10_000.0);
    (micros.next().unwrap_or_default(), micros.next().unwrap_or_default())
}

/// Memory of this process, in bytes.
pub(crate) struct Memory {
    /// Heap and stacks.
    pub(crate) anonymous: f64,
    /// The same with the pages of the program's own file that were touched.
    pub(crate) resident: f64,
    /// The most that was ever resident.
    pub(crate) most: f64,
}

impl Memory {
    /// As `/proc/self/status` tells it.
    pub(crate) fn now() -> Self {
        let text = read(&FILES.1);
        let lines: BTreeMap<_, _> = text.lines().filter_map(|line| line.split_once(':')).collect();
        let bytes = |name| {
            let number = lines.get(name).and_then(|value: &&str| value.split_whitespace().next());
            number.and_then(|number| number.parse::<f64>().ok()).unwrap_or_default() * 1024.0
        };
        Self { anonymous: bytes("RssAnon"), resident: bytes("VmRSS"), most: bytes("VmHWM") }
    }
}
