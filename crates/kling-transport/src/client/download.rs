//! Downloads by the async client.

use std::ops::ControlFlow;
use std::path::Path;

use tokio::time::Instant;

use super::Client;
use crate::download::{Downloading, Obstacle};
use crate::partial_file::PartialFile;
use crate::transport::Chunks;
use crate::{DownloadOptions, Downloaded, Error, Progress, Streaming};

impl<T: Streaming> Client<T> {
    /// Downloads an output to a file, without the token; see [`DownloadOptions`] for what is refused.
    ///
    /// The file appears whole or not at all: it is written beside its place under another name, synced, then renamed. What an
    /// earlier download of it left unfinished is gone on with, also after a crash: [`DownloadOptions::with_retry`].
    ///
    /// # Errors
    /// [`Error::is_host`] where the URL, or one that it leads to, is outside the hosts allowed; [`Error::is_file`] where the
    /// file exists, cannot be written, or is being downloaded by somebody else; others as for any call.
    pub async fn download(
        &self,
        url: &str,
        path: impl AsRef<Path> + Send,
        options: &DownloadOptions,
        mut progress: impl FnMut(Progress) + Send,
    ) -> Result<Downloaded, Error> {
        let started = Instant::now();
        let mut downloading = Downloading::new(url, path.as_ref(), options, &self.settings)?;
        loop {
            let span = downloading.span();
            let obstacle = match span.around(self.fetch(&mut downloading, &mut progress)).await {
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
        progress: &mut (impl FnMut(Progress) + Send),
    ) -> Result<PartialFile, Obstacle> {
        let (head, mut body) = self.transport.open(downloading.request(), downloading.patience()).await?;
        let mut partial = downloading.begin(&head)?;
        loop {
            partial = match body.chunk().await {
                Ok(Some(chunk)) => on_disk(move || partial.append(&chunk)).await?,
                Ok(None) => return partial.whole(),
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
