//! Checking a store against its journals, and making its views anew.

use std::collections::BTreeMap;
use std::sync::Arc;

use trackway_core::{ExecutionId, TimerId, Timestamp};
use trackway_store::{Batch, Range, Store};

use crate::Fault;
use crate::engine::commit;
use crate::keys::{self, List, Owner, TimerKey, family};
use crate::kind::Kinds;
use crate::limits::REBUILT_ROWS_PER_BATCH;
use crate::reader::Reader;
use crate::records::{
    HeldRow, LetterRow, OutboxRow, OutcomeRow, Progress, Tail, read_record, read_time,
};
use crate::refold::{Refolded, SnapshotCheck, refold};
use crate::views::{self, Derived, Differences};

/// What was checked, and what is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Execution records, each refolded from its journal.
    pub executions: u64,
    /// Events in those journals.
    pub events: u64,
    /// Segments, each decoded.
    pub segments: u64,
    /// List rows, each compared with the summary refolded.
    pub list_rows: u64,
    /// Rows of the kinds' views, each compared with the one refolded.
    pub rows: u64,
    /// Executions whose journals are trimmed: their rows are compared as far as events are left.
    pub trimmed: u64,
    /// Snapshots, each compared with the fold.
    pub snapshots: u64,
    /// Timer rows, each found in its execution's record.
    pub timers: u64,
    /// Effects in the outbox or held, each of a running execution.
    pub effects: u64,
    /// Letters that wait for a running execution; of outcomes, for an effect that it awaits.
    pub letters: u64,
    /// Letters that nobody waits for; the next restart drops them.
    pub letters_stale: u64,
    /// Executions that are parked.
    pub parked: u64,
    /// Ended executions of which a part has left already: what is left of them is not compared.
    pub leaving: u64,
    /// Definitions.
    pub definitions: u64,
    /// Everything that is wrong, one sentence each; empty when all is well.
    pub problems: Vec<String>,
}

/// What was made anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RebuildReport {
    /// Executions folded.
    pub executions: u64,
    /// Records whose summary or length was wrong.
    pub corrected: u64,
    /// Executions that could not be folded and kept the summary and the rows they had.
    pub unreadable: u64,
    /// Rows of the kinds' views that were missing, wrong, or of nothing.
    pub rows: u64,
}

struct Walk<'a> {
    kinds: &'a Kinds,
    reader: Reader,
    report: VerifyReport,
    /// Per execution that runs: how many timers, outbox rows and held rows it should have yet.
    expected: BTreeMap<ExecutionId, Counts>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Counts {
    timers: BTreeMap<TimerId, i64>,
    spilled: u32,
    outbox: u32,
    held: u32,
}

pub(crate) async fn verify(kinds: &Kinds, store: Arc<dyn Store>) -> Result<VerifyReport, Fault> {
    let backend = store.verify().await?;
    let mut walk = Walk {
        kinds,
        reader: Reader(store),
        report: VerifyReport { problems: backend.problems, ..Default::default() },
        expected: BTreeMap::new(),
    };
    walk.records().await?;
    walk.orphan_segments().await?;
    walk.orphan_states().await?;
    walk.orphan_rows().await?;
    walk.list_rows().await?;
    walk.timers().await?;
    walk.effects().await?;
    walk.letters().await?;
    walk.definitions().await?;
    walk.leftovers();
    Ok(walk.report)
}

impl Walk<'_> {
    fn problem(&mut self, problem: String) {
        self.report.problems.push(problem);
    }

    async fn records(&mut self) -> Result<(), Fault> {
        let mut range = Range::prefix(vec![family::RECORD]);
        while let Some(rows) = self.reader.walk(&mut range).await? {
            for (key, value) in rows {
                let Some(id) = keys::record_id(&key) else {
                    self.problem("a record's key is damaged".to_owned());
                    continue;
                };
                match read_record(&value) {
                    Ok((progress, tail)) => self.record(id, progress, &tail).await?,
                    Err(fault) => self.problem(format!("record {id}: {fault}")),
                }
            }
        }
        Ok(())
    }

    async fn record(
        &mut self,
        id: ExecutionId,
        progress: Progress,
        tail: &Tail,
    ) -> Result<(), Fault> {
        self.report.executions += 1;
        self.report.parked += u64::from(progress.parked.is_some());
        let fixed = tail.fixtures()?;
        if self.reader.get(&keys::definition(&fixed.definition_hash)).await?.is_none() {
            self.problem(format!("execution {id}: its definition is missing"));
        }
        if progress.closed && self.reader.get(&keys::leaving(id)).await?.is_some() {
            self.report.leaving += 1;
            return self.listed(id, &progress, tail).await;
        }
        match refold(self.kinds, &self.reader, id, fixed.kind).await? {
            Ok(refolded) => {
                self.report.events += u64::from(refolded.events - refolded.first);
                self.report.segments += refolded.segments;
                if refolded.events != progress.journal_len {
                    let (found, said) = (refolded.events, progress.journal_len);
                    self.problem(format!("execution {id}: {found} events instead of {said}"));
                }
                if refolded.summary != progress.summary {
                    self.problem(format!("execution {id}: its summary is not that of its journal"));
                }
                let kind = self.kinds.get(fixed.kind).map(Arc::as_ref);
                let found = Differences::find(&self.reader, id, &refolded.rows, kind).await?;
                self.report.rows += found.stored;
                self.report.problems.extend(found.problems(id));
                self.states(id, &refolded, progress.closed);
            }
            Err(problem) if progress.parked.is_none() => {
                self.problem(format!("execution {id}: {problem}"));
            }
            Err(_) => {}
        }
        self.listed(id, &progress, tail).await?;
        let is_empty =
            progress.timers.is_empty() && progress.spilled + progress.outbox + progress.held == 0;
        if progress.closed && !is_empty {
            self.problem(format!("execution {id} has closed and awaits something"));
        }
        if !progress.closed {
            let timers = progress.timers.iter().map(|(timer, due)| (TimerId(*timer), *due));
            let Progress { spilled, outbox, held, .. } = progress;
            let mut counts = Counts { timers: timers.collect(), spilled, outbox, held };
            self.spilled(id, &mut counts).await?;
            self.expected.insert(id, counts);
        }
        Ok(())
    }

    fn states(&mut self, id: ExecutionId, refolded: &Refolded, is_closed: bool) {
        self.report.trimmed += u64::from(refolded.rows.horizon.is_some());
        match &refolded.snapshot {
            SnapshotCheck::None => {}
            SnapshotCheck::Stored(_) if is_closed => {
                self.problem(format!("execution {id} has closed and has a snapshot"));
            }
            SnapshotCheck::Stored(Ok(())) => self.report.snapshots += 1,
            SnapshotCheck::Stored(Err(why)) => {
                self.problem(format!("execution {id}: its snapshot {why}"));
            }
        }
    }

    async fn listed(
        &mut self,
        id: ExecutionId,
        progress: &Progress,
        tail: &Tail,
    ) -> Result<(), Fault> {
        let value = tail.list_row(&progress.summary);
        for row in &crate::reset::view_rows(id, progress, tail)?[1..] {
            if self.reader.get(row).await?.as_ref() != Some(&value) {
                self.problem(format!("execution {id}: a list row is missing or differs"));
            }
        }
        Ok(())
    }

    async fn spilled(&mut self, id: ExecutionId, counts: &mut Counts) -> Result<(), Fault> {
        let mut range = keys::all_spilled(id);
        let mut found = 0;
        while let Some(rows) = self.reader.walk(&mut range).await? {
            for (key, value) in rows {
                found += 1;
                if let Some(timer) = keys::spilled_timer(&key) {
                    counts.timers.insert(timer, read_time(&value)?.0);
                }
            }
        }
        if found != counts.spilled {
            self.problem(format!("execution {id}: {found} spilled timers, not {}", counts.spilled));
        }
        Ok(())
    }

    /// Every journal has a record.
    async fn orphan_segments(&mut self) -> Result<(), Fault> {
        let mut range = Range::prefix(vec![family::JOURNAL]);
        let mut last = None;
        while let Some(rows) = self.reader.walk(&mut range).await? {
            for (key, _) in rows {
                let id = keys::record_id(&key);
                if id != last {
                    last = id;
                    if let Some(id) = id
                        && self.reader.get(&keys::record(id)).await?.is_none()
                    {
                        self.problem(format!("journal {id} has no record"));
                    }
                }
            }
        }
        Ok(())
    }

    /// Every stored state has an execution that can be in it.
    async fn orphan_states(&mut self) -> Result<(), Fault> {
        for family in [family::SNAPSHOT, family::BASE] {
            let mut range = Range::prefix(vec![family]);
            while let Some(rows) = self.reader.walk(&mut range).await? {
                for (key, _) in rows {
                    let Some(id) = keys::record_id(&key) else { continue };
                    if self.reader.get(&keys::record(id)).await?.is_none() {
                        self.problem(format!("the state of execution {id} has no record"));
                    }
                }
            }
        }
        Ok(())
    }

    /// Every row has an execution; that each is right was seen from the execution's side.
    async fn orphan_rows(&mut self) -> Result<(), Fault> {
        let mut range = views::everywhere();
        while let Some(id) = views::next_owner(&self.reader, &mut range).await? {
            if self.reader.get(&keys::record(id)).await?.is_none() {
                self.problem(format!("the rows of execution {id} have no record"));
            }
        }
        Ok(())
    }

    /// As many list rows as records ask for; that each is right was seen from the record's side.
    async fn list_rows(&mut self) -> Result<(), Fault> {
        let found = self.count(family::LIST).await?;
        self.report.list_rows = found;
        if found != self.report.executions {
            let executions = self.report.executions;
            self.problem(format!("{found} list rows, {executions} executions"));
        }
        Ok(())
    }

    async fn count(&self, family: u8) -> Result<u64, Fault> {
        let mut range = Range::prefix(vec![family]);
        let mut found = 0;
        while let Some(rows) = self.reader.walk(&mut range).await? {
            found += rows.len() as u64;
        }
        Ok(found)
    }

    async fn timers(&mut self) -> Result<(), Fault> {
        let mut range = Range::prefix(vec![family::TIMER]);
        while let Some(rows) = self.reader.walk(&mut range).await? {
            for (key, _) in rows {
                self.report.timers += 1;
                let Some(TimerKey { due, execution, timer }) = TimerKey::read(&key) else {
                    self.problem("a timer's key is damaged".to_owned());
                    continue;
                };
                let expected = self.expected.get_mut(&execution);
                let due_expected = expected.and_then(|counts| counts.timers.remove(&timer));
                if due_expected.map(Timestamp) != Some(due) {
                    let timer = timer.0;
                    self.problem(format!("timer {timer} of execution {execution} is not set"));
                }
            }
        }
        Ok(())
    }

    async fn effects(&mut self) -> Result<(), Fault> {
        for family in [family::OUTBOX, family::HELD] {
            let mut range = Range::prefix(vec![family]);
            while let Some(rows) = self.reader.walk(&mut range).await? {
                for (key, value) in rows {
                    self.report.effects += 1;
                    self.effect(family, &key, &value);
                }
            }
        }
        Ok(())
    }

    fn effect(&mut self, family: u8, key: &[u8], value: &[u8]) {
        let readable = match family {
            family::OUTBOX => OutboxRow::read(value).map(drop),
            _ => HeldRow::read(value).map(drop),
        };
        if let Err(fault) = readable {
            self.problem(fault.to_string());
        }
        let Some((id, effect)) = keys::effect_of(key) else {
            return self.problem("an effect's key is damaged".to_owned());
        };
        let count = self.expected.get_mut(&id).map(|counts| match family {
            family::OUTBOX => &mut counts.outbox,
            _ => &mut counts.held,
        });
        match count.and_then(|count| count.checked_sub(1).map(|less| (count, less))) {
            Some((count, less)) => *count = less,
            None => {
                let effect = effect.0;
                self.problem(format!("effect {effect} of execution {id} is not awaited"));
            }
        }
    }

    async fn letters(&mut self) -> Result<(), Fault> {
        let mut range = Range::prefix(vec![family::INBOX]);
        while let Some(rows) = self.reader.walk(&mut range).await? {
            for (key, value) in rows {
                let is_outcome = keys::is_outcome(&key);
                let readable = match is_outcome {
                    true => OutcomeRow::read(&value).map(drop),
                    false => LetterRow::read(&value).map(drop),
                };
                if let Err(fault) = readable {
                    self.problem(fault.to_string());
                }
                let Some((to, _)) = keys::effect_of(&key) else {
                    self.problem("a letter's key is damaged".to_owned());
                    continue;
                };
                let asked = keys::asked_by(&key);
                let is_awaited = self.expected.contains_key(&to)
                    && (!is_outcome || self.reader.get(&asked).await?.is_some());
                match is_awaited {
                    true => self.report.letters += 1,
                    false => self.report.letters_stale += 1,
                }
            }
        }
        Ok(())
    }

    async fn definitions(&mut self) -> Result<(), Fault> {
        self.report.definitions = self.count(family::DEFINITION).await?;
        Ok(())
    }

    /// What records await and no row holds.
    fn leftovers(&mut self) {
        for (id, counts) in std::mem::take(&mut self.expected) {
            if !counts.timers.is_empty() || counts.outbox + counts.held > 0 {
                self.problem(format!("execution {id} awaits a timer or effect that has no row"));
            }
        }
    }
}

pub(crate) async fn rebuild(kinds: &Kinds, store: Arc<dyn Store>) -> Result<RebuildReport, Fault> {
    let reader = Reader(store.clone());
    let mut report = RebuildReport::default();
    let mut views = Batch::new();
    views.delete_range(Range::prefix(vec![family::LIST]));
    commit(&store, views).await?;
    let mut range = Range::prefix(vec![family::RECORD]);
    while let Some(rows) = reader.walk(&mut range).await? {
        let mut batch = Batch::new();
        for (key, value) in rows {
            let Some(id) = keys::record_id(&key) else { continue };
            let (mut progress, tail) = read_record(&value)?;
            let fixed = tail.fixtures()?;
            report.executions += 1;
            let is_leaving = progress.closed && reader.get(&keys::leaving(id)).await?.is_some();
            match refold(kinds, &reader, id, fixed.kind).await? {
                // The sweep goes on with what is left of it.
                _ if is_leaving => {}
                Ok(refolded) => {
                    let before = progress.clone();
                    progress.summary = refolded.summary.clone();
                    progress.journal_len = refolded.events;
                    report.corrected += u64::from(before != progress);
                    let of = kinds.get(fixed.kind).map(Arc::as_ref);
                    let found = Differences::find(&reader, id, &refolded.rows, of).await?;
                    report.rows += found.len();
                    let snapshot = refolded.new_snapshot(progress.closed);
                    found.correct(id, refolded.rows, &mut batch);
                    match snapshot {
                        Some(row) => batch.put(keys::snapshot(id), row),
                        None => batch.delete(keys::snapshot(id)),
                    };
                }
                Err(_) => report.unreadable += 1,
            }
            let (kind, owner) = (fixed.kind, Owner::of(fixed.scope, fixed.parent));
            let list = List { kind, owner, status: progress.summary.status };
            let row = list.row(progress.summary.started, id);
            batch.put(row, tail.list_row(&progress.summary));
            batch.put(key, tail.record(&progress));
            if batch.ops().len() >= REBUILT_ROWS_PER_BATCH {
                commit(&store, std::mem::take(&mut batch)).await?;
            }
        }
        commit(&store, batch).await?;
    }
    report.rows += drop_orphan_rows(&reader, &store).await?;
    Ok(report)
}

/// Drops the rows of executions that aren't there; returns how many there were.
async fn drop_orphan_rows(reader: &Reader, store: &Arc<dyn Store>) -> Result<u64, Fault> {
    let mut dropped = 0;
    let mut range = views::everywhere();
    while let Some(id) = views::next_owner(reader, &mut range).await? {
        if reader.get(&keys::record(id)).await?.is_none() {
            let found = Differences::find(reader, id, &Derived::default(), None).await?;
            dropped += found.stored;
            let mut batch = Batch::new();
            found.correct(id, Derived::default(), &mut batch);
            commit(store, batch).await?;
        }
    }
    Ok(dropped)
}
