//! The URLs and the addresses that a check may connect to, so that a check is no way into a private network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs};
use std::sync::Arc;
use std::{fmt, io, iter};

use url::{Host, Origin, Url};

use crate::Error;
use crate::error::Kind;

/// The most redirects that are followed.
const MAX_REDIRECTS: u32 = 5;

/// Checks URLs by their text. Names are checked when they are resolved.
#[derive(Clone, Debug)]
pub(super) struct RedirectPolicy {
    allow_private: bool,
    /// The server in the caller's URL.
    named: Origin,
    redirects: u32,
}

impl RedirectPolicy {
    /// Checks the caller's URL.
    pub(super) fn open(text: &str, allow_private: bool) -> Result<(Self, Url), Error> {
        let url = Url::parse(text).map_err(|_| Error::from(Kind::Url("text that is no url".into())))?;
        let url = without_credentials(url);
        let policy = Self { allow_private, named: url.origin(), redirects: 0 };
        if !policy.allows_scheme(&url) {
            let found = if url.scheme() == "http" { "an http url" } else { "a url that is no https url" };
            return Err(Kind::Url(found.into()).into());
        }
        policy.check_address(&url)?;
        Ok((policy, url))
    }

    /// Checks a redirect.
    pub(super) fn redirect(&mut self, from: &Url, location: Option<&str>) -> Result<Url, Error> {
        let protocol = |found: &str| Error::from(Kind::Protocol(found.to_owned()));
        self.redirects += 1;
        if self.redirects > MAX_REDIRECTS {
            return Err(protocol("it redirects more than 5 times"));
        }
        let location = location.ok_or_else(|| protocol("it redirects without a location"))?;
        let url = from.join(location).map_err(|_| protocol("it redirects to an invalid url"))?;
        let url = without_credentials(url);
        if !self.allows_scheme(&url) {
            return Err(protocol("it redirects to a url that is not https"));
        }
        self.check_address(&url)?;
        Ok(url)
    }

    /// Whether a URL may lead to a private address: only the server in the caller's URL, if the caller allowed it.
    pub(super) fn allows_private(&self, url: &Url) -> bool {
        self.allow_private && url.origin() == self.named
    }

    fn allows_scheme(&self, url: &Url) -> bool {
        url.scheme() == "https" || (url.scheme() == "http" && self.allows_private(url))
    }

    /// Checks an address in the URL itself, which no resolver sees.
    fn check_address(&self, url: &Url) -> Result<(), Error> {
        let is_public = match url.host() {
            Some(Host::Domain(_)) | None => true,
            Some(Host::Ipv4(address)) => is_public(address.into()),
            Some(Host::Ipv6(address)) => is_public(address.into()),
        };
        if is_public || self.allows_private(url) { Ok(()) } else { Err(private(url)) }
    }
}

/// Removes the user name and the password: a check sends neither.
fn without_credentials(mut url: Url) -> Url {
    // Fails only without a host, and such a URL is refused for its scheme.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}

/// Returns the error for a host on a private address.
pub(super) fn private(url: &Url) -> Error {
    Error::from(Kind::Private(url.host_str().unwrap_or_default().to_owned()))
}

/// Finds the addresses of a host name. It may block.
pub trait Resolve: fmt::Debug + Send + Sync + 'static {
    /// Returns the addresses of a name.
    ///
    /// # Errors
    /// If the name is unknown or has no address.
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

/// A resolver that returns only addresses that a check may connect to.
#[derive(Clone, Debug)]
pub(super) struct PublicResolver {
    pub(super) resolver: Arc<dyn Resolve>,
    pub(super) allow_private: bool,
}

impl PublicResolver {
    /// Returns at least one address that a check may connect to.
    pub(super) fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let mut addresses = self.resolver.resolve(host)?;
        if addresses.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
        }
        addresses.retain(|&address| self.allow_private || is_public(address));
        if addresses.is_empty() { Err(io::Error::other(PrivateAddress)) } else { Ok(addresses) }
    }
}

/// The error of [`PublicResolver`], somewhere in the chain of a client's errors.
#[derive(Clone, Copy, Debug)]
pub(super) struct PrivateAddress;

impl PrivateAddress {
    /// Whether an error comes from [`PublicResolver`].
    pub(super) fn is_behind(error: &(dyn std::error::Error + 'static)) -> bool {
        iter::successors(Some(error), |error| error.source()).any(|error| {
            let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            error.is::<Self>() || inner.is_some_and(|inner| inner.is::<Self>())
        })
    }
}

impl std::error::Error for PrivateAddress {}

impl fmt::Display for PrivateAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name leads to addresses that are not public")
    }
}

/// Blocks of IPv4 outside the public internet that the standard library does not name, from IANA's registry of
/// special-purpose addresses.
const SPECIAL_V4: &[([u8; 4], u32)] = &[
    ([0, 0, 0, 0], 8),
    // Shared with other customers of a provider.
    ([100, 64, 0, 0], 10),
    ([192, 0, 0, 0], 24),
    ([192, 88, 99, 0], 24),
    // Benchmarks.
    ([198, 18, 0, 0], 15),
    // Reserved, broadcast.
    ([240, 0, 0, 0], 4),
];

/// The block of IPv6 for public addresses.
const GLOBAL_V6: ([u16; 2], u32) = ([0x2000, 0], 3);

/// Blocks within it for other uses: Teredo and other protocols, documentation, 6to4.
const SPECIAL_V6: &[([u16; 2], u32)] =
    &[([0x2001, 0], 23), ([0x2001, 0x0db8], 32), ([0x2002, 0], 16), ([0x3fff, 0], 20)];

/// Whether an address is on the public internet. `IpAddr::is_global` is not stable yet.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let is_within = |&(block, prefix): &([u8; 4], u32)| {
        (address.to_bits() ^ u32::from_be_bytes(block)) >> (32 - prefix) == 0
    };
    // Clouds keep the credentials of their machines at a link-local address.
    let is_named = address.is_link_local()
        || address.is_loopback()
        || address.is_private()
        || address.is_documentation()
        || address.is_multicast();
    !is_named && !SPECIAL_V4.iter().any(is_within)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = embedded_v4(address) {
        return is_public_v4(inner);
    }
    let [a, b, ..] = address.segments();
    let is_within = |&([x, y], prefix): &([u16; 2], u32)| {
        ((u32::from(a ^ x) << 16) | u32::from(b ^ y)) >> (32 - prefix) == 0
    };
    is_within(&GLOBAL_V6) && !SPECIAL_V6.iter().any(is_within)
}

/// Returns the IPv4 address inside an IPv6 address: mapped, or for the translator of a network without IPv4.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, _, _] | [0x64, 0xff9b, 0, 0, 0, 0, _, _] => {
            let [.., a, b, c, d] = address.octets();
            Some(Ipv4Addr::new(a, b, c, d))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_urls_to_public_addresses_pass() {
        for (text, is_open) in [
            ("https://a.example/x.jpg?q", true),
            ("https://93.184.215.14/x", true),
            ("http://a.example/x", false),
            ("ftp://a.example/x", false),
            ("file:///etc/passwd", false),
            ("https://", false),
            ("photo.jpg", false),
            ("https://127.0.0.1/x", false),
            ("https://2130706433/x", false),
            ("https://0x7f.1/x", false),
            ("https://[::1]/x", false),
            ("https://[::ffff:10.0.0.1]/x", false),
            ("https://169.254.169.254/latest/meta-data", false),
        ] {
            assert_eq!(RedirectPolicy::open(text, false).is_ok(), is_open, "{text}");
        }
    }

    #[test]
    fn a_private_address_is_allowed_for_the_named_server_only() {
        let (mut policy, url) = RedirectPolicy::open("http://127.0.0.1:81/x", true).unwrap();
        assert!(policy.redirect(&url, Some("/y")).is_ok());
        for elsewhere in ["http://127.0.0.1:82/x", "https://10.0.0.1/x", "http://a.example/x", "file:///x"] {
            assert!(policy.clone().redirect(&url, Some(elsewhere)).is_err(), "{elsewhere}");
        }
        let outside = policy.redirect(&url, Some("https://a.example/x")).unwrap();
        assert!(!policy.allows_private(&outside), "its name must not lead inside");
    }

    #[test]
    fn redirects_end() {
        let (mut policy, url) = RedirectPolicy::open("https://a.example/x", false).unwrap();
        let followed = (0..10).take_while(|_| policy.redirect(&url, Some("/y")).is_ok()).count();
        assert_eq!(followed, 5);
        let (mut policy, url) = RedirectPolicy::open("https://a.example/x", false).unwrap();
        assert!(policy.redirect(&url, None).unwrap_err().is_unchecked());
    }

    #[derive(Debug)]
    struct Fixed(Vec<IpAddr>);

    impl Resolve for Fixed {
        fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
            Ok(self.0.clone())
        }
    }

    fn resolved(allow_private: bool, addresses: &[&str]) -> Result<usize, bool> {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        let resolver = PublicResolver { resolver: Arc::new(Fixed(addresses)), allow_private };
        resolver
            .addresses("a.example")
            .map(|left| left.len())
            .map_err(|error| PrivateAddress::is_behind(&error))
    }

    #[test]
    fn only_public_addresses_are_returned() {
        assert_eq!(resolved(false, &["93.184.215.14", "10.0.0.1", "::1"]), Ok(1));
        assert_eq!(resolved(false, &["127.0.0.1", "fe80::1"]), Err(true));
        assert_eq!(resolved(false, &[]), Err(false));
        assert_eq!(resolved(true, &["127.0.0.1"]), Ok(1));
    }

    fn is_public_text(address: &str) -> bool {
        is_public(address.parse().unwrap())
    }

    #[test]
    fn addresses_of_the_public_internet_are_public() {
        for address in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450::1",
            "2001:4860:4860::8888",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
        ] {
            assert!(is_public_text(address), "{address}");
        }
    }

    #[test]
    fn other_addresses_are_not_public() {
        for address in [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
            "4000::1",
        ] {
            assert!(!is_public_text(address), "{address}");
        }
    }
}
