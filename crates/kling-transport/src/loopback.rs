//! Names that are trusted with plain `http` only if they lead to this machine.

use std::fmt;
use std::net::SocketAddr;

/// Keeps the addresses of this machine.
///
/// # Errors
/// [`NotLoopback`] if there are others only.
pub(crate) fn only_loopback(
    name: &str,
    addresses: impl IntoIterator<Item = SocketAddr>,
) -> Result<Vec<SocketAddr>, NotLoopback> {
    let (own, others): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.ip().to_canonical().is_loopback());
    match others.first() {
        Some(address) if own.is_empty() => Err(NotLoopback { name: name.to_owned(), address: *address }),
        _ => Ok(own),
    }
}

/// A name that has no address of this machine.
#[derive(Debug)]
pub(crate) struct NotLoopback {
    name: String,
    address: SocketAddr,
}

impl fmt::Display for NotLoopback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, address } = self;
        write!(
            f,
            "{name} is {} and not this machine: plain http would show the token to the network; give an https:// URL",
            address.ip()
        )
    }
}

impl std::error::Error for NotLoopback {}

/// Resolves as reqwest does by default, and judges one name by its addresses.
#[cfg(feature = "async")]
pub(crate) struct JudgingResolver {
    pub(crate) judged: String,
}

#[cfg(feature = "async")]
impl reqwest::dns::Resolve for JudgingResolver {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let is_judged = name.as_str() == self.judged;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let addresses =
                if is_judged { only_loopback(name.as_str(), found)? } else { found.collect::<Vec<_>>() };
            Ok(Box::new(addresses.into_iter()) as reqwest::dns::Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(addresses: &[&str]) -> Result<Vec<String>, String> {
        let addresses = addresses.iter().map(|address| address.parse().unwrap());
        let kept = only_loopback("sim.localhost", addresses);
        kept.map(|kept| kept.iter().map(ToString::to_string).collect()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_name_leads_to_this_machine_or_nowhere() {
        assert_eq!(
            judged(&["127.0.0.1:80", "10.1.2.3:80", "[::1]:80"]).unwrap(),
            ["127.0.0.1:80", "[::1]:80"]
        );
        assert_eq!(judged(&["[::ffff:127.0.0.1]:80"]).unwrap().len(), 1);
        let refused = judged(&["10.1.2.3:80", "[2001:db8::1]:80"]).unwrap_err();
        assert!(refused.starts_with("sim.localhost is 10.1.2.3 and not this machine"), "{refused}");
    }
}
