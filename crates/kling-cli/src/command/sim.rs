//! `kling sim`: the simulator for any client, until Ctrl-C.

use serde_json::json;

use crate::arguments::{Interrupting, OnInterrupt, Sim};
use crate::console::{CliError, Console, ExitStatus, Output};
use crate::interrupts::Interrupts;

pub(crate) async fn run(arguments: &Sim, console: Console) -> Result<Output, CliError> {
    let mut builder = kling_sim::Sim::builder().port(arguments.port).speed(arguments.speed).any_token();
    if let Some(folder) = &arguments.schemas {
        builder = builder.schemas_dir(folder);
    }
    let sim = builder
        .start()
        .map_err(|error| CliError::new(ExitStatus::Usage, format!("cannot start the simulator: {error}")))?;
    console.note("SIMULATED: this is not RunComfy; nothing is generated or billed");
    console.note(format!("  export RUNCOMFY_MODEL_API_BASE={}", sim.base_url()));
    console.note(format!("  export RUNCOMFY_API_TOKEN={}    (any token works)", sim.token()));
    console.note("press Ctrl-C to stop");
    Interrupts::new(Interrupting { on_interrupt: None }, OnInterrupt::Leave).next().await;
    let billed = sim.billed().len();
    let json = json!({ "simulated": true, "base_url": sim.base_url(), "billed": billed });
    Ok(Output { text: format!("billed requests, if this were RunComfy: {billed}"), json })
}
