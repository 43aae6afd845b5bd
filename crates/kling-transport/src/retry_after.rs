//! `Retry-After`, in both of its forms.

use std::time::{Duration, SystemTime};

/// The longest pause that is read. A longer one means "not today".
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Reads seconds or an HTTP date.
///
/// Fractions of a second are rounded up, a unit of seconds is skipped, and a pause above a year counts as a year. A date is
/// taken relative to the server's own `Date`, so that a clock that is wrong on either side does not stretch the pause; without
/// that header, relative to `now`. A date that has passed is a pause of nothing.
pub(crate) fn parse(text: &str, date: Option<&str>, now: SystemTime) -> Option<Duration> {
    // Two headers of the name may come as one, joined by a comma. A date has a comma of its own.
    let text = text.trim().trim_matches('"');
    if text.starts_with(|letter: char| letter.is_ascii_digit() || letter == '.') {
        return seconds(text.split(',').next()?);
    }
    let until = httpdate::parse_http_date(text).ok()?;
    let from = date.and_then(|date| httpdate::parse_http_date(date.trim()).ok()).unwrap_or(now);
    Some(until.duration_since(from).unwrap_or_default().min(LONGEST))
}

fn seconds(text: &str) -> Option<Duration> {
    let number = text.trim().trim_end_matches(|letter: char| letter.is_ascii_alphabetic()).trim_end();
    let seconds: f64 = number.parse().ok()?;
    Some(Duration::from_secs(seconds.ceil() as u64).min(LONGEST))
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
    fn a_fraction_is_rounded_up_and_what_is_too_long_is_a_year() {
        let cases = [
            ("299.997", 300),
            ("0.2", 1),
            (".5", 1),
            ("7.0", 7),
            ("30s", 30),
            ("30 seconds", 30),
            ("\"30\"", 30),
            ("30, 30", 30),
            ("1e2", 100),
            ("99999999999999999999999", 365 * 86_400),
            ("18446744073709551615", 365 * 86_400),
            ("1e999", 365 * 86_400),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 365 * 86_400),
        ];
        for (text, seconds) in cases {
            assert_eq!(
                parse(text, None, SystemTime::UNIX_EPOCH),
                Some(Duration::from_secs(seconds)),
                "{text}"
            );
        }
    }

    #[test]
    fn anything_else_is_no_pause() {
        for text in ["", "soon", "-1", "inf", "NaN", ".", "1:30", "5 minutes 3"] {
            assert_eq!(parse(text, None, SystemTime::UNIX_EPOCH), None, "{text}");
        }
    }
}
