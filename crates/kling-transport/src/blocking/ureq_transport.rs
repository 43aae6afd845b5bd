//! The blocking transport that comes with the crate: ureq, with everything off that could send a request twice or elsewhere.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use bytes::BytesMut;
use ureq::config::{AutoHeaderValue, ConfigBuilder};
use ureq::http;
use ureq::typestate::AgentScope;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{ConnectionDetails, Connector, DefaultConnector};
use ureq::{Agent, BodyReader, SendBody, Timeout};

use super::{Streaming, Transport};
use crate::watch::{Watch, Watched};
use crate::{Error, Failure, FailureKind, HttpHead, HttpReply, HttpRequest, Limits, Phase, Settings};

type Response = http::Response<ureq::Body>;

/// Carries requests by ureq.
#[derive(Clone, Debug)]
pub struct Ureq {
    agent: Agent,
}

impl Ureq {
    /// A transport shaped by the caller, after which this crate's own settings are made:
    /// see [`Client::configured`](super::Client::configured).
    ///
    /// # Errors
    /// [`Error::is_config`] where what was asked for cannot be set up.
    pub fn configured(
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
        #[cfg(any(feature = "rustls", feature = "native-tls"))]
        super::tls::check(config.tls_config())?;
        Ok(Self { agent: config.new_agent() })
    }

    fn head(&self, request: &HttpRequest, bound: Bound) -> Result<Response, Failure> {
        let (agent, opened) = self.agent_for(request);
        let watch = Watch::new(request.body());
        let prepared = prepare(request, &watch)
            .map_err(|error| Failure::new(Phase::Connect, FailureKind::Broken, error.to_string()))?;
        let builder = agent.configure_request(prepared);
        let prepared = match bound {
            Bound::Whole(timeout) => builder.timeout_global(Some(timeout)),
            Bound::Pause(patience) => {
                builder.timeout_recv_response(Some(patience)).timeout_per_read(Some(patience))
            }
        };
        agent.run(prepared.build()).map_err(|error| {
            let is_open = opened.load(Ordering::Acquire);
            let phase = match phase_before_sending(&error) {
                Some(phase) => watch.unconnected(phase),
                None if !is_open => watch.unconnected(Phase::Connect),
                None if matches!(error, ureq::Error::Timeout(_)) => watch.timed_out(),
                None => watch.phase(),
            };
            failure(&error, phase)
        })
    }

    /// A paid request gets a connection of its own: none that idled too long, which would leave its outcome unknown; and one
    /// that tells whether it was opened at all, which ureq's errors do not.
    fn agent_for(&self, request: &HttpRequest) -> (Agent, Arc<AtomicBool>) {
        if !request.is_paid() {
            return (self.agent.clone(), Arc::new(true.into()));
        }
        let connector = Opening::default();
        let opened = connector.opened.clone();
        let config = self.agent.config().clone();
        (Agent::with_parts(config, connector, DefaultResolver::default()), opened)
    }
}

/// What a time limit bounds.
enum Bound {
    /// The exchange, up to the last byte of the answer.
    Whole(Duration),
    /// Each pause in the answer.
    Pause(Duration),
}

impl Transport for Ureq {
    fn send(&self, request: HttpRequest, limits: Limits) -> Result<HttpReply, Failure> {
        let response = self.head(&request, Bound::Whole(limits.timeout))?;
        let head = head(&response);
        let mut reader = reader(response, limits.max_body as u64 + 1);
        let mut body = BytesMut::new();
        let mut buffer = vec![0; 16 * 1024];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(HttpReply::new(head, body.freeze())),
                Ok(read) => body.extend_from_slice(&buffer[..read]),
                Err(error) => return Err(broken_off(error).while_reading(head.status, body.freeze())),
            }
            if body.len() > limits.max_body {
                return Err(Failure::too_large(head.status, body.freeze(), limits.max_body));
            }
        }
    }
}

impl Streaming for Ureq {
    type Body = Incoming;

    fn open(&self, request: HttpRequest, patience: Duration) -> Result<(HttpHead, Incoming), Failure> {
        let response = self.head(&request, Bound::Pause(patience))?;
        // The size is bounded where the bytes are written.
        Ok((head(&response), Incoming(reader(response, u64::MAX))))
    }
}

/// The rest of an answer that is being downloaded.
pub struct Incoming(BodyReader<'static>);

impl Read for Incoming {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

/// What the caller may still change.
fn preset(settings: &Settings) -> ConfigBuilder<AgentScope> {
    let builder = Agent::config_builder().timeout_connect(Some(settings.connect_timeout()));
    #[cfg(any(feature = "rustls", feature = "native-tls"))]
    let builder = builder.tls_config(super::tls_config().build());
    builder
}

fn prepare(request: &HttpRequest, watch: &Watch) -> Result<http::Request<SendBody<'static>>, http::Error> {
    let mut builder = http::Request::builder().method(request.method().as_str()).uri(request.url().as_str());
    for (name, value) in request.headers() {
        builder = builder.header(name, &value[..]);
    }
    builder.body(match request.body() {
        Some(body) => SendBody::from_owned_reader(Leaving(Watched::new(body, watch))),
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

/// ureq names the phase of a timeout; of other errors only some can come from one phase alone.
fn phase_before_sending(error: &ureq::Error) -> Option<Phase> {
    match error {
        ureq::Error::HostNotFound | ureq::Error::Timeout(Timeout::Resolve) => Some(Phase::Resolve),
        ureq::Error::ConnectionFailed
        | ureq::Error::ConnectProxyFailed(_)
        | ureq::Error::Timeout(Timeout::Connect)
        | ureq::Error::TlsRequired => Some(Phase::Connect),
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => Some(Phase::Connect),
        _ => None,
    }
}

fn failure(error: &ureq::Error, phase: Phase) -> Failure {
    let kind =
        if matches!(error, ureq::Error::Timeout(_)) { FailureKind::Timeout } else { FailureKind::Broken };
    Failure::new(phase, kind, error.to_string())
}

/// An error of the body's reader, which wraps ureq's own.
pub(super) fn broken_off(error: io::Error) -> Failure {
    failure(&error.into(), Phase::Reading)
}

/// A watched body in the shape that ureq takes.
struct Leaving(Watched);

impl Read for Leaving {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let piece = self.0.take(buffer.len()).map_err(io::Error::other)?;
        buffer[..piece.len()].copy_from_slice(&piece);
        Ok(piece.len())
    }
}

/// ureq's own way of connecting, which also tells whether it came to a connection, TLS and proxies included.
#[derive(Debug, Default)]
struct Opening {
    inner: DefaultConnector,
    opened: Arc<AtomicBool>,
}

impl Connector for Opening {
    type Out = <DefaultConnector as Connector>::Out;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<()>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        let connected = self.inner.connect(details, chained);
        // Last, because a proxy is connected to by a call of this very connector.
        self.opened.store(matches!(connected, Ok(Some(_))), Ordering::Release);
        connected
    }
}
