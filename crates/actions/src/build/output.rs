//! What a build leaves: output artifacts, output variables.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Map, Value};
use trackway_pipeline::request::Artifact;

use super::limits::VARIABLES_BYTES_MAX;
use super::logs::Log;
use super::session::Failure;
use super::spec::ArtifactSpec;
use super::workshop::Workshop;
use crate::artifact::{Selection, blocking, pack};
use crate::runners::Run;

/// Which files become which output artifact.
pub(super) struct Output<'a> {
    pub(super) artifact: &'a Artifact,
    pub(super) files: ArtifactSpec,
}

/// Pairs output artifacts with what the buildspec says of them: `secondary-artifacts` by name, and
/// for the first one that has none `artifacts` itself.
pub(super) fn outputs<'a>(
    artifacts: &'a [Artifact],
    primary: Option<&ArtifactSpec>,
    secondary: &[(String, ArtifactSpec)],
) -> Result<Vec<Output<'a>>, Failure> {
    let failed = |message| Failure::new("UPLOAD_ARTIFACTS", "CLIENT_ERROR", message);
    let mut all = Vec::new();
    for (place, artifact) in artifacts.iter().enumerate() {
        let own = secondary.iter().find(|(name, _)| *name == artifact.name).map(|(_, own)| own);
        let files = own.or(primary.filter(|_| place == 0));
        let files = files.ok_or_else(|| match place {
            0 => failed("no matching artifact paths found".to_owned()),
            _ => failed(format!(
                "the buildspec has no secondary-artifacts of the name {}",
                artifact.name
            )),
        })?;
        all.push(Output { artifact, files: files.clone() });
    }
    Ok(all)
}

/// Packs and keeps the output artifacts, from the folder that they are relative to.
pub(super) async fn upload(
    run: &Run,
    shop: &Workshop,
    folder: &str,
    outputs: &[Output<'_>],
    (environment, log): (&BTreeMap<String, String>, &mut Log),
) -> Result<Vec<String>, Failure> {
    let failed = |message: String| Failure::new("UPLOAD_ARTIFACTS", "CLIENT_ERROR", message);
    let gone = || failed(format!("stat {folder}: no such file or directory"));
    let host = shop.own(folder).ok_or_else(gone)?;
    let mut names = Vec::new();
    for Output { artifact, files } in outputs {
        let selection = selection(files, folder, environment);
        let base = if selection.base.is_empty() { "." } else { &selection.base };
        log.say(&format!("Expanding base directory path: {base}"));
        log.say("Assembling file list");
        for pattern in &selection.files {
            log.say(&format!("Expanding {pattern}"));
        }
        if selection.files.is_empty() {
            return Err(failed("no matching artifact paths found".to_owned()));
        }
        let zip = shop.spare("artifact.zip");
        packed(&zip, &host, selection).await.map_err(failed)?;
        let kept = run.tools.artifacts.put(&run.scope, artifact, &zip).await;
        kept.map_err(|error| failed(error.message))?;
        names.push(artifact.name.clone());
    }
    Ok(names)
}

async fn packed(zip: &Path, folder: &Path, selection: Selection) -> Result<(), String> {
    let (zip, folder) = (zip.to_owned(), folder.to_owned());
    let pack = move || {
        let mut file = std::fs::File::create(&zip).map_err(|error| error.to_string())?;
        pack::pack(&mut file, &folder, &selection).map_err(|error| error.to_string())
    };
    blocking(pack).await.map_err(|error| error.message)?
}

/// What is to be packed, its variables filled in and its paths relative to the folder.
pub(super) fn selection(
    spec: &ArtifactSpec,
    folder: &str,
    environment: &BTreeMap<String, String>,
) -> Selection {
    let place = |text: &String| {
        let text = expand(text, environment);
        match text.strip_prefix(folder) {
            Some("") => String::new(),
            Some(rest) if rest.starts_with('/') => rest[1..].to_owned(),
            _ => text,
        }
    };
    Selection {
        base: spec.base.as_ref().map(place).unwrap_or_default(),
        files: spec.files.iter().map(place).collect(),
        exclude: spec.exclude.iter().map(place).collect(),
        flat: spec.discard_paths,
        may_be_empty: false,
    }
}

/// `$NAME` and `${NAME}` of a text; one that is not set is nothing.
fn expand(text: &str, environment: &BTreeMap<String, String>) -> String {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut expanded = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        expanded.push_str(&rest[..at]);
        let behind = &rest[at + 1..];
        let (name, next) = match behind.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            Some((name, next)) => (name, next),
            None => behind.split_at(behind.find(|c| !is_name(c)).unwrap_or(behind.len())),
        };
        if name.is_empty() || !name.chars().all(is_name) {
            expanded.push('$');
            rest = behind;
        } else {
            expanded.push_str(environment.get(name).map_or("", String::as_str));
            rest = next;
        }
    }
    expanded.push_str(rest);
    expanded
}

/// The output variables: those of these names that the environment has. Secrets and what begins
/// with `AWS_` are never among them.
pub(super) fn variables(
    names: &[String],
    environment: &BTreeMap<String, String>,
    secret: &BTreeSet<String>,
) -> Result<Map<String, Value>, Failure> {
    let may = |name: &&String| !name.starts_with("AWS_") && !secret.contains(*name);
    let found = names
        .iter()
        .filter(may)
        .filter_map(|name| Some((name.clone(), Value::from(environment.get(name)?.as_str()))));
    let all: Map<String, Value> = found.collect();
    let length = |(name, value): (&String, &Value)| name.len() + value.as_str().map_or(0, str::len);
    if all.iter().map(length).sum::<usize>() > VARIABLES_BYTES_MAX {
        let message = format!("the output variables are larger than {VARIABLES_BYTES_MAX} bytes");
        return Err(Failure::new("POST_BUILD", "CLIENT_ERROR", message));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[&str]) -> Vec<Artifact> {
        names
            .iter()
            .map(|name| Artifact { name: (*name).to_owned(), ..Artifact::default() })
            .collect()
    }

    fn files(file: &str) -> ArtifactSpec {
        ArtifactSpec { files: vec![file.to_owned()], ..ArtifactSpec::default() }
    }

    #[test]
    fn output_artifacts_are_the_secondary_ones_of_their_name_or_the_first_the_primary() {
        let secondary = [("b".to_owned(), files("of b")), ("c".to_owned(), files("of c"))];
        let chosen = |names: &[&str], primary: Option<&ArtifactSpec>| {
            let artifacts = named(names);
            let all = outputs(&artifacts, primary, &secondary);
            all.map(|all| all.iter().map(|one| one.files.files[0].clone()).collect::<Vec<_>>())
                .map_err(|failure| failure.message)
        };
        let primary = files("primary");
        assert_eq!(chosen(&["a", "b", "c"], Some(&primary)).unwrap(), ["primary", "of b", "of c"]);
        assert_eq!(chosen(&["c", "b"], Some(&primary)).unwrap(), ["of c", "of b"]);
        assert_eq!(chosen(&["a"], None).unwrap_err(), "no matching artifact paths found");
        assert!(chosen(&["b", "a"], Some(&primary)).unwrap_err().contains("of the name a"));
    }

    #[test]
    fn variables_in_paths_are_filled_in() {
        let environment = BTreeMap::from([("A".to_owned(), "x/y".to_owned())]);
        for (text, expected) in [
            ("$A/z", "x/y/z"),
            ("${A}z", "x/yz"),
            ("$B-$", "-$"),
            ("${A", "${A"),
            ("$$A", "$x/y"),
            ("a.b", "a.b"),
        ] {
            assert_eq!(expand(text, &environment), expected, "{text}");
        }
        let spec = ArtifactSpec { base: Some("/src/dist".to_owned()), ..files("/srcs/*") };
        let selection = selection(&spec, "/src", &environment);
        assert_eq!(
            (selection.base.as_str(), selection.files),
            ("dist", vec!["/srcs/*".to_owned()])
        );
    }

    #[test]
    fn secrets_are_no_output_variables() {
        let pair = |name: &str| (name.to_owned(), "1".to_owned());
        let environment = BTreeMap::from([pair("A"), pair("S"), pair("AWS_KEY")]);
        let names = ["A", "S", "AWS_KEY", "ABSENT"].map(str::to_owned);
        let all = variables(&names, &environment, &BTreeSet::from(["S".to_owned()])).unwrap();
        assert_eq!(Value::from(all), serde_json::json!({ "A": "1" }));
        let large = BTreeMap::from([("A".to_owned(), "x".repeat(VARIABLES_BYTES_MAX))]);
        assert!(variables(&names, &large, &BTreeSet::new()).is_err());
    }
}
