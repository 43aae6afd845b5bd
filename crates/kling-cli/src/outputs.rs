//! The outputs of a job: shown, or downloaded with the media type that the model promises.

use std::fs;

use kling::{
    Client, CompletedJob, DownloadOptions, ErrorKind, ExpectedContent, Journaled, OutputKind, RequestId,
};
use serde_json::{Value, json};

use crate::arguments::hyphen::command_line;
use crate::console::{CliError, one_line};
use crate::output_path::OutputPath;
use crate::progress::ProgressLine;

/// A downloaded file.
#[derive(Debug)]
pub(crate) struct Saved {
    pub(crate) path: String,
    bytes: u64,
}

/// Returns the paths of files as lines, and the files as JSON.
pub(crate) fn report(saved: &[Saved]) -> (String, Value) {
    let paths: Vec<_> = saved.iter().map(|file| file.path.as_str()).collect();
    let json = saved.iter().map(|file| json!({ "path": file.path, "bytes": file.bytes }));
    (paths.join("\n"), json.collect())
}

/// Downloads every output. An error of one does not stop the others.
pub(crate) async fn save(
    client: &Journaled,
    completed: &CompletedJob,
    output_path: &OutputPath,
    options: &DownloadOptions,
    progress: Option<&ProgressLine>,
) -> Result<Vec<Saved>, CliError> {
    let id = completed.request_id();
    let urls = completed.reply().output_urls();
    if urls.is_empty() {
        return Err(no_file(completed));
    }
    output_path.prepare().map_err(|error| error.resumable(id, &resume_command(id, "-o FILE")))?;
    let (mut saved, mut first_error) = (Vec::new(), None);
    for (index, url) in urls.iter().enumerate() {
        match fetch(client, completed, index, url, output_path, options, progress).await {
            Ok(file) => saved.push(file),
            Err(error) => {
                first_error.get_or_insert(error);
            }
        }
    }
    if let Some(error) = first_error {
        return Err(error.with("files", report(&saved).1));
    }
    let files = saved.iter().filter_map(|file| std::path::absolute(&file.path).ok());
    client.saved(id, files).await;
    Ok(saved)
}

/// Downloads one output. A file that is named after the request is complete: an earlier run downloaded it.
async fn fetch(
    client: &Journaled,
    completed: &CompletedJob,
    index: usize,
    url: &str,
    output_path: &OutputPath,
    options: &DownloadOptions,
    progress: Option<&ProgressLine>,
) -> Result<Saved, CliError> {
    let id = completed.request_id();
    let (path, is_named_by_id) = output_path.path(id, index, url);
    let saved = |bytes| Saved { path: path.display().to_string(), bytes };
    if let Ok(facts) = fs::symlink_metadata(&path)
        && facts.is_file()
        && is_named_by_id
    {
        return Ok(saved(facts.len()));
    }
    if let Some(progress) = progress {
        progress.show(&format!("downloading {}", path.display()));
    }
    let output = completed.reply().output.as_ref().unwrap_or(&Value::Null);
    let options = &match options.content() {
        ExpectedContent::Anything => options.clone(),
        _ => options.clone().with_content(expected_content(output, url, output_path.expected_kind())),
    };
    let show = |received| progress.into_iter().for_each(|line| line.set_download(received));
    let client = client.client();
    let error = match client.download(url, &path, options, show).await {
        Ok(downloaded) => return Ok(saved(downloaded.bytes)),
        Err(error) => error,
    };
    let Some(fresh) = fresh_link(client, id, index, url, &error).await else {
        return Err(download_error(&error, id, url));
    };
    match client.download(&fresh, &path, options, show).await {
        Ok(downloaded) => Ok(saved(downloaded.bytes)),
        Err(error) => Err(download_error(&error, id, &fresh)),
    }
}

/// Fetches the result again if the host refuses an output, since the link may have expired.
async fn fresh_link(
    client: &Client,
    id: &RequestId,
    index: usize,
    url: &str,
    error: &kling::Error,
) -> Option<String> {
    if error.kind() != ErrorKind::OutputUnavailable {
        return None;
    }
    let result = client.result(id).await.ok()?;
    result.output_urls().get(index).filter(|fresh| **fresh != url).map(ToString::to_string)
}

/// Returns an error with the URL, so that the output can be fetched by other means.
fn download_error(error: &kling::Error, id: &RequestId, url: &str) -> CliError {
    let options = match error.host() {
        Some(host) if error.kind() == ErrorKind::HostNotAllowed => format!("--allow-host {host}"),
        _ if error.kind() == ErrorKind::TooLarge => "--max-size SIZE".to_owned(),
        _ if error.is_file() && error.kind() != ErrorKind::FileLocked => "-o FILE".to_owned(),
        _ => String::new(),
    };
    let exit = CliError::from(error.clone()).exit();
    let mut message = format!("cannot download the output: {error}\n  download it from {}", display_url(url));
    if error.kind() == ErrorKind::Content {
        message.push_str("\n  to save it anyway: --any-content");
    }
    CliError::new(exit, message).with("url", url).resumable(id, &resume_command(id, &options))
}

/// Returns the command that resumes a request.
pub(crate) fn resume_command(id: &RequestId, options: &str) -> String {
    command_line("resume", id.as_str(), options)
}

/// Keys without a kind. The kind of their parent counts.
const PLAIN_KEYS: [&str; 5] = ["file", "href", "src", "uri", "url"];

/// Returns the expected content of one URL of an output: the kind of its nearest key, or of the model if it has no key.
pub(crate) fn expected_content(output: &Value, url: &str, model: Option<OutputKind>) -> ExpectedContent {
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

/// Returns the URLs of an output, or the whole output if it has none. Returns `None` without an output.
pub(crate) fn lines(completed: &CompletedJob) -> Option<Vec<String>> {
    let urls = completed.reply().output_urls();
    if !urls.is_empty() {
        return Some(urls.into_iter().map(display_url).collect());
    }
    match completed.reply().output.as_ref()? {
        Value::String(text) => Some(vec![one_line(text)]),
        output => Some(vec![one_line(&serde_json::to_string(output).unwrap_or_default())]),
    }
}

/// Returns a URL for a message. A `data:` URI is cut.
pub(crate) fn display_url(url: &str) -> String {
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

/// Returns the error for an output without a file. The message shows the output.
pub(crate) fn no_file(completed: &CompletedJob) -> CliError {
    let id = completed.request_id();
    let message = match lines(completed) {
        Some(lines) => {
            format!("request {id} succeeded, but its output has no file to download:\n{}", lines.join("\n"))
        }
        None => format!("request {id} succeeded, but its result has no output"),
    };
    CliError::service(message).with("request_id", id.as_str()).with("output", completed.output())
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
        let kinds = ["u:1", "u:2", "u:3", "u:4", "u:5", "u:6", "u:7"]
            .map(|url| expected_content(&output, url, Some(Video)));
        let [video, image, audio] = [Video, Image, Audio].map(ExpectedContent::Kind);
        let any = ExpectedContent::Media;
        assert_eq!(kinds, [video, video, any, image, audio, any, any]);
        for bare in [json!("u:1"), json!(["u:0", "u:1"]), json!({"url": "u:1"})] {
            assert_eq!(expected_content(&bare, "u:1", Some(Video)), video, "{bare}");
            assert_eq!(expected_content(&bare, "u:1", None), any, "{bare}");
        }
    }

    #[test]
    fn a_file_inside_a_url_is_not_shown_whole() {
        let url = format!("data:video/mp4;base64,{}", "A".repeat(1000));
        assert!(
            display_url(&url).len() < 120 && display_url(&url).contains("1022 characters"),
            "{}",
            display_url(&url)
        );
        let link = format!("https://a.runcomfy.net/{}", "a".repeat(1000));
        assert_eq!(display_url(&link), link);
    }
}
