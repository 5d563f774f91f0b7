//! Documents.

use serde_json::{Value, json};

use crate::house::House;
use crate::{OTHER, ask, ask_as, check, done, house, pages, runbook, sleep};

const NOT_THERE: &str = "400 InvalidDocument: The specified document does not exist.";
const NO_VERSION: &str =
    "400 InvalidDocumentVersion: The document version is not valid or does not exist.";

fn content(step: &str) -> String {
    runbook(&json!([sleep(step)]), &json!({}))
}

async fn with_doc() -> House {
    let house = house().await;
    let request = json!({
        "Name": "Doc",
        "DocumentType": "Automation",
        "Content": content("one"),
        "VersionName": "first",
        "TargetType": "/AWS::EC2::Instance",
        "Tags": [{ "Key": "team", "Value": "red" }],
    });
    done(&house, "CreateDocument", request).await;
    house
}

fn update(step: &str, version: &str) -> Value {
    json!({ "Name": "Doc", "Content": content(step), "DocumentVersion": version })
}

#[tokio::test]
async fn a_document_is_described_as_aws_does() {
    let house = house().await;
    let text = json!({
        "schemaVersion": "0.3",
        "description": "What it is for.",
        "parameters": {
            "A": { "type": "String", "description": "of A", "default": "" },
            "B": { "type": "StringList", "default": ["x"] },
            "C": { "type": "Integer" },
        },
        "mainSteps": [sleep("one")],
    })
    .to_string();
    let request = json!({ "Name": "Doc", "DocumentType": "Automation", "Content": text });
    let mut created = done(&house, "CreateDocument", request).await;
    let created = created["DocumentDescription"].take();
    assert_eq!(created["Status"], "Creating");
    assert_eq!(created["HashType"], "Sha256");
    assert_eq!(created["Hash"].as_str().map(str::len), Some(64));
    assert_eq!(created["Owner"], "000000000000");
    assert_eq!(created["PlatformTypes"], json!(["Windows", "Linux", "MacOS"]));
    assert_eq!(created["Description"], "What it is for.");
    assert_eq!(created["SchemaVersion"], "0.3");
    let versions = ["DocumentVersion", "LatestVersion", "DefaultVersion"];
    assert!(versions.iter().all(|version| created[*version] == "1"), "{created}");
    assert_eq!(
        created["Parameters"],
        json!([
            { "Name": "A", "Type": "String", "Description": "of A", "DefaultValue": "" },
            { "Name": "B", "Type": "StringList", "DefaultValue": "[\"x\"]" },
            { "Name": "C", "Type": "Integer" },
        ])
    );
    let mut described = done(&house, "DescribeDocument", json!({ "Name": "Doc" })).await;
    let mut expected = created;
    expected["Status"] = json!("Active");
    assert_eq!(described["Document"].take(), expected);
    let got = done(&house, "GetDocument", json!({ "Name": "Doc" })).await;
    assert_eq!(got["Content"], text, "the text is byte for byte what was given");
    assert_eq!(got["DocumentFormat"], "JSON");
}

#[tokio::test]
async fn bad_documents_are_refused() {
    let house = with_doc().await;
    let create = |name: &str, content: &str| json!({ "Name": name, "Content": content, "DocumentType": "Automation" });
    let typed = |document_type: &str| json!({ "Name": "New", "Content": "{}", "DocumentType": document_type });
    let long = "x".repeat(65_537);
    check(
        &house,
        &[
            (
                "CreateDocument",
                create("Doc", &content("other")),
                "400 DocumentAlreadyExists: The specified document already exists.",
            ),
            ("CreateDocument", create("Trackway-Greet", &content("a")), "400 DocumentAlreadyExists: ..."),
            ("CreateDocument", create("New", "{"), "400 InvalidDocumentContent: ..."),
            ("CreateDocument", create("New", "{}"), "400 InvalidDocumentContent: ..."),
            (
                "CreateDocument",
                create("New", r#"{"schemaVersion":"9"}"#),
                "400 InvalidDocumentSchemaVersion: ...",
            ),
            ("CreateDocument", create("New", &long), "400 MaxDocumentSizeExceeded: ..."),
            ("CreateDocument", create("aws-New", &content("a")), "400 ValidationException: ..."),
            ("CreateDocument", create("AmazonNew", &content("a")), "400 ValidationException: ..."),
            ("CreateDocument", create("a", &content("a")), "400 ValidationException: ..."),
            ("CreateDocument", create("New", ""), "400 ValidationException: ..."),
            ("CreateDocument", typed("Automation.ChangeTemplate"), "400 InvalidDocumentContent: ..."),
            ("CreateDocument", typed("Nonsense"), "400 ValidationException: ..."),
            (
                "CreateDocument",
                json!({
                    "Name": "New", "Content": content("a"), "DocumentType": "Automation",
                    "Attachments": [{ "Key": "SourceUrl", "Values": ["s3://a"] }],
                }),
                "400 ValidationException: Attachments of documents are not supported by this version of Trackway.",
            ),
        ],
    )
    .await;
    let (_, listed) = ask(
        &house,
        "ListDocuments",
        json!({ "Filters": [{ "Key": "Owner", "Values": ["Self"] }] }),
    )
    .await;
    assert_eq!(listed["DocumentIdentifiers"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn versions_are_made_named_chosen_and_deleted() {
    let house = with_doc().await;
    let of = |name: &str, version: &str| json!({ "Name": name, "DocumentVersion": version });
    let named = |name: &str| json!({ "Name": "Doc", "VersionName": name });
    let mut second = update("two", "$LATEST");
    second["VersionName"] = json!("second");
    let updated = done(&house, "UpdateDocument", second).await;
    assert_eq!(updated["DocumentDescription"]["DocumentVersion"], "2");
    assert_eq!(updated["DocumentDescription"]["Status"], "Updating");
    assert_eq!(updated["DocumentDescription"]["DefaultVersion"], "1");
    assert_eq!(updated["DocumentDescription"]["TargetType"], "/AWS::EC2::Instance");
    let mut same_name = update("three", "2");
    same_name["VersionName"] = json!("first");
    check(
        &house,
        &[
            ("UpdateDocument", update("three", "1"), NO_VERSION),
            ("UpdateDocument", update("three", "7"), NO_VERSION),
            // The default version is not the latest one.
            ("UpdateDocument", json!({ "Name": "Doc", "Content": content("three") }), NO_VERSION),
            (
                "UpdateDocument",
                update("one", "2"),
                "400 DuplicateDocumentContent: The content of the association document matches another document. Change the content of the document and try again.",
            ),
            (
                "UpdateDocument",
                same_name,
                "400 DuplicateDocumentVersionName: The specified version name is a duplicate.",
            ),
            ("GetDocument", of("Doc", "3"), NO_VERSION),
            ("GetDocument", named("third"), NO_VERSION),
            (
                "GetDocument",
                json!({ "Name": "Doc", "VersionName": "first", "DocumentVersion": "2" }),
                NO_VERSION,
            ),
            ("UpdateDocumentDefaultVersion", of("Doc", "3"), NO_VERSION),
            ("UpdateDocumentDefaultVersion", of("Nowhere", "1"), NOT_THERE),
            (
                "DeleteDocument",
                of("Doc", "1"),
                "400 InvalidDocumentOperation: Default version of the document can't be deleted.",
            ),
            ("DeleteDocument", of("Doc", "9"), NO_VERSION),
        ],
    )
    .await;
    for (request, number) in [
        (of("Doc", "$DEFAULT"), "1"),
        (of("Doc", "$LATEST"), "2"),
        (of("Doc", "2"), "2"),
        (named("second"), "2"),
        (json!({ "Name": "Doc" }), "1"),
        (json!({ "Name": "arn:aws:ssm:us-east-1:000000000000:document/Doc" }), "1"),
    ] {
        let got = done(&house, "GetDocument", request.clone()).await;
        assert_eq!(got["DocumentVersion"], number, "{request}");
    }
    let chosen = done(&house, "UpdateDocumentDefaultVersion", of("Doc", "2")).await;
    assert_eq!(
        chosen["Description"],
        json!({ "Name": "Doc", "DefaultVersion": "2", "DefaultVersionName": "second" })
    );
    let request = json!({ "Name": "Doc", "MaxResults": 1 });
    let versions = pages(&house, "ListDocumentVersions", request, "DocumentVersions").await;
    let told: Vec<_> = versions
        .iter()
        .map(|one| (one["DocumentVersion"].as_str(), one["IsDefaultVersion"].as_bool()))
        .collect();
    assert_eq!(told, [(Some("2"), Some(true)), (Some("1"), Some(false))]);
    done(&house, "DeleteDocument", of("Doc", "1")).await;
    // The number is not used again.
    let third = done(&house, "UpdateDocument", update("three", "$LATEST")).await;
    assert_eq!(third["DocumentDescription"]["DocumentVersion"], "3");
    done(&house, "DeleteDocument", of("Doc", "$LATEST")).await;
    let described = done(&house, "DescribeDocument", json!({ "Name": "Doc" })).await;
    assert_eq!(described["Document"]["LatestVersion"], "2");
    done(&house, "DeleteDocument", json!({ "Name": "Doc" })).await;
    check(&house, &[("DescribeDocument", json!({ "Name": "Doc" }), NOT_THERE)]).await;
}

#[tokio::test]
async fn our_own_documents_are_listed_and_read_and_never_changed() {
    let house = house().await;
    let amazon = json!({ "Filters": [{ "Key": "Owner", "Values": ["Amazon"] }], "MaxResults": 3 });
    let listed = pages(&house, "ListDocuments", amazon, "DocumentIdentifiers").await;
    assert!(listed.len() > 3);
    for one in &listed {
        let name = one["Name"].as_str().unwrap();
        let arn = format!("arn:aws:ssm:us-east-1::document/{name}");
        for name in [name, &arn] {
            let described = done(&house, "DescribeDocument", json!({ "Name": name })).await;
            assert_eq!(described["Document"]["Owner"], "Amazon");
            assert_eq!(described["Document"]["DocumentVersion"], "1");
        }
        for format in ["JSON", "YAML"] {
            done(&house, "GetDocument", json!({ "Name": name, "DocumentFormat": format })).await;
        }
    }
    let name = listed[0]["Name"].clone();
    let version = json!({ "Name": name, "DocumentVersion": "1" });
    check(
        &house,
        &[
            ("DeleteDocument", json!({ "Name": name }), "400 InvalidDocumentOperation: ..."),
            (
                "UpdateDocument",
                json!({ "Name": name, "Content": "{}" }),
                "400 InvalidDocumentOperation: ...",
            ),
            ("UpdateDocumentDefaultVersion", version, NOT_THERE),
            (
                "ModifyDocumentPermission",
                json!({ "Name": name, "PermissionType": "Share" }),
                NOT_THERE,
            ),
            ("GetDocument", json!({ "Name": name, "DocumentVersion": "2" }), NO_VERSION),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_schema_of_configurations_is_deleted_by_force_only() {
    let house = house().await;
    let create = json!({
        "Name": "Schema", "Content": r#"{"type":"object"}"#,
        "DocumentType": "ApplicationConfigurationSchema",
    });
    done(&house, "CreateDocument", create).await;
    let refused = "400 InvalidDocumentOperation: Documents of the type ApplicationConfigurationSchema are deleted with Force only.";
    check(&house, &[("DeleteDocument", json!({ "Name": "Schema" }), refused)]).await;
    done(&house, "DeleteDocument", json!({ "Name": "Schema", "Force": true })).await;
}

#[tokio::test]
async fn what_is_not_there_can_not_be_read_or_changed() {
    let house = with_doc().await;
    let elsewhere = "arn:aws:ssm:eu-west-1:000000000000:document/Doc";
    let name = |name: &str| json!({ "Name": name });
    let share = |name: &str| json!({ "Name": name, "PermissionType": "Share" });
    check(
        &house,
        &[
            ("GetDocument", name("Nowhere"), NOT_THERE),
            ("GetDocument", name(elsewhere), NOT_THERE),
            ("GetDocument", name("arn:aws:ssm:us-east-1:111122223333:document/Doc"), NOT_THERE),
            ("DescribeDocument", name("Nowhere"), NOT_THERE),
            ("ListDocumentVersions", name("Nowhere"), NOT_THERE),
            ("DeleteDocument", name("Nowhere"), NOT_THERE),
            ("DescribeDocumentPermission", share("Nowhere"), NOT_THERE),
            ("ModifyDocumentPermission", share("Nowhere"), NOT_THERE),
            (
                "UpdateDocument",
                json!({ "Name": "Nowhere", "Content": content("a"), "DocumentVersion": "1" }),
                NOT_THERE,
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn documents_are_converted_and_kept_as_they_were() {
    let house = house().await;
    let text = "# kept\nschemaVersion: '0.3'\nmainSteps:\n- name: one\n  action: aws:sleep\n  inputs: {Duration: PT1S}\n";
    let request = json!({
        "Name": "Doc", "DocumentType": "Automation", "DocumentFormat": "YAML", "Content": text,
    });
    done(&house, "CreateDocument", request).await;
    let yaml = json!({ "Name": "Doc", "DocumentFormat": "YAML" });
    assert_eq!(done(&house, "GetDocument", yaml).await["Content"], text);
    let json = done(&house, "GetDocument", json!({ "Name": "Doc" })).await;
    assert_eq!(json["DocumentFormat"], "JSON");
    let content: Value = serde_json::from_str(json["Content"].as_str().unwrap()).unwrap();
    assert_eq!(content["mainSteps"][0]["inputs"]["Duration"], "PT1S");
}

#[tokio::test]
async fn documents_are_shared_with_accounts_and_with_all() {
    let house = with_doc().await;
    done(&house, "UpdateDocument", update("two", "$LATEST")).await;
    let arn = "arn:aws:ssm:us-east-1:000000000000:document/Doc";
    let get = |version: &str| json!({ "Name": arn, "DocumentVersion": version });
    let modify = |add: Value, remove: Value| {
        json!({
            "Name": "Doc", "PermissionType": "Share",
            "AccountIdsToAdd": add, "AccountIdsToRemove": remove,
        })
    };
    let others =
        async |operation: &str, request: &Value| ask_as(&house, OTHER, operation, request).await;
    assert_eq!(others("GetDocument", &get("$DEFAULT")).await.0, NOT_THERE);
    done(&house, "ModifyDocumentPermission", modify(json!([OTHER, "All"]), json!([]))).await;
    assert_eq!(others("GetDocument", &get("$DEFAULT")).await.1["Name"], arn);
    // Only the default version is shared unless the owner says otherwise.
    assert_eq!(others("GetDocument", &get("2")).await.0, NO_VERSION);
    assert_eq!(others("GetDocument", &json!({ "Name": "Doc" })).await.0, NOT_THERE);
    for (owner, count) in [("Private", 1), ("Public", 0), ("Self", 0), ("All", 1)] {
        let request = json!({ "Filters": [
            { "Key": "Owner", "Values": [owner] }, { "Key": "Name", "Values": ["Doc"] },
        ] });
        let (_, listed) = others("ListDocuments", &request).await;
        assert_eq!(listed["DocumentIdentifiers"].as_array().map(Vec::len), Some(count), "{owner}");
    }
    let request = json!({ "Name": "Doc", "PermissionType": "Share", "MaxResults": 1 });
    let accounts =
        pages(&house, "DescribeDocumentPermission", request, "AccountSharingInfoList").await;
    assert_eq!(
        accounts,
        [
            json!({ "AccountId": OTHER, "SharedDocumentVersion": "$DEFAULT" }),
            json!({ "AccountId": "all", "SharedDocumentVersion": "$DEFAULT" }),
        ]
    );
    let delete = json!({ "Name": "Doc" });
    check(
        &house,
        &[(
            "DeleteDocument",
            delete.clone(),
            "400 InvalidDocumentOperation: Must unshare document first before delete",
        )],
    )
    .await;
    done(&house, "ModifyDocumentPermission", modify(json!([]), json!([OTHER]))).await;
    let public = json!({ "Filters": [
        { "Key": "Owner", "Values": ["Public"] }, { "Key": "Name", "Values": ["Doc"] },
    ] });
    let (_, listed) = others("ListDocuments", &public).await;
    assert_eq!(listed["DocumentIdentifiers"][0]["Name"], arn);
    done(&house, "ModifyDocumentPermission", modify(json!([]), json!(["all"]))).await;
    assert_eq!(others("GetDocument", &get("$DEFAULT")).await.0, NOT_THERE);
    done(&house, "DeleteDocument", delete).await;
}

#[tokio::test]
async fn lists_are_filtered_by_every_key() {
    let house = with_doc().await;
    let command = json!({
        "schemaVersion": "2.2",
        "mainSteps": [{
            "action": "aws:runShellScript", "name": "run", "inputs": { "runCommand": ["true"] },
        }],
    });
    let request =
        json!({ "Name": "Cmd", "Content": command.to_string(), "DisplayName": "Say hello" });
    done(&house, "CreateDocument", request).await;
    let own = json!({ "Key": "Owner", "Values": ["Self"] });
    let names = async |filters: Value| -> Vec<String> {
        let request = json!({ "Filters": filters, "MaxResults": 1 });
        let found = pages(&house, "ListDocuments", request, "DocumentIdentifiers").await;
        found.iter().map(|one| one["Name"].as_str().unwrap().to_owned()).collect()
    };
    for (key, values, expected) in [
        ("Name", json!(["D"]), &["Doc"][..]),
        ("Name", json!(["D", "C"]), &["Cmd", "Doc"]),
        ("DocumentType", json!(["Command"]), &["Cmd"]),
        ("PlatformTypes", json!(["Windows"]), &["Doc"]),
        ("PlatformTypes", json!(["Linux"]), &["Cmd", "Doc"]),
        ("TargetType", json!(["/AWS::EC2::Instance"]), &["Doc"]),
        ("SearchKeyword", json!(["HELLO"]), &["Cmd"]),
        ("tag:team", json!(["red", "blue"]), &["Doc"]),
        ("tag:team", json!(["blue"]), &[]),
    ] {
        let filters = json!([own, { "Key": key, "Values": values }]);
        assert_eq!(names(filters).await, expected, "{key} {values}");
    }
    let old = json!({ "DocumentFilterList": [
        { "key": "Owner", "value": "Self" }, { "key": "DocumentType", "value": "Automation" },
    ] });
    let found = pages(&house, "ListDocuments", old, "DocumentIdentifiers").await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["Tags"], json!([{ "Key": "team", "Value": "red" }]));
    let filters = |filters: Value| json!({ "Filters": filters });
    check(
        &house,
        &[
            (
                "ListDocuments",
                filters(json!([{ "Key": "Owner", "Values": ["Self", "Amazon"] }])),
                "400 InvalidFilterKey: Owner filter can only have one value.",
            ),
            (
                "ListDocuments",
                filters(json!([{ "Key": "Colour", "Values": ["red"] }])),
                "400 InvalidFilterKey",
            ),
            ("ListDocuments", filters(json!([{ "Key": "Name" }])), "400 ValidationException: ..."),
            ("ListDocuments", json!({ "MaxResults": 51 }), "400 ValidationException: ..."),
            (
                "ListDocuments",
                json!({ "NextToken": "garbage" }),
                "400 InvalidNextToken: The specified token is not valid.",
            ),
        ],
    )
    .await;
}

/// Updates that come at once lose nothing: each makes a version of its own, or is refused because
/// another came first.
#[tokio::test]
async fn updates_at_once_lose_nothing() {
    let house = with_doc().await;
    let mut updates = tokio::task::JoinSet::new();
    for number in 0..20 {
        let client = house.client.clone();
        let request = crate::post(
            crate::OURS,
            "UpdateDocument",
            update(&format!("s{number}"), "$LATEST").to_string(),
        );
        updates.spawn(async move { client.send(request).await.status().as_u16() });
    }
    while let Some(status) = updates.join_next().await {
        assert_eq!(status.unwrap(), 200);
    }
    let request = json!({ "Name": "Doc", "MaxResults": 7 });
    let versions = pages(&house, "ListDocumentVersions", request, "DocumentVersions").await;
    let numbers: Vec<u32> = versions
        .iter()
        .map(|one| one["DocumentVersion"].as_str().unwrap().parse().unwrap())
        .collect();
    assert_eq!(numbers, (1..=21).rev().collect::<Vec<_>>());
}
