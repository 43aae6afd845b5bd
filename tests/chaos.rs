//! A small run of `cargo xtask chaos`: no job is paid twice or lost under any fault.

use kling_tests::chaos::{Plan, run};

#[test]
fn no_job_is_paid_for_twice_or_lost_whatever_the_network_does() {
    keeps_every_promise(Plan { jobs: 400, seed: 20, rate: 0.25, download_every: 4, job_sets: false });
}

#[test]
fn no_job_is_lost_by_a_job_set_whatever_the_network_does() {
    keeps_every_promise(Plan { jobs: 400, seed: 21, rate: 0.25, download_every: 1, job_sets: true });
}

fn keeps_every_promise(plan: Plan) {
    let report = run(&plan, || {}).unwrap();
    let broken = report.broken_promises();
    assert!(broken.is_empty(), "{report}\n{broken:?}\n{:#?}", report.words());
    assert!(report.faults() > 200 && report.kinds_of_fault() > 15, "{report}");
}
