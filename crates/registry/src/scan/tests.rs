//! Scans of random registries, held against a checker that looks at everything at once.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

mod model;
mod naive;

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;
use trackway_audit::check::Check;
use trackway_audit::request::{CheckConfig, Flaw, Scan, Scanned};
use trackway_audit::resource::Resource;
use trackway_core::Timestamp;
use trackway_engine::{Clock, Engine};
use trackway_store::Memory;

use super::{Inner, Limits};
use crate::evidence::{NotFed, feed};
use crate::record::{AuditConfiguration, Certificate, CertificateId, Suppression};
use crate::table;
use crate::txn::Registry;
use model::{Model, Pki, STARTED};

fn scope() -> Arc<str> {
    "123456789012/us-east-1".into()
}

async fn registry() -> Registry {
    let engine =
        Engine::builder().clock(Clock::Manual).open(Arc::new(Memory::new())).await.unwrap();
    Registry::new(engine)
}

async fn enable_all(registry: &Registry) {
    let mut txn = registry.begin(&scope());
    let checks = Check::ALL.iter().map(|check| (*check, (true, CheckConfig::default())));
    let configuration = AuditConfiguration { checks: checks.collect(), ..Default::default() };
    txn.put(table::AUDIT_CONFIGURATION, b"", &configuration).unwrap();
    assert!(txn.commit().await.unwrap());
}

/// All chunks of a check, and what they come to together.
async fn all(registry: &Registry, check: Check, limits: Limits) -> Scanned {
    let inner = Inner { limits, ..Inner::default() };
    let mut total = Scanned::default();
    let mut cursor = None;
    loop {
        let config = CheckConfig::default();
        let scan = Scan { check, config, started: STARTED.as_millis(), cursor };
        // Through JSON, as the machine sends and hears it.
        let scan: Scan = serde_json::from_value(json!(scan)).unwrap();
        let chunk = inner.scan(registry, &scope(), &scan).await.unwrap();
        let chunk: Scanned = serde_json::from_value(json!(chunk)).unwrap();
        assert!(chunk.flaws.len() <= limits.flaws.max(6), "{check:?}");
        if let Some(last) = total.flaws.last_mut() {
            last.related.extend(chunk.related_of_last);
        } else {
            assert!(chunk.related_of_last.is_empty(), "{check:?}");
        }
        total.examined += chunk.examined;
        total.non_compliant += chunk.non_compliant;
        total.suppressed += chunk.suppressed;
        total.flaws.extend(chunk.flaws);
        if chunk.error.is_some() {
            return Scanned { error: chunk.error, ..Scanned::default() };
        }
        match chunk.cursor {
            Some(next) => cursor = Some(next),
            None => return total,
        }
    }
}

fn limits() -> impl Strategy<Value = Limits> {
    (1_usize..12, 1_usize..20, 1_usize..6, 1_usize..40)
        .prop_map(|(rows, flaws, related, events)| Limits { rows, flaws, related, events })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn chunks_of_any_size_find_what_a_look_at_everything_finds(
        seed in any::<u64>(),
        limits in limits(),
    ) {
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let pki = Pki::get();
            let model = Model::random(seed);
            let registry = registry().await;
            model.build(&registry, pki).await;
            for check in Check::ALL {
                let found = all(&registry, *check, limits).await;
                let mut expected = naive::check(&model, pki, *check);
                let mut found = summary(&found);
                found.1.sort();
                expected.1.sort();
                assert_eq!(found, expected, "{check:?} {limits:?} {model:#?}");
            }
        });
    }
}

/// Counts, findings with what is related to them, and the code of an error.
type Summary = ((u64, u64, u64), Vec<String>, Option<String>);

fn summary(scanned: &Scanned) -> Summary {
    let finding = |flaw: &Flaw| {
        let mut related: Vec<String> =
            flaw.related.iter().map(|one| one.resource.to_identifier().to_string()).collect();
        related.sort();
        let identifier = flaw.resource.to_identifier();
        format!("{identifier} {} {} {related:?}", flaw.code.name(), flaw.suppressed)
    };
    (
        (scanned.examined, scanned.non_compliant, scanned.suppressed),
        scanned.flaws.iter().map(finding).collect(),
        scanned.error.as_ref().map(|error| error.code.clone()),
    )
}

#[tokio::test]
async fn an_empty_registry_passes_all_checks_but_that_of_logging() {
    let registry = registry().await;
    enable_all(&registry).await;
    for check in Check::ALL {
        let found = all(&registry, *check, Limits::default()).await;
        assert_eq!(found.error, None, "{check:?}");
        let expected = u64::from(*check == Check::LoggingDisabled);
        assert_eq!((found.examined, found.non_compliant), (expected, expected), "{check:?}");
    }
}

#[tokio::test]
async fn a_check_that_was_disabled_meanwhile_fails() {
    let registry = registry().await;
    for check in Check::ALL {
        let error = all(&registry, *check, Limits::default()).await.error.unwrap();
        assert_eq!(error.code, "AUDIT_CHECK_DISABLED");
        assert!(error.message.contains(check.name()));
    }
}

#[tokio::test]
async fn a_suppression_holds_until_it_expires() {
    let account = Resource::Account("123456789012".to_owned());
    for (expires, expected) in [
        (None, true),
        (Some(STARTED + 1), true),
        (Some(STARTED), false),
        (Some(STARTED + -1), false),
    ] {
        let registry = registry().await;
        enable_all(&registry).await;
        let mut txn = registry.begin(&scope());
        suppress(&mut txn, Check::LoggingDisabled, &account, expires);
        assert!(txn.commit().await.unwrap());
        let found = all(&registry, Check::LoggingDisabled, Limits::default()).await;
        assert_eq!(found.flaws[0].suppressed, expected, "{expires:?}");
        assert_eq!(found.suppressed, u64::from(expected));
    }
}

fn suppress(txn: &mut crate::Txn, check: Check, resource: &Resource, expires: Option<Timestamp>) {
    let suppression = Suppression {
        check,
        resource: resource.clone(),
        expires,
        description: None,
        token: "token".to_owned(),
    };
    txn.put(table::SUPPRESSIONS, &Suppression::key(check, resource), &suppression).unwrap();
}

#[tokio::test]
async fn a_wrong_line_keeps_all_others_out_and_is_named() {
    let registry = registry().await;
    let id = CertificateId([7; 32]).text();
    let good = json!({"type": "connect", "clientId": "a", "certificateId": id}).to_string();
    let pool = json!({"type": "identity-pool", "identityPoolId": "p"}).to_string();
    let body = format!("{pool}\n\n{good}\n{{\"type\": \"nonsense\"}}\n");
    let NotFed::Wrong { line, why } = feed(&registry, &scope(), body.as_bytes()).await.unwrap_err()
    else {
        panic!("a fault");
    };
    assert_eq!(line, 4);
    assert!(why.contains("nonsense"));
    for table in [table::CONNECTIONS, table::IDENTITY_POOLS] {
        let page = registry.catalog().list(&scope(), table, b"", None, 1).await.unwrap();
        assert!(page.rows.is_empty());
    }
    let body = format!("{pool}\n\n{good}\n");
    assert_eq!(feed(&registry, &scope(), body.as_bytes()).await, Ok(2));
}

#[tokio::test]
async fn a_list_that_its_issuer_did_not_sign_is_refused() {
    let (registry, pki) = (registry().await, Pki::get());
    let line = |kind: &str, pem: &str| format!("{}\n", json!({"type": kind, "pem": pem}));
    let forged = line("crl", &pki.forged_list());
    let authority = line("issuer-certificate", &pki.authorities[0].pem);
    let refused = feed(&registry, &scope(), format!("{authority}{forged}").as_bytes()).await;
    assert!(matches!(&refused, Err(NotFed::Wrong { line: 2, why }) if why.contains("not signed")));
    // Nobody is known who could deny it.
    assert_eq!(feed(&registry, &scope(), forged.as_bytes()).await, Ok(1));
}

#[tokio::test]
async fn the_list_made_last_and_the_pool_seen_last_hold_whatever_is_fed_last() {
    let (registry, pki) = (registry().await, Pki::get());
    let list = |year: i32, serial: u8| {
        let pem = pki.list_of(year, 0, &[serial]);
        json!({"type": "crl", "pem": pem}).to_string()
    };
    let pool = |time: i64, role: &str| {
        let arn = format!("arn:aws:iam::123456789012:role/{role}");
        let line = json!({"type": "identity-pool", "identityPoolId": "p", "time": time});
        let mut line = line.as_object().unwrap().clone();
        line.insert("authenticatedRoleArn".to_owned(), json!(arn));
        json!(line).to_string()
    };
    for body in [
        [list(2022, 1), pool(2000, "first")].join("\n"),
        [list(2023, 2), pool(3000, "latest"), list(2022, 1), pool(2000, "first")].join("\n"),
        [list(2021, 3), pool(1000, "oldest")].join("\n"),
    ] {
        feed(&registry, &scope(), body.as_bytes()).await.unwrap();
    }
    let scans = super::Scans::new(&crate::config::IotConfig::default());
    let known = scans.0.lists.known(registry.catalog(), &scope()).await.unwrap().unwrap();
    let issuer = crate::evidence::crl::lists(pki.list(0, &[]).as_bytes()).unwrap()[0].issuer_hash;
    let revoked: Vec<bool> =
        (1..=3).map(|serial| known.revocations.has(&issuer, &[serial])).collect();
    assert_eq!(revoked, [false, true, false]);
    let row = registry.catalog().get(&scope(), table::IDENTITY_POOLS, b"p").await.unwrap().unwrap();
    let seen: crate::evidence::record::IdentityPool = crate::record::decode(&row).unwrap();
    assert!(seen.authenticated.unwrap().ends_with("/latest"));
}

#[tokio::test]
async fn evidence_that_is_too_old_is_dropped_when_it_is_looked_at() {
    let registry = registry().await;
    enable_all(&registry).await;
    let id = CertificateId([7; 32]).text();
    let line = |what: &str, days: i64| {
        let time = (STARTED + -days * 86_400_000).as_millis();
        json!({"type": what, "clientId": "a", "certificateId": id, "time": time}).to_string()
    };
    let lines = [("connect", 40), ("disconnect", 39), ("connect", 38), ("connect", 33)];
    let lines = lines.into_iter().chain([("connect", 31), ("connect", 1)]);
    let body: Vec<String> = lines.map(|(what, days)| line(what, days)).collect();
    let body = body.join("\n");
    feed(&registry, &scope(), body.as_bytes()).await.unwrap();
    let count = || async {
        let page = registry.catalog().list(&scope(), table::CONNECTIONS, b"k", None, 9).await;
        page.unwrap().rows.len()
    };
    assert_eq!(count().await, 6);
    let first = all(&registry, Check::ConflictingClientIds, Limits::default()).await;
    // The connection of 33 days ago goes on.
    assert_eq!(count().await, 3);
    assert_eq!(all(&registry, Check::ConflictingClientIds, Limits::default()).await, first);
}

#[tokio::test]
async fn a_revocation_list_in_a_file_counts_as_it_is_at_the_scan() {
    let (registry, pki) = (registry().await, Pki::get());
    enable_all(&registry).await;
    let mut model = (0..).map(Model::random).find(|it| !it.certificates.is_empty()).unwrap();
    model.certificates.truncate(1);
    let only = &mut model.certificates[0];
    (only.issuer, only.serial, only.status) =
        (Some(1), 5, crate::record::CertificateStatus::Active);
    model.lists = BTreeMap::new();
    model.build(&registry, pki).await;
    let folder = std::env::temp_dir().join(format!("trackway-crl-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("list.crl");
    let config = crate::config::IotConfig { crl_files: vec![file.clone()], ..Default::default() };
    let scans = super::Scans::new(&config);
    let check = Check::RevokedDeviceCertificateStillActive;
    let config = CheckConfig::default();
    let scan = Scan { check, config, started: STARTED.as_millis(), cursor: None };
    for (content, flaws, error) in [
        (None, 0, Some("could not read")),
        (Some("nonsense".to_owned()), 0, Some("no evidence")),
        (Some(pki.list(1, &[4])), 0, None),
        (Some(pki.list(1, &[4, 5])), 1, None),
        (Some(pki.list(0, &[9]) + &pki.list(1, &[5])), 1, None),
    ] {
        if let Some(content) = &content {
            std::fs::write(&file, content).unwrap();
        }
        let found = scans.0.scan(&registry, &scope(), &scan).await.unwrap();
        assert_eq!(found.flaws.len(), flaws, "{content:?}");
        let message = found.error.map(|error| error.message).unwrap_or_default();
        assert!(message.contains(error.unwrap_or_default()), "{content:?}: {message}");
        assert_eq!(message.is_empty(), error.is_none(), "{message}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn the_beginning_of_a_record_is_what_the_record_says() {
    let models = (0..).map(Model::random);
    let device = models.flat_map(|model| model.certificates).next().unwrap();
    let certificate: Certificate = device.record(Pki::get());
    let bytes = crate::record::encode(&certificate).unwrap();
    let head: super::certificates::Head<'_> = crate::record::peek(&bytes).unwrap();
    assert_eq!(head, super::certificates::Head::of(&certificate));
}
