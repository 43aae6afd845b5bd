//! Where a connection may go: to which hosts for an output, to which addresses of a name, and through which proxies.

use std::env;
use std::fmt;
use std::net::SocketAddr;

use url::{Host, Url};

use crate::{ApiBase, Error};

/// The provider's own domains: outputs lie on hosts below them.
const DOMAINS: [&str; 2] = [".runcomfy.net", ".runcomfy.com"];

/// Judges every URL of a download, the first and those that redirects lead to.
#[derive(Clone, Debug)]
pub(crate) struct AllowedHosts {
    loopback: Option<ApiBase>,
    allowed: Vec<String>,
}

impl AllowedHosts {
    pub(crate) fn new(base: &ApiBase, allowed: &[String]) -> Self {
        let allowed = allowed.iter().map(|host| host.trim().to_ascii_lowercase()).collect();
        Self { loopback: base.is_loopback().then(|| base.clone()), allowed }
    }

    pub(crate) fn check(&self, url: &Url) -> Result<(), Error> {
        if self.loopback.as_ref().is_some_and(|base| base.is_origin_of(url)) {
            return Ok(());
        }
        let host = url.host_str();
        if url.scheme() != "https" {
            return Err(Error::host_not_allowed(
                format!("an output's URL is {}, and https is allowed", url.scheme()),
                host,
            ));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::host_not_allowed("an output's URL holds a user name or a password", host));
        }
        match url.host() {
            Some(Host::Domain(name)) if self.allows(name) => Ok(()),
            Some(address) if self.allowed.contains(&address.to_string()) => Ok(()),
            _ => Err(Error::host_not_allowed(
                format!(
                    "the host {} is not one to fetch outputs from: allow it by name if it is",
                    host.unwrap_or("")
                ),
                host,
            )),
        }
    }

    fn allows(&self, name: &str) -> bool {
        let below = |domain: &str| name.len() > domain.len() && name.ends_with(domain);
        DOMAINS.iter().any(|domain| below(domain))
            || self.allowed.iter().any(|host| if host.starts_with('.') { below(host) } else { name == host })
    }
}

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

/// The variables that name a proxy for `https`. The two HTTP libraries differ in which of them wins.
const VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// Refuses a proxy whose scheme neither HTTP library knows: both pass over it in silence, and connect without it.
///
/// # Errors
/// [`ErrorKind::Proxy`].
pub(crate) fn refuse_unknown_schemes() -> Result<(), Error> {
    let variables = VARIABLES.iter().filter_map(|name| Some((name, env::var(name).ok()?)));
    for (name, value) in variables {
        let scheme = value.trim().split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        if scheme.is_some_and(|scheme| !is_supported(&scheme) && !scheme.starts_with("socks")) {
            return Err(unsupported(&format!("the one in {name}")));
        }
    }
    Ok(())
}

/// Whether a connection can be made through a proxy of this scheme.
pub(crate) fn is_supported(scheme: &str) -> bool {
    matches!(scheme, "http" | "https")
}

/// The error of a proxy that cannot be used; `proxy` names it without user and password.
pub(crate) fn unsupported(proxy: &str) -> Error {
    Error::proxy(format!("only http:// and https:// proxies are supported, not {proxy}"))
}

/// The proxies of the environment, by the very rules that reqwest follows.
#[cfg(feature = "async")]
#[derive(Clone, Debug)]
pub(crate) struct EnvironmentProxies(std::sync::Arc<hyper_util::client::proxy::matcher::Matcher>);

#[cfg(feature = "async")]
impl EnvironmentProxies {
    /// The proxies, if the environment names one for this URL.
    ///
    /// # Errors
    /// [`ErrorKind::Proxy`] if it cannot be used.
    pub(crate) fn for_url(url: &Url) -> Result<Option<Self>, Error> {
        refuse_unknown_schemes()?;
        let proxies = Self(hyper_util::client::proxy::matcher::Matcher::from_system().into());
        match proxies.of(url) {
            Some(proxy) if !is_supported(proxy.split(':').next().unwrap_or_default()) => {
                Err(unsupported(&proxy))
            }
            Some(_) => Ok(Some(proxies)),
            None => Ok(None),
        }
    }

    /// The proxy that a URL is reached through, without user and password.
    pub(crate) fn of(&self, url: &Url) -> Option<String> {
        let intercept = self.0.intercept(&url.as_str().parse().ok()?)?;
        Some(intercept.uri().to_string().trim_end_matches('/').to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    fn passes(base: &str, allowed: &[&str], url: &str) -> bool {
        let allowed: Vec<_> = allowed.iter().map(|host| (*host).to_owned()).collect();
        AllowedHosts::new(&base.parse().unwrap(), &allowed).check(&url.parse().unwrap()).is_ok()
    }

    #[test]
    fn only_the_providers_hosts_pass_by_themselves() {
        let base = "https://model-api.runcomfy.net/v1";
        let cases = [
            ("https://cdn.runcomfy.net/a%3Db.mp4?x=1", true),
            ("https://a.b.runcomfy.com/x", true),
            ("http://cdn.runcomfy.net/x", false),
            ("https://evilruncomfy.net/x", false),
            ("https://runcomfy.net.evil.com/x", false),
            ("https://cdn.runcomfy.net@evil.com/x", false),
            ("https://user:pw@cdn.runcomfy.net/x", false),
            ("https://.runcomfy.net/x", false),
            ("https://127.0.0.1/x", false),
            ("ftp://cdn.runcomfy.net/x", false),
            ("file:///etc/passwd", false),
        ];
        for (url, expected) in cases {
            assert_eq!(passes(base, &[], url), expected, "{url}");
        }
    }

    #[test]
    fn hosts_allowed_by_name_pass_over_https_only() {
        let base = "https://model-api.runcomfy.net/v1";
        assert!(passes(base, &["CDN.example"], "https://cdn.example/x"));
        assert!(passes(base, &["10.0.0.1"], "https://10.0.0.1/x"));
        assert!(!passes(base, &["cdn.example"], "https://sub.cdn.example/x"));
        assert!(passes(base, &[".cdn.example"], "https://sub.cdn.example/x"));
        assert!(!passes(base, &["cdn.example"], "http://cdn.example/x"));
    }

    #[test]
    fn the_apis_own_origin_passes_while_it_is_on_loopback() {
        assert!(passes("http://127.0.0.1:81/v1", &[], "http://127.0.0.1:81/files/x"));
        assert!(!passes("http://127.0.0.1:81/v1", &[], "http://127.0.0.1:82/files/x"));
        assert!(!passes("https://api.example/v1", &[], "https://api.example/files/x"));
    }

    #[test]
    fn the_refusal_names_the_host_and_not_the_query() {
        let gate = AllowedHosts::new(&ApiBase::default(), &[]);
        let error = gate.check(&"https://cdn.example/x?signature=secret".parse().unwrap()).unwrap_err();
        assert!(error.kind() == ErrorKind::HostNotAllowed && !error.to_string().contains("secret"));
        assert_eq!(error.host(), Some("cdn.example"));
    }

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
