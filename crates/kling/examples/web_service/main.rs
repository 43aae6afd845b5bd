//! A web page that makes a clip of an uploaded image. **Each upload costs money.**
//!
//! The page shows the progress and plays the clip. A reloaded page, and a restarted service, show the same job again.
//!
//! ```sh
//! RUNCOMFY_API_TOKEN=… cargo run -p kling --example web_service -- 8080
//! ```
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::convert::Infallible;
use std::net::Ipv4Addr;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Router, serve};
use futures_util::{Stream, StreamExt};
use kling::models::kling_1_6_pro_image_to_video::Input;
use kling::{Client, CompletedJob, ErrorKind, Image, JobUpdate, RequestId, Update};
use serde::Deserialize;
use tokio::net::TcpListener;

const FOLDER: &str = "clips";
const MAX_UPLOAD: usize = 10_000_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = std::env::args().nth(1).map_or(Ok(0), |port| port.parse())?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let service = Router::new()
        .route("/", get(async || Html(include_str!("index.html"))))
        .route("/jobs", post(submit))
        .route("/jobs/{id}/events", get(events))
        .route("/clips/{id}", get(clip))
        .layer(DefaultBodyLimit::max(MAX_UPLOAD))
        .with_state(Client::from_env()?);
    println!("http://{}", listener.local_addr()?);
    Ok(serve(listener, service).await?)
}

#[derive(Deserialize)]
struct Form {
    prompt: String,
}

/// Submits the uploaded image and replies with the request id. A dropped connection does not interrupt the submit.
async fn submit(
    State(client): State<Client>,
    Query(form): Query<Form>,
    headers: HeaderMap,
    image: Bytes,
) -> Result<String, Refused> {
    // Pages of other sites cannot send an image type without a preflight, which fails here. So they cannot spend money.
    if headers
        .get(header::CONTENT_TYPE)
        .is_none_or(|media_type| !media_type.as_bytes().starts_with(b"image/"))
    {
        return Err(Refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "expected an image".to_owned()));
    }
    let job = client.submit(&input(&image, form.prompt)?).await?;
    Ok(job.id().to_string())
}

fn input(image: &[u8], prompt: String) -> Result<Input, kling::Error> {
    Ok(Input::builder().image_url(Image::bytes(image)?).prompt(prompt).build()?)
}

/// Streams the events of a job: `state` for each change, then `clip` or `failed`.
async fn events(
    State(client): State<Client>,
    Path(id): Path<RequestId>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let updates = client.job(id).await.updates();
    let events = updates.filter_map(async |event| match event.update {
        JobUpdate::Changed(update) => Some(Event::default().event("state").data(describe(&update))),
        JobUpdate::Done(outcome) => Some(finish(outcome).await),
        _ => None,
    });
    Sse::new(events.map(Ok)).keep_alive(KeepAlive::default())
}

fn describe(update: &Update) -> String {
    let state = update.state.as_ref().map_or("submitted", |state| state.as_str()).replace('_', " ");
    match (&update.error, update.queue_position) {
        (Some(error), _) => format!("{state}, retrying after: {error}"),
        (None, Some(place)) => format!("{state}, place {place}"),
        (None, None) => state,
    }
}

/// Saves the clip, since its link at the provider expires.
async fn finish(outcome: Result<CompletedJob, kling::Error>) -> Event {
    let saved = match &outcome {
        Ok(completed) => completed.save(FOLDER).await.map(|_| completed.id()),
        Err(error) => Err(error.clone()),
    };
    match saved {
        Ok(id) => Event::default().event("clip").data(format!("/clips/{id}")),
        Err(error) => Event::default().event("failed").data(error.to_string()),
    }
}

async fn clip(Path(id): Path<RequestId>) -> Result<impl IntoResponse, StatusCode> {
    let file = tokio::fs::read(format!("{FOLDER}/kling-{id}.mp4")).await;
    Ok(([(header::CONTENT_TYPE, "video/mp4")], file.map_err(|_| StatusCode::NOT_FOUND)?))
}

/// The reply to a submit that was refused.
struct Refused(StatusCode, String);

impl From<kling::Error> for Refused {
    fn from(error: kling::Error) -> Self {
        let status = match error.kind() {
            ErrorKind::InvalidInput => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::BAD_GATEWAY,
        };
        Self(status, error.to_string())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, self.1).into_response()
    }
}
