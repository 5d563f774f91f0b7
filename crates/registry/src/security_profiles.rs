//! Security profiles of Detect, and what they are attached to. Their behaviors are checked and kept;
//! nothing is measured here: violations are fed ([`crate::violations`]).

pub mod behaviors;
pub mod targets;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use trackway_core::Timestamp;
use trackway_engine::Fault;

use crate::page::{Page, Rows, last_part};
use crate::record;
use crate::refusal::{Code, Failure, Refusal};
use crate::table;
use crate::tags::{self, Tags};
use crate::txn::{Registry, Txn};
use behaviors::Behavior;

/// A security profile, by name in [`table::SECURITY_PROFILES`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// How often it was changed, from 1.
    pub version: i64,
    /// When it was created.
    pub created: Timestamp,
    /// When it was changed last.
    pub modified: Timestamp,
    /// How often it was attached or detached: who deletes it sees that somebody attaches it.
    pub attachments: u64,
    /// [`Settings`] as JSON.
    pub settings: String,
}

/// What a profile says, in the API's member names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// The description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_profile_description: Option<String>,
    /// What devices may do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behaviors: Option<Vec<Behavior>>,
    /// Who is told: kept, nobody is told here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert_targets: Option<BTreeMap<String, Value>>,
    /// Metrics that are kept beside those of behaviors, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additional_metrics_to_retain: Option<Vec<String>>,
    /// The same with dimensions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additional_metrics_to_retain_v2: Option<Vec<behaviors::Metric>>,
    /// Where metrics are exported to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics_export_config: Option<Value>,
}

/// What an update takes away.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(clippy::struct_excessive_bools, reason = "the members of UpdateSecurityProfile")]
pub struct Deletions {
    /// All behaviors.
    pub delete_behaviors: bool,
    /// All alert targets.
    pub delete_alert_targets: bool,
    /// All metrics that are kept beside those of behaviors.
    pub delete_additional_metrics_to_retain: bool,
    /// The export of metrics.
    pub delete_metrics_export_config: bool,
}

impl Profile {
    /// What it says.
    ///
    /// # Errors
    /// The record is damaged.
    pub fn settings(&self) -> Result<Settings, Fault> {
        serde_json::from_str(&self.settings)
            .map_err(|error| Fault::new(format!("could not read a security profile: {error}")))
    }
}

impl Settings {
    fn check(&self) -> Result<(), Refusal> {
        let problems = behaviors::problems(self.behaviors.as_deref().unwrap_or_default());
        problems.into_iter().next().map_or(Ok(()), |problem| Err(Refusal::invalid(problem)))?;
        let retained = self.additional_metrics_to_retain.iter().flatten();
        let retained_v2 = self.additional_metrics_to_retain_v2.iter().flatten();
        for metric in retained.chain(retained_v2.map(|retained| &retained.metric)) {
            if !behaviors::is_metric(metric) {
                // The text is ours.
                return Err(Refusal::invalid(format!("The metric {metric} is unknown")));
            }
        }
        Ok(())
    }

    fn text(&self) -> Result<String, Fault> {
        serde_json::to_string(self)
            .map_err(|error| Fault::new(format!("could not write a security profile: {error}")))
    }

    /// Whether a behavior or a retained metric has this dimension.
    fn has_dimension(&self, name: &str) -> bool {
        let of_behaviors = self.behaviors.iter().flatten().map(|one| &one.metric_dimension);
        let retained = self.additional_metrics_to_retain_v2.iter().flatten();
        let mut dimensions = of_behaviors.chain(retained.map(|one| &one.metric_dimension));
        dimensions.any(|one| one.as_ref().is_some_and(|one| one.dimension_name == name))
    }

    /// Whether a behavior or a retained metric is about this metric.
    fn has_metric(&self, name: &str) -> bool {
        let of_behaviors = self.behaviors.iter().flatten().filter_map(|one| one.metric.as_ref());
        let retained_v2 = self.additional_metrics_to_retain_v2.iter().flatten();
        let retained = self.additional_metrics_to_retain.iter().flatten();
        of_behaviors.chain(retained_v2.map(|one| &one.metric)).chain(retained).any(|of| of == name)
    }
}

/// The ARN of a profile.
#[must_use]
pub fn arn(txn: &Txn, name: &str) -> String {
    txn.arn(&format!("securityprofile/{name}"))
}

/// CreateSecurityProfile.
///
/// # Errors
/// There is one of this name, its behaviors make no sense, or the tags are refused.
pub async fn create(
    txn: &mut Txn,
    name: &str,
    settings: &Settings,
    tags: &Tags,
) -> Result<(), Failure> {
    settings.check()?;
    if txn.has(table::SECURITY_PROFILES, name.as_bytes()).await? {
        // The text is ours.
        let message = format!("Security profile {name} already exists");
        let refusal = Refusal::new(Code::ResourceAlreadyExistsException, message)
            .with("resourceId", name)
            .with("resourceArn", arn(txn, name));
        return Err(refusal.into());
    }
    tags::put(txn, &arn(txn, name), tags)?;
    let now = txn.now();
    let settings = settings.text()?;
    let profile = Profile { version: 1, created: now, modified: now, attachments: 0, settings };
    Ok(txn.put(table::SECURITY_PROFILES, name.as_bytes(), &profile)?)
}

/// DescribeSecurityProfile.
///
/// # Errors
/// There is none of this name.
pub async fn get(txn: &mut Txn, name: &str) -> Result<Profile, Failure> {
    let profile = txn.get(table::SECURITY_PROFILES, name.as_bytes()).await?;
    // The text is ours.
    let missing = || {
        let message = format!("Security profile {name} does not exist");
        Refusal::new(Code::ResourceNotFoundException, message)
    };
    Ok(profile.ok_or_else(missing)?)
}

/// UpdateSecurityProfile: what isn't given stays.
///
/// # Errors
/// There is none, it has another version, something is given and deleted at once, or the behaviors
/// make no sense.
pub async fn update(
    txn: &mut Txn,
    name: &str,
    given: Settings,
    deletions: Deletions,
    expected: Option<i64>,
) -> Result<Profile, Failure> {
    let mut profile = get(txn, name).await?;
    check_version(&profile, expected)?;
    check_deletions(&given, deletions)?;
    let old = profile.settings()?;
    let kept = |is_deleted: bool| !is_deleted;
    let metrics = kept(deletions.delete_additional_metrics_to_retain);
    let export = kept(deletions.delete_metrics_export_config);
    let settings = Settings {
        security_profile_description: given
            .security_profile_description
            .or(old.security_profile_description),
        behaviors: given.behaviors.or(old.behaviors.filter(|_| kept(deletions.delete_behaviors))),
        alert_targets: given
            .alert_targets
            .or(old.alert_targets.filter(|_| kept(deletions.delete_alert_targets))),
        additional_metrics_to_retain: given
            .additional_metrics_to_retain
            .or(old.additional_metrics_to_retain.filter(|_| metrics)),
        additional_metrics_to_retain_v2: given
            .additional_metrics_to_retain_v2
            .or(old.additional_metrics_to_retain_v2.filter(|_| metrics)),
        metrics_export_config: given
            .metrics_export_config
            .or(old.metrics_export_config.filter(|_| export)),
    };
    settings.check()?;
    profile.settings = settings.text()?;
    profile.version = profile.version.saturating_add(1);
    profile.modified = txn.now();
    txn.put(table::SECURITY_PROFILES, name.as_bytes(), &profile)?;
    Ok(profile)
}

/// DeleteSecurityProfile, and its attachments with it. Idempotent, as no NotFound is modeled.
///
/// # Errors
/// It has another version.
pub async fn delete(txn: &mut Txn, name: &str, expected: Option<i64>) -> Result<(), Failure> {
    let key = name.as_bytes();
    let Some(profile) = txn.get::<Profile>(table::SECURITY_PROFILES, key).await? else {
        return Ok(());
    };
    check_version(&profile, expected)?;
    let of_profile = record::prefix(&[name]);
    for target in txn.keys(table::PROFILE_TARGETS, &of_profile, None, usize::MAX).await? {
        txn.delete(table::PROFILE_TARGETS, &[&of_profile[..], &target].concat());
        txn.delete(table::TARGET_PROFILES, &[&target[..], &[0], key].concat());
    }
    tags::delete(txn, &arn(txn, name));
    txn.delete(table::SECURITY_PROFILES, key);
    Ok(())
}

/// The names of profiles after the one named, in their order, that use a dimension or a metric.
///
/// # Errors
/// The store failed.
pub async fn list(
    registry: &Registry,
    scope: &Arc<str>,
    (dimension, metric): (Option<&str>, Option<&str>),
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Page<String>, Failure> {
    let rows = Rows { registry, scope, table: table::SECURITY_PROFILES, prefix: &[] };
    rows.page(after, limit, |name, row| {
        let settings = record::decode::<Profile>(row)?.settings()?;
        let is_wanted = dimension.is_none_or(|name| settings.has_dimension(name))
            && metric.is_none_or(|name| settings.has_metric(name));
        Ok(is_wanted.then(|| last_part(name)))
    })
    .await
}

fn check_version(profile: &Profile, expected: Option<i64>) -> Result<(), Refusal> {
    if expected.is_none_or(|expected| expected == profile.version) {
        return Ok(());
    }
    // The text is ours.
    let message = format!("The security profile has version {}", profile.version);
    Err(Refusal::new(Code::VersionConflictException, message))
}

/// Source: `deleteBehaviors` and its like. The text is ours.
fn check_deletions(given: &Settings, deletions: Deletions) -> Result<(), Refusal> {
    let metrics = given.additional_metrics_to_retain.is_some()
        || given.additional_metrics_to_retain_v2.is_some();
    let both = [
        ("behaviors", deletions.delete_behaviors && given.behaviors.is_some()),
        ("alertTargets", deletions.delete_alert_targets && given.alert_targets.is_some()),
        ("additionalMetricsToRetain", deletions.delete_additional_metrics_to_retain && metrics),
        (
            "metricsExportConfig",
            deletions.delete_metrics_export_config && given.metrics_export_config.is_some(),
        ),
    ];
    match both.into_iter().find(|(_, is_both)| *is_both) {
        Some((member, _)) => {
            Err(Refusal::invalid(format!("{member} can't be given and deleted at once")))
        }
        None => Ok(()),
    }
}
