//! PutParameter.

use serde::{Deserialize, Serialize};
use trackway_engine::{Check, Edit};

use super::{
    PARAMETERS_MAX, Parameter, Tier, Type, VERSIONS_MAX, counted, key, rules, version_key,
};
use crate::Caller;
use crate::answer::write;
use crate::record;
use crate::ssm::refusal::{Code, Failure, Refusal, invalid};
use crate::ssm::{Answer, Ssm, associations, settings, table, tags, unchanged};

/// The key that a SecureString has if none is named.
const KEY_DEFAULT: &str = "alias/aws/ssm";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutParameter {
    name: String,
    description: Option<String>,
    value: String,
    #[serde(rename = "Type")]
    parameter_type: Option<Type>,
    key_id: Option<String>,
    #[serde(default)]
    overwrite: bool,
    allowed_pattern: Option<String>,
    #[serde(default)]
    tags: Vec<tags::Tag>,
    tier: Option<Tier>,
    policies: Option<String>,
    data_type: Option<String>,
}

impl Ssm {
    pub(super) async fn put_parameter(&self, caller: &Caller, request: PutParameter) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Put {
            version: u64,
            tier: Tier,
        }
        let no_such = || invalid(format!("The ARN {} is no parameter's here.", request.name));
        let name = self.parameter_name(caller, &request.name).await?.ok_or_else(no_such)?;
        rules::check_name(caller, &name)?;
        check_policies(request.policies.as_deref())?;
        if request.overwrite && !request.tags.is_empty() {
            return Err(invalid(
                "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.",
            )
            .into());
        }
        let tags = tags::checked(&request.tags)?;
        let tier_of_new = self.setting(caller, settings::DEFAULT_PARAMETER_TIER).await?;
        let tier_of_new = tier_of_new.as_deref().and_then(Tier::from_name);
        let tier_of_new = tier_of_new.unwrap_or(Tier::Standard);
        loop {
            let place = key(&name);
            let row = self.row(caller, table::PARAMETERS, &place).await?;
            let before: Option<Parameter> =
                row.as_ref().map(|row| record::decode(row)).transpose()?;
            let is_new = before.is_none();
            let parameter = self.next_version(caller, &name, (&request, tier_of_new), before)?;
            let row_after = bytes::Bytes::from(record::encode(&parameter)?);
            let write_row =
                |key| Edit::Put { table: table::PARAMETERS, key, value: row_after.clone() };
            let mut edits =
                vec![write_row(place.clone()), write_row(version_key(&name, parameter.version))];
            if let Some(old) = parameter.version.checked_sub(VERSIONS_MAX).filter(|old| *old > 0) {
                let key = version_key(&name, old);
                edits.push(Edit::Delete { table: table::PARAMETERS, key });
            }
            let mut checks = vec![unchanged(table::PARAMETERS, &place, row)];
            if is_new {
                edits.push(tags::put(tags::ResourceType::Parameter, &name, &tags)?);
                let (check, edit) = self.one_more(caller).await?;
                checks.push(check);
                edits.push(edit);
            }
            if self.change(caller, &checks, &edits).await? {
                if !is_new {
                    associations::parameter_changed(self, caller, &name).await?;
                }
                return write(&Put { version: parameter.version, tier: parameter.tier });
            }
            // Somebody else wrote it meanwhile: look again.
        }
    }

    /// The version that a request makes of what was there. One that is new and for which no tier is
    /// named has the one beside the request.
    fn next_version(
        &self,
        caller: &Caller,
        name: &str,
        (request, tier_of_new): (&PutParameter, Tier),
        before: Option<Parameter>,
    ) -> Result<Parameter, Refusal> {
        if before.is_some() && !request.overwrite {
            return Err(Refusal::new(
                Code::ParameterAlreadyExists,
                "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
            ));
        }
        let parameter_type = match (request.parameter_type, &before) {
            (Some(wanted), Some(before)) if wanted != before.parameter_type => {
                return Err(Refusal::new(
                    Code::HierarchyTypeMismatchException,
                    format!(
                        "Parameter Store doesn't support changing a parameter type: {name} is a {}, not a {}.",
                        before.parameter_type.name(),
                        wanted.name()
                    ),
                ));
            }
            (Some(wanted), _) => wanted,
            (None, Some(before)) => before.parameter_type,
            (None, None) => {
                return Err(invalid("A parameter type is required when you create a parameter."));
            }
        };
        if request.key_id.is_some() && parameter_type != Type::SecureString {
            return Err(Refusal::new(
                Code::InvalidKeyId,
                "KeyId is for parameters of type SecureString only.",
            ));
        }
        let secret = (parameter_type == Type::SecureString).then(|| KEY_DEFAULT.to_owned());
        let before = before.as_ref();
        let kept = |pick: fn(&Parameter) -> Option<String>| before.and_then(pick);
        let mut parameter = Parameter {
            name: name.to_owned(),
            parameter_type,
            value: request.value.clone(),
            version: before.map_or(1, |before| before.version + 1),
            tier: tier(request.tier.or(before.is_none().then_some(tier_of_new)), before)?,
            data_type: (request.data_type.clone())
                .or_else(|| kept(|before| Some(before.data_type.clone())))
                .unwrap_or_else(|| "text".to_owned()),
            description: request.description.clone().or_else(|| kept(|b| b.description.clone())),
            allowed_pattern: (request.allowed_pattern.clone())
                .or_else(|| kept(|before| before.allowed_pattern.clone())),
            key_id: request.key_id.clone().or_else(|| kept(|b| b.key_id.clone())).or(secret),
            modified: self.engine.now(),
            user: caller.arn(),
        };
        parameter.tier = rules::check(&parameter)?;
        Ok(parameter)
    }

    /// Counts one more parameter, if there is room for it.
    async fn one_more(&self, caller: &Caller) -> Result<(Check, Edit), Failure> {
        let (check, count) = self.count(caller).await?;
        if count >= PARAMETERS_MAX {
            let message = format!(
                "You have reached the maximum number of parameters ({PARAMETERS_MAX}) for this account and Region. Delete some and try again."
            );
            return Err(Refusal::new(Code::ParameterLimitExceeded, message).into());
        }
        Ok((check, counted(count + 1)?))
    }
}

/// The tier of a new version. An advanced parameter stays one.
fn tier(wanted: Option<Tier>, before: Option<&Parameter>) -> Result<Tier, Refusal> {
    match (wanted, before.map(|before| before.tier)) {
        (Some(Tier::Standard), Some(Tier::Advanced)) => Err(invalid(
            "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter tier to the standard-parameter tier. If necessary, you can delete the advanced parameter and recreate it as a standard parameter.",
        )),
        (Some(Tier::IntelligentTiering) | None, Some(Tier::Advanced)) => Ok(Tier::Advanced),
        (Some(wanted), _) => Ok(wanted),
        (None, _) => Ok(Tier::Standard),
    }
}

/// Policies (expiration, notification) do nothing here, so none is accepted.
fn check_policies(policies: Option<&str>) -> Result<(), Refusal> {
    let is_none = |text: &str| matches!(text.trim(), "" | "[]" | "{}");
    match policies {
        Some(text) if !is_none(text) => Err(Refusal::new(
            Code::InvalidPolicyTypeException,
            "Parameter policies are not supported by this version of Trackway.",
        )),
        _ => Ok(()),
    }
}
