//! How long a job ran, told from what was seen of it and from what the API reports.

use std::time::Duration;

use jiff::Timestamp;
use kling_transport::ResultReply;

use crate::Seen;

/// How far the API's clock may be off before what it reports is not believed.
const SLACK: Duration = Duration::from_secs(1);

/// A job whose submit is longer ago than this when a wait for it begins may have begun to run unseen.
const WATCHED: Duration = Duration::from_secs(30);

/// How long a job ran that is seen to be over now, if it was watched from its beginning.
///
/// It ended since the last answer that said it goes on. Reported times tell the moment within that span; where they point
/// outside it, what was seen teaches.
pub(crate) fn told(seen: &Seen, reply: &ResultReply) -> Option<Duration> {
    let watched = seen.age.filter(|age| age.saturating_sub(seen.elapsed) < WATCHED);
    let latest = seen.running.or(watched)?;
    let earliest = latest.saturating_sub(seen.silence);
    let reported = watched.and_then(|age| {
        let before_running = age.saturating_sub(latest);
        total(reply)?.checked_sub(before_running)
    });
    let believed = reported.filter(|ran| *ran + SLACK >= earliest && *ran <= latest + SLACK);
    Some(believed.unwrap_or((earliest + latest) / 2))
}

/// The time from `created_at` to `finished_at`.
fn total(reply: &ResultReply) -> Option<Duration> {
    let moment = |text: &Option<String>| text.as_deref()?.parse::<Timestamp>().ok();
    let (created, finished) = (moment(&reply.created_at)?, moment(&reply.finished_at)?);
    finished.duration_since(created).try_into().ok()
}

#[cfg(test)]
mod tests {
    use kling_transport::{Call, GetResult, HttpHead, HttpReply};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn seen() -> Seen {
        Seen { elapsed: SECOND * 100, age: Some(SECOND * 100), silence: SECOND * 10, ..Seen::default() }
    }

    fn reported(finished_at: &str) -> ResultReply {
        let body = format!(
            r#"{{"status":"succeeded","created_at":"2025-12-07T00:00:00.5+00:00","finished_at":"{finished_at}"}}"#
        );
        let head = HttpHead::new(200, |_| None, std::time::SystemTime::UNIX_EPOCH);
        GetResult(&"id".parse().unwrap()).read(&HttpReply::new(head, body.into())).unwrap()
    }

    #[test]
    fn reported_times_teach_where_they_fit_what_was_seen() {
        assert_eq!(told(&seen(), &reported("2025-12-07T00:01:33.5Z")), Some(SECOND * 93));
        let queued = Seen { running: Some(SECOND * 40), ..seen() };
        assert_eq!(told(&queued, &reported("2025-12-07T01:01:33.5+01:00")), Some(SECOND * 33));
    }

    #[test]
    fn where_they_do_not_fit_or_are_missing_what_was_seen_teaches() {
        for finished_at in ["2025-12-07T00:00:20Z", "2025-12-06T00:00:00Z", "2030-01-01T00:00:00Z", "soon"] {
            assert_eq!(told(&seen(), &reported(finished_at)), Some(SECOND * 95), "{finished_at}");
        }
    }

    #[test]
    fn a_job_whose_beginning_was_not_seen_teaches_nothing() {
        let reply = reported("2025-12-07T00:01:33Z");
        assert_eq!(told(&Seen { age: None, ..seen() }, &reply), None);
        assert_eq!(told(&Seen { age: Some(SECOND * 1000), ..seen() }, &reply), None);
    }
}
