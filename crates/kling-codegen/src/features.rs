//! One cargo feature per model, in a marked region of a manifest.

use std::fs;
use std::path::Path;

use crate::Error;
use crate::plan::Plan;

const OPEN: &str = "# <generated-features>\n";
const CLOSE: &str = "# </generated-features>\n";

/// The manifest with its marked region brought up to date.
pub(crate) fn feature_region(
    manifest: &Path,
    plans: &[Plan<'_>],
    dependency: Option<&str>,
) -> Result<String, Error> {
    let text = fs::read_to_string(manifest).map_err(|error| Error::io(manifest, &error))?;
    let missing = || Error::io(manifest, &std::io::Error::other(format!("found no region {}", OPEN.trim())));
    let (before, rest) = text.split_once(OPEN).ok_or_else(missing)?;
    let (_, after) = rest.split_once(CLOSE).ok_or_else(missing)?;
    Ok(format!("{before}{OPEN}{}{CLOSE}{after}", features(plans, dependency)))
}

fn features(plans: &[Plan<'_>], dependency: Option<&str>) -> String {
    let names: Vec<String> = plans.iter().map(|plan| format!("    {:?},\n", plan.feature)).collect();
    let mut region = format!("# Every model.\nall-models = [\n{}]\n", names.concat());
    for plan in plans {
        let needs =
            dependency.map(|dependency| format!("\"{dependency}/{}\"", plan.feature)).unwrap_or_default();
        region += &format!("# {}\n{} = [{needs}]\n", plan.schema.id, plan.feature);
    }
    region
}
