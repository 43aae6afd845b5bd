//! The table of entries: its columns, the checksum of each row, and every statement.

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};
use uuid::Uuid;

use crate::entry::{Outcome, Parts, Stage};
use crate::intent::{IntentParts, millis};
use crate::{Entry, Error, Event, Intent, IntentId, Outputs};

use super::failure::DatabaseError;

/// The version of the schema, kept in `PRAGMA user_version`.
pub(super) const VERSION: i64 = 1;

/// The tables of version 1. Partial indexes serve a query only if its `WHERE` repeats their words.
pub(super) const SCHEMA: &str = "
CREATE TABLE entry(
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    origin TEXT NOT NULL,
    model TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    account TEXT,
    output TEXT,
    batch TEXT,
    row_key TEXT,
    lease BLOB,
    stage INTEGER NOT NULL,
    outcome INTEGER NOT NULL,
    request_id TEXT,
    state TEXT,
    message TEXT,
    outputs TEXT,
    files TEXT,
    cost_usd REAL,
    merged_into BLOB,
    crc INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX entry_id ON entry(id);
CREATE INDEX entry_job ON entry(request_id) WHERE request_id IS NOT NULL;
CREATE INDEX entry_same ON entry(fingerprint) WHERE stage = 1;
CREATE INDEX entry_stage ON entry(stage, seq);
CREATE INDEX entry_old ON entry(changed_at) WHERE stage = 0;
CREATE INDEX entry_batch ON entry(batch, row_key) WHERE batch IS NOT NULL;
";

/// Every column but the checksum, in the order of the checksum.
const COLUMNS: &str = "seq,id,at,changed_at,origin,model,fingerprint,account,output,batch,row_key,lease,stage,outcome,\
    request_id,state,message,outputs,files,cost_usd,merged_into";
const COLUMN_COUNT: usize = 21;

/// The stage of a row whose job is recorded in another row.
const MERGED: i64 = 9;

/// A row that was read back whole.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) seq: i64,
    pub(super) entry: Entry,
    pub(super) lease: Option<Uuid>,
    pub(super) merged_into: Option<IntentId>,
}

/// The entries, in one connection and usually in one transaction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table<'a>(pub(super) &'a Connection);

impl Table<'_> {
    /// Adds an entry.
    pub(super) fn insert(self, entry: &Entry, lease: Option<Uuid>) -> Result<(), DatabaseError> {
        let last = "SELECT coalesce(max(seq), 0) FROM entry";
        let seq: i64 = self.0.query_row(last, [], |row| row.get(0))?;
        self.write(&Stored { seq: seq + 1, entry: entry.clone(), lease, merged_into: None }, true)
    }

    /// Writes a row that was read and changed.
    pub(super) fn update(self, stored: &Stored) -> Result<(), DatabaseError> {
        self.write(stored, false)
    }

    fn write(self, stored: &Stored, is_new: bool) -> Result<(), DatabaseError> {
        let mut values = stored.values();
        let crc = checksum(values.iter().map(ValueRef::from));
        values.push(Value::Integer(crc.into()));
        let statement = if is_new {
            let marks = vec!["?"; COLUMN_COUNT + 1].join(",");
            format!("INSERT INTO entry({COLUMNS},crc) VALUES({marks})")
        } else {
            // Only these ever change, so that the other indexes are left alone.
            "UPDATE entry SET changed_at=?4, origin=?5, model=?6, account=?8, output=?9, lease=?12, stage=?13, outcome=?14, \
             request_id=?15, state=?16, message=?17, outputs=?18, files=?19, cost_usd=?20, merged_into=?21, crc=?22 \
             WHERE seq=?1 AND id=?2 AND at=?3 AND fingerprint=?7 AND batch IS ?10 AND row_key IS ?11"
                .to_owned()
        };
        self.0.execute(&statement, params_from_iter(values))?;
        Ok(())
    }

    /// Returns the row of an intent. A row that was merged into another one leads there.
    pub(super) fn get(self, intent: &IntentId) -> Result<Stored, DatabaseError> {
        let mut id = *intent;
        for _ in 0..2 {
            let condition = "id = ?1";
            let stored = self.one(condition, params![id.as_bytes().as_slice()])?;
            match stored {
                Some(Stored { merged_into: Some(other), .. }) => id = other,
                Some(stored) => return Ok(stored),
                None => break,
            }
        }
        Err(Error::no_entry(intent).into())
    }

    /// Whether an intent has a row.
    pub(super) fn has(self, intent: &IntentId) -> Result<bool, DatabaseError> {
        let question = "SELECT 1 FROM entry WHERE id = ?1";
        let found = self.0.query_row(question, [intent.as_bytes().as_slice()], |_| Ok(()));
        Ok(found.optional()?.is_some())
    }

    /// Returns the newest row of a job.
    pub(super) fn find_job(self, origin: &str, request_id: &str) -> Result<Option<Stored>, DatabaseError> {
        let condition = "request_id IS NOT NULL AND request_id = ?1 AND origin = ?2 AND stage < 9 \
                         ORDER BY seq DESC LIMIT 1";
        self.one(condition, params![request_id, origin])
    }

    /// Returns the rows whose intent id lies between two ids, both included; at most two.
    pub(super) fn find_between(self, low: [u8; 16], high: [u8; 16]) -> Result<Vec<Stored>, DatabaseError> {
        let condition = "id BETWEEN ?1 AND ?2 AND stage < 9 LIMIT 2";
        self.many(condition, params![low.as_slice(), high.as_slice()])
    }

    /// Returns the rows of the same request that have no known outcome.
    pub(super) fn unresolved_like(self, intent: &Intent) -> Result<Vec<Stored>, DatabaseError> {
        let condition = "fingerprint = ?1 AND stage = 1";
        let mut rows = self.many(condition, [intent.fingerprint()])?;
        rows.retain(|row| row.entry.intent().is_same_request(intent));
        Ok(rows)
    }

    /// Returns rows of one stage, beginning after a place. A row that is damaged is returned as its failure, with its place.
    pub(super) fn page(self, part: &Part<'_>) -> Result<Vec<Placed>, DatabaseError> {
        let (sign, order) = if part.oldest_first { (">", "ASC") } else { ("<", "DESC") };
        let default = if part.oldest_first { i64::MIN } else { i64::MAX };
        // With a batch, its index is the shorter way; the sum keeps SQLite from sorting by the other one.
        let by_batch =
            if part.batch.is_some() { "batch IS NOT NULL AND batch = ?3 AND +stage" } else { "stage" };
        let statement = format!(
            "SELECT {COLUMNS},crc FROM entry WHERE {by_batch} = ?1 AND seq {sign} ?2 AND (?3 IS NULL OR batch = ?3) \
             AND (?4 IS NULL OR origin = ?4) ORDER BY seq {order} LIMIT ?5"
        );
        let mut statement = self.0.prepare(&statement)?;
        let limit = i64::try_from(part.limit).unwrap_or(i64::MAX);
        let stage = part.stage as i64;
        let mut rows =
            statement.query(params![stage, part.after.unwrap_or(default), part.batch, part.origin, limit])?;
        let mut page = Vec::new();
        while let Some(row) = rows.next()? {
            page.push((row.get(0)?, read(row)));
        }
        Ok(page)
    }

    /// Applies an event. An adopted row of the same job is merged into the one that its submit made.
    pub(super) fn apply(
        self,
        intent: &IntentId,
        at: std::time::SystemTime,
        event: &Event,
    ) -> Result<(), DatabaseError> {
        let mut stored = self.get(intent)?;
        if event.ends_submit() {
            stored.lease = None;
        }
        stored.entry.apply(at, event);
        if let Event::Accepted { request_id } = event {
            self.merge_adopted(&mut stored, request_id)?;
        }
        self.update(&stored)
    }

    /// A job that was adopted by its request id is told in the row of its intent, once that is settled.
    fn merge_adopted(self, stored: &mut Stored, request_id: &str) -> Result<(), DatabaseError> {
        let Some(mut adopted) = self.find_job(stored.entry.intent().origin(), request_id)? else {
            return Ok(());
        };
        if adopted.seq == stored.seq || adopted.entry.intent().request_id().is_none() {
            return Ok(());
        }
        stored.entry = adopted.entry.clone().with_intent(stored.entry.intent().clone());
        stored.lease = adopted.lease.take();
        adopted.merged_into = Some(*stored.entry.intent().id());
        self.update(&adopted)
    }

    /// Counts the rows that are over and older than a time.
    pub(super) fn count_over(self, before: std::time::SystemTime) -> Result<usize, DatabaseError> {
        let question = "SELECT count(*) FROM entry WHERE stage = 0 AND changed_at < ?1";
        let count: i64 = self.0.query_row(question, [millis::of(before)], |row| row.get(0))?;
        Ok(usize::try_from(count).unwrap_or_default())
    }

    /// Removes some of the rows that are over and older than a time. Returns how many.
    pub(super) fn remove_over(
        self,
        before: std::time::SystemTime,
        limit: i64,
    ) -> Result<usize, DatabaseError> {
        let statement = "DELETE FROM entry WHERE seq IN \
                         (SELECT seq FROM entry WHERE stage = 0 AND changed_at < ?1 LIMIT ?2)";
        Ok(self.0.execute(statement, params![millis::of(before), limit])?)
    }

    /// Returns the row at a place, whole or damaged.
    pub(super) fn at(self, seq: i64) -> Result<Option<Stored>, DatabaseError> {
        self.one("seq = ?1", [seq])
    }

    fn one(self, condition: &str, params: impl rusqlite::Params) -> Result<Option<Stored>, DatabaseError> {
        Ok(self.many(condition, params)?.pop())
    }

    fn many(self, condition: &str, params: impl rusqlite::Params) -> Result<Vec<Stored>, DatabaseError> {
        let mut statement = self.0.prepare(&format!("SELECT {COLUMNS},crc FROM entry WHERE {condition}"))?;
        let mut rows = statement.query(params)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(read(row)?);
        }
        Ok(found)
    }
}

/// A row with its place, or the failure to read it.
pub(super) type Placed = (i64, Result<Stored, DatabaseError>);

/// One stage of a page.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) stage: Stage,
    pub(super) after: Option<i64>,
    pub(super) oldest_first: bool,
    pub(super) limit: usize,
    pub(super) origin: Option<&'a str>,
    pub(super) batch: Option<&'a str>,
}

impl Stored {
    /// The entry, locked if the process of its lease is alive.
    pub(super) fn with_lock(self, mut is_alive: impl FnMut(Uuid) -> bool) -> Entry {
        let is_locked = self.lease.is_some_and(&mut is_alive);
        self.entry.with_locked(is_locked)
    }

    /// The values of the columns, in their order.
    fn values(&self) -> Vec<Value> {
        let Self { seq, entry, lease, merged_into } = self;
        let intent = entry.intent();
        let text = |text: Option<&str>| text.map(str::to_owned).into();
        // Lists of texts always have a form in JSON.
        let list = |list: Vec<&str>| match list.is_empty() {
            true => Value::Null,
            false => serde_json::to_string(&list).unwrap_or_default().into(),
        };
        let stage = if merged_into.is_some() { MERGED } else { entry.stage() as i64 };
        vec![
            (*seq).into(),
            intent.id().as_bytes().to_vec().into(),
            millis::of(intent.at()).into(),
            millis::of(entry.changed_at()).into(),
            intent.origin().to_owned().into(),
            intent.model().to_owned().into(),
            intent.fingerprint().to_owned().into(),
            text(intent.account()),
            intent.output().map(|path| path.to_string_lossy().into_owned()).into(),
            text(intent.batch()),
            text(intent.row_key()),
            lease.map(|lease| lease.as_bytes().to_vec()).into(),
            stage.into(),
            (entry.outcome() as i64).into(),
            text(entry.request_id()),
            text(entry.state()),
            text(entry.message()),
            list(entry.outputs().iter().collect()),
            list(entry.files().iter().map(String::as_str).collect()),
            entry.cost_usd().filter(|cost| cost.is_finite()).into(),
            merged_into.map(|id| id.as_bytes().to_vec()).into(),
        ]
    }
}

/// Reads a row of all columns and the checksum.
pub(super) fn read(row: &Row<'_>) -> Result<Stored, DatabaseError> {
    let mut hashed = Vec::with_capacity(COLUMN_COUNT);
    for column in 0..COLUMN_COUNT {
        hashed.push(row.get_ref(column)?);
    }
    let crc: i64 = row.get(COLUMN_COUNT)?;
    if crc != i64::from(checksum(hashed.into_iter())) {
        return Err(DatabaseError::damaged("the checksum of a row is wrong"));
    }
    read_unchecked(row)
}

/// Reads a row without a look at its checksum.
pub(super) fn read_unchecked(row: &Row<'_>) -> Result<Stored, DatabaseError> {
    let fingerprint: String = row.get(6)?;
    let request_id: Option<String> = row.get(14)?;
    let intent = Intent::from_parts(IntentParts {
        id: IntentId::from_bytes(sixteen(row.get(1)?)?),
        at: millis::time(row.get(2)?),
        origin: row.get(4)?,
        model: row.get(5)?,
        account: row.get(7)?,
        output: row.get(8)?,
        batch: row.get(9)?,
        row_key: row.get(10)?,
        // Only an adopted job has no fingerprint, and only its intent knows the request id.
        request_id: request_id.clone().filter(|_| fingerprint.is_empty()),
        fingerprint,
    });
    let list = |text: Option<String>| match text {
        Some(text) => serde_json::from_str::<Vec<String>>(&text)
            .map_err(|_| DatabaseError::damaged("a list in a row cannot be read")),
        None => Ok(Vec::new()),
    };
    let entry = Entry::from_parts(
        intent,
        Parts {
            changed_at: millis::time(row.get(3)?),
            outcome: outcome(row.get(13)?)?,
            request_id,
            state: row.get(15)?,
            message: row.get(16)?,
            outputs: list(row.get(17)?)?.into_iter().collect::<Outputs>(),
            files: list(row.get(18)?)?,
            cost_usd: row.get(19)?,
        },
    );
    let id = |bytes: Option<Vec<u8>>| bytes.map(sixteen).transpose();
    Ok(Stored {
        seq: row.get(0)?,
        entry,
        lease: id(row.get(11)?)?.map(Uuid::from_bytes),
        merged_into: id(row.get(20)?)?.map(IntentId::from_bytes),
    })
}

fn sixteen(bytes: Vec<u8>) -> Result<[u8; 16], DatabaseError> {
    bytes.try_into().map_err(|_| DatabaseError::damaged("an id has the wrong length"))
}

fn outcome(code: i64) -> Result<Outcome, DatabaseError> {
    const OUTCOMES: [Outcome; 8] = [
        Outcome::Open,
        Outcome::Unknown,
        Outcome::Rejected,
        Outcome::NotSubmitted,
        Outcome::Succeeded,
        Outcome::Failed,
        Outcome::Cancelled,
        Outcome::Gone,
    ];
    let known = OUTCOMES.into_iter().find(|outcome| *outcome as i64 == code);
    known.ok_or_else(|| DatabaseError::damaged("the outcome of a row has no meaning"))
}

/// The CRC-32 of values, each with its type and its length, so that no two rows look alike.
fn checksum<'a>(values: impl Iterator<Item = ValueRef<'a>>) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for value in values {
        let (kind, bytes): (u8, &[u8]) = match &value {
            ValueRef::Null => (0, &[]),
            ValueRef::Integer(number) => (1, &number.to_le_bytes()),
            ValueRef::Real(number) => (2, &number.to_le_bytes()),
            ValueRef::Text(text) => (3, text),
            ValueRef::Blob(bytes) => (4, bytes),
        };
        hasher.update(&[kind]);
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    }
    hasher.finalize()
}
