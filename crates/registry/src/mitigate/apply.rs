//! A chunk of a task: the actions of each item, in order, in one change.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::JoinSet;
use trackway_audit::action::{Action, ActionParams};
use trackway_audit::audit::TaskStatus;
use trackway_audit::mitigation::request::{ActionError, Applied, Done, ItemResult};
use trackway_audit::mitigation::{
    Birth, Details, Item, VIEW_CHUNKS, VIEW_TASK, chunk_key, read_chunk,
};
use trackway_engine::{Fault, Performed};

use super::action::Begun;
use super::subject::Subject;
use super::{Task, answer};
use crate::sns::{NotPublished, TIMEOUT};
use crate::{Failure, Txn};

/// Messages on their way at the same time.
const PUBLISHED_AT_ONCE: usize = 16;
/// How often a change is tried before others have to wait for it.
pub(super) const TRIES: u32 = 3;

/// An item on its way through its actions.
struct Run<'b> {
    item: Item,
    subject: Subject,
    actions: Vec<&'b Action>,
    done: Vec<Done>,
}

/// What was published for which item, by which of its actions: not again when a change is begun
/// again.
type Sent = BTreeMap<(usize, usize), Done>;

impl Run<'_> {
    /// The action that is next; none if all is done, or one has failed.
    fn next(&self) -> Option<&Action> {
        let has_failed = self.done.last().is_some_and(|done| done.error.is_some());
        self.actions.get(self.done.len()).copied().filter(|_| !has_failed)
    }

    /// The topic that the next action publishes to.
    fn topic(&self) -> Option<&str> {
        match &self.next()?.params {
            ActionParams::PublishFindingToSns { topic_arn } => Some(topic_arn),
            _ => None,
        }
    }
}

impl Task {
    pub(super) async fn apply(&self, birth: &Birth, chunk: u32) -> Result<Performed, Fault> {
        let mut runs = self.runs(birth, chunk).await?;
        let (mut sent, mut begun) = (Sent::new(), Begun::new());
        let mut tries = 0_u32;
        loop {
            let task = if tries < TRIES { self.clone() } else { self.alone().await };
            if let Some(performed) = task.attempt(&mut runs, &mut sent, &mut begun).await? {
                return Ok(performed);
            }
            // Others go on while messages are on their way.
            drop(task);
            self.publish(&runs, &mut sent).await?;
            tries = tries.saturating_add(1);
        }
    }

    /// Applies the chunk once. None if others have changed meanwhile what it rests on, or if nobody
    /// may change anything and messages have to be published first.
    async fn attempt(
        &self,
        runs: &mut [Run<'_>],
        sent: &mut Sent,
        begun: &mut Begun,
    ) -> Result<Option<Performed>, Fault> {
        runs.iter_mut().for_each(|run| run.done.clear());
        let mut txn = self.registry.begin(&self.work.scope);
        while self.advance(&mut txn, runs, begun, sent).await? {
            if self.is_alone {
                return Ok(None);
            }
            self.publish(runs, sent).await?;
        }
        let results = runs
            .iter()
            .map(|run| ItemResult { item: run.item.clone(), done: run.done.clone() })
            .collect();
        let outcome = answer(&Applied { results })?;
        txn.report(&self.work, &outcome).await
    }

    async fn runs<'b>(&self, birth: &'b Birth, chunk: u32) -> Result<Vec<Run<'b>>, Fault> {
        let reader = self.registry.reader();
        let row = reader.row(self.work.execution, VIEW_CHUNKS, &chunk_key(chunk)).await?;
        let items = row.and_then(|row| read_chunk(&row));
        let items = items.ok_or_else(|| Fault::new(format!("a task has no chunk {chunk}")))?;
        let mut runs = Vec::with_capacity(items.len());
        for item in items {
            let subject = self.subject(&item).await?;
            let actions = birth.actions_of(item.check()).collect();
            runs.push(Run { item, subject, actions, done: Vec::new() });
        }
        Ok(runs)
    }

    /// Whether the task was canceled: nothing more of it begins.
    async fn is_canceled(&self) -> Result<bool, Fault> {
        let reader = self.registry.reader();
        let row = reader.row(self.work.execution, VIEW_TASK, Details::KEY).await?;
        let details = row.and_then(|row| Details::read(&row));
        Ok(details.is_some_and(|details| details.status == TaskStatus::Canceled))
    }

    /// Does all that needs no message to be published first. Tells whether something does.
    async fn advance(
        &self,
        txn: &mut Txn,
        runs: &mut [Run<'_>],
        begun: &mut Begun,
        sent: &Sent,
    ) -> Result<bool, Fault> {
        let is_canceled = self.is_canceled().await?;
        let mut waits = false;
        for (number, run) in runs.iter_mut().enumerate() {
            while let Some(action) = run.next() {
                let place = (number, run.done.len());
                // What comes before a message that is out is done even so.
                if is_canceled && sent.range(place..=(number, usize::MAX)).next().is_none() {
                    break;
                }
                let done = match (run.topic(), sent.get(&place)) {
                    (Some(_), None) => {
                        waits = true;
                        break;
                    }
                    (Some(_), Some(done)) => done.clone(),
                    (None, _) => {
                        let subject = (&run.subject, place);
                        self.act(txn, &action.params, subject, begun).await?
                    }
                };
                run.done.push(done);
            }
        }
        Ok(waits)
    }

    /// Applies one action; of one that fails nothing is left.
    async fn act(
        &self,
        txn: &mut Txn,
        params: &ActionParams,
        subject: (&Subject, (usize, usize)),
        begun: &mut Begun,
    ) -> Result<Done, Fault> {
        let started = self.registry.now().as_millis();
        txn.savepoint();
        let error = match self.carry_out(txn, params, subject, begun).await {
            Ok(()) => None,
            Err(Failure::Refused(refusal)) => {
                txn.roll_back();
                let code = refusal.code.name().to_owned();
                Some(ActionError { code, message: refusal.message })
            }
            Err(Failure::Fault(fault)) => return Err(fault),
        };
        Ok(Done { started, ended: self.registry.now().as_millis(), error })
    }

    /// Publishes what waits to be published, several messages at a time.
    async fn publish(&self, runs: &[Run<'_>], sent: &mut Sent) -> Result<(), Fault> {
        let mut under_way = JoinSet::new();
        for (number, run) in runs.iter().enumerate() {
            let place = (number, run.done.len());
            let (Some(topic), Subject::Finding(of, finding)) = (run.topic(), &run.subject) else {
                if run.topic().is_some() {
                    sent.insert(place, self.unpublished());
                }
                continue;
            };
            let message = self.message(*of, finding).await?;
            let scope = Arc::clone(&self.work.scope);
            let publishing = self.publisher.publish(scope, topic.to_owned(), message);
            let started = self.registry.now().as_millis();
            under_way.spawn(async move {
                let result = tokio::time::timeout(TIMEOUT, publishing).await;
                (place, started, result.unwrap_or_else(|_| Err(too_slow())).err())
            });
            if under_way.len() >= PUBLISHED_AT_ONCE {
                self.note(under_way.join_next().await, sent)?;
            }
        }
        while let Some(published) = under_way.join_next().await {
            self.note(Some(published), sent)?;
        }
        Ok(())
    }

    fn note(&self, published: Option<Published>, sent: &mut Sent) -> Result<(), Fault> {
        let Some(published) = published else { return Ok(()) };
        let (place, started, failed) = published
            .map_err(|error| Fault::new(format!("publishing a finding stopped: {error}")))?;
        let error = failed.map(|NotPublished { code, message }| ActionError { code, message });
        sent.insert(place, Done { started, ended: self.registry.now().as_millis(), error });
        Ok(())
    }

    /// A finding that is gone can't be published.
    fn unpublished(&self) -> Done {
        let now = self.registry.now().as_millis();
        let gone = super::action::gone();
        let error = ActionError { code: gone.code.name().to_owned(), message: gone.message };
        Done { started: now, ended: now, error: Some(error) }
    }
}

/// What became of a message: whose it was, since when it was on its way, why it failed.
type Published = Result<((usize, usize), i64, Option<NotPublished>), tokio::task::JoinError>;

/// The wording is ours.
fn too_slow() -> NotPublished {
    NotPublished {
        code: "InternalFailureException".to_owned(),
        message: format!("The topic did not answer within {} seconds", TIMEOUT.as_secs()),
    }
}
