//! Which hosts an output may be fetched from.

use url::{Host, Url};

use crate::{ApiBase, Error};

/// The provider's own domains: outputs lie on hosts below them.
const DOMAINS: [&str; 2] = [".runcomfy.net", ".runcomfy.com"];

/// Judges every URL of a download, the first and those that redirects lead to.
#[derive(Clone, Debug)]
pub(crate) struct HostGate {
    loopback: Option<ApiBase>,
    allowed: Vec<String>,
}

impl HostGate {
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
            return Err(Error::foreign(
                format!("an output's URL is {}, and https is allowed", url.scheme()),
                host,
            ));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::foreign("an output's URL holds a user name or a password", host));
        }
        match url.host() {
            Some(Host::Domain(name)) if self.allows(name) => Ok(()),
            Some(address) if self.allowed.contains(&address.to_string()) => Ok(()),
            _ => Err(Error::foreign(
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

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(base: &str, allowed: &[&str], url: &str) -> bool {
        let allowed: Vec<_> = allowed.iter().map(|host| (*host).to_owned()).collect();
        HostGate::new(&base.parse().unwrap(), &allowed).check(&url.parse().unwrap()).is_ok()
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
        let gate = HostGate::new(&ApiBase::default(), &[]);
        let error = gate.check(&"https://cdn.example/x?signature=secret".parse().unwrap()).unwrap_err();
        assert!(error.is_host() && !error.to_string().contains("secret"));
        assert_eq!(error.host(), Some("cdn.example"));
    }
}
