//! Facts of an image behind a URL, from a few kilobytes of it. Requests ranges until the sides are known.
//!
//! [`Checker`] is async, [`blocking::Checker`] is not. Both run the same code over different HTTP clients.
//!
//! # Limits of a check
//! - A check follows at most five redirects, and every one must lead to an `https` URL.
//! - It connects to public addresses only. A name is resolved once, and the addresses that were checked are the ones used, so
//!   that a server cannot return one address to the check and another to the connection.
//! - [`Options::with_private_allowed`] lifts that for the server in the URL, never for one that it redirects to.
//! - It uses no proxy, since a proxy would resolve names by itself.
//! - It sends no cookies, no referrer and no credentials.
//! - It ends after a deadline, a number of bytes and a number of requests. Then the image is
//!   [unchecked](crate::Error::is_unchecked), not wrong.

mod addresses;
mod planner;
#[cfg(feature = "remote")]
mod reqwest_client;
#[cfg(feature = "remote-blocking")]
mod ureq_client;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use url::Url;

pub use self::addresses::{Resolve, SystemResolver};
use self::planner::{Head, RangePlanner, Step};
use crate::error::Kind;
use crate::{DataUri, Error, Measured, Reference};

/// Some servers refuse requests without a user agent.
const USER_AGENT: &str = concat!("kling-media/", env!("CARGO_PKG_VERSION"));

/// Measures images behind URLs. Cheap to clone; create it once, since it keeps its connections.
///
/// It needs a tokio runtime with I/O and time.
#[cfg(feature = "remote")]
#[derive(Clone, Debug)]
pub struct Checker(UrlCheck<reqwest::Client>);

#[cfg(feature = "remote")]
impl Checker {
    /// Creates a checker with these bounds.
    ///
    /// # Errors
    /// [`Error::is_unchecked`] if no HTTP client can be created, since no TLS library is usable.
    pub fn new(options: Options) -> Result<Self, Error> {
        let public = reqwest_client::client(&options, false)?;
        let named =
            if options.allow_private { reqwest_client::client(&options, true)? } else { public.clone() };
        Ok(Self(UrlCheck { options, public, named }))
    }

    /// Returns the facts of the image behind a URL.
    ///
    /// # Errors
    /// A [violation](Error::is_violation) if there is no image that can be measured. Otherwise the image is
    /// [unchecked](Error::is_unchecked).
    pub async fn measure_url(&self, url: &str) -> Result<Measured, Error> {
        self.0.measure_url(url).await
    }

    /// Returns the facts of the image behind a URL, in a `data:` URI, or in a local file.
    ///
    /// # Errors
    /// As [`measure_url`](Self::measure_url), [`DataUri`] and [`measure_path`](crate::measure_path).
    pub async fn measure(&self, reference: &str) -> Result<Measured, Error> {
        self.0.measure(reference).await
    }
}

/// The same checks by a blocking client, without an async runtime.
#[cfg(feature = "remote-blocking")]
pub mod blocking {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::{UrlCheck, ureq_client};
    use crate::remote::Options;
    use crate::{Error, Measured};

    /// Measures images behind URLs, and blocks meanwhile. Create it once, since it keeps its connections.
    #[derive(Clone, Debug)]
    pub struct Checker(UrlCheck<ureq::Agent>);

    impl Checker {
        /// Creates a checker with these bounds.
        #[must_use]
        pub fn new(options: Options) -> Self {
            let public = ureq_client::agent(&options, false);
            let named =
                if options.allow_private { ureq_client::agent(&options, true) } else { public.clone() };
            Self(UrlCheck { options, public, named })
        }

        /// Returns the facts of the image behind a URL.
        ///
        /// # Errors
        /// A [violation](Error::is_violation) if there is no image that can be measured. Otherwise the image is
        /// [unchecked](Error::is_unchecked).
        pub fn measure_url(&self, url: &str) -> Result<Measured, Error> {
            finish(self.0.measure_url(url))
        }

        /// Returns the facts of the image behind a URL, in a `data:` URI, or in a local file.
        ///
        /// # Errors
        /// As [`measure_url`](Self::measure_url), [`DataUri`](crate::DataUri) and [`measure_path`](crate::measure_path).
        pub fn measure(&self, reference: &str) -> Result<Measured, Error> {
            finish(self.0.measure(reference))
        }
    }

    /// Returns the output of a future over a blocking client, which is ready at the first poll.
    fn finish<T>(future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return output;
            }
        }
    }
}

/// The bounds of a remote check, the same for the async and the blocking one.
///
/// ```
/// use std::time::Duration;
/// let options = kling_media::remote::Options::default().with_deadline(Duration::from_secs(3));
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    deadline: Duration,
    max_bytes: u64,
    allow_private: bool,
    resolver: Arc<dyn Resolve>,
}

impl Options {
    /// Sets how long one check may take, all of its requests together. 10 s by default.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Sets how many bytes of one file may be read. 4 MiB by default.
    ///
    /// An ordinary photo takes 16 KiB. Only a server without ranges and a photo with long metadata take more than a hundred.
    #[must_use]
    pub fn with_max_bytes(self, max_bytes: u64) -> Self {
        Self { max_bytes, ..self }
    }

    /// Sets whether the server in the URL may have a private, loopback or link-local address, and may use plain `http`.
    /// `false` by default. A redirect to another server must not lead there in any case.
    #[must_use]
    pub fn with_private_allowed(self, allow_private: bool) -> Self {
        Self { allow_private, ..self }
    }

    /// Sets the resolver of host names. The operating system's by default.
    #[must_use]
    pub fn with_resolver(self, resolver: Arc<dyn Resolve>) -> Self {
        Self { resolver, ..self }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(10),
            max_bytes: 4 << 20,
            allow_private: false,
            resolver: Arc::new(SystemResolver),
        }
    }
}

/// Checks URLs over one kind of HTTP client.
#[derive(Clone, Debug)]
struct UrlCheck<C> {
    options: Options,
    /// Connects to public addresses only.
    public: C,
    /// Connects to the server in the caller's URL, also on a private address if the caller allowed that.
    named: C,
}

impl<C: HttpClient> UrlCheck<C> {
    async fn measure(&self, reference: &str) -> Result<Measured, Error> {
        match Reference::parse(reference) {
            Reference::Base64(uri) | Reference::DataUri(uri) => DataUri::decode(uri)?.measure(),
            Reference::Url(url) => self.measure_url(url).await,
            Reference::Path(path) => C::measure_path(path).await,
        }
    }

    async fn measure_url(&self, url: &str) -> Result<Measured, Error> {
        // No deadline if the sum is beyond the end of time.
        let until = Instant::now().checked_add(self.options.deadline);
        let mut planner = RangePlanner::new(url, &self.options)?;
        loop {
            if let Step::Done(measured) = self.send(&mut planner, until).await? {
                return Ok(measured);
            }
        }
    }

    /// Sends one request, and reads its response as far as it is needed.
    async fn send(&self, planner: &mut RangePlanner, until: Option<Instant>) -> Result<Step, Error> {
        let client = if planner.allows_private() { &self.named } else { &self.public };
        // Zero would mean no limit.
        let timeout =
            until.map(|until| until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1)));
        let sent = client.get_range(&planner.url, planner.range(), timeout).await;
        let (head, mut body) = sent.map_err(|error| self.failed(planner, error))?;
        let mut step = planner.head(head)?;
        while let Step::Read = step {
            step = match C::chunk(&mut body).await.map_err(|error| self.failed(planner, error))? {
                Some(chunk) => planner.body(chunk.as_ref())?,
                None => planner.end()?,
            };
        }
        Ok(step)
    }

    fn failed(&self, planner: &RangePlanner, error: AttemptError) -> Error {
        match error {
            AttemptError::PrivateAddress => addresses::private(&planner.url),
            AttemptError::Timeout => Error::from(Kind::Deadline(self.options.deadline)),
            AttemptError::Unreachable(reason) => Error::from(Kind::Unreachable(reason)),
        }
    }
}

/// An HTTP client without redirects, retries and decoding. The futures of a blocking one are ready at the first poll.
trait HttpClient {
    type Body;

    /// Requests a range of a file. The timeout covers the body too.
    async fn get_range(
        &self,
        url: &Url,
        range: String,
        timeout: Option<Duration>,
    ) -> Result<(Head, Self::Body), AttemptError>;

    /// Returns the next chunk of a body. `None` at its end.
    async fn chunk(body: &mut Self::Body) -> Result<Option<impl AsRef<[u8]>>, AttemptError>;

    /// Measures a local file.
    async fn measure_path(path: &Path) -> Result<Measured, Error>;
}

/// The failure of one request.
#[derive(Debug)]
enum AttemptError {
    PrivateAddress,
    Timeout,
    Unreachable(String),
}
