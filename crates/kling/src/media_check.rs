//! Measures the images of an input and checks the media rules of its model, before anything is paid.

use std::sync::Arc;

use kling_media::{DataUri, Error as MediaError, Measured, Reference};
use kling_transport::BoxFuture;
use kling_types::{MediaField, MediaKind, Violations};
use serde_json::Value;

/// The images that a client measures before it submits an input.
///
/// Only headers are read. A broken rule refuses the input, and so does a broken image. An image that cannot be measured from here
/// is sent unchecked.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum MediaPolicy {
    /// Measures no image.
    Skip,
    /// Measures images inside the request, which are `data:` URIs.
    #[default]
    Inline,
    /// Measures images behind URLs too, by a few requests to their hosts.
    ///
    /// The async client needs the feature `media-remote`, and the blocking one `media-remote-blocking`.
    #[cfg(any(feature = "media-remote", feature = "media-remote-blocking"))]
    InlineAndUrls,
}

/// Measures an image behind a URL.
pub(crate) type UrlChecker =
    Arc<dyn Fn(String) -> BoxFuture<'static, Result<Measured, MediaError>> + Send + Sync>;

/// Returns the checker for URLs if the policy asks for one. It keeps its connections.
pub(crate) fn url_checker(policy: MediaPolicy, is_blocking: bool) -> Result<Option<UrlChecker>, MediaError> {
    match policy {
        #[cfg(feature = "media-remote-blocking")]
        MediaPolicy::InlineAndUrls if is_blocking => {
            let checker = kling_media::remote::blocking::Checker::new(Default::default());
            Ok(Some(Arc::new(move |url| Box::pin(std::future::ready(checker.measure_url(&url))))))
        }
        #[cfg(feature = "media-remote")]
        MediaPolicy::InlineAndUrls if !is_blocking => {
            let checker = kling_media::remote::Checker::new(Default::default())?;
            Ok(Some(Arc::new(move |url| {
                let checker = checker.clone();
                Box::pin(async move { checker.measure_url(&url).await })
            })))
        }
        _ => {
            let _ = is_blocking;
            Ok(None)
        }
    }
}

/// Returns the violations of the media rules. Places that are broken already are not measured.
pub(crate) async fn check(
    policy: MediaPolicy,
    urls: Option<&UrlChecker>,
    fields: &[MediaField],
    input: &Value,
    broken: &Violations,
) -> Violations {
    let mut violations = Violations::new();
    if policy == MediaPolicy::Skip {
        return violations;
    }
    for field in fields.iter().filter(|field| field.kind == MediaKind::Image && !field.rules.is_empty()) {
        for (pointer, reference) in field.references(input) {
            if broken.iter().all(|violation| violation.pointer() != pointer)
                && let Some(measured) = measure(reference, urls).await
            {
                violations.extend(check_image(field, &pointer, measured));
            }
        }
    }
    violations
}

/// Returns the facts of an image, or `None` if the policy does not measure it.
async fn measure(reference: &str, urls: Option<&UrlChecker>) -> Option<Result<Measured, MediaError>> {
    match (Reference::parse(reference), urls) {
        (Reference::DataUri(uri), _) => Some(DataUri::decode(uri).and_then(|uri| uri.measure())),
        (Reference::Url(url), Some(urls)) => Some(urls(url.to_owned()).await),
        _ => None,
    }
}

fn check_image(field: &MediaField, pointer: &str, measured: Result<Measured, MediaError>) -> Violations {
    match measured {
        Ok(measured) => field.check(pointer, &measured.facts).violations,
        Err(error) => error.violation(pointer).map(Violations::from).unwrap_or_default(),
    }
}
