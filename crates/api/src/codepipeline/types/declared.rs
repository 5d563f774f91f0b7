//! GetActionType, UpdateActionType: types of AWS and of third parties, in the form in which their
//! providers declare them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use trackway_engine::{Edit, Fault};
use trackway_pipeline::request::TypeId;
use trackway_pipeline::types::{self, ActionType, Counts, Property, Settings};

use super::super::refusal::{Code, Failure, Refusal, invalid};
use super::super::{Answer, CodePipeline, table};
use super::custom::check_properties;
use super::{Row, key};
use crate::answer::{nothing, read, write};
use crate::{Caller, record, rows};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UpdateActionType {
    action_type: Value,
}

/// What of an `ActionTypeDeclaration` says how a pipeline may use it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Declaration {
    executor: Executor,
    id: TypeId,
    input_artifact_details: Counts,
    output_artifact_details: Counts,
    #[serde(default)]
    properties: Vec<Declared>,
    #[serde(default)]
    urls: Urls,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Executor {
    #[serde(rename = "type")]
    kind: String,
    job_timeout: Option<u32>,
}

/// `ActionTypeProperty`.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Declared {
    name: String,
    optional: bool,
    key: bool,
    no_echo: bool,
    #[serde(default)]
    queryable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

/// `ActionTypeUrls`.
#[derive(Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
struct Urls {
    #[serde(skip_serializing_if = "Option::is_none")]
    configuration_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entity_url_template: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    execution_url_template: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision_url_template: Option<String>,
}

impl CodePipeline {
    pub(super) async fn get_action_type(&self, caller: &Caller, id: TypeId) -> Answer {
        let row = self.type_row(caller, &id).await?.map(|(row, _)| row.declaration);
        let declaration = match row.filter(|declaration| !declaration.is_empty()) {
            Some(text) => serde_json::from_str(&text)
                .map_err(|error| Fault::new(format!("an action type can't be read: {error}")))?,
            None => types::find(&id).map(declared).ok_or_else(|| not_found(&id))?,
        };
        write(&json!({ "actionType": declaration }))
    }

    /// Changes what a type that is there takes, for the pipelines of this account. Types of other
    /// providers come to be by another way than this API.
    pub(super) async fn update_action_type(
        &self,
        caller: &Caller,
        request: UpdateActionType,
    ) -> Answer {
        let declaration: Declaration = read(request.action_type.clone())?;
        if !matches!(declaration.id.owner.as_str(), "AWS" | "ThirdParty")
            || types::find(&declaration.id).is_none()
        {
            return Err(not_found(&declaration.id).into());
        }
        check(&declaration)?;
        let kind = action_type(declaration);
        let text = |value: &Value| value.to_string();
        let row = Row {
            kind: serde_json::to_string(&kind)
                .map_err(|error| Fault::new(format!("could not write a type: {error}")))?,
            declaration: text(&request.action_type),
            is_deleted: false,
        };
        let value = record::encode(&row)?.into();
        let put = Edit::Put { table: table::ACTION_TYPES, key: key(&kind.id), value };
        rows::change(&self.engine, caller, &[], &[put]).await?;
        nothing()
    }
}

fn check(declaration: &Declaration) -> Result<(), Failure> {
    for Counts { minimum_count, maximum_count } in
        [declaration.input_artifact_details, declaration.output_artifact_details]
    {
        if minimum_count > maximum_count {
            return Err(invalid(format!(
                "Maximum Number of Artifacts ({maximum_count}) has to be greater than or equal to minimum ({minimum_count})."
            ))
            .into());
        }
    }
    let properties: Vec<Property> = declaration.properties.iter().map(Declared::property).collect();
    check_properties(&properties)?;
    // Whatever an operator's workers don't do is not taken silently.
    let unsupported = if declaration.executor.kind != "JobWorker" {
        "executors of type Lambda"
    } else if declaration.executor.job_timeout.is_some() {
        "a jobTimeout"
    } else {
        return Ok(());
    };
    let message = format!("This version of Trackway does not support {unsupported}.");
    Err(Refusal::new(Code::RequestFailedException, message).into())
}

impl Declared {
    fn property(&self) -> Property {
        Property {
            name: self.name.clone(),
            required: !self.optional,
            key: self.key,
            secret: self.no_echo,
            queryable: self.queryable,
            description: self.description.clone(),
            kind: None,
        }
    }
}

fn action_type(declaration: Declaration) -> ActionType {
    let settings = Settings {
        third_party_configuration_url: declaration.urls.configuration_url,
        entity_url_template: declaration.urls.entity_url_template,
        execution_url_template: declaration.urls.execution_url_template,
        revision_url_template: declaration.urls.revision_url_template,
    };
    ActionType {
        settings: (settings != Settings::default()).then_some(settings),
        action_configuration_properties: declaration
            .properties
            .iter()
            .map(Declared::property)
            .collect(),
        id: declaration.id,
        input_artifact_details: declaration.input_artifact_details,
        output_artifact_details: declaration.output_artifact_details,
        is_open: false,
    }
}

/// A type of AWS's as it would have been declared.
fn declared(kind: ActionType) -> Value {
    let properties: Vec<Declared> = kind
        .action_configuration_properties
        .into_iter()
        .map(|property| Declared {
            name: property.name,
            optional: !property.required,
            key: property.key,
            no_echo: property.secret,
            queryable: property.queryable,
            description: property.description,
        })
        .collect();
    let settings = kind.settings.unwrap_or_default();
    let urls = Urls {
        configuration_url: settings.third_party_configuration_url,
        entity_url_template: settings.entity_url_template,
        execution_url_template: settings.execution_url_template,
        revision_url_template: settings.revision_url_template,
    };
    json!({
        "executor": {
            "type": "JobWorker",
            "configuration": { "jobWorkerExecutorConfiguration": {} },
        },
        "id": kind.id,
        "inputArtifactDetails": kind.input_artifact_details,
        "outputArtifactDetails": kind.output_artifact_details,
        "permissions": { "allowedAccounts": ["*"] },
        "properties": properties,
        "urls": urls,
    })
}

/// `ActionTypeNotFoundException`.
fn not_found(id: &TypeId) -> Refusal {
    let message = format!(
        "The action type (Category: '{}', Provider: '{}', Owner: '{}', Version: '{}') was not found",
        id.category, id.provider, id.owner, id.version
    );
    Refusal::new(Code::ActionTypeNotFoundException, message)
}
