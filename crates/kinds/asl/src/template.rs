//! Payload templates: `Parameters`, `ResultSelector`, `ItemSelector`, `Credentials`.
//!
//! A template is compiled once. What holds no `.$` field is kept as written and only copied.
//!
//! Source: "Manipulate parameters with paths" in the Step Functions developer guide; the causes
//! are recorded ones.

use serde_json::{Map, Value};

use crate::definition::{Field, FieldValue, Template};
use crate::intrinsic::Call;
use crate::jsonpath::{EvalError, Path};
use crate::runtime::{RuntimeError, Scope};

/// One step to a place in a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// A field's name.
    Name(&'a str),
    /// A list's index.
    Index(usize),
}

/// A field of a template that is neither a path nor a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem<'a> {
    /// The object that has the field.
    pub place: Vec<Place<'a>>,
    /// What is wrong, in AWS's words.
    pub message: String,
}

impl Template {
    /// Compiles a template.
    ///
    /// # Errors
    /// All fields ending in `.$` whose value is neither a path nor a call of an intrinsic function.
    pub fn compile(value: &Value) -> Result<Template, Vec<Problem<'_>>> {
        let mut compiler = Compiler { place: Vec::new(), problems: Vec::new() };
        let template = compiler.template(value);
        if compiler.problems.is_empty() { Ok(template) } else { Err(compiler.problems) }
    }

    /// All paths of the template, those in calls included.
    #[must_use]
    pub fn paths(&self) -> Vec<&Path> {
        let mut found = Vec::new();
        self.collect(&mut found);
        found
    }

    fn collect<'t>(&'t self, found: &mut Vec<&'t Path>) {
        match self {
            Template::Literal(_) => {}
            Template::Array(items) => items.iter().for_each(|item| item.collect(found)),
            Template::Object(fields) => {
                for field in fields {
                    match &field.value {
                        FieldValue::Template(template) => template.collect(found),
                        FieldValue::Path(path) => found.push(path),
                        FieldValue::Call(call) => found.extend(call.paths()),
                    }
                }
            }
        }
    }

    /// Fills the template in.
    ///
    /// # Errors
    /// A path that leads nowhere or a call that fails: `States.Runtime`.
    pub fn evaluate(&self, scope: &mut Scope<'_, '_>) -> Result<Value, RuntimeError> {
        match self {
            Template::Literal(value) => Ok(value.clone()),
            Template::Array(items) => {
                let items: Result<Vec<Value>, RuntimeError> =
                    items.iter().map(|item| item.evaluate(scope)).collect();
                Ok(Value::Array(items?))
            }
            Template::Object(fields) => {
                let mut object = Map::with_capacity(fields.len());
                for field in fields {
                    object.insert(field.name.clone(), field.evaluate(scope)?);
                }
                Ok(Value::Object(object))
            }
        }
    }
}

impl Field {
    fn evaluate(&self, scope: &mut Scope<'_, '_>) -> Result<Value, RuntimeError> {
        match &self.value {
            FieldValue::Template(template) => template.evaluate(scope),
            FieldValue::Path(path) => match scope.documents.read(path) {
                Ok(value) => Ok(value.into_owned()),
                // An index behind the end of a list is null here, and only here.
                Err(EvalError::PastEnd(_)) => Ok(Value::Null),
                Err(_) => {
                    let field = format!("{}.$", self.name);
                    Err(not_found(path, &field, scope.documents.of(path)))
                }
            },
            FieldValue::Call(call) => call_in(call, scope),
        }
    }
}

/// AWS's words for a path that leads nowhere, in a field that names it.
pub(crate) fn not_found(path: &Path, field: &str, document: &Value) -> RuntimeError {
    RuntimeError::runtime(format!(
        "The JSONPath '{}' specified for the field '{field}' could not be found in the input \
         '{document}'",
        path.source()
    ))
}

/// Evaluates a call.
pub(crate) fn call_in(call: &Call, scope: &mut Scope<'_, '_>) -> Result<Value, RuntimeError> {
    call.evaluate(scope)
        .map_err(|error| RuntimeError::runtime(error.cause(call.source(), scope.documents.input)))
}

struct Compiler<'a> {
    place: Vec<Place<'a>>,
    problems: Vec<Problem<'a>>,
}

impl<'a> Compiler<'a> {
    fn template(&mut self, value: &'a Value) -> Template {
        self.look(value).unwrap_or_else(|| Template::Literal(value.clone()))
    }

    /// Compiles what has a `.$` field in it; `None` for a literal, which the caller copies whole.
    fn look(&mut self, value: &'a Value) -> Option<Template> {
        match value {
            Value::Object(members) => self.object(members),
            Value::Array(elements) => self.array(elements),
            _ => None,
        }
    }

    fn object(&mut self, members: &'a Map<String, Value>) -> Option<Template> {
        let mut found = Vec::with_capacity(members.len());
        for (name, value) in members {
            found.push(match name.strip_suffix(".$") {
                Some(plain) => Some((plain, self.dynamic(name, value))),
                None => {
                    self.place.push(Place::Name(name));
                    let template = self.look(value);
                    self.place.pop();
                    template.map(|template| (name.as_str(), FieldValue::Template(template)))
                }
            });
        }
        if found.iter().all(Option::is_none) {
            return None;
        }
        let fields = members.iter().zip(found).map(|((name, value), found)| match found {
            Some((name, value)) => Field { name: name.to_owned(), value },
            None => {
                let value = FieldValue::Template(Template::Literal(value.clone()));
                Field { name: name.clone(), value }
            }
        });
        Some(Template::Object(fields.collect()))
    }

    fn array(&mut self, elements: &'a [Value]) -> Option<Template> {
        let mut found = Vec::with_capacity(elements.len());
        for (index, element) in elements.iter().enumerate() {
            self.place.push(Place::Index(index));
            found.push(self.look(element));
            self.place.pop();
        }
        if found.iter().all(Option::is_none) {
            return None;
        }
        let items = elements
            .iter()
            .zip(found)
            .map(|(element, found)| found.unwrap_or_else(|| Template::Literal(element.clone())));
        Some(Template::Array(items.collect()))
    }

    fn dynamic(&mut self, name: &'a str, value: &'a Value) -> FieldValue {
        let message = match value {
            Value::String(text) if text.starts_with('$') => match Path::parse(text) {
                Ok(path) => return FieldValue::Path(path),
                Err(_) => invalid(name),
            },
            Value::String(text) if text.starts_with("States.") => match Call::parse(text) {
                Ok(call) => return FieldValue::Call(call),
                Err(_) => invalid(name),
            },
            Value::String(_) => invalid(name),
            other => format!(
                "The value for the field '{name}' must be a STRING that contains a JSONPath but \
                 was an {}",
                kind(other)
            ),
        };
        self.problems.push(Problem { place: self.place.clone(), message });
        FieldValue::Template(Template::Literal(Value::Null))
    }
}

fn invalid(name: &str) -> String {
    format!(
        "The value for the field '{name}' must be a valid JSONPath or a valid intrinsic function \
         call"
    )
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "NULL",
        Value::Bool(_) => "BOOLEAN",
        Value::Number(_) => "NUMBER",
        Value::String(_) => "STRING",
        Value::Array(_) => "ARRAY",
        Value::Object(_) => "OBJECT",
    }
}
