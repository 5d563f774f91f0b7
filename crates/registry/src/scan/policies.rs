//! Checks that look at policies: at their default versions.

use trackway_audit::check::{Check, Reason};
use trackway_audit::evaluate::document::Document;
use trackway_audit::evaluate::{misconfiguration, permissive};
use trackway_audit::resource::Resource;
use trackway_engine::Fault;

use super::Stop;
use super::chunk::{Chunk, Finding};
use crate::policies::version_key;
use crate::record::{self, Policy};
use crate::table;

/// Goes along all policies.
pub(super) async fn scan(chunk: &mut Chunk<'_>) -> Result<(), Stop> {
    let mut after = chunk.cursor()?;
    loop {
        let page = chunk.page(table::POLICIES, after.as_deref()).await?;
        for (key, row) in &page.rows {
            chunk.looked_at();
            let name = String::from_utf8_lossy(key).into_owned();
            let policy: Policy = record::decode(row)?;
            let version = version_key(&name, policy.default);
            let text = chunk.catalog().get(chunk.scope(), table::POLICY_VERSIONS, &version).await?;
            // It was deleted between two looks.
            if let Some(text) = text {
                let found = judge(chunk.check(), &text)?;
                let version = policy.default.to_string();
                chunk.judged(|| Resource::Policy { name, version }, found).await?;
            }
            if chunk.is_full() {
                chunk.stop(key);
                return Ok(());
            }
        }
        after = page.rows.last().map(|(key, _)| key.to_vec());
        if !page.more {
            return Ok(());
        }
    }
}

fn judge(check: Check, text: &[u8]) -> Result<Vec<Finding>, Fault> {
    let document = Document::parse(&String::from_utf8_lossy(text))
        .map_err(|why| Fault::new(format!("a policy that was taken is none: {why}")))?;
    if check == Check::PolicyPotentialMisconfiguration {
        let found = misconfiguration::judge(&document).into_iter();
        return Ok(found.map(|(code, reason)| Finding::new(code, reason)).collect());
    }
    let actions = permissive::broad_actions(&[document]);
    if actions.is_empty() {
        return Ok(Vec::new());
    }
    Ok(vec![Finding::new(Reason::BroadDataPlaneAccess, permissive::reason(&actions))])
}
