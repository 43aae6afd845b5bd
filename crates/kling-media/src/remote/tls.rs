//! TLS for ureq: the same certificates, and the same cryptography, as the async client's.

use ureq::tls::{RootCerts, TlsConfig, TlsProvider};

/// The platform's certificates, and with the feature `rustls` the process-wide crypto provider if one is installed, or else
/// aws-lc-rs, which reqwest takes too.
pub(super) fn config() -> TlsConfig {
    let builder = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier);
    #[cfg(feature = "rustls")]
    return builder.provider(TlsProvider::Rustls).unversioned_rustls_crypto_provider(provider()).build();
    #[cfg(not(feature = "rustls"))]
    builder.provider(TlsProvider::NativeTls).build()
}

#[cfg(feature = "rustls")]
fn provider() -> std::sync::Arc<rustls::crypto::CryptoProvider> {
    let installed = rustls::crypto::CryptoProvider::get_default().cloned();
    installed.unwrap_or_else(|| rustls::crypto::aws_lc_rs::default_provider().into())
}
