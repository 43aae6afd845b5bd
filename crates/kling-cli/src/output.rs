//! The output of a job as the program shows it, and the kinds that its keys promise.

use kling::{CompletedJob, ExpectedContent, OutputKind};
use serde_json::Value;

use crate::console::{CliError, ExitStatus, one_line};

/// Keys that say nothing of the kind of a file, so that what holds them does.
const PLAIN_KEYS: [&str; 5] = ["file", "href", "src", "uri", "url"];

/// The content that is promised for one URL of an output: by the nearest key that names a kind, or by the model for a URL that
/// has no key of its own.
pub(crate) fn promise(output: &Value, url: &str, model: Option<OutputKind>) -> ExpectedContent {
    kind_at(output, url, model).flatten().map_or(ExpectedContent::Media, ExpectedContent::Kind)
}

fn kind_at(value: &Value, url: &str, kind: Option<OutputKind>) -> Option<Option<OutputKind>> {
    match value {
        Value::String(text) => (text == url).then_some(kind),
        Value::Array(elements) => elements.iter().find_map(|one| kind_at(one, url, kind)),
        Value::Object(object) => object.iter().find_map(|(key, one)| {
            let is_plain = PLAIN_KEYS.contains(&key.as_str());
            kind_at(one, url, if is_plain { kind } else { kind_of_key(key) })
        }),
        _ => None,
    }
}

fn kind_of_key(key: &str) -> Option<OutputKind> {
    let key = key.trim_end_matches("_urls").trim_end_matches("_url");
    let kinds = [OutputKind::Audio, OutputKind::Image, OutputKind::Video];
    kinds.into_iter().find(|kind| key == kind.singular() || key == kind.plural())
}

/// The output for people: its URLs, a line each, or all of it if there is none; nothing if there is no output.
pub(crate) fn lines(finished: &CompletedJob) -> Option<Vec<String>> {
    let urls = finished.reply().output_urls();
    if !urls.is_empty() {
        return Some(urls.into_iter().map(short).collect());
    }
    match finished.reply().output.as_ref()? {
        Value::String(text) => Some(vec![one_line(text)]),
        output => Some(vec![one_line(&serde_json::to_string(output).unwrap_or_default())]),
    }
}

/// A URL as it is shown: one that holds the file itself, by its beginning and its length.
pub(crate) fn short(url: &str) -> String {
    const SHOWN: usize = 40;
    let is_inline = url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"));
    match url.char_indices().nth(SHOWN) {
        Some((end, _)) if is_inline => {
            let start = one_line(&url[..end]);
            format!("{start}… ({} characters with the file itself; -o FILE saves it)", url.len())
        }
        _ => one_line(url),
    }
}

/// The end of a job that worked and whose output names no file: whatever there is of it is shown.
pub(crate) fn no_file(finished: &CompletedJob) -> CliError {
    let id = finished.request_id();
    let message = match lines(finished) {
        Some(lines) => {
            format!("request {id} succeeded, but its output has no file to download:\n{}", lines.join("\n"))
        }
        None => format!("request {id} succeeded, but its result has no output"),
    };
    CliError::new(ExitStatus::Service, message)
        .with("request_id", id.as_str())
        .with("output", finished.output())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_nearest_key_that_names_a_kind_promises_it() {
        use OutputKind::{Audio, Image, Video};
        let output = json!({
            "videos": ["u:1", {"url": "u:2", "thumbnail": "u:3"}], "image_url": "u:4", "audio": "u:5", "cover": "u:6",
        });
        let kinds =
            ["u:1", "u:2", "u:3", "u:4", "u:5", "u:6", "u:7"].map(|url| promise(&output, url, Some(Video)));
        let [video, image, audio] = [Video, Image, Audio].map(ExpectedContent::Kind);
        let any = ExpectedContent::Media;
        assert_eq!(kinds, [video, video, any, image, audio, any, any]);
        for bare in [json!("u:1"), json!(["u:0", "u:1"]), json!({"url": "u:1"})] {
            assert_eq!(promise(&bare, "u:1", Some(Video)), video, "{bare}");
            assert_eq!(promise(&bare, "u:1", None), any, "{bare}");
        }
    }

    #[test]
    fn a_file_inside_a_url_is_not_shown_whole() {
        let url = format!("data:video/mp4;base64,{}", "A".repeat(1000));
        assert!(short(&url).len() < 120 && short(&url).contains("1022 characters"), "{}", short(&url));
        let link = format!("https://a.runcomfy.net/{}", "a".repeat(1000));
        assert_eq!(short(&link), link);
    }
}
