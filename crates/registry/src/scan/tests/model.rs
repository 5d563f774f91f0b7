//! A random registry, as plain facts, and how it is written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer,
    KeyIdMethod, KeyPair, RevokedCertParams, SerialNumber,
};
use serde_json::json;
use trackway_audit::check::Check;
use trackway_audit::resource::Resource;
use trackway_core::Timestamp;

use super::{enable_all, scope, suppress};
use crate::evidence::crl::{self, Authority};
use crate::evidence::feed;
use crate::logging::{V1, V2};
use crate::policies::version_key;
use crate::record::{
    CaCertificate, Certificate, CertificateId, CertificateStatus, LoggingV1, LoggingV2, Policy,
    RoleAlias, Weakness, X509,
};
use crate::table;
use crate::txn::Registry;

pub(super) const STARTED: Timestamp = Timestamp(1_700_000_000_000);
pub(super) const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
const YEAR: [i32; 2] = [2020, 2040];

/// Four authorities: a root, two below it, and another root.
pub(super) struct Pki {
    pub(super) authorities: Vec<Made>,
}

pub(super) struct Made {
    pub(super) pem: String,
    pub(super) read: Authority,
    params: CertificateParams,
    key: KeyPair,
}

impl Pki {
    pub(super) fn get() -> &'static Self {
        static PKI: OnceLock<Pki> = OnceLock::new();
        PKI.get_or_init(|| {
            let root = Made::new("root", 1, None);
            let one = Made::new("one", 2, Some(&root));
            let two = Made::new("two", 3, Some(&root));
            let other = Made::new("other", 4, None);
            Self { authorities: vec![root, one, two, other] }
        })
    }

    /// A list of the authority at this place, as PEM.
    pub(super) fn list(&self, place: usize, serials: &[u8]) -> String {
        self.list_of(2023, place, serials)
    }

    /// A list that an authority made in a year.
    pub(super) fn list_of(&self, year: i32, place: usize, serials: &[u8]) -> String {
        let made = &self.authorities[place];
        made.list(&made.key, serials, year)
    }

    /// A list in the name of the first authority that another has signed.
    pub(super) fn forged_list(&self) -> String {
        self.authorities[0].list(&self.authorities[3].key, &[2], 2023)
    }
}

impl Made {
    fn new(name: &str, serial: u8, above: Option<&Self>) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.serial_number = Some(SerialNumber::from(vec![serial]));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_before = rcgen::date_time_ymd(YEAR[0], 1, 1);
        params.not_after = rcgen::date_time_ymd(YEAR[1], 1, 1);
        let certificate = match above {
            None => params.self_signed(&key).unwrap(),
            Some(above) => {
                params.signed_by(&key, &Issuer::from_params(&above.params, &above.key)).unwrap()
            }
        };
        let read = Authority::read(certificate.der()).unwrap();
        Self { pem: certificate.pem(), read, params, key }
    }

    fn list(&self, signer: &KeyPair, serials: &[u8], year: i32) -> String {
        let revoked = |serial: &u8| RevokedCertParams {
            serial_number: SerialNumber::from(vec![*serial]),
            revocation_time: rcgen::date_time_ymd(2023, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: rcgen::date_time_ymd(year, 1, 1),
            next_update: rcgen::date_time_ymd(year + 1, 1, 1),
            crl_number: SerialNumber::from(vec![1]),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&Issuer::from_params(&self.params, signer)).unwrap().pem().unwrap()
    }
}

#[derive(Debug)]
pub(super) struct Device {
    pub(super) id: [u8; 32],
    pub(super) status: CertificateStatus,
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
    pub(super) weakness: Option<Weakness>,
    /// The authority that issued it; none if we did.
    pub(super) issuer: Option<usize>,
    pub(super) serial: u8,
}

#[derive(Debug)]
pub(super) struct Registered {
    pub(super) is_active: bool,
    pub(super) not_after: Timestamp,
    pub(super) weakness: Option<Weakness>,
}

/// A client was connected by a device's certificate.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    pub(super) client: usize,
    pub(super) device: usize,
    /// Minutes before the audit.
    pub(super) began: i64,
    pub(super) ended: Option<i64>,
    pub(super) was_kicked: bool,
}

#[derive(Debug)]
pub(super) struct Model {
    pub(super) certificates: Vec<Device>,
    /// By their places in the PKI: those that are registered; the others were fed or not.
    pub(super) authorities: BTreeMap<usize, Registered>,
    pub(super) fed_authorities: BTreeSet<usize>,
    /// By authority, the serial numbers on its list.
    pub(super) lists: BTreeMap<usize, Vec<u8>>,
    /// Places in [`POLICIES`].
    pub(super) policies: Vec<usize>,
    /// Places in [`ROLES`]; beyond its end, a role of which nothing is known.
    pub(super) aliases: Vec<usize>,
    /// Days before the audit when it was seen, and its two roles.
    pub(super) pools: Vec<(i64, Option<usize>, Option<usize>)>,
    pub(super) connections: Vec<Connection>,
    pub(super) logging: (Option<&'static str>, Option<&'static str>, bool),
    /// What is suppressed, and whether that still holds.
    pub(super) suppressed: BTreeMap<(Check, Resource), bool>,
}

/// Statements of policies.
pub(super) const POLICIES: [&str; 4] = [
    r#"[{"Effect":"Allow","Action":"iot:Connect","Resource":"arn:aws:iot:us-east-1:123456789012:client/a"}]"#,
    r#"[{"Effect":"Allow","Action":"iot:*","Resource":"*"}]"#,
    r#"[{"Effect":"Deny","Action":"iot:Subscribe","Resource":"arn:aws:iot:us-east-1:123456789012:topicfilter/a/#"}]"#,
    r#"[{"Effect":"Allow","Action":"iot:*","Resource":"*"},
        {"Effect":"Deny","Action":"iot:Publish","Resource":"arn:aws:iot:us-east-1:123456789012:topic/a/+"},
        {"Effect":"Deny","Action":"iot:Subscribe","Resource":"arn:aws:iot:us-east-1:123456789012:topicfilter/b/*"}]"#,
];

/// Statements of roles, and the services that each has used.
pub(super) const ROLES: [(&str, &str); 3] = [
    (
        r#"[{"Effect":"Allow","Action":"iot:Publish","Resource":"arn:aws:iot:us-east-1:123456789012:topic/a"}]"#,
        "iot",
    ),
    (r#"[{"Effect":"Allow","Action":"*","Resource":"*"}]"#, "iot"),
    (r#"[{"Effect":"Allow","Action":"iot:CreateThing","Resource":"*"}]"#, "s3"),
];

pub(super) fn role_arn(place: usize) -> String {
    format!("arn:aws:iam::123456789012:role/r{place}")
}

/// Enough of randomness: xorshift.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 16) % limit).unwrap()
    }

    fn minutes(&mut self, limit: u64) -> i64 {
        i64::try_from(self.below(limit)).unwrap()
    }

    fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64)]
    }
}

impl Model {
    #[expect(clippy::too_many_lines, reason = "one random fact after the other")]
    pub(super) fn random(seed: u64) -> Self {
        let mut dice = Dice(seed | 1);
        (0..8).for_each(|_| _ = dice.below(2));
        let days =
            |dice: &mut Dice, from: i64, to: u64| STARTED + (from + dice.minutes(to)) * DAY_MS;
        let weakness = |dice: &mut Dice| {
            dice.pick(&[None, None, None, Some(Weakness::Roca), Some(Weakness::Debian)])
        };
        let statuses = [
            CertificateStatus::Active,
            CertificateStatus::Active,
            CertificateStatus::PendingTransfer,
            CertificateStatus::Inactive,
            CertificateStatus::Revoked,
        ];
        let device = |place: u8, dice: &mut Dice| Device {
            id: std::array::from_fn(|byte| if byte == 0 { place.wrapping_mul(67) } else { place }),
            status: dice.pick(&statuses),
            not_before: days(dice, -500, 400),
            not_after: days(dice, -30, 100),
            weakness: weakness(dice),
            issuer: dice.pick(&[None, Some(0), Some(1), Some(1), Some(2), Some(3)]),
            serial: u8::try_from(10 + dice.below(6)).unwrap(),
        };
        let count = if dice.one_in(6) { 0 } else { dice.below(40) };
        let certificates: Vec<Device> =
            (0..u8::try_from(count).unwrap()).map(|place| device(place + 1, &mut dice)).collect();
        let mut authorities = BTreeMap::new();
        let mut fed_authorities = BTreeSet::new();
        let mut lists = BTreeMap::new();
        for place in 0..4 {
            if dice.one_in(2) {
                let registered = Registered {
                    is_active: !dice.one_in(4),
                    not_after: days(&mut dice, -30, 100),
                    weakness: weakness(&mut dice),
                };
                authorities.insert(place, registered);
            }
            if dice.one_in(3) {
                fed_authorities.insert(place);
            }
        }
        if !dice.one_in(4) {
            for place in 0..3 {
                if dice.one_in(2) {
                    let serials: &[u8] = if place == 0 { &[1, 2, 3, 10] } else { &[10, 11, 12] };
                    let kept = serials.iter().copied().filter(|_| dice.one_in(2)).collect();
                    lists.insert(place, kept);
                }
            }
        }
        let mut model = Self {
            connections: Self::connections(&mut dice, count),
            certificates,
            authorities,
            fed_authorities,
            lists,
            policies: (0..dice.below(8)).map(|_| dice.below(4)).collect(),
            aliases: (0..dice.below(5))
                .map(|_| dice.pick(&[0, 1, 2, 0, 1, 2, 0, 1, 2, 3]))
                .collect(),
            pools: (0..dice.below(4))
                .map(|_| {
                    let roles =
                        [None, Some(0), Some(1), Some(2), Some(0), Some(1), Some(2), Some(3)];
                    (dice.minutes(40), dice.pick(&roles), dice.pick(&roles))
                })
                .collect(),
            logging: (
                dice.pick(&[None, Some("ERROR"), Some("DISABLED")]),
                dice.pick(&[None, Some("DEBUG"), Some("DISABLED")]),
                dice.one_in(3),
            ),
            suppressed: BTreeMap::new(),
        };
        for check in Check::ALL {
            for resource in super::naive::resources(&model, Pki::get(), *check) {
                if dice.one_in(3) {
                    model.suppressed.insert((*check, resource), !dice.one_in(3));
                }
            }
        }
        model
    }

    /// Some of the last 40 days, each client with at most one connection by one certificate.
    fn connections(dice: &mut Dice, devices: usize) -> Vec<Connection> {
        let mut all: Vec<Connection> = Vec::new();
        if dice.one_in(5) {
            return all;
        }
        for _ in 0..dice.below(40) {
            let began = dice.pick(&[40 * 1440, 3 * 1440, 300]);
            let began = dice.minutes(began) + 1;
            let ended = (!dice.one_in(3)).then(|| began - dice.minutes(4000) - 1);
            all.push(Connection {
                client: dice.below(6),
                // One beyond: a certificate that isn't registered.
                device: dice.below(devices.min(8) as u64 + 1),
                began,
                ended: ended.filter(|ended| *ended > 0),
                was_kicked: false,
            });
        }
        all.sort_by_key(|one| -one.began);
        all.dedup_by_key(|one| one.began);
        for place in 0..all.len() {
            let (before, rest) = all.split_at_mut(place + 1);
            let this = &mut before[place];
            let next =
                rest.iter().find(|one| one.client == this.client && one.device == this.device);
            if let Some(next) =
                next.filter(|next| this.ended.is_none_or(|ended| ended <= next.began))
            {
                (this.ended, this.was_kicked) = (Some(next.began), true);
            }
        }
        all
    }

    pub(super) async fn build(&self, registry: &Registry, pki: &Pki) {
        enable_all(registry).await;
        let mut txn = registry.begin(&scope());
        for device in &self.certificates {
            txn.put(table::CERTIFICATES, &device.id, &device.record(pki)).unwrap();
        }
        for (place, registered) in &self.authorities {
            let made = &pki.authorities[*place];
            txn.put(table::CA_CERTIFICATES, &made.read.id.0, &registered.record(made)).unwrap();
            txn.put_bytes(table::PEMS, &made.read.id.0, made.pem.clone().into_bytes());
        }
        for (place, policy) in self.policies.iter().enumerate() {
            let name = format!("p{place}");
            let record = Policy {
                created: STARTED,
                modified: STARTED,
                default: 2,
                latest: 3,
                versions: (1..4).map(|number| (number, STARTED)).collect(),
                generation_id: String::new(),
            };
            txn.put(table::POLICIES, name.as_bytes(), &record).unwrap();
            for (number, policy) in [(1, 1), (2, *policy), (3, 3)] {
                let statements = POLICIES[policy];
                let text = format!(r#"{{"Version":"2012-10-17","Statement":{statements}}}"#);
                txn.put_bytes(
                    table::POLICY_VERSIONS,
                    &version_key(&name, number),
                    text.into_bytes(),
                );
            }
        }
        for (place, role) in self.aliases.iter().enumerate() {
            let alias = RoleAlias {
                role_arn: role_arn(*role),
                duration_seconds: 3600,
                created: STARTED,
                modified: STARTED,
            };
            txn.put(table::ROLE_ALIASES, format!("a{place}").as_bytes(), &alias).unwrap();
        }
        let role = || Some("arn:aws:iam::123456789012:role/logs".to_owned());
        if let Some(level) = self.logging.0 {
            let options = LoggingV1 { role_arn: role(), level: Some(level.to_owned()) };
            txn.put(table::LOGGING, V1, &options).unwrap();
        }
        if let Some(level) = self.logging.1 {
            let options = LoggingV2 {
                role_arn: role(),
                default_level: Some(level.to_owned()),
                disable_all: self.logging.2,
                ..LoggingV2::default()
            };
            txn.put(table::LOGGING, V2, &options).unwrap();
        }
        for ((check, resource), lives) in &self.suppressed {
            let expires = (!lives).then(|| STARTED + -1);
            suppress(&mut txn, *check, resource, expires);
        }
        assert!(txn.commit().await.unwrap());
        let fed = feed(registry, &scope(), self.events(pki).as_bytes()).await;
        assert!(fed.is_ok(), "{fed:?}");
    }

    fn events(&self, pki: &Pki) -> String {
        let mut events = Vec::new();
        for place in &self.fed_authorities {
            events.push(json!({"type": "issuer-certificate", "pem": pki.authorities[*place].pem}));
        }
        for (place, serials) in &self.lists {
            events.push(json!({"type": "crl", "pem": pki.list(*place, serials)}));
        }
        for (place, (statements, service)) in ROLES.iter().enumerate() {
            let statements: serde_json::Value = serde_json::from_str(statements).unwrap();
            events.push(json!({
                "type": "role",
                "roleArn": role_arn(place),
                "policies": [{ "Version": "2012-10-17", "Statement": statements }],
                "lastAccessed": { *service: (STARTED + -DAY_MS).as_millis() },
            }));
        }
        for (place, (days, signed_in, guests)) in self.pools.iter().enumerate() {
            events.push(json!({
                "type": "identity-pool",
                "identityPoolId": format!("us-east-1:{place}"),
                "authenticatedRoleArn": signed_in.map(role_arn),
                "unauthenticatedRoleArn": guests.map(role_arn),
                "time": (STARTED + -days * DAY_MS).as_millis(),
            }));
        }
        for one in &self.connections {
            let certificate = self.certificates.get(one.device).map_or([255; 32], |it| it.id);
            let event = |kind: &str, minutes: i64| {
                json!({
                    "type": kind,
                    "clientId": format!("client-{}", one.client),
                    "certificateId": CertificateId(certificate).text(),
                    "time": (STARTED + -minutes * MINUTE_MS).as_millis(),
                })
            };
            events.push(event("connect", one.began));
            if let Some(ended) = one.ended {
                let mut event = event("disconnect", ended);
                if one.was_kicked {
                    event["reason"] = json!("DUPLICATE_CLIENTID");
                }
                events.push(event);
            }
        }
        // In no order of time.
        events.reverse();
        events.iter().map(|event| format!("{event}\n")).collect()
    }
}

fn x509(
    (not_before, not_after): (Timestamp, Timestamp),
    issuer_hash: [u8; 16],
    serial: Vec<u8>,
    weakness: Option<Weakness>,
) -> X509 {
    let (subject, issuer) = ("CN=subject".to_owned(), "CN=issuer".to_owned());
    X509 { not_before, not_after, subject, issuer, issuer_hash, serial, weakness }
}

impl Device {
    pub(super) fn record(&self, pki: &Pki) -> Certificate {
        let hash = self.issuer.map(|place| pki.authorities[place].read.subject_hash);
        let times = (self.not_before, self.not_after);
        Certificate {
            status: self.status,
            created: STARTED,
            modified: STARTED,
            version: 1,
            x509: x509(times, hash.unwrap_or_default(), vec![self.serial], self.weakness),
            ca: None,
            sni_only: true,
            made_here: self.issuer.is_none(),
            previous_owner: None,
            generation_id: String::new(),
            transfer: None,
        }
    }
}

impl Registered {
    fn record(&self, made: &Made) -> CaCertificate {
        let times = (STARTED, self.not_after);
        CaCertificate {
            is_active: self.is_active,
            auto_registers: false,
            created: STARTED,
            modified: STARTED,
            version: 1,
            x509: x509(times, made.read.issuer_hash, made.read.serial.clone(), self.weakness),
            sni_only: true,
            generation_id: String::new(),
            registration: None,
        }
    }
}

/// Whether PEM is read as it was written: the model relies on it.
#[test]
fn authorities_are_read_from_their_pem() {
    for made in &Pki::get().authorities {
        let read = crl::authorities(made.pem.as_bytes()).unwrap();
        assert_eq!((read.len(), read[0].id), (1, made.read.id));
    }
}
