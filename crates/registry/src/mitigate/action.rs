//! What each action does: the very operations that users call.

use std::collections::BTreeSet;

use trackway_audit::action::ActionParams;
use trackway_audit::audit::Finding;
use trackway_audit::ids::FindingRef;
use trackway_audit::resource::Resource;

use super::Task;
use super::apply::TRIES;
use super::subject::Subject;
use crate::record::{CertificateId, CertificateStatus};
use crate::{
    Code, Failure, Refusal, Txn, ca_certificates, certificates, groups, logging, policies,
    principals, table,
};

/// The policy that grants nothing. Source: `BLANK_POLICY`, which "adds a blank policy to restrict
/// permissions"; its text is ours.
const BLANK_POLICY: &str = r#"{"Version":"2012-10-17","Statement":[]}"#;

/// Which actions have changed all but their last certificates already, in changes of their own: by
/// the place of the item and that of the action.
pub(super) type Begun = BTreeSet<(usize, usize)>;

impl Task {
    /// Applies an action to a subject. A refusal is how it failed; it may have left something in
    /// `txn`.
    pub(super) async fn carry_out(
        &self,
        txn: &mut Txn,
        params: &ActionParams,
        (subject, place): (&Subject, (usize, usize)),
        begun: &mut Begun,
    ) -> Result<(), Failure> {
        match (subject, params) {
            (Subject::Gone, _) => Err(gone().into()),
            (Subject::Violation { thing }, ActionParams::AddThingsToThingGroup { .. }) => {
                add_thing(txn, params, thing).await
            }
            (
                Subject::Finding(of, finding),
                ActionParams::UpdateDeviceCertificate | ActionParams::AddThingsToThingGroup { .. },
            ) => self.certificates_each(txn, params, ((*of, finding), place), begun).await,
            (Subject::Finding(_, finding), params) => to_resource(txn, params, finding).await,
            (Subject::Violation { .. }, _) => Err(not_for().into()),
        }
    }

    /// To each certificate of a finding. Where there are more than fit a change, all but the last
    /// ones are changed before, once: to do so again changes nothing. They stay as they are when one
    /// of the last fails, and so its message tells how many they are.
    async fn certificates_each(
        &self,
        txn: &mut Txn,
        params: &ActionParams,
        (finding, place): ((FindingRef, &Finding), (usize, usize)),
        begun: &mut Begun,
    ) -> Result<(), Failure> {
        let (mut after, mut changed) = (None, 0);
        loop {
            let (ids, next) = self.certificates(finding, after).await?;
            let applied = match &next {
                None => all_certificates(txn, params, &ids).await,
                Some(_) if begun.contains(&place) => Ok(()),
                Some(_) => self.apart(params, &ids).await,
            };
            applied.map_err(|failure| after_others(failure, changed))?;
            changed += ids.len();
            if next.is_none() {
                begun.insert(place);
                return Ok(());
            }
            after = next;
        }
    }

    /// Some certificates, in a change of their own.
    async fn apart(&self, params: &ActionParams, ids: &[String]) -> Result<(), Failure> {
        let mut tries = 0_u32;
        loop {
            let alone = if tries < TRIES { None } else { Some(self.registry.alone().await) };
            let mut txn = alone.as_ref().unwrap_or(&self.registry).begin(&self.work.scope);
            all_certificates(&mut txn, params, ids).await?;
            if txn.commit().await? {
                return Ok(());
            }
            tries = tries.saturating_add(1);
        }
    }
}

/// A failure that leaves certificates changed which came before. The wording is ours.
fn after_others(failure: Failure, changed: usize) -> Failure {
    match failure {
        Failure::Refused(mut refusal) if changed > 0 => {
            refusal.message =
                format!("{} ({changed} certificates were changed before)", refusal.message);
            Failure::Refused(refusal)
        }
        other => other,
    }
}

async fn all_certificates(
    txn: &mut Txn,
    params: &ActionParams,
    ids: &[String],
) -> Result<(), Failure> {
    for id in ids {
        if matches!(params, ActionParams::UpdateDeviceCertificate) {
            certificates::update(txn, id, CertificateStatus::Inactive).await?;
            continue;
        }
        let is_there = match CertificateId::read(id) {
            Some(key) => txn.has(table::CERTIFICATES, &key.0).await?,
            None => false,
        };
        if !is_there {
            return Err(certificates::not_found().into());
        }
        let principal = txn.arn(&format!("cert/{id}"));
        for thing in principals::things_of(txn, &principal).await? {
            add_thing(txn, params, &thing).await?;
        }
    }
    Ok(())
}

async fn add_thing(txn: &mut Txn, params: &ActionParams, thing: &str) -> Result<(), Failure> {
    let ActionParams::AddThingsToThingGroup { groups, .. } = params else {
        return Err(not_for().into());
    };
    for group in groups {
        groups::add_thing(txn, group, thing).await?;
    }
    Ok(())
}

async fn to_resource(
    txn: &mut Txn,
    params: &ActionParams,
    finding: &Finding,
) -> Result<(), Failure> {
    match (params, &finding.resource) {
        (ActionParams::UpdateCaCertificate, Resource::CaCertificate(id)) => {
            ca_certificates::deactivate(txn, id).await
        }
        // Whatever version is the default by now: the new one takes its place.
        (ActionParams::ReplaceDefaultPolicyVersion, Resource::Policy { name, .. }) => {
            policies::create_version(txn, name, BLANK_POLICY, true).await?;
            Ok(())
        }
        (ActionParams::EnableIotLogging { role_arn, level }, _) => {
            let (role, level) = (Some(role_arn.clone()), Some(level.clone()));
            Ok(logging::set_v2(txn, role, level, Some(false)).await?)
        }
        _ => Err(not_for().into()),
    }
}

/// The wording is ours.
pub(super) fn gone() -> Refusal {
    Refusal::new(Code::ResourceNotFoundException, "The finding does not exist any more")
}

/// A task isn't started with an action that its checks don't allow. The wording is ours.
fn not_for() -> Refusal {
    Refusal::invalid("The action can't be applied to this resource")
}
