//! What audits are to find, looked up in the model one thing after the other.

use trackway_audit::check::Check;
use trackway_audit::resource::Resource;

use super::Summary;
use super::model::{Connection, Device, Model, Pki, STARTED, role_arn};
use crate::record::{CertificateId, CertificateStatus, Weakness};

const DAY_MS: i64 = 86_400_000;
const DAY: i64 = 24 * 60;

/// A resource that was looked at: why it doesn't comply, and what is related.
type Looked = (Resource, Vec<&'static str>, Vec<Resource>);

/// The resources that a check looks at.
pub(super) fn resources(model: &Model, pki: &Pki, check: Check) -> Vec<Resource> {
    look(model, pki, check).into_iter().flatten().map(|(resource, ..)| resource).collect()
}

pub(super) fn check(model: &Model, pki: &Pki, check: Check) -> Summary {
    let Some(looked_at) = look(model, pki, check) else {
        return ((0, 0, 0), Vec::new(), Some("INSUFFICIENT_PERMISSIONS".to_owned()));
    };
    let (mut counts, mut findings) = ((0, 0, 0), Vec::new());
    for (resource, codes, related) in looked_at {
        counts.0 += 1;
        let suppressed = model.suppressed.get(&(check, resource.clone())) == Some(&true);
        match (codes.is_empty(), suppressed) {
            (true, _) => {}
            (false, false) => counts.1 += 1,
            (false, true) => counts.2 += 1,
        }
        for code in codes {
            let mut related: Vec<String> =
                related.iter().map(|one| one.to_identifier().to_string()).collect();
            related.sort();
            findings.push(format!("{} {code} {suppressed} {related:?}", resource.to_identifier()));
        }
    }
    (counts, findings, None)
}

/// None if evidence is missing.
#[expect(clippy::too_many_lines, reason = "one arm a check, each plain")]
fn look(model: &Model, pki: &Pki, check: Check) -> Option<Vec<Looked>> {
    let devices = || model.certificates.iter().filter(|device| is_examined(device));
    let device = |one: &Device, codes| (Resource::DeviceCertificate(id(one)), codes, Vec::new());
    let cas = || {
        let active = model.authorities.iter().filter(|(_, registered)| registered.is_active);
        active.map(|(place, registered)| (&pki.authorities[*place].read, *place, registered))
    };
    let weak = |weakness| match weakness {
        None => vec![],
        Some(Weakness::Roca) => vec!["CERTIFICATE_KEY_VULNERABILITY_CVE-2017-15361"],
        Some(Weakness::Debian) => vec!["CERTIFICATE_KEY_VULNERABILITY_CVE-2008-0166"],
    };
    let expiring = |after: trackway_core::Timestamp| {
        if after < STARTED {
            vec!["CERTIFICATE_PAST_EXPIRATION"]
        } else if after < STARTED + 30 * DAY_MS {
            vec!["CERTIFICATE_APPROACHING_EXPIRATION"]
        } else {
            vec![]
        }
    };
    let is_listed = |issuer: usize, serial: u8| {
        model.lists.get(&issuer).is_some_and(|serials| serials.contains(&serial))
    };
    let foreign = || devices().any(|device| device.issuer.is_some());
    // Each of the PKI has its place and one as its serial; those in the middle are the first's.
    let issuer_of = |place: usize| if place == 1 || place == 2 { 0 } else { place };
    let serial_of = |place: usize| u8::try_from(place + 1).unwrap();
    Some(match check {
        Check::DeviceCertificateExpiring => {
            devices().map(|one| device(one, expiring(one.not_after))).collect()
        }
        Check::DeviceCertificateAge => devices()
            .map(|one| {
                let is_old = STARTED - one.not_before >= 365 * DAY_MS;
                device(one, if is_old { vec!["CERTIFICATE_PAST_AGE_THRESHOLD"] } else { vec![] })
            })
            .collect(),
        Check::DeviceCertificateKeyQuality => {
            devices().map(|one| device(one, weak(one.weakness))).collect()
        }
        Check::CaCertificateExpiring => cas()
            .map(|(ca, _, it)| {
                (Resource::CaCertificate(ca.id.text()), expiring(it.not_after), vec![])
            })
            .collect(),
        Check::CaCertificateKeyQuality => cas()
            .map(|(ca, _, it)| (Resource::CaCertificate(ca.id.text()), weak(it.weakness), vec![]))
            .collect(),
        Check::RevokedDeviceCertificateStillActive => {
            if model.lists.is_empty() && foreign() {
                return None;
            }
            let is_revoked =
                |one: &Device| one.issuer.is_some_and(|issuer| is_listed(issuer, one.serial));
            let codes =
                |one| if is_revoked(one) { vec!["CERTIFICATE_REVOKED_BY_ISSUER"] } else { vec![] };
            devices().map(|one| device(one, codes(one))).collect()
        }
        Check::RevokedCaCertificateStillActive => {
            if model.lists.is_empty() && cas().next().is_some() {
                return None;
            }
            cas()
                .map(|(ca, place, _)| {
                    let is_revoked = is_listed(issuer_of(place), serial_of(place));
                    let codes =
                        if is_revoked { vec!["CERTIFICATE_REVOKED_BY_ISSUER"] } else { vec![] };
                    (Resource::CaCertificate(ca.id.text()), codes, vec![])
                })
                .collect()
        }
        Check::IntermediateCaRevoked => {
            if model.lists.is_empty() {
                return if foreign() { None } else { Some(Vec::new()) };
            }
            let known = |place: &usize| {
                model.authorities.contains_key(place) || model.fed_authorities.contains(place)
            };
            [1, 2]
                .into_iter()
                .filter(known)
                .map(|place| {
                    let ca = &pki.authorities[place].read;
                    let issued: Vec<Resource> = devices()
                        .filter(|one| one.issuer == Some(place) && is_listed(0, serial_of(place)))
                        .map(|one| Resource::DeviceCertificate(id(one)))
                        .collect();
                    let codes = if issued.is_empty() {
                        vec![]
                    } else {
                        vec!["INTERMEDIATE_CA_REVOKED_BY_ISSUER"]
                    };
                    let resource = Resource::Issuer {
                        subject: Some(ca.subject.clone()),
                        id: Some(ca.id.text()),
                        serial: Some(format!("{:02x}", serial_of(place))),
                    };
                    (resource, codes, issued)
                })
                .collect()
        }
        Check::DeviceCertificateShared | Check::ConflictingClientIds => {
            if model.connections.is_empty() {
                return if devices().next().is_some() { None } else { Some(Vec::new()) };
            }
            if check == Check::DeviceCertificateShared { shared(model) } else { conflicting(model) }
        }
        Check::PolicyOverlyPermissive | Check::PolicyPotentialMisconfiguration => {
            let is_permissive = check == Check::PolicyOverlyPermissive;
            let (wildcards, evaded) = (
                "POLICY_CONTAINS_MQTT_WILDCARDS_IN_DENY_STATEMENT",
                "TOPIC_FILTERS_INTENDED_TO_DENY_ALLOWED_USING_WILDCARDS",
            );
            let codes = |policy| match (is_permissive, policy) {
                (true, 1 | 3) => vec!["ALLOWS_BROAD_ACCESS_TO_IOT_DATA_PLANE_ACTIONS"],
                (false, 2) => vec![wildcards],
                (false, 3) => vec![wildcards, evaded],
                _ => vec![],
            };
            let policies = model.policies.iter().enumerate();
            policies
                .map(|(place, policy)| {
                    let (name, version) = (format!("p{place}"), "2".to_owned());
                    (Resource::Policy { name, version }, codes(*policy), vec![])
                })
                .collect()
        }
        Check::RoleAliasOverlyPermissive | Check::RoleAliasAllowsUnusedServices => {
            if model.aliases.contains(&3) {
                return None;
            }
            let aliases = model.aliases.iter().enumerate();
            aliases
                .map(|(place, role)| {
                    let arn = format!("arn:aws:iot:us-east-1:123456789012:rolealias/a{place}");
                    role_finding(Resource::RoleAlias(arn), Some(*role), check)
                })
                .collect()
        }
        Check::AuthenticatedCognitoRoleOverlyPermissive
        | Check::UnauthenticatedCognitoRoleOverlyPermissive => {
            let mut looked_at = Vec::new();
            for (place, (days, signed_in, guests)) in model.pools.iter().enumerate() {
                let is_signed_in = check == Check::AuthenticatedCognitoRoleOverlyPermissive;
                let role = if is_signed_in { *signed_in } else { *guests };
                if *days > 31 {
                    continue;
                }
                if role == Some(3) {
                    return None;
                }
                let pool = Resource::CognitoPool(format!("us-east-1:{place}"));
                looked_at.push(role_finding(pool, role, check));
            }
            looked_at
        }
        Check::LoggingDisabled => {
            let (v1, v2, is_off) = model.logging;
            let logs = v1 == Some("ERROR") || v2 == Some("DEBUG") && !is_off;
            let codes = if logs { vec![] } else { vec!["LOGGING_DISABLED"] };
            vec![(Resource::Account("123456789012".to_owned()), codes, vec![])]
        }
    })
}

fn is_examined(device: &Device) -> bool {
    matches!(device.status, CertificateStatus::Active | CertificateStatus::PendingTransfer)
}

fn id(device: &Device) -> String {
    CertificateId(device.id).text()
}

fn role_finding(resource: Resource, role: Option<usize>, check: Check) -> Looked {
    let codes: Vec<&'static str> = match (check, role) {
        (Check::RoleAliasOverlyPermissive, Some(1)) => vec![
            "ALLOWS_BROAD_ACCESS_TO_USED_SERVICES",
            "ALLOWS_ACCESS_TO_SECURITY_AUDITING_SERVICES",
            "ALLOWS_BROAD_ACCESS_TO_IOT_THING_ADMIN_READ_ACTIONS",
            "ALLOWS_ACCESS_TO_IOT_NON_THING_ADMIN_ACTIONS",
            "ALLOWS_ACCESS_TO_IOT_THING_ADMIN_WRITE_ACTIONS",
            "ALLOWS_BROAD_ACCESS_TO_IOT_DATA_PLANE_ACTIONS",
        ],
        (Check::RoleAliasAllowsUnusedServices, Some(1 | 2)) => {
            vec!["ALLOWS_ACCESS_TO_UNUSED_SERVICES"]
        }
        (Check::AuthenticatedCognitoRoleOverlyPermissive, Some(1)) => vec![
            "ALLOWS_BROAD_ACCESS_TO_IOT_THING_ADMIN_READ_ACTIONS",
            "ALLOWS_ACCESS_TO_IOT_NON_THING_ADMIN_ACTIONS",
            "ALLOWS_ACCESS_TO_IOT_THING_ADMIN_WRITE_ACTIONS",
        ],
        (Check::UnauthenticatedCognitoRoleOverlyPermissive, Some(1)) => vec![
            "ALLOWS_ACCESS_TO_IOT_ADMIN_ACTIONS",
            "ALLOWS_BROAD_ACCESS_TO_IOT_DATA_PLANE_ACTIONS",
        ],
        (Check::UnauthenticatedCognitoRoleOverlyPermissive, Some(2)) => {
            vec!["ALLOWS_ACCESS_TO_IOT_ADMIN_ACTIONS"]
        }
        (_, Some(2)) => vec!["ALLOWS_ACCESS_TO_IOT_THING_ADMIN_WRITE_ACTIONS"],
        _ => vec![],
    };
    let related = role.map(|role| Resource::IamRole(role_arn(role))).into_iter().collect();
    (resource, codes, related)
}

/// Whether two connections have a time in common.
fn overlap(one: &Connection, two: &Connection) -> bool {
    let end = |it: &Connection| it.ended.unwrap_or(i64::MIN);
    end(one) < two.began && end(two) < one.began
}

/// Whether a connection went on in the last 31 days.
fn went_on(one: &Connection) -> bool {
    one.began <= 31 * DAY || one.ended.is_none_or(|ended| ended < 31 * DAY)
}

fn shared(model: &Model) -> Vec<Looked> {
    let mut looked_at = Vec::new();
    for (place, device) in model.certificates.iter().enumerate() {
        let of_device: Vec<_> = model.connections.iter().filter(|it| it.device == place).collect();
        if !of_device.iter().any(|it| went_on(it)) || !is_examined(device) {
            continue;
        }
        // Of what began earlier, the latest of each client.
        let is_latest = |one: &&Connection| {
            let earlier = of_device.iter().filter(|two| two.began > 31 * DAY && went_on(two));
            earlier.filter(|two| two.client == one.client).all(|two| two.began >= one.began)
        };
        let of_device: Vec<_> = of_device
            .iter()
            .copied()
            .filter(|it| it.began >= 120 && went_on(it))
            .filter(|it| it.began <= 31 * DAY || is_latest(it))
            .collect();
        let related: Vec<Resource> = of_device
            .iter()
            .filter(|one| of_device.iter().any(|two| one.client != two.client && overlap(one, two)))
            .map(|one| Resource::Client(format!("client-{}", one.client)))
            .collect();
        let codes = if related.is_empty() {
            vec![]
        } else {
            vec!["CERTIFICATE_SHARED_BY_MULTIPLE_DEVICES"]
        };
        looked_at.push((Resource::DeviceCertificate(id(device)), codes, related));
    }
    looked_at
}

fn conflicting(model: &Model) -> Vec<Looked> {
    let mut looked_at = Vec::new();
    for client in 0..6 {
        let of_client: Vec<_> =
            model.connections.iter().filter(|it| it.client == client && went_on(it)).collect();
        // Of what began earlier, the latest.
        let latest = of_client.iter().map(|it| it.began).filter(|began| *began > 31 * DAY).min();
        let of_client: Vec<_> = of_client
            .into_iter()
            .filter(|it| it.began <= 31 * DAY || latest == Some(it.began))
            .collect();
        if of_client.is_empty() {
            continue;
        }
        let is_hit = |one: &&&Connection| {
            let others = of_client.iter().filter(|two| two.began != one.began);
            one.was_kicked || others.clone().any(|two| overlap(one, two))
        };
        let related: Vec<Resource> = of_client
            .iter()
            .filter(is_hit)
            .map(|one| {
                let certificate = model.certificates.get(one.device).map_or([255; 32], |it| it.id);
                Resource::DeviceCertificate(CertificateId(certificate).text())
            })
            .collect();
        let codes = if related.is_empty() {
            vec![]
        } else {
            vec!["DUPLICATE_CLIENT_ID_ACROSS_CONNECTIONS"]
        };
        looked_at.push((Resource::Client(format!("client-{client}")), codes, related));
    }
    looked_at
}
