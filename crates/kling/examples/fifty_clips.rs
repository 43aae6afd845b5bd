//! Makes fifty clips of one image, at most ten at a time, and saves them in `clips`. **This costs money, once a clip.**
//!
//! A second run submits only the clips that have no job yet.
//!
//! ```sh
//! RUNCOMFY_API_TOKEN=… cargo run -p kling --example fifty_clips
//! ```
#![allow(clippy::print_stdout, reason = "an example prints")]

use kling::models::kling_1_6_pro_image_to_video::{Input, Kling16ProImageToVideo};
use kling::{Client, CompletedJob, Image, JobSet, JobUpdate};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::from_env()?;
    let image = Image::file("examples/start.jpg")?;
    let mut set = JobSet::new(&client).with_max_unfinished(10);
    for take in 1..=50 {
        let prompt = format!("slow dolly-in, leaves moving, take {take}");
        set.run(take, &Input::builder().image_url(image.clone()).prompt(prompt).build()?);
    }
    let mut failed = 0;
    while let Some(event) = set.next().await {
        let JobUpdate::Done(outcome) = event.update else { continue };
        match save(event.key, outcome).await {
            Ok(path) => println!("take {}: {path}", event.key),
            Err(error) => {
                failed += 1;
                println!("take {}: {error}", event.key);
            }
        }
    }
    if failed == 0 { Ok(()) } else { Err(format!("{failed} of 50 takes have no clip").into()) }
}

async fn save(
    take: u32,
    outcome: Result<CompletedJob<Kling16ProImageToVideo>, kling::Error>,
) -> Result<String, kling::Error> {
    let files = outcome?.save_as(format!("clips/take-{take}.mp4")).await?;
    Ok(files[0].path.display().to_string())
}
