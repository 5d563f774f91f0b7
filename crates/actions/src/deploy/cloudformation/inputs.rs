//! What a stack is made from: the template, its parameters, and what goes with them.

use serde_json::{Map, Value, json};
use trackway_performers::aws::Blobs;
use trackway_pipeline::request::Artifact;

use super::parameters::{self, Overrides};
use crate::deploy::files;
use crate::elsewhere::Failure;
use crate::runners::Run;

/// The largest template that CloudFormation takes in the call itself.
const TEMPLATE_BODY_BYTES_MAX: usize = 51_200;

/// `TemplateConfiguration`: a file of the artifact.
#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
struct Configuration {
    parameters: Map<String, Value>,
    tags: Map<String, Value>,
    stack_policy: Option<Value>,
}

/// The members that `CreateStack`, `UpdateStack` and `CreateChangeSet` have in common.
///
/// `StackPolicyBody` is only among them with `with_policy`: change sets take none.
pub(super) async fn inputs(run: &Run, with_policy: bool) -> Result<Value, Failure> {
    let mut input = json!({ "StackName": run.required("StackName")? });
    template(run, &mut input).await?;
    let configuration = configuration(run).await?;
    let overrides = overrides(run).await?;
    let parameters = parameters::merged(configuration.parameters, overrides)?;
    if !parameters.is_empty() {
        let named = |(name, value): (String, String)| json!({ "ParameterKey": name, "ParameterValue": value });
        input["Parameters"] = parameters.into_iter().map(named).collect();
    }
    if !configuration.tags.is_empty() {
        let named = |(key, value): (String, Value)| json!({ "Key": key, "Value": value });
        input["Tags"] = configuration.tags.into_iter().map(named).collect();
    }
    if let Some(policy) = configuration.stack_policy {
        if !with_policy {
            return Err(Failure::configuration(
                "The template configuration has a StackPolicy, but a change set can't set one. Leave it out, or use the action mode CREATE_UPDATE.",
            ));
        }
        input["StackPolicyBody"] = policy.to_string().into();
    }
    if let Some(capabilities) = run.setting("Capabilities") {
        let names = capabilities.split(',').map(|name| Value::from(name.trim()));
        input["Capabilities"] = names.collect();
    }
    if let Some(role) = run.setting("RoleArn") {
        input["RoleARN"] = role.into();
    }
    Ok(input)
}

/// `ARTIFACT::PATH`.
fn located<'a>(run: &'a Run, key: &str, text: &'a str) -> Result<(&'a Artifact, &'a str), Failure> {
    let (artifact, path) = text.split_once("::").ok_or_else(|| {
        Failure::configuration(format!(
            "{key} is {text:?}, but must name an input artifact and a file in it: ARTIFACT::FILE"
        ))
    })?;
    Ok((files::artifact(run, artifact)?, path))
}

async fn template(run: &Run, input: &mut Value) -> Result<(), Failure> {
    let (artifact, path) = located(run, "TemplatePath", run.required("TemplatePath")?)?;
    let content = files::read(run, artifact, path).await?;
    if content.len() > TEMPLATE_BODY_BYTES_MAX {
        input["TemplateURL"] = in_s3(run, artifact, path, content).await?.into();
        return Ok(());
    }
    let body = String::from_utf8(content)
        .map_err(|_| Failure::job(format!("The template {path} is not UTF-8 text.")))?;
    input["TemplateBody"] = body.into();
    Ok(())
}

/// Puts a large template beside its artifact in S3, where CloudFormation reads it: its address.
async fn in_s3(
    run: &Run,
    artifact: &Artifact,
    path: &str,
    content: Vec<u8>,
) -> Result<String, Failure> {
    use base64::Engine as _;
    let Artifact { bucket, key, .. } = artifact;
    let key = format!("{key}-{}-template", run.call.action_execution_id);
    let body = base64::engine::general_purpose::STANDARD.encode(&content);
    let mut put = json!({ "Bucket": bucket, "Key": key, "Body": body });
    if let Some(kms_key) = &artifact.encryption_key {
        put["ServerSideEncryption"] = "aws:kms".into();
        put["SSEKMSKeyId"] = kms_key.as_str().into();
    }
    run.service("s3").call_with("PutObject", put, Blobs::Base64).await.map_err(|error| {
        let failure = Failure::from(error);
        let message = format!(
            "The template {path} has {} bytes. CloudFormation takes at most {TEMPLATE_BODY_BYTES_MAX} in a call and reads larger ones from S3, but the template could not be put into the bucket {bucket} there: {}",
            content.len(),
            failure.message
        );
        Failure { message, ..failure }
    })?;
    Ok(format!("https://s3.{}.amazonaws.com/{bucket}/{key}", run.region()))
}

async fn configuration(run: &Run) -> Result<Configuration, Failure> {
    let Some(named) = run.setting("TemplateConfiguration") else {
        return Ok(Configuration::default());
    };
    let (artifact, path) = located(run, "TemplateConfiguration", named)?;
    let content = files::read(run, artifact, path).await?;
    serde_json::from_slice(&content).map_err(|error| {
        Failure::configuration(format!(
            "The template configuration {path} of the artifact {} can't be read: {error}",
            artifact.name
        ))
    })
}

/// `ParameterOverrides`, with what its functions refer to.
async fn overrides(run: &Run) -> Result<Map<String, Value>, Failure> {
    let Some(written) = run.setting("ParameterOverrides") else { return Ok(Map::new()) };
    let overrides = Overrides::read(written)?;
    let mut values = Map::new();
    for (name, value) in overrides.0 {
        let value = match value {
            parameters::Override::Value(value) => value,
            parameters::Override::Attribute { artifact, attribute } => {
                let artifact = files::artifact(run, &artifact)?;
                parameters::attribute(artifact, run.region(), &attribute)?.into()
            }
            parameters::Override::Param { artifact, file, key } => {
                let content = files::read(run, files::artifact(run, &artifact)?, &file).await?;
                parameters::param(&content, &file, &key)?
            }
        };
        values.insert(name, value);
    }
    Ok(values)
}
