//! One job with default settings, for `benches/peers`: `one_job async|blocking submit|wait BASE`.

use std::error::Error;
use std::process::ExitCode;

use kling_poll::WaitOptions;
use kling_transport::{Client, Settings, Token, blocking};
use kling_types::models::kling_1_6_pro_image_to_video::Input;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [shell, action, base] = arguments.as_slice() else {
        return said("one_job async|blocking submit|wait BASE");
    };
    let waits = action == "wait";
    let ended = if shell == "async" { in_async(base, waits) } else { in_blocking(base, waits) };
    ended.map_or_else(|error| said(&error.to_string()), |()| ExitCode::SUCCESS)
}

fn in_async(base: &str, waits: bool) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = Client::new(settings(base)?)?;
        let job = client.submit(&input()?).await.into_result()?;
        if waits {
            kling_poll::wait(&client, &job, &WaitOptions::default(), |_| {}).await?;
        }
        Ok(())
    })
}

fn in_blocking(base: &str, waits: bool) -> Result<(), Box<dyn Error>> {
    let client = blocking::Client::new(settings(base)?)?;
    let job = client.submit(&input()?).into_result()?;
    if waits {
        kling_poll::blocking::wait(&client, &job, &WaitOptions::default(), |_| {})?;
    }
    Ok(())
}

fn settings(base: &str) -> Result<Settings, Box<dyn Error>> {
    let token = Token::new(std::env::var("PEER_KEY")?)?;
    Ok(Settings::new(token).with_base(base.parse()?))
}

fn input() -> Result<Input, Box<dyn Error>> {
    Ok(Input::builder().image_url("https://example.com/start.jpg").build()?)
}

fn said(words: &str) -> ExitCode {
    eprintln!("{words}");
    ExitCode::FAILURE
}
