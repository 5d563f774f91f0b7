//! Transitions: where they lead, and which states nothing leads to.

use std::collections::{BTreeMap, BTreeSet};

use super::diagnostics::Code;
use super::fields::Type;
use super::reader::{Object, Reader};
use super::{Next, State, StateId, StateKind};

/// Stands for a state whose id is not known yet.
pub(super) const PENDING: StateId = StateId(u16::MAX);

/// Which of a state's transitions.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slot {
    Next,
    Default,
    Rule(usize),
    Catch(usize),
}

/// A transition to a state of the same level.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge<'a> {
    pub(super) from: StateId,
    pub(super) slot: Slot,
    pub(super) to: &'a str,
}

impl Edge<'_> {
    /// Fills in the id of the target. A state that was refused has none to fill in.
    pub(super) fn resolve(&self, ids: &BTreeMap<&str, StateId>, states: &mut [Option<State>]) {
        let Some(&to) = ids.get(self.to) else { return };
        let Some(Some(state)) = states.get_mut(usize::from(self.from.0)) else { return };
        match (self.slot, &mut state.kind) {
            (Slot::Next, _) => state.next = Next::State(to),
            (Slot::Catch(index), _) => {
                if let Some(catcher) = state.catch.get_mut(index) {
                    catcher.next = to;
                }
            }
            (Slot::Default, StateKind::Choice { default, .. }) => *default = Some(to),
            (Slot::Rule(index), StateKind::Choice { rules, .. }) => {
                if let Some(rule) = rules.get_mut(index) {
                    rule.next = to;
                }
            }
            (Slot::Default | Slot::Rule(_), _) => {}
        }
    }
}

/// The states of one level with the transitions between them.
pub(super) struct Level<'l, 'a> {
    pub(super) states: &'a Object,
    pub(super) ids: &'l BTreeMap<&'a str, StateId>,
    pub(super) edges: &'l [Edge<'a>],
    pub(super) start_at: &'a str,
    /// Whether it is the machine's own level.
    pub(super) top: bool,
}

impl<'a> Level<'_, 'a> {
    /// Refuses a start that is missing, a machine without an end, and states that nothing leads
    /// to. The latter two are told only of a level that is correct otherwise: a missing `Next`
    /// would make every state behind it unreachable.
    pub(super) fn check(&self, reader: &mut Reader<'a>) {
        if !self.states.contains_key(self.start_at) {
            let message = format!("Missing 'Next' target: {}", self.start_at);
            reader.field("StartAt", |reader| {
                reader.refuse_graph(Code::MissingTransitionTarget, message);
            });
        }
        if reader.has_schema_errors() {
            return;
        }
        if self.top && !self.states.values().any(is_terminal) {
            reader.refuse_whole(Code::MissingEndState, "Workflow has no terminal state");
            return;
        }
        for name in self.unreachable() {
            reader.field("States", |reader| {
                reader.field(name, |reader| {
                    let message = format!("State \"{name}\" is not reachable.");
                    reader.refuse_graph(Code::MissingTransitionTarget, message);
                });
            });
        }
    }

    /// The states that nothing leads to. Of states that only each other lead to, one is named: AWS
    /// does not name those that an unreachable state leads to.
    fn unreachable(&self) -> Vec<&'a str> {
        let mut leads: BTreeMap<StateId, Vec<&'a str>> = BTreeMap::new();
        let mut led_to = BTreeSet::new();
        for edge in self.edges {
            leads.entry(edge.from).or_default().push(edge.to);
            if self.ids.get(edge.to) != Some(&edge.from) {
                led_to.insert(edge.to);
            }
        }
        let mut reached = BTreeSet::new();
        self.reach(self.start_at, &leads, &mut reached);
        let mut found = Vec::new();
        for rootless in [true, false] {
            for name in self.states.keys().map(String::as_str) {
                if !reached.contains(name) && (!rootless || !led_to.contains(name)) {
                    found.push(name);
                    self.reach(name, &leads, &mut reached);
                }
            }
        }
        found
    }

    fn reach(
        &self,
        from: &'a str,
        leads: &BTreeMap<StateId, Vec<&'a str>>,
        reached: &mut BTreeSet<&'a str>,
    ) {
        let mut waiting = vec![from];
        while let Some(name) = waiting.pop() {
            if !reached.insert(name) {
                continue;
            }
            let next = self.ids.get(name).and_then(|id| leads.get(id));
            waiting.extend(next.into_iter().flatten());
        }
    }
}

fn is_terminal(state: &serde_json::Value) -> bool {
    let end = state.get("End").and_then(serde_json::Value::as_bool) == Some(true);
    let kind = state.get("Type").and_then(serde_json::Value::as_str).and_then(Type::parse);
    end || matches!(kind, Some(Type::Succeed | Type::Fail))
}
