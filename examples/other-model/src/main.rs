//! `cargo run -- https://example.com/start.jpg`, with the token in `RUNCOMFY_API_TOKEN`.

use kling::blocking::Client;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let image_url = std::env::args().nth(1).ok_or("the URL of a start image is missing")?;
    let input = other_model::input(&image_url)?;
    let output = other_model::generate(&Client::from_env()?, &input)?;
    for url in output.urls() {
        println!("{url}");
    }
    Ok(())
}
