//! The outputs of a job: shown, or downloaded with the media type that the model promises.

use kling::transport::{DownloadOptions, Downloaded};
use kling::{CompletedJob, ErrorKind, RequestId};
use serde_json::{Value, json};

use crate::arguments::hyphen::command_line;
use crate::console::{CliError, one_line};
use crate::output_path::OutputPath;
use crate::progress::ProgressLine;

/// Returns the paths of files as lines, and the files as JSON.
pub(crate) fn report(saved: &[Downloaded]) -> (String, Value) {
    let path = |file: &Downloaded| file.path.display().to_string();
    let paths: Vec<_> = saved.iter().map(path).collect();
    let json = saved.iter().map(|file| json!({ "path": path(file), "bytes": file.bytes }));
    (paths.join("\n"), json.collect())
}

/// Downloads every output. An error of one does not stop the others.
pub(crate) async fn save(
    completed: &CompletedJob,
    output_path: &OutputPath,
    options: &DownloadOptions,
    progress: Option<&ProgressLine>,
) -> Result<Vec<Downloaded>, CliError> {
    let id = completed.id();
    if completed.urls().is_empty() {
        return Err(no_file(completed));
    }
    output_path.prepare().map_err(|error| error.resumable(id, &resume_command(id, "-o FILE")))?;
    if let Some(progress) = progress {
        progress.show(&format!("downloading {}", output_path.to_record().display()));
    }
    let show = |received| progress.into_iter().for_each(|line| line.set_download(received));
    let saving = output_path.save(completed).options(options.clone()).on_progress(show);
    saving.await.map_err(|error| download_error(&error, id))
}

/// Returns an error with the URL, so that the output can be fetched by other means.
fn download_error(error: &kling::Error, id: &RequestId) -> CliError {
    let Some(call) = error.call_error() else { return CliError::from(error.clone()) };
    let options = match call.host() {
        Some(host) if call.kind() == ErrorKind::HostNotAllowed => format!("--allow-host {host}"),
        _ if call.kind() == ErrorKind::TooLarge => "--max-size SIZE".to_owned(),
        _ if call.is_file() && call.kind() != ErrorKind::FileLocked => "-o FILE".to_owned(),
        _ => String::new(),
    };
    let url = error.output_url().unwrap_or_default();
    let exit = CliError::from(call.clone()).exit();
    let mut message = format!("cannot download the output: {call}\n  download it from {}", display_url(url));
    if call.kind() == ErrorKind::Content {
        message.push_str("\n  to save it anyway: --any-content");
    }
    CliError::new(exit, message).with("url", url).resumable(id, &resume_command(id, &options))
}

/// Returns the command that resumes a request.
pub(crate) fn resume_command(id: &RequestId, options: &str) -> String {
    command_line("resume", id.as_str(), options)
}

/// Returns the URLs of an output, or the whole output if it has none. Returns `None` without an output.
pub(crate) fn lines(completed: &CompletedJob) -> Option<Vec<String>> {
    let urls = completed.urls();
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
    let id = completed.id();
    let message = match lines(completed) {
        Some(lines) => {
            format!("request {id} succeeded, but its output has no file to download:\n{}", lines.join("\n"))
        }
        None => format!("request {id} succeeded, but its result has no output"),
    };
    CliError::service(message).with("request_id", id.as_str()).with("output", completed.output().clone())
}

#[cfg(test)]
mod tests {
    use super::*;

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
