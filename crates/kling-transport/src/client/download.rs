//! Downloads by the async client.

use std::ops::ControlFlow;
use std::path::Path;

use tokio::time::Instant;

use super::Client;
use crate::download::{Downloading, Obstacle, is_inline, save_inline};
use crate::partial_file::PartialFile;
use crate::transport::Chunks;
use crate::{DownloadOptions, Downloaded, Error, Progress, Streaming};

impl<T: Streaming> Client<T> {
    /// Downloads an output to a file, without the token; see [`DownloadOptions`] for what is refused.
    ///
    /// The file appears whole or not at all: it is written beside its place under another name, synced, then renamed. What an
    /// earlier download of it left unfinished is gone on with, also after a crash: [`DownloadOptions::with_retry`]. A whole file
    /// that cannot be put in its place is kept, and the error names where. The content of a `data:` URL is written likewise.
    ///
    /// # Errors
    /// [`Error::is_host`] where the URL, or one that it leads to, is outside the hosts allowed; [`Error::is_file`] where the
    /// file exists, cannot be written, or is being downloaded by somebody else; [`Error::is_output_unavailable`] where the
    /// host does not give the file; [`Error::is_content`] where something else than the output arrived; others as for any call.
    pub async fn download(
        &self,
        url: &str,
        path: impl AsRef<Path> + Send,
        options: &DownloadOptions,
        mut progress: impl FnMut(Progress) + Send,
    ) -> Result<Downloaded, Error> {
        let (started, path) = (Instant::now(), path.as_ref());
        if is_inline(url) {
            let (url, path, options) = (url.to_owned(), path.to_owned(), options.clone());
            return on_disk(move || save_inline(&url, &path, &options)).await;
        }
        let mut downloading = Downloading::new(url, path, options, &self.settings)?;
        if let Some(whole) = downloading.take_whole() {
            return on_disk(move || whole.keep()).await;
        }
        loop {
            let span = downloading.span();
            let fetching = self.fetch(&mut downloading, started, &mut progress);
            let obstacle = match span.around(fetching).await {
                Ok(partial) => {
                    downloading.came(&partial);
                    return on_disk(move || partial.keep()).await;
                }
                Err(obstacle) => obstacle,
            };
            match downloading.next(obstacle, started.elapsed(), fastrand::f64()) {
                ControlFlow::Break(error) => return Err(error),
                ControlFlow::Continue(pause) => tokio::time::sleep(pause).await,
            }
        }
    }

    async fn fetch(
        &self,
        downloading: &mut Downloading,
        started: Instant,
        progress: &mut (impl FnMut(Progress) + Send),
    ) -> Result<PartialFile, Obstacle> {
        let (head, mut body) = self.transport.open(downloading.request(), downloading.patience()).await?;
        let mut partial = downloading.begin(&head)?;
        loop {
            partial = match body.chunk().await {
                Ok(Some(chunk)) => {
                    let now = started.elapsed();
                    on_disk(move || partial.append(&chunk, now)).await?
                }
                Ok(None) => return on_disk(move || partial.whole()).await,
                Err(failure) => return Err(partial.broken(failure)),
            };
            progress(partial.progress());
        }
    }
}

/// Runs what may block on a disk away from the threads that drive futures.
async fn on_disk<R: Send + 'static, E: From<Error> + Send + 'static>(
    work: impl FnOnce() -> Result<R, E> + Send + 'static,
) -> Result<R, E> {
    let done: Result<_, _> = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|stopped| Err(Error::file(format!("writing was stopped: {stopped}")).into()))
}
