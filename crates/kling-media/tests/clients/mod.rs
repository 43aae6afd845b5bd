//! The async and the blocking client, beside each other.

use kling_media::remote::{self, Options};
use kling_media::{Error, Measured};

/// The results of the async and of the blocking client.
pub(crate) fn both(url: &str, options: &Options) -> [Result<Measured, Error>; 2] {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let checker = remote::Checker::new(options.clone()).unwrap();
    [runtime.block_on(checker.measure(url)), remote::blocking::Checker::new(options.clone()).measure(url)]
}

/// The one refusal of both clients.
pub(crate) fn refusal(url: &str, options: &Options) -> Error {
    let [first, second] = both(url, options).map(Result::unwrap_err);
    assert_eq!(first.to_string(), second.to_string());
    first
}

/// Bounds that let a server on loopback be asked.
pub(crate) fn allowed() -> Options {
    Options::default().with_private_allowed(true)
}
