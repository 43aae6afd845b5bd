//! Resumes the jobs that an earlier program left, and saves their clips. Makes no new job and costs nothing.
//!
//! ```sh
//! RUNCOMFY_API_TOKEN=… cargo run -p kling --example resume
//! ```
#![allow(clippy::print_stderr, clippy::print_stdout, reason = "an example prints")]

use kling::Client;

#[tokio::main]
async fn main() -> Result<(), kling::Error> {
    let client = Client::from_env()?;
    for job in client.unfinished().await? {
        let Ok(completed) = job.await.inspect_err(|error| eprintln!("{error}")) else { continue };
        let files = completed.save("clips").await?;
        println!("saved {}", files[0].path.display());
    }
    for submit in client.unknown_outcomes().await? {
        println!("{} may be billed, see the account's history: {}", submit.model(), submit.message());
    }
    Ok(())
}
