//! A random registry, and what users do to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use trackway_audit::check::Check;
use trackway_audit::request::CheckConfig;
use trackway_audit::resource::Resource;
use trackway_core::Timestamp;
use trackway_engine::Fault;
use trackway_registry::record::{
    AuditConfiguration, CaCertificate, Certificate, CertificateId, CertificateStatus, Suppression,
    Weakness, X509,
};
use trackway_registry::{
    Failure, Registry, Txn, certificates, groups, logging, policies, principals, table, things,
};

use super::{ROLE, SCOPE};
use crate::Dice;

const DAY_MS: i64 = 24 * 3_600_000;
/// The group that things are put into.
pub(super) const GROUP: &str = "G";
/// What users write into policies.
pub(super) const NARROW: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:Connect","Resource":"arn:aws:iot:us-east-1:000000000000:client/a"}]}"#;
/// What policies begin with: one that complies, and three that don't.
const DOCUMENTS: [&str; 4] = [
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:Connect","Resource":"arn:aws:iot:us-east-1:000000000000:client/b"}]}"#,
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:*","Resource":"*"}]}"#,
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"iot:Subscribe","Resource":"arn:aws:iot:us-east-1:000000000000:topicfilter/a/#"}]}"#,
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:*","Resource":"*"},{"Effect":"Deny","Action":"iot:Publish","Resource":"arn:aws:iot:us-east-1:000000000000:topic/a/+"}]}"#,
];

/// A device certificate; its number is its id.
#[derive(Clone, Debug)]
pub(super) struct Device {
    pub(super) is_active: bool,
    /// In days before and after now.
    validity: (i64, i64),
    weakness: Option<Weakness>,
    /// The things that have it.
    pub(super) things: Vec<u64>,
}

/// What a registry holds at first.
#[derive(Clone, Debug)]
pub(super) struct Town {
    pub(super) checks: Vec<Check>,
    pub(super) devices: Vec<Device>,
    /// Whether each is active, when it ends in days, its weakness.
    authorities: Vec<(bool, i64, Option<Weakness>)>,
    /// Places in [`DOCUMENTS`].
    pub(super) policies: Vec<usize>,
    pub(super) things: u64,
    aliases: u64,
    is_logging: bool,
    suppressed: Vec<(Check, Resource)>,
}

/// What a user does. Done twice it comes to the same, since a user whose answer is lost does it
/// again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Deactivate(u64),
    Activate(u64),
    DeleteCertificate(u64),
    WritePolicy(u64),
    DefaultPolicy(u64),
    DeletePolicy(u64),
    AddThing(u64),
    RemoveThing(u64),
    DeleteThing(u64),
    StopLogging,
}

pub(super) fn device_id(number: u64) -> CertificateId {
    id(1, number)
}

pub(super) fn authority_id(number: u64) -> CertificateId {
    id(2, number)
}

fn id(kind: u8, number: u64) -> CertificateId {
    let mut id = [kind; 32];
    id[24..].copy_from_slice(&number.to_be_bytes());
    CertificateId(id)
}

pub(super) fn policy(number: u64) -> String {
    format!("p{number}")
}

pub(super) fn thing(number: u64) -> String {
    format!("t{number}")
}

/// Checks that need no more than the registry, and two that look for evidence that nobody has fed.
const CHECKS: [Check; 10] = [
    Check::DeviceCertificateExpiring,
    Check::CaCertificateExpiring,
    Check::DeviceCertificateAge,
    Check::DeviceCertificateKeyQuality,
    Check::CaCertificateKeyQuality,
    Check::DeviceCertificateShared,
    Check::PolicyOverlyPermissive,
    Check::PolicyPotentialMisconfiguration,
    Check::RoleAliasOverlyPermissive,
    Check::LoggingDisabled,
];

impl Town {
    pub(super) fn random(dice: &mut Dice) -> Self {
        let things = 1 + dice.below(3);
        let weakness = |dice: &mut Dice| match dice.below(4) {
            0 => Some(Weakness::Roca),
            1 => Some(Weakness::Debian),
            _ => None,
        };
        let days = |dice: &mut Dice, end: u64| dice.below(end).cast_signed();
        let device = |dice: &mut Dice| Device {
            is_active: !dice.once_in(4),
            validity: (days(dice, 700), days(dice, 90) - 20),
            weakness: weakness(dice),
            things: (0..things).filter(|_| dice.once_in(2)).collect(),
        };
        let devices: Vec<Device> = (0..1 + dice.below(5)).map(|_| device(dice)).collect();
        let authority = |dice: &mut Dice| (!dice.once_in(3), days(dice, 90) - 20, weakness(dice));
        let authorities = (0..dice.below(3)).map(|_| authority(dice)).collect();
        let policies: Vec<usize> = (0..1 + dice.below(3)).map(|_| dice.below(4) as usize).collect();
        let mut suppressed = Vec::new();
        for number in (0..devices.len() as u64).filter(|_| dice.once_in(5)) {
            let resource = Resource::DeviceCertificate(device_id(number).text());
            suppressed.push((Check::DeviceCertificateAge, resource));
        }
        Self {
            checks: CHECKS.into_iter().filter(|_| !dice.once_in(3)).collect(),
            devices,
            authorities,
            policies,
            things,
            aliases: dice.below(2),
            is_logging: dice.once_in(3),
            suppressed,
        }
    }

    /// Writes it all.
    pub(super) async fn furnish(&self, registry: &Registry) -> Result<(), Failure> {
        let mut txn = registry.begin(&Arc::from(SCOPE));
        let checks = self.checks.iter().map(|check| (*check, (true, CheckConfig::default())));
        let configuration = AuditConfiguration { checks: checks.collect(), ..Default::default() };
        txn.put(table::AUDIT_CONFIGURATION, b"", &configuration)?;
        let group = groups::NewGroup {
            name: GROUP.to_owned(),
            parent: None,
            description: None,
            attributes: BTreeMap::new(),
            tags: BTreeMap::new(),
        };
        groups::create(&mut txn, group).await?;
        for number in 0..self.things {
            let new = things::NewThing {
                name: thing(number),
                type_name: None,
                attributes: BTreeMap::new(),
                billing_group: None,
            };
            things::create(&mut txn, new).await?;
        }
        self.certificates(&mut txn).await?;
        for (number, document) in self.policies.iter().enumerate() {
            let document = DOCUMENTS[*document];
            policies::create(&mut txn, &policy(number as u64), document, &BTreeMap::new()).await?;
        }
        for (check, resource) in &self.suppressed {
            let suppression = Suppression {
                check: *check,
                resource: resource.clone(),
                expires: None,
                description: None,
                token: String::new(),
            };
            txn.put(table::SUPPRESSIONS, &Suppression::key(*check, resource), &suppression)?;
        }
        if self.is_logging {
            logging::set_v2(&mut txn, Some(ROLE.to_owned()), Some("INFO".to_owned()), None).await?;
        }
        for number in 0..self.aliases {
            let (name, now) = (format!("a{number}"), txn.now());
            let alias = trackway_registry::record::RoleAlias {
                role_arn: ROLE.to_owned(),
                duration_seconds: 3600,
                created: now,
                modified: now,
            };
            txn.put(table::ROLE_ALIASES, name.as_bytes(), &alias)?;
        }
        txn.commit().await?;
        Ok(())
    }

    async fn certificates(&self, txn: &mut Txn) -> Result<(), Failure> {
        let now = txn.now();
        for (device, number) in self.devices.iter().zip(0..) {
            let (id, (before, after)) = (device_id(number), device.validity);
            let status = match device.is_active {
                true => CertificateStatus::Active,
                false => CertificateStatus::Inactive,
            };
            let certificate = Certificate {
                status,
                created: now,
                modified: now,
                version: 1,
                x509: x509((now + -before * DAY_MS, now + after * DAY_MS), device.weakness),
                ca: None,
                sni_only: true,
                made_here: true,
                previous_owner: None,
                generation_id: String::new(),
                transfer: None,
            };
            txn.put(table::CERTIFICATES, &id.0, &certificate)?;
            let principal = txn.arn(&format!("cert/{}", id.text()));
            for number in &device.things {
                principals::attach(txn, &thing(*number), &principal, None).await?;
            }
        }
        for ((is_active, ends, weakness), number) in self.authorities.iter().zip(0..) {
            let ca = CaCertificate {
                is_active: *is_active,
                auto_registers: false,
                created: now,
                modified: now,
                version: 1,
                x509: x509((now, now + ends * DAY_MS), *weakness),
                sni_only: true,
                generation_id: String::new(),
                registration: None,
            };
            txn.put(table::CA_CERTIFICATES, &authority_id(number).0, &ca)?;
        }
        Ok(())
    }

    /// Something that a user may want.
    pub(super) fn change(&self, dice: &mut Dice) -> Change {
        let device = dice.below(self.devices.len() as u64);
        let policy = dice.below(self.policies.len() as u64);
        let thing = dice.below(self.things);
        match dice.below(10) {
            0 => Change::Deactivate(device),
            1 => Change::Activate(device),
            2 => Change::DeleteCertificate(device),
            3 => Change::WritePolicy(policy),
            4 => Change::DefaultPolicy(policy),
            5 => Change::DeletePolicy(policy),
            6 => Change::AddThing(thing),
            7 => Change::RemoveThing(thing),
            8 => Change::DeleteThing(thing),
            _ => Change::StopLogging,
        }
    }
}

fn x509((not_before, not_after): (Timestamp, Timestamp), weakness: Option<Weakness>) -> X509 {
    let (subject, issuer) = ("CN=subject".to_owned(), "CN=issuer".to_owned());
    let (issuer_hash, serial) = ([0; 16], vec![1]);
    X509 { not_before, not_after, subject, issuer, issuer_hash, serial, weakness }
}

impl Change {
    /// Does it until nobody is in the way. What is refused stays as it is.
    pub(super) async fn make(self, registry: Registry) -> Result<(), Fault> {
        loop {
            let mut txn = registry.begin(&Arc::from(SCOPE));
            match self.attempt(&mut txn).await {
                Ok(()) if txn.commit().await? => return Ok(()),
                Ok(()) => {}
                Err(Failure::Refused(_)) => return Ok(()),
                Err(Failure::Fault(fault)) => return Err(fault),
            }
        }
    }

    async fn attempt(self, txn: &mut Txn) -> Result<(), Failure> {
        match self {
            Self::Deactivate(number) => set(txn, number, CertificateStatus::Inactive).await,
            Self::Activate(number) => set(txn, number, CertificateStatus::Active).await,
            Self::DeleteCertificate(number) => {
                set(txn, number, CertificateStatus::Inactive).await?;
                let id = device_id(number).text();
                let principal = txn.arn(&format!("cert/{id}"));
                for thing in principals::things_of(txn, &principal).await? {
                    principals::detach(txn, &thing, &principal).await?;
                }
                certificates::delete(txn, &id, false).await?;
                Ok(())
            }
            Self::WritePolicy(number) => write_policy(txn, &policy(number)).await,
            Self::DefaultPolicy(number) => policies::set_default(txn, &policy(number), "1").await,
            Self::DeletePolicy(number) => {
                let name = policy(number);
                let found = policies::get(txn, &name).await?;
                for version in found.versions.keys().filter(|number| **number != found.default) {
                    policies::delete_version(txn, &name, &version.to_string()).await?;
                }
                policies::delete(txn, &name).await
            }
            Self::AddThing(number) => groups::add_thing(txn, GROUP, &thing(number), false).await,
            Self::RemoveThing(number) => {
                groups::members::remove_thing(txn, GROUP, &thing(number)).await
            }
            Self::DeleteThing(number) => things::delete(txn, &thing(number), None).await,
            Self::StopLogging => Ok(logging::set_v2(txn, None, None, Some(true)).await?),
        }
    }
}

async fn set(txn: &mut Txn, number: u64, status: CertificateStatus) -> Result<(), Failure> {
    certificates::update(txn, &device_id(number).text(), status).await
}

/// A version of the user's own, unless there is one.
async fn write_policy(txn: &mut Txn, name: &str) -> Result<(), Failure> {
    for number in policies::get(txn, name).await?.versions.keys() {
        let key = policies::version_key(name, *number);
        let text = txn.get_bytes(table::POLICY_VERSIONS, &key).await?;
        if text.is_some_and(|text| *text == *NARROW.as_bytes()) {
            return Ok(());
        }
    }
    policies::create_version(txn, name, NARROW, true).await?;
    Ok(())
}
