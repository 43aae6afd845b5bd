//! How fast an account may be asked.

/// The bounds on the calls for one account: how many at once, and how many a second.
///
/// Neither is published by the provider. Calls in flight also bound the connections, and on a slow link the calls a second:
/// 64 in flight at 100 ms each are 640 calls a second at most.
///
/// A job's deadline and a cancel that is asked for keep to neither: the calls that they need leave over and above the pace, as
/// many again at once.
///
/// ```
/// use kling_poll::RateLimit;
///
/// let gentle = RateLimit::new(8).with_per_second(20.0);
/// assert_eq!((gentle.in_flight, gentle.per_second), (8, Some(20.0)));
/// assert_eq!(RateLimit::default().in_flight, 64);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct RateLimit {
    /// The most calls at once; 64. At least one is made.
    pub in_flight: usize,
    /// The most calls a second, evenly spread but for a tenth of a second's worth at once; no bound. Values that are not
    /// above zero are taken for one call an hour.
    pub per_second: Option<f64>,
}

impl RateLimit {
    /// So many calls at once, and no bound on those a second.
    #[must_use]
    pub const fn new(in_flight: usize) -> Self {
        Self { in_flight, per_second: None }
    }

    /// The same, with a bound on the calls a second.
    #[must_use]
    pub const fn with_per_second(self, per_second: f64) -> Self {
        Self { per_second: Some(per_second), ..self }
    }
}

impl Default for RateLimit {
    fn default() -> Self {
        Self::new(64)
    }
}
