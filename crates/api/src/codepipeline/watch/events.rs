//! `POST /_trackway/codepipeline/events`: what happened to a source, told by whoever knows.
//!
//! | event | what it says |
//! |---|---|
//! | `{"Records": [{"eventSource": "aws:s3", ...}]}` | an object was put: S3's own notification |
//! | `{"source": "aws.s3", "detail-type": "Object Created", ...}` | the same, by EventBridge |
//! | `{"source": "aws.codecommit", "detail-type": "CodeCommit Repository State Change", ...}` | a branch was pushed |
//! | `{"source": "aws.ecr", "detail-type": "ECR Image Action", ...}` | an image was pushed |
//! | `{"source": "git", "repository": NAME, "ref": "refs/heads/main"}` | a repository was pushed to; without `ref` any branch |
//!
//! A pipeline that is not watched, since EventBridge is to start it, starts at once. One that is
//! watched is looked at at once: what an event says and a look finds must not start it twice.

use serde_json::{Value, json};
use trackway_engine::{Engine, Fault, SignalError};
use trackway_pipeline::Pipeline;
use trackway_pipeline::signal::{Signal, StartRun};
use trackway_pipeline::structure::{Action, Structure};
use trackway_pipeline::watch::{self, Source};
use trackway_wire::codec::form::{self, Plus};

use super::{Living, living_everywhere};
use crate::codepipeline::executions::drawn;

/// What an event says.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Object {
        bucket: String,
        key: String,
    },
    /// A branch or tag by its whole name; none is any.
    Pushed {
        repository: String,
        name: Option<String>,
        provider: Option<&'static str>,
    },
    Image {
        repository: String,
        tag: String,
    },
}

/// One event, and in which account and region it happened, if it says so.
#[derive(Debug, PartialEq, Eq)]
struct Event {
    told: Told,
    scope: Option<String>,
}

/// Reads events: one, or a list.
///
/// # Errors
/// What is wrong with them.
fn read(body: &[u8]) -> Result<Vec<Event>, String> {
    let body: Value =
        serde_json::from_slice(body).map_err(|error| format!("the body is not JSON: {error}"))?;
    let all = match body {
        Value::Array(all) => all,
        one => vec![one],
    };
    let mut events = Vec::new();
    for one in &all {
        match &one["Records"] {
            Value::Array(records) => {
                for record in records {
                    events.extend(notification(record)?);
                }
            }
            _ => events.push(event(one)?),
        }
    }
    Ok(events)
}

/// A record of S3's own notifications; none if it is of something that starts nothing.
fn notification(record: &Value) -> Result<Option<Event>, String> {
    let name = record["eventName"].as_str().unwrap_or_default();
    let name = name.strip_prefix("s3:").unwrap_or(name);
    if !name.starts_with("ObjectCreated:") {
        return Ok(None);
    }
    let s3 = &record["s3"];
    let bucket = wanted(&s3["bucket"]["name"], "s3.bucket.name")?;
    // Keys are escaped there, and only there.
    let key = form::decode(&wanted(&s3["object"]["key"], "s3.object.key")?, Plus::Space);
    Ok(Some(Event { told: Told::Object { bucket, key }, scope: None }))
}

fn event(one: &Value) -> Result<Event, String> {
    let detail = &one["detail"];
    let told = match (one["source"].as_str(), one["detail-type"].as_str()) {
        (Some("git"), _) => Told::Pushed {
            repository: wanted(&one["repository"], "repository")?,
            name: one["ref"].as_str().map(whole_name),
            provider: None,
        },
        (Some("aws.s3"), Some("Object Created")) => Told::Object {
            bucket: wanted(&detail["bucket"]["name"], "detail.bucket.name")?,
            key: wanted(&detail["object"]["key"], "detail.object.key")?,
        },
        (Some("aws.codecommit"), Some("CodeCommit Repository State Change")) => Told::Pushed {
            repository: wanted(&detail["repositoryName"], "detail.repositoryName")?,
            name: Some(wanted(&detail["referenceFullName"], "detail.referenceFullName")?),
            provider: Some("CodeCommit"),
        },
        (Some("aws.ecr"), Some("ECR Image Action")) => Told::Image {
            repository: wanted(&detail["repository-name"], "detail.repository-name")?,
            tag: wanted(&detail["image-tag"], "detail.image-tag")?,
        },
        _ => {
            return Err(
                "no such event: give S3's Records, one of EventBridge (Object Created, CodeCommit Repository State Change, ECR Image Action), or {\"source\": \"git\", \"repository\": NAME, \"ref\": REF}"
                    .to_owned(),
            );
        }
    };
    let scope = match (one["account"].as_str(), one["region"].as_str()) {
        (Some(account), Some(region)) => Some(format!("{account}/{region}")),
        _ => None,
    };
    Ok(Event { told, scope })
}

fn wanted(value: &Value, name: &str) -> Result<String, String> {
    let text = value.as_str().filter(|text| !text.is_empty());
    text.map(str::to_owned).ok_or_else(|| format!("the event has no {name}"))
}

fn whole_name(name: &str) -> String {
    if name.starts_with("refs/") { name.to_owned() } else { format!("refs/heads/{name}") }
}

impl Event {
    fn is_of(&self, action: &Action) -> bool {
        let configuration = &action.configuration;
        let provider = action.action_type_id.provider.as_str();
        let text = |key: &str| configuration.get(key).and_then(Value::as_str).unwrap_or_default();
        match (&self.told, watch::source_of(action)) {
            (Told::Object { bucket, key }, Some(source)) => {
                source == Source::Object { bucket: bucket.clone(), key: key.clone() }
            }
            (Told::Pushed { repository, name, provider: only }, Some(Source::Repository(of))) => {
                let branch = format!("refs/heads/{}", watch::branch_of(provider, configuration));
                of == *repository
                    && name.as_ref().is_none_or(|name| *name == branch)
                    && only.is_none_or(|only| only == provider)
            }
            (Told::Image { repository, tag }, None) => {
                let wanted = Some(text("ImageTag")).filter(|tag| !tag.is_empty());
                provider == "ECR"
                    && text("RepositoryName") == repository
                    && wanted.unwrap_or("latest") == tag
            }
            _ => false,
        }
    }

    /// Whether it starts this pipeline. What a connection does not detect, nobody starts.
    fn starts(&self, one: &Living, structure: &Structure) -> bool {
        let watched = watch::watches(structure);
        self.scope.as_ref().is_none_or(|scope| *scope == one.scope)
            && watch::sources(structure).any(|action| {
                action.action_type_id.provider != "CodeStarSourceConnection"
                    && self.is_of(action)
                    && !watched.iter().any(|it| it.action == action.name)
            })
    }
}

/// Starts every pipeline that an event is to start: what was started. The inner error is what is wrong with the body.
pub(in crate::codepipeline) async fn hear(
    engine: &Engine,
    body: &[u8],
) -> Result<Result<Value, String>, Fault> {
    let events = match read(body) {
        Ok(events) => events,
        Err(why) => return Ok(Err(why)),
    };
    let mut started = Vec::new();
    for one in living_everywhere(engine).await? {
        let structure = engine.state::<Pipeline, _>(one.id, Pipeline::structure).await?;
        let Some(structure) = structure else { continue };
        if !events.iter().any(|event| event.starts(&one, &structure)) {
            continue;
        }
        let (account, region) = one.scope.split_once('/').unwrap_or_default();
        let execution = drawn(one.number)?;
        let run = StartRun {
            execution,
            trigger_type: "CloudWatchEvent".to_owned(),
            trigger_detail: format!(
                "arn:aws:events:{region}:{account}:rule/codepipeline-{}",
                one.name
            ),
            ..StartRun::default()
        };
        match engine.signal::<Pipeline>(one.id, Signal::Start(Box::new(run))).await {
            Ok(()) => started.push(json!({
                "pipelineName": one.name,
                "pipelineExecutionId": trackway_core::uuid::text(execution),
            })),
            Err(SignalError::Refused(why)) => {
                started.push(json!({ "pipelineName": one.name, "error": why.to_string() }));
            }
            Err(SignalError::NotFound | SignalError::Closed) => {}
            Err(SignalError::Fault(fault)) => return Err(fault),
        }
    }
    Ok(Ok(json!({ "started": started })))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(bucket: &str, key: &str) -> Told {
        Told::Object { bucket: bucket.to_owned(), key: key.to_owned() }
    }

    #[test]
    fn events_come_in_several_forms() {
        let pushed = |name: Option<&str>, provider| Told::Pushed {
            repository: "r".to_owned(),
            name: name.map(str::to_owned),
            provider,
        };
        for (text, told) in [
            (
                r#"{"Records": [
                    {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "b"}, "object": {"key": "a+b%2Fc%+9"}}},
                    {"eventName": "ObjectRemoved:Delete"}]}"#,
                vec![object("b", "a b/c% 9")],
            ),
            (
                r#"{"source": "aws.s3", "detail-type": "Object Created", "detail": {"bucket": {"name": "b"}, "object": {"key": "a+b"}}}"#,
                vec![object("b", "a+b")],
            ),
            (
                r#"{"source": "aws.codecommit", "detail-type": "CodeCommit Repository State Change", "detail": {"repositoryName": "r", "referenceFullName": "refs/heads/m"}}"#,
                vec![pushed(Some("refs/heads/m"), Some("CodeCommit"))],
            ),
            (
                r#"[{"source": "git", "repository": "r"}, {"source": "git", "repository": "r", "ref": "m"}]"#,
                vec![pushed(None, None), pushed(Some("refs/heads/m"), None)],
            ),
        ] {
            let events = read(text.as_bytes()).unwrap();
            let found: Vec<Told> = events.into_iter().map(|event| event.told).collect();
            assert_eq!(found, told, "{text}");
        }
        for text in ["", "{}", "7", r#"{"source": "git"}"#, r#"{"source": "aws.s3"}"#] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
    }
}
