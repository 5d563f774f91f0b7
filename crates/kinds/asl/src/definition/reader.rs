//! Reads fields and remembers what is wrong with them, and where.

use std::fmt::Display;

use serde_json::{Map, Value};

use super::diagnostics::{Code, DIAGNOSTICS_MAX, Diagnostic, Step, location};
use super::fields::{Language, Verdict};
use super::{MachineType, Template};
use crate::intrinsic::Call;
use crate::jsonpath::{Path, ReferencePath, Root};

/// A JSON object of the definition.
pub(super) type Object = Map<String, Value>;

/// What a path field may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Any path.
    Any,
    /// A reference path into the input or the context object.
    Reference,
    /// A reference path into the input only.
    InputReference,
}

/// The reading of one definition: where it is, and what it found wrong.
pub(super) struct Reader<'a> {
    /// Standard or Express.
    pub(super) machine: MachineType,
    /// Whether the machine's `QueryLanguage` is JSONata.
    pub(super) jsonata_machine: bool,
    /// Whether the language of the state at hand is.
    pub(super) jsonata: bool,
    steps: Vec<Step<'a>>,
    schema: Vec<Diagnostic>,
    graph: Vec<Diagnostic>,
    unsupported: Vec<Diagnostic>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(machine: MachineType) -> Self {
        Self {
            machine,
            jsonata_machine: false,
            jsonata: false,
            steps: Vec::new(),
            schema: Vec::new(),
            graph: Vec::new(),
            unsupported: Vec::new(),
        }
    }

    /// Everything that was found. What AWS refuses comes alone, in AWS's words; what is only not
    /// built yet is told when nothing else is wrong.
    pub(super) fn finish(mut self) -> Vec<Diagnostic> {
        self.schema.append(&mut self.graph);
        let mut found = if self.schema.is_empty() { self.unsupported } else { self.schema };
        found.truncate(DIAGNOSTICS_MAX);
        found
    }

    pub(super) fn has_schema_errors(&self) -> bool {
        !self.schema.is_empty()
    }

    /// Reads below `step`.
    pub(super) fn within<T>(&mut self, step: Step<'a>, read: impl FnOnce(&mut Self) -> T) -> T {
        self.steps.push(step);
        let value = read(self);
        self.steps.pop();
        value
    }

    /// Reads below a field.
    pub(super) fn field<T>(&mut self, name: &'a str, read: impl FnOnce(&mut Self) -> T) -> T {
        self.within(Step::Name(name), read)
    }

    fn note(&self, code: Code, message: String) -> Diagnostic {
        Diagnostic::error(code, message, Some(location(&self.steps)))
    }

    /// `SCHEMA_VALIDATION_FAILED` here.
    pub(super) fn schema(&mut self, message: impl Into<String>) {
        self.refuse(Code::SchemaValidationFailed, message);
    }

    /// A refusal here, before the graph's.
    pub(super) fn refuse(&mut self, code: Code, message: impl Into<String>) {
        if self.schema.len() < DIAGNOSTICS_MAX {
            self.schema.push(self.note(code, message.into()));
        }
    }

    /// A refusal about transitions here.
    pub(super) fn refuse_graph(&mut self, code: Code, message: impl Into<String>) {
        if self.graph.len() < DIAGNOSTICS_MAX {
            self.graph.push(self.note(code, message.into()));
        }
    }

    /// A refusal about the whole, which AWS gives no place.
    pub(super) fn refuse_whole(&mut self, code: Code, message: &str) {
        self.graph.push(Diagnostic::error(code, message, None));
    }

    /// Something correct that is not built yet, here.
    pub(super) fn unsupported(&mut self, what: impl Display) {
        if self.unsupported.len() < DIAGNOSTICS_MAX {
            let message = format!("{what} is not supported by this version of Trackway");
            self.unsupported.push(self.note(Code::UnsupportedByTrackway, message));
        }
    }

    /// The object at hand.
    pub(super) fn object(&mut self, value: &'a Value) -> Option<&'a Object> {
        let object = value.as_object();
        if object.is_none() {
            self.schema("Expected value of type Object");
        }
        object
    }

    /// Refuses fields that do not belong there.
    pub(super) fn check_fields(&mut self, object: &'a Object, judge: impl Fn(&str) -> Verdict) {
        let language = if self.jsonata { Language::Jsonata } else { Language::JsonPath };
        for name in object.keys() {
            let (of, built) = match judge(name) {
                Verdict::Known(of) => (of, true),
                Verdict::Unsupported(of) => (of, false),
                Verdict::Unknown => {
                    self.schema(format!("Field '{name}' is not supported"));
                    continue;
                }
            };
            if of != Language::Any && of != language {
                self.wrong_language(name);
            } else if !built {
                self.field(name, |reader| reader.unsupported(format_args!("Field '{name}'")));
            }
        }
    }

    fn wrong_language(&mut self, name: &str) {
        let (set, other) =
            if self.jsonata { ("JSONata", "JSONPath") } else { ("JSONPath", "JSONata") };
        self.schema(format!(
            "The QueryLanguage is set to '{set}', but field '{name}' is only supported for the \
             '{other}' QueryLanguage"
        ));
    }

    /// Refuses an object that lacks fields.
    pub(super) fn require(&mut self, object: &Object, fields: &[&str]) {
        let missing: Vec<&str> =
            fields.iter().filter(|field| !object.contains_key(**field)).copied().collect();
        if !missing.is_empty() {
            self.schema(format!("These fields are required: [{}]", missing.join(", ")));
        }
    }

    /// The one field of `fields` that the object has, if it has exactly one.
    pub(super) fn exactly_one(
        &mut self,
        object: &Object,
        fields: &[&'static str],
    ) -> Option<&'static str> {
        let found = self.at_most_one(object, fields);
        if !fields.iter().any(|field| object.contains_key(*field)) {
            self.schema(format!(
                "This object should have only one of the following fields: [{}]",
                fields.join(", ")
            ));
        }
        found
    }

    /// The one field of `fields` that the object has, if it has one; several are refused.
    pub(super) fn at_most_one(
        &mut self,
        object: &Object,
        fields: &[&'static str],
    ) -> Option<&'static str> {
        let mut found = fields.iter().filter(|field| object.contains_key(**field));
        let first = found.next();
        if found.next().is_some() {
            self.schema(format!(
                "There should only be one of the following fields: [{}]",
                fields.join(", ")
            ));
            return None;
        }
        first.copied()
    }

    /// Whether a JSONata state has an expression where a value is expected.
    fn is_expression(&self, value: &Value) -> bool {
        self.jsonata && value.as_str().is_some_and(|text| text.starts_with("{%"))
    }

    /// A text field.
    pub(super) fn text(&mut self, object: &'a Object, name: &'a str) -> Option<&'a str> {
        let value = object.get(name)?;
        let text = value.as_str();
        if text.is_none() {
            self.field(name, |reader| reader.schema("Expected value of type String"));
        }
        text
    }

    /// A text field that names one of `choices`.
    pub(super) fn choice(
        &mut self,
        object: &'a Object,
        name: &'a str,
        choices: &[&'static str],
    ) -> Option<&'static str> {
        let text = self.text(object, name)?;
        let found = choices.iter().find(|choice| **choice == text);
        if found.is_none() {
            let message = format!("Value should be one of the following: [{}]", choices.join(", "));
            self.field(name, |reader| reader.schema(message));
        }
        found.copied()
    }

    /// A flag.
    pub(super) fn flag(&mut self, object: &'a Object, name: &'a str) -> Option<bool> {
        let value = object.get(name)?;
        let flag = value.as_bool();
        if flag.is_none() {
            self.field(name, |reader| reader.schema("Expected value of type Boolean"));
        }
        flag
    }

    /// A list.
    pub(super) fn list(&mut self, object: &'a Object, name: &'a str) -> Option<&'a Vec<Value>> {
        let value = object.get(name)?;
        if self.is_expression(value) {
            return None;
        }
        let list = value.as_array();
        if list.is_none() {
            self.field(name, |reader| reader.schema("Expected value of type Array"));
        }
        list
    }

    /// A whole number within limits.
    pub(super) fn integer(
        &mut self,
        object: &'a Object,
        name: &'a str,
        min: i64,
        max: i64,
    ) -> Option<i64> {
        let value = object.get(name)?;
        if self.is_expression(value) {
            return None;
        }
        let number = match value {
            Value::Number(number) if number.is_i64() => number.as_i64(),
            Value::Number(number) if number.is_u64() => Some(i64::MAX),
            _ => None,
        };
        let refusal = match number {
            None => "Expected value of type Integer".to_owned(),
            Some(number) if number < min => format!("Minimum value is {min}"),
            Some(number) if number > max => format!("Maximum value is {max}"),
            Some(_) => return number,
        };
        self.field(name, |reader| reader.schema(refusal));
        None
    }

    /// A number, at least `min`.
    pub(super) fn float(&mut self, object: &'a Object, name: &'a str, min: f64) -> Option<f64> {
        let value = object.get(name)?;
        let refusal = match value.as_f64() {
            None => "Expected value of type Float".to_owned(),
            Some(number) if number < min => format!("Minimum value is {min:?}"),
            Some(number) => return Some(number),
        };
        self.field(name, |reader| reader.schema(refusal));
        None
    }

    /// A path.
    pub(super) fn path(&mut self, object: &'a Object, name: &'a str, shape: Shape) -> Option<Path> {
        let text = self.text(object, name)?;
        self.field(name, |reader| reader.parse_path(text, shape))
    }

    /// A path written here.
    pub(super) fn parse_path(&mut self, text: &str, shape: Shape) -> Option<Path> {
        if !text.starts_with('$') {
            self.schema(match shape {
                Shape::Any => "Value must be a valid JSONPath.",
                _ => "Value is not a Reference Path: Reference path didn't start with '$'",
            });
            return None;
        }
        let path = match Path::parse(text) {
            Ok(path) => path,
            Err(error) => {
                self.schema(match shape {
                    Shape::Any => "Value must be a valid JSONPath.".to_owned(),
                    _ => format!("Value is not a Reference Path: {error}"),
                });
                return None;
            }
        };
        if let Root::Variable(variable) = path.root() {
            self.unsupported(format_args!("The workflow variable ${variable}"));
            return None;
        }
        let input_only = shape == Shape::InputReference && *path.root() != Root::Input;
        if input_only || (shape != Shape::Any && !path.is_reference()) {
            self.schema(format!("Value is not a Reference Path: {text}"));
            return None;
        }
        Some(path)
    }

    /// A reference path that is written to.
    pub(super) fn reference(&mut self, text: &str) -> Option<ReferencePath> {
        let path = self.parse_path(text, Shape::InputReference)?;
        ReferencePath::of(&path)
    }

    /// A payload template.
    pub(super) fn template(&mut self, object: &'a Object, name: &'a str) -> Option<Template> {
        let value = object.get(name)?;
        if self.jsonata {
            return None;
        }
        self.field(name, |reader| match Template::compile(value) {
            Ok(template) => {
                reader.check_variables(&template);
                Some(template)
            }
            Err(problems) => {
                for problem in problems {
                    reader.template_problem(&problem.place, problem.message);
                }
                None
            }
        })
    }

    fn template_problem(&mut self, place: &[crate::template::Place<'a>], message: String) {
        let depth = self.steps.len();
        self.steps.extend(place.iter().map(|part| match part {
            crate::template::Place::Name(name) => Step::Name(name),
            crate::template::Place::Index(index) => Step::Index(*index),
        }));
        self.schema(message);
        self.steps.truncate(depth);
    }

    fn check_variables(&mut self, template: &Template) {
        for path in template.paths() {
            self.check_variable(path);
        }
    }

    /// Refuses the paths of an intrinsic's arguments that lead into variables.
    pub(super) fn check_call(&mut self, call: &Call) {
        for path in call.paths() {
            self.check_variable(path);
        }
    }

    fn check_variable(&mut self, path: &Path) {
        if let Root::Variable(variable) = path.root() {
            self.unsupported(format_args!("The workflow variable ${variable}"));
        }
    }
}
