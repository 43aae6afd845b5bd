//! Which URLs a check may ask: the one given, and those that redirects lead to.

use url::{Host, Origin, Url};

use super::address;
use crate::Error;
use crate::error::Kind;

/// How many redirects are followed.
const MOST_REDIRECTS: u32 = 5;

/// Judges URLs by what stands in them; names are judged when they are resolved.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    allow_private: bool,
    /// The server that the caller named.
    given: Origin,
    redirects: u32,
}

impl Gate {
    /// Takes the URL that the caller gave.
    pub(super) fn open(text: &str, allow_private: bool) -> Result<(Self, Url), Error> {
        let url = Url::parse(text).map_err(|_| Error::new(Kind::Url("text that is no url")))?;
        let url = without_credentials(url);
        let gate = Self { allow_private, given: url.origin(), redirects: 0 };
        if !gate.allows_scheme(&url) {
            let found = if url.scheme() == "http" { "an http url" } else { "a url that is no https url" };
            return Err(Error::new(Kind::Url(found)));
        }
        gate.judge_address(&url)?;
        Ok((gate, url))
    }

    /// Follows a redirect.
    pub(super) fn redirect(&mut self, from: &Url, location: Option<&str>) -> Result<Url, Error> {
        let protocol = |found: &str| Error::new(Kind::Protocol(found.to_owned()));
        self.redirects += 1;
        if self.redirects > MOST_REDIRECTS {
            return Err(protocol("it redirects more than 5 times"));
        }
        let location = location.ok_or_else(|| protocol("it redirects without a place"))?;
        let url = from.join(location).map_err(|_| protocol("it redirects to what is no url"))?;
        let url = without_credentials(url);
        if !self.allows_scheme(&url) {
            return Err(protocol("it redirects to what is no https url"));
        }
        self.judge_address(&url)?;
        Ok(url)
    }

    /// Whether a URL may be on a private address: only the server that the caller named, and only if the caller says so.
    pub(super) fn allows_private(&self, url: &Url) -> bool {
        self.allow_private && url.origin() == self.given
    }

    fn allows_scheme(&self, url: &Url) -> bool {
        url.scheme() == "https" || (url.scheme() == "http" && self.allows_private(url))
    }

    /// Judges an address that stands in the URL itself, which no resolver will see.
    fn judge_address(&self, url: &Url) -> Result<(), Error> {
        let is_public = match url.host() {
            Some(Host::Domain(_)) | None => true,
            Some(Host::Ipv4(address)) => address::is_public(address.into()),
            Some(Host::Ipv6(address)) => address::is_public(address.into()),
        };
        if is_public || self.allows_private(url) { Ok(()) } else { Err(private(url)) }
    }
}

/// A check sends no user name and no password, whoever put them there.
fn without_credentials(mut url: Url) -> Url {
    // These fail for URLs without a host only, which are refused for their scheme.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}

/// The error for a host that a check does not reach.
pub(super) fn private(url: &Url) -> Error {
    Error::new(Kind::Private(url.host_str().unwrap_or_default().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_to_public_places_is_let_through() {
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
            assert_eq!(Gate::open(text, false).is_ok(), is_open, "{text}");
        }
    }

    #[test]
    fn what_is_allowed_for_the_server_given_is_not_for_one_that_it_redirects_to() {
        let (mut gate, url) = Gate::open("http://127.0.0.1:81/x", true).unwrap();
        assert!(gate.redirect(&url, Some("/y")).is_ok());
        for elsewhere in ["http://127.0.0.1:82/x", "https://10.0.0.1/x", "http://a.example/x", "file:///x"] {
            assert!(gate.clone().redirect(&url, Some(elsewhere)).is_err(), "{elsewhere}");
        }
        let outside = gate.redirect(&url, Some("https://a.example/x")).unwrap();
        assert!(!gate.allows_private(&outside), "its name may not lead inside");
    }

    #[test]
    fn redirects_end() {
        let (mut gate, url) = Gate::open("https://a.example/x", false).unwrap();
        let followed = (0..10).take_while(|_| gate.redirect(&url, Some("/y")).is_ok()).count();
        assert_eq!(followed, 5);
        let (mut gate, url) = Gate::open("https://a.example/x", false).unwrap();
        assert!(gate.redirect(&url, None).unwrap_err().is_unchecked());
    }
}
