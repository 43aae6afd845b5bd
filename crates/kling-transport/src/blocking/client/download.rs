//! Downloads by the blocking client.

use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use super::Client;
use crate::blocking::Streaming;
use crate::blocking::ureq_transport::broken_off;
use crate::download::{Downloading, Obstacle, is_inline, save_inline};
use crate::partial_file::PartialFile;
use crate::{DownloadOptions, Downloaded, Error, Progress};

/// What is read at a time of a download, in bytes.
const PIECE: usize = 64 * 1024;

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
    pub fn download(
        &self,
        url: &str,
        path: impl AsRef<Path>,
        options: &DownloadOptions,
        mut progress: impl FnMut(Progress),
    ) -> Result<Downloaded, Error> {
        let (started, path) = (self.clock.now(), path.as_ref());
        if is_inline(url) {
            return save_inline(url, path, options);
        }
        let mut downloading = Downloading::new(url, path, options, &self.settings)?;
        if let Some(whole) = downloading.take_whole() {
            return whole.keep();
        }
        loop {
            let span = downloading.span();
            let obstacle = match span.within(|| self.fetch(&mut downloading, started, &mut progress)) {
                Ok(partial) => {
                    downloading.came(&partial);
                    return partial.keep();
                }
                Err(obstacle) => obstacle,
            };
            match downloading.next(obstacle, self.since(started), fastrand::f64()) {
                ControlFlow::Break(error) => return Err(error),
                ControlFlow::Continue(pause) => self.clock.sleep(pause),
            }
        }
    }

    fn fetch(
        &self,
        downloading: &mut Downloading,
        started: Duration,
        progress: &mut impl FnMut(Progress),
    ) -> Result<PartialFile, Obstacle> {
        let (head, mut body) = self.transport.open(downloading.request(), downloading.patience())?;
        let mut partial = downloading.begin(&head)?;
        let mut buffer = vec![0; PIECE];
        loop {
            partial = match body.read(&mut buffer) {
                Ok(0) => return partial.whole(),
                Ok(read) => partial.append(&buffer[..read], self.since(started))?,
                Err(error) => return Err(partial.broken(broken_off(error))),
            };
            progress(partial.progress());
        }
    }
}
