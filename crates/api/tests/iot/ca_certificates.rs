//! CA certificates and the registration code; transfers of certificates between accounts.

use serde_json::{Value, json};

use crate::certificates::{Ca, attach_policy, describe_as, id_of, lone, moment, refusal};
use crate::house::{ACCOUNT, House, REGION, and, each};

/// The account that certificates are offered to.
const OTHER: &str = "222222222222";

#[tokio::test]
async fn a_registration_code_stays_until_it_is_deleted() {
    let house = House::open().await;
    let (status, _) = refusal(&house, "DeleteRegistrationCode", json!({})).await;
    assert_eq!(status, 404);
    let code = house.ask("GetRegistrationCode", json!({})).await;
    assert_eq!(code["registrationCode"].as_str().unwrap().len(), 64);
    assert_eq!(house.ask("GetRegistrationCode", json!({})).await, code);
    assert_ne!(house.call_as(OTHER, "GetRegistrationCode", &json!({})).await.unwrap(), code);
    assert_eq!(house.ask("DeleteRegistrationCode", json!({})).await, json!({}));
    assert_ne!(house.ask("GetRegistrationCode", json!({})).await, code);
}

#[tokio::test]
async fn a_ca_certificate_describes_itself_and_is_changed_and_deleted() {
    let house = House::open().await;
    let ca = Ca::new("ca");
    let config = json!({ "templateBody": "{}", "roleArn": "arn:aws:iam::123456789012:role/r" });
    let more = json!({
        "allowAutoRegistration": true, "setAsActive": true, "registrationConfig": config,
        "tags": [{ "Key": "k", "Value": "v" }],
    });
    let id = ca.register(&house, more).await;
    let arn = format!("arn:aws:iot:{REGION}:{ACCOUNT}:cacert/{id}");
    let request = json!({ "certificateId": id });
    let described = house.ask("DescribeCACertificate", request.clone()).await;
    assert_eq!(described["registrationConfig"], config);
    let mut description = described["certificateDescription"].clone();
    assert_eq!(description["generationId"].take().as_str().unwrap().len(), 36);
    let now = moment(house.engine.now().as_millis());
    let expected = json!({
        "certificateArn": arn, "certificateId": id, "status": "ACTIVE", "certificatePem": ca.pem,
        "ownedBy": ACCOUNT, "creationDate": now, "autoRegistrationStatus": "ENABLE",
        "lastModifiedDate": now, "customerVersion": 1, "generationId": null,
        "validity": { "notBefore": "1975-01-01T00:00:00Z", "notAfter": "4096-01-01T00:00:00Z" },
        "certificateMode": "DEFAULT",
    });
    assert_eq!(description, expected);
    let tags = house.ask("ListTagsForResource", json!({ "resourceArn": arn })).await;
    assert_eq!(tags["tags"], json!([{ "Key": "k", "Value": "v" }]));

    let (status, why) = refusal(&house, "DeleteCACertificate", request.clone()).await;
    assert_eq!((status, why.split(':').next().unwrap()), (406, "CertificateStateException"));
    let update = |more: Value| house.ask("UpdateCACertificate", and(request.clone(), more));
    assert_eq!(update(json!({ "newStatus": "INACTIVE" })).await, json!({}));
    update(json!({ "newStatus": "INACTIVE" })).await;
    update(json!({ "removeAutoRegistration": true })).await;
    let described = house.ask("DescribeCACertificate", request.clone()).await;
    assert_eq!(described.get("registrationConfig"), None);
    let description = &described["certificateDescription"];
    assert_eq!(description["status"], "INACTIVE");
    assert_eq!(description["autoRegistrationStatus"], "DISABLE");
    assert_eq!(description["customerVersion"], 3, "what is so already changes nothing");
    let enable = json!({ "newAutoRegistrationStatus": "ENABLE", "registrationConfig": config });
    update(enable).await;
    let described = house.ask("DescribeCACertificate", request.clone()).await;
    assert_eq!(described["registrationConfig"], config);

    assert_eq!(house.ask("DeleteCACertificate", request.clone()).await, json!({}));
    for operation in ["DescribeCACertificate", "DeleteCACertificate", "UpdateCACertificate"] {
        assert_eq!(refusal(&house, operation, request.clone()).await.0, 404, "{operation}");
    }
    assert_eq!(house.ask("ListCACertificates", json!({})).await, json!({ "certificates": [] }));
    let again = ca.register(&house, json!({})).await;
    assert_eq!(again, id);
    let tags = house.ask("ListTagsForResource", json!({ "resourceArn": arn })).await;
    assert_eq!(tags["tags"], json!([]), "tags go with what they are on");
}

#[tokio::test]
async fn a_ca_certificate_that_is_not_proved_is_refused() {
    let house = House::open().await;
    let (ca, other) = (Ca::new("ca"), Ca::new("ca"));
    let early = ca.issue("a code that nobody has asked for");
    let request = json!({ "caCertificate": ca.pem, "verificationCertificate": early });
    let (_, why) = refusal(&house, "RegisterCACertificate", request).await;
    assert!(why.starts_with("RegistrationCodeValidationException: "), "{why}");
    let code = house.ask("GetRegistrationCode", json!({})).await;
    let code = code["registrationCode"].as_str().unwrap();
    let proof = ca.issue(code);
    let cases = [
        (
            json!({ "caCertificate": "x", "verificationCertificate": proof }),
            "CertificateValidation",
        ),
        (
            json!({ "caCertificate": ca.pem, "verificationCertificate": "x" }),
            "CertificateValidation",
        ),
        (
            json!({ "caCertificate": ca.issue("device"), "verificationCertificate": proof }),
            "CertificateValidationException: The certificate is not a CA",
        ),
        (
            json!({ "caCertificate": ca.pem, "verificationCertificate": ca.issue("other") }),
            "RegistrationCodeValidationException",
        ),
        (
            json!({ "caCertificate": ca.pem, "verificationCertificate": other.issue(code) }),
            "CertificateValidationException: The CA certificate has not",
        ),
        (json!({ "caCertificate": ca.pem }), "InvalidRequestException: verificationCert"),
        (
            json!({ "caCertificate": ca.pem, "certificateMode": "DEFAULT" }),
            "InvalidRequestException: verificationCertificate must not be empty",
        ),
        (
            json!({ "caCertificate": ca.pem, "verificationCertificate": proof, "certificateMode": "SNI_ONLY" }),
            "InvalidRequestException: verificationCertificate must be empty",
        ),
    ];
    for (request, expected) in cases {
        let (status, why) = refusal(&house, "RegisterCACertificate", request).await;
        assert!(status == 400 && why.starts_with(expected), "{why}");
    }
    let request = json!({ "caCertificate": ca.pem, "verificationCertificate": proof });
    house.ask("RegisterCACertificate", request.clone()).await;
    assert_eq!(refusal(&house, "RegisterCACertificate", request).await.0, 409);
}

#[tokio::test]
async fn ten_ca_certificates_may_have_one_subject() {
    let house = House::open().await;
    let register = |pem: String| json!({ "caCertificate": pem, "certificateMode": "SNI_ONLY" });
    let mut last = String::new();
    for _ in 0..10 {
        last = id_of(&house.ask("RegisterCACertificate", register(Ca::new("same").pem)).await);
    }
    let (status, why) =
        refusal(&house, "RegisterCACertificate", register(Ca::new("same").pem)).await;
    assert_eq!((status, why.split(':').next().unwrap()), (410, "LimitExceededException"));
    house.ask("RegisterCACertificate", register(Ca::new("another").pem)).await;
    house.ask("DeleteCACertificate", json!({ "certificateId": last })).await;
    house.ask("RegisterCACertificate", register(Ca::new("same").pem)).await;
}

#[tokio::test]
async fn ca_certificates_are_listed_by_creation_and_template() {
    let house = House::open().await;
    let mut ids = Vec::new();
    for number in 0..7 {
        house.engine.advance(1000);
        let mut request =
            json!({ "caCertificate": Ca::new("x").pem, "certificateMode": "SNI_ONLY" });
        if number % 3 == 0 {
            request["registrationConfig"] = json!({ "templateName": "template" });
        }
        ids.push(json!(id_of(&house.ask("RegisterCACertificate", request).await)));
    }
    let some: Vec<_> = ids.iter().step_by(3).cloned().collect();
    for page_size in [1, 2, 3, 250] {
        for is_ascending in [true, false] {
            for (template, expected) in [(None, &ids), (Some("template"), &some)] {
                let request = json!({
                    "pageSize": page_size, "ascendingOrder": is_ascending, "templateName": template,
                });
                let list = house.marked("ListCACertificates", request, "certificates").await;
                let mut expected = expected.clone();
                if !is_ascending {
                    expected.reverse();
                }
                assert_eq!(each(&list, "certificateId"), expected);
                assert!(list.iter().all(|one| one["status"] == "INACTIVE"));
            }
        }
    }
}

#[tokio::test]
async fn a_certificate_is_offered_and_accepted() {
    let house = House::open().await;
    let ca = Ca::new("ca");
    let ca_id = ca.register(&house, json!({ "setAsActive": true })).await;
    let request = json!({ "certificatePem": ca.issue("device") });
    let id = id_of(&house.ask("RegisterCertificate", request).await);
    let before = describe_as(&house, ACCOUNT, &id).await;
    house.engine.advance(5000);
    let offer =
        json!({ "certificateId": id, "targetAwsAccount": OTHER, "transferMessage": "take" });
    let there = format!("arn:aws:iot:{REGION}:{OTHER}:cert/{id}");
    let answer = house.ask("TransferCertificate", offer).await;
    assert_eq!(answer, json!({ "transferredCertificateArn": there }));

    let of = json!({ "certificateId": id });
    assert_eq!(refusal(&house, "DescribeCertificate", of.clone()).await.0, 404);
    let pending = describe_as(&house, OTHER, &id).await;
    assert_eq!(pending["status"], "PENDING_TRANSFER");
    assert_eq!(
        (&pending["ownedBy"], &pending["previousOwnedBy"]),
        (&json!(OTHER), &json!(ACCOUNT))
    );
    let date = &pending["lastModifiedDate"];
    assert_eq!(pending["transferData"], json!({ "transferMessage": "take", "transferDate": date }));
    let outgoing = house.ask("ListOutgoingCertificates", json!({})).await;
    assert_eq!(
        outgoing,
        json!({ "outgoingCertificates": [{
        "certificateArn": there, "certificateId": id, "transferredTo": OTHER, "transferDate": date,
        "transferMessage": "take", "creationDate": before["creationDate"],
    }] })
    );
    let by_ca = json!({ "caCertificateId": ca_id });
    assert_eq!(house.ask("ListCertificatesByCA", by_ca).await["certificates"], json!([]));

    // Nobody changes what is on its way.
    let activate = and(of.clone(), json!({ "newStatus": "ACTIVE" }));
    let offer = and(of.clone(), json!({ "targetAwsAccount": ACCOUNT }));
    for (operation, request) in [
        ("UpdateCertificate", &activate),
        ("DeleteCertificate", &of),
        ("TransferCertificate", &offer),
    ] {
        let refused = house.call_as(OTHER, operation, request).await.unwrap_err();
        assert_eq!((refused.status, refused.code.as_str()), (406, "CertificateStateException"));
    }
    let again = json!({ "certificatePem": before["certificatePem"] });
    assert_eq!(refusal(&house, "RegisterCertificateWithoutCA", again.clone()).await.0, 406);

    house.engine.advance(5000);
    let accept = and(of.clone(), json!({ "setAsActive": true }));
    house.call_as(OTHER, "AcceptCertificateTransfer", &accept).await.unwrap();
    let accepted = describe_as(&house, OTHER, &id).await;
    assert_eq!((&accepted["status"], &accepted["customerVersion"]), (&json!("ACTIVE"), &json!(3)));
    assert_eq!(accepted["transferData"]["acceptDate"], accepted["lastModifiedDate"]);
    let outgoing = house.ask("ListOutgoingCertificates", json!({})).await;
    assert_eq!(outgoing, json!({ "outgoingCertificates": [] }));
    for (account, operation) in [
        (ACCOUNT, "CancelCertificateTransfer"),
        (OTHER, "AcceptCertificateTransfer"),
        (OTHER, "RejectCertificateTransfer"),
    ] {
        let refused = house.call_as(account, operation, &of).await.unwrap_err();
        let expected = (410, "TransferAlreadyCompletedException");
        assert_eq!((refused.status, refused.code.as_str()), expected, "{operation}");
    }
    house.ask("RegisterCertificateWithoutCA", again).await;
}

#[tokio::test]
async fn a_certificate_that_is_rejected_or_cancelled_is_back_inactive() {
    let house = House::open().await;
    let id = lone(&house, "REVOKED").await;
    let before = describe_as(&house, ACCOUNT, &id).await;
    let of = json!({ "certificateId": id });
    let offer = and(of.clone(), json!({ "targetAwsAccount": OTHER }));
    house.ask("TransferCertificate", offer.clone()).await;
    let reject = and(of.clone(), json!({ "rejectReason": "no" }));
    house.call_as(OTHER, "RejectCertificateTransfer", &reject).await.unwrap();
    let back = describe_as(&house, ACCOUNT, &id).await;
    assert_eq!((&back["status"], back.get("previousOwnedBy")), (&json!("INACTIVE"), None));
    assert_eq!(back["transferData"]["rejectReason"], "no");
    assert_eq!(back["transferData"]["rejectDate"], back["lastModifiedDate"]);
    for same in ["certificatePem", "creationDate", "generationId", "validity", "certificateMode"] {
        assert_eq!(back[same], before[same], "{same}");
    }

    house.ask("TransferCertificate", offer).await;
    house.ask("CancelCertificateTransfer", of.clone()).await;
    let back = describe_as(&house, ACCOUNT, &id).await;
    assert_eq!((&back["status"], &back["transferData"]), (&json!("INACTIVE"), &json!({})));
    let there = house.call_as(OTHER, "ListCertificates", &json!({})).await.unwrap();
    assert_eq!(there["certificates"], json!([]));
    let outgoing = house.ask("ListOutgoingCertificates", json!({})).await;
    assert_eq!(outgoing["outgoingCertificates"], json!([]));
    for operation in
        ["CancelCertificateTransfer", "AcceptCertificateTransfer", "RejectCertificateTransfer"]
    {
        assert_eq!(refusal(&house, operation, of.clone()).await.0, 400, "{operation}");
        let nobody = json!({ "certificateId": "0".repeat(64) });
        assert_eq!(refusal(&house, operation, nobody).await.0, 404, "{operation}");
    }
}

#[tokio::test]
async fn only_an_idle_certificate_is_offered_and_not_twice() {
    let house = House::open().await;
    let id = lone(&house, "ACTIVE").await;
    let of = json!({ "certificateId": id });
    let arn = House::arn(&format!("cert/{id}"));
    let offer = |to: &str| {
        refusal(
            &house,
            "TransferCertificate",
            json!({ "certificateId": id, "targetAwsAccount": to }),
        )
    };
    assert_eq!(offer(OTHER).await.0, 406);
    house.ask("UpdateCertificate", and(of.clone(), json!({ "newStatus": "INACTIVE" }))).await;
    for bad in [ACCOUNT, "12345678901", "12345678901a"] {
        let (status, why) = offer(bad).await;
        assert!(status == 400 && why.starts_with("InvalidRequestException: "), "{why}");
    }
    attach_policy(&house, "policy", &arn).await;
    let policies = "TransferConflictException: You can't transfer the certificate because authorization policies are still attached.";
    assert_eq!(offer(OTHER).await, (409, policies.to_owned()));
    house.ask("DetachPolicy", json!({ "policyName": "policy", "target": arn })).await;
    house.ask("CreateThing", json!({ "thingName": "thing" })).await;
    let attachment = json!({ "thingName": "thing", "principal": arn });
    house.ask("AttachThingPrincipal", attachment.clone()).await;
    let (status, why) = offer(OTHER).await;
    assert!(status == 409 && why.starts_with("TransferConflictException: Things must"), "{why}");
    house.ask("DetachThingPrincipal", attachment).await;

    let pem = describe_as(&house, ACCOUNT, &id).await["certificatePem"].clone();
    let request = json!({ "certificatePem": pem });
    house.call_as(OTHER, "RegisterCertificateWithoutCA", &request).await.unwrap();
    assert_eq!(offer(OTHER).await.0, 409, "the other account has it");
    house.call_as(OTHER, "DeleteCertificate", &of).await.unwrap();
    house.ask("TransferCertificate", and(of, json!({ "targetAwsAccount": OTHER }))).await;
}
