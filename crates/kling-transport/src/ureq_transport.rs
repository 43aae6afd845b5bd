//! The blocking transport: ureq, without retries and redirects, with the certificates and cryptography of the async
//! one.

use std::io::{self, Read};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use bytes::{Bytes, BytesMut};
use ureq::config::{AutoHeaderValue, Config, ConfigBuilder};
use ureq::http;
#[cfg(any(feature = "rustls", feature = "native-tls"))]
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};
use ureq::typestate::{AgentScope, HttpCrateScope};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{ConnectionDetails, Connector, DefaultConnector, NextTimeout};
use ureq::{Agent, BodyReader, Proxy, ProxyProtocol, SendBody};
use url::Url;

use crate::allowed_hosts::{refuse_unknown_schemes, unsupported};
use crate::upload_progress::{TrackedBody, UploadProgress};
use crate::{
    ApiBase, BodyStream, BoxFuture, Error, HttpHead, HttpReply, HttpRequest, Limits, OpenResult, Phase,
    Runtime, Settings, Transport, TransportError, TransportErrorKind,
};

/// The size of a chunk of a body, in bytes.
const CHUNK: usize = 32 * 1024;

type Response = http::Response<ureq::Body>;
type Configured = ConfigBuilder<HttpCrateScope<SendBody<'static>>>;

/// Carries requests by ureq.
#[derive(Clone, Debug)]
pub struct Ureq {
    agent: Agent,
    /// The name that must resolve to loopback.
    loopback_name: Option<String>,
}

impl Ureq {
    /// Returns a transport with this crate's settings.
    pub fn new(settings: &Settings) -> Result<Self, Error> {
        Self::with(settings, |builder| builder)
    }

    /// Returns a transport with the caller's settings, below this crate's own: see
    /// [`Client::configured`](crate::blocking::Client::configured).
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if the settings cannot be used.
    #[cfg(feature = "unstable-ureq")]
    pub fn configured(
        settings: &Settings,
        configure: impl FnOnce(ConfigBuilder<AgentScope>) -> ConfigBuilder<AgentScope>,
    ) -> Result<Self, Error> {
        Self::with(settings, configure)
    }

    fn with(
        settings: &Settings,
        configure: impl FnOnce(ConfigBuilder<AgentScope>) -> ConfigBuilder<AgentScope>,
    ) -> Result<Self, Error> {
        let mut builder = configure(preset(settings))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .accept_encoding(AutoHeaderValue::None)
            .timeout_global(None)
            .timeout_per_call(None);
        if settings.base().is_loopback() {
            builder = builder.proxy(None);
        }
        let config = builder.build();
        if let Some(proxy) = proxy_of(&config, &settings.base().join(&[])) {
            // ureq panics on some other proxies, and ignores others.
            if !matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https) {
                return Err(unsupported(&label(proxy)));
            }
        } else if !settings.base().is_loopback() {
            refuse_unknown_schemes()?;
        }
        #[cfg(any(feature = "rustls", feature = "native-tls"))]
        check(config.tls_config())?;
        let loopback_name = settings.base().loopback_name().map(str::to_owned);
        Ok(Self { agent: agent(config, loopback_name.clone()), loopback_name })
    }

    fn exchange(&self, request: HttpRequest, limits: Limits) -> Result<HttpReply, TransportError> {
        let response = self.head(&request, |builder| builder.timeout_global(Some(limits.timeout)))?;
        let (head, mut chunks) = (head(&response), Body(reader(response, limits.max_body as u64 + 1)));
        let mut body = BytesMut::new();
        loop {
            match chunks.next() {
                Ok(None) => return Ok(HttpReply::new(head, body.freeze())),
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Err(error) => return Err(error.while_reading(head, body.freeze())),
            }
            if body.len() > limits.max_body {
                return Err(TransportError::too_large(head, body.freeze(), limits.max_body));
            }
        }
    }

    fn head(
        &self,
        request: &HttpRequest,
        limit: impl FnOnce(Configured) -> Configured,
    ) -> Result<Response, TransportError> {
        let (agent, progress) = (self.agent_for(request), UploadProgress::new(request.body()));
        let prepared = prepare(request, &progress).map_err(|error| {
            TransportError::new(Phase::Connect, TransportErrorKind::Broken, error.to_string())
        })?;
        agent.run(limit(agent.configure_request(prepared)).build()).map_err(|error| {
            let error = classified(error, &progress);
            match proxy_of(agent.config(), request.url()) {
                Some(proxy) => TransportError {
                    message: format!("through the proxy {}: {}", label(proxy), error.message),
                    ..error
                },
                None => error,
            }
        })
    }

    /// Returns the agent of a request. A paid request gets a new connection, since an idle one may break and leave the
    /// outcome unknown.
    fn agent_for(&self, request: &HttpRequest) -> Agent {
        match request.is_paid() {
            true => agent(self.agent.config().clone(), self.loopback_name.clone()),
            false => self.agent.clone(),
        }
    }
}

/// Returns an agent whose errors tell whether a connection opened, unlike ureq's own.
fn agent(config: Config, loopback_name: Option<String>) -> Agent {
    let resolver = MarkingResolver { inner: DefaultResolver::default(), loopback_name };
    Agent::with_parts(config, MarkingConnector::default(), resolver)
}

/// Returns the proxy of a URL.
fn proxy_of<'a>(config: &'a Config, url: &Url) -> Option<&'a Proxy> {
    let uri = url.as_str().parse().ok()?;
    config.proxy().filter(|proxy| !proxy.is_no_proxy(&uri))
}

/// Returns a proxy without user and password, as errors name it.
fn label(proxy: &Proxy) -> String {
    format!("{}://{}:{}", proxy.uri().scheme_str().unwrap_or("http"), proxy.host(), proxy.port())
}

impl Transport for Ureq {
    fn send(&self, request: HttpRequest, limits: Limits) -> BoxFuture<'_, Result<HttpReply, TransportError>> {
        Box::pin(async move { self.exchange(request, limits) })
    }

    fn open(&self, request: HttpRequest, idle_timeout: Duration) -> BoxFuture<'_, OpenResult> {
        Box::pin(async move {
            let limit = Some(idle_timeout);
            let response =
                self.head(&request, |builder| builder.timeout_recv_response(limit).timeout_per_read(limit))?;
            let head = head(&response);
            // The download bounds the size.
            let body: Box<dyn BodyStream> = Box::new(Body(reader(response, u64::MAX)));
            Ok((head, body))
        })
    }
}

/// The body of a reply.
struct Body(BodyReader<'static>);

impl Body {
    fn next(&mut self) -> Result<Option<Bytes>, TransportError> {
        let mut buffer = vec![0; CHUNK];
        // The error wraps ureq's own.
        let read = self.0.read(&mut buffer).map_err(|error| transport_error(&error.into(), Phase::Reading));
        buffer.truncate(read?);
        Ok((!buffer.is_empty()).then(|| buffer.into()))
    }
}

impl BodyStream for Body {
    fn chunk(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, TransportError>> {
        Box::pin(async { self.next() })
    }
}

/// The clock of the system. Its futures block the thread, so they are ready at their first poll.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThreadRuntime;

impl Runtime for ThreadRuntime {
    fn now(&self) -> Instant {
        Instant::now()
    }

    #[allow(clippy::disallowed_methods, reason = "the one place that puts a thread to sleep")]
    fn sleep(&self, pause: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async move { thread::sleep(pause) })
    }

    fn run_blocking(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'_, ()> {
        Box::pin(async { work() })
    }
}

/// Returns the settings that the caller may change.
fn preset(settings: &Settings) -> ConfigBuilder<AgentScope> {
    let builder = Agent::config_builder().timeout_connect(Some(settings.connect_timeout));
    #[cfg(any(feature = "rustls", feature = "native-tls"))]
    let builder = builder.tls_config(tls_config().build());
    builder
}

fn prepare(
    request: &HttpRequest,
    progress: &UploadProgress,
) -> Result<http::Request<SendBody<'static>>, http::Error> {
    let mut builder = http::Request::builder().method(request.method().as_str()).uri(request.url().as_str());
    for (name, value) in request.headers() {
        builder = builder.header(name, &value[..]);
    }
    builder.body(match request.body() {
        Some(body) => SendBody::from_owned_reader(TrackedBody::new(body, progress)),
        None => SendBody::none(),
    })
}

fn head(response: &Response) -> HttpHead {
    let header = |name: &str| response.headers().get(name)?.to_str().ok();
    HttpHead::new(response.status().as_u16(), header, SystemTime::now())
}

fn reader(response: Response, limit: u64) -> BodyReader<'static> {
    response.into_body().into_with_config().limit(limit).reader()
}

/// Returns the error and phase of a failed exchange.
fn classified(error: ureq::Error, progress: &UploadProgress) -> TransportError {
    if let ureq::Error::Other(inner) = &error
        && let Some(unconnected) = inner.downcast_ref::<TransportError>()
    {
        return TransportError { phase: progress.not_connected(unconnected.phase), ..unconnected.clone() };
    }
    let phase = match error {
        ureq::Error::ConnectionFailed | ureq::Error::TlsRequired => progress.not_connected(Phase::Connect),
        ureq::Error::Timeout(_) => progress.timed_out(),
        _ => progress.phase(),
    };
    transport_error(&error, phase)
}

fn transport_error(error: &ureq::Error, phase: Phase) -> TransportError {
    let message = match error {
        ureq::Error::Io(error) => error.to_string(),
        error => error.to_string(),
    };
    let kind = match error {
        ureq::Error::Timeout(_) => TransportErrorKind::Timeout,
        _ if !phase.is_before_sending() => TransportErrorKind::Broken,
        ureq::Error::ConnectProxyFailed(reason) if reason.contains("407") => TransportErrorKind::Proxy,
        _ if message.contains("certificate") => TransportErrorKind::Certificate,
        _ => TransportErrorKind::Broken,
    };
    TransportError::new(phase, kind, message)
}

/// Marks an error from before the connection, so that ureq keeps it.
fn not_connected(error: ureq::Error, phase: Phase) -> ureq::Error {
    match error {
        ureq::Error::Other(inner) if inner.is::<TransportError>() => ureq::Error::Other(inner),
        error => ureq::Error::Other(Box::new(transport_error(&error, phase))),
    }
}

impl Read for TrackedBody {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let piece = self.next_piece(buffer.len())?;
        buffer[..piece.len()].copy_from_slice(&piece);
        Ok(piece.len())
    }
}

/// The connector of ureq, with errors that tell that no connection opened.
#[derive(Debug, Default)]
struct MarkingConnector {
    inner: DefaultConnector,
}

impl Connector for MarkingConnector {
    type Out = <DefaultConnector as Connector>::Out;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<()>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        self.inner.connect(details, chained).map_err(|error| not_connected(error, Phase::Connect))
    }
}

/// A resolver of ureq, with errors that tell so. One name is loopback without a look-up.
#[derive(Debug)]
struct MarkingResolver {
    inner: DefaultResolver,
    loopback_name: Option<String>,
}

impl Resolver for MarkingResolver {
    fn resolve(
        &self,
        uri: &http::Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        if self.loopback_name.is_none() || self.loopback_name.as_deref() != uri.host() {
            let found = self.inner.resolve(uri, config, timeout);
            return found.map_err(|error| not_connected(error, Phase::Resolve));
        }
        let mut found = self.empty();
        let addresses = ApiBase::loopback(uri.port_u16().unwrap_or(80));
        addresses.into_iter().for_each(|address| found.push(address));
        Ok(found)
    }
}

/// Returns the base of a TLS configuration for the feature `unstable-ureq`: see `blocking::Client::configured`. It has the
/// platform's certificates. With the feature `rustls` it has the installed crypto provider, or else aws-lc-rs.
///
/// Further certificates may be added. ureq's own base has no crypto provider here.
#[cfg(any(feature = "rustls", feature = "native-tls"))]
#[cfg_attr(
    not(feature = "unstable-ureq"),
    expect(unreachable_pub, reason = "a user of that feature needs it")
)]
pub fn tls_config() -> ureq::tls::TlsConfigBuilder {
    let builder = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier);
    #[cfg(feature = "rustls")]
    return builder.provider(TlsProvider::Rustls).unversioned_rustls_crypto_provider(provider());
    #[cfg(not(feature = "rustls"))]
    builder.provider(TlsProvider::NativeTls)
}

/// Rejects settings on which ureq would panic at the first `https` connection.
#[cfg(any(feature = "rustls", feature = "native-tls"))]
fn check(tls: &TlsConfig) -> Result<(), Error> {
    let is_usable = match tls.provider() {
        _ if matches!(tls.root_certs(), RootCerts::WebPki) => false,
        #[cfg(feature = "rustls")]
        TlsProvider::Rustls if tls.unversioned_rustls_crypto_provider().is_some() => true,
        #[cfg(feature = "native-tls")]
        TlsProvider::NativeTls => true,
        _ => false,
    };
    if is_usable {
        return Ok(());
    }
    Err(Error::config(
        "the TLS configuration lacks a crypto provider or certificates: start from blocking::tls_config",
    ))
}

#[cfg(feature = "rustls")]
fn provider() -> std::sync::Arc<rustls::crypto::CryptoProvider> {
    let installed = rustls::crypto::CryptoProvider::get_default().cloned();
    installed.unwrap_or_else(|| rustls::crypto::aws_lc_rs::default_provider().into())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_loopback_name_is_not_looked_up() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://nowhere.invalid:{}/v1", listener.local_addr().unwrap().port());
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 1024]);
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
        });
        let agent = agent(Agent::config_builder().build(), Some("nowhere.invalid".to_owned()));
        assert_eq!(agent.get(url).call().unwrap().status(), 204);
    }
}
