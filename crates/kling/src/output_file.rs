//! The files of outputs: their names, and the content that they must have.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use kling_transport::{ExpectedContent, RequestId};
use kling_types::OutputKind;
use serde_json::Value;

/// The place of the outputs of a job.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// The named file, and numbered ones beside it: `clip.mp4`, `clip-2.mp4`, …
    File(PathBuf),
    /// Files in a folder, named by the request id: `kling-5e1f.mp4`, `kling-5e1f-2.mp4`, …
    Folder(PathBuf),
}

/// The file of an output.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum OutputFile {
    /// The file holds the output already.
    Saved(PathBuf),
    /// The file does not exist.
    Missing(PathBuf),
}

impl Place {
    /// Returns the file of an output. `saved` has the files that hold outputs of this job already.
    ///
    /// A name that is taken by another file is never used again: the output goes beside it, named by the request id. A file
    /// that is named by the request id is complete, since downloads are renamed into place.
    pub(crate) fn file(
        &self,
        id: &RequestId,
        index: usize,
        url: &str,
        kind: OutputKind,
        saved: &[PathBuf],
    ) -> OutputFile {
        let folder = match self {
            Self::Folder(folder) => folder,
            Self::File(first) => {
                let path = numbered(first, index);
                if path.symlink_metadata().is_err() {
                    return OutputFile::Missing(path);
                }
                if std::path::absolute(&path).is_ok_and(|path| saved.contains(&path)) {
                    return OutputFile::Saved(path);
                }
                first.parent().unwrap_or_else(|| Path::new(""))
            }
        };
        let extension = extension(url).unwrap_or_else(|| default_extension(kind).to_owned());
        let path = numbered(&folder.join(format!("kling-{id}.{extension}")), index);
        if fs::symlink_metadata(&path).is_ok_and(|facts| facts.is_file()) {
            OutputFile::Saved(path)
        } else {
            OutputFile::Missing(path)
        }
    }

    /// Returns the folder that must exist.
    pub(crate) fn folder(&self) -> Option<&Path> {
        let folder = match self {
            Self::Folder(folder) => Some(folder.as_path()),
            Self::File(path) => path.parent(),
        };
        folder.filter(|folder| !folder.as_os_str().is_empty())
    }
}

/// Returns `clip.mp4`, `clip-2.mp4`, `clip-3.mp4`, … for the indexes from 0.
pub fn numbered(path: &Path, index: usize) -> PathBuf {
    if index == 0 {
        return path.to_owned();
    }
    let mut name: OsString = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{}", index + 1));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

/// Returns the extension of a URL's path if it is 2 to 4 letters or digits.
fn extension(url: &str) -> Option<String> {
    let path = url.split(['?', '#']).next()?;
    let (_, extension) = path.rsplit('/').next()?.rsplit_once('.')?;
    let is_plain =
        (2..=4).contains(&extension.len()) && extension.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_plain.then(|| extension.to_ascii_lowercase())
}

const fn default_extension(kind: OutputKind) -> &'static str {
    match kind {
        OutputKind::Audio => "mp3",
        OutputKind::Image => "png",
        _ => "mp4",
    }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn file(place: &Place, index: usize, url: &str) -> OutputFile {
        place.file(&"id".parse().unwrap(), index, url, OutputKind::Video, &[])
    }

    fn missing(path: impl Into<PathBuf>) -> OutputFile {
        OutputFile::Missing(path.into())
    }

    #[test]
    fn several_files_are_numbered_before_the_dot() {
        let place = Place::File("a.b/clip.mp4".into());
        let files: Vec<_> = (0..3).map(|index| file(&place, index, "")).collect();
        assert_eq!(files, ["a.b/clip.mp4", "a.b/clip-2.mp4", "a.b/clip-3.mp4"].map(missing));
    }

    #[test]
    fn a_name_that_another_file_has_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let (path, id) = (folder.path().join("clip.mp4"), "id".parse().unwrap());
        fs::write(&path, "mine").unwrap();
        let place = Place::File(path.clone());
        let own = folder.path().join("kling-id.mp4");
        assert_eq!(file(&place, 0, ""), missing(&own));
        fs::write(&own, "whole").unwrap();
        assert_eq!(file(&place, 0, ""), OutputFile::Saved(own));
        let saved = place.file(&id, 0, "", OutputKind::Video, std::slice::from_ref(&path));
        assert_eq!(saved, OutputFile::Saved(path));
    }

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
    fn a_name_of_its_own_takes_only_a_plain_extension_from_the_url() {
        let place = Place::Folder(PathBuf::new());
        assert_eq!(file(&place, 0, "https://a.runcomfy.net/x/clip.WEBM?y=.exe"), missing("kling-id.webm"));
        let odd = ["https://a.runcomfy.net/clip", "https://a.b/x.tar%2fgz", "https://a.b/x.", "..", ""];
        for url in odd.into_iter().chain(["data:video/mp4;base64,AAAA"]) {
            assert_eq!(file(&place, 0, url), missing("kling-id.mp4"), "{url}");
        }
        let second = place.file(&"id".parse().unwrap(), 1, "", OutputKind::Image, &[]);
        assert_eq!(second, missing("kling-id-2.png"));
    }
}
