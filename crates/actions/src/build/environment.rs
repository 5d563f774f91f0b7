//! Environment variables: as they are given, and where their values come from.
//!
//! Of several with one name the last given counts, so that only its value is asked for: first the
//! buildspec's, then the project's, then the action's.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};
use trackway_performers::aws::{AwsCall, AwsError};

use super::session::Failure;
use super::spec::Buildspec;
use crate::runners::Run;

/// Where a value comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) enum Kind {
    /// It is the value.
    #[default]
    #[serde(rename = "PLAINTEXT")]
    Plain,
    /// It names a parameter of Parameter Store.
    #[serde(rename = "PARAMETER_STORE")]
    Parameter,
    /// It names a secret of Secrets Manager.
    #[serde(rename = "SECRETS_MANAGER")]
    Secret,
}

/// One variable.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) value: String,
    #[serde(rename = "type", default)]
    pub(super) kind: Kind,
}

/// Variables with their values.
#[derive(Debug, Default)]
pub(super) struct Environment {
    pub(super) values: BTreeMap<String, String>,
    /// Names of those whose values are secrets.
    pub(super) secret: BTreeSet<String>,
}

impl Environment {
    /// The values that no log may show.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.values
            .iter()
            .filter(|(name, _)| self.secret.contains(*name))
            .map(|(_, value)| value.as_str())
    }
}

/// `EnvironmentVariables` of an action's configuration.
pub(super) fn of_action(text: &str) -> Result<Vec<Variable>, String> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    serde_json::from_str(text)
        .map_err(|error| format!("EnvironmentVariables is not a JSON list of variables: {error}"))
}

/// The variables of a buildspec.
pub(super) fn of_buildspec(spec: &Buildspec) -> Vec<Variable> {
    let all = [
        (Kind::Plain, &spec.variables),
        (Kind::Parameter, &spec.parameters),
        (Kind::Secret, &spec.secrets),
    ];
    let of = |(kind, pairs): (Kind, &Vec<(String, String)>)| {
        let variable = move |(name, value): &(String, String)| Variable {
            name: name.clone(),
            value: value.clone(),
            kind,
        };
        pairs.iter().map(variable).collect::<Vec<_>>()
    };
    all.into_iter().flat_map(of).collect()
}

/// The values of variables; those of Parameter Store and Secrets Manager are asked for.
pub(super) async fn resolve(run: &Run, given: Vec<Variable>) -> Result<Environment, Failure> {
    let last: BTreeMap<String, Variable> =
        given.into_iter().map(|variable| (variable.name.clone(), variable)).collect();
    let mut environment = Environment::default();
    for (name, Variable { value, kind, .. }) in last {
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            let message = format!("{name:?} can't be the name of an environment variable");
            return Err(Failure::new("DOWNLOAD_SOURCE", "CLIENT_ERROR", message));
        }
        let found = match kind {
            Kind::Plain => value,
            Kind::Parameter => parameter(run, &value).await?,
            Kind::Secret => secret(run, &value).await?,
        };
        if kind != Kind::Plain {
            environment.secret.insert(name.clone());
        }
        environment.values.insert(name, found);
    }
    Ok(environment)
}

async fn call(run: &Run, service: &str, operation: &str, input: Value) -> Result<Value, AwsError> {
    let mut call = AwsCall::new(service, operation, input, run.scope.clone());
    call.region = Some(run.call.region.clone()).filter(|region| !region.is_empty());
    run.tools.caller.call(&call).await
}

async fn parameter(run: &Run, name: &str) -> Result<String, Failure> {
    let failed =
        |message: String| Failure::new("DOWNLOAD_SOURCE", "Decrypted Variables Error", message);
    let input = json!({ "Names": [name], "WithDecryption": true });
    let output = call(run, "ssm", "GetParameters", input).await;
    let output = output.map_err(|error| failed(told(&error)))?;
    let value = output.pointer("/Parameters/0/Value").and_then(Value::as_str);
    value.map(str::to_owned).ok_or_else(|| failed(format!("parameter does not exist: {name}")))
}

async fn secret(run: &Run, reference: &str) -> Result<String, Failure> {
    let failed =
        |message: String| Failure::new("DOWNLOAD_SOURCE", "Secrets Manager Error", message);
    let wanted = Reference::read(reference);
    let mut input = json!({ "SecretId": wanted.id });
    for (name, value) in [("VersionStage", wanted.stage), ("VersionId", wanted.version)] {
        if !value.is_empty() {
            input[name] = Value::from(value);
        }
    }
    let output = call(run, "secretsmanager", "GetSecretValue", input).await;
    let output = output.map_err(|error| failed(told(&error)))?;
    let text = output.get("SecretString").and_then(Value::as_str);
    let text = text.ok_or_else(|| failed(format!("the secret {} is not a text", wanted.id)))?;
    if wanted.key.is_empty() {
        return Ok(text.to_owned());
    }
    let members: Option<Value> = serde_json::from_str(text).ok();
    match members.as_ref().and_then(|members| members.get(wanted.key)) {
        Some(Value::String(value)) => Ok(value.clone()),
        Some(value) => Ok(value.to_string()),
        None => Err(failed(format!("the secret {} has no key {}", wanted.id, wanted.key))),
    }
}

/// `ResourceNotFoundException: Secrets Manager can't find the specified secret.`
fn told(error: &AwsError) -> String {
    format!("{}: {}", error.code, error.message)
}

/// `secret-id:json-key:version-stage:version-id`; all but the first may be absent.
#[derive(Debug, PartialEq, Eq)]
struct Reference<'a> {
    id: &'a str,
    key: &'a str,
    stage: &'a str,
    version: &'a str,
}

impl<'a> Reference<'a> {
    /// Parts of a secret's ARN, which are separated in the same way.
    const ARN_PARTS: usize = 7;

    fn read(text: &'a str) -> Self {
        let parts = if text.starts_with("arn:") { Self::ARN_PARTS } else { 1 };
        let end = text.match_indices(':').nth(parts - 1).map_or(text.len(), |(at, _)| at);
        let (id, rest) = text.split_at(end);
        let mut rest = rest.split(':').skip(1);
        let mut next = || rest.next().unwrap_or_default();
        Self { id, key: next(), stage: next(), version: next() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_a_secret_and_what_of_it() {
        let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:name-AbCdEf";
        let key = format!("{arn}:user::v1");
        let of = |id, key, stage, version| Reference { id, key, stage, version };
        let cases = [
            ("name", of("name", "", "", "")),
            ("name:user", of("name", "user", "", "")),
            ("a/b:user:AWSPREVIOUS", of("a/b", "user", "AWSPREVIOUS", "")),
            ("name:::v1", of("name", "", "", "v1")),
            (arn, of(arn, "", "", "")),
            (key.as_str(), of(arn, "user", "", "v1")),
        ];
        for (text, expected) in cases {
            assert_eq!(Reference::read(text), expected, "{text}");
        }
    }

    #[test]
    fn variables_of_an_action_are_a_list_of_json() {
        let text =
            r#"[{"name":"A","value":"1"},{"name":"B","value":"/b","type":"PARAMETER_STORE"}]"#;
        let read = of_action(text).unwrap();
        assert_eq!((read[0].kind, read[1].kind), (Kind::Plain, Kind::Parameter));
        assert_eq!(of_action(" "), Ok(Vec::new()));
        for wrong in
            ["{}", "[{\"name\":\"A\"}]", "[{\"name\":\"A\",\"value\":\"\",\"type\":\"FILE\"}]"]
        {
            assert!(of_action(wrong).is_err(), "{wrong}");
        }
    }
}
