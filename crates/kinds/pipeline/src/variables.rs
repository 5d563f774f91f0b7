//! References to variables in texts: `#{namespace.key}`.
//!
//! ```text
//! #{SourceVariables.CommitId}            what an action with this namespace made
//! #{variables.NAME}                      a variable of the pipeline
//! #{codepipeline.PipelineExecutionId}    what every execution has
//! ```
//!
//! Namespaces and keys are letters, digits, `@`, `-` and `_`, as AWS's model has them
//! (`ActionNamespace`, `OutputVariablesKey`, `PipelineVariableName`), and are told apart by case.
//! What has not this form, such as one with a space inside, is text and stays as it is. There is no
//! escape, and a value is taken as it is: a reference within it is text.
//! Source: "Variables reference".

use std::borrow::Cow;

use serde_json::{Map, Value};

/// The namespace of what every execution has.
pub const IMPLICIT: &str = "codepipeline";
/// The namespace of the pipeline's variables.
pub const PIPELINE: &str = "variables";
/// The one key of [`IMPLICIT`].
pub const EXECUTION_ID: &str = "PipelineExecutionId";

/// Where a text refers to a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference<'t> {
    /// What stands before the point.
    pub namespace: &'t str,
    /// What stands behind it.
    pub key: &'t str,
}

/// A reference to what there is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the variable #{{{namespace}.{key}}} could not be resolved")]
pub struct Unresolved {
    /// What stands before the point.
    pub namespace: String,
    /// What stands behind it.
    pub key: String,
}

/// What an action or a rule of one execution can refer to.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'s> {
    /// `codepipeline.PipelineExecutionId`.
    pub execution_id: &'s str,
    /// The pipeline's variables: texts by name.
    pub variables: &'s Map<String, Value>,
    /// What actions made: by namespace, texts by key.
    pub outputs: &'s Map<String, Value>,
}

impl Scope<'_> {
    /// What is referred to.
    #[must_use]
    pub fn find(&self, reference: Reference<'_>) -> Option<Cow<'_, str>> {
        let Reference { namespace, key } = reference;
        match namespace {
            IMPLICIT => (key == EXECUTION_ID).then_some(Cow::Borrowed(self.execution_id)),
            PIPELINE => self.variables.get(key).map(text_of),
            namespace => self.outputs.get(namespace)?.get(key).map(text_of),
        }
    }

    /// A text with what it refers to.
    ///
    /// # Errors
    /// The first reference to what there is not.
    pub fn resolve(&self, text: &str) -> Result<String, Unresolved> {
        resolve(text, |reference| self.find(reference))
    }

    /// Every text of a configuration with what it refers to; keys stay as they are.
    ///
    /// # Errors
    /// The first reference to what there is not.
    pub fn resolve_map(&self, map: &Map<String, Value>) -> Result<Map<String, Value>, Unresolved> {
        resolve_map(map, &|reference| self.find(reference))
    }
}

/// The references of a text, in order; one that stands twice comes twice.
pub fn references(text: &str) -> impl Iterator<Item = Reference<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (_, reference, behind) = next(rest)?;
        rest = behind;
        Some(reference)
    })
}

/// The references of all texts of a configuration, but for those in keys.
#[must_use]
pub fn references_in(map: &Map<String, Value>) -> Vec<Reference<'_>> {
    let mut found = Vec::new();
    for value in map.values() {
        collect(value, &mut found);
    }
    found
}

fn collect<'t>(value: &'t Value, found: &mut Vec<Reference<'t>>) {
    match value {
        Value::String(text) => found.extend(references(text)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(map) => map.values().for_each(|value| collect(value, found)),
        _ => {}
    }
}

/// A text with what it refers to.
///
/// # Errors
/// The first reference for which `lookup` knows nothing.
pub fn resolve<'v>(
    text: &str,
    lookup: impl Fn(Reference<'_>) -> Option<Cow<'v, str>>,
) -> Result<String, Unresolved> {
    let mut resolved = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, reference, behind)) = next(rest) {
        let Some(value) = lookup(reference) else {
            let Reference { namespace, key } = reference;
            return Err(Unresolved { namespace: namespace.to_owned(), key: key.to_owned() });
        };
        resolved.push_str(before);
        resolved.push_str(&value);
        rest = behind;
    }
    resolved.push_str(rest);
    Ok(resolved)
}

/// Every text of a configuration with what it refers to; keys stay as they are.
///
/// # Errors
/// The first reference for which `lookup` knows nothing.
pub fn resolve_map<'v, F>(
    map: &Map<String, Value>,
    lookup: &F,
) -> Result<Map<String, Value>, Unresolved>
where
    F: Fn(Reference<'_>) -> Option<Cow<'v, str>>,
{
    map.iter().map(|(key, value)| Ok((key.clone(), resolve_value(value, lookup)?))).collect()
}

fn resolve_value<'v, F>(value: &Value, lookup: &F) -> Result<Value, Unresolved>
where
    F: Fn(Reference<'_>) -> Option<Cow<'v, str>>,
{
    Ok(match value {
        Value::String(text) => Value::String(resolve(text, lookup)?),
        Value::Array(items) => {
            let items = items.iter().map(|item| resolve_value(item, lookup));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        Value::Object(map) => Value::Object(resolve_map(map, lookup)?),
        other => other.clone(),
    })
}

/// The first reference: what stands before it, itself, what stands behind it.
fn next(text: &str) -> Option<(&str, Reference<'_>, &str)> {
    for (start, sign) in text.match_indices("#{") {
        let inner = &text[start + sign.len()..];
        if let Some((namespace, inner)) = name(inner)
            && let Some((key, inner)) = inner.strip_prefix('.').and_then(name)
            && let Some(behind) = inner.strip_prefix('}')
        {
            return Some((&text[..start], Reference { namespace, key }, behind));
        }
    }
    None
}

/// A namespace or a key, and what stands behind it.
fn name(text: &str) -> Option<(&str, &str)> {
    let is_of_name = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '@' | '-' | '_');
    let end = text.find(|sign| !is_of_name(sign)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// Variables are texts; anything else shows as JSON.
fn text_of(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    fn resolved(text: &str) -> Result<String, Unresolved> {
        let variables = map(json!({"env": "prod", "Env": "Prod", "empty": "", "a@b-c_1": "all"}));
        let outputs = map(json!({
            "Source": {"CommitId": "c0ffee", "CommitMessage": "fix #{variables.env} \"x\""},
            "S-1_@": {"ETag": "e"},
        }));
        let scope = Scope { execution_id: "id-1", variables: &variables, outputs: &outputs };
        scope.resolve(text)
    }

    #[test]
    fn references_become_values() {
        for (text, expected) in [
            ("", ""),
            ("no reference", "no reference"),
            ("#{codepipeline.PipelineExecutionId}", "id-1"),
            ("#{variables.env}", "prod"),
            ("#{variables.Env}", "Prod"),
            ("#{variables.a@b-c_1}", "all"),
            ("[#{variables.empty}]", "[]"),
            ("v-#{Source.CommitId}-#{variables.env}.zip", "v-c0ffee-prod.zip"),
            ("#{Source.CommitId}#{Source.CommitId}", "c0ffeec0ffee"),
            ("#{S-1_@.ETag}", "e"),
            (
                r##"[{"name":"A","value":"#{Source.CommitId}","type":"PLAINTEXT"}]"##,
                r#"[{"name":"A","value":"c0ffee","type":"PLAINTEXT"}]"#,
            ),
            ("ü#{variables.env}ü", "üprodü"),
            // A value is not read again.
            ("#{Source.CommitMessage}", "fix #{variables.env} \"x\""),
        ] {
            assert_eq!(resolved(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_reference_stays() {
        for text in [
            "#", "#{", "#{}", "#{.}", "#{a}", "#{a.}", "#{.b}", "#{a.b", "#{a.b.c}", "# {a.b}",
            "#{ a.b}", "#{a.b }", "#{a .b}", "#{a/b.c}", "#{ä.b}", "${a.b}", "{a.b}", "#{a..b}",
            "#{a.b\n}", "#{a:b.c}",
        ] {
            assert_eq!(resolved(text).as_deref(), Ok(text));
            assert_eq!(references(text).count(), 0, "{text}");
        }
    }

    #[test]
    fn a_reference_may_stand_in_what_is_none() {
        for (text, expected) in [
            ("#{#{variables.env}}", "#{prod}"),
            ("#{a #{variables.env}", "#{a prod"),
            ("##{variables.env}", "#prod"),
            ("$#{variables.env}}", "$prod}"),
        ] {
            assert_eq!(resolved(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn the_first_unknown_is_named() {
        for (text, namespace, key) in [
            ("#{variables.env} #{variables.none} #{No.no}", "variables", "none"),
            ("#{Variables.env}", "Variables", "env"),
            ("#{variables.ENV}", "variables", "ENV"),
            ("#{source.CommitId}", "source", "CommitId"),
            ("#{codepipeline.PipelineName}", "codepipeline", "PipelineName"),
            ("#{codepipeline.pipelineexecutionid}", "codepipeline", "pipelineexecutionid"),
        ] {
            let expected = Unresolved { namespace: namespace.to_owned(), key: key.to_owned() };
            assert_eq!(resolved(text), Err(expected), "{text}");
        }
        let text = resolved("#{a.b}").unwrap_err().to_string();
        assert_eq!(text, "the variable #{a.b} could not be resolved");
    }

    #[test]
    fn references_come_in_order() {
        let found: Vec<_> = references("#{b.x} #{a.y}#{b.x} #{no}")
            .map(|Reference { namespace, key }| (namespace, key))
            .collect();
        assert_eq!(found, [("b", "x"), ("a", "y"), ("b", "x")]);
    }

    #[test]
    fn all_texts_of_a_configuration_are_read_but_its_keys() {
        let configuration = map(json!({
            "#{variables.env}": "#{variables.env}",
            "List": ["#{Source.CommitId}", 1, null],
            "Map": {"Deep": ["#{variables.Env}"], "Flag": true},
        }));
        let variables = map(json!({"env": "prod", "Env": "Prod"}));
        let outputs = map(json!({"Source": {"CommitId": "c0ffee"}}));
        let scope = Scope { execution_id: "id-1", variables: &variables, outputs: &outputs };
        let expected = map(json!({
            "#{variables.env}": "prod",
            "List": ["c0ffee", 1, null],
            "Map": {"Deep": ["Prod"], "Flag": true},
        }));
        assert_eq!(scope.resolve_map(&configuration), Ok(expected));
        let keys: Vec<_> =
            references_in(&configuration).into_iter().map(|reference| reference.key).collect();
        assert_eq!(keys, ["env", "CommitId", "Env"]);
    }
}
