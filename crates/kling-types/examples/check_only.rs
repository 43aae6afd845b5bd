//! Checks an input without a client, a network or an account, and prints every violation.
//!
//! ```sh
//! cargo run -p kling-types --features kling-1-6 --example check_only
//! ```
#![allow(clippy::print_stdout, reason = "an example prints")]

use kling_types::{ModelInput, models::kling_1_6_pro_image_to_video::Input};
use serde_json::json;

fn main() {
    let input =
        json!({ "image_uri": "https://example.com/start.jpg", "prompt": "slow dolly-in", "duration": 0 });
    match Input::validate_json(&input) {
        Ok(()) => println!("valid"),
        Err(violations) => violations.iter().for_each(|violation| println!("{violation}")),
    }
}
