//! A time limit that passes while a connection opens; `cargo xtask race` runs many more.

use kling_tests::race::{Plan, run};

#[test]
fn no_request_whose_limit_passes_while_it_connects_is_sent_twice_or_called_rejected() {
    let report = run(Plan { count: 1_000, seed: 1 }, || {}).unwrap();
    assert_eq!(report.submits, 1_000);
    assert!(report.is_clean(), "{report}");
}
