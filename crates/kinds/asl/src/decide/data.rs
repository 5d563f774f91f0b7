//! Documents on their way through a state, and the paths and templates that act on them.
//!
//! ```text
//!  raw input ─ InputPath ─▶ filtered ─ Parameters ─▶ given ─ work ─▶ result
//!      │                                                               │ ResultSelector
//!      └──────────────▶ ResultPath ◀────────────────────────────────────┘
//!                           └─ OutputPath ─▶ output
//! ```
//!
//! A document is text until something asks for its value; what nothing asks for goes through as
//! the very same text.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::rc::Rc;

use serde_json::Value;
use trackway_core::{Payload, uuid};

use super::Decide;
use crate::context::Context;
use crate::definition::{Filter, ResultPath, State, Template};
use crate::event::FrameId;
use crate::limits::PAYLOAD_BYTES_MAX;
use crate::retry::Fault;
use crate::runtime::{Documents, Randomness, RuntimeError, Scope};

/// A JSON document: text, value or both, each made from the other at most once for all who hold
/// it.
#[derive(Clone, Debug, Default)]
pub(super) struct Doc(Rc<Forms>);

#[derive(Debug, Default)]
struct Forms {
    text: OnceCell<Payload>,
    value: OnceCell<Value>,
}

impl Doc {
    /// Its text.
    pub(super) fn payload(&self) -> Payload {
        let Forms { text, value } = &*self.0;
        let write = || value.get().map_or_else(Payload::default, |v| Payload::new(v.to_string()));
        text.get_or_init(write).clone()
    }

    /// Its value.
    pub(super) fn value(&self) -> Result<&Value, Trouble> {
        if let Some(value) = self.0.value.get() {
            return Ok(value);
        }
        let value = serde_json::from_str(&self.payload())
            .map_err(|error| Trouble::runtime(format!("The data is not valid JSON: {error}")))?;
        Ok(self.0.value.get_or_init(|| value))
    }

    /// Its value to change; a copy if others hold the document.
    fn into_value(self) -> Result<Value, Trouble> {
        self.value()?;
        let forms = Rc::try_unwrap(self.0);
        let value = forms
            .map_or_else(|shared| shared.value.get().cloned(), |forms| forms.value.into_inner());
        Ok(value.unwrap_or_default())
    }

    fn is_of(&self, payload: &Payload) -> bool {
        self.0.text.get().is_some_and(|text| text.is_same(payload))
    }
}

impl From<Payload> for Doc {
    fn from(text: Payload) -> Self {
        Self(Rc::new(Forms { text: OnceCell::from(text), value: OnceCell::new() }))
    }
}

impl From<Value> for Doc {
    fn from(value: Value) -> Self {
        Self(Rc::new(Forms { text: OnceCell::new(), value: OnceCell::from(value) }))
    }
}

/// The text of a JSON list of these texts.
pub(super) fn list<'t>(texts: impl Iterator<Item = &'t str> + Clone) -> String {
    let length = texts.clone().map(|text| text.len() + 1).sum::<usize>();
    let mut out = String::with_capacity(length + 2);
    out.push('[');
    for (place, text) in texts.enumerate() {
        if place > 0 {
            out.push(',');
        }
        out.push_str(text);
    }
    out.push(']');
    out
}

/// Why a step of a state did not go.
#[derive(Debug)]
pub(super) enum Trouble {
    /// An error as it is to be shown.
    Fault(Fault),
    /// The definition does not fit the data.
    Runtime(RuntimeError),
}

impl From<RuntimeError> for Trouble {
    fn from(error: RuntimeError) -> Self {
        Self::Runtime(error)
    }
}

impl Trouble {
    /// The error that nothing catches.
    pub(super) fn runtime(cause: impl Into<String>) -> Self {
        Self::Runtime(RuntimeError::runtime(cause))
    }

    /// A result or output that is larger than AWS allows.
    pub(super) fn too_large(of: &str) -> Self {
        Self::Fault(too_large(of))
    }
}

/// A result or output of `of` is larger than AWS allows.
pub(super) fn too_large(of: &str) -> Fault {
    Fault::new(
        "States.DataLimitExceeded",
        format!(
            "The state/task '{of}' returned a result with a size exceeding the maximum number of \
             bytes service limit."
        ),
    )
}

/// The turn's randomness, in the form that functions want.
pub(super) struct Chance<'r>(pub(super) &'r mut dyn FnMut() -> u64);

impl Randomness for Chance<'_> {
    fn uuid(&mut self) -> String {
        let (high, low) = ((self.0)(), (self.0)());
        uuid::text(uuid::version_four(u128::from(high) << 64 | u128::from(low)))
    }

    fn random(&mut self) -> u64 {
        (self.0)()
    }
}

impl Decide<'_, '_> {
    /// Evaluates something in the documents that a frame's state sees.
    pub(super) fn evaluate<T, E: Into<Trouble>>(
        &mut self,
        frame: FrameId,
        input: &Value,
        evaluate: impl FnOnce(&mut Scope<'_, '_>) -> Result<T, E>,
    ) -> Result<T, Trouble> {
        let turn = &mut *self.turn;
        let context = Context::of(self.def, self.execution, frame);
        let documents = Documents { input, context: &context };
        let mut random = || turn.random();
        evaluate(&mut Scope { documents, randomness: &mut Chance(&mut random) }).map_err(Into::into)
    }

    /// The state's raw input; the document that the state before put out, if it is at hand.
    pub(super) fn raw(&mut self, frame: FrameId) -> Doc {
        let doc = self.take_raw(frame);
        self.latest = Some((frame, doc.clone()));
        doc
    }

    /// The same, to change.
    fn take_raw(&mut self, frame: FrameId) -> Doc {
        let Some(input) = self.execution.frame(frame).map(|frame| &frame.input) else {
            return Doc::default();
        };
        match self.latest.take_if(|(of, _)| *of == frame) {
            Some((_, doc)) if doc.is_of(input) => doc,
            _ => Doc::from(input.clone()),
        }
    }

    /// The raw input through `InputPath`.
    pub(super) fn filtered(&mut self, frame: FrameId, state: &State) -> Result<Doc, Trouble> {
        let raw = self.raw(frame);
        self.filter(frame, &state.input_path, raw)
    }

    /// What a state's work is given: `InputPath`, then `Parameters`.
    pub(super) fn given(&mut self, frame: FrameId, state: &State) -> Result<Doc, Trouble> {
        let filtered = self.filtered(frame, state)?;
        let Some(template) = &state.parameters else { return Ok(filtered) };
        self.fill(frame, template, &filtered)
    }

    /// Fills a template.
    pub(super) fn fill(
        &mut self,
        frame: FrameId,
        template: &Template,
        input: &Doc,
    ) -> Result<Doc, Trouble> {
        let value = input.value()?;
        self.evaluate(frame, value, |scope| template.evaluate(scope)).map(Doc::from)
    }

    /// A document through `InputPath` or `OutputPath`.
    pub(super) fn filter(
        &mut self,
        frame: FrameId,
        filter: &Filter,
        doc: Doc,
    ) -> Result<Doc, Trouble> {
        match filter {
            Filter::Whole => Ok(doc),
            Filter::Discard => Ok(Doc::from(Payload::default())),
            Filter::Path(_) => {
                let value = doc.value()?;
                self.evaluate(frame, value, |s| filter.apply(s.documents).map(Cow::into_owned))
                    .map(Doc::from)
            }
        }
    }

    /// The state's output: the result through `ResultSelector`, `ResultPath` and `OutputPath`.
    pub(super) fn output(
        &mut self,
        frame: FrameId,
        state: &State,
        result: Doc,
    ) -> Result<Doc, Trouble> {
        let selected = match &state.result_selector {
            None => result,
            Some(template) => self.fill(frame, template, &result)?,
        };
        let merged = put(&state.result_path, self.take_raw(frame), selected)?;
        let output = self.filter(frame, &state.output_path, merged)?;
        if output.payload().len() > PAYLOAD_BYTES_MAX {
            return Err(Trouble::too_large(&state.name));
        }
        Ok(output)
    }
}

/// Puts a result where `ResultPath` says.
pub(super) fn put(path: &ResultPath, raw: Doc, result: Doc) -> Result<Doc, Trouble> {
    match path {
        ResultPath::Replace => Ok(result),
        ResultPath::Discard => Ok(raw),
        ResultPath::Insert(_) => {
            let (raw, result) = (raw.into_value()?, result.into_value()?);
            Ok(Doc::from(path.apply(raw, result)?))
        }
    }
}
