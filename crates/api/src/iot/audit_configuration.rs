//! How audits are set.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use trackway_audit::check::Check;
use trackway_audit::request::CheckConfig;
use trackway_registry::arn::{check_role, check_topic};
use trackway_registry::record::{AuditConfiguration, NotificationTarget};
use trackway_registry::table::AUDIT_CONFIGURATION;

use super::audited::{check, invalid};
use super::refusal::{Failure, Refusal};
use super::scheduled_audits::ScheduledAudit;
use super::{Answer, Code, Group, Iot, listed_only};
use crate::Caller;
use crate::answer::{nothing, read, write};

/// The key of the only row.
pub(super) const KEY: &[u8] = b"";
/// The notification target that there is. Source: `AuditNotificationType`.
const SNS: &str = "SNS";
const AGE_DAYS: &str = "CERT_AGE_THRESHOLD_IN_DAYS";
const EXPIRATION_DAYS: &str = "CERT_EXPIRATION_THRESHOLD_IN_DAYS";
/// What both thresholds may be. Source: Developer Guide, "Device certificate age check" and "Device
/// certificate expiring".
const DAYS: std::ops::RangeInclusive<u32> = 30..=3652;

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group {
    operations: &[
        "DeleteAccountAuditConfiguration",
        "DescribeAccountAuditConfiguration",
        "UpdateAccountAuditConfiguration",
    ],
    call: |service, operation, caller, input| Box::pin(call(service, operation, caller, input)),
};

async fn call(service: &Iot, operation: &str, caller: &Caller, input: Value) -> Answer {
    match operation {
        "DeleteAccountAuditConfiguration" => {
            service.delete_audit_configuration(caller, read(input)?).await
        }
        "DescribeAccountAuditConfiguration" => service.describe_audit_configuration(caller).await,
        "UpdateAccountAuditConfiguration" => {
            service.update_audit_configuration(caller, read(input)?).await
        }
        other => Err(listed_only(other)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update {
    role_arn: Option<String>,
    #[serde(default)]
    audit_notification_target_configurations: BTreeMap<String, Target>,
    #[serde(default)]
    audit_check_configurations: BTreeMap<String, CheckUpdate>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    target_arn: Option<String>,
    role_arn: Option<String>,
    enabled: Option<bool>,
}

#[derive(Deserialize)]
struct CheckUpdate {
    enabled: Option<bool>,
    configuration: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delete {
    #[serde(default)]
    delete_scheduled_audits: bool,
}

impl Iot {
    /// How audits are set in the caller's account; the default where nobody has set it.
    pub(super) async fn audit_configuration(
        &self,
        caller: &Caller,
    ) -> Result<Option<AuditConfiguration>, Failure> {
        Ok(self.registry.begin(&caller.scope).get(AUDIT_CONFIGURATION, KEY).await?)
    }

    async fn update_audit_configuration(&self, caller: &Caller, request: Update) -> Answer {
        let _scheduling = self.scheduling.lock().await;
        let scheduled = self.every_scheduled_audit(caller).await?;
        loop {
            let mut txn = self.registry.begin(&caller.scope);
            let known = txn.get::<AuditConfiguration>(AUDIT_CONFIGURATION, KEY).await?;
            let mut configuration = known.unwrap_or_default();
            merge(&mut configuration, &request)?;
            still_enabled(&configuration, &request, &scheduled)?;
            txn.put(AUDIT_CONFIGURATION, KEY, &configuration)?;
            if txn.commit().await? {
                return nothing();
            }
        }
    }

    async fn describe_audit_configuration(&self, caller: &Caller) -> Answer {
        let configuration = self.audit_configuration(caller).await?.unwrap_or_default();
        write(&shown(&configuration))
    }

    /// The scheduled audits go first, so that none is left without a configuration by a crash.
    async fn delete_audit_configuration(&self, caller: &Caller, request: Delete) -> Answer {
        let _scheduling = self.scheduling.lock().await;
        if self.audit_configuration(caller).await?.is_some() {
            let scheduled = self.every_scheduled_audit(caller).await?;
            if !scheduled.is_empty() && !request.delete_scheduled_audits {
                // The wording is ours.
                let message = "There are scheduled audits; deleteScheduledAudits deletes them too";
                return Err(invalid(message).into());
            }
            for audit in scheduled {
                self.drop_scheduled_audit(caller, audit).await?;
            }
        }
        loop {
            let mut txn = self.registry.begin(&caller.scope);
            if !txn.has(AUDIT_CONFIGURATION, KEY).await? {
                // The wording is ours.
                let message = "There is no audit configuration in this account";
                return Err(Refusal::new(Code::ResourceNotFoundException, message).into());
            }
            txn.delete(AUDIT_CONFIGURATION, KEY);
            if txn.commit().await? {
                return nothing();
            }
        }
    }
}

/// A check that a request names stays enabled while a scheduled audit uses it.
fn still_enabled(
    configuration: &AuditConfiguration,
    request: &Update,
    scheduled: &[ScheduledAudit],
) -> Result<(), Refusal> {
    let is_enabled = |check| configuration.checks.get(check).is_some_and(|(enabled, _)| *enabled);
    for audit in scheduled {
        let mut checks = audit.checks.iter().filter(|check| !is_enabled(check));
        let asked = &request.audit_check_configurations;
        if let Some(check) = checks.find(|check| asked.contains_key(check.name())) {
            let (check, name) = (check.name(), &audit.name);
            // The wording is ours.
            let message = format!("{check} can't be disabled: the scheduled audit {name} uses it");
            return Err(invalid(message));
        }
    }
    Ok(())
}

/// What a request says replaces what was said before, member by member; the rest stays.
fn merge(configuration: &mut AuditConfiguration, request: &Update) -> Result<(), Refusal> {
    if let Some(role) = &request.role_arn {
        check_role(role)?;
        configuration.role_arn = Some(role.clone());
    }
    if configuration.role_arn.is_none() {
        // The wording is ours.
        return Err(invalid("roleArn is required the first time audits are configured"));
    }
    for (kind, target) in &request.audit_notification_target_configurations {
        if kind != SNS {
            // The wording is ours.
            return Err(invalid(format!("Unknown audit notification type: {kind}")));
        }
        merge_target(configuration.sns.get_or_insert_default(), target)?;
    }
    for (name, update) in &request.audit_check_configurations {
        let check = check(name)?;
        let (enabled, config) = configuration.checks.entry(check).or_default();
        *enabled = update.enabled.unwrap_or(*enabled);
        if let Some(given) = &update.configuration {
            *config = read_config(check, given)?;
        }
    }
    Ok(())
}

fn merge_target(known: &mut NotificationTarget, target: &Target) -> Result<(), Refusal> {
    if let Some(role) = &target.role_arn {
        check_role(role)?;
        known.role_arn = Some(role.clone());
    }
    if let Some(topic) = &target.target_arn {
        check_topic(topic)?;
        known.target_arn = Some(topic.clone());
    }
    known.enabled = target.enabled.unwrap_or(known.enabled);
    if known.enabled && (known.role_arn.is_none() || known.target_arn.is_none()) {
        // The wording is ours.
        return Err(invalid("Notifications that are enabled need a targetArn and a roleArn"));
    }
    Ok(())
}

fn read_config(check: Check, given: &BTreeMap<String, String>) -> Result<CheckConfig, Refusal> {
    let mut config = CheckConfig::default();
    for (name, text) in given {
        let place = match (check, name.as_str()) {
            (Check::DeviceCertificateAge, AGE_DAYS) => &mut config.age_days,
            (Check::DeviceCertificateExpiring, EXPIRATION_DAYS) => &mut config.expiration_days,
            // The wordings are ours.
            _ => {
                let message = format!("{} has no configuration {name}", check.name());
                return Err(invalid(message));
            }
        };
        let days = text.parse().ok().filter(|days| DAYS.contains(days)).ok_or_else(|| {
            let (least, most) = (DAYS.start(), DAYS.end());
            invalid(format!("{name} must be a whole number of days from {least} to {most}"))
        })?;
        *place = Some(days);
    }
    Ok(config)
}

/// The configuration as the API shows it: every check there is, whether it was ever named or not.
fn shown(configuration: &AuditConfiguration) -> Value {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Shown<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        target_arn: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        role_arn: Option<&'a str>,
        enabled: bool,
    }
    let mut answer = Map::new();
    if let Some(role) = &configuration.role_arn {
        answer.insert("roleArn".to_owned(), json!(role));
    }
    if let Some(sns) = &configuration.sns {
        let (target_arn, role_arn) = (sns.target_arn.as_deref(), sns.role_arn.as_deref());
        let shown = Shown { target_arn, role_arn, enabled: sns.enabled };
        let targets = json!({ SNS: shown });
        answer.insert("auditNotificationTargetConfigurations".to_owned(), targets);
    }
    let checks: Map<String, Value> = Check::ALL
        .iter()
        .map(|check| {
            let (enabled, config) = configuration.checks.get(check).copied().unwrap_or_default();
            let mut shown = json!({ "enabled": enabled });
            let days = [(AGE_DAYS, config.age_days), (EXPIRATION_DAYS, config.expiration_days)];
            for (name, days) in days {
                if let Some(days) = days {
                    shown["configuration"][name] = json!(days.to_string());
                }
            }
            (check.name().to_owned(), shown)
        })
        .collect();
    answer.insert("auditCheckConfigurations".to_owned(), Value::Object(checks));
    Value::Object(answer)
}
