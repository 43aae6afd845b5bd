//! The live catalog, read with the token of the environment.

use std::path::Path;
use std::process::ExitCode;

use serde_json::Value;

use crate::program;

/// Reads the entries of `ids`, or every entry, with their input schemas.
#[cfg(feature = "live")]
pub(crate) fn fetch(ids: &[String]) -> Result<Value, String> {
    use kling_transport::blocking::Client;

    let client = Client::from_env().map_err(|error| error.to_string())?;
    if ids.is_empty() {
        return every_entry(&client).map_err(|error| error.to_string());
    }
    let mut entries = Vec::new();
    for id in ids {
        let model = id.parse().map_err(|error| format!("{id}: {error}"))?;
        entries.push(client.model(&model).map_err(|error| format!("{id}: {error}"))?);
    }
    Ok(serde_json::json!({ "models": entries }))
}

#[cfg(feature = "live")]
fn every_entry(client: &kling_transport::blocking::Client) -> Result<Value, kling_transport::Error> {
    const PAGE: u32 = 500;
    let mut entries = Vec::new();
    loop {
        let offset = u32::try_from(entries.len()).ok();
        let query = kling_transport::ListModels {
            include_schema: Some(true),
            limit: Some(PAGE),
            offset,
            ..kling_transport::ListModels::default()
        };
        let page = client.models(&query)?;
        let models = page["models"].as_array().cloned().unwrap_or_default();
        let total = page["total"].as_u64().unwrap_or_default();
        let is_last = models.is_empty() || (entries.len() + models.len()) as u64 >= total;
        entries.extend(models);
        if is_last {
            return Ok(serde_json::json!({ "models": entries }));
        }
    }
}

/// Never called: a command that needs the live catalog runs in a build that can read it.
#[cfg(not(feature = "live"))]
pub(crate) fn fetch(_: &[String]) -> Result<Value, String> {
    Err("this build cannot read the live catalog; build xtask with the feature `live`".to_owned())
}

/// Runs this very command in a build that can read the live catalog, where this one cannot.
pub(crate) fn rerun() -> Option<Result<ExitCode, String>> {
    if cfg!(feature = "live") {
        return None;
    }
    let arguments = ["run", "--quiet", "--package", "xtask", "--features", "live", "--"];
    // From where the person is: a file that the command names lies there.
    let ended = program::cargo(Path::new("."), arguments).args(std::env::args_os().skip(1)).status();
    let code = |status: std::process::ExitStatus| {
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        code.map_or(ExitCode::FAILURE, ExitCode::from)
    };
    Some(ended.map(code).map_err(|error| format!("cargo: {error}")))
}
