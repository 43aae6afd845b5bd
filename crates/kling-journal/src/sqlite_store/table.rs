//! The table of entries: its columns, the checksum of each row, and every statement.

use std::time::SystemTime;

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, Params, Row, params, params_from_iter};
use uuid::Uuid;

use super::database::{DatabaseError, Result};
use crate::entry::{Outcome, Stage, to_millis};
use crate::{Entry, Error, Event, Intent, IntentId, Outputs, Query};

/// Every column but the checksum, in the order of the checksum. `batch` and `row_key` are reserved.
const COLUMNS: &str = "seq,id,at,changed_at,origin,model,fingerprint,account,output,batch,row_key,lease,stage,outcome,\
    request_id,state,message,outputs,files,cost_usd,merged_into";
const COLUMN_COUNT: usize = 21;

/// The stage of a row whose job is recorded in another row.
const MERGED: i64 = 9;

/// A row of the table.
#[derive(Clone, Debug)]
pub(super) struct EntryRow {
    pub(super) seq: i64,
    pub(super) entry: Entry,
    /// The lease of the process that works on the entry.
    pub(super) lease: Option<Uuid>,
    pub(super) merged_into: Option<IntentId>,
}

/// The table of entries, in one connection and usually in one transaction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table<'a>(pub(super) &'a Connection);

impl Table<'_> {
    /// Adds an entry.
    pub(super) fn insert(self, entry: &Entry, lease: Option<Uuid>) -> Result<()> {
        let last = "SELECT coalesce(max(seq), 0) FROM entry";
        let seq: i64 = self.0.query_row(last, [], |row| row.get(0))?;
        let row = EntryRow { seq: seq + 1, entry: entry.clone(), lease, merged_into: None };
        let marks = vec!["?"; COLUMN_COUNT + 1].join(",");
        self.write(&format!("INSERT INTO entry({COLUMNS},crc) VALUES({marks})"), &row)
    }

    /// Writes a row that was read and changed.
    pub(super) fn update(self, row: &EntryRow) -> Result<()> {
        // The columns in the condition never change, so their indexes are not written.
        let statement = "UPDATE entry SET changed_at=?4, origin=?5, model=?6, account=?8, output=?9, lease=?12, stage=?13, \
            outcome=?14, request_id=?15, state=?16, message=?17, outputs=?18, files=?19, cost_usd=?20, merged_into=?21, crc=?22 \
            WHERE seq=?1 AND id=?2 AND at=?3 AND fingerprint=?7";
        self.write(statement, row)
    }

    fn write(self, statement: &str, row: &EntryRow) -> Result<()> {
        let mut values = row.values();
        values.push(checksum(values.iter().map(ValueRef::from)).into());
        self.0.execute(statement, params_from_iter(values))?;
        Ok(())
    }

    /// Records a job of another program, unless a row has its request id. Returns the intent of the row.
    pub(super) fn adopt(self, intent: &Intent, lease: Option<Uuid>) -> Result<Intent> {
        if let Some(id) = intent.request_id()
            && let Some(row) = self.find_job(intent.origin(), id)?
        {
            return Ok(row.entry.intent);
        }
        self.insert(&Entry::new(intent.clone()), lease)?;
        Ok(intent.clone())
    }

    /// Adds entries of another journal whose intents have no row. Returns the number of added entries.
    pub(super) fn restore(self, entries: &[Entry]) -> Result<usize> {
        let mut added = 0;
        for entry in entries {
            if !self.has(&entry.intent.id)? {
                self.insert(entry, None)?;
                added += 1;
            }
        }
        Ok(added)
    }

    /// Applies an event. An adopted row of the same job is merged into the row of its submit.
    pub(super) fn apply(self, intent: &IntentId, at: SystemTime, event: &Event) -> Result<()> {
        let mut row = self.get(intent)?;
        if event.ends_submit() {
            row.lease = None;
        }
        row.entry.apply(at, event);
        if let Event::Accepted { request_id } = event {
            self.merge_adopted(&mut row, request_id)?;
        }
        self.update(&row)
    }

    fn merge_adopted(self, row: &mut EntryRow, request_id: &str) -> Result<()> {
        let intent = row.entry.intent.clone();
        let Some(mut adopted) = self.find_job(&intent.origin, request_id)? else { return Ok(()) };
        if adopted.seq == row.seq || adopted.entry.intent.request_id.is_none() {
            return Ok(());
        }
        adopted.merged_into = Some(intent.id);
        row.entry = Entry { intent, ..adopted.entry.clone() };
        row.lease = adopted.lease.take();
        self.update(&adopted)
    }

    /// Returns the row of an intent, or the row that it was merged into.
    pub(super) fn get(self, intent: &IntentId) -> Result<EntryRow> {
        let mut id = *intent;
        for _ in 0..2 {
            match self.one("id = ?1", [id.0])? {
                Some(EntryRow { merged_into: Some(other), .. }) => id = other,
                Some(row) => return Ok(row),
                None => break,
            }
        }
        Err(Error::no_entry(intent).into())
    }

    /// Whether an intent has a row.
    pub(super) fn has(self, intent: &IntentId) -> Result<bool> {
        let found = self.0.query_row("SELECT 1 FROM entry WHERE id = ?1", [intent.0], |_| Ok(()));
        Ok(found.optional()?.is_some())
    }

    /// Returns the row at a place in the table.
    pub(super) fn at(self, seq: i64) -> Result<Option<EntryRow>> {
        self.one("seq = ?1", [seq])
    }

    /// Returns the newest row of a job.
    pub(super) fn find_job(self, origin: &str, request_id: &str) -> Result<Option<EntryRow>> {
        let condition = "request_id IS NOT NULL AND request_id = ?1 AND origin = ?2 AND stage < 9 \
                         ORDER BY seq DESC LIMIT 1";
        self.one(condition, [request_id, origin])
    }

    /// Returns at most two rows whose intent id is between two ids.
    pub(super) fn find_between(self, [low, high]: [Uuid; 2]) -> Result<Vec<EntryRow>> {
        self.many("id BETWEEN ?1 AND ?2 AND stage < 9 LIMIT 2", [low, high])
    }

    /// Returns the rows of the same request without a known outcome.
    pub(super) fn unresolved_like(self, intent: &Intent) -> Result<Vec<EntryRow>> {
        let mut rows = self.many("fingerprint = ?1 AND stage = 1", [intent.fingerprint()])?;
        rows.retain(|row| row.entry.intent.is_same_request(intent));
        Ok(rows)
    }

    /// Returns the rows of the same request, the newest first.
    pub(super) fn same_request(self, intent: &Intent) -> Result<Vec<EntryRow>> {
        let condition = "fingerprint = ?1 AND stage < 9 ORDER BY seq DESC";
        let mut rows = self.many(condition, [intent.fingerprint()])?;
        rows.retain(|row| row.entry.intent.is_same_request(intent));
        Ok(rows)
    }

    /// Returns rows of one stage on a page, each with its place. A damaged row is returned as an error.
    pub(super) fn page(
        self,
        query: &Query,
        stage: Stage,
        limit: usize,
    ) -> Result<Vec<(i64, Result<EntryRow>)>> {
        let (sign, order, first) =
            if query.oldest_first { (">", "ASC", i64::MIN) } else { ("<", "DESC", i64::MAX) };
        let after = query.after.filter(|cursor| cursor.group == stage as u8);
        let mut statement = self.0.prepare(&format!(
            "SELECT {COLUMNS},crc FROM entry WHERE stage = ?1 AND seq {sign} ?2 AND (?3 IS NULL OR origin = ?3) \
             ORDER BY seq {order} LIMIT ?4"
        ))?;
        let after = after.map_or(first, |cursor| cursor.position);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut rows = statement.query(params![stage as i64, after, query.origin, limit])?;
        let mut page = Vec::new();
        while let Some(row) = rows.next()? {
            page.push((row.get(0)?, EntryRow::read(row)));
        }
        Ok(page)
    }

    /// Counts the rows that are over and older than a time.
    pub(super) fn count_over(self, before: SystemTime) -> Result<usize> {
        let question = "SELECT count(*) FROM entry WHERE stage = 0 AND changed_at < ?1";
        let count: i64 = self.0.query_row(question, [to_millis(before)], |row| row.get(0))?;
        Ok(usize::try_from(count).unwrap_or_default())
    }

    /// Removes at most `limit` rows that are over and older than a time. Returns their number.
    pub(super) fn remove_over(self, before: SystemTime, limit: i64) -> Result<usize> {
        let statement = "DELETE FROM entry WHERE seq IN \
                         (SELECT seq FROM entry WHERE stage = 0 AND changed_at < ?1 LIMIT ?2)";
        Ok(self.0.execute(statement, params![to_millis(before), limit])?)
    }

    fn one(self, condition: &str, params: impl Params) -> Result<Option<EntryRow>> {
        Ok(self.many(condition, params)?.pop())
    }

    fn many(self, condition: &str, params: impl Params) -> Result<Vec<EntryRow>> {
        let mut statement = self.0.prepare(&format!("SELECT {COLUMNS},crc FROM entry WHERE {condition}"))?;
        let mut rows = statement.query(params)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(EntryRow::read(row)?);
        }
        Ok(found)
    }
}

impl EntryRow {
    /// Returns the entry, locked if the process of its lease is alive.
    pub(super) fn with_lock(self, mut is_alive: impl FnMut(Uuid) -> bool) -> Entry {
        let is_locked = self.lease.is_some_and(&mut is_alive);
        self.entry.with_locked(is_locked)
    }

    /// Reads every column, and compares the checksum.
    fn read(row: &Row<'_>) -> Result<Self> {
        let values = (0..COLUMN_COUNT).map(|column| row.get_ref(column)).collect::<Result<Vec<_>, _>>()?;
        if row.get::<_, i64>(COLUMN_COUNT)? != checksum(values.into_iter()) {
            return Err(damaged("the checksum of a row is wrong"));
        }
        let fingerprint: String = row.get(6)?;
        let request_id: Option<String> = row.get(14)?;
        let intent = Intent {
            id: IntentId(row.get(1)?),
            at: row.get(2)?,
            origin: row.get(4)?,
            model: row.get(5)?,
            account: row.get(7)?,
            output: row.get(8)?,
            // Only an adopted job has no fingerprint, and only its intent knows the request id.
            request_id: request_id.clone().filter(|_| fingerprint.is_empty()),
            fingerprint,
        };
        let list = |text: Option<String>| match text {
            Some(text) => {
                serde_json::from_str(&text).map_err(|_| damaged("a list in a row is not valid JSON"))
            }
            None => Ok(Vec::new()),
        };
        let entry = Entry {
            intent,
            changed_at: row.get(3)?,
            outcome: outcome(row.get(13)?)?,
            request_id,
            state: row.get(15)?,
            message: row.get(16)?,
            outputs: Outputs(list(row.get(17)?)?),
            files: list(row.get(18)?)?,
            cost_usd: row.get(19)?,
            is_locked: false,
        };
        let merged_into = row.get::<_, Option<_>>(20)?.map(IntentId);
        Ok(Self { seq: row.get(0)?, entry, lease: row.get(11)?, merged_into })
    }

    /// Returns the values of the columns, in their order.
    fn values(&self) -> Vec<Value> {
        let Self { seq, entry, lease, merged_into } = self;
        let intent = &entry.intent;
        // A list of strings always has a form in JSON.
        let list = |list: &Vec<String>| {
            (!list.is_empty()).then(|| serde_json::to_string(list).unwrap_or_default()).into()
        };
        let stage = if merged_into.is_some() { MERGED } else { entry.stage() as i64 };
        vec![
            (*seq).into(),
            intent.id.0.into(),
            intent.at.into(),
            entry.changed_at.into(),
            intent.origin.clone().into(),
            intent.model.clone().into(),
            intent.fingerprint.clone().into(),
            intent.account.clone().into(),
            intent.output.clone().into(),
            Value::Null,
            Value::Null,
            (*lease).into(),
            stage.into(),
            (entry.outcome as i64).into(),
            entry.request_id.clone().into(),
            entry.state.clone().into(),
            entry.message.clone().into(),
            list(&entry.outputs.0),
            list(&entry.files),
            entry.cost_usd.filter(|cost| cost.is_finite()).into(),
            merged_into.map(|id| id.0).into(),
        ]
    }
}

fn damaged(detail: &str) -> DatabaseError {
    DatabaseError::Damaged(detail.to_owned())
}

fn outcome(code: i64) -> Result<Outcome> {
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
    known.ok_or_else(|| damaged("the outcome of a row is not valid"))
}

/// Returns the CRC-32 of values, each with its type and its length, so that different rows have different bytes.
fn checksum<'a>(values: impl Iterator<Item = ValueRef<'a>>) -> i64 {
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
    hasher.finalize().into()
}
