//! Faults of the connection, read as raw bytes, and the bills after them.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use kling_sim::{Call, Fault, FaultPlan, Reply, Sim};

mod client;

/// The bytes of one connection, and its end.
struct Received {
    bytes: Vec<u8>,
    end: io::Result<()>,
}

impl Received {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    fn body(&self) -> &[u8] {
        let end_of_head = self.bytes.windows(4).position(|window| window == b"\r\n\r\n");
        end_of_head.map_or(&[], |at| &self.bytes[at + 4..])
    }

    fn is_reset(&self) -> bool {
        self.end.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::ConnectionReset)
    }
}

fn exchange(sim: &Sim, method: &str, path: &str, body: &str) -> Received {
    let address = sim.base_url().trim_start_matches("http://").trim_end_matches("/v1");
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        sim.token(),
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    // Fails if the connection ends before the body is read.
    let _ = stream.write_all(body.as_bytes());
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes).map(drop);
    Received { bytes, end }
}

fn submit(sim: &Sim) -> Received {
    exchange(sim, "POST", &format!("/v1/models/{}", client::MODEL), &client::input().to_string())
}

fn balance(sim: &Sim, fault: Fault) -> Received {
    sim.fault_next(Call::Balance, fault);
    exchange(sim, "GET", "/prod/v2/balance", "")
}

#[test]
fn a_dropped_submit_is_billed_only_if_it_was_processed() {
    let sim = client::start();
    for (fault, bills) in [(Fault::DropUnread, 0), (Fault::DropUnprocessed, 0), (Fault::DropProcessed, 1)] {
        sim.fault_next(Call::Submit, fault);
        assert_eq!(submit(&sim).bytes, b"");
        assert_eq!(sim.billed().len(), bills);
    }
}

#[test]
fn a_reply_breaks_off_in_head_or_body_by_close_or_reset() {
    let sim = client::start();
    let whole = exchange(&sim, "GET", "/prod/v2/balance", "");
    let in_head = balance(&sim, Fault::ResetInHead);
    assert!(in_head.is_reset() && in_head.body().is_empty() && in_head.text().starts_with("HTTP/1.1 200"));
    let in_body = balance(&sim, Fault::ResetInBody);
    assert!(in_body.is_reset());
    assert_eq!(in_body.body(), &whole.body()[..whole.body().len() / 2]);
    let closed = balance(&sim, Fault::CloseInBody);
    assert!(closed.end.is_ok());
    assert_eq!(closed.body(), in_body.body());
}

#[test]
fn stalls_end_and_drips_arrive_complete() {
    let sim = client::start();
    let brief = Duration::from_millis(2);
    assert_eq!(balance(&sim, Fault::Stall(brief)).bytes, b"");
    let whole = exchange(&sim, "GET", "/prod/v2/balance", "");
    assert_eq!(balance(&sim, Fault::Drip(brief)).body(), whole.body());
    assert_eq!(balance(&sim, Fault::StallInBody(brief)).body().len(), whole.body().len() / 2);
}

#[test]
fn a_content_length_may_be_wrong_or_missing() {
    let sim = client::start();
    let larger = balance(&sim, Fault::ShortContentLength);
    assert!(larger.text().contains(&format!("content-length: {}\r\n", larger.body().len() / 2)));
    let flood = balance(&sim, Fault::Flood(200_000));
    assert_eq!(flood.body().len(), 200_000);
    assert!(!flood.text().contains("content-length"));
}

#[test]
fn a_forgotten_job_stays_billed() {
    let sim = client::start();
    sim.fault_next(Call::Submit, Fault::ForgetJob);
    let lost = client::accepted(&sim, &client::input());
    assert_eq!(client::get(&sim, &format!("/requests/{lost}/status")).refusal().1, 404_001);
    let id = client::accepted(&sim, &client::input());
    sim.fault_next(Call::Status, Fault::ForgetJob);
    assert_eq!(client::status(&sim, &id)["status"], "in_queue");
    assert_eq!(client::get(&sim, &format!("/requests/{id}/result")).refusal().1, 404_001);
    assert_eq!(sim.billed().len(), 2);
}

#[test]
fn a_plan_is_followed_and_recorded() {
    let plan = FaultPlan::none()
        .on(Call::Status, 2, Fault::UnknownState)
        .on(Call::Status, 3, Reply::error(200, 500_001, "later"))
        .on(Call::Result, 1, Fault::ForeignOutput("https://elsewhere.example".into()));
    let sim = client::builder().manual_time().faults(plan).start().unwrap();
    let id = client::accepted(&sim, &client::input());
    assert_eq!(client::status(&sim, &id)["status"], "in_queue");
    assert_eq!(client::status(&sim, &id)["status"], "hibernating");
    assert_eq!(client::status(&sim, &id)["error_code"], 500_001);
    sim.advance(Duration::from_secs(60));
    let result = client::result(&sim, &id);
    assert!(result["output"]["video"].as_str().unwrap().starts_with("https://elsewhere.example/outputs/"));
    let faults: Vec<_> = sim.requests().into_iter().filter_map(|call| call.fault).collect();
    assert_eq!(faults, ["unknown state", "answer 200", "foreign output"]);
}

#[test]
fn a_seed_repeats_its_faults() {
    let run = || {
        let faults = FaultPlan::random(11, 0.5).stall(Duration::from_millis(2));
        let sim = client::builder().faults(faults).seed(1).start().unwrap();
        for _ in 0..20 {
            submit(&sim);
        }
        let faults: Vec<_> = sim.requests().into_iter().map(|call| call.fault).collect();
        (faults, sim.billed().len())
    };
    let (faults, bills) = run();
    assert_eq!((faults.clone(), bills), run());
    assert!((1..20).contains(&faults.iter().flatten().count()));
}
