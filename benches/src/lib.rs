//! Contenders timed side by side in one run: ratios mean something on a noisy machine, nanoseconds do not.

mod photo;
mod server;

use std::hint::black_box;
use std::time::{Duration, Instant};

pub use photo::photo;
pub use server::serve;

/// How many rounds each contender runs in, one after the other within a round.
const ROUNDS: usize = 501;
/// How long one contender runs in one round.
const TURN: Duration = Duration::from_micros(200);

/// Work of one kind, done by several contenders; the first is ours.
pub struct Comparison<'a> {
    title: &'static str,
    contenders: Vec<Contender<'a>>,
}

struct Contender<'a> {
    name: &'static str,
    work: Box<dyn FnMut() + 'a>,
}

impl<'a> Comparison<'a> {
    /// A comparison without contenders.
    #[must_use]
    pub const fn new(title: &'static str) -> Self {
        Self { title, contenders: Vec::new() }
    }

    /// Adds a contender; what `work` returns is kept from being optimised away.
    #[must_use]
    pub fn with<T>(mut self, name: &'static str, mut work: impl FnMut() -> T + 'a) -> Self {
        // By reference: a move of what was just written would be timed too.
        let work = move || {
            black_box(&work());
        };
        self.contenders.push(Contender { name, work: Box::new(work) });
        self
    }

    /// Runs it, and prints a table: the time of each, the median over all rounds of its ratio to ours within the same
    /// round, and its allocations.
    pub fn print(mut self) {
        println!("\n{}", self.title);
        println!("{:<44} {:>12} {:>10} {:>12}", "", "median", "ratio", "allocations");
        let rounds = rounds(&mut self.contenders);
        for (index, contender) in self.contenders.iter_mut().enumerate() {
            let time = median(rounds.iter().map(|round| round[index]));
            let ratio = median(rounds.iter().map(|round| round[index] / round[0]));
            let allocations = allocation_counter::measure(|| (contender.work)()).count_total;
            println!("{:<44} {:>9.0} ns {ratio:>10.2} {allocations:>12}", contender.name, time * 1e9);
        }
    }
}

/// Seconds for one piece of work, by round and contender.
fn rounds(contenders: &mut [Contender<'_>]) -> Vec<Vec<f64>> {
    let turns: Vec<u32> = contenders.iter_mut().map(Contender::calibrate).collect();
    let round =
        |_| contenders.iter_mut().zip(&turns).map(|(contender, &turns)| contender.time(turns)).collect();
    (0..ROUNDS).map(round).collect()
}

impl Contender<'_> {
    /// How often it has to be repeated to fill its turn.
    fn calibrate(&mut self) -> u32 {
        let mut repeats = 1;
        while self.time(repeats) * f64::from(repeats) < TURN.as_secs_f64() && repeats < 1 << 24 {
            repeats *= 2;
        }
        repeats
    }

    /// Seconds for one piece of work, over so many.
    fn time(&mut self, repeats: u32) -> f64 {
        let start = Instant::now();
        for _ in 0..repeats {
            (self.work)();
        }
        start.elapsed().as_secs_f64() / f64::from(repeats)
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
