//! Bounds that any program may rely on: futures are `Send`, clients are `Clone`.
#![cfg(all(feature = "async", feature = "blocking", feature = "journal", feature = "kling-1-6"))]
#![allow(dead_code, clippy::type_complexity, reason = "compiled for its bounds only")]

use std::future::IntoFuture;

use kling::catalog::Catalog;
use kling::models::kling_1_6_pro_image_to_video::{Input, Kling16ProImageToVideo};
use kling::transport::{ApiClient, CallError};
use kling::{Client, CompletedJob, Error, Job, JobSet, ModelId, RequestId, blocking};
use serde_json::Value;

const fn is_send<F: Future + Send>(_: &F) {}

fn the_futures_of_a_client(
    client: &Client,
    input: &Input,
    (model, json): (&ModelId, &Value),
    id: &RequestId,
) {
    is_send(&client.run(input));
    is_send(&client.submit(input));
    is_send(&client.check(input));
    is_send(&client.run_json(model, json));
    is_send(&client.submit_json(model, json));
    is_send(&client.submit_unchecked(model, json, std::future::pending()));
    is_send(&client.job(id.clone()));
    is_send(&client.unfinished());
    is_send(&client.unknown_outcomes());
}

fn the_futures_of_a_job(job: &Job<Kling16ProImageToVideo>, completed: &CompletedJob<Kling16ProImageToVideo>) {
    is_send(&job.clone().into_future());
    is_send(&job.wait().on_update(|_| {}).into_future());
    is_send(&job.cancel());
    is_send(&completed.save("clips").into_future());
    is_send(&completed.bytes(0));
}

#[test]
fn clients_and_errors_are_clone_send_and_sync() {
    const fn is_shareable<T: Clone + Send + Sync>() {}
    const fn is_movable<T: Send + Unpin>() {}
    is_shareable::<Client>();
    is_shareable::<ApiClient>();
    is_shareable::<blocking::Client>();
    is_shareable::<Error>();
    is_shareable::<CallError>();
    is_shareable::<Job>();
    is_shareable::<blocking::Job>();
    is_movable::<JobSet<usize>>();
    is_movable::<Catalog>();
    is_movable::<CompletedJob>();
}
