//! Bounds that any program may rely on: futures are `Send`, clients are `Clone`.
#![cfg(all(feature = "async", feature = "blocking", feature = "journal"))]
#![allow(dead_code, clippy::type_complexity, reason = "compiled for its bounds only")]

use kling::kling_transport;
use kling::{
    Client, Job, JobSet, JobSetEvent, Journaled, ModelId, RequestId, WaitOptions, blocking, cancel, wait,
};
use serde_json::Value;

const fn is_send<F: Future + Send>(_: &F) {}

fn the_futures_of_a_client(
    client: &Client,
    (job, options, id): (&Job, &WaitOptions, &RequestId),
    (model, input): (&ModelId, &Value),
) {
    is_send(&client.submit_json(model, input));
    is_send(&client.status(id));
    is_send(&client.result(id));
    is_send(&wait(client, job, options, |_| {}));
    is_send(&cancel(client, id));
}

fn the_futures_of_a_client_with_a_journal(
    client: &Journaled,
    (job, options, id): (&Job, &WaitOptions, &RequestId),
    (model, input, event): (&ModelId, &Value, &JobSetEvent),
) {
    is_send(&client.submit_json(model, input));
    is_send(&client.submit_json_until(model, input, std::future::pending()));
    is_send(&client.wait(job, options, |_| {}));
    is_send(&client.cancel(id));
    is_send(&client.saved(id, ["/tmp/clip.mp4"]));
    is_send(&client.record(event));
    is_send(&client.release(id));
}

#[test]
fn clients_and_errors_are_clone_send_and_sync() {
    const fn is_shareable<T: Clone + Send + Sync>() {}
    const fn is_movable<T: Send + Unpin>() {}
    is_shareable::<Client>();
    is_shareable::<Journaled>();
    is_shareable::<blocking::Client>();
    is_shareable::<blocking::Journaled>();
    is_shareable::<kling_transport::Error>();
    is_movable::<JobSet>();
}
