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

use serde_json::Value;
use trackway_core::Payload;

use super::Decide;
use crate::context::Context;
use crate::definition::{FieldValue, Filter, ResultPath, State, StateKind, Template, Text};
use crate::event::FrameId;
use crate::intrinsic::{Call, Env};
use crate::jsonpath::{EvalError, Path, Root};
use crate::limits::PAYLOAD_BYTES_MAX;
use crate::retry::{Fault, RUNTIME};

/// A JSON document: text, value or both, each made from the other at most once.
#[derive(Debug, Default)]
pub(super) struct Doc {
    text: OnceCell<Payload>,
    value: OnceCell<Value>,
}

impl Doc {
    /// Its text.
    pub(super) fn payload(&self) -> Payload {
        let write = || self.value.get().map_or_else(Payload::default, |v| Payload::new(v.to_string()));
        self.text.get_or_init(write).clone()
    }

    /// Its value.
    pub(super) fn value(&self) -> Result<&Value, Trouble> {
        if let Some(value) = self.value.get() {
            return Ok(value);
        }
        let value = serde_json::from_str(&self.payload())
            .map_err(|error| Trouble::runtime(format!("The data is not valid JSON: {error}")))?;
        Ok(self.value.get_or_init(|| value))
    }

    fn into_value(self) -> Result<Value, Trouble> {
        self.value()?;
        Ok(self.value.into_inner().unwrap_or_default())
    }
}

impl From<Payload> for Doc {
    fn from(text: Payload) -> Self {
        Self { text: OnceCell::from(text), value: OnceCell::new() }
    }
}

impl From<Value> for Doc {
    fn from(value: Value) -> Self {
        Self { text: OnceCell::new(), value: OnceCell::from(value) }
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
    /// The definition does not fit the data; AWS shows where it happened before the cause.
    Mismatch {
        /// Error name.
        error: String,
        /// What does not fit.
        cause: String,
    },
}

impl Trouble {
    /// The error that nothing catches.
    pub(super) fn runtime(cause: impl Into<String>) -> Self {
        Self::Mismatch { error: RUNTIME.to_owned(), cause: cause.into() }
    }

    /// A result or output that is larger than AWS allows.
    pub(super) fn too_large(of: &str) -> Self {
        Self::Fault(Fault::new(
            "States.DataLimitExceeded",
            format!(
                "The state/task '{of}' returned a result with a size exceeding the maximum number \
                 of bytes service limit."
            ),
        ))
    }
}

/// What paths, templates and functions see: the document at hand, the context object and chance.
pub(super) struct Scope<'v, 'r> {
    pub(super) input: &'v Value,
    pub(super) context: &'v Context<'v>,
    pub(super) random: &'r mut dyn FnMut() -> u64,
}

impl<'v> Env<'v> for Scope<'v, '_> {
    fn resolve(&mut self, path: &Path) -> Result<Cow<'v, Value>, EvalError> {
        match path.root() {
            Root::Input => path.evaluate(self.input),
            Root::Context => path.evaluate(self.context.document(path)),
            Root::Variable(name) => {
                Err(EvalError::NotFound(format!("No results for path: $['{name}']")))
            }
        }
    }

    fn uuid(&mut self) -> String {
        let (high, low) = ((self.random)(), (self.random)());
        let (a, b, c) = (high >> 32, high >> 16 & 0xffff, high & 0xfff);
        let (d, e) = (low >> 48 & 0x3fff | 0x8000, low & 0xffff_ffff_ffff);
        format!("{a:08x}-{b:04x}-4{c:03x}-{d:04x}-{e:012x}")
    }

    fn random(&mut self) -> u64 {
        (self.random)()
    }
}

impl Scope<'_, '_> {
    /// Fills a template.
    pub(super) fn fill(&mut self, template: &Template) -> Result<Value, Trouble> {
        match template {
            Template::Literal(value) => Ok(value.clone()),
            Template::Object(fields) => {
                let mut object = serde_json::Map::with_capacity(fields.len());
                for field in fields {
                    let value = match &field.value {
                        FieldValue::Template(template) => self.fill(template)?,
                        FieldValue::Path(path) => self.field(&field.name, path)?,
                        FieldValue::Call(call) => self.call(call)?,
                    };
                    object.insert(field.name.clone(), value);
                }
                Ok(Value::Object(object))
            }
            Template::Array(elements) => {
                elements.iter().map(|element| self.fill(element)).collect()
            }
        }
    }

    fn field(&mut self, name: &str, path: &Path) -> Result<Value, Trouble> {
        match self.resolve(path) {
            Ok(value) => Ok(value.into_owned()),
            Err(EvalError::PastEnd(_)) => Ok(Value::Null),
            Err(_) => Err(self.missing(path, &format!("{name}.$"))),
        }
    }

    fn missing(&self, path: &Path, field: &str) -> Trouble {
        Trouble::runtime(format!(
            "The JSONPath '{}' specified for the field '{field}' could not be found in the input \
             '{}'",
            path.source(),
            self.input
        ))
    }

    fn call(&mut self, call: &Call) -> Result<Value, Trouble> {
        let input = self.input;
        call.evaluate(self)
            .map_err(|error| Trouble::runtime(error.cause(call.source(), input)))
    }

    /// Reads a path that has to have a value.
    pub(super) fn read(&mut self, path: &Path) -> Result<Cow<'_, Value>, Trouble> {
        self.resolve(path).map_err(|error| {
            Trouble::runtime(format!("Invalid path '{}' : {error}", path.source()))
        })
    }
}

impl Decide<'_, '_> {
    /// Evaluates something that needs chance and the context of a frame.
    pub(super) fn with_scope<T>(
        &mut self,
        frame: FrameId,
        input: &Value,
        token: Option<String>,
        evaluate: impl FnOnce(&mut Scope<'_, '_>) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let turn = &mut *self.turn;
        let context = Context::of(self.def, self.execution, frame).with_token(token);
        evaluate(&mut Scope { input, context: &context, random: &mut || turn.random() })
    }

    /// The raw input through `InputPath`.
    pub(super) fn filtered(&mut self, frame: FrameId, state: &State) -> Result<Doc, Trouble> {
        let raw = self.execution.frame(frame).map(|f| f.input.clone()).unwrap_or_default();
        self.filter(frame, &state.input_path, Doc::from(raw))
    }

    /// What a state's work is given: `InputPath`, then `Parameters`.
    pub(super) fn given(&mut self, frame: FrameId, state: &State) -> Result<Doc, Trouble> {
        let filtered = self.filtered(frame, state)?;
        let Some(template) = &state.parameters else { return Ok(filtered) };
        let value = filtered.value()?;
        self.with_scope(frame, value, None, |scope| scope.fill(template)).map(Doc::from)
    }

    /// A document through `InputPath`, `OutputPath` or `ItemsPath`.
    pub(super) fn filter(
        &mut self,
        frame: FrameId,
        filter: &Filter,
        doc: Doc,
    ) -> Result<Doc, Trouble> {
        match filter {
            Filter::Whole => Ok(doc),
            Filter::Discard => Ok(Doc::from(Payload::default())),
            Filter::Path(path) => {
                let value = doc.value()?;
                self.with_scope(frame, value, None, |scope| Ok(scope.read(path)?.into_owned()))
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
    ) -> Result<Payload, Trouble> {
        let selected = match &state.result_selector {
            None => result,
            Some(template) => {
                let value = result.value()?;
                Doc::from(self.with_scope(frame, value, None, |scope| scope.fill(template))?)
            }
        };
        let raw = self.execution.frame(frame).map(|f| f.input.clone()).unwrap_or_default();
        let merged = self.put(&state.result_path, Doc::from(raw), selected)?;
        let output = self.filter(frame, &state.output_path, merged)?.payload();
        if output.len() > PAYLOAD_BYTES_MAX && !matches!(state.kind, StateKind::Succeed) {
            return Err(Trouble::too_large(&state.name));
        }
        Ok(output)
    }

    /// Puts a result where `ResultPath` says.
    pub(super) fn put(&self, path: &ResultPath, raw: Doc, result: Doc) -> Result<Doc, Trouble> {
        match path {
            ResultPath::Replace => Ok(result),
            ResultPath::Discard => Ok(raw),
            ResultPath::Insert(path) => {
                let document = raw.into_value()?;
                let merged = path.insert(document, result.into_value()?);
                merged.map(Doc::from).map_err(|error| Trouble::Mismatch {
                    error: "States.ResultPathMatchFailure".to_owned(),
                    cause: error.to_string(),
                })
            }
        }
    }

    /// An `Error` or `Cause`, which a path or a function may give.
    pub(super) fn text(
        &mut self,
        frame: FrameId,
        input: &Doc,
        text: &Text,
        field: &str,
    ) -> Result<String, Trouble> {
        let (Text::Path(_) | Text::Call(_)) = text else {
            let Text::Fixed(text) = text else { return Ok(String::new()) };
            return Ok(text.clone());
        };
        let value = input.value()?;
        self.with_scope(frame, value, None, |scope| {
            let found = match text {
                Text::Path(path) => match scope.resolve(path) {
                    Ok(found) => found.into_owned(),
                    Err(_) => return Err(scope.missing(path, field)),
                },
                Text::Call(call) => scope.call(call)?,
                Text::Fixed(text) => Value::from(text.as_str()),
            };
            match found {
                Value::String(text) => Ok(text),
                other => Err(Trouble::runtime(format!(
                    "The {field} parameter does not reference a string value: {other}"
                ))),
            }
        })
    }
}
