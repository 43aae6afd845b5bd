//! A foreign origin that replies name. It must get no request.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// Counts connections.
#[derive(Debug)]
pub(crate) struct TokenLeak {
    listener: TcpListener,
    address: SocketAddr,
}

impl TokenLeak {
    pub(crate) fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the number of connections since the last call.
    pub(crate) fn connections(&self) -> usize {
        std::iter::from_fn(|| self.listener.accept().ok()).count()
    }
}
