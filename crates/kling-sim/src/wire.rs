//! The bytes of one connection: passed through, until a fault takes over and sends bytes of its own.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use crate::listener::Listener;
use crate::lock;

/// What a fault does to a connection instead of the answer that was on its way.
#[derive(Debug, Default)]
pub(crate) struct Play {
    moves: VecDeque<Move>,
    resets: bool,
    pausing: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug)]
enum Move {
    Send(Bytes),
    Pause(Duration),
}

impl Play {
    pub(crate) fn send(mut self, bytes: impl Into<Bytes>) -> Self {
        self.moves.push_back(Move::Send(bytes.into()));
        self
    }

    pub(crate) fn pause(mut self, time: Duration) -> Self {
        self.moves.push_back(Move::Pause(time));
        self
    }

    /// Ends in a reset, not in good order.
    pub(crate) fn reset(self) -> Self {
        Self { resets: true, ..self }
    }

    /// Done when every move is, or the peer has gone.
    fn poll(&mut self, tcp: &mut TcpStream, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(next) = self.moves.front_mut() {
            match next {
                Move::Send(bytes) if bytes.is_empty() => {}
                Move::Send(bytes) => match ready!(Pin::new(&mut *tcp).poll_write(cx, bytes)) {
                    Ok(sent @ 1..) => {
                        let _ = bytes.split_to(sent);
                        continue;
                    }
                    _ => break,
                },
                Move::Pause(time) => {
                    let pausing = self.pausing.get_or_insert_with(|| Box::pin(sleep(*time)));
                    ready!(pausing.as_mut().poll(cx));
                    self.pausing = None;
                }
            }
            self.moves.pop_front();
        }
        if self.resets {
            // A socket that cannot be reset any more is closed already.
            let _ = tcp.set_zero_linger();
        }
        Poll::Ready(())
    }
}

/// The side of a connection that the handler of its calls holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wire(Arc<Mutex<Option<Play>>>);

impl Wire {
    /// Replaces the next answer; the connection ends after it.
    pub(crate) fn play(&self, play: Play) {
        *lock(&self.0) = Some(play);
    }
}

impl Connected<IncomingStream<'_, Listener>> for Wire {
    fn connect_info(stream: IncomingStream<'_, Listener>) -> Self {
        stream.io().wire.clone()
    }
}

/// A connection whose answers can be replaced.
#[derive(Debug)]
pub(crate) struct Stream {
    tcp: TcpStream,
    wire: Wire,
    playing: Option<Play>,
}

impl Stream {
    pub(crate) fn new(tcp: TcpStream) -> Self {
        Self { tcp, wire: Wire::default(), playing: None }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Stream {
    /// A failed write is what makes the HTTP side let go of the connection once a play is over.
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Self { tcp, wire, playing } = self.get_mut();
        if playing.is_none() {
            *playing = lock(&wire.0).take();
        }
        match playing {
            None => Pin::new(tcp).poll_write(cx, bytes),
            Some(play) => play.poll(tcp, cx).map(|()| Err(io::ErrorKind::ConnectionAborted.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_shutdown(cx)
    }
}
