//! A model of another maker, typed: Wan 3.0, from the schema in `schemas/`.

use kling::blocking::{Client, wait};
use kling::{Violations, WaitOptions};

include!(concat!(env!("OUT_DIR"), "/models/mod.rs"));

use wan_ai_wan_3_0_image_to_video::{Input, Output, Resolution};

/// The input of this example, checked before anything is paid.
///
/// # Errors
/// Every rule that it breaks, at once.
pub fn input(image_url: &str) -> Result<Input, Violations> {
    Input::builder()
        .prompt("slow dolly-in, leaves moving")
        .image_url(image_url)
        .resolution(Resolution::R1080p)
        .duration(5)
        .build()
}

/// Submits it once, and waits for its output.
///
/// # Errors
/// What the API refused, or what became of the job.
pub fn generate(client: &Client, input: &Input) -> Result<Output, Box<dyn std::error::Error>> {
    let job = client.submit(input).into_result()?;
    println!("{} is running", job.id());
    let finished = wait(client, &job, &WaitOptions::default(), |update| println!("{update:?}"))?;
    Ok(finished.output())
}
