//! The one thread that writes: what many threads ask for at once is one transaction, and one sync of the disk.

use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::database::Database;
use super::failure::DatabaseError;
use super::folder::Folder;
use super::table::Table;
use crate::Error;

/// The most pieces of work in one transaction.
const GROUP: usize = 512;

/// The way to the thread. The thread ends, and the database is closed, when this is dropped.
#[derive(Debug)]
pub(super) struct Writer {
    work: Option<Sender<Work>>,
    thread: Option<JoinHandle<()>>,
}

type Run = Box<dyn Fn(Table<'_>) -> Result<(), DatabaseError> + Send>;

/// A piece of work, which may be done a second time in a transaction of its own.
struct Work {
    lock_timeout: Duration,
    run: Run,
    done: SyncSender<Result<(), Error>>,
}

impl Writer {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if the system has no thread to give.
    pub(super) fn start(database: Database, path: PathBuf, folder: Folder) -> Result<Self, Error> {
        let (work, queue) = mpsc::channel();
        let desk = Desk { database, path, folder, is_suspect: false };
        let thread = thread::Builder::new().name("kling-journal".to_owned()).spawn(move || desk.run(&queue));
        let thread = thread
            .map_err(|error| Error::store(format!("the journal's thread cannot be started: {error}")))?;
        Ok(Self { work: Some(work), thread: Some(thread) })
    }

    /// Does a piece of work in a transaction, and returns its result once that is on disk.
    ///
    /// # Errors
    /// The error of the work or of the transaction: then nothing of it was written.
    pub(super) fn write<T: Send + 'static>(
        &self,
        lock_timeout: Duration,
        work: impl Fn(Table<'_>) -> Result<T, DatabaseError> + Send + 'static,
    ) -> Result<T, Error> {
        let output = Arc::new(Mutex::new(None));
        let (place, (done, outcome)) = (Arc::clone(&output), mpsc::sync_channel(1));
        let run = move |table: Table<'_>| {
            let result = work(table)?;
            *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
            Ok(())
        };
        let gone = || Error::store("the journal's thread ended: start the program again");
        let work = Work { lock_timeout, run: Box::new(run), done };
        self.work.as_ref().ok_or_else(gone)?.send(work).map_err(|_| gone())?;
        outcome.recv().map_err(|_| gone())??;
        output.lock().unwrap_or_else(PoisonError::into_inner).take().ok_or_else(gone)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.work.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was an error of each call since.
            let _ = thread.join();
        }
    }
}

/// The thread's own side.
struct Desk {
    database: Database,
    path: PathBuf,
    folder: Folder,
    /// Whether the disk failed, so that the file is checked before more is written.
    is_suspect: bool,
}

impl Desk {
    fn run(mut self, queue: &Receiver<Work>) {
        while let Ok(first) = queue.recv() {
            let mut group = vec![first];
            group.extend(queue.try_iter().take(GROUP - 1));
            self.serve(group);
        }
    }

    /// Writes a group. If its transaction fails, each piece gets one of its own: the fault may be of one of them.
    fn serve(&mut self, group: Vec<Work>) {
        let outcomes = match self.transaction(&group) {
            Ok(outcomes) => outcomes,
            Err(failure) if group.len() == 1 => vec![Err(failure)],
            Err(_) => group.iter().map(|work| self.alone(work)).collect(),
        };
        for (work, outcome) in group.iter().zip(outcomes) {
            let outcome = outcome.map_err(|failure| self.word(failure));
            // A caller that panicked waits no longer.
            let _ = work.done.send(outcome);
        }
    }

    fn alone(&mut self, work: &Work) -> Result<(), DatabaseError> {
        self.transaction(std::slice::from_ref(work))?.pop().unwrap_or(Ok(()))
    }

    /// Runs a group in one transaction. A piece that fails is undone by itself.
    fn transaction(&mut self, group: &[Work]) -> Result<Vec<Result<(), DatabaseError>>, DatabaseError> {
        if self.is_suspect {
            self.database.quick_check()?;
            self.is_suspect = false;
        }
        self.database.check_place()?;
        let longest = group.iter().map(|work| work.lock_timeout).max().unwrap_or_default();
        self.database.connection.busy_timeout(longest)?;
        self.database.connection.execute_batch("BEGIN IMMEDIATE")?;
        let written = self.write_all(group);
        let connection = &self.database.connection;
        let committed = written.and_then(|outcomes| {
            connection.execute_batch("COMMIT")?;
            Ok(outcomes)
        });
        // SQLite ends a transaction by itself if the disk is full.
        if committed.is_err() && !connection.is_autocommit() {
            let _ = connection.execute_batch("ROLLBACK");
        }
        let outcomes = committed?;
        // A file without a name takes every commit, and loses it.
        self.database.check_place()?;
        Ok(outcomes)
    }

    fn write_all(&self, group: &[Work]) -> Result<Vec<Result<(), DatabaseError>>, DatabaseError> {
        let connection = &self.database.connection;
        let mut outcomes = Vec::with_capacity(group.len());
        for work in group {
            connection.execute_batch("SAVEPOINT piece")?;
            let outcome = (work.run)(Table(connection));
            match outcome {
                Ok(()) => connection.execute_batch("RELEASE piece")?,
                Err(failure) if connection.is_autocommit() => return Err(failure),
                Err(_) => connection.execute_batch("ROLLBACK TO piece; RELEASE piece")?,
            }
            outcomes.push(outcome);
        }
        Ok(outcomes)
    }

    /// Words a failure, and takes note of one that may be damage.
    fn word(&mut self, failure: DatabaseError) -> Error {
        self.is_suspect |= failure.is_suspect();
        let is_damage = failure.is_damage();
        let error = failure.at(&self.path);
        if is_damage {
            self.folder.mark_damaged(&error.to_string());
        }
        error
    }
}
