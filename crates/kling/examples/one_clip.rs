//! Makes a clip of one image and saves it as `clip.mp4`. **This costs money, once**: a second run resumes the same job.
//!
//! ```sh
//! RUNCOMFY_API_TOKEN=… cargo run -p kling --example one_clip
//! ```
#![allow(clippy::print_stdout, reason = "an example prints")]

use kling::{Client, Image, models::kling_1_6_pro_image_to_video::Input};

#[tokio::main]
async fn main() -> Result<(), kling::Error> {
    let client = Client::from_env()?;
    let image = Image::file("examples/start.jpg")?;
    let input = Input::builder().image_url(image).prompt("slow dolly-in, leaves moving").build()?;
    let files = client.run(&input).await?.save_as("clip.mp4").await?;
    println!("saved {}", files[0].path.display());
    Ok(())
}
