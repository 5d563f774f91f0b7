//! A pipeline as simple as can be: who is where, and what became of it. Written from AWS's
//! documentation, without a look at the machine.

use std::collections::{BTreeMap, VecDeque};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Superseded,
    Queued,
    Parallel,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Waiting(usize),
    Inside(usize),
    Gone,
}

#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) status: &'static str,
    pub(crate) place: Place,
    /// A rollback runs one stage.
    pub(crate) only: Option<usize>,
    pub(crate) succeeded: Vec<usize>,
}

/// What became of an execution within a stage.
#[derive(Clone, Debug, Default)]
pub(crate) struct Visit {
    pub(crate) status: &'static str,
    /// Of each action that has started.
    pub(crate) actions: BTreeMap<&'static str, &'static str>,
}

pub(crate) struct Naive {
    pub(crate) mode: Mode,
    /// Of each stage, its actions with their run orders.
    pub(crate) stages: Vec<Vec<(&'static str, u32)>>,
    pub(crate) runs: Vec<Run>,
    pub(crate) queues: Vec<VecDeque<usize>>,
    pub(crate) is_open: Vec<bool>,
    /// The last one that entered each stage.
    pub(crate) latest: Vec<Option<usize>>,
    pub(crate) visits: BTreeMap<(usize, usize), Visit>,
}

impl Naive {
    pub(crate) fn new(mode: Mode, stages: Vec<Vec<(&'static str, u32)>>) -> Self {
        let count = stages.len();
        Self {
            mode,
            stages,
            runs: Vec::new(),
            queues: vec![VecDeque::new(); count],
            is_open: vec![true; count],
            latest: vec![None; count],
            visits: BTreeMap::new(),
        }
    }

    fn is_live(&self, run: usize) -> bool {
        matches!(self.runs[run].status, "InProgress" | "Stopping")
    }

    /// Who holds the stage.
    fn holder(&self, stage: usize) -> Option<usize> {
        let mut runs = 0..self.runs.len();
        runs.find(|run| self.is_live(*run) && self.runs[*run].place == Place::Inside(stage))
    }

    fn arrive(&mut self, run: usize, stage: usize) {
        if self.mode == Mode::Superseded {
            for other in std::mem::take(&mut self.queues[stage]) {
                self.runs[other].status = "Superseded";
                self.runs[other].place = Place::Gone;
            }
        }
        self.runs[run].place = Place::Waiting(stage);
        self.queues[stage].push_back(run);
    }

    pub(crate) fn start(&mut self, stage: usize, only: Option<usize>) {
        let run = Run { status: "InProgress", place: Place::Gone, only, succeeded: Vec::new() };
        self.runs.push(run);
        self.arrive(self.runs.len() - 1, stage);
        self.settle();
    }

    /// Lets everything happen that can happen by itself.
    fn settle(&mut self) {
        let mut has_changed = true;
        while has_changed {
            has_changed = false;
            for run in 0..self.runs.len() {
                if let Place::Inside(stage) = self.runs[run].place
                    && self.is_live(run)
                {
                    has_changed |= self.go_on(run, stage);
                }
            }
            for stage in 0..self.stages.len() {
                has_changed |= self.admit(stage);
            }
        }
    }

    fn admit(&mut self, stage: usize) -> bool {
        let is_free = self.holder(stage).is_none() && self.is_open[stage];
        if !is_free && self.mode != Mode::Parallel {
            return false;
        }
        let Some(run) = self.queues[stage].pop_front() else { return false };
        self.runs[run].place = Place::Inside(stage);
        self.latest[stage] = Some(run);
        self.visits.insert((run, stage), Visit { status: "InProgress", ..Visit::default() });
        true
    }

    fn go_on(&mut self, run: usize, stage: usize) -> bool {
        let actions = self.stages[stage].clone();
        let is_stopping = self.runs[run].status == "Stopping";
        let visit = self.visits.get_mut(&(run, stage)).unwrap();
        if visit.actions.values().any(|status| *status == "InProgress") {
            return false;
        }
        if is_stopping {
            (visit.status, self.runs[run].status) = ("Stopped", "Stopped");
            return true;
        }
        if visit.actions.values().any(|status| *status != "Succeeded") {
            (visit.status, self.runs[run].status) = ("Failed", "Failed");
            return true;
        }
        let rest: Vec<_> =
            actions.iter().filter(|(name, _)| !visit.actions.contains_key(name)).collect();
        if let Some(order) = rest.iter().map(|(_, order)| *order).min() {
            for (name, _) in rest.into_iter().filter(|(_, it)| *it == order) {
                visit.actions.insert(name, "InProgress");
            }
            return true;
        }
        visit.status = "Succeeded";
        self.runs[run].succeeded.push(stage);
        if self.runs[run].only.is_some() || stage + 1 == self.stages.len() {
            self.runs[run].status = "Succeeded";
            self.runs[run].place = Place::Gone;
        } else {
            self.arrive(run, stage + 1);
        }
        true
    }

    /// The actions in progress: execution and name.
    pub(crate) fn in_progress(&self) -> Vec<(usize, &'static str)> {
        let mut found = Vec::new();
        for ((run, _), visit) in &self.visits {
            let running = visit.actions.iter().filter(|(_, status)| **status == "InProgress");
            found.extend(running.map(|(name, _)| (*run, *name)));
        }
        found
    }

    pub(crate) fn finish(&mut self, run: usize, action: &'static str, is_ok: bool) {
        let Place::Inside(stage) = self.runs[run].place else { panic!("{run} is in no stage") };
        let visit = self.visits.get_mut(&(run, stage)).unwrap();
        visit.actions.insert(action, if is_ok { "Succeeded" } else { "Failed" });
        self.settle();
    }

    pub(crate) fn stop(&mut self, run: usize, abandon: bool) -> bool {
        match self.runs[run].status {
            "InProgress" => {}
            "Stopping" if abandon => {}
            _ => return false,
        }
        self.runs[run].status = "Stopping";
        match self.runs[run].place {
            Place::Waiting(stage) => {
                self.queues[stage].retain(|it| *it != run);
                self.runs[run].status = "Stopped";
                self.runs[run].place = Place::Gone;
            }
            Place::Inside(stage) if abandon => {
                let visit = self.visits.get_mut(&(run, stage)).unwrap();
                let running = visit.actions.values_mut().filter(|it| **it == "InProgress");
                running.for_each(|status| *status = "Abandoned");
            }
            _ => {}
        }
        self.settle();
        true
    }

    pub(crate) fn set_gate(&mut self, stage: usize, is_open: bool) {
        self.is_open[stage] = is_open;
        self.settle();
    }

    pub(crate) fn retry(&mut self, run: usize, stage: usize, is_all: bool) -> bool {
        if self.runs[run].place != Place::Inside(stage) {
            return false;
        }
        let is_latest = self.latest[stage] == Some(run) || self.mode == Mode::Parallel;
        let visit = self.visits.get_mut(&(run, stage)).unwrap();
        let has_failed = visit.actions.values().any(|status| *status == "Failed");
        match self.runs[run].status {
            "Failed" | "Stopped" if is_latest => {
                let is_kept = |status: &&'static str| !is_all && *status == "Succeeded";
                visit.actions.retain(|_, status| is_kept(status));
                (visit.status, self.runs[run].status) = ("InProgress", "InProgress");
            }
            "InProgress" if has_failed && !is_all => {
                let failed = visit.actions.values_mut().filter(|status| **status == "Failed");
                failed.for_each(|status| *status = "InProgress");
            }
            _ => return false,
        }
        self.settle();
        true
    }

    pub(crate) fn roll_back(&mut self, target: usize, stage: usize) -> bool {
        let run = &self.runs[target];
        let may = stage > 0 && run.only.is_none() && run.succeeded.contains(&stage);
        if !may || self.mode == Mode::Parallel {
            return false;
        }
        self.start(stage, Some(stage));
        true
    }
}
