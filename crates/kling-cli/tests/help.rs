//! The help of each command.

mod program;

use kling::validation::ModelSchema;
use program::{Program, default_model};

#[test]
fn help_matches_its_snapshots() {
    let commands = [
        "",
        "generate",
        "run",
        "models",
        "models list",
        "models show",
        "models search",
        "models drift",
        "schema",
        "submit",
        "status",
        "result",
        "wait",
        "jobs",
        "jobs settle",
        "resume",
        "cancel",
        "validate",
        "balance",
        "sim",
    ];
    for command in commands {
        let arguments: Vec<&str> =
            command.split(' ').chain(["--help"]).filter(|text| !text.is_empty()).collect();
        let ended = Program::new().with("COLUMNS", "100").run(&arguments);
        assert_eq!(ended.code, 0);
        let name = if command.is_empty() { "help" } else { command };
        insta::assert_snapshot!(
            format!("help_{name}").replace("help_help", "help").replace(' ', "_"),
            without_bounds(&ended.stdout)
        );
    }
}

/// A help without the bounds of the default model, which change with its schema.
fn without_bounds(help: &str) -> String {
    bounds()
        .iter()
        .fold(help.to_owned(), |help, bound| help.replace(bound, ": BOUNDS with the default model"))
}

/// The bounds of the default model, as its schema has them and help says them.
fn bounds() -> [String; 2] {
    let schema = ModelSchema::of(default_model()).unwrap();
    let shape = |name: &str| schema.input.property(name).unwrap().shape.to_string();
    ["duration", "cfg_scale"].map(|name| format!(": {} with the default model", shape(name)))
}

#[test]
fn bounds_in_help_are_those_of_the_schema() {
    let help = Program::new().run(&["generate", "--help"]).stdout;
    for bound in bounds() {
        assert!(help.contains(&bound), "{bound}: {help}");
    }
}
