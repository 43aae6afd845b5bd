//! From names to addresses, and past the judge of addresses: the only way that a check comes to a connection.

use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;
use std::{fmt, io};

use super::address;

/// Finds the addresses of a host name. It may block: it is called on a thread that may.
pub trait Resolve: fmt::Debug + Send + Sync + 'static {
    /// The addresses of a name.
    ///
    /// # Errors
    /// When there are none, or nobody knows.
    fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// The resolver of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        Ok((host, 0).to_socket_addrs()?.map(|address| address.ip()).collect())
    }
}

/// A resolver that lets only those addresses out which may be connected to.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    pub(super) resolver: Arc<dyn Resolve>,
    pub(super) allow_private: bool,
}

impl Guard {
    /// The addresses that may be connected to; there is at least one.
    pub(super) fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let mut addresses = self.resolver.resolve(host)?;
        if addresses.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
        }
        addresses.retain(|&address| self.allow_private || address::is_public(address));
        if addresses.is_empty() { Err(io::Error::other(PrivateAddress)) } else { Ok(addresses) }
    }
}

/// What a client reports, somewhere down the chain of its errors, when it was not let out.
#[derive(Clone, Copy, Debug)]
pub(super) struct PrivateAddress;

impl PrivateAddress {
    /// Whether an error comes from a guard.
    pub(super) fn is_behind(error: &(dyn std::error::Error + 'static)) -> bool {
        let mut next = Some(error);
        while let Some(error) = next {
            let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            if error.is::<Self>() || inner.is_some_and(|inner| inner.is::<Self>()) {
                return true;
            }
            next = error.source();
        }
        false
    }
}

impl std::error::Error for PrivateAddress {}

impl fmt::Display for PrivateAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name leads to addresses that are not public")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Fixed(Vec<IpAddr>);

    impl Resolve for Fixed {
        fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
            Ok(self.0.clone())
        }
    }

    fn let_out(allow_private: bool, addresses: &[&str]) -> Result<usize, bool> {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        let guard = Guard { resolver: Arc::new(Fixed(addresses)), allow_private };
        guard.addresses("a.example").map(|left| left.len()).map_err(|error| PrivateAddress::is_behind(&error))
    }

    #[test]
    fn only_public_addresses_are_let_out() {
        assert_eq!(let_out(false, &["93.184.215.14", "10.0.0.1", "::1"]), Ok(1));
        assert_eq!(let_out(false, &["127.0.0.1", "fe80::1"]), Err(true));
        assert_eq!(let_out(false, &[]), Err(false));
        assert_eq!(let_out(true, &["127.0.0.1"]), Ok(1));
    }
}
