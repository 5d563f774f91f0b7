//! Logging options, versions 1 and 2.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use trackway_registry::logging;

use super::lists::Paging;
use super::{Answer, Group, Iot, listed_only};
use crate::Caller;
use crate::answer::{nothing, read, write};
use crate::page::Bound;

/// The target type that has no name.
const DEFAULT: &str = "DEFAULT";

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group {
    operations: &[
        "DeleteV2LoggingLevel",
        "GetLoggingOptions",
        "GetV2LoggingOptions",
        "ListV2LoggingLevels",
        "SetLoggingOptions",
        "SetV2LoggingLevel",
        "SetV2LoggingOptions",
    ],
    call: |service, operation, caller, input| Box::pin(call(service, operation, caller, input)),
};

async fn call(service: &Iot, operation: &str, caller: &Caller, input: Value) -> Answer {
    match operation {
        "DeleteV2LoggingLevel" => service.delete_logging_level(caller, read(input)?).await,
        "GetLoggingOptions" => service.logging_options(caller).await,
        "GetV2LoggingOptions" => service.v2_logging_options(caller).await,
        "ListV2LoggingLevels" => service.list_logging_levels(caller, read(input)?).await,
        "SetLoggingOptions" => service.set_logging_options(caller, read(input)?).await,
        "SetV2LoggingLevel" => service.set_logging_level(caller, read(input)?).await,
        "SetV2LoggingOptions" => service.set_v2_logging_options(caller, read(input)?).await,
        other => Err(listed_only(other)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SetV1 {
    logging_options_payload: Payload,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    role_arn: String,
    log_level: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SetV2 {
    role_arn: Option<String>,
    default_log_level: Option<String>,
    disable_all_logs: Option<bool>,
    event_configurations: Option<Vec<Event>>,
}

/// Source: `LogEventConfiguration`.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    event_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_level: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_destination: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SetLevel {
    log_target: Target,
    log_level: String,
}

/// Source: `LogTarget`.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    target_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_name: Option<String>,
}

/// Source: `LogTargetConfiguration`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Level {
    log_target: Target,
    log_level: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeleteLevel {
    target_type: String,
    target_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListLevels {
    target_type: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

impl Iot {
    async fn set_logging_options(&self, caller: &Caller, request: SetV1) -> Answer {
        let Payload { role_arn, log_level } = &request.logging_options_payload;
        self.change(caller, |mut txn| async move {
            logging::set_v1(&mut txn, role_arn.clone(), log_level.clone()).await?;
            Ok((txn, ()))
        })
        .await?;
        nothing()
    }

    async fn logging_options(&self, caller: &Caller) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Shown {
            #[serde(skip_serializing_if = "Option::is_none")]
            role_arn: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            log_level: Option<String>,
        }
        let options = logging::v1(&mut self.registry.begin(&caller.scope)).await?;
        write(&Shown { role_arn: options.role_arn, log_level: options.level })
    }

    async fn set_v2_logging_options(&self, caller: &Caller, request: SetV2) -> Answer {
        let SetV2 { role_arn, default_log_level: level, disable_all_logs, event_configurations } =
            &request;
        self.change(caller, |mut txn| async move {
            let (role, level) = (role_arn.clone(), level.clone());
            logging::set_v2(&mut txn, role, level, *disable_all_logs).await?;
            if let Some(events) = event_configurations {
                let events = events.iter().cloned();
                let events = events.map(|one| (one.event_type, one.log_level, one.log_destination));
                logging::set_events(&mut txn, events.collect()).await?;
            }
            Ok((txn, ()))
        })
        .await?;
        nothing()
    }

    /// With `verbose` or without: which events AWS could log is published nowhere, so those are
    /// shown that were set.
    async fn v2_logging_options(&self, caller: &Caller) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Shown {
            #[serde(skip_serializing_if = "Option::is_none")]
            role_arn: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            default_log_level: Option<String>,
            disable_all_logs: bool,
            #[serde(skip_serializing_if = "Vec::is_empty")]
            event_configurations: Vec<Event>,
        }
        let options = logging::v2(&mut self.registry.begin(&caller.scope)).await?;
        let event = |(event_type, log_level, log_destination)| Event {
            event_type,
            log_level,
            log_destination,
        };
        write(&Shown {
            role_arn: options.role_arn,
            default_log_level: options.default_level,
            disable_all_logs: options.disable_all,
            event_configurations: options.events.into_iter().map(event).collect(),
        })
    }

    async fn set_logging_level(&self, caller: &Caller, request: SetLevel) -> Answer {
        let SetLevel { log_target: Target { target_type, target_name }, log_level } = &request;
        self.change(caller, |mut txn| async move {
            let target = target_name.as_deref();
            logging::set_level(&mut txn, target_type, target, log_level).await?;
            Ok((txn, ()))
        })
        .await?;
        nothing()
    }

    async fn delete_logging_level(&self, caller: &Caller, request: DeleteLevel) -> Answer {
        let DeleteLevel { target_type, target_name } = &request;
        self.change(caller, |mut txn| async move {
            logging::delete_level(&mut txn, target_type, target_name)?;
            Ok((txn, ()))
        })
        .await?;
        nothing()
    }

    /// The default level comes first. Source: the example of the AWS CLI.
    async fn list_logging_levels(&self, caller: &Caller, request: ListLevels) -> Answer {
        let of = request.target_type.as_deref();
        let asked = ["ListV2LoggingLevels", of.unwrap_or_default()];
        let bound = Bound { engine: &self.engine, caller, request: &asked };
        let after = request.paging.after(bound)?;
        let options = logging::v2(&mut self.registry.begin(&caller.scope)).await?;
        let mut limit = request.paging.limit();
        let mut levels = Vec::new();
        let is_first = after.is_none() && of.is_none_or(|of| of == DEFAULT);
        if let (Some(log_level), true) = (options.default_level, is_first) {
            let log_target = Target { target_type: DEFAULT.to_owned(), target_name: None };
            levels.push(Level { log_target, log_level });
            limit -= 1;
        }
        let (rows, next) =
            logging::levels(&self.registry, &caller.scope, of, after.as_deref(), limit).await?;
        levels.extend(rows.into_iter().map(|row| Level {
            log_target: Target { target_type: row.target_type, target_name: Some(row.target) },
            log_level: row.level,
        }));
        let mut answer = json!({ "logTargetConfigurations": levels });
        if let Some(place) = next {
            answer["nextToken"] = json!(bound.seal(&place));
        }
        write(&answer)
    }
}
