//! Tests a program against faults: a simulator whose calls fail, and a transport of scripted replies. Costs nothing.
//!
//! ```sh
//! cargo run -p kling --features testing --example faults
//! ```
#![allow(clippy::print_stdout, reason = "an example prints")]

use kling::models::kling_1_6_pro_image_to_video::Input;
use kling::testing::{Fault, ScriptedTransport, Sim, SimCall};
use kling::{Client, Error, ErrorKind, Token};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    a_lost_reply_is_never_paid_twice().await?;
    a_broken_poll_loses_no_job().await?;
    an_empty_account_is_an_error_of_its_own().await?;
    println!("the program survives its faults");
    Ok(())
}

/// The simulator bills the submit, and closes the connection before its reply.
async fn a_lost_reply_is_never_paid_twice() -> Result<(), Box<dyn std::error::Error>> {
    let sim = Sim::builder().speed(200.0).start()?;
    let folder = tempfile::tempdir()?;
    let client = client(&sim)?.journal(folder.path()).build()?;
    sim.fault_next(SimCall::Submit, Fault::DropProcessed);

    let error = client.run(&input()?).await.expect_err("the reply is lost");
    assert_eq!((error.kind(), error.is_money_at_stake()), (ErrorKind::UnknownOutcome, true));
    let error = client.run(&input()?).await.expect_err("an equal request is refused until this is settled");
    assert_eq!(error.kind(), ErrorKind::DuplicateRequest);
    assert_eq!((sim.billed().len(), client.unknown_outcomes().await?.len()), (1, 1));
    Ok(())
}

/// Two polls in a row break, and the client polls again.
async fn a_broken_poll_loses_no_job() -> Result<(), Box<dyn std::error::Error>> {
    let sim = Sim::builder().speed(200.0).start()?;
    let client = client(&sim)?.without_journal().build()?;
    sim.fault_next(SimCall::Status, Fault::ResetInBody);
    sim.fault_next(SimCall::Status, Fault::Html);

    let completed = client.run(&input()?).await?;
    assert_eq!((sim.billed().len(), completed.urls().len()), (1, 1));
    Ok(())
}

/// No socket is involved: the transport replies from its script.
async fn an_empty_account_is_an_error_of_its_own() -> Result<(), Error> {
    let transport = ScriptedTransport::new().reply(400, r#"{"error_code": 400002}"#);
    let builder = Client::builder().token(Token::new("test")?).transport(transport.clone());
    let client = builder.without_journal().build()?;

    let error = client.run(&input()?).await.expect_err("the script has no job");
    assert_eq!((error.kind(), error.is_money_at_stake()), (ErrorKind::InsufficientBalance, false));
    assert_eq!(transport.requests().len(), 1);
    Ok(())
}

fn client(sim: &Sim) -> Result<kling::ClientBuilder, Error> {
    Ok(Client::builder().token(Token::new(sim.token())?).base(sim.base_url().parse()?))
}

fn input() -> Result<Input, Error> {
    Ok(Input::builder().image_url("https://example.com/start.jpg").build()?)
}
