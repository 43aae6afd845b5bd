//! The machine of one job, without a call.

use std::hint::black_box;
use std::time::Instant;

use kling_bench_waiting::simulation::Words;
use kling_poll::{Event, FixedInterval, JobMachine, WaitOptions};
use kling_transport::StatusReply;

use crate::{SECOND, options};

/// Prints what one poll costs the machine of a job: a question and its answer, without a call.
pub(crate) fn print() {
    const POLLS: u32 = 5_000_000;
    let options = options(FixedInterval(SECOND * 2));
    let mut machine = JobMachine::new(None);
    let reply = Words::read().running;
    // The first answer is news.
    polls(&mut machine, &options, &reply, 1);
    let allocations = allocation_counter::measure(|| polls(&mut machine, &options, &reply, 1000)).count_total;
    let begun = Instant::now();
    polls(&mut machine, &options, &reply, POLLS);
    let nanos = begun.elapsed().as_nanos() / u128::from(POLLS);
    println!(
        "one poll in the machine of a job: {nanos} ns, {} allocations; a machine: {} bytes\n",
        allocations as f64 / 1000.0,
        size_of::<JobMachine>()
    );
}

fn polls(machine: &mut JobMachine, options: &WaitOptions, reply: &StatusReply, polls: u32) {
    for poll in 0..polls {
        let now = SECOND * poll;
        black_box(machine.step(options, now, 0.5, Event::Due));
        black_box(machine.step(options, now, 0.5, Event::Status(Ok(reply.clone()))));
    }
}
