//! The connections: a listener on loopback, and streams whose next reply a fault can replace by bytes of its own.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::connect_info::Connected;
use axum::serve::{self, IncomingStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Sleep, sleep};

use crate::lock;

/// A TCP listener on 127.0.0.1.
#[derive(Debug)]
pub(crate) struct Listener(TcpListener);

impl Listener {
    /// Must be called inside a runtime.
    pub(crate) fn new(listener: std::net::TcpListener) -> io::Result<Self> {
        TcpListener::from_std(listener).map(Self)
    }
}

impl serve::Listener for Listener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (tcp, peer) = serve::Listener::accept(&mut self.0).await;
        // Replies are small: without this option each waits for the peer's delayed acknowledgement.
        let _ = tcp.set_nodelay(true);
        (Connection { tcp, handle: ConnectionHandle::default(), sending: None }, peer)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

/// The bytes and pauses that a fault sends in place of the reply. The connection ends after them.
#[derive(Debug, Default)]
pub(crate) struct RawReply {
    steps: VecDeque<Step>,
    resets: bool,
    pausing: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug)]
enum Step {
    Send(Bytes),
    Pause(Duration),
}

impl RawReply {
    pub(crate) fn send(mut self, bytes: impl Into<Bytes>) -> Self {
        self.steps.push_back(Step::Send(bytes.into()));
        self
    }

    pub(crate) fn pause(mut self, time: Duration) -> Self {
        self.steps.push_back(Step::Pause(time));
        self
    }

    /// Ends the connection with a reset instead of a close.
    pub(crate) fn reset(self) -> Self {
        Self { resets: true, ..self }
    }

    /// Is ready when every step is done, or the peer has closed the connection.
    fn poll(&mut self, tcp: &mut TcpStream, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(step) = self.steps.front_mut() {
            match step {
                Step::Send(bytes) if bytes.is_empty() => {}
                Step::Send(bytes) => match ready!(Pin::new(&mut *tcp).poll_write(cx, bytes)) {
                    Ok(sent @ 1..) => {
                        let _ = bytes.split_to(sent);
                        continue;
                    }
                    _ => break,
                },
                Step::Pause(time) => {
                    let pausing = self.pausing.get_or_insert_with(|| Box::pin(sleep(*time)));
                    ready!(pausing.as_mut().poll(cx));
                    self.pausing = None;
                }
            }
            self.steps.pop_front();
        }
        if self.resets {
            // Fails only if the socket is closed already.
            let _ = tcp.set_zero_linger();
        }
        Poll::Ready(())
    }
}

/// The handle by which the handler of a call replaces its reply.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConnectionHandle(Arc<Mutex<Option<RawReply>>>);

impl ConnectionHandle {
    /// Replaces the next reply. The connection ends after it.
    pub(crate) fn replace_reply(&self, reply: RawReply) {
        *lock(&self.0) = Some(reply);
    }
}

impl Connected<IncomingStream<'_, Listener>> for ConnectionHandle {
    fn connect_info(stream: IncomingStream<'_, Listener>) -> Self {
        stream.io().handle.clone()
    }
}

/// A connection whose replies can be replaced.
#[derive(Debug)]
pub(crate) struct Connection {
    tcp: TcpStream,
    handle: ConnectionHandle,
    sending: Option<RawReply>,
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Connection {
    /// Fails once a raw reply is sent, so that hyper drops the connection.
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Self { tcp, handle, sending } = self.get_mut();
        if sending.is_none() {
            *sending = lock(&handle.0).take();
        }
        match sending {
            None => Pin::new(tcp).poll_write(cx, bytes),
            Some(reply) => reply.poll(tcp, cx).map(|()| Err(io::ErrorKind::ConnectionAborted.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_shutdown(cx)
    }
}
