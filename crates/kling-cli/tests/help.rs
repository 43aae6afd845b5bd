//! What people read when they ask for help.

mod program;

use program::Program;

#[test]
fn help_is_worth_reading() {
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
            ended.stdout
        );
    }
}
