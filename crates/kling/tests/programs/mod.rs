//! A simulator and a folder, and the examples as programs that run in it.
#![allow(dead_code, reason = "each test file uses a part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use kling::{Client, ClientBuilder, Token};
use kling_sim::{Call, Sim};
use tempfile::TempDir;

pub(crate) struct Workplace {
    pub(crate) sim: Sim,
    folder: TempDir,
}

impl Workplace {
    pub(crate) fn new(sim: kling_sim::Builder) -> Self {
        let (sim, folder) = (sim.start().unwrap(), TempDir::new().unwrap());
        fs::create_dir(folder.path().join("examples")).unwrap();
        fs::copy(repository().join("examples/start.jpg"), folder.path().join("examples/start.jpg")).unwrap();
        Self { sim, folder }
    }

    /// Returns the command of an example. Its working folder, account and journal are those of the workplace.
    pub(crate) fn command(&self, example: &str) -> Command {
        let mut command = Command::new(program(example));
        command
            .current_dir(self.folder.path())
            .env("RUNCOMFY_API_TOKEN", self.sim.token())
            .env("RUNCOMFY_MODEL_API_BASE", self.sim.base_url())
            .env("KLING_JOURNAL", self.journal());
        command
    }

    /// Runs an example to its end.
    pub(crate) fn output(&self, example: &str) -> Output {
        self.command(example).output().unwrap()
    }

    /// Runs an example that must succeed, and returns the lines that it printed.
    pub(crate) fn run(&self, example: &str) -> Vec<String> {
        let output = self.output(example);
        assert!(output.status.success(), "{example}: {output:?}");
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    /// Returns a builder of a client of the same account and journal.
    pub(crate) fn builder(&self) -> ClientBuilder {
        let token = Token::new(self.sim.token()).unwrap();
        Client::builder().token(token).base(self.sim.base_url().parse().unwrap()).journal(self.journal())
    }

    /// Returns the sorted names of the clips below a folder. Each must be an MP4 file.
    pub(crate) fn clips(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path().join(folder)).into_iter().flatten();
        let files = entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension() == Some("mp4".as_ref()));
        let mut names: Vec<_> = files.map(|path| mp4_name(&path)).collect();
        names.sort();
        names
    }

    pub(crate) fn calls(&self, call: Call) -> usize {
        self.sim.requests().iter().filter(|recorded| recorded.call == call).count()
    }

    fn journal(&self) -> PathBuf {
        self.folder.path().join("journal.db")
    }
}

fn mp4_name(path: &Path) -> String {
    assert_eq!(fs::read(path).unwrap().get(4..8), Some(b"ftyp".as_slice()), "{path:?}");
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

/// Returns the program of an example, which cargo builds beside the tests.
fn program(example: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(Path::parent).unwrap().join("examples");
    let program = folder.join(example).with_extension(std::env::consts::EXE_EXTENSION);
    assert!(program.exists(), "no {program:?}: run `cargo build -p kling --all-features --examples`");
    program
}

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Waits until a condition holds, for at most a minute.
pub(crate) fn until(mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(60), "the condition did not hold within a minute");
        std::thread::sleep(Duration::from_millis(5));
    }
}
