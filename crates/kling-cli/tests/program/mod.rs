//! The program as a user runs it: a process with arguments, an environment and a folder of its own.
#![allow(dead_code, reason = "each test file uses a part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use kling_sim::Sim;
use serde_json::Value;
use tempfile::TempDir;

pub(crate) const TOKEN: &str = "rc-secret-0123456789";

/// The current folder, the state folder, and the environment of the program.
pub(crate) struct Program {
    folder: TempDir,
    state: TempDir,
    variables: Vec<(&'static str, String)>,
}

impl Program {
    /// Without a token.
    pub(crate) fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), state: TempDir::new().unwrap(), variables: Vec::new() }
    }

    /// With a simulator in the place of the API.
    pub(crate) fn at(sim: &Sim) -> Self {
        Self::new().with("RUNCOMFY_MODEL_API_BASE", sim.base_url()).with("RUNCOMFY_TOKEN", sim.token())
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.state.path().join("kling/journal.db")
    }

    /// The file of the durations of jobs, beside the journal.
    pub(crate) fn durations(&self) -> PathBuf {
        self.journal().with_extension("durations.json")
    }

    /// Everything that the journal's file holds, while no process has it open.
    pub(crate) fn journal_text(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.journal()).unwrap()).into_owned()
    }

    pub(crate) fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Returns the jobs that `kling jobs` lists.
    pub(crate) fn jobs(&self) -> Vec<Value> {
        let ended = self.run(&["jobs", "--json", "--all"]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        ended.json()["jobs"].as_array().unwrap().clone()
    }

    /// Returns the states of the jobs that `kling jobs` lists.
    pub(crate) fn states(&self) -> Vec<String> {
        self.jobs().iter().map(|job| job["state"].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kling"));
        command.args(arguments);
        self.prepared(command)
    }

    /// The program as a shell starts it that ran some commands before.
    #[cfg(unix)]
    pub(crate) fn command_after(&self, commands: &str, arguments: &[&str]) -> Command {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &format!("{commands}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_kling")]);
        shell.args(arguments);
        self.prepared(shell)
    }

    fn prepared(&self, mut command: Command) -> Command {
        command.current_dir(self.folder()).env_clear();
        command.env("XDG_STATE_HOME", self.state.path());
        command.envs(self.variables.iter().map(|(name, value)| (*name, value.as_str())));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        Self::run_command(self.command(arguments))
    }

    pub(crate) fn run_command(mut command: Command) -> Ended {
        Ended::new(command.output().unwrap())
    }

    /// Starts it with no signal ignored, however the tests were started.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        if cfg!(not(target_os = "linux")) {
            return Self::start_command(self.command(arguments));
        }
        let mut command = Command::new("/usr/bin/env");
        command.args(["--default-signal=HUP,INT,QUIT,TERM", env!("CARGO_BIN_EXE_kling")]).args(arguments);
        Self::start_command(self.prepared(command))
    }

    pub(crate) fn start_command(mut command: Command) -> Running {
        Running(command.spawn().unwrap())
    }
}

/// A process that runs.
pub(crate) struct Running(Child);

impl Running {
    /// Reads stderr line by line until one starts with `text`; returns the rest of that line.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        use std::io::Read;
        let stderr = self.0.stderr.as_mut().unwrap();
        let (mut seen, mut byte) = (Vec::new(), [0]);
        while stderr.read(&mut byte).unwrap() == 1 {
            seen.push(byte[0]);
            let text_so_far = String::from_utf8_lossy(&seen);
            let last = text_so_far.lines().last().unwrap_or_default();
            if let (b'\n', Some(rest)) = (byte[0], last.trim_start().strip_prefix(text)) {
                return rest.to_owned();
            }
        }
        panic!("ended without {text:?}: {}", String::from_utf8_lossy(&seen));
    }

    /// Presses Ctrl-C.
    pub(crate) fn interrupt(&self) {
        self.signal("-INT");
    }

    /// Asks it to end, as a machine that shuts down does.
    pub(crate) fn terminate(&self) {
        self.signal("-TERM");
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.0.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Ends it at once, as `kill -9` does.
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }

    pub(crate) fn end(self) -> Ended {
        Ended::new(self.0.wait_with_output().unwrap())
    }
}

/// Waits for a condition, for a minute at most.
pub(crate) fn until(mut is_there: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_there() {
        assert!(started.elapsed() < Duration::from_secs(60), "it did not come within a minute");
        std::thread::yield_now();
    }
}

/// A process that ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn new(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let ended = Self {
            code: output.status.code().expect("it ended by itself"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        };
        for stream in [&ended.stdout, &ended.stderr] {
            assert!(!stream.contains(TOKEN), "the token was printed");
        }
        ended
    }

    /// Both streams and the exit code, for a snapshot.
    pub(crate) fn shown(&self) -> String {
        format!("{}{}exit {}", self.stdout, self.stderr, self.code)
    }

    /// The one JSON object on stdout.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// The picture that comes with the project.
pub(crate) fn photo() -> String {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/start.jpg").to_str().unwrap().to_owned()
}

/// The schemas of models that are not compiled in.
pub(crate) fn schemas() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/schemas").to_owned()
}

/// The folder of `FROZEN`.
pub(crate) fn fixtures() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../kling-types/fixtures").to_owned()
}

/// A model whose schemas never change, so that tests can state its bounds: it is in no catalog but a simulator's.
pub(crate) const FROZEN: &str = "made-up/frozen";

/// The model that is meant if no other is named.
pub(crate) fn default_model() -> &'static kling::models::ModelInfo {
    kling::models::find("kling/kling-1-6/pro/image-to-video").unwrap()
}

/// What the schema of the default model says of one input.
pub(crate) fn property(name: &str) -> Value {
    serde_json::from_str::<Value>(default_model().input_schema).unwrap()["properties"][name].clone()
}

/// Returns an image of a header and an end.
pub(crate) fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend(b"\x08\x02\0\0\0\0\0\0\0");
    bytes.extend(b"\0\0\0\0IEND\xae\x42\x60\x82");
    bytes
}
