//! CreateCustomActionType, DeleteCustomActionType.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use trackway_engine::{Check, Edit, Fault};
use trackway_pipeline::limits::CUSTOM_TYPES_MAX;
use trackway_pipeline::request::TypeId;
use trackway_pipeline::types::{ActionType, Counts, Property, Settings};

use super::super::refusal::{Code, Failure, Refusal, invalid};
use super::super::tags::{self, Tag, Tags};
use super::super::{Answer, CodePipeline, table};
use super::{Row, key};
use crate::answer::{nothing, write};
use crate::{Caller, record, rows};

/// Who makes types of one's own.
pub(super) const OWNER: &str = "Custom";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateCustomType {
    category: String,
    provider: String,
    version: String,
    settings: Option<Settings>,
    #[serde(default)]
    configuration_properties: Vec<Property>,
    input_artifact_details: Counts,
    output_artifact_details: Counts,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
pub(super) struct DeleteCustomType {
    category: String,
    provider: String,
    version: String,
}

impl CodePipeline {
    pub(super) async fn create_custom_type(
        &self,
        caller: &Caller,
        request: CreateCustomType,
    ) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Created {
            action_type: ActionType,
            #[serde(skip_serializing_if = "Vec::is_empty")]
            tags: Vec<Tag>,
        }
        let kind = custom(&request)?;
        let arn = arn(caller, &kind.id);
        let tags = tags::checked(&request.tags, &arn)?;
        let _naming = self.naming.lock().await;
        let known = self.type_row(caller, &kind.id).await?;
        if let Some((row, _)) = &known
            && row.action_type()? != kind
        {
            let id = &kind.id;
            return Err(Refusal::new(
                Code::ActionTypeAlreadyExistsException,
                format!(
                    "The action type (Category: '{}', Provider: '{}', Owner: '{OWNER}', Version: '{}') already exists with a different definition",
                    id.category, id.provider, id.version
                ),
            )
            .into());
        }
        if known.as_ref().is_none_or(|(row, _)| row.is_deleted) {
            self.check_types_room(caller).await?;
        }
        self.put_type(caller, &kind, known.map(|(_, bytes)| bytes), (&arn, &tags)).await?;
        write(&Created { action_type: kind, tags: tags::listed(&tags) })
    }

    async fn check_types_room(&self, caller: &Caller) -> Result<(), Failure> {
        let prefix = format!("{OWNER}\0");
        let (catalog, table) = (self.engine.catalog(), table::ACTION_TYPES);
        let (mut living, mut after) = (0, None);
        loop {
            let page = catalog
                .list(&caller.scope, table, prefix.as_bytes(), after.as_deref(), CUSTOM_TYPES_MAX)
                .await?;
            for (_, row) in &page.rows {
                living += usize::from(!record::decode::<Row>(row)?.is_deleted);
            }
            match page.rows.last() {
                Some((key, _)) if page.more => after = Some(key.to_vec()),
                _ => break,
            }
        }
        if living < CUSTOM_TYPES_MAX {
            return Ok(());
        }
        let message = format!(
            "The account '{}' has reached its limit of {CUSTOM_TYPES_MAX} custom actions in this region.",
            caller.account
        );
        Err(Refusal::new(Code::LimitExceededException, message).into())
    }

    async fn put_type(
        &self,
        caller: &Caller,
        kind: &ActionType,
        before: Option<Bytes>,
        (arn, tags): (&str, &Tags),
    ) -> Result<(), Failure> {
        let (table, key) = (table::ACTION_TYPES, key(&kind.id));
        let check = match before {
            Some(value) => Check::Equals { table, key: key.clone(), value },
            None => Check::Absent { table, key: key.clone() },
        };
        let text = serde_json::to_string(kind)
            .map_err(|error| Fault::new(format!("could not write an action type: {error}")))?;
        let row = Row { kind: text, declaration: String::new(), is_deleted: false };
        let value = record::encode(&row)?.into();
        let edits = [Edit::Put { table, key, value }, tags::put(arn, tags)?];
        if rows::change(&self.engine, caller, &[check], &edits).await? {
            return Ok(());
        }
        let message = "Unable to modify the action type due to a simultaneous update request.";
        Err(Refusal::new(Code::ConcurrentModificationException, message).into())
    }

    /// Of a type that is not there, AWS deletes it all the same. What is left of one that was is its
    /// version, which can't be given to another.
    pub(super) async fn delete_custom_type(
        &self,
        caller: &Caller,
        request: DeleteCustomType,
    ) -> Answer {
        let DeleteCustomType { category, provider, version } = request;
        let id = TypeId { category, owner: OWNER.to_owned(), provider, version };
        let _naming = self.naming.lock().await;
        if let Some((row, _)) = self.type_row(caller, &id).await? {
            let row = Row { is_deleted: true, ..row };
            let value = record::encode(&row)?.into();
            let put = Edit::Put { table: table::ACTION_TYPES, key: key(&id), value };
            let edits = [put, tags::delete(&arn(caller, &id))];
            rows::change(&self.engine, caller, &[], &edits).await?;
        }
        nothing()
    }
}

/// `arn:aws:codepipeline:REGION:ACCOUNT:actiontype:OWNER/CATEGORY/PROVIDER/VERSION`.
fn arn(caller: &Caller, id: &TypeId) -> String {
    let Caller { region, account, .. } = caller;
    let TypeId { category, owner, provider, version } = id;
    format!(
        "arn:aws:codepipeline:{region}:{account}:actiontype:{owner}/{category}/{provider}/{version}"
    )
}

fn custom(request: &CreateCustomType) -> Result<ActionType, Refusal> {
    let properties = &request.configuration_properties;
    for counts in [request.input_artifact_details, request.output_artifact_details] {
        let Counts { minimum_count, maximum_count } = counts;
        if minimum_count > maximum_count {
            return Err(invalid(format!(
                "Maximum Number of Artifacts ({maximum_count}) has to be greater than or equal to minimum ({minimum_count})."
            )));
        }
    }
    check_properties(properties)?;
    Ok(ActionType {
        id: TypeId {
            category: request.category.clone(),
            owner: OWNER.to_owned(),
            provider: request.provider.clone(),
            version: request.version.clone(),
        },
        settings: request.settings.clone(),
        action_configuration_properties: properties.clone(),
        input_artifact_details: request.input_artifact_details,
        output_artifact_details: request.output_artifact_details,
        is_open: false,
    })
}

/// What holds of the properties of every type that isn't built in.
pub(super) fn check_properties(properties: &[Property]) -> Result<(), Refusal> {
    let mut seen = std::collections::BTreeSet::new();
    if let Some(twice) = properties.iter().find(|property| !seen.insert(&property.name)) {
        // The words are ours.
        let name = &twice.name;
        return Err(invalid(format!("Configuration property '{name}' is used more than once.")));
    }
    let queryable: Vec<&Property> = properties.iter().filter(|one| one.queryable).collect();
    if queryable.len() > 1 {
        let names: Vec<&str> = queryable.iter().map(|property| property.name.as_str()).collect();
        return Err(invalid(format!(
            "Multiple queryable configuration properties found with names '{}'. Up to one queryable property may be specified.",
            names.join(", ")
        )));
    }
    let bad = |property: &&&Property| property.secret || !property.required;
    if let Some(property) = queryable.iter().find(bad) {
        return Err(invalid(format!(
            "Invalid queryable property '{}'. Queryable configuration properties must be required and non-secret.",
            property.name
        )));
    }
    Ok(())
}
