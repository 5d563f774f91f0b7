//! Logging options, versions 1 and 2, and the levels of single targets.
//!
//! Nothing is logged here: the options are kept, and audits look at them.

use serde::{Deserialize, Serialize};
use trackway_engine::Fault;

use crate::arn::check_role;
use crate::record::{self, LoggingV1, LoggingV2};
use crate::refusal::{Code, Failure, Refusal};
use crate::table;
use crate::txn::{Registry, Txn};

/// Where the first version's options stand in [`table::LOGGING`].
pub const V1: &[u8] = b"v1";
/// Where the second version's options stand.
pub const V2: &[u8] = b"v2";
/// The part before the level of one target.
const LEVEL: &str = "level";
/// The target type of thing groups. Source: `LogTargetType`.
pub const THING_GROUP: &str = "THING_GROUP";

/// The level of one target. Source: `LogTargetConfiguration`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetLevel {
    /// THING_GROUP, CLIENT_ID, SOURCE_IP or PRINCIPAL_ID.
    pub target_type: String,
    /// Which of them.
    pub target: String,
    /// DEBUG, INFO, ERROR, WARN or DISABLED.
    pub level: String,
}

/// SetLoggingOptions. A level that isn't given stays.
///
/// # Errors
/// The role is no ARN.
pub async fn set_v1(txn: &mut Txn, role_arn: String, level: Option<String>) -> Result<(), Failure> {
    check_role(&role_arn)?;
    let mut options = v1(txn).await?;
    options.role_arn = Some(role_arn);
    options.level = level.or(options.level);
    txn.put(table::LOGGING, V1, &options)?;
    Ok(())
}

/// GetLoggingOptions: empty ones where nothing was set.
///
/// # Errors
/// The store failed.
pub async fn v1(txn: &mut Txn) -> Result<LoggingV1, Fault> {
    Ok(txn.get(table::LOGGING, V1).await?.unwrap_or_default())
}

/// SetV2LoggingOptions without events. What isn't given stays.
///
/// # Errors
/// The role is no ARN.
pub async fn set_v2(
    txn: &mut Txn,
    role_arn: Option<String>,
    default_level: Option<String>,
    disable_all: Option<bool>,
) -> Result<(), Failure> {
    role_arn.as_deref().map_or(Ok(()), check_role)?;
    let mut options: LoggingV2 = txn.get(table::LOGGING, V2).await?.unwrap_or_default();
    options.role_arn = role_arn.or(options.role_arn);
    options.default_level = default_level.or(options.default_level);
    options.disable_all = disable_all.unwrap_or(options.disable_all);
    txn.put(table::LOGGING, V2, &options)?;
    Ok(())
}

/// Sets `eventConfigurations`, all of them.
///
/// # Errors
/// An event is named twice.
pub async fn set_events(
    txn: &mut Txn,
    events: Vec<(String, Option<String>, Option<String>)>,
) -> Result<(), Failure> {
    for (place, (event, ..)) in events.iter().enumerate() {
        if events[..place].iter().any(|(earlier, ..)| earlier == event) {
            // The text is ours.
            let message = format!("The event type {event} has more than one configuration");
            return Err(Refusal::invalid(message).into());
        }
    }
    let mut options: LoggingV2 = txn.get(table::LOGGING, V2).await?.unwrap_or_default();
    options.events = events;
    txn.put(table::LOGGING, V2, &options)?;
    Ok(())
}

/// GetV2LoggingOptions.
///
/// # Errors
/// Nothing was ever set.
pub async fn v2(txn: &mut Txn) -> Result<LoggingV2, Failure> {
    Ok(txn.get(table::LOGGING, V2).await?.ok_or_else(not_configured)?)
}

/// SetV2LoggingLevel. The target DEFAULT is the default level of the options.
///
/// # Errors
/// There are no options yet, or a target has no name, or the default one has.
pub async fn set_level(
    txn: &mut Txn,
    target_type: &str,
    target: Option<&str>,
    level: &str,
) -> Result<(), Failure> {
    v2(txn).await?;
    let target = target.filter(|target| !target.is_empty());
    match (target_type, target) {
        ("DEFAULT", None) => set_v2(txn, None, Some(level.to_owned()), None).await,
        // The texts are ours.
        ("DEFAULT", Some(_)) => {
            Err(Refusal::invalid("The log target DEFAULT must not have a name").into())
        }
        (_, None) => {
            let message = format!("The log target {target_type} must have a name");
            Err(Refusal::invalid(message).into())
        }
        (_, Some(target)) => {
            let row = TargetLevel {
                target_type: target_type.to_owned(),
                target: target.to_owned(),
                level: level.to_owned(),
            };
            txn.put(table::LOGGING, &level_key(target_type, target)?, &row)?;
            Ok(())
        }
    }
}

/// DeleteV2LoggingLevel: idempotent, as no NotFound is modeled.
///
/// # Errors
/// The default level, which can only be set.
pub fn delete_level(txn: &mut Txn, target_type: &str, target: &str) -> Result<(), Failure> {
    if target_type == "DEFAULT" {
        // The text is ours.
        return Err(Refusal::invalid("The default log level can't be deleted").into());
    }
    txn.delete(table::LOGGING, &level_key(target_type, target)?);
    Ok(())
}

/// Levels of targets, of one type or of all, by type and name, and behind which place they go on.
///
/// # Errors
/// The store failed.
pub async fn levels(
    registry: &Registry,
    scope: &str,
    target_type: Option<&str>,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<(Vec<TargetLevel>, Option<Vec<u8>>), Fault> {
    let prefix =
        target_type.map_or_else(|| record::prefix(&[LEVEL]), |of| record::prefix(&[LEVEL, of]));
    let page = registry.catalog().list(scope, table::LOGGING, &prefix, after, limit).await?;
    let next = page.more.then(|| page.rows.last().map_or(prefix, |(key, _)| key.to_vec()));
    let rows = page.rows.iter().map(|(_, row)| record::decode(row)).collect::<Result<_, _>>()?;
    Ok((rows, next))
}

fn level_key(target_type: &str, target: &str) -> Result<Vec<u8>, Refusal> {
    if target.contains('\0') {
        // The text is ours.
        return Err(Refusal::invalid("The name of the log target is invalid"));
    }
    Ok(record::key(&[LEVEL, target_type, target]))
}

fn not_configured() -> Refusal {
    // The text is ours.
    Refusal::new(Code::NotConfiguredException, "The logging options have not been set")
}
