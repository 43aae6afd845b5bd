//! The hosts and proxies that connections may use.

use std::env;

use url::{Host, Url};

use crate::{ApiBase, Error, ErrorKind};

/// The provider's domains. Outputs are on hosts below them.
const DOMAINS: [&str; 2] = [".runcomfy.net", ".runcomfy.com"];

/// Checks every URL of a download, also those of redirects.
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
        let (scheme, host) = (url.scheme(), url.host_str().unwrap_or_default());
        let is_allowed = match url.host() {
            Some(Host::Domain(name)) => self.allows(name),
            address => address.is_some_and(|address| self.allowed.contains(&address.to_string())),
        };
        let message = if scheme != "https" {
            format!("the output URL uses {scheme}; expected https")
        } else if !url.username().is_empty() || url.password().is_some() {
            "the output URL contains a user name or password".to_owned()
        } else if is_allowed {
            return Ok(());
        } else {
            format!("refusing to download from {host}: not a RunComfy host; allow it by name if you trust it")
        };
        Err(Error::host_not_allowed(message, url.host_str()))
    }

    fn allows(&self, name: &str) -> bool {
        let below = |domain: &str| name.len() > domain.len() && name.ends_with(domain);
        DOMAINS.iter().any(|domain| below(domain))
            || self.allowed.iter().any(|host| if host.starts_with('.') { below(host) } else { name == host })
    }
}

/// The variables that name a proxy for `https`. The two HTTP libraries order them differently.
const VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// Rejects a proxy with a scheme unknown to both HTTP libraries, which would silently connect without it.
pub(crate) fn refuse_unknown_schemes() -> Result<(), Error> {
    let variables = VARIABLES.iter().filter_map(|name| Some((name, env::var(name).ok()?)));
    for (name, value) in variables {
        let scheme = value.trim().split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        if scheme.is_some_and(|scheme| !matches!(&*scheme, "http" | "https") && !scheme.starts_with("socks"))
        {
            return Err(unsupported(&format!("the one in {name}")));
        }
    }
    Ok(())
}

/// Returns the error of an unsupported proxy. `proxy` must not contain a password.
pub(crate) fn unsupported(proxy: &str) -> Error {
    Error::new(ErrorKind::Proxy, format!("only http:// and https:// proxies are supported, not {proxy}"))
}

/// The proxies of the environment, by the rules of reqwest.
#[cfg(feature = "async")]
#[derive(Clone, Debug)]
pub(crate) struct EnvironmentProxies(std::sync::Arc<hyper_util::client::proxy::matcher::Matcher>);

#[cfg(feature = "async")]
impl EnvironmentProxies {
    /// Returns the proxies if the environment names one for this URL. It must be usable.
    pub(crate) fn for_url(url: &Url) -> Result<Option<Self>, Error> {
        refuse_unknown_schemes()?;
        let proxies = Self(hyper_util::client::proxy::matcher::Matcher::from_system().into());
        match proxies.of(url) {
            Some(proxy) if !proxy.starts_with("http://") && !proxy.starts_with("https://") => {
                Err(unsupported(&proxy))
            }
            Some(_) => Ok(Some(proxies)),
            None => Ok(None),
        }
    }

    /// Returns the proxy of a URL, without user and password.
    pub(crate) fn of(&self, url: &Url) -> Option<String> {
        let intercept = self.0.intercept(&url.as_str().parse().ok()?)?;
        Some(intercept.uri().to_string().trim_end_matches('/').to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(base: &str, allowed: &[&str], url: &str) -> bool {
        let allowed: Vec<_> = allowed.iter().map(|host| (*host).to_owned()).collect();
        AllowedHosts::new(&base.parse().unwrap(), &allowed).check(&url.parse().unwrap()).is_ok()
    }

    #[test]
    fn only_the_providers_hosts_are_allowed_by_default() {
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
    fn hosts_allowed_by_name_require_https() {
        let base = "https://model-api.runcomfy.net/v1";
        assert!(passes(base, &["CDN.example"], "https://cdn.example/x"));
        assert!(passes(base, &["10.0.0.1"], "https://10.0.0.1/x"));
        assert!(!passes(base, &["cdn.example"], "https://sub.cdn.example/x"));
        assert!(passes(base, &[".cdn.example"], "https://sub.cdn.example/x"));
        assert!(!passes(base, &["cdn.example"], "http://cdn.example/x"));
    }

    #[test]
    fn the_apis_origin_is_allowed_on_loopback_only() {
        assert!(passes("http://127.0.0.1:81/v1", &[], "http://127.0.0.1:81/files/x"));
        assert!(!passes("http://127.0.0.1:81/v1", &[], "http://127.0.0.1:82/files/x"));
        assert!(!passes("https://api.example/v1", &[], "https://api.example/files/x"));
    }

    #[test]
    fn the_error_names_the_host_without_the_query() {
        let hosts = AllowedHosts::new(&ApiBase::default(), &[]);
        let error = hosts.check(&"https://cdn.example/x?signature=secret".parse().unwrap()).unwrap_err();
        assert!(error.kind() == ErrorKind::HostNotAllowed && !error.to_string().contains("secret"));
        assert_eq!(error.host(), Some("cdn.example"));
    }
}
