//! The journal's share of a submit beside a million entries, and the first page of `kling jobs`.
//!
//! `cargo xtask bench journal` builds the program and runs this. A number of entries may follow.

use std::error::Error;
use std::fs::{self, File};
use std::io::{PipeWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, io, thread};

use kling_journal::{Entry, Event, FinalStatus, Intent, Journal, OnDuplicate, SqliteStore, Store};

type Outcome<T> = Result<T, Box<dyn Error>>;

const ORIGIN: &str = "https://model-api.runcomfy.net";
const MODEL: &str = "kling/kling-1-6/pro/image-to-video";

/// Entries in one transaction while the journal is filled.
const STEP: usize = 1000;

/// Jobs of each measurement.
const JOBS: usize = 200;

/// Processes that submit at once.
const PROCESSES: usize = 10;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["submit", path] => submit_and_print(Path::new(path)),
        [] => measure(1_000_000),
        [entries] => measure(entries.parse()?),
        _ => Err("expected a number of entries".into()),
    }
}

fn measure(entries: usize) -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("journal.db");
    let started = Instant::now();
    fill(&path, entries)?;
    println!("{entries} entries, {} MB, filled in {:.1?}", megabytes(&path)?, started.elapsed());
    let sync = median((0..JOBS).map(|_| sync_once(folder.path())).collect::<Outcome<Vec<_>>>()?);
    println!("one sync of 4 kB alone: {sync:.2?}");

    println!("\n{:<40} {:>10} {:>10} {:>10}", "one process, then ten", "median", "p99", "of it sync");
    let first = Instant::now();
    let journal = Journal::open(&path)?;
    println!("{:<40} {:>10.2?}", "open", first.elapsed());
    let shares = submits(&journal, JOBS)?;
    row("a submit: intent and request id", &shares, 2 * sync);
    drop(journal);
    row("the same, ten processes at once", &ten_processes(&path)?, 2 * sync);
    let journal = Arc::new(Journal::open(&path)?);
    let started = Instant::now();
    let threads: Vec<_> = (0..64)
        .map(|_| {
            let journal = Arc::clone(&journal);
            thread::spawn(move || submits(&journal, JOBS / 2).map_err(|error| error.to_string()))
        })
        .collect();
    for thread in threads {
        thread.join().map_err(|_| "a thread panicked")??;
    }
    let jobs = (64 * JOBS / 2) as f64 / started.elapsed().as_secs_f64();
    println!("{:<40} {jobs:>10.0} jobs a second", "64 threads of one process");
    drop(journal);
    page(&path)
}

/// Fills a journal with saved jobs, one in fifty of which still runs.
fn fill(path: &Path, entries: usize) -> Outcome<()> {
    let store = SqliteStore::open(path)?;
    for start in (0..entries).step_by(STEP) {
        let step: Vec<Entry> = (start..entries.min(start + STEP)).map(entry).collect();
        store.restore(&step)?;
    }
    Ok(())
}

fn entry(number: usize) -> Entry {
    let intent = Intent::new(ORIGIN, MODEL, format!("{number:064x}"))
        .with_account("3f2a9c41d0b7")
        .with_output(format!("/home/somebody/clips/{number}.mp4").as_ref());
    let at = intent.at();
    let mut entry = Entry::new(intent);
    entry.apply(at, &Event::accepted(format!("5e1f09c4-d7aa-4c5e-9e1b-{number:012x}")));
    if !number.is_multiple_of(50) {
        let outputs = [format!("https://outputs.runcomfy.net/{number}/clip.mp4")].into_iter().collect();
        let status = FinalStatus::Succeeded;
        entry.apply(at, &Event::Finished { status, outputs, cost_usd: Some(0.35) });
        entry.apply(at, &Event::saved([format!("/home/somebody/clips/{number}.mp4")]));
    }
    entry
}

/// The times of jobs: the intent and the request id together.
fn submits(journal: &Journal, jobs: usize) -> Outcome<Vec<Duration>> {
    let job = |_| {
        let started = Instant::now();
        let unique = Intent::new(ORIGIN, MODEL, "").id().to_string();
        let intent = Intent::new(ORIGIN, MODEL, format!("{unique}{unique}"));
        journal.begin(&intent, OnDuplicate::Reject)?;
        journal.record(intent.id(), &Event::accepted(unique))?;
        Ok(started.elapsed())
    };
    (0..jobs).map(job).collect()
}

fn submit_and_print(path: &Path) -> Outcome<()> {
    let journal = Journal::open(path)?;
    let mut stdout = io::stdout().lock();
    for time in submits(&journal, JOBS)? {
        writeln!(stdout, "{}", time.as_nanos())?;
    }
    Ok(())
}

fn ten_processes(path: &Path) -> Outcome<Vec<Duration>> {
    let start = || Command::new(env::current_exe()?).arg("submit").arg(path).stdout(Stdio::piped()).spawn();
    let children = (0..PROCESSES).map(|_| start()).collect::<io::Result<Vec<_>>>()?;
    let mut times = Vec::new();
    for child in children {
        let output = child.wait_with_output()?;
        let text = String::from_utf8(output.stdout)?;
        times.extend(
            text.lines().map(|line| line.parse().map(Duration::from_nanos)).collect::<Result<Vec<_>, _>>()?,
        );
    }
    if times.len() != PROCESSES * JOBS {
        return Err(format!("{} of {} parallel submits were served", times.len(), PROCESSES * JOBS).into());
    }
    Ok(times)
}

/// Runs `kling jobs` as a user does.
fn page(journal: &Path) -> Outcome<()> {
    let program = env::current_exe()?.with_file_name("kling");
    let jobs = |output: Stdio| {
        let mut command = Command::new(&program);
        command.arg("jobs").env("KLING_JOURNAL", journal).stdout(output).spawn()
    };
    let mut times = Vec::new();
    for _ in 0..20 {
        let started = Instant::now();
        if !jobs(Stdio::null())?.wait()?.success() {
            return Err("kling jobs failed".into());
        }
        times.push(started.elapsed());
    }
    row("kling jobs, the first page", &times, Duration::ZERO);
    // Into a full pipe the program cannot print, so that it can be looked at in the end.
    let (mut reader, writer) = io::pipe()?;
    let mut child = jobs(full(writer)?.into())?;
    let most = peak(child.id())?;
    thread::spawn(move || io::copy(&mut reader, &mut io::sink()));
    child.wait()?;
    println!("{:<40} {:>10.1} MB", "the most memory of kling jobs", most as f64 / 1000.0);
    Ok(())
}

/// Fills a pipe up to its last page.
fn full(mut writer: PipeWriter) -> Outcome<PipeWriter> {
    const CAPACITY: usize = 64 << 10;
    writer.write_all(&[b' '; CAPACITY])?;
    Ok(writer)
}

/// The most memory that a process had at once, in kilobytes, once it has slept for a while.
fn peak(process: u32) -> Outcome<u64> {
    let path = PathBuf::from(format!("/proc/{process}/status"));
    let mut last = 0;
    loop {
        thread::sleep(Duration::from_millis(200));
        let mut text = String::new();
        File::open(&path)?.read_to_string(&mut text)?;
        let line =
            text.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no memory is reported")?;
        let now = line.trim().trim_end_matches(" kB").parse()?;
        if now == last {
            return Ok(now);
        }
        last = now;
    }
}

fn sync_once(folder: &Path) -> Outcome<Duration> {
    let mut file = File::create(folder.join("sync"))?;
    file.write_all(&[1; 4096])?;
    let started = Instant::now();
    file.sync_all()?;
    Ok(started.elapsed())
}

fn row(name: &str, times: &[Duration], sync: Duration) {
    let mut sorted = times.to_vec();
    sorted.sort();
    let p99 = sorted[(sorted.len() - 1) * 99 / 100];
    println!("{name:<40} {:>10.2?} {p99:>10.2?} {sync:>10.2?}", median(sorted));
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn megabytes(path: &Path) -> io::Result<u64> {
    Ok(fs::metadata(path)?.len() / 1_000_000)
}
