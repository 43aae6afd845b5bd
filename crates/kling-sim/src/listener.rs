//! The listener: where connections come from.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use axum::serve;
use tokio::net::TcpListener;

use crate::wire::Stream;

/// A TCP listener on 127.0.0.1.
#[derive(Debug)]
pub(crate) struct Listener(TcpListener);

impl Listener {
    /// Binds without waiting, so that a caller inside another runtime may do it; to be called inside its own.
    pub(crate) fn bind(port: u16) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener).map(Self)
    }

    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl serve::Listener for Listener {
    type Io = Stream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, peer) = serve::Listener::accept(&mut self.0).await;
        // Replies are small; without this each waits for the peer's delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        (Stream::new(stream), peer)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.address()
    }
}
