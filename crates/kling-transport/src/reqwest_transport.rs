//! The async transport: reqwest on tokio, without retries and redirects.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime};

use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{ClientBuilder, Response, redirect, retry};
use tokio::time::error::Elapsed;
use tokio::time::{sleep, timeout, timeout_at};
use url::Url;

use crate::allowed_hosts::EnvironmentProxies;
use crate::upload_progress::{TrackedBody, UploadProgress};
use crate::{
    ApiBase, BodyStream, BoxFuture, Error, HttpHead, HttpReply, HttpRequest, Limits, Method, OpenResult,
    Phase, Runtime, Settings, Transport, TransportError, TransportErrorKind,
};

/// Carries requests by reqwest.
#[derive(Clone, Debug)]
pub struct Reqwest {
    client: reqwest::Client,
    /// The proxies of the environment, unless the caller may have set others.
    proxies: Option<EnvironmentProxies>,
}

impl Reqwest {
    /// Returns a transport with this crate's settings.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if TLS cannot be set up.
    /// [`ErrorKind::Proxy`](crate::ErrorKind::Proxy) if the environment names a proxy that is neither `http://` nor
    /// `https://`.
    pub fn new(settings: &Settings) -> Result<Self, Error> {
        if settings.base().is_loopback() {
            return Self::with(settings, |builder| builder).or_else(|_| Self::without_certificates(settings));
        }
        let proxies = EnvironmentProxies::for_url(&settings.base().join(&[]))?;
        Ok(Self { proxies, ..Self::with(settings, |builder| builder)? })
    }

    /// Returns a transport for loopback on a bare machine, which has no certificates.
    fn without_certificates(settings: &Settings) -> Result<Self, Error> {
        Self::with(settings, |builder| {
            #[cfg(any(feature = "rustls", feature = "native-tls"))]
            let builder = builder.tls_certs_only([]);
            builder
        })
    }

    /// Returns a transport with the caller's settings, below this crate's own: see
    /// [`Client::configured`](crate::Client::configured).
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if the settings cannot be used.
    #[cfg(feature = "unstable-reqwest")]
    pub fn configured(
        settings: &Settings,
        configure: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Result<Self, Error> {
        Self::with(settings, configure)
    }

    fn with(
        settings: &Settings,
        configure: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Result<Self, Error> {
        let mut builder = configure(preset(settings))
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            // No decoders, even if another crate enables them: a few bytes could expand without bound.
            .no_brotli()
            .no_deflate()
            .no_gzip()
            .no_zstd()
            .http1_only();
        if settings.base().is_loopback() {
            builder = builder.no_proxy();
        }
        if let Some(host) = settings.base().loopback_name() {
            builder = builder.resolve_to_addrs(host, &ApiBase::loopback(0));
        }
        let client = builder.build().map_err(|error| {
            Error::config(format!(
                "cannot set up a client: {}",
                transport_error(error, Phase::Connect).message
            ))
        })?;
        Ok(Self { client, proxies: None })
    }

    async fn exchange(&self, request: HttpRequest, limits: Limits) -> Result<HttpReply, TransportError> {
        // reqwest's own timeout costs three more allocations.
        let deadline = sleep(limits.timeout).deadline();
        let progress = UploadProgress::new(request.body());
        let proxied = self.proxies.is_some().then(|| request.url().clone());
        let opening = timeout_at(deadline, self.head(request, &progress)).await;
        let mut response = opening.unwrap_or_else(|_| {
            let proxy = proxied.and_then(|url| self.proxy_of(&url));
            Err(via(proxy, timed_out(progress.timed_out())))
        })?;
        let head = head(&response);
        let mut body = BytesMut::new();
        loop {
            match chunk(timeout_at(deadline, response.chunk()).await) {
                Ok(None) => return Ok(HttpReply::new(head, body.freeze())),
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Err(error) => return Err(error.while_reading(head, body.freeze())),
            }
            if body.len() > limits.max_body {
                return Err(TransportError::too_large(head, body.freeze(), limits.max_body));
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
            via(proxy, transport_error(error, phase))
        })
    }

    /// Returns the proxy of a URL, as errors name it.
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
            let response = opening.unwrap_or_else(|_| Err(timed_out(Phase::Waiting)))?;
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
        Box::pin(async { chunk(timeout(self.idle_timeout, self.response.chunk()).await) })
    }
}

fn chunk(read: Result<reqwest::Result<Option<Bytes>>, Elapsed>) -> Result<Option<Bytes>, TransportError> {
    let chunk = read.map_err(|_| timed_out(Phase::Reading))?;
    chunk.map_err(|error| transport_error(error, Phase::Reading))
}

/// The clock of tokio and its threads for blocking work.
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
            // Work that panicked leaves no result, which the caller notices.
            let _ = tokio::task::spawn_blocking(work).await;
        })
    }
}

/// Returns the settings that the caller may change.
fn preset(settings: &Settings) -> ClientBuilder {
    let builder = reqwest::Client::builder().connect_timeout(settings.connect_timeout);
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
    // Enough for most requests. The map is copied with each request.
    let mut headers = HeaderMap::with_capacity(4);
    for (name, value) in request.headers() {
        if let Ok(mut value) = HeaderValue::from_maybe_shared(value) {
            value.set_sensitive(name == "authorization");
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    let body = request.body().map(|body| reqwest::Body::wrap(TrackedBody::new(body, progress)));
    let mut prepared = reqwest::Request::new(method, request.into_url());
    *prepared.headers_mut() = headers;
    *prepared.body_mut() = body;
    prepared
}

fn head(response: &Response) -> HttpHead {
    let header = |name: &str| response.headers().get(name)?.to_str().ok();
    HttpHead::new(response.status().as_u16(), header, SystemTime::now())
}

/// Returns the phase of a failed exchange.
fn phase(error: &reqwest::Error, progress: &UploadProgress) -> Phase {
    match error {
        error if error.is_dns() => progress.not_connected(Phase::Resolve),
        error if error.is_connect() || error.is_builder() => progress.not_connected(Phase::Connect),
        error if error.is_timeout() => progress.timed_out(),
        _ => progress.phase(),
    }
}

fn transport_error(error: reqwest::Error, phase: Phase) -> TransportError {
    let error = error.without_url();
    let says = |words| move |link: &&Link| link.to_string().contains(words);
    let certificate = chain(&error).filter(says("certificate")).last();
    let kind = match phase {
        _ if error.is_timeout() => TransportErrorKind::Timeout,
        Phase::Sending | Phase::Waiting | Phase::Reading => TransportErrorKind::Broken,
        _ if certificate.is_some() => TransportErrorKind::Certificate,
        _ if chain(&error).any(|link| says("proxy authorization required")(&link)) => {
            TransportErrorKind::Proxy
        }
        _ => TransportErrorKind::Broken,
    };
    let certificate = certificate.filter(|_| kind == TransportErrorKind::Certificate);
    // Otherwise the innermost error is the most specific.
    let reason = certificate.or_else(|| chain(&error).last());
    TransportError::new(phase, kind, reason.map(ToString::to_string).unwrap_or_default())
}

/// Adds the proxy to an error.
fn via(proxy: Option<String>, error: TransportError) -> TransportError {
    match proxy {
        Some(proxy) => TransportError { message: format!("through {proxy}: {}", error.message), ..error },
        None => error,
    }
}

type Link = dyn std::error::Error + 'static;

/// Returns an error and its causes, the innermost last.
fn chain(error: &reqwest::Error) -> impl Iterator<Item = &Link> {
    std::iter::successors(Some(error as &Link), |link| link.source())
}

fn timed_out(phase: Phase) -> TransportError {
    TransportError::new(phase, TransportErrorKind::Timeout, "no data arrived in time")
}

impl http_body::Body for TrackedBody {
    type Data = Bytes;
    type Error = std::io::Error;

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
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}
