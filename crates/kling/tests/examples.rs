//! The examples as programs against the simulator: their files, their lines and their bills.
#![cfg(all(
    feature = "async",
    feature = "blocking",
    feature = "journal",
    feature = "kling-1-6",
    feature = "testing"
))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod programs;

use std::fs;

use kling::ErrorKind;
use kling::models::kling_1_6_pro_image_to_video::Input;
use kling_sim::{Call, Fault, Sim};
use programs::{Workplace, repository};

fn fast() -> kling_sim::Builder {
    Sim::builder().speed(200.0)
}

#[test]
fn each_task_takes_at_most_ten_lines() {
    let kling =
        ["any_model", "one_clip", "one_clip_blocking", "resume"].map(|name| format!("kling/examples/{name}"));
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

#[tokio::test]
async fn resume_saves_the_jobs_that_were_left_and_names_unknown_outcomes() {
    let place = Workplace::new(fast());
    let input =
        |prompt| Input::builder().image_url("https://example.com/start.jpg").prompt(prompt).build().unwrap();
    {
        let client = place.builder().build().unwrap();
        for prompt in ["the first", "the second"] {
            client.submit(&input(prompt)).await.unwrap();
        }
        place.sim.fail_next_job("the image is empty");
        client.submit(&input("the third")).await.unwrap();
        place.sim.fault_next(Call::Submit, Fault::DropProcessed);
        let error = client.submit(&input("the fourth")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownOutcome);
    }
    let lines = place.run("resume");
    let count = |word| lines.iter().filter(|line| line.contains(word)).count();
    assert_eq!((lines.len(), count("saved"), count("may be billed")), (3, 2, 1), "{lines:?}");
    assert_eq!((place.sim.billed().len(), place.clips("clips").len()), (4, 2));
    assert_eq!(place.run("resume").len(), 1, "only the unknown outcome is left");
}

#[test]
fn fifty_clips_are_fifty_files_and_fifty_bills_also_after_a_second_run() {
    let place = Workplace::new(fast().concurrency(10));
    for _ in 0..2 {
        assert_eq!(place.run("fifty_clips").len(), 50);
        assert_eq!((place.sim.billed().len(), place.clips("clips").len()), (50, 50));
    }
}

#[test]
fn the_program_with_faults_ends_well() {
    let place = Workplace::new(fast());
    assert_eq!(place.run("faults"), ["the program survives its faults"]);
}
