//! The `{{ }}` language: what a value refers to, and the value with everything filled in.
//!
//! A text that is exactly one reference becomes the value with its type kept; a reference inside
//! a text becomes text, lists and maps as JSON. Nothing is replaced in the keys of a map, and what
//! was filled in is not looked at again: a value that holds `{{ X }}` stays as it is.

use std::fmt;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

/// What stands between `{{` and `}}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reference {
    /// `{{ Name }}`: a parameter.
    Parameter(String),
    /// `{{ step.Output }}`, and through a loop `{{ loop.step.Output }}`.
    Output {
        /// The step, or the loop.
        step: String,
        /// What of it: at least one name.
        path: Vec<String>,
    },
    /// `{{ variable:Name }}`.
    Variable(String),
    /// `{{ global:REGION }}` and its like.
    Global(String),
    /// `{{ automation:EXECUTION_ID }}`.
    Automation(String),
    /// `{{ ssm:NAME }}`: a parameter of Parameter Store.
    Ssm(String),
    /// `{{ prefix:Name }}` with a prefix that does not exist.
    Unknown(String),
}

impl Reference {
    /// Reads what stands between the braces. None if that is no reference but plain text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some((prefix, name)) = text.split_once(':') {
            return Self::prefixed(prefix, name, text);
        }
        let mut names = text.split('.').map(str::to_owned);
        let first = names.next().filter(|name| is_name(name))?;
        let path: Vec<String> = names.collect();
        if path.is_empty() {
            return Some(Reference::Parameter(first));
        }
        path.iter().all(|name| is_name(name)).then_some(Reference::Output { step: first, path })
    }

    fn prefixed(prefix: &str, name: &str, text: &str) -> Option<Self> {
        match prefix {
            "variable" if is_name(name) => Some(Reference::Variable(name.to_owned())),
            "global" if is_name(name) => Some(Reference::Global(name.to_owned())),
            "automation" if is_name(name) => Some(Reference::Automation(name.to_owned())),
            "ssm" if !name.is_empty() => Some(Reference::Ssm(name.to_owned())),
            // CloudFormation's own dynamic references in a template that a step hands on.
            "resolve" => None,
            _ => is_name(prefix).then(|| Reference::Unknown(text.to_owned())),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reference::Parameter(name) | Reference::Unknown(name) => write!(out, "{name}"),
            Reference::Output { step, path } => write!(out, "{step}.{}", path.join(".")),
            Reference::Variable(name) => write!(out, "variable:{name}"),
            Reference::Global(name) => write!(out, "global:{name}"),
            Reference::Automation(name) => write!(out, "automation:{name}"),
            Reference::Ssm(name) => write!(out, "ssm:{name}"),
        }
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// What references stand for.
pub trait Lookup {
    /// The value, if there is one.
    fn lookup(&self, reference: &Reference) -> Option<Value>;
}

impl<F: Fn(&Reference) -> Option<Value>> Lookup for F {
    fn lookup(&self, reference: &Reference) -> Option<Value> {
        self(reference)
    }
}

/// A reference that stands for nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{{{{ {0} }}}} has no value")]
pub struct Unresolved(pub Reference);

/// One piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// As it is.
    Text(String),
    /// To be filled in as text.
    Reference(Reference),
}

/// A JSON value with its references found.
#[derive(Clone, Debug, PartialEq)]
pub enum Template {
    /// Nothing to fill in.
    Fixed(Value),
    /// Exactly one reference: the value keeps its type.
    Whole(Reference),
    /// A text with references.
    Text(Vec<Part>),
    /// A list with references somewhere.
    List(Vec<Template>),
    /// A map with references in its values, in its order.
    Map(Vec<(String, Template)>),
}

impl Template {
    /// Finds the references of a value.
    #[must_use]
    pub fn parse(value: &Value) -> Self {
        Self::parse_only(value, &|_| true)
    }

    /// Finds the references of a text.
    #[must_use]
    pub fn parse_text(text: &str) -> Self {
        Self::of_text(text, &|_| true)
    }

    /// Finds those references of a value that are wanted; others stay the text that they are.
    #[must_use]
    pub fn parse_only(value: &Value, wanted: &dyn Fn(&Reference) -> bool) -> Self {
        match value {
            Value::String(text) => Self::of_text(text, wanted),
            Value::Array(items) => {
                let items: Vec<Template> =
                    items.iter().map(|item| Self::parse_only(item, wanted)).collect();
                if items.iter().all(Self::is_fixed) {
                    return Template::Fixed(value.clone());
                }
                Template::List(items)
            }
            Value::Object(members) => {
                let members: Vec<(String, Template)> = members
                    .iter()
                    .map(|(key, value)| (key.clone(), Self::parse_only(value, wanted)))
                    .collect();
                if members.iter().all(|(_, value)| value.is_fixed()) {
                    return Template::Fixed(value.clone());
                }
                Template::Map(members)
            }
            _ => Template::Fixed(value.clone()),
        }
    }

    fn of_text(text: &str, wanted: &dyn Fn(&Reference) -> bool) -> Self {
        let mut parts = wanted_parts(text, wanted);
        if let [Part::Reference(_)] = parts.as_slice()
            && let Some(Part::Reference(reference)) = parts.pop()
        {
            return Template::Whole(reference);
        }
        if parts.iter().all(|part| matches!(part, Part::Text(_))) {
            return Template::Fixed(Value::String(text.to_owned()));
        }
        Template::Text(parts)
    }

    fn is_fixed(&self) -> bool {
        matches!(self, Template::Fixed(_))
    }

    /// All references, in the order in which they stand.
    #[must_use]
    pub fn references(&self) -> Vec<&Reference> {
        let mut found = Vec::new();
        self.collect(&mut found);
        found
    }

    fn collect<'a>(&'a self, found: &mut Vec<&'a Reference>) {
        match self {
            Template::Fixed(_) => {}
            Template::Whole(reference) => found.push(reference),
            Template::Text(parts) => found.extend(parts.iter().filter_map(|part| match part {
                Part::Reference(reference) => Some(reference),
                Part::Text(_) => None,
            })),
            Template::List(items) => items.iter().for_each(|item| item.collect(found)),
            Template::Map(members) => members.iter().for_each(|(_, item)| item.collect(found)),
        }
    }

    /// The value with everything filled in.
    ///
    /// # Errors
    /// The first reference that stands for nothing.
    pub fn resolve(&self, lookup: &dyn Lookup) -> Result<Value, Unresolved> {
        let find = |reference: &Reference| {
            lookup.lookup(reference).ok_or_else(|| Unresolved(reference.clone()))
        };
        Ok(match self {
            Template::Fixed(value) => value.clone(),
            Template::Whole(reference) => find(reference)?,
            Template::Text(parts) => {
                let mut text = String::new();
                for part in parts {
                    match part {
                        Part::Text(fixed) => text.push_str(fixed),
                        Part::Reference(reference) => text.push_str(&as_text(&find(reference)?)),
                    }
                }
                Value::String(text)
            }
            Template::List(items) => Value::Array(
                items.iter().map(|item| item.resolve(lookup)).collect::<Result<_, _>>()?,
            ),
            Template::Map(members) => Value::Object(
                members
                    .iter()
                    .map(|(key, item)| Ok((key.clone(), item.resolve(lookup)?)))
                    .collect::<Result<Map<String, Value>, Unresolved>>()?,
            ),
        })
    }
}

/// Fills in everything in a value at once. [`Template::parse`] once and resolve often is cheaper.
///
/// # Errors
/// The first reference that stands for nothing.
pub fn resolve(value: &Value, lookup: &dyn Lookup) -> Result<Value, Unresolved> {
    Template::parse(value).resolve(lookup)
}

/// A value as it stands inside a text: a string as it is, everything else as JSON.
#[must_use]
pub fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

static BRACES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\{\{\s*([A-Za-z0-9_:.\-/]+)\s*\}\}").expect("invariant: the pattern is fixed")
});

/// The pieces of a text; neighbouring texts are one piece.
#[must_use]
pub fn parts(text: &str) -> Vec<Part> {
    wanted_parts(text, &|_| true)
}

fn wanted_parts(text: &str, wanted: &dyn Fn(&Reference) -> bool) -> Vec<Part> {
    let mut found = Vec::new();
    let mut copied = 0;
    for captures in BRACES.captures_iter(text) {
        let (Some(whole), Some(inner)) = (captures.get(0), captures.get(1)) else { continue };
        let Some(reference) = Reference::parse(inner.as_str()).filter(wanted) else { continue };
        if copied < whole.start() {
            found.push(Part::Text(text[copied..whole.start()].to_owned()));
        }
        found.push(Part::Reference(reference));
        copied = whole.end();
    }
    if copied < text.len() {
        found.push(Part::Text(text[copied..].to_owned()));
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn values(reference: &Reference) -> Option<Value> {
        match reference.to_string().as_str() {
            "Name" => Some(json!("Ada")),
            "Count" => Some(json!(3)),
            "List" => Some(json!(["a", "b"])),
            "Sly" => Some(json!("{{ Name }}")),
            "step.Out" => Some(json!({"k": 1})),
            "loop.step.Out" => Some(json!(true)),
            "variable:V" => Some(json!(1.5)),
            "global:REGION" => Some(json!("eu-west-1")),
            _ => None,
        }
    }

    #[test]
    fn a_whole_reference_keeps_its_type_and_an_embedded_one_becomes_text() {
        let cases = [
            (json!("{{ Name }}"), json!("Ada")),
            (json!("{{Count}}"), json!(3)),
            (json!("{{ List }}"), json!(["a", "b"])),
            (json!(" {{ Count }}"), json!(" 3")),
            (json!("x {{ List }} y"), json!("x [\"a\",\"b\"] y")),
            (json!("{{Name}}{{Count}}"), json!("Ada3")),
            (json!("{{ step.Out }}"), json!({"k": 1})),
            (json!("is {{ step.Out }}"), json!("is {\"k\":1}")),
            (json!("{{ loop.step.Out }}"), json!(true)),
            (json!("{{ variable:V }}/{{ global:REGION }}"), json!("1.5/eu-west-1")),
            (json!({"{{ Name }}": ["{{ Name }}", 1]}), json!({"{{ Name }}": ["Ada", 1]})),
            (json!("{{ Sly }}"), json!("{{ Name }}")),
            (json!("[{{ Sly }}]"), json!("[{{ Name }}]")),
            (json!("{{.State}} {{ range }"), json!("{{.State}} {{ range }")),
            (json!("{{resolve:ssm:/x}}"), json!("{{resolve:ssm:/x}}")),
            (json!("{{ a b }}"), json!("{{ a b }}")),
            (json!(7), json!(7)),
        ];
        for (template, expected) in cases {
            assert_eq!(resolve(&template, &values), Ok(expected), "{template}");
        }
    }

    #[test]
    fn what_stands_for_nothing_is_named() {
        let unresolved = resolve(&json!(["{{ Name }}", "{{ nobody.Out }}"]), &values).unwrap_err();
        assert_eq!(unresolved.to_string(), "{{ nobody.Out }} has no value");
    }

    #[test]
    fn references_are_listed_in_their_order() {
        let template = Template::parse(&json!({"a": "{{ X }}-{{ s.O }}", "b": ["{{ ssm:/p }}"]}));
        let names: Vec<String> = template.references().iter().map(ToString::to_string).collect();
        assert_eq!(names, ["X", "s.O", "ssm:/p"]);
    }
}
