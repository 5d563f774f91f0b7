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
                Err(error @ EvalError::Null) => Err(RuntimeError::path(path, &error)),
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::runtime::{Documents, Randomness};

    struct Fixed;

    impl Randomness for Fixed {
        fn uuid(&mut self) -> String {
            "4b3c0b0e-0000-4000-8000-000000000000".to_owned()
        }

        fn random(&mut self) -> u64 {
            0
        }
    }

    fn evaluate(template: &Value) -> Result<Value, String> {
        let input = json!({"a": {"b": 1, "list": [1, 2, 3]}, "name": "x", "null": null});
        let context = json!({"Execution": {"Id": "id"}});
        let template = Template::compile(template).expect("the template compiles");
        let documents = Documents { input: &input, context: &context };
        let mut scope = Scope { documents, randomness: &mut Fixed };
        template.evaluate(&mut scope).map_err(|error| error.to_string())
    }

    #[test]
    fn templates_are_filled_in_where_they_say_so() {
        let rows = [
            (json!({"a": 1, "b": [null, "$.a"]}), json!({"a": 1, "b": [null, "$.a"]})),
            (json!("$.a"), json!("$.a")),
            (json!({"z.$": "$.name", "y": 2, "x.$": "$.a.b"}), json!({"z": "x", "y": 2, "x": 1})),
            (
                json!({"all.$": "$"}),
                json!({"all": {"a": {"b": 1, "list": [1, 2, 3]}, "name": "x", "null": null}}),
            ),
            (json!({"id.$": "$$.Execution.Id"}), json!({"id": "id"})),
            (json!({"n.$": "$.null"}), json!({"n": null})),
            (
                json!({"some.$": "$.a.list[1:]", "none.$": "$.missing[*]"}),
                json!({"some": [2, 3], "none": []}),
            ),
            (json!({"past.$": "$.a.list[9]"}), json!({"past": null})),
            (
                json!({"o": [{"deep.$": "$.name", "plain": {}}]}),
                json!({"o": [{"deep": "x", "plain": {}}]}),
            ),
            (json!({"t.$": "States.Format('{}-{}', $.name, $.a.b)"}), json!({"t": "x-1"})),
            (json!({"u.$": "States.UUID()"}), json!({"u": "4b3c0b0e-0000-4000-8000-000000000000"})),
            (json!({".$": "$.name"}), json!({"": "x"})),
        ];
        for (template, expected) in rows {
            let found = evaluate(&template).expect("it evaluates");
            assert_eq!(found.to_string(), expected.to_string(), "{template}");
        }
    }

    #[test]
    fn failures_name_the_field_and_the_document() {
        let input = "{\"a\":{\"b\":1,\"list\":[1,2,3]},\"name\":\"x\",\"null\":null}";
        let rows = [
            (
                json!({"value.$": "$.no_such_jsonpath"}),
                format!(
                    "States.Runtime: The JSONPath '$.no_such_jsonpath' specified for the field \
                     'value.$' could not be found in the input '{input}'"
                ),
            ),
            (
                json!({"outer": {"inner.$": "$$.Execution.No"}}),
                "States.Runtime: The JSONPath '$$.Execution.No' specified for the field 'inner.$' \
                 could not be found in the input '{\"Execution\":{\"Id\":\"id\"}}'"
                    .to_owned(),
            ),
        ];
        for (template, expected) in rows {
            assert_eq!(evaluate(&template), Err(expected), "{template}");
        }
        let failed = evaluate(&json!({"f.$": "States.MathAdd('a', 1)"})).expect_err("it fails");
        assert!(
            failed.starts_with("States.Runtime: The function 'States.MathAdd('a', 1)' had"),
            "{failed}"
        );
    }

    #[test]
    fn a_literal_stays_one_piece() {
        let value = json!({"a": [{"b": {"c": 1}}]});
        assert!(
            matches!(Template::compile(&value), Ok(Template::Literal(found)) if found == value)
        );
    }

    #[test]
    fn what_is_no_path_is_found_with_its_place() {
        let value = json!({"a": [{"x.$": "b"}], "y.$": "$.[", "z.$": "States.No()", "w.$": {}});
        let found = Template::compile(&value).expect_err("it does not compile");
        let places: Vec<&[Place<'_>]> = found.iter().map(|one| one.place.as_slice()).collect();
        let inner: &[Place<'_>] = &[Place::Name("a"), Place::Index(0)];
        assert_eq!(places, [inner, &[], &[], &[]]);
        assert!(found[3].message.ends_with("but was an OBJECT"));
    }
}
