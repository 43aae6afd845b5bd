//! The result of a job that succeeded, and its outputs on disk.

use std::fmt;
use std::fs::{self, File};
use std::future::IntoFuture;
use std::io::{Read, Seek};
use std::path::{PathBuf, is_separator};

use kling_transport::{
    BoxFuture, DownloadOptions, Downloaded, DynModel, Error as CallError, ErrorKind, ExpectedContent,
    JobModel, ModelId, Progress, RequestId, ResultReply,
};
use kling_types::{ModelInfo, OutputKind};
use serde_json::Value;

use crate::output_file::{self, OutputFile, Place};
use crate::{Error, Job};

/// The result of a job that succeeded. It keeps the job locked, so that no other process saves its outputs.
///
/// `Debug` omits the output, since its URLs contain an account id.
pub struct CompletedJob<M: JobModel = DynModel> {
    job: Job<M>,
    output: M::Output,
    reply: ResultReply,
}

impl<M: JobModel> CompletedJob<M> {
    pub(crate) fn new(job: Job<M>, reply: ResultReply) -> Self {
        let output = M::read(reply.output.clone().unwrap_or(Value::Null));
        Self { job, output, reply }
    }

    /// Returns the request id.
    #[must_use]
    pub fn id(&self) -> &RequestId {
        self.job.id()
    }

    /// Returns the output. A model that is not known by type has raw JSON, which is null if the API sent none.
    #[must_use]
    pub const fn output(&self) -> &M::Output {
        &self.output
    }

    /// Returns the output by value.
    #[must_use]
    pub fn into_output(self) -> M::Output {
        self.output
    }

    /// Returns the URL of each output file, once. A `data:` URL holds the file itself and may be long.
    #[must_use]
    pub fn urls(&self) -> Vec<&str> {
        self.reply.output_urls()
    }

    /// Returns the cost in USD, if the API reported it.
    #[must_use]
    pub const fn cost_usd(&self) -> Option<f64> {
        self.reply.cost_usd
    }

    /// Returns the whole reply of the API.
    #[must_use]
    pub const fn reply(&self) -> &ResultReply {
        &self.reply
    }

    /// Saves every output into a folder, as `kling-ID.mp4`, `kling-ID-2.mp4` and so on. Creates a missing folder.
    ///
    /// A file of that name is complete, and is not fetched again. Nothing is overwritten. See [`Save`].
    pub fn save(&self, folder: impl Into<PathBuf>) -> Save<'_, M> {
        self.save_to(Place::Folder(folder.into()))
    }

    /// Saves the first output as `path`, and others beside it as `path-2`, `path-3` before the extension.
    ///
    /// A file that holds an output of this job already is not fetched again. Nothing is overwritten: if another file has the
    /// name, the output is saved beside it, under the name that [`CompletedJob::save`] gives. A folder
    /// is saved into, as by that method. See [`Save`].
    pub fn save_as(&self, path: impl Into<PathBuf>) -> Save<'_, M> {
        let path = path.into();
        let is_folder = path.is_dir() || path.to_string_lossy().ends_with(is_separator);
        self.save_to(if is_folder { Place::Folder(path) } else { Place::File(path) })
    }

    /// Returns a reader of the output with this index, counted from 0. The file is temporary.
    ///
    /// The journal does not count the output as saved. [`Client::unfinished`](crate::Client::unfinished) returns the job again.
    ///
    /// # Errors
    /// As [`Save`]. [`ErrorKind::Content`] if there is no such output.
    pub async fn reader(&self, index: usize) -> Result<File, Error> {
        let urls = self.urls();
        let url = urls.get(index).ok_or_else(|| self.no_file())?;
        let failed = |error: std::io::Error| self.unsaved(url, &error);
        let folder = tempfile::tempdir().map_err(failed)?;
        let path = folder.path().join("output");
        let options = &DownloadOptions::default();
        self.fetch(index, url, &path, options, &mut |_| {}).await?;
        File::open(&path).map_err(failed)
    }

    /// Returns the bytes of the output with this index, counted from 0. See [`CompletedJob::reader`].
    ///
    /// # Errors
    /// As [`CompletedJob::reader`].
    pub async fn bytes(&self, index: usize) -> Result<Vec<u8>, Error> {
        let mut file = self.reader(index).await?;
        let mut bytes = Vec::new();
        let read = file.rewind().and_then(|()| file.read_to_end(&mut bytes));
        read.map(|_| bytes).map_err(|error| self.unsaved("", &error))
    }

    fn save_to(&self, place: Place) -> Save<'_, M> {
        Save { completed: self, place, options: DownloadOptions::default(), on_progress: Box::new(|_| {}) }
    }

    /// Saves every output. An error of one does not stop the others.
    async fn save_all(
        &self,
        place: &Place,
        options: &DownloadOptions,
        on_progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Vec<Downloaded>, Error> {
        let urls = self.urls();
        if urls.is_empty() {
            // Outputs inside a reply have no URLs in the journal.
            let saved = self.job.saved_files().into_iter().map(Downloaded::at).collect::<Result<Vec<_>, _>>();
            return saved.ok().filter(|files| !files.is_empty()).ok_or_else(|| self.no_file());
        }
        if let Some(folder) = place.folder() {
            fs::create_dir_all(folder).map_err(|error| self.unsaved(urls[0], &error))?;
        }
        let (mut saved, mut first_error) = (Vec::new(), None);
        for (index, url) in urls.iter().enumerate() {
            let file = match place.file(self.id(), index, url, self.kind(), &self.job.saved_files()) {
                OutputFile::Saved(path) => Downloaded::at(path).map_err(|error| self.unsaved(url, &error)),
                OutputFile::Missing(path) => self.fetch(index, url, &path, options, on_progress).await,
            };
            match file {
                Ok(file) => saved.push(file),
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        let files = saved.iter().filter_map(|file| std::path::absolute(&file.path).ok());
        self.job.add_saved(files);
        if let Some(error) = first_error {
            return Err(error);
        }
        self.job.client().saved(self.id(), self.job.saved_files()).await;
        Ok(saved)
    }

    /// Downloads one output. If its host refuses the file, the link may have expired, and the result names a fresh one.
    async fn fetch(
        &self,
        index: usize,
        url: &str,
        path: &std::path::Path,
        options: &DownloadOptions,
        on_progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Downloaded, Error> {
        let output = self.reply.output.as_ref().unwrap_or(&Value::Null);
        let content = output_file::expected_content(output, url, self.info().map(|info| info.output_kind));
        let options = &match options.content() {
            ExpectedContent::Anything => options.clone(),
            _ => options.clone().with_content(content),
        };
        let api = self.job.client().api();
        let error = match api.download(url, path, options, &mut *on_progress).await {
            Ok(file) => return Ok(file),
            Err(error) => error,
        };
        let fresh = match error.kind() {
            ErrorKind::OutputUnavailable => api.result(self.id()).await.ok(),
            _ => None,
        };
        let fresh = fresh.as_ref().and_then(|reply| reply.output_urls().get(index).copied());
        let (url, saved) = match fresh.filter(|fresh| *fresh != url) {
            Some(fresh) => (fresh, api.download(fresh, path, options, on_progress).await),
            None => (url, Err(error)),
        };
        saved.map_err(|error| Error::save(self.id(), url, error))
    }

    fn no_file(&self) -> Error {
        let message = format!("request {} succeeded, but its result has no such output file", self.id());
        CallError::new(ErrorKind::Content, message).into()
    }

    fn unsaved(&self, url: &str, error: &std::io::Error) -> Error {
        Error::save(self.id(), url, CallError::new(ErrorKind::Disk, format!("cannot write a file: {error}")))
    }

    fn info(&self) -> Option<&'static ModelInfo> {
        kling_types::models::find(self.job.model().map_or("", ModelId::as_str))
    }

    fn kind(&self) -> OutputKind {
        self.info().map_or(OutputKind::Video, |info| info.output_kind)
    }
}

impl<M: JobModel> fmt::Debug for CompletedJob<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompletedJob")
            .field("id", self.id())
            .field("cost_usd", &self.cost_usd())
            .finish_non_exhaustive()
    }
}

/// A download of every output of a job. Await it for the files, in the order of the outputs.
///
/// Each file appears whole or not at all. A download that was interrupted is resumed, even by another process. When every
/// output is on disk, the journal records the files.
///
/// # Errors
/// The first error of an output, after the others were tried. The job is paid, so save it again if
/// [`Error::is_money_at_stake`](crate::Error::is_money_at_stake). [`Error::call_error`] has the cause. [`ErrorKind::Content`] if
/// the job has no output file, or another kind of file.
#[must_use = "nothing is saved unless this is awaited"]
pub struct Save<'a, M: JobModel = DynModel> {
    completed: &'a CompletedJob<M>,
    place: Place,
    options: DownloadOptions,
    on_progress: Box<dyn FnMut(Progress) + Send + 'a>,
}

impl<'a, M: JobModel> Save<'a, M> {
    /// Sets the options of the downloads: allowed hosts, size, retries. The expected content follows from the output unless
    /// the options allow anything.
    pub fn options(self, options: DownloadOptions) -> Self {
        Self { options, ..self }
    }

    /// Calls back with the progress of each file.
    pub fn on_progress(self, on_progress: impl FnMut(Progress) + Send + 'a) -> Self {
        Self { on_progress: Box::new(on_progress), ..self }
    }

    pub(crate) async fn run(mut self) -> Result<Vec<Downloaded>, Error> {
        self.completed.save_all(&self.place, &self.options, &mut self.on_progress).await
    }
}

impl<'a, M: JobModel> IntoFuture for Save<'a, M> {
    type Output = Result<Vec<Downloaded>, Error>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl<M: JobModel> fmt::Debug for Save<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Save").field("place", &self.place).finish_non_exhaustive()
    }
}
