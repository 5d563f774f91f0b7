//! Mitigation actions: what may be done about findings.

use serde::Deserialize;
use serde_json::{Value, json};
use trackway_audit::action::{Action, ActionParams, ActionType};
use trackway_core::Timestamp;
use trackway_engine::Fault;
use trackway_registry::arn::{check_role, check_topic};
use trackway_registry::{Txn, record, table, tags, text};

use super::arn::arn;
use super::audited::invalid;
use super::lists::Paging;
use super::refusal::{Failure, Refusal};
use super::tags::TagList;
use super::{Answer, Code, Group, Iot, listed_only};
use crate::Caller;
use crate::answer::{Epoch, nothing, read, write};
use crate::page::Bound;
use crate::refusal::ErrorCode;

/// What its ARNs say before its name.
const KIND: &str = "mitigationaction";
/// Mitigation actions of an account in a region. Source: Device Defender quotas.
const ACTIONS_MAX: usize = 100;

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group {
    operations: &[
        "CreateMitigationAction",
        "DeleteMitigationAction",
        "DescribeMitigationAction",
        "ListMitigationActions",
        "UpdateMitigationAction",
    ],
    call: |service, operation, caller, input| Box::pin(call(service, operation, caller, input)),
};

async fn call(service: &Iot, operation: &str, caller: &Caller, input: Value) -> Answer {
    match operation {
        "CreateMitigationAction" => service.create_action(caller, read(input)?).await,
        "DeleteMitigationAction" => service.delete_action(caller, read(input)?).await,
        "DescribeMitigationAction" => service.describe_action(caller, read(input)?).await,
        "ListMitigationActions" => service.list_actions(caller, read(input)?).await,
        "UpdateMitigationAction" => service.update_action(caller, read(input)?).await,
        other => Err(listed_only(other)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    action_name: String,
    role_arn: String,
    action_params: Params,
    #[serde(default)]
    tags: TagList,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update {
    action_name: String,
    role_arn: Option<String>,
    action_params: Option<Params>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfName {
    action_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    action_type: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

/// `MitigationActionParams`: exactly one of them is to be given.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Params {
    update_device_certificate_params: Option<Deactivate>,
    #[serde(rename = "updateCACertificateParams")]
    update_ca_certificate_params: Option<Deactivate>,
    add_things_to_thing_group_params: Option<AddThings>,
    replace_default_policy_version_params: Option<ReplaceDefault>,
    #[serde(rename = "enableIoTLoggingParams")]
    enable_iot_logging_params: Option<EnableLogging>,
    publish_finding_to_sns_params: Option<Publish>,
}

/// The model allows `DEACTIVATE` only.
#[derive(Deserialize)]
struct Deactivate {}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AddThings {
    thing_group_names: Vec<String>,
    override_dynamic_groups: Option<bool>,
}

/// The model allows `BLANK_POLICY` only.
#[derive(Deserialize)]
struct ReplaceDefault {}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EnableLogging {
    role_arn_for_logging: String,
    log_level: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Publish {
    topic_arn: String,
}

impl Params {
    fn checked(self) -> Result<ActionParams, Refusal> {
        let device = self.update_device_certificate_params;
        let ca = self.update_ca_certificate_params;
        let groups = self.add_things_to_thing_group_params;
        let policy = self.replace_default_policy_version_params;
        let logging = self.enable_iot_logging_params;
        let given = [
            device.map(|_| ActionParams::UpdateDeviceCertificate),
            ca.map(|_| ActionParams::UpdateCaCertificate),
            groups.map(|it| ActionParams::AddThingsToThingGroup {
                groups: it.thing_group_names,
                override_dynamic: it.override_dynamic_groups,
            }),
            policy.map(|_| ActionParams::ReplaceDefaultPolicyVersion),
            logging.map(|it| ActionParams::EnableIotLogging {
                role_arn: it.role_arn_for_logging,
                level: it.log_level,
            }),
            self.publish_finding_to_sns_params
                .map(|it| ActionParams::PublishFindingToSns { topic_arn: it.topic_arn }),
        ];
        let mut given = given.into_iter().flatten();
        let (Some(params), None) = (given.next(), given.next()) else {
            // The wording is ours.
            return Err(invalid("Exactly one member of actionParams must be given"));
        };
        check(&params)?;
        Ok(params)
    }
}

/// What the model doesn't say of parameters. The wordings are ours.
fn check(params: &ActionParams) -> Result<(), Refusal> {
    match params {
        // Source: "Specifies the type of information to be logged"; an action enables logging.
        ActionParams::EnableIotLogging { level, .. } if level == "DISABLED" => {
            Err(invalid("The log level DISABLED can't be set by a mitigation action"))
        }
        ActionParams::EnableIotLogging { role_arn, .. } => Ok(check_role(role_arn)?),
        ActionParams::PublishFindingToSns { topic_arn } => Ok(check_topic(topic_arn)?),
        _ => Ok(()),
    }
}

/// `MitigationActionParams`.
fn show_params(params: &ActionParams) -> Value {
    match params {
        ActionParams::UpdateDeviceCertificate => {
            json!({ "updateDeviceCertificateParams": { "action": "DEACTIVATE" } })
        }
        ActionParams::UpdateCaCertificate => {
            json!({ "updateCACertificateParams": { "action": "DEACTIVATE" } })
        }
        ActionParams::AddThingsToThingGroup { groups, override_dynamic } => {
            let mut params = json!({ "thingGroupNames": groups });
            if let Some(override_dynamic) = override_dynamic {
                params["overrideDynamicGroups"] = json!(override_dynamic);
            }
            json!({ "addThingsToThingGroupParams": params })
        }
        ActionParams::ReplaceDefaultPolicyVersion => {
            json!({ "replaceDefaultPolicyVersionParams": { "templateName": "BLANK_POLICY" } })
        }
        ActionParams::EnableIotLogging { role_arn, level } => json!({
            "enableIoTLoggingParams": { "roleArnForLogging": role_arn, "logLevel": level },
        }),
        ActionParams::PublishFindingToSns { topic_arn } => {
            json!({ "publishFindingToSnsParams": { "topicArn": topic_arn } })
        }
    }
}

/// `MitigationAction`, as tasks show those that they apply.
pub(super) fn show_defined(action: &Action) -> Value {
    json!({
        "name": action.name,
        "id": action.id,
        "roleArn": action.role_arn,
        "actionParams": show_params(&action.params),
    })
}

/// What Create and Update answer.
fn named(caller: &Caller, action: &Action) -> Answer {
    write(&json!({ "actionArn": arn(caller, KIND, &action.name), "actionId": action.id }))
}

fn not_found(name: &str) -> Failure {
    // The wording is ours.
    let message = format!("The mitigation action {name} does not exist");
    Refusal::new(Code::ResourceNotFoundException, message).into()
}

async fn find(txn: &mut Txn, name: &str) -> Result<Option<Action>, Fault> {
    txn.get(table::MITIGATION_ACTIONS, name.as_bytes()).await
}

impl Iot {
    async fn create_action(&self, caller: &Caller, request: Create) -> Answer {
        check_role(&request.role_arn)?;
        let params = request.action_params.checked()?;
        let (name, id) = (request.action_name, text::uuid()?);
        loop {
            let mut txn = self.registry.begin(&caller.scope);
            if let Some(known) = find(&mut txn, &name).await? {
                // The wording is ours.
                let message = format!("The mitigation action {name} already exists");
                return Err(Refusal::new(Code::ResourceAlreadyExistsException, message)
                    .with("resourceId", known.id)
                    .with("resourceArn", arn(caller, KIND, &name))
                    .into());
            }
            let known = txn.keys(table::MITIGATION_ACTIONS, &[], None, ACTIONS_MAX).await?;
            if known.len() >= ACTIONS_MAX {
                // The wording is ours.
                let message = format!("There are {ACTIONS_MAX} mitigation actions already");
                return Err(Refusal::new(Code::LimitExceededException, message).into());
            }
            let now = txn.now();
            let action = Action {
                name: name.clone(),
                id: id.clone(),
                role_arn: request.role_arn.clone(),
                params: params.clone(),
                created: now,
                modified: now,
            };
            txn.put(table::MITIGATION_ACTIONS, name.as_bytes(), &action)?;
            tags::put(&mut txn, &arn(caller, KIND, &name), &request.tags.0)?;
            if txn.commit().await? {
                return named(caller, &action);
            }
        }
    }

    async fn update_action(&self, caller: &Caller, request: Update) -> Answer {
        request.role_arn.as_deref().map(check_role).transpose()?;
        let params = request.action_params.map(Params::checked).transpose()?;
        let name = &request.action_name;
        loop {
            let mut txn = self.registry.begin(&caller.scope);
            let Some(mut action) = find(&mut txn, name).await? else {
                return Err(not_found(name));
            };
            if let Some(params) = &params {
                if params.action_type() != action.params.action_type() {
                    // The wording is ours.
                    return Err(invalid("The type of a mitigation action can't be changed").into());
                }
                action.params = params.clone();
            }
            if let Some(role_arn) = &request.role_arn {
                action.role_arn.clone_from(role_arn);
            }
            action.modified = txn.now();
            txn.put(table::MITIGATION_ACTIONS, name.as_bytes(), &action)?;
            if txn.commit().await? {
                return named(caller, &action);
            }
        }
    }

    /// Idempotent: an action that isn't there is gone. Tasks that apply it have pinned it.
    async fn delete_action(&self, caller: &Caller, request: OfName) -> Answer {
        loop {
            let mut txn = self.registry.begin(&caller.scope);
            txn.delete(table::MITIGATION_ACTIONS, request.action_name.as_bytes());
            tags::delete(&mut txn, &arn(caller, KIND, &request.action_name));
            if txn.commit().await? {
                return nothing();
            }
        }
    }

    async fn describe_action(&self, caller: &Caller, request: OfName) -> Answer {
        let name = &request.action_name;
        let action = self.action(caller, name).await?.ok_or_else(|| not_found(name))?;
        write(&json!({
            "actionName": action.name,
            "actionType": action.params.action_type().name(),
            "actionArn": arn(caller, KIND, name),
            "actionId": action.id,
            "roleArn": action.role_arn,
            "actionParams": show_params(&action.params),
            "creationDate": Epoch(action.created),
            "lastModifiedDate": Epoch(action.modified),
        }))
    }

    /// The action of this name.
    pub(super) async fn action(
        &self,
        caller: &Caller,
        name: &str,
    ) -> Result<Option<Action>, Fault> {
        let catalog = self.registry.catalog();
        let row = catalog.get(&caller.scope, table::MITIGATION_ACTIONS, name.as_bytes()).await?;
        row.map(|row| record::decode(&row)).transpose()
    }

    /// Newest first, as AWS's example shows them. They are few enough to be read at once.
    async fn list_actions(&self, caller: &Caller, request: List) -> Answer {
        let filter = request.action_type.as_deref();
        let parts = ["ListMitigationActions", filter.unwrap_or_default()];
        let bound = Bound { engine: &self.engine, caller, request: &parts };
        let after = request.paging.after(bound)?;
        let after = after.map(|place| read_place(&place).ok_or_else(Code::invalid_page_token));
        let after = after.transpose()?;
        let wanted = filter.and_then(ActionType::named);
        let mut actions: Vec<Action> = self.actions(caller).await?;
        actions.retain(|action| wanted.is_none_or(|it| action.params.action_type() == it));
        actions.sort_by(|one, other| place(other).cmp(&place(one)));
        let after = after.as_ref().map(|(created, name)| (*created, name.as_str()));
        let mut rest =
            actions.iter().filter(|action| after.is_none_or(|after| place(action) < after));
        let limit = request.paging.limit();
        let page: Vec<&Action> = rest.by_ref().take(limit).collect();
        let last = page.last().filter(|_| rest.next().is_some());
        let shown = |action: &&Action| {
            json!({
                "actionName": action.name,
                "actionArn": arn(caller, KIND, &action.name),
                "creationDate": Epoch(action.created),
            })
        };
        let mut answer = json!({ "actionIdentifiers": page.iter().map(shown).collect::<Vec<_>>() });
        if let Some(last) = last {
            answer["nextToken"] = json!(bound.seal(&write_place(last)));
        }
        write(&answer)
    }

    async fn actions(&self, caller: &Caller) -> Result<Vec<Action>, Fault> {
        let catalog = self.registry.catalog();
        // A few more than the limit: two creations at once may both find room.
        let most = 2 * ACTIONS_MAX;
        let page = catalog.list(&caller.scope, table::MITIGATION_ACTIONS, &[], None, most).await?;
        page.rows.iter().map(|(_, row)| record::decode(row)).collect()
    }
}

/// Where an action stands in the list, read backwards.
fn place(action: &Action) -> (Timestamp, &str) {
    (action.created, &action.name)
}

fn write_place(action: &Action) -> Vec<u8> {
    let mut place = action.created.as_millis().to_be_bytes().to_vec();
    place.extend_from_slice(action.name.as_bytes());
    place
}

fn read_place(place: &[u8]) -> Option<(Timestamp, String)> {
    let (created, name) = place.split_first_chunk::<8>()?;
    let name = String::from_utf8(name.to_vec()).ok()?;
    Some((Timestamp(i64::from_be_bytes(*created)), name))
}
