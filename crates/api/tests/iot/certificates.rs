//! Device certificates: made, registered, changed, listed, deleted.

use proptest::prelude::*;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};

use crate::house::{ACCOUNT, House, REGION, and, each};

/// A CA, with its key.
pub(crate) struct Ca {
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
    name: &'static str,
}

impl Ca {
    pub(crate) fn new(name: &'static str) -> Self {
        Self::of(name, KeyPair::generate().unwrap())
    }

    /// Another certificate of the same name and key.
    pub(crate) fn renewed(&self) -> Self {
        Self::of(self.name, KeyPair::try_from(self.issuer.key().serialize_der()).unwrap())
    }

    fn of(name: &'static str, key: KeyPair) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.serial_number = Some(rcgen::SerialNumber::from_slice(&unique()));
        Self {
            pem: params.self_signed(&key).unwrap().pem(),
            issuer: Issuer::new(params, key),
            name,
        }
    }

    /// A new certificate with this common name.
    pub(crate) fn issue(&self, name: &str) -> String {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        params.signed_by(&key, &self.issuer).unwrap().pem()
    }

    /// Registers it with a proof of its key; its id.
    pub(crate) async fn register(&self, house: &House, more: Value) -> String {
        let code = house.ask("GetRegistrationCode", json!({})).await;
        let proof = self.issue(code["registrationCode"].as_str().unwrap());
        let request = json!({ "caCertificate": self.pem, "verificationCertificate": proof });
        id_of(&house.ask("RegisterCACertificate", and(request, more)).await)
    }
}

fn unique() -> [u8; 4] {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(1);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_be_bytes()
}

pub(crate) fn id_of(answer: &Value) -> String {
    answer["certificateId"].as_str().unwrap().to_owned()
}

/// Registers a new certificate without a CA; its id.
pub(crate) async fn lone(house: &House, status: &str) -> String {
    let request = json!({ "certificatePem": Ca::new("lone").pem, "status": status });
    id_of(&house.ask("RegisterCertificateWithoutCA", request).await)
}

/// `CertificateDescription`, as an account sees it.
pub(crate) async fn describe_as(house: &House, account: &str, id: &str) -> Value {
    let request = json!({ "certificateId": id });
    let answer = house.call_as(account, "DescribeCertificate", &request).await.unwrap();
    answer["certificateDescription"].clone()
}

async fn describe(house: &House, id: &str) -> Value {
    describe_as(house, ACCOUNT, id).await
}

/// A moment, in milliseconds since 1970, as answers have it.
pub(crate) fn moment(millis: i64) -> String {
    jiff::Timestamp::from_millisecond(millis).unwrap().to_string()
}

/// The status and `CODE: MESSAGE` of a refusal.
pub(crate) async fn refusal(house: &House, operation: &str, request: Value) -> (u16, String) {
    let error = house.call(operation, &request).await.unwrap_err();
    (error.status, format!("{}: {}", error.code, error.message))
}

#[tokio::test]
async fn a_certificate_with_keys_describes_itself_as_aws_does() {
    let house = House::open().await;
    let made = house.ask("CreateKeysAndCertificate", json!({ "setAsActive": true })).await;
    let (id, pem) = (id_of(&made), made["certificatePem"].as_str().unwrap());
    let arn = format!("arn:aws:iot:{REGION}:{ACCOUNT}:cert/{id}");
    assert_eq!(made["certificateArn"], arn);
    let keys = &made["keyPair"];
    assert!(keys["PublicKey"].as_str().unwrap().starts_with("-----BEGIN PUBLIC KEY-----\n"));
    assert!(keys["PrivateKey"].as_str().unwrap().starts_with("-----BEGIN RSA PRIVATE KEY-----\n"));
    let mut described = describe(&house, &id).await;
    let generation = described["generationId"].take();
    assert_eq!(generation.as_str().unwrap().len(), 36);
    let now = house.engine.now().as_millis();
    let not_before = (now - 120_000).div_euclid(1000) * 1000;
    let expected = json!({
        "certificateArn": arn,
        "certificateId": id,
        "status": "ACTIVE",
        "certificatePem": pem,
        "ownedBy": ACCOUNT,
        "creationDate": moment(now),
        "lastModifiedDate": moment(now),
        "customerVersion": 1,
        "transferData": {},
        "generationId": null,
        "validity": { "notBefore": moment(not_before), "notAfter": "2049-12-31T23:59:59Z" },
        "certificateMode": "DEFAULT",
    });
    assert_eq!(described, expected);

    let other = house.ask("CreateKeysAndCertificate", json!({})).await;
    assert_eq!(describe(&house, &id_of(&other)).await["status"], "INACTIVE");
    assert_ne!(other["keyPair"]["PublicKey"], keys["PublicKey"]);
}

#[tokio::test]
async fn the_same_request_again_makes_another_certificate() {
    let house = House::open().await;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "device");
    let csr = params.serialize_request(&KeyPair::generate().unwrap()).unwrap().pem().unwrap();
    let request = json!({ "certificateSigningRequest": csr, "setAsActive": true });
    let one = house.ask("CreateCertificateFromCsr", request.clone()).await;
    let other = house.ask("CreateCertificateFromCsr", request).await;
    assert_ne!(id_of(&one), id_of(&other));
    assert_eq!(one.as_object().unwrap().len(), 3, "{one}");
    assert_eq!(describe(&house, &id_of(&one)).await["status"], "ACTIVE");

    let bad = json!({ "certificateSigningRequest": "bad" });
    let (status, refused) = refusal(&house, "CreateCertificateFromCsr", bad).await;
    assert_eq!(status, 400);
    assert!(refused.starts_with("InvalidRequestException: The certificate signing"), "{refused}");
}

#[tokio::test]
async fn a_certificate_of_a_registered_active_ca_is_registered_in_its_mode() {
    let house = House::open().await;
    let (ca, other) = (Ca::new("ca"), Ca::new("other"));
    let request = json!({ "certificatePem": ca.issue("device"), "setAsActive": true });
    let refused = |request: Value| refusal(&house, "RegisterCertificate", request);
    assert!(refused(request.clone()).await.1.starts_with("CertificateValidationException: No reg"));

    let ca_id = ca.register(&house, json!({})).await;
    let (status, why) = refused(request.clone()).await;
    assert_eq!((status, why.split(':').next().unwrap()), (406, "CertificateStateException"));
    let activate = json!({ "certificateId": ca_id, "newStatus": "ACTIVE" });
    house.ask("UpdateCACertificate", activate).await;

    let named_wrongly = and(request.clone(), json!({ "caCertificatePem": other.pem }));
    let (status, why) = refused(named_wrongly).await;
    assert_eq!((status, why.split(':').next().unwrap()), (400, "CertificateValidationException"));
    let id = id_of(&house.ask("RegisterCertificate", request.clone()).await);
    let described = describe(&house, &id).await;
    assert_eq!(described["caCertificateId"], ca_id);
    assert_eq!(
        (&described["status"], &described["certificateMode"]),
        (&json!("ACTIVE"), &json!("DEFAULT"))
    );
    let (status, why) = refused(request).await;
    let exists =
        "ResourceAlreadyExistsException: The certificate is already provisioned or registered";
    assert_eq!((status, why.as_str()), (409, exists));

    // Another CA of the same name that has not signed it doesn't stand in the way.
    let namesake = Ca::new("ca");
    namesake.register(&house, json!({ "setAsActive": true })).await;
    for (status, named) in [("REVOKED", None), ("INACTIVE", Some(&ca.pem))] {
        let request = json!({
            "certificatePem": ca.issue("device"), "caCertificatePem": named, "status": status,
        });
        let id = id_of(&house.ask("RegisterCertificate", request).await);
        assert_eq!(describe(&house, &id).await["status"], status);
    }

    // A renewed CA has its name and key: which of both is meant must be said.
    let renewed = ca.renewed();
    let renewed_id = renewed.register(&house, json!({ "setAsActive": true })).await;
    let request = json!({ "certificatePem": ca.issue("device") });
    let (status, why) = refused(request.clone()).await;
    assert_eq!((status, why.split(':').next().unwrap()), (409, "CertificateConflictException"));
    let named = and(request, json!({ "caCertificatePem": renewed.pem }));
    let id = id_of(&house.ask("RegisterCertificate", named).await);
    assert_eq!(describe(&house, &id).await["caCertificateId"], renewed_id);

    let sni_only = Ca::new("sni");
    let request = json!({
        "caCertificate": sni_only.pem, "certificateMode": "SNI_ONLY", "setAsActive": true,
    });
    house.ask("RegisterCACertificate", request).await;
    let request = json!({ "certificatePem": sni_only.issue("device") });
    let id = id_of(&house.ask("RegisterCertificate", request).await);
    assert_eq!(describe(&house, &id).await["certificateMode"], "SNI_ONLY");
}

#[tokio::test]
async fn a_certificate_is_registered_without_a_ca_once_in_each_account() {
    let house = House::open().await;
    let pem = Ca::new("lone").pem;
    let request = json!({ "certificatePem": pem });
    let id = id_of(&house.ask("RegisterCertificateWithoutCA", request.clone()).await);
    let described = describe(&house, &id).await;
    assert_eq!(
        (&described["status"], &described["certificateMode"]),
        (&json!("INACTIVE"), &json!("SNI_ONLY"))
    );
    assert_eq!(
        (described.get("caCertificateId"), &described["certificatePem"]),
        (None, &json!(pem))
    );
    assert_eq!(refusal(&house, "RegisterCertificateWithoutCA", request.clone()).await.0, 409);
    house.call_as("111111111111", "RegisterCertificateWithoutCA", &request).await.unwrap();

    let two = json!({ "certificatePem": format!("{pem}{}", Ca::new("lone").pem) });
    for bad in [two, json!({ "certificatePem": "garbage" })] {
        for operation in ["RegisterCertificateWithoutCA", "RegisterCertificate"] {
            let (status, why) = refusal(&house, operation, bad.clone()).await;
            assert_eq!(status, 400);
            assert!(why.starts_with("CertificateValidationException: "), "{why}");
        }
    }
}

#[tokio::test]
async fn a_status_is_set_unless_it_is_awss_own() {
    let house = House::open().await;
    let id = lone(&house, "ACTIVE").await;
    let set = |status: &str| json!({ "certificateId": id, "newStatus": status });
    let mut version = 1;
    for status in ["INACTIVE", "REVOKED", "REVOKED", "ACTIVE", "INACTIVE"] {
        let before = describe(&house, &id).await;
        house.engine.advance(1000);
        assert_eq!(house.ask("UpdateCertificate", set(status)).await, json!({}));
        let after = describe(&house, &id).await;
        let changes = before["status"] != status;
        version += i32::from(changes);
        assert_eq!(
            (&after["status"], &after["customerVersion"]),
            (&json!(status), &json!(version))
        );
        assert_eq!(after["lastModifiedDate"] != before["lastModifiedDate"], changes);
        assert_eq!(after["creationDate"], before["creationDate"]);
    }
    for status in ["PENDING_TRANSFER", "PENDING_ACTIVATION", "REGISTER_INACTIVE"] {
        let (code, why) = refusal(&house, "UpdateCertificate", set(status)).await;
        assert!(code == 400 && why.starts_with("InvalidRequestException: The status"), "{why}");
        let request = json!({ "certificatePem": Ca::new("x").pem, "status": status });
        assert_eq!(refusal(&house, "RegisterCertificateWithoutCA", request).await.0, 400);
    }
    for id in ["0".repeat(64), "AB".repeat(32)] {
        let request = json!({ "certificateId": id, "newStatus": "ACTIVE" });
        let (status, why) = refusal(&house, "UpdateCertificate", request).await;
        assert_eq!((status, why.split(':').next().unwrap()), (404, "ResourceNotFoundException"));
    }
    let short = json!({ "certificateId": "abc", "newStatus": "ACTIVE" });
    assert!(refusal(&house, "UpdateCertificate", short).await.1.starts_with("InvalidRequest"));
}

/// Attaches a policy of this name, which it creates.
pub(crate) async fn attach_policy(house: &House, name: &str, arn: &str) {
    let document = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "iot:Connect", "Resource": "*" },
    ] });
    let request = json!({ "policyName": name, "policyDocument": document.to_string() });
    house.ask("CreatePolicy", request).await;
    house.ask("AttachPolicy", json!({ "policyName": name, "target": arn })).await;
}

#[tokio::test]
async fn a_certificate_goes_only_when_it_is_inactive_and_nothing_is_attached() {
    let house = House::open().await;
    let id = lone(&house, "ACTIVE").await;
    let arn = House::arn(&format!("cert/{id}"));
    let request = json!({ "certificateId": id });
    let forced = and(request.clone(), json!({ "forceDelete": true }));
    let state = format!(
        "CertificateStateException: Certificate must be deactivated (not ACTIVE) before deletion. Id: {id}"
    );
    for request in [&request, &forced] {
        let refused = refusal(&house, "DeleteCertificate", request.clone()).await;
        assert_eq!(refused, (406, state.clone()));
    }
    house.ask("UpdateCertificate", and(request.clone(), json!({ "newStatus": "REVOKED" }))).await;
    house.ask("CreateThing", json!({ "thingName": "thing" })).await;
    let attachment = json!({ "thingName": "thing", "principal": arn });
    house.ask("AttachThingPrincipal", attachment.clone()).await;
    attach_policy(&house, "one", &arn).await;
    attach_policy(&house, "two", &arn).await;
    let things =
        format!("DeleteConflictException: Things must be detached before deletion (arn: {arn})");
    for request in [&request, &forced] {
        let refused = refusal(&house, "DeleteCertificate", request.clone()).await;
        assert_eq!(refused, (409, things.clone()));
    }
    house.ask("DetachThingPrincipal", attachment).await;
    let policies = format!(
        "DeleteConflictException: Certificate policies must be detached before deletion (arn: {arn})"
    );
    let refused = refusal(&house, "DeleteCertificate", request.clone()).await;
    assert_eq!(refused, (409, policies));

    assert_eq!(house.ask("DeleteCertificate", forced.clone()).await, json!({}));
    for operation in ["DescribeCertificate", "DeleteCertificate"] {
        assert_eq!(refusal(&house, operation, request.clone()).await.0, 404);
    }
    assert_eq!(house.ask("ListCertificates", json!({})).await, json!({ "certificates": [] }));
    for policy in ["one", "two"] {
        let targets = house.ask("ListTargetsForPolicy", json!({ "policyName": policy })).await;
        assert_eq!(targets["targets"], json!([]), "{policy}");
    }
}

#[tokio::test]
async fn a_certificate_whose_text_is_not_kept_is_described_without_it() {
    let house = House::open().await;
    let arn = house.certificate(7).await;
    let description = describe(&house, arn.rsplit('/').next().unwrap()).await;
    assert_eq!(description["certificateArn"], arn);
    assert_eq!(description["status"], "ACTIVE");
    assert!(description.get("certificatePem").is_none_or(Value::is_null));
}

#[tokio::test]
async fn a_ca_and_a_device_may_have_one_certificate_and_lose_it_one_by_one() {
    let house = House::open().await;
    let ca = Ca::new("both");
    for ca_goes_first in [true, false] {
        let ca_id = ca.register(&house, json!({})).await;
        let request = json!({ "certificatePem": ca.pem });
        let id = id_of(&house.ask("RegisterCertificateWithoutCA", request).await);
        assert_eq!(ca_id, id);
        let request = json!({ "certificateId": id });
        let mut order = [
            ("DeleteCACertificate", "DescribeCertificate"),
            ("DeleteCertificate", "DescribeCACertificate"),
        ];
        if !ca_goes_first {
            order.reverse();
        }
        house.ask(order[0].0, request.clone()).await;
        let left = house.ask(order[0].1, request.clone()).await;
        assert_eq!(left["certificateDescription"]["certificatePem"], ca.pem);
        house.ask(order[1].0, request).await;
    }
}

#[tokio::test]
async fn a_marker_is_good_for_its_list_and_order_only() {
    let house = House::open().await;
    for _ in 0..3 {
        lone(&house, "ACTIVE").await;
    }
    let page = house.ask("ListCertificates", json!({ "pageSize": 1 })).await;
    let marker = &page["nextMarker"];
    let is_fine = |letter: char| letter.is_ascii_alphanumeric() || "+/=".contains(letter);
    assert!(marker.as_str().unwrap().chars().all(is_fine), "{marker}");
    let other_ca = "0".repeat(64);
    for (operation, request) in [
        ("ListCertificates", json!({ "marker": marker, "ascendingOrder": true })),
        ("ListOutgoingCertificates", json!({ "marker": marker })),
        ("ListCACertificates", json!({ "marker": marker })),
        ("ListCertificatesByCA", json!({ "marker": marker, "caCertificateId": other_ca })),
        ("ListCertificates", json!({ "marker": "garbage" })),
        ("ListCertificates", json!({ "marker": "not-base64" })),
        ("ListCertificates", json!({ "pageSize": 0 })),
        ("ListCertificates", json!({ "pageSize": 251 })),
    ] {
        let (status, why) = refusal(&house, operation, request).await;
        assert!(status == 400 && why.starts_with("InvalidRequestException: "), "{why}");
    }
    let request = json!({ "pageSize": 2, "marker": marker });
    let rest = house.ask("ListCertificates", request).await;
    assert_eq!((rest["certificates"].as_array().unwrap().len(), rest.get("nextMarker")), (2, None));
}

/// What a naive list has of a certificate.
#[derive(Clone, Debug)]
struct Known {
    id: String,
    status: &'static str,
    ca: Option<usize>,
    created: i64,
}

/// Something that happens to the registry.
#[derive(Clone, Debug)]
enum Act {
    Register { ca: Option<usize>, status: &'static str },
    Update { which: usize, status: &'static str },
    Delete { which: usize },
    Wait { millis: i64 },
}

fn act() -> impl Strategy<Value = Act> {
    let status = || prop::sample::select(vec!["ACTIVE", "INACTIVE", "REVOKED"]);
    prop_oneof![
        4 => (prop::option::of(0..2_usize), status()).prop_map(|(ca, status)| Act::Register { ca, status }),
        1 => (0..20_usize, status()).prop_map(|(which, status)| Act::Update { which, status }),
        1 => (0..20_usize).prop_map(|which| Act::Delete { which }),
        2 => (0..3_i64).prop_map(|millis| Act::Wait { millis }),
    ]
}

async fn perform(house: &House, cas: &[Ca], known: &mut Vec<Known>, act: Act) {
    match act {
        Act::Register { ca, status } => {
            let created = house.engine.now().as_millis();
            let (operation, pem) = match ca {
                Some(ca) => ("RegisterCertificate", cas[ca].issue("device")),
                None => ("RegisterCertificateWithoutCA", Ca::new("lone").pem),
            };
            let request = json!({ "certificatePem": pem, "status": status });
            let id = id_of(&house.ask(operation, request).await);
            known.push(Known { id, status, ca, created });
        }
        Act::Update { which, status } if which < known.len() => {
            let request = json!({ "certificateId": known[which].id, "newStatus": status });
            house.ask("UpdateCertificate", request).await;
            known[which].status = status;
        }
        Act::Delete { which } if which < known.len() => {
            let request = json!({ "certificateId": known[which].id });
            let is_gone = house.call("DeleteCertificate", &request).await.is_ok();
            assert_eq!(is_gone, known[which].status != "ACTIVE");
            if is_gone {
                known.remove(which);
            }
        }
        Act::Wait { millis } => house.engine.advance(millis),
        Act::Update { .. } | Act::Delete { .. } => {}
    }
}

/// The ids and states that a list should have: those of one moment by id, which is as good as any.
fn naive(known: &[Known], ca: Option<usize>, is_ascending: bool) -> Vec<(Value, Value)> {
    let mut wanted: Vec<_> =
        known.iter().filter(|one| ca.is_none() || one.ca == ca).cloned().collect();
    wanted.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    if !is_ascending {
        wanted.reverse();
    }
    wanted.into_iter().map(|one| (json!(one.id), json!(one.status))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn lists_are_those_of_a_naive_model(
        acts in prop::collection::vec(act(), 1..30),
        page_size in 1..6_u32,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let house = House::open().await;
            let (cas, mut ids, mut known) = ([Ca::new("a"), Ca::new("b")], Vec::new(), Vec::new());
            for ca in &cas {
                ids.push(ca.register(&house, json!({ "setAsActive": true })).await);
            }
            for act in acts {
                perform(&house, &cas, &mut known, act).await;
            }
            for is_ascending in [true, false] {
                let request = json!({ "pageSize": page_size, "ascendingOrder": is_ascending });
                let all = house.marked("ListCertificates", request.clone(), "certificates").await;
                let shown = |list: &[Value]| -> Vec<_> {
                    each(list, "certificateId").into_iter().zip(each(list, "status")).collect()
                };
                assert_eq!(shown(&all), naive(&known, None, is_ascending));
                for (ca, id) in ids.iter().enumerate() {
                    let request = and(request.clone(), json!({ "caCertificateId": id }));
                    let list = house.marked("ListCertificatesByCA", request, "certificates").await;
                    assert_eq!(shown(&list), naive(&known, Some(ca), is_ascending));
                }
            }
        });
    }
}
