//! Where a node's documents and objects come from: its server, and S3 by AWS's conventions.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use trackway_runbook::document::parameters::{self, Given};
use trackway_runbook::document::{self, Document, DocumentType, Format, Values};
use trackway_runbook::plan::{Plan, Platform};

use crate::aws::{AwsCall, AwsCaller, Scope};
use crate::plugin::{Boxed, Documents, ObjectPath, ObjectStore};

/// Objects listed of a prefix.
const KEYS_MAX: usize = 1000;

/// Documents of Systems Manager and objects of S3, by calls of AWS.
#[derive(Clone)]
pub struct AwsSources {
    caller: AwsCaller,
    scope: Scope,
}

impl AwsSources {
    /// Asks by this caller, on behalf of this account and region.
    #[must_use]
    pub fn new(caller: AwsCaller, scope: Scope) -> Self {
        Self { caller, scope }
    }

    async fn call(
        &self,
        (service, operation): (&str, &str),
        input: Value,
        region: Option<String>,
    ) -> Result<Value, String> {
        let call =
            AwsCall { region, ..AwsCall::new(service, operation, input, self.scope.clone()) };
        self.caller.call(&call).await.map_err(|error| format!("{}: {}", error.code, error.message))
    }
}

impl Documents for AwsSources {
    fn content<'a>(
        &'a self,
        name: &'a str,
        version: Option<&'a str>,
    ) -> Boxed<'a, Result<String, String>> {
        Box::pin(async move {
            let mut input = json!({ "Name": name });
            if let Some(version) = version {
                input["DocumentVersion"] = version.into();
            }
            let answer = self.call(("ssm", "GetDocument"), input, None).await?;
            let content = answer["Content"].as_str();
            content.map(str::to_owned).ok_or_else(|| format!("the document {name} has no content"))
        })
    }

    fn plan(&self, content: &str, parameters: &Map<String, Value>) -> Result<Plan, String> {
        let parsed = document::parse(content, Format::Text, DocumentType::Command)
            .map_err(|why| why.message())?;
        let Document::Command(command) = parsed else {
            return Err("it is not a document of type Command".to_owned());
        };
        let given: Given =
            parameters.iter().map(|(name, value)| (name.clone(), texts(value))).collect();
        let values = parameters::check(&command.parameters, &given)
            .map_err(|why| why.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))?;
        if let Some(name) = command.stored_names(&values).first() {
            return Err(format!("the parameter {name} of Parameter Store can't be taken here"));
        }
        command.plan(&values, &Values::new(), Platform::Linux).map_err(|why| why.to_string())
    }
}

fn texts(value: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match value {
        Value::Array(items) => items.iter().map(text).collect(),
        other => vec![text(other)],
    }
}

impl ObjectStore for AwsSources {
    fn list<'a>(&'a self, object: &'a ObjectPath) -> Boxed<'a, Result<Vec<String>, String>> {
        Box::pin(async move {
            let input =
                json!({ "Bucket": object.bucket, "Prefix": object.key, "MaxKeys": KEYS_MAX });
            let listed = self.call(("s3", "ListObjectsV2"), input, object.region.clone()).await?;
            let contents = listed["Contents"].as_array().cloned().unwrap_or_default();
            let key = |object: &Value| object["Key"].as_str().map(str::to_owned);
            Ok(contents.iter().filter_map(key).collect())
        })
    }

    fn get<'a>(&'a self, object: &'a ObjectPath) -> Boxed<'a, Result<Bytes, String>> {
        Box::pin(async move {
            let input = json!({ "Bucket": object.bucket, "Key": object.key });
            let got = self.call(("s3", "GetObject"), input, object.region.clone()).await?;
            let body = got["Body"].as_str().unwrap_or_default();
            STANDARD.decode(body).map(Bytes::from).map_err(|error| error.to_string())
        })
    }
}
