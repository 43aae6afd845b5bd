//! The async transport: reqwest on tokio, without anything that could send a request twice or elsewhere.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime};

use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{ClientBuilder, Response, redirect, retry};
use tokio::time::{sleep, timeout, timeout_at};
use url::Url;

use crate::allowed_hosts::{EnvironmentProxies, JudgingResolver, NotLoopback};
use crate::http_reply::Headers;
use crate::upload_progress::{Recalled, TrackedBody, UploadProgress};
use crate::{
    BodyStream, BoxFuture, Error, HttpHead, HttpReply, HttpRequest, Limits, Method, OpenResult, Phase,
    Runtime, Settings, Transport, TransportError, TransportErrorKind,
};

/// Carries requests by reqwest.
#[derive(Clone, Debug)]
pub struct Reqwest {
    client: reqwest::Client,
    /// The proxies of the environment, if nobody else can have named one.
    proxies: Option<EnvironmentProxies>,
}

impl Reqwest {
    /// A transport with this crate's own settings.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if TLS cannot be set up; [`ErrorKind::Proxy`] if the environment names a proxy that is neither
    /// `http://` nor `https://`.
    pub fn new(settings: &Settings) -> Result<Self, Error> {
        let proxies = match settings.base().is_loopback() {
            true => None,
            false => EnvironmentProxies::for_url(&settings.base().join(&[]))?,
        };
        Ok(Self { proxies, ..Self::configured(settings, |builder| builder)? })
    }

    /// A transport shaped by the caller, after which this crate's own settings are made:
    /// see [`Client::configured`](crate::Client::configured).
    ///
    /// # Errors
    /// [`ErrorKind::Config`] where what was asked for cannot be set up.
    pub fn configured(
        settings: &Settings,
        configure: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Result<Self, Error> {
        let mut builder = configure(preset(settings))
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            // No decoder, even where another crate of the program turns them on: a few bytes could become any number.
            .no_brotli()
            .no_deflate()
            .no_gzip()
            .no_zstd()
            .http1_only();
        if settings.base().is_loopback() {
            builder = builder.no_proxy();
        }
        if let Some(host) = settings.base().judged_host() {
            builder = builder.dns_resolver(Arc::new(JudgingResolver { judged: host.to_owned() }));
        }
        let client = builder.build().map_err(|error| {
            Error::config(format!("no client can be set up: {}", failure(error, Phase::Connect).message))
        })?;
        Ok(Self { client, proxies: None })
    }

    async fn exchange(&self, request: HttpRequest, limits: Limits) -> Result<HttpReply, TransportError> {
        // reqwest's own limit for a request costs three allocations more.
        let deadline = sleep(limits.timeout).deadline();
        let progress = UploadProgress::new(request.body());
        let proxied = self.proxies.is_some().then(|| request.url().clone());
        let opening = timeout_at(deadline, self.head(request, &progress)).await;
        let mut response = opening.unwrap_or_else(|_| {
            let proxy = proxied.and_then(|url| self.proxy_of(&url));
            Err(through(proxy, stalled(progress.timed_out())))
        })?;
        let head = head(&response);
        let mut body = BytesMut::new();
        loop {
            let chunk = timeout_at(deadline, response.chunk()).await;
            let chunk = chunk.map_or_else(
                |_| Err(stalled(Phase::Reading)),
                |chunk| chunk.map_err(|error| failure(error, Phase::Reading)),
            );
            match chunk {
                Ok(None) => return Ok(HttpReply::new(head, body.freeze())),
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Err(failure) => return Err(failure.while_reading(&head, body.freeze())),
            }
            if body.len() > limits.max_body {
                return Err(TransportError::too_large(&head, body.freeze(), limits.max_body));
            }
        }
    }

    async fn head(
        &self,
        request: HttpRequest,
        progress: &UploadProgress,
    ) -> Result<Response, TransportError> {
        self.client.execute(prepare(request, progress)).await.map_err(|error| {
            let phase = phase(&error, progress);
            let is_tunnel = chain(&error).any(|link| link.to_string().starts_with("tunnel error"));
            let proxy = error.url().and_then(|url| self.proxy_of(url));
            let proxy = proxy.or_else(|| is_tunnel.then(|| "a proxy".to_owned()));
            through(proxy, failure(error, phase))
        })
    }

    /// The proxy that a URL is reached through, as it is named in errors.
    fn proxy_of(&self, url: &Url) -> Option<String> {
        Some(format!("the proxy {}", self.proxies.as_ref()?.of(url)?))
    }
}

impl Transport for Reqwest {
    fn send(&self, request: HttpRequest, limits: Limits) -> BoxFuture<'_, Result<HttpReply, TransportError>> {
        Box::pin(self.exchange(request, limits))
    }

    fn open(&self, request: HttpRequest, idle_timeout: Duration) -> BoxFuture<'_, OpenResult> {
        Box::pin(async move {
            let progress = UploadProgress::new(request.body());
            let opening = timeout(idle_timeout, self.head(request, &progress)).await;
            let response = opening.unwrap_or_else(|_| Err(stalled(Phase::Waiting)))?;
            let head = head(&response);
            let body: Box<dyn BodyStream> = Box::new(Body { response, idle_timeout });
            Ok((head, body))
        })
    }
}

/// The body of a reply that is being downloaded.
struct Body {
    response: Response,
    idle_timeout: Duration,
}

impl BodyStream for Body {
    fn chunk(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, TransportError>> {
        Box::pin(async {
            match timeout(self.idle_timeout, self.response.chunk()).await {
                Ok(chunk) => chunk.map_err(|error| failure(error, Phase::Reading)),
                Err(_) => Err(stalled(Phase::Reading)),
            }
        })
    }
}

/// The clock of tokio, and its threads for work that blocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioRuntime;

impl Runtime for TokioRuntime {
    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }

    fn sleep(&self, pause: Duration) -> BoxFuture<'_, ()> {
        Box::pin(sleep(pause))
    }

    fn run_blocking(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'_, ()> {
        Box::pin(async {
            // Work that panicked leaves no result, which its caller finds.
            let _ = tokio::task::spawn_blocking(work).await;
        })
    }
}

/// What the caller may still change.
fn preset(settings: &Settings) -> ClientBuilder {
    let builder = reqwest::Client::builder().connect_timeout(settings.connect_timeout());
    #[cfg(feature = "rustls")]
    return builder.tls_backend_rustls();
    #[cfg(not(feature = "rustls"))]
    builder
}

fn prepare(request: HttpRequest, progress: &UploadProgress) -> reqwest::Request {
    let method = match request.method() {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
    };
    // Enough for all but the few that are paid or ask for the rest of a file: it is copied with each request.
    let mut headers = HeaderMap::with_capacity(4);
    for (name, value) in request.headers() {
        if let Ok(mut value) = HeaderValue::from_maybe_shared(value) {
            value.set_sensitive(name == "authorization");
            headers.insert(header_name(name), value);
        }
    }
    let body = request.body().map(|body| reqwest::Body::wrap(TrackedBody::new(body, progress)));
    let mut prepared = reqwest::Request::new(method, request.into_url());
    *prepared.headers_mut() = headers;
    *prepared.body_mut() = body;
    prepared
}

/// Names that are in every request need not be read anew.
fn header_name(name: &'static str) -> HeaderName {
    match name {
        "accept" => header::ACCEPT,
        "accept-encoding" => header::ACCEPT_ENCODING,
        "authorization" => header::AUTHORIZATION,
        "user-agent" => header::USER_AGENT,
        other => HeaderName::from_static(other),
    }
}

fn head(response: &Response) -> HttpHead {
    let mut headers = Headers::default();
    for (name, value) in response.headers() {
        headers.note(name.as_str(), || value.to_str().ok());
    }
    HttpHead::read(response.status().as_u16(), &headers, SystemTime::now())
}

/// How far a request got that brought no answer.
fn phase(error: &reqwest::Error, progress: &UploadProgress) -> Phase {
    match error {
        error if error.is_dns() => progress.unconnected(Phase::Resolve),
        error if error.is_connect() || error.is_builder() => progress.unconnected(Phase::Connect),
        error if error.is_timeout() => progress.timed_out(),
        _ => progress.phase(),
    }
}

fn failure(error: reqwest::Error, phase: Phase) -> TransportError {
    let error = error.without_url();
    let says = |words| move |link: &&Link| link.to_string().contains(words);
    let certificate = chain(&error).filter(says("certificate")).last();
    let (kind, reason) = if error.is_timeout() {
        (TransportErrorKind::Timeout, None)
    } else if !phase.is_before_sending() {
        (TransportErrorKind::Broken, None)
    } else if let Some(link) = certificate {
        (TransportErrorKind::Certificate, Some(link))
    } else if chain(&error).any(|link| link.is::<NotLoopback>()) {
        (TransportErrorKind::NotLoopback, None)
    } else if chain(&error).any(|link| says("proxy authorization required")(&link)) {
        (TransportErrorKind::Proxy, None)
    } else {
        (TransportErrorKind::Broken, None)
    };
    // The innermost reason says most.
    let reason = reason.or_else(|| chain(&error).last());
    TransportError::new(phase, kind, reason.map(ToString::to_string).unwrap_or_default())
}

/// A failure behind a proxy, which names it.
fn through(proxy: Option<String>, failure: TransportError) -> TransportError {
    match proxy {
        Some(proxy) => TransportError { message: format!("through {proxy}: {}", failure.message), ..failure },
        None => failure,
    }
}

type Link = dyn std::error::Error + 'static;

/// An error and its causes, the innermost last.
fn chain(error: &reqwest::Error) -> impl Iterator<Item = &Link> {
    std::iter::successors(Some(error as &Link), |link| link.source())
}

fn stalled(phase: Phase) -> TransportError {
    TransportError::new(phase, TransportErrorKind::Timeout, "nothing arrived for too long")
}

impl http_body::Body for TrackedBody {
    type Data = Bytes;
    type Error = Recalled;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let piece = self.next_piece(usize::MAX);
        Poll::Ready(match piece {
            Ok(piece) if piece.is_empty() => None,
            piece => Some(piece.map(Frame::data)),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.len() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.len() as u64)
    }
}
