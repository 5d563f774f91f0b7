//! Service settings: what an account sets for a region. They are kept and shown; two of them change
//! what Trackway does, those that have a constant here.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use trackway_core::Timestamp;
use trackway_engine::{Edit, Fault};

use super::refusal::{Code, Refusal, invalid};
use super::{Answer, Group, Ssm, table};
use crate::Caller;
use crate::answer::{Epoch, nothing, read, write};
use crate::record;

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group {
    operations: &["GetServiceSetting", "ResetServiceSetting", "UpdateServiceSetting"],
    call: |ssm, operation, caller, input| Box::pin(call(ssm, operation, caller, input)),
};

async fn call(ssm: &Ssm, operation: &str, caller: &Caller, input: Value) -> Answer {
    match operation {
        "GetServiceSetting" => ssm.get_setting(caller, read(input)?).await,
        "ResetServiceSetting" => ssm.reset_setting(caller, read(input)?).await,
        "UpdateServiceSetting" => ssm.update_setting(caller, read(input)?).await,
        other => Err(Fault::new(format!("{other} is listed as built but is not")).into()),
    }
}

/// The tier of a parameter for which none is named.
pub(super) const DEFAULT_PARAMETER_TIER: &str = "/ssm/parameter-store/default-parameter-tier";
/// Whether documents may be shared with all accounts.
pub(super) const PUBLIC_SHARING: &str = "/ssm/documents/console/public-sharing-permission";

/// A setting that AWS has.
struct Known {
    id: &'static str,
    /// Its value while nobody has set it.
    default: &'static str,
    /// The values that it may have; any text if none is named.
    values: &'static [&'static str],
}

/// The settings. Source: UpdateServiceSetting's documentation.
const KNOWN: &[Known] = &[
    Known {
        id: "/ssm/automation/customer-script-log-destination",
        default: "",
        values: &["CloudWatch"],
    },
    Known { id: "/ssm/automation/customer-script-log-group-name", default: "", values: &[] },
    Known {
        id: "/ssm/automation/enable-adaptive-concurrency",
        default: "False",
        values: &["True", "False"],
    },
    Known { id: PUBLIC_SHARING, default: "Enable", values: &["Enable", "Disable"] },
    Known {
        id: "/ssm/managed-instance/activation-tier",
        default: "standard",
        values: &["standard", "advanced"],
    },
    Known {
        id: "/ssm/managed-instance/default-ec2-instance-management-role",
        default: "",
        values: &[],
    },
    Known {
        id: "/ssm/opsinsights/opscenter",
        default: "Disabled",
        values: &["Enabled", "Disabled"],
    },
    Known {
        id: DEFAULT_PARAMETER_TIER,
        default: "Standard",
        values: &["Standard", "Advanced", "Intelligent-Tiering"],
    },
    Known {
        id: "/ssm/parameter-store/high-throughput-enabled",
        default: "false",
        values: &["true", "false"],
    },
];

/// A setting that somebody set.
#[derive(Serialize, Deserialize)]
struct Customized {
    value: String,
    modified: Timestamp,
    user: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfSetting {
    setting_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Update {
    setting_id: String,
    setting_value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Described {
    service_setting: Shown,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Shown {
    setting_id: &'static str,
    setting_value: String,
    last_modified_date: Epoch,
    last_modified_user: String,
    #[serde(rename = "ARN")]
    arn: String,
    status: &'static str,
}

impl Ssm {
    async fn get_setting(&self, caller: &Caller, request: OfSetting) -> Answer {
        let known = known(caller, &request.setting_id)?;
        let set = self.customized(caller, known.id).await?;
        write(&Described { service_setting: shown(caller, known, set) })
    }

    async fn customized(&self, caller: &Caller, id: &str) -> Result<Option<Customized>, Fault> {
        let row = self.row(caller, table::SETTINGS, id.as_bytes()).await?;
        row.map(|row| record::decode(&row)).transpose()
    }

    /// The value that somebody has set; none while it is the default one.
    pub(super) async fn setting(&self, caller: &Caller, id: &str) -> Result<Option<String>, Fault> {
        Ok(self.customized(caller, id).await?.map(|set| set.value))
    }

    async fn update_setting(&self, caller: &Caller, request: Update) -> Answer {
        let known = known(caller, &request.setting_id)?;
        let value = request.setting_value;
        if !known.values.is_empty() && !known.values.contains(&value.as_str()) {
            return Err(invalid(format!(
                "Invalid value for {}: {value}. Valid values are: {}",
                known.id,
                known.values.join(", ")
            ))
            .into());
        }
        let set = Customized { value, modified: self.engine.now(), user: caller.arn() };
        let edit = Edit::Put {
            table: table::SETTINGS,
            key: known.id.into(),
            value: record::encode(&set)?.into(),
        };
        self.change(caller, &[], &[edit]).await?;
        nothing()
    }

    async fn reset_setting(&self, caller: &Caller, request: OfSetting) -> Answer {
        let known = known(caller, &request.setting_id)?;
        let edit = Edit::Delete { table: table::SETTINGS, key: known.id.into() };
        self.change(caller, &[], &[edit]).await?;
        write(&Described { service_setting: shown(caller, known, None) })
    }
}

/// The setting that an id or an ARN names.
fn known(caller: &Caller, text: &str) -> Result<&'static Known, Refusal> {
    let prefix = arn(caller, "");
    let id = match text.strip_prefix(&prefix) {
        Some(rest) => format!("/{rest}"),
        None => text.to_owned(),
    };
    KNOWN.iter().find(|known| known.id == id).ok_or_else(|| {
        let message = format!("Setting {text} is not found. Verify that the setting exists.");
        Refusal::new(Code::ServiceSettingNotFound, message)
    })
}

fn arn(caller: &Caller, id: &str) -> String {
    let id = id.trim_start_matches('/');
    format!("arn:aws:ssm:{}:{}:servicesetting/{id}", caller.region, caller.account)
}

fn shown(caller: &Caller, known: &Known, set: Option<Customized>) -> Shown {
    let status = if set.is_some() { "Customized" } else { "Default" };
    let set = set.unwrap_or_else(|| Customized {
        value: known.default.to_owned(),
        modified: Timestamp::default(),
        user: "System".to_owned(),
    });
    Shown {
        setting_id: known.id,
        setting_value: set.value,
        last_modified_date: Epoch(set.modified),
        last_modified_user: set.user,
        arn: arn(caller, known.id),
        status,
    }
}
