//! TLS for ureq: the same certificates, and the same cryptography, as the async client's.

use ureq::tls::{RootCerts, TlsConfig, TlsProvider};

use crate::Error;

/// The start of a TLS configuration for [`Client::configured`](super::Client::configured): the platform's certificates, and
/// with the feature `rustls` the process-wide crypto provider if one is installed, or else aws-lc-rs, which reqwest takes too.
///
/// Start from this one to trust further certificates: ureq's own start has no crypto provider here.
pub fn tls_config() -> ureq::tls::TlsConfigBuilder {
    let builder = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier);
    #[cfg(feature = "rustls")]
    return builder.provider(TlsProvider::Rustls).unversioned_rustls_crypto_provider(provider());
    #[cfg(not(feature = "rustls"))]
    builder.provider(TlsProvider::NativeTls)
}

/// Refuses settings on which ureq would panic at the first `https` connection.
pub(super) fn check(tls: &TlsConfig) -> Result<(), Error> {
    if matches!(tls.root_certs(), RootCerts::WebPki) {
        return Err(unusable());
    }
    match tls.provider() {
        #[cfg(feature = "rustls")]
        TlsProvider::Rustls if tls.unversioned_rustls_crypto_provider().is_some() => Ok(()),
        #[cfg(feature = "native-tls")]
        TlsProvider::NativeTls => Ok(()),
        _ => Err(unusable()),
    }
}

fn unusable() -> Error {
    Error::config(
        "the TLS configuration lacks a crypto provider or certificates: start it from blocking::tls_config",
    )
}

#[cfg(feature = "rustls")]
fn provider() -> std::sync::Arc<rustls::crypto::CryptoProvider> {
    let installed = rustls::crypto::CryptoProvider::get_default().cloned();
    installed.unwrap_or_else(|| rustls::crypto::aws_lc_rs::default_provider().into())
}
