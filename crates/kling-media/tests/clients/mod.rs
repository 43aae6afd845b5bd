//! The async and the blocking client, beside each other.

use kling_media::remote::{self, Options};
use kling_media::{Error, Measured};

/// Returns the results of the async and of the blocking client. The async check can be spawned.
pub(crate) fn both(url: &str, options: &Options) -> [Result<Measured, Error>; 2] {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (checker, reference) = (remote::Checker::new(options.clone()).unwrap(), url.to_owned());
    let task = async move { checker.measure(&reference).await };
    let measured = runtime.block_on(async { tokio::spawn(task).await.unwrap() });
    [measured, remote::blocking::Checker::new(options.clone()).measure(url)]
}

/// Returns the error of both clients, which must be the same.
pub(crate) fn refusal(url: &str, options: &Options) -> Error {
    let [first, second] = both(url, options).map(Result::unwrap_err);
    assert_eq!(first.to_string(), second.to_string());
    first
}

/// Returns bounds that allow a server on loopback.
pub(crate) fn allowed() -> Options {
    Options::default().with_private_allowed(true)
}
