//! Arbitrary documents through every validator and through a judge that is not ours, and broken pictures through the header
//! reader: started by `cargo xtask fuzz-validators`.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use std::{panic, process, thread};

use clap::Parser;
use fastrand::Rng;
use kling_schema::ModelSchema;
use kling_tests::documents::documents;
use kling_tests::oracle::{Oracle, standard_pointers};
use kling_tests::{canonical, pictures, spelling};
use kling_types::{Keyword, ModelInfo, json, models};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;

/// How long one picture may take before the reader is said to hang; a reader needs less than a millionth of it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Holds the validators to a judge that is not ours, over arbitrary documents, and the header reader to broken pictures.
#[derive(Parser)]
#[command(bin_name = "cargo xtask fuzz-validators")]
struct Arguments {
    /// How many documents for each model.
    #[arg(long, default_value_t = 100_000)]
    documents: u32,
    /// How many broken pictures.
    #[arg(long, default_value_t = 5_000_000)]
    pictures: u64,
    /// What both are drawn by; another one each time where none is given.
    #[arg(long)]
    seed: Option<u64>,
}

fn main() -> ExitCode {
    let Arguments { documents, pictures, seed } = Arguments::parse();
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("seed {seed}");
    let wrong = models::all().iter().filter(|model| !validators_agree(model, documents, seed)).count();
    let is_sound = header_reader_ends(pictures, seed);
    if wrong == 0 && is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One model; what fails is made as small as it goes, and printed.
fn validators_agree(model: &'static ModelInfo, cases: u32, seed: u64) -> bool {
    let start = Instant::now();
    let oracle = Oracle::of(model);
    let schema = match ModelSchema::of(model) {
        Ok(schema) => schema,
        Err(error) => return report(model.id, start, cases, Err(error.to_string())),
    };
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, rng(seed));
    let tested = runner.run(&(documents(model.input_schema), any::<u64>()), |(document, spelling)| {
        agrees(model, &oracle, &schema, &document)?;
        spells_the_same(model, &document, &mut Rng::with_seed(spelling))
    });
    report(model.id, start, cases, tested.map_err(|failure| failure.to_string()))
}

fn report(name: &str, start: Instant, cases: u32, tested: Result<(), String>) -> bool {
    let verdict = tested.as_ref().err().map_or("agreed", String::as_str);
    println!("{name}: {cases} documents in {:.0?}: {verdict}", start.elapsed());
    tested.is_ok()
}

/// The generated validator, the judge, the validator at run time and the typed input say the same.
fn agrees(
    model: &ModelInfo,
    oracle: &Oracle,
    schema: &ModelSchema,
    document: &Value,
) -> Result<(), TestCaseError> {
    let ours = (model.validate_input)(document);
    prop_assert_eq!(standard_pointers(&ours), oracle.failing_pointers(document), "{}", document);
    prop_assert_eq!(&schema.validate_input(document), &ours);
    let typed = (model.normalize_input)(document);
    prop_assert_eq!(typed.is_ok(), ours.is_ok(), "{}", document);
    if let Ok(typed) = typed {
        prop_assert_eq!(canonical::value(&typed), canonical::value(document));
    }
    Ok(())
}

/// The same document in other bytes is judged the same; a key that stands twice is refused, and named.
fn spells_the_same(model: &ModelInfo, document: &Value, rng: &mut Rng) -> Result<(), TestCaseError> {
    let text = spelling::any(document, rng);
    let read = json::from_slice(text.as_bytes())
        .map_err(|violation| TestCaseError::fail(format!("{violation}: {text}")))?;
    prop_assert_eq!(canonical::value(&read), canonical::value(document), "{}", text);
    let (spelled, plain) = ((model.validate_input)(&read), (model.validate_input)(document));
    prop_assert_eq!(standard_pointers(&spelled), standard_pointers(&plain), "{}", text);
    if let Some(text) = spelling::with_a_key_twice(document, rng) {
        let refused = json::from_slice(text.as_bytes()).err().map(|violation| violation.keyword());
        prop_assert_eq!(refused, Some(Keyword::DuplicateKey), "{}", text);
    }
    Ok(())
}

fn rng(seed: u64) -> TestRng {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRng::from_seed(RngAlgorithm::ChaCha, &bytes)
}

/// No picture makes the header reader panic or go on for ever.
fn header_reader_ends(count: u64, seed: u64) -> bool {
    static DONE: AtomicU64 = AtomicU64::new(0);
    let start = Instant::now();
    thread::spawn(move || watch(&DONE, seed));
    let mut measured = 0_u64;
    for index in 0..count {
        let picture = pictures::mutated(&mut Rng::with_seed(seed.wrapping_add(index)));
        match panic::catch_unwind(|| kling_media::from_bytes(&picture)) {
            Ok(facts) => measured += u64::from(facts.is_ok()),
            Err(_) => {
                println!("picture {index} of seed {seed} makes the header reader panic");
                return false;
            }
        }
        DONE.store(index + 1, Ordering::Relaxed);
    }
    println!(
        "{count} broken pictures in {:.0?}: no panic, no hang; {measured} could be measured",
        start.elapsed()
    );
    true
}

/// Ends the process when nothing is done for too long.
fn watch(done: &AtomicU64, seed: u64) {
    let mut before = u64::MAX;
    loop {
        thread::sleep(PATIENCE);
        let now = done.load(Ordering::Relaxed);
        if now == before {
            println!("picture {now} of seed {seed} keeps the header reader for {PATIENCE:?}");
            process::exit(1);
        }
        before = now;
    }
}
