//! Runs a model that is not compiled in. The live catalog's schema checks the input. **This costs money, once.**
//!
//! ```sh
//! RUNCOMFY_API_TOKEN=… cargo run -p kling --example any_model
//! ```
#![allow(clippy::print_stdout, reason = "an example prints")]

use kling::{Client, Image};
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), kling::Error> {
    let client = Client::from_env()?;
    let model = "wan-ai/wan-3.0/image-to-video".parse()?;
    let image = Image::file("examples/start.jpg")?;
    let input =
        json!({ "image_url": image.reference(), "prompt": "slow dolly-in, leaves moving", "duration": 5 });
    let files = client.run_json(&model, &input).await?.save("clips").await?;
    println!("saved {}", files[0].path.display());
    Ok(())
}
