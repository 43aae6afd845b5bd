//! The proxies that the environment names, and which of them can be used.

use std::env;

use crate::Error;

/// The variables that name a proxy for `https`. The two HTTP libraries differ in which of them wins.
const VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// Refuses a proxy whose scheme neither HTTP library knows: both pass over it in silence, and connect without it.
///
/// # Errors
/// [`Error::is_proxy`].
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
    /// [`Error::is_proxy`] if it cannot be used.
    pub(crate) fn for_url(url: &url::Url) -> Result<Option<Self>, Error> {
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
    pub(crate) fn of(&self, url: &url::Url) -> Option<String> {
        let intercept = self.0.intercept(&url.as_str().parse().ok()?)?;
        Some(intercept.uri().to_string().trim_end_matches('/').to_owned())
    }
}
