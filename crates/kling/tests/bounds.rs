//! What any program may rely on: futures go to other threads, clients can be cloned.
#![cfg(all(feature = "async", feature = "blocking", feature = "journal"))]
#![allow(dead_code, clippy::type_complexity, reason = "compiled for its bounds only")]

use kling::kling_transport;
use kling::{
    Client, Job, JobSet, JobSetEvent, Journaled, ModelId, RequestId, WaitOptions, blocking, cancel, wait,
};
use serde_json::Value;

const fn sent<F: Future + Send>(_: &F) {}

fn the_futures_of_a_client(
    client: &Client,
    (job, options, id): (&Job, &WaitOptions, &RequestId),
    (model, input): (&ModelId, &Value),
) {
    sent(&client.submit_json(model, input));
    sent(&client.status(id));
    sent(&client.result(id));
    sent(&wait(client, job, options, |_| {}));
    sent(&cancel(client, id));
}

fn the_futures_of_a_client_with_a_journal(
    client: &Journaled,
    (job, options, id): (&Job, &WaitOptions, &RequestId),
    (model, input, event): (&ModelId, &Value, &JobSetEvent),
) {
    sent(&client.submit_json(model, input));
    sent(&client.submit_json_until(model, input, std::future::pending()));
    sent(&client.wait(job, options, |_| {}));
    sent(&client.cancel(id));
    sent(&client.saved(id, ["/tmp/clip.mp4"]));
    sent(&client.record(event));
    sent(&client.release(id));
}

#[test]
fn what_is_shared_may_be_shared() {
    const fn cloned<T: Clone + Send + Sync>() {}
    const fn moved<T: Send + Unpin>() {}
    cloned::<Client>();
    cloned::<Journaled>();
    cloned::<blocking::Client>();
    cloned::<blocking::Journaled>();
    cloned::<kling_transport::Error>();
    moved::<JobSet>();
}
