//! The seam under the async client, and the transport that comes with it: reqwest, with everything off that could send a
//! request twice or elsewhere.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{ClientBuilder, Response, redirect, retry};
use tokio::time::{sleep, timeout, timeout_at};
use url::Url;

use crate::host_gate::{EnvironmentProxies, JudgingResolver, NotLoopback};
use crate::http_reply::Headers;
use crate::watch::{Recalled, Watch, Watched};
use crate::{
    Error, HttpHead, HttpReply, HttpRequest, Limits, Method, Phase, Settings, TransportError,
    TransportErrorKind,
};

/// Carries requests, asynchronously. [`Reqwest`](crate::Reqwest) is the one that comes with this crate.
///
/// An implementation follows no redirect, sends nothing twice, adds no credentials, and reports how far a failed exchange
/// got: where it cannot tell, it names the later phase, because an earlier one lets a paid request be sent again.
pub trait Transport: Send + Sync {
    /// Sends one request once, and reads the whole answer within the limits. Any HTTP status is an answer.
    fn send(
        &self,
        request: HttpRequest,
        limits: Limits,
    ) -> impl Future<Output = Result<HttpReply, TransportError>> + Send;
}

/// A transport that can also hand over an answer piece by piece, for downloads.
pub trait Streaming: Transport {
    /// The rest of an answer.
    type Body: Chunks;

    /// Sends one request once, and reads the start of the answer. `patience` bounds each pause in it, not the whole.
    fn open(
        &self,
        request: HttpRequest,
        patience: Duration,
    ) -> impl Future<Output = Result<(HttpHead, Self::Body), TransportError>> + Send;
}

/// A body that arrives in pieces.
pub trait Chunks: Send {
    /// The next piece; nothing at the end.
    fn chunk(&mut self) -> impl Future<Output = Result<Option<Bytes>, TransportError>> + Send;
}

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
    /// [`Error::is_config`] if TLS cannot be set up; [`Error::is_proxy`] if the environment names a proxy that is neither
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
    /// [`Error::is_config`] where what was asked for cannot be set up.
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

    async fn head(&self, request: HttpRequest, watch: &Watch) -> Result<Response, TransportError> {
        self.client.execute(prepare(request, watch)).await.map_err(|error| {
            let phase = phase(&error, watch);
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
    async fn send(&self, request: HttpRequest, limits: Limits) -> Result<HttpReply, TransportError> {
        // reqwest's own limit for a request costs three allocations more.
        let deadline = sleep(limits.timeout).deadline();
        let watch = Watch::new(request.body());
        let proxied = self.proxies.is_some().then(|| request.url().clone());
        let opening = timeout_at(deadline, self.head(request, &watch)).await;
        let mut response = opening.unwrap_or_else(|_| {
            let proxy = proxied.and_then(|url| self.proxy_of(&url));
            Err(through(proxy, stalled(watch.timed_out())))
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
}

impl Streaming for Reqwest {
    type Body = Incoming;

    async fn open(
        &self,
        request: HttpRequest,
        patience: Duration,
    ) -> Result<(HttpHead, Incoming), TransportError> {
        let watch = Watch::new(request.body());
        let opening = timeout(patience, self.head(request, &watch)).await;
        let response = opening.unwrap_or_else(|_| Err(stalled(Phase::Waiting)))?;
        Ok((head(&response), Incoming { response, patience }))
    }
}

/// The rest of an answer that is being downloaded.
#[derive(Debug)]
pub struct Incoming {
    response: Response,
    patience: Duration,
}

impl Chunks for Incoming {
    async fn chunk(&mut self) -> Result<Option<Bytes>, TransportError> {
        match timeout(self.patience, self.response.chunk()).await {
            Ok(chunk) => chunk.map_err(|error| failure(error, Phase::Reading)),
            Err(_) => Err(stalled(Phase::Reading)),
        }
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

fn prepare(request: HttpRequest, watch: &Watch) -> reqwest::Request {
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
    let body = request.body().map(|body| reqwest::Body::wrap(Leaving(Watched::new(body, watch))));
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
fn phase(error: &reqwest::Error, watch: &Watch) -> Phase {
    match error {
        error if error.is_dns() => watch.unconnected(Phase::Resolve),
        error if error.is_connect() || error.is_builder() => watch.unconnected(Phase::Connect),
        error if error.is_timeout() => watch.timed_out(),
        _ => watch.phase(),
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

/// A watched body in the shape that hyper takes.
struct Leaving(Watched);

impl Body for Leaving {
    type Data = Bytes;
    type Error = Recalled;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let piece = self.0.take(usize::MAX);
        Poll::Ready(match piece {
            Ok(piece) if piece.is_empty() => None,
            piece => Some(piece.map(Frame::data)),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.0.len() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.len() as u64)
    }
}
