//! `Retry-After`, in both of its forms.

use std::time::{Duration, SystemTime};

/// Reads seconds or an HTTP date.
///
/// A date is taken relative to the server's own `Date`, so that a clock that is wrong on either side does not stretch the
/// pause; without that header, relative to `now`. A date that has passed is a pause of nothing.
pub(crate) fn parse(text: &str, date: Option<&str>, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(text).ok()?;
    let from = date.and_then(|date| httpdate::parse_http_date(date.trim()).ok()).unwrap_or(now);
    Some(until.duration_since(from).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: &str = "Sun, 22 Nov 2026 12:00:00 GMT";
    const FIVE_PAST: &str = "Sun, 22 Nov 2026 12:00:05 GMT";

    #[test]
    fn seconds_and_dates_are_read() {
        let noon = httpdate::parse_http_date(NOON).unwrap();
        assert_eq!(parse(" 7 ", None, noon), Some(Duration::from_secs(7)));
        assert_eq!(parse(FIVE_PAST, None, noon), Some(Duration::from_secs(5)));
        assert_eq!(parse(NOON, None, noon + Duration::from_secs(9)), Some(Duration::ZERO));
    }

    #[test]
    fn a_date_is_read_by_the_clock_of_the_server_that_sent_it() {
        let ten_years_off = httpdate::parse_http_date("Tue, 22 Nov 2016 12:00:00 GMT").unwrap();
        assert_eq!(parse(FIVE_PAST, Some(NOON), ten_years_off), Some(Duration::from_secs(5)));
    }

    #[test]
    fn anything_else_is_no_pause() {
        for text in ["", "soon", "-1", "1.5", "99999999999999999999999"] {
            assert_eq!(parse(text, None, SystemTime::UNIX_EPOCH), None, "{text}");
        }
    }
}
