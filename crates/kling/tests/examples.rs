//! The examples as programs against the simulator: their files, their lines and their bills.
#![cfg(all(feature = "async", feature = "blocking", feature = "journal", feature = "kling-1-6"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod programs;

use std::fs;

use kling_sim::Sim;
use programs::{Workplace, repository};

fn fast() -> kling_sim::Builder {
    Sim::builder().speed(200.0)
}

#[test]
fn each_task_takes_at_most_ten_lines() {
    let kling = ["one_clip", "one_clip_blocking"].map(|name| format!("kling/examples/{name}"));
    for name in kling {
        let source = fs::read_to_string(repository().join(format!("crates/{name}.rs"))).unwrap();
        let body = source.lines().skip_while(|line| !line.contains("fn main(")).skip(1);
        let lines = body.take_while(|line| *line != "}").count();
        assert!((1..=10).contains(&lines), "{name}: {lines} lines");
    }
}

#[test]
fn one_clip_is_one_file_and_one_bill_async_and_blocking() {
    for example in ["one_clip", "one_clip_blocking"] {
        let place = Workplace::new(fast());
        assert_eq!(place.run(example), ["saved clip.mp4"]);
        assert_eq!(
            (place.sim.billed().len(), place.clips(".")),
            (1, vec!["clip.mp4".to_owned()]),
            "{example}"
        );
    }
}
