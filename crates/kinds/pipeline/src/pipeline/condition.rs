//! Conditions of a stage: where their rules stand among its actions, and what the API shows.
//!
//! A rule is carried out like an action, so it is one: its place lies above those of the stage's
//! actions, and [`Structure::action`] makes an action of it. What an action can and a rule can't
//! (output artifacts, a namespace, an approval) it simply doesn't declare.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use trackway_core::{Timestamp, uuid};

use super::rows::{put, seconds};
use super::state::{Act, ActStatus, Inside};
use crate::signal::ConditionKind;
use crate::structure::{Action, Condition, Rule, Stage, Structure};

/// The place of the first rule of a stage; those of actions are lower.
const RULES: u16 = 0x8000;
/// Codes of a rule's failure that say that it could not be checked.
const UNCHECKED: [&str; 4] =
    ["ConfigurationError", "InvalidActionConfiguration", "PermissionError", "SystemUnavailable"];
/// Places that each kind of conditions has; AWS allows five rules.
const PLACES: u16 = 0x100;

/// `ConditionExecutionStatus`. AWS's documentation says of none when it is used; `Cancelled` has no
/// use here, since a condition of an execution that is stopped either ends or is abandoned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConditionStatus {
    /// Its rules are checked.
    #[default]
    InProgress,
    /// All its rules hold.
    Succeeded,
    /// One of its rules does not hold.
    Failed,
    /// Its rules were given up, since the execution was.
    Abandoned,
    /// Somebody let the execution pass.
    Overridden,
    /// It does not hold, but only because rules of it could not be checked. What follows is what
    /// follows [`ConditionStatus::Failed`].
    Errored,
}

/// A condition that is or was checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checked {
    pub status: ConditionStatus,
    pub updated: Timestamp,
    /// Who overrode it.
    pub by: Option<String>,
}

/// The place of a rule.
pub(super) fn place_of(kind: ConditionKind, rule: usize) -> u16 {
    let kind = match kind {
        ConditionKind::BeforeEntry => 0,
        ConditionKind::OnSuccess => 1,
        ConditionKind::OnFailure => 2,
    };
    let rule = u16::try_from(rule).unwrap_or(PLACES).min(PLACES - 1);
    RULES + kind * PLACES + rule
}

/// Whether this is the place of a rule.
pub(super) fn is_rule(place: u16) -> bool {
    place >= RULES
}

/// Of which conditions the rule at this place is, and which of them; none if it is an action's.
fn rule_at(place: u16) -> Option<(ConditionKind, usize)> {
    let offset = place.checked_sub(RULES)?;
    let kind = match offset / PLACES {
        0 => ConditionKind::BeforeEntry,
        1 => ConditionKind::OnSuccess,
        2 => ConditionKind::OnFailure,
        _ => return None,
    };
    Some((kind, usize::from(offset % PLACES)))
}

/// Of which conditions the rule at this place is.
pub(super) fn condition_of(place: u16) -> Option<ConditionKind> {
    rule_at(place).map(|(kind, _)| kind)
}

impl Stage {
    /// The condition of this kind; AWS allows one.
    pub(super) fn condition(&self, kind: ConditionKind) -> Option<&Condition> {
        let conditions = match kind {
            ConditionKind::BeforeEntry => &self.before_entry.as_ref()?.conditions,
            ConditionKind::OnSuccess => &self.on_success.as_ref()?.conditions,
            ConditionKind::OnFailure => &self.on_failure.as_ref()?.conditions,
        };
        conditions.first()
    }
}

impl Structure {
    /// A stage, by its place.
    pub(super) fn stage(&self, stage: u16) -> Option<&Stage> {
        self.stages.get(usize::from(stage))
    }

    /// An action or a rule, by the place of its stage and its own.
    pub(super) fn action(&self, stage: u16, place: u16) -> Option<Cow<'_, Action>> {
        let stage = self.stage(stage)?;
        let Some((kind, rule)) = rule_at(place) else {
            return stage.actions.get(usize::from(place)).map(Cow::Borrowed);
        };
        stage.condition(kind)?.rules.get(rule).map(|rule| Cow::Owned(as_action(rule)))
    }
}

fn as_action(rule: &Rule) -> Action {
    Action {
        name: rule.name.clone(),
        action_type_id: rule.rule_type_id.clone(),
        configuration: rule.configuration.clone(),
        commands: rule.commands.clone(),
        input_artifacts: rule.input_artifacts.clone(),
        role_arn: rule.role_arn.clone(),
        region: rule.region.clone(),
        timeout_in_minutes: rule.timeout_in_minutes,
        ..Action::default()
    }
}

impl Inside {
    /// Its actions, without the rules.
    pub(super) fn actions(&self) -> impl Iterator<Item = (u16, &Act)> {
        let all = self.acts.iter().map(|(place, act)| (*place, act));
        all.filter(|(place, _)| !is_rule(*place))
    }

    /// The rules of a condition that have started.
    pub(super) fn rules(&self, kind: ConditionKind) -> impl Iterator<Item = (u16, &Act)> {
        let range = place_of(kind, 0)..=place_of(kind, usize::MAX);
        self.acts.range(range).map(|(place, act)| (*place, act))
    }

    /// The condition that is checked.
    pub(super) fn in_question(&self) -> Option<ConditionKind> {
        let in_progress = |checked: &Checked| checked.status == ConditionStatus::InProgress;
        self.conditions.iter().find(|(_, checked)| in_progress(checked)).map(|(kind, _)| *kind)
    }

    /// What the rules of a condition come to, once all have ended.
    pub(super) fn verdict(&self, kind: ConditionKind) -> ConditionStatus {
        let of = |status| self.rules(kind).filter(move |(_, rule)| rule.status == status);
        let is_unchecked = |rule: &Act| {
            rule.error.as_ref().is_some_and(|(code, _)| UNCHECKED.contains(&code.as_str()))
        };
        if of(ActStatus::Abandoned).next().is_some() {
            ConditionStatus::Abandoned
        } else if of(ActStatus::Failed).any(|(_, rule)| !is_unchecked(rule)) {
            ConditionStatus::Failed
        } else if of(ActStatus::Failed).next().is_some() {
            ConditionStatus::Errored
        } else {
            ConditionStatus::Succeeded
        }
    }

    /// A retry checks conditions anew, but for those of the entry if the execution entered and goes
    /// on with the actions that failed.
    pub(super) fn forget_conditions(&mut self, is_all: bool) {
        let is_kept = |kind: ConditionKind, checked: &Checked| {
            let has_entered =
                matches!(checked.status, ConditionStatus::Succeeded | ConditionStatus::Overridden);
            kind == ConditionKind::BeforeEntry && has_entered && !is_all
        };
        self.conditions.retain(|kind, checked| is_kept(*kind, checked));
        let (conditions, earlier) = (&self.conditions, &mut self.earlier);
        self.acts.retain(|place, act| {
            let is_kept = rule_at(*place).is_none_or(|(kind, _)| conditions.contains_key(&kind));
            if !is_kept {
                earlier.insert(*place, (act.started, act.seq));
            }
            is_kept
        });
    }
}

/// The names of the members of `StageState` with a stage's conditions.
pub(super) const STATES: [(&str, ConditionKind); 3] = [
    ("beforeEntryConditionState", ConditionKind::BeforeEntry),
    ("onSuccessConditionState", ConditionKind::OnSuccess),
    ("onFailureConditionState", ConditionKind::OnFailure),
];

/// `StageConditionState`; none if the condition was not checked.
pub(super) fn state_view(stage: &Stage, inside: &Inside, kind: ConditionKind) -> Option<Value> {
    let checked = inside.conditions.get(&kind)?;
    let condition = stage.condition(kind)?;
    let mut latest = json!({ "status": checked.status });
    put(&mut latest, "summary", summary(inside, kind, checked).as_deref());
    let rules = condition.rules.iter().map(|rule| {
        let mut view = json!({ "ruleName": rule.name });
        if let Some((_, act)) = inside.rules(kind).find(|(_, act)| act.name == rule.name) {
            view["latestExecution"] = rule_view(act);
        }
        view
    });
    let rules: Vec<_> = rules.collect();
    let mut execution = latest.clone();
    execution["lastStatusChange"] = seconds(checked.updated);
    let state = json!({ "latestExecution": execution, "ruleStates": rules });
    Some(json!({ "latestExecution": latest, "conditionStates": [state] }))
}

/// What is to be said of a condition.
fn summary(inside: &Inside, kind: ConditionKind, checked: &Checked) -> Option<String> {
    if checked.status == ConditionStatus::Overridden {
        return checked.by.as_ref().map(|by| format!("Overridden by {by}"));
    }
    let failed: Vec<_> = inside
        .rules(kind)
        .filter(|(_, rule)| rule.status == ActStatus::Failed)
        .map(|(_, rule)| rule.name.as_str())
        .collect();
    (!failed.is_empty()).then(|| format!("Rules that failed: {}", failed.join(", ")))
}

/// `RuleExecution`.
fn rule_view(act: &Act) -> Value {
    let mut view = json!({
        "ruleExecutionId": uuid::text(act.id),
        "status": act.status,
        "lastStatusChange": seconds(act.updated),
    });
    let details = &act.details;
    put(&mut view, "summary", details.summary.as_deref());
    put(&mut view, "lastUpdatedBy", act.by.as_deref());
    put(&mut view, "externalExecutionId", details.external_execution_id.as_deref());
    put(&mut view, "externalExecutionUrl", details.url.as_deref());
    if let Some((code, message)) = &act.error {
        view["errorDetails"] = json!({ "code": code, "message": message });
    }
    view
}
