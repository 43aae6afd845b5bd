//! The cross-check of the simulation: schedules on a real clock over real sockets, time compressed.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use kling_bench_waiting::durations::LOADS;
use kling_bench_waiting::server;
use kling_poll::{
    Account, Aim, FixedInterval, JobSet, JobSetUpdate, Learned, PollContext, RateLimit, Schedule, WaitOptions,
};
use kling_transport::{Client, ModelId, Settings, Token};
use serde_json::json;

use crate::TransportError;
use crate::process::Server;

/// A second here stands for so many.
const FACTOR: u32 = 20;

/// Jobs under way at once, jobs that teach, and jobs that are counted.
const UNDER_WAY: usize = 200;
const TAUGHT: usize = 100 + UNDER_WAY;
const COUNTED: usize = 1500;

/// How long a job of the server runs.
pub(crate) fn draw(rng: &mut Rng) -> Duration {
    Duration::from_secs_f64((LOADS[1].draw)(rng).ran) / FACTOR
}

/// Compares a fixed interval with the learned schedule of the same mean delay.
pub(crate) async fn compare() -> Result<(), TransportError> {
    println!(
        "clock: load B {FACTOR} times as fast, {COUNTED} jobs each after {TAUGHT}, {UNDER_WAY} under way, seed 1"
    );
    let second = Duration::from_secs(1);
    let fixed = run(FixedInterval(second * 2)).await?;
    let learned = run(Learned::new(Arc::default(), Aim::Delay(second))).await?;
    for (name, (polls, delay)) in [("fixed 2 s", fixed), ("learned, delay 1 s", learned)] {
        println!("  {name:>18}: {polls:.1} polls, mean delay {delay:.2} s with the network's");
    }
    // A fixed interval asks in inverse proportion to its delay.
    let at_its_delay = fixed.0 * fixed.1 / learned.1;
    println!("  learned ÷ fixed at the same delay: {:.2}", learned.0 / at_its_delay);
    Ok(())
}

/// Polls a job and the mean delay, in seconds of the load.
async fn run(schedule: impl Schedule + 'static) -> Result<(f64, f64), TransportError> {
    let mut server = Server::start(0)?;
    let base = format!("http://{}/v1", server.address).parse()?;
    let client = Client::new(Settings::new(Token::new("bench-0123456789abcdef")?).with_base(base))?;
    let mut fleet = JobSet::open();
    let account: Account = fleet.account(client.clone(), RateLimit::new(64));
    let options = WaitOptions::default().with_schedule(Compressed(schedule)).with_deadline(None);
    for _ in 0..UNDER_WAY {
        submit(&client, &account, &options).await?;
    }
    let (mut over, mut polls, mut delay) = (0, 0, 0.0);
    while over < TAUGHT + COUNTED {
        let Some(event) = fleet.next().await else { return Err("the fleet ended".into()) };
        if let JobSetUpdate::Done(outcome) = event.news {
            let end = server::end(outcome?.request_id().as_str()).ok_or("an id without an end")?;
            over += 1;
            if over == TAUGHT {
                polls = account.stats().polls;
            } else if over > TAUGHT {
                delay += server::since_epoch().saturating_sub(end).as_secs_f64();
            }
            submit(&client, &account, &options).await?;
        }
    }
    let polls = (account.stats().polls - polls) as f64;
    server.stop()?;
    Ok((polls / COUNTED as f64, delay * f64::from(FACTOR) / COUNTED as f64))
}

async fn submit(client: &Client, account: &Account, options: &WaitOptions) -> Result<(), TransportError> {
    let model: ModelId = "maker/model".parse()?;
    let job = client.submit_json(&model, &json!({})).await.into_result()?;
    account.add(&job, options);
    Ok(())
}

/// A schedule for a world in which everything is faster.
#[derive(Debug)]
struct Compressed<S>(S);

impl<S: Schedule> Schedule for Compressed<S> {
    fn next_delay(&self, seen: &PollContext) -> Duration {
        self.0.next_delay(&stretched(seen)) / FACTOR
    }

    fn worth(&self, seen: &PollContext) -> f64 {
        self.0.worth(&stretched(seen))
    }

    fn learn(&self, ran: Duration) {
        self.0.learn(ran * FACTOR);
    }
}

fn stretched(seen: &PollContext) -> PollContext {
    let mut stretched = *seen;
    stretched.elapsed *= FACTOR;
    stretched.silence *= FACTOR;
    stretched.age = seen.age.map(|age| age * FACTOR);
    stretched.running = seen.running.map(|running| running * FACTOR);
    stretched
}
