//! `cargo xtask public-api`: the public items of each library, one a line, kept in `docs/public-api`.
//!
//! The items come from the documentation in JSON, an unstable output of rustdoc. This program takes the place of rustdoc in
//! cargo and allows the output there only. An environment variable for all of cargo would make it build everything again.

use std::path::Path;
use std::process::{Command, ExitCode};

use crate::programs;

/// Tells this program that cargo runs it as rustdoc.
const AS_RUSTDOC: &str = "XTASK_AS_RUSTDOC";

/// Runs rustdoc with the arguments of this program, if cargo asked for it.
pub(crate) fn run_as_rustdoc() -> Option<ExitCode> {
    std::env::var_os(AS_RUSTDOC)?;
    let mut rustdoc = Command::new("rustdoc");
    rustdoc.args(std::env::args_os().skip(1)).env("RUSTC_BOOTSTRAP", "1");
    Some(rustdoc.status().map_or(ExitCode::FAILURE, programs::exit_code))
}

/// Runs `cargo xtask public-api --check` in a build that has the feature.
pub(crate) fn check_in_its_own_build(root: &Path) -> Result<(), String> {
    programs::step(root, "run --quiet --package xtask --features public-api -- public-api --check", &[])
}

/// Not called: the command runs again with the feature first.
#[cfg(not(feature = "public-api"))]
pub(crate) fn run(_: &Path, _: bool) -> Result<(), String> {
    Err("this build cannot read a public API; build xtask with the feature `public-api`".to_owned())
}

#[cfg(feature = "public-api")]
pub(crate) use with_feature::run;

#[cfg(feature = "public-api")]
mod with_feature {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::AS_RUSTDOC;
    use crate::dependencies::{is_library, metadata, published};
    use crate::programs::{self, text};

    /// Writes the public API of each published library, or compares it with its file.
    pub(crate) fn run(root: &Path, check: bool) -> Result<(), String> {
        let metadata = metadata(root)?;
        let target = Path::new(text(&metadata["target_directory"]));
        let folder = root.join("docs/public-api");
        let mut changed = Vec::new();
        for package in published(&metadata).filter(|package| is_library(package)) {
            let name = text(&package["name"]);
            let api = public_api(root, target, name)?;
            let file = folder.join(format!("{name}.txt"));
            let old = fs::read_to_string(&file).unwrap_or_default();
            if old != api {
                print_changes(&old, &api);
                changed.push((file, api));
            }
        }
        match check {
            true => refuse(&changed),
            false => write(&folder, &changed),
        }
    }

    fn refuse(changed: &[(PathBuf, String)]) -> Result<(), String> {
        let names: Vec<_> = changed.iter().filter_map(|(file, _)| file.file_name()?.to_str()).collect();
        if names.is_empty() {
            return Ok(());
        }
        let names = names.join(", ");
        Err(format!(
            "the public API differs from {names}; run `cargo xtask public-api` and commit docs/public-api"
        ))
    }

    fn write(folder: &Path, changed: &[(PathBuf, String)]) -> Result<(), String> {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        for (file, api) in changed {
            fs::write(file, api).map_err(|error| format!("{}: {error}", file.display()))?;
        }
        println!("{} files written", changed.len());
        Ok(())
    }

    /// Returns the options of cargo for the features of a crate.
    fn features(package: &str) -> &'static [&'static str] {
        match package {
            // One family shows the form of all generated models, which would be 4,000 lines.
            "kling-types" => &["--features", "kling-1-6,schemars"],
            _ => &["--all-features"],
        }
    }

    /// Returns the public items of a crate, sorted.
    fn public_api(root: &Path, target: &Path, package: &str) -> Result<String, String> {
        let mut command = programs::cargo(root, ["rustdoc", "--quiet", "--lib", "--package", package]);
        command.args(features(package)).args(["--", "-Z", "unstable-options", "--output-format", "json"]);
        let this = std::env::current_exe().map_err(|error| format!("this program has no path: {error}"))?;
        command.env("RUSTDOC", this).env(AS_RUSTDOC, "1");
        programs::run(&mut command, &format!("the documentation of {package} could not be built"))?;
        let file = target.join("doc").join(format!("{}.json", package.replace('-', "_")));
        let items = public_api::Builder::from_rustdoc_json(&file)
            .omit_auto_derived_impls(true)
            .omit_auto_trait_impls(true)
            .omit_blanket_impls(true)
            .build();
        // The format of the file changes with the compiler.
        items.map(|items| items.to_string()).map_err(|error| {
            format!("{}: {error}; the crate public-api must fit the compiler", file.display())
        })
    }

    /// Prints the lines that only one of two texts has.
    fn print_changes(old: &str, new: &str) {
        let [old, new] = [old, new].map(|text| text.lines().collect::<BTreeSet<_>>());
        old.difference(&new).for_each(|line| println!("-{line}"));
        new.difference(&old).for_each(|line| println!("+{line}"));
    }
}
