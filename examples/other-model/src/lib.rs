//! A model of another maker, typed: Wan 3.0, from the schema in `schemas/`.

use kling::Violations;
use kling::blocking::Client;

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

/// Generates the input, once, and returns the output.
///
/// # Errors
/// See [`kling::Error`].
pub fn generate(client: &Client, input: &Input) -> Result<Output, kling::Error> {
    let completed = client.run(input)?;
    println!("{} is over", completed.id());
    Ok(completed.into_output())
}
