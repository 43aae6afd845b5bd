//! From a checked input to files on disk: what every command that makes something has in common.

use kling::ModelId;
use serde_json::{Value, json};

use crate::arguments::{AtEnd, Making};
use crate::connection::Connection;
use crate::console::{Answer, Console};
use crate::exit::Stop;
use crate::interrupts::Interrupts;
use crate::live::Live;
use crate::pictures::Report;
use crate::target::Target;
use crate::{submitting, waiting};

/// What is to be made: an input that keeps every rule, and where its files go.
pub(crate) struct Order {
    pub(crate) model: ModelId,
    pub(crate) body: Value,
    pub(crate) report: Report,
    pub(crate) target: Target,
}

/// Submits, waits, downloads. **This costs money**, once.
pub(crate) async fn make(
    connection: &Connection,
    making: &Making,
    order: Order,
    console: Console,
) -> Result<Answer, Stop> {
    let Order { model, body, report, target } = order;
    report.warn(console);
    if connection.is_simulated {
        console.say(
            "SIMULATED: a simulator inside this program answers; nothing is generated and nothing costs",
        );
    }

    target.prepare().map_err(Stop::before_submit)?;
    let client = connection.client.clone().with_output_path(target.noted());
    let mut interrupts = Interrupts::new(making.patience.interrupting, AtEnd::Cancel);
    let live = Live::new(console);
    let job = submitting::submit(&client, &model, body, &live, &mut interrupts).await?;
    let mut json = json!({
        "simulated": connection.is_simulated, "model": model.as_str(), "request_id": job.id().as_str(),
        "checks": report.json(),
    });
    if let Some(warning) = job.warning() {
        json["warning"] = warning.into();
    }
    if making.no_wait {
        json["status"] = "submitted".into();
        return Ok(Answer { text: job.id().to_string(), json });
    }
    let patience = &making.patience;
    let _lock = waiting::lock(&client, job.id());
    let finished = waiting::wait(&client, &job, patience, &live, &mut interrupts).await?;
    let saved = waiting::download(&client, &finished, &target, patience, &live, &mut interrupts).await?;
    json["status"] = "succeeded".into();
    json["output"] = finished.output();
    json["cost_usd"] = finished.cost_usd().into();
    let reply = finished.reply();
    if let Some(warning) = &reply.warning {
        json["warning"] = (**warning).into();
    }
    if let Some(error) = &reply.error {
        json["error"] = error.clone();
    }
    json["files"] = saved.iter().map(waiting::Saved::json).collect();
    let text = saved.iter().map(|file| file.path.as_str()).collect::<Vec<_>>().join("\n");
    Ok(Answer { text, json })
}

impl Making {
    /// The way to the API that is asked for, where a submit is noted unless that is turned off.
    #[cfg(feature = "offline")]
    pub(crate) fn connect(&self, console: Console) -> Result<Connection, Stop> {
        if self.offline { Connection::offline() } else { Connection::paying(&self.noting, console) }
    }

    /// The way to the API, where a submit is noted unless that is turned off.
    #[cfg(not(feature = "offline"))]
    pub(crate) fn connect(&self, console: Console) -> Result<Connection, Stop> {
        Connection::paying(&self.noting, console)
    }

    #[cfg(feature = "offline")]
    pub(crate) const fn is_offline(&self) -> bool {
        self.offline
    }

    #[cfg(not(feature = "offline"))]
    pub(crate) const fn is_offline(&self) -> bool {
        false
    }
}
