//! Makes a clip as `one_clip` does, without an async runtime. **This costs money, once.**
//!
//! ```sh
//! RUNCOMFY_API_TOKEN=… cargo run -p kling --features blocking --example one_clip_blocking
//! ```
#![allow(clippy::print_stdout, reason = "an example prints")]

use kling::{Image, blocking::Client, models::kling_1_6_pro_image_to_video::Input};

fn main() -> Result<(), kling::Error> {
    let client = Client::from_env()?;
    let image = Image::file("examples/start.jpg")?;
    let input = Input::builder().image_url(image).prompt("slow dolly-in, leaves moving").build()?;
    let files = client.run(&input)?.save_as("clip.mp4")?;
    println!("saved {}", files[0].path.display());
    Ok(())
}
