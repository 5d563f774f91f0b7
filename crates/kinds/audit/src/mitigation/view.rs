//! What is shown of a task: the task itself, and what became of each finding or violation.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use trackway_core::{Rows, Timestamp};

use super::event::{Event, EventKind};
use super::request::{ActionError, Done, ItemResult};
use super::{Birth, Item, Mitigation, Target};
use crate::action::Action;
use crate::audit::{TaskStatus, finding_key};
use crate::check::{Check, named};
use crate::ids::{AuditNumber, FindingRef};
use crate::row::{read, write};

/// The task: its [`Birth`], written once, and its [`Details`].
pub const VIEW_TASK: u8 = 1;
/// The items of each chunk that is not applied yet: a list of [`Item`], by [`chunk_key`].
pub const VIEW_CHUNKS: u8 = 2;
/// What became of each item: [`Row`], by [`Item::key`].
pub const VIEW_ITEMS: u8 = 3;
/// Thing, violation -> nothing: the violations of a thing.
pub const VIEW_BY_THING: u8 = 4;

const BIRTH_KEY: &[u8] = b"b";

named! {
    /// How far an action of an item is. Source: `AuditMitigationActionsExecutionStatus`.
    ExecutionStatus {
        Pending = "PENDING",
        InProgress = "IN_PROGRESS",
        Completed = "COMPLETED",
        Failed = "FAILED",
        Skipped = "SKIPPED",
        Canceled = "CANCELED",
    }
}

/// How a task stands: all that changes of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// How far it is.
    pub status: TaskStatus,
    /// When it began.
    pub started: Timestamp,
    /// When it ended, or was canceled.
    pub ended: Option<Timestamp>,
    /// What is being applied.
    pub applying: Option<Applying>,
    /// Findings, by check.
    pub checks: BTreeMap<Check, Counts>,
    /// Executions of actions.
    pub actions: ActionCounts,
    /// The fault of ours that ended it.
    pub fault: Option<String>,
}

/// A chunk that is being applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applying {
    /// Which.
    pub chunk: u32,
    /// Since when.
    pub since: Timestamp,
}

/// How many findings of a check came to what. Source: `TaskStatisticsForAuditCheck`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// All, those that the target leaves out too.
    pub total: u64,
    /// An action failed.
    pub failed: u64,
    /// All actions succeeded.
    pub succeeded: u64,
    /// The target's filter leaves them out.
    pub skipped: u64,
    /// The task was canceled before. Never set in [`Details::checks`]: see [`Details::counts`].
    pub canceled: u64,
}

/// How many actions came to what. Source: `DetectMitigationActionsTaskStatistics`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionCounts {
    /// All that are planned.
    pub total: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that succeeded.
    pub succeeded: u64,
    /// Those that were not begun since one before them failed.
    pub skipped: u64,
}

impl Details {
    /// The key of its row in [`VIEW_TASK`].
    pub const KEY: &[u8] = b"d";

    /// Reads a row that the machine wrote; none if it is damaged.
    #[must_use]
    pub fn read(row: &[u8]) -> Option<Self> {
        read(row)
    }

    /// By check, what its findings came to.
    pub fn counts(&self) -> impl Iterator<Item = (Check, Counts)> {
        self.checks.iter().map(|(check, counts)| {
            let mut counts = *counts;
            let rest = counts.total - counts.failed - counts.succeeded - counts.skipped;
            match self.left() {
                Some(ExecutionStatus::Canceled) => counts.canceled = rest,
                Some(_) => counts.failed += rest,
                None => {}
            }
            (*check, counts)
        })
    }

    /// What the actions came to, violation by violation.
    #[must_use]
    pub fn action_counts(&self) -> ActionCounts {
        let mut counts = self.actions;
        let rest = counts.total - counts.failed - counts.succeeded - counts.skipped;
        match self.left() {
            Some(ExecutionStatus::Canceled) => counts.skipped += rest,
            Some(_) => counts.failed += rest,
            None => {}
        }
        counts
    }

    /// What those came to that have no result of their own; none while they may get one.
    fn left(&self) -> Option<ExecutionStatus> {
        match (self.status, &self.fault) {
            (TaskStatus::Canceled, _) => Some(ExecutionStatus::Canceled),
            (TaskStatus::Failed, Some(_)) => Some(ExecutionStatus::Failed),
            _ => None,
        }
    }

    /// What became of each action of an item, in order.
    #[must_use]
    pub fn executions<'b>(
        &self,
        birth: &'b Birth,
        check: Option<Check>,
        row: &Row,
    ) -> Vec<Shown<'b>> {
        let begun = self.applying.filter(|it| row.stage == Stage::Planned { chunk: it.chunk });
        let actions = birth.actions_of(check).enumerate();
        let shown = actions.map(|(place, action)| Shown {
            action,
            execution: match &row.stage {
                Stage::Done(executions) => executions.get(place).cloned().unwrap_or_default(),
                Stage::Planned { .. } => match begun {
                    Some(begun) => Execution::begun(place, begun.since),
                    None => self.unbegun(),
                },
            },
        });
        shown.collect()
    }

    /// An execution that nothing has been done for.
    fn unbegun(&self) -> Execution {
        let left = self.left();
        let fault = self.fault.as_ref().filter(|_| left == Some(ExecutionStatus::Failed));
        Execution {
            status: left.unwrap_or(ExecutionStatus::Pending),
            started: None,
            ended: left.and(self.ended),
            error: fault.map(|_| ActionError {
                code: "InternalFailureException".to_owned(),
                // Ours: AWS shows no faults of its own.
                message: "The action could not be carried out.".to_owned(),
            }),
        }
    }
}

impl Birth {
    /// The key of its row in [`VIEW_TASK`].
    pub const KEY: &[u8] = BIRTH_KEY;

    /// Reads a row that the machine wrote; none if it is damaged.
    #[must_use]
    pub fn read(row: &[u8]) -> Option<Self> {
        read(row)
    }
}

/// What became of an item, as its row has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Whose violation it is; none of a finding.
    pub thing: Option<String>,
    /// How far it is.
    pub stage: Stage,
}

/// How far an item is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// It is in this chunk; what that means follows from [`Details`].
    Planned {
        /// Which.
        chunk: u32,
    },
    /// Its actions have come to this, in order.
    Done(Vec<Execution>),
}

impl Row {
    /// Reads a row that the machine wrote; none if it is damaged.
    #[must_use]
    pub fn read(row: &[u8]) -> Option<Self> {
        read(row)
    }

    fn of(item: &Item, stage: Stage) -> Vec<u8> {
        let thing = match item {
            Item::Finding(_) => None,
            Item::Violation { thing, .. } => Some(thing.clone()),
        };
        write(&Self { thing, stage })
    }
}

/// An action applied to an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    /// How far it is.
    pub status: ExecutionStatus,
    /// When it began; none if it didn't.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Why it failed.
    pub error: Option<ActionError>,
}

impl Default for Execution {
    fn default() -> Self {
        Self { status: ExecutionStatus::Pending, started: None, ended: None, error: None }
    }
}

impl Execution {
    /// The first action of an item of a chunk has begun; the others wait.
    fn begun(place: usize, since: Timestamp) -> Self {
        match place {
            0 => Self {
                status: ExecutionStatus::InProgress,
                started: Some(since),
                ..Self::default()
            },
            _ => Self::default(),
        }
    }

    fn of(done: &Done) -> Self {
        let failed = done.error.is_some();
        Self {
            status: if failed { ExecutionStatus::Failed } else { ExecutionStatus::Completed },
            started: Some(Timestamp(done.started)),
            ended: Some(Timestamp(done.ended)),
            error: done.error.clone(),
        }
    }
}

/// An action and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown<'b> {
    /// Which.
    pub action: &'b Action,
    /// What became of it.
    pub execution: Execution,
}

/// The columns of a task's summary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Columns {
    /// It is about the findings of this audit.
    Audit(AuditNumber),
    /// It is about these findings.
    Findings(Vec<FindingRef>),
    /// It is about violations.
    Violations,
}

impl Columns {
    pub(super) fn of(birth: &Birth) -> Vec<u8> {
        write(&match &birth.target {
            Target::Audit { audit, .. } => Self::Audit(*audit),
            Target::Findings(findings) => Self::Findings(findings.clone()),
            Target::Violations(_) => Self::Violations,
        })
    }

    /// Reads columns that the machine wrote; none if they are damaged.
    #[must_use]
    pub fn read(columns: &[u8]) -> Option<Self> {
        read(columns)
    }

    /// Whether the task is about findings of this audit.
    #[must_use]
    pub fn is_about(&self, audit: AuditNumber) -> bool {
        match self {
            Self::Audit(own) => *own == audit,
            Self::Findings(findings) => findings.iter().any(|finding| finding.audit == audit),
            Self::Violations => false,
        }
    }
}

impl Item {
    /// The key of its row in [`VIEW_ITEMS`].
    #[must_use]
    pub fn key(&self) -> Vec<u8> {
        match self {
            Self::Finding(finding) => finding_item_key(*finding),
            Self::Violation { id, .. } => id.as_bytes().to_vec(),
        }
    }
}

/// The key of a finding's row in [`VIEW_ITEMS`].
#[must_use]
pub fn finding_item_key(finding: FindingRef) -> Vec<u8> {
    let mut key = finding.audit.0.to_be_bytes().to_vec();
    key.extend(finding_key(finding.check, finding.place));
    key
}

/// The key of a chunk in [`VIEW_CHUNKS`].
#[must_use]
pub fn chunk_key(chunk: u32) -> Vec<u8> {
    chunk.to_be_bytes().to_vec()
}

/// Reads a row of [`VIEW_CHUNKS`]; none if it is damaged.
#[must_use]
pub fn read_chunk(row: &[u8]) -> Option<Vec<Item>> {
    read(row)
}

/// What the keys of a thing in [`VIEW_BY_THING`] begin with; the violation's id follows.
#[must_use]
pub fn thing_prefix(thing: &str) -> Vec<u8> {
    [thing.as_bytes(), b"\0"].concat()
}

pub(super) fn project(task: &Mitigation, event: &Event, rows: &mut Rows) {
    match &event.kind {
        EventKind::Started => {
            if let Some(birth) = task.birth.as_deref() {
                rows.put(VIEW_TASK, BIRTH_KEY, write(birth));
            }
        }
        EventKind::Planned { items, .. } if !items.is_empty() => {
            let chunk = task.planned.saturating_sub(1);
            rows.put(VIEW_CHUNKS, chunk_key(chunk), write(items));
            for item in items {
                rows.put(VIEW_ITEMS, item.key(), Row::of(item, Stage::Planned { chunk }));
                if let Item::Violation { id, thing } = item {
                    rows.put(VIEW_BY_THING, [&*thing_prefix(thing), id.as_bytes()].concat(), []);
                }
            }
        }
        EventKind::Applied { results, .. } => {
            rows.delete(VIEW_CHUNKS, chunk_key(task.applied.saturating_sub(1)));
            for result in results {
                let row = Row::of(&result.item, done(task, result));
                rows.put(VIEW_ITEMS, result.item.key(), row);
            }
        }
        _ => {}
    }
    rows.put(VIEW_TASK, Details::KEY, write(&task.details));
}

fn done(task: &Mitigation, result: &ItemResult) -> Stage {
    let all = task.birth.as_deref().map_or(0, |it| it.actions_of(result.item.check()).count());
    let mut executions: Vec<Execution> = result.done.iter().map(Execution::of).collect();
    // One that was skipped never began; it was over when the one before it failed. One that a
    // canceled task has left was over with it.
    let (status, ended) = if result.has_failed() {
        (ExecutionStatus::Skipped, executions.last().and_then(|last| last.ended))
    } else {
        (ExecutionStatus::Canceled, task.details.ended)
    };
    let left = Execution { status, ended, ..Execution::default() };
    executions.resize(all.max(executions.len()), left);
    Stage::Done(executions)
}
