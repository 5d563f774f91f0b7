//! The check that looks at the settings of the account.

use trackway_audit::check::Reason;
use trackway_audit::evaluate::logging::{self, Options};
use trackway_audit::resource::Resource;

use super::Stop;
use super::chunk::{Chunk, Finding};
use crate::logging::{V1, V2};
use crate::record::{self, LoggingV1, LoggingV2};
use crate::table;

/// Whether the account logs.
pub(super) async fn logging(chunk: &mut Chunk<'_>) -> Result<(), Stop> {
    let v1 = chunk.catalog().get(chunk.scope(), table::LOGGING, V1).await?;
    let v1: LoggingV1 = v1.map(|row| record::decode(&row)).transpose()?.unwrap_or_default();
    let v2 = chunk.catalog().get(chunk.scope(), table::LOGGING, V2).await?;
    let v2: LoggingV2 = v2.map(|row| record::decode(&row)).transpose()?.unwrap_or_default();
    let is_disabled = logging::is_disabled(
        Options { has_role: v1.role_arn.is_some(), level: v1.level.as_deref(), is_off: false },
        Options {
            has_role: v2.role_arn.is_some(),
            level: v2.default_level.as_deref(),
            is_off: v2.disable_all,
        },
    );
    let found = is_disabled.then(|| Finding::new(Reason::LoggingDisabled, logging::REASON));
    let account = chunk.account().to_owned();
    chunk.judged(|| Resource::Account(account), found.into_iter().collect()).await?;
    Ok(())
}
