//! The examples as programs against the simulator: their files, their lines and their bills.
#![cfg(all(feature = "async", feature = "blocking", feature = "journal", feature = "kling-1-6"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod programs;

use std::fs;

use kling_sim::{Call, Sim};
use programs::{Workplace, repository};

fn fast() -> kling_sim::Builder {
    Sim::builder().speed(200.0)
}

#[test]
fn each_task_takes_at_most_ten_lines() {
    let kling = ["any_model", "one_clip", "one_clip_blocking"].map(|name| format!("kling/examples/{name}"));
    for name in kling.into_iter().chain(["kling-types/examples/check_only".to_owned()]) {
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

#[test]
fn a_model_that_is_not_compiled_in_is_checked_by_the_live_schema() {
    let schemas = repository().join("examples/other-model/schemas");
    let place = Workplace::new(fast().schemas_dir(schemas));
    place.run("any_model");
    let bills = place.sim.billed();
    assert_eq!((bills.len(), bills[0].model_id.as_str()), (1, "wan-ai/wan-3.0/image-to-video"));
    assert_eq!(place.clips("clips"), [format!("kling-{}.mp4", bills[0].request_id)]);
    assert_eq!(place.calls(Call::Catalog), 1);
}
