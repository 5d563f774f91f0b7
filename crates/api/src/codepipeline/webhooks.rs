//! Webhooks: what HTTP requests from elsewhere start a pipeline.
//!
//! ```text
//!  POST /trigger?t=TOKEN ─▶ listener ─▶ auth ─▶ filter ─▶ Signal::Start
//! ```
//!
//! A webhook's token is sealed by the engine and names its account, region and name: there is no
//! table of tokens.

mod auth;
mod filter;
mod listener;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use trackway_core::Timestamp;
use trackway_engine::{Check, Edit, Fault};
use trackway_pipeline::structure::Action;

use super::entity::Entity;
use super::refusal::{Code, Failure, Refusal, invalid};
use super::tags::{self, Tag};
use super::{Answer, CodePipeline, Group, table};
use crate::answer::{Epoch, nothing, read, write};
use crate::page::Bound;
use crate::{Caller, record, rows};

/// Webhooks of an account in a region. Source: CodePipeline's quotas.
const WEBHOOKS_MAX: usize = 300;
/// Items of a page at most, and unless fewer are asked for. Source: `MaxResults` of ListWebhooks.
const ITEMS_MAX: usize = 100;

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group {
    operations: &[
        "DeleteWebhook",
        "DeregisterWebhookWithThirdParty",
        "ListWebhooks",
        "PutWebhook",
        "RegisterWebhookWithThirdParty",
    ],
    call: |service, operation, caller, input| Box::pin(call(service, operation, caller, input)),
};

async fn call(service: &CodePipeline, operation: &str, caller: &Caller, input: Value) -> Answer {
    match operation {
        "DeleteWebhook" => service.delete_webhook(caller, read(input)?).await,
        "DeregisterWebhookWithThirdParty" => service.deregister(caller, read(input)?).await,
        "ListWebhooks" => service.list_webhooks(caller, read(input)?).await,
        "PutWebhook" => service.put_webhook(caller, read(input)?).await,
        "RegisterWebhookWithThirdParty" => service.register(caller, read(input)?).await,
        other => Err(Fault::new(format!("{other} is listed as built but is not")).into()),
    }
}

#[derive(Deserialize)]
struct Put {
    webhook: Definition,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
struct OfName {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfWebhook {
    webhook_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct List {
    next_token: Option<String>,
    max_results: Option<usize>,
}

/// `WebhookDefinition`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Definition {
    name: String,
    target_pipeline: String,
    target_action: String,
    filters: Vec<Rule>,
    authentication: String,
    authentication_configuration: Authentication,
}

/// `WebhookFilterRule`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    json_path: String,
    match_equals: Option<String>,
}

/// `WebhookAuthConfiguration`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Authentication {
    #[serde(rename = "AllowedIPRange")]
    allowed_ip_range: Option<String>,
    secret_token: Option<String>,
}

/// A row of [`table::WEBHOOKS`].
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Webhook {
    definition: Definition,
    /// When it was first put; part of its token.
    created: Timestamp,
    last_triggered: Option<Timestamp>,
    /// Code and message of what went wrong when it was triggered last.
    error: Option<(String, String)>,
}

impl Webhook {
    fn arn(&self, caller: &Caller) -> String {
        arn(caller, &self.definition.name)
    }

    /// `ListWebhookItem` without tags. Its secret is never shown.
    fn show(&self, service: &CodePipeline, caller: &Caller) -> Value {
        let mut definition = json!({
            "name": self.definition.name,
            "targetPipeline": self.definition.target_pipeline,
            "targetAction": self.definition.target_action,
            "authentication": self.definition.authentication,
        });
        let filters = self.definition.filters.iter().map(|rule| {
            let mut shown = json!({ "jsonPath": rule.json_path });
            if let Some(value) = &rule.match_equals {
                shown["matchEquals"] = json!(value);
            }
            shown
        });
        definition["filters"] = filters.collect();
        let mut authentication = Map::new();
        let configuration = &self.definition.authentication_configuration;
        if let Some(range) = &configuration.allowed_ip_range {
            authentication.insert("AllowedIPRange".to_owned(), json!(range));
        }
        if configuration.secret_token.is_some() {
            authentication.insert("SecretToken".to_owned(), json!("****"));
        }
        definition["authenticationConfiguration"] = Value::Object(authentication);
        let mut item = json!({
            "definition": definition,
            "url": service.webhook_url(caller, self),
            "arn": self.arn(caller),
        });
        if let Some(at) = self.last_triggered {
            item["lastTriggered"] = json!(Epoch(at));
        }
        if let Some((code, message)) = &self.error {
            item["errorCode"] = json!(code);
            item["errorMessage"] = json!(message);
        }
        item
    }
}

/// A webhook's ARN.
fn arn(caller: &Caller, name: &str) -> String {
    format!("arn:aws:codepipeline:{}:{}:webhook:{name}", caller.region, caller.account)
}

impl CodePipeline {
    /// Where a webhook is triggered: at the address by which its owner knows this server.
    fn webhook_url(&self, caller: &Caller, webhook: &Webhook) -> String {
        let host = caller.host.as_deref().unwrap_or("localhost");
        let token = listener::seal(&self.engine, caller, webhook);
        format!("http://{host}/trigger?t={token}&v=1")
    }

    async fn show_webhook(&self, caller: &Caller, webhook: &Webhook) -> Result<Value, Fault> {
        let mut item = webhook.show(self, caller);
        let tags = self.tags_of(caller, &webhook.arn(caller)).await?;
        if !tags.is_empty() {
            item["tags"] = json!(tags::listed(&tags));
        }
        Ok(item)
    }

    async fn put_webhook(&self, caller: &Caller, request: Put) -> Answer {
        let Put { webhook: definition, tags } = request;
        auth::check(&definition)?;
        filter::check(&definition.filters)?;
        let entity = self.entity(caller, &definition.target_pipeline).await?;
        let target = self.target(&entity, &definition.target_action).await?;
        if target.is_none_or(|action| action.action_type_id.category != "Source") {
            return Err(invalid(format!(
                "The pipeline '{}' does not have a source action with name '{}'",
                definition.target_pipeline, definition.target_action
            ))
            .into());
        }
        let name = definition.name.clone();
        let own_arn = arn(caller, &name);
        // Without tags a webhook keeps those that it has.
        let tagged = match tags::checked(&tags, &own_arn)? {
            tags if tags.is_empty() => None,
            tags => Some(tags::put(&own_arn, &tags)?),
        };
        let kept = loop {
            let old = self.webhook_row(caller, &name).await?;
            let (webhook, check) = match old {
                Some((row, known)) => {
                    let webhook = Webhook { definition: definition.clone(), ..known };
                    (webhook, Check::Equals { table: table::WEBHOOKS, key: key(&name), value: row })
                }
                None => {
                    self.check_webhooks_max(caller).await?;
                    let created = self.engine.now();
                    let definition = definition.clone();
                    let webhook =
                        Webhook { definition, created, last_triggered: None, error: None };
                    (webhook, Check::Absent { table: table::WEBHOOKS, key: key(&name) })
                }
            };
            let value = record::encode(&webhook)?.into();
            let mut edits = vec![Edit::Put { table: table::WEBHOOKS, key: key(&name), value }];
            edits.extend(tagged.clone());
            if rows::change(&self.engine, caller, &[check], &edits).await? {
                break webhook;
            }
        };
        write(&json!({ "webhook": self.show_webhook(caller, &kept).await? }))
    }

    /// Whether one more webhook is allowed.
    async fn check_webhooks_max(&self, caller: &Caller) -> Result<(), Failure> {
        let catalog = self.engine.catalog();
        let page = catalog.list(&caller.scope, table::WEBHOOKS, &[], None, WEBHOOKS_MAX).await?;
        if page.rows.len() < WEBHOOKS_MAX {
            return Ok(());
        }
        let message = "The number of webhooks associated with the AWS account has exceeded the limit allowed for the account.";
        Err(Refusal::new(Code::LimitExceededException, message).into())
    }

    async fn list_webhooks(&self, caller: &Caller, request: List) -> Answer {
        let bound = Bound { engine: &self.engine, caller, request: &["ListWebhooks"] };
        let limit = request.max_results.unwrap_or(ITEMS_MAX);
        let token = request.next_token.as_deref();
        let page: (Vec<Webhook>, _) =
            bound.catalog_page((table::WEBHOOKS, &[]), token, limit).await?;
        let mut items = Vec::with_capacity(page.0.len());
        for webhook in page.0 {
            items.push(self.show_webhook(caller, &webhook).await?);
        }
        let mut answer = json!({ "webhooks": items });
        if let Some(token) = page.1 {
            answer["NextToken"] = json!(token);
        }
        write(&answer)
    }

    /// Idempotent: a webhook that isn't there is gone.
    async fn delete_webhook(&self, caller: &Caller, request: OfName) -> Answer {
        let edits = [
            Edit::Delete { table: table::WEBHOOKS, key: key(&request.name) },
            tags::delete(&arn(caller, &request.name)),
        ];
        rows::change(&self.engine, caller, &[], &edits).await?;
        nothing()
    }

    /// Nobody here can make a webhook at a third party, and nothing pretends to.
    async fn register(&self, caller: &Caller, request: OfWebhook) -> Answer {
        let webhook = self.webhook_named(caller, request).await?;
        Err(invalid(format!(
            "Trackway does not register webhooks with third parties: add {} to the webhooks of the repository yourself.",
            self.webhook_url(caller, &webhook)
        ))
        .into())
    }

    /// None is ever registered, so none has to be taken back.
    async fn deregister(&self, caller: &Caller, request: OfWebhook) -> Answer {
        self.webhook_named(caller, request).await?;
        nothing()
    }

    async fn webhook_named(&self, caller: &Caller, request: OfWebhook) -> Result<Webhook, Failure> {
        let name = request.webhook_name.unwrap_or_default();
        match self.webhook_row(caller, &name).await? {
            Some((_, webhook)) => Ok(webhook),
            None => {
                let message = format!(
                    "Account '{}' does not have a webhook with name '{name}'",
                    caller.account
                );
                Err(Refusal::new(Code::WebhookNotFoundException, message).into())
            }
        }
    }

    async fn webhook_row(
        &self,
        caller: &Caller,
        name: &str,
    ) -> Result<Option<(bytes::Bytes, Webhook)>, Fault> {
        let catalog = self.engine.catalog();
        let row = catalog.get(&caller.scope, table::WEBHOOKS, name.as_bytes()).await?;
        row.map(|row| record::decode(&row).map(|webhook| (row, webhook))).transpose()
    }

    /// The action of this name in the latest version.
    async fn target(&self, entity: &Entity, action: &str) -> Result<Option<Action>, Fault> {
        let row = self.version_of(entity, None).await?;
        let structure = row.ok_or_else(|| Fault::new("a pipeline has no version"))?.structure;
        let mut actions = structure.stages.into_iter().flat_map(|stage| stage.actions);
        Ok(actions.find(|one| one.name == action))
    }
}

fn key(name: &str) -> Vec<u8> {
    name.as_bytes().to_vec()
}
