//! Map: the same steps for each item.

use trackway_core::Payload;

use super::data::{Chance, Doc, Trouble};
use super::{Decide, Step};
use crate::context::Context;
use crate::definition::{Map, State, StateKind};
use crate::event::{EventKind, FrameId};
use crate::runtime::{Documents, Scope};

impl Decide<'_, '_> {
    /// Finds the items and starts as many iterations as may run at once.
    pub(super) fn map(
        &mut self,
        frame: FrameId,
        state: &State,
        map: &Map,
    ) -> Result<Step, Trouble> {
        let input = self.filtered(frame, state)?;
        let value = input.value()?;
        let (concurrency, items) = self.evaluate(frame, value, |scope| {
            let documents = scope.documents;
            let concurrency = map.max_concurrency.resolve("MaxConcurrencyPath", documents)?;
            Ok::<_, Trouble>((concurrency, map.items(documents)?.into_owned()))
        })?;
        let length = items.as_array().map_or(0, Vec::len);
        let Some(at) = self.execution.frame(frame) else { return Ok(Step::Block) };
        let kind = EventKind::MapStarted {
            state: at.state,
            length: u32::try_from(length).unwrap_or(u32::MAX),
            concurrency: u32::try_from(concurrency).unwrap_or(u32::MAX),
        };
        self.emit(frame, kind, Some(Doc::from(items).payload()));
        if length == 0 {
            return Ok(self.mapped(frame));
        }
        self.start_iterations(frame, None)?;
        Ok(Step::Block)
    }

    /// Starts the next iterations. `follows` is the event that freed a place, if one did.
    fn start_iterations(&mut self, frame: FrameId, follows: Option<u32>) -> Result<(), Trouble> {
        let Some(at) = self.execution.frame(frame) else { return Ok(()) };
        let Some(branches) = self.execution.branches(frame) else { return Ok(()) };
        let map_state = at.state;
        let Some(state) = self.def.state(map_state) else { return Ok(()) };
        let StateKind::Map(map) = &state.kind else { return Ok(()) };
        let previous = follows.unwrap_or(branches.started);
        let range = branches.startable();
        let inputs = self.inputs(frame, state, range.clone())?;
        for (index, input) in range.zip(inputs) {
            let child = FrameId(self.execution.next_frame);
            let kind = EventKind::IterationStarted { state: map_state, parent: frame, index };
            self.emit_after(previous, child, kind, None);
            self.ready.push_back((child, Step::Enter(map.processor.start_at, Doc::from(input))));
        }
        Ok(())
    }

    /// The inputs of these iterations: the items, or what `ItemSelector` makes of them.
    fn inputs(
        &mut self,
        frame: FrameId,
        state: &State,
        range: std::ops::Range<u32>,
    ) -> Result<Vec<Payload>, Trouble> {
        let Some(template) = &state.parameters else {
            let branches = self.execution.branches(frame);
            let item = |index| branches.and_then(|b| b.items.get(index)).unwrap_or("null");
            return Ok(range.map(|index| Payload::new(item(index))).collect());
        };
        let input = self.map_input(frame, state)?;
        let input = input.value()?;
        let Some(branches) = self.execution.branches(frame) else { return Ok(Vec::new()) };
        let turn = &mut *self.turn;
        let mut random = || turn.random();
        let mut context = Context::of(self.def, self.execution, frame);
        let mut inputs = Vec::with_capacity(range.len());
        for index in range {
            let item = branches.items.get(index).map(serde_json::from_str);
            context.set_item(index, item.and_then(Result::ok).unwrap_or_default());
            let documents = Documents { input, context: &context };
            let mut scope = Scope { documents, randomness: &mut Chance(&mut random) };
            inputs.push(Payload::new(template.evaluate(&mut scope)?.to_string()));
        }
        Ok(inputs)
    }

    /// The Map's filtered input, read once a turn: with `MaxConcurrency` each iteration asks for it.
    fn map_input(&mut self, frame: FrameId, state: &State) -> Result<Doc, Trouble> {
        let entered = self.execution.frame(frame).map_or(0, |frame| frame.entered);
        if let Some((of, at, input)) = &self.map_input
            && (*of, *at) == (frame, entered)
        {
            return Ok(input.clone());
        }
        let input = self.filtered(frame, state)?;
        self.map_input = Some((frame, entered, input.clone()));
        Ok(input)
    }

    /// One iteration has ended; the next one starts, or the state goes on after the last.
    pub(super) fn iteration_ended(&mut self, frame: FrameId, parent: FrameId, index: u32) -> Step {
        let Some(last) = self.execution.frame(frame).map(|frame| frame.last) else {
            return Step::Block;
        };
        let Some(state) = self.execution.frame(parent).map(|parent| parent.state) else {
            return Step::Block;
        };
        self.emit(frame, EventKind::IterationSucceeded(state, index), None);
        let Some(branches) = self.execution.branches(parent) else { return Step::Block };
        if branches.is_done() {
            return self.mapped(parent);
        }
        match self.start_iterations(parent, Some(last)) {
            Ok(()) => Step::Block,
            Err(trouble) => self.troubled(parent, trouble),
        }
    }

    fn mapped(&mut self, frame: FrameId) -> Step {
        let Some(at) = self.execution.frame(frame) else { return Step::Block };
        self.emit(frame, EventKind::MapSucceeded(at.state), None);
        Step::Result(self.results(frame))
    }
}
