//! Parameter Store.

use serde_json::{Value, json};

use crate::{check, done, house, pages};

fn put(name: &str, value: &str, kind: &str) -> Value {
    json!({ "Name": name, "Value": value, "Type": kind })
}

#[tokio::test]
async fn a_parameter_has_versions_selectors_and_an_arn() {
    let house = house().await;
    assert_eq!(
        done(&house, "PutParameter", put("/app/a", "1", "String")).await,
        json!({ "Version": 1, "Tier": "Standard" })
    );
    let again = json!({ "Name": "/app/a", "Value": "2", "Overwrite": true });
    assert_eq!(done(&house, "PutParameter", again).await["Version"], 2);
    let arn = "arn:aws:ssm:us-east-1:000000000000:parameter/app/a";
    for (name, value, selector) in [
        ("/app/a", "2", Value::Null),
        ("/app/a:1", "1", json!(":1")),
        (arn, "2", Value::Null),
        (&format!("{arn}:1"), "1", json!(":1")),
    ] {
        let got = done(&house, "GetParameter", json!({ "Name": name })).await;
        let parameter = &got["Parameter"];
        assert_eq!(
            (&parameter["Value"], &parameter["Selector"]),
            (&json!(value), &selector),
            "{name}"
        );
        assert_eq!((&parameter["Name"], &parameter["ARN"]), (&json!("/app/a"), &json!(arn)));
        assert_eq!(parameter["DataType"], "text");
    }
    let request = json!({ "Name": "/app/a", "MaxResults": 1 });
    let history = pages(&house, "GetParameterHistory", request, "Parameters").await;
    let values: Vec<_> = history.iter().map(|one| one["Value"].as_str().unwrap()).collect();
    assert_eq!(values, ["1", "2"]);
    let names = json!({ "Names": ["/app/a:2", "/none", "/app/a:9"] });
    let got = done(&house, "GetParameters", names.clone()).await;
    assert_eq!(got["Parameters"].as_array().map(Vec::len), Some(1));
    assert_eq!(got["InvalidParameters"], json!(["/none", "/app/a:9"]));
    let names = json!({ "Names": ["/app/a", "/none"] });
    let gone = done(&house, "DeleteParameters", names).await;
    assert_eq!(gone, json!({ "DeletedParameters": ["/app/a"], "InvalidParameters": ["/none"] }));
    done(&house, "PutParameter", put("/app/a", "new", "String")).await;
    check(
        &house,
        &[(
            "GetParameter",
            json!({ "Name": "/app/a:2" }),
            "400 ParameterVersionNotFound: Systems Manager could not find version 2 of /app/a. Verify the version and try again.",
        )],
    )
    .await;
}

#[tokio::test]
async fn a_hundred_versions_are_kept() {
    let house = house().await;
    done(&house, "PutParameter", put("p", "1", "String")).await;
    for number in 2..=103 {
        let request = json!({ "Name": "p", "Value": number.to_string(), "Overwrite": true });
        done(&house, "PutParameter", request).await;
    }
    let history = pages(&house, "GetParameterHistory", json!({ "Name": "p" }), "Parameters").await;
    assert_eq!(history.len(), 100);
    assert_eq!(history[0]["Version"], 4);
    done(&house, "DeleteParameter", json!({ "Name": "p" })).await;
    done(&house, "PutParameter", put("p", "1", "String")).await;
    let history = pages(&house, "GetParameterHistory", json!({ "Name": "p" }), "Parameters").await;
    assert_eq!(history.len(), 1);
}

#[tokio::test]
async fn a_secret_is_shown_only_when_it_is_asked_for() {
    let house = house().await;
    done(&house, "PutParameter", put("/secret", "open sesame", "SecureString")).await;
    for operation in ["GetParameter", "GetParameterHistory"] {
        for decrypt in [true, false] {
            let request = json!({ "Name": "/secret", "WithDecryption": decrypt });
            let answer = done(&house, operation, request).await.to_string();
            assert_eq!(answer.contains("open sesame"), decrypt, "{operation} {answer}");
        }
    }
    for (operation, request) in [
        ("GetParameters", json!({ "Names": ["/secret"] })),
        ("GetParametersByPath", json!({ "Path": "/" })),
        ("DescribeParameters", json!({})),
    ] {
        let answer = done(&house, operation, request).await.to_string();
        assert!(answer.contains("/secret") && !answer.contains("open sesame"), "{answer}");
    }
}

#[tokio::test]
async fn bad_parameters_are_refused() {
    let house = house().await;
    done(&house, "PutParameter", put("/there", "v", "String")).await;
    let with = |name: &str, member: &str, value: Value| {
        let mut request = put(name, "v", "String");
        request[member] = value;
        request
    };
    let deep = "/a".repeat(16);
    let long = "v".repeat(4097);
    let longer = "v".repeat(8193);
    let advanced =
        |value: &str| json!({ "Name": "/n", "Value": value, "Type": "String", "Tier": "Advanced" });
    let name_rule = "400 ValidationException: Parameter name: can't be prefixed with \"ssm\"...";
    check(
        &house,
        &[
            (
                "PutParameter",
                put("/there", "w", "String"),
                "400 ParameterAlreadyExists: The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
            ),
            (
                "PutParameter",
                json!({ "Name": "/there", "Value": "w", "Type": "StringList", "Overwrite": true }),
                "400 HierarchyTypeMismatchException: ...",
            ),
            ("PutParameter", put("aws-x", "v", "String"), "400 AccessDeniedException: No access to reserved parameter name: aws-x."),
            ("PutParameter", put("/AWS/x", "v", "String"), "400 AccessDeniedException: ..."),
            ("PutParameter", put("ssm-x", "v", "String"), name_rule),
            ("PutParameter", put("a b", "v", "String"), name_rule),
            ("PutParameter", put("/a//b", "v", "String"), name_rule),
            ("PutParameter", put("/", "v", "String"), name_rule),
            ("PutParameter", put("a/b", "v", "String"), "400 ValidationException: Parameter name must be a fully qualified name."),
            ("PutParameter", put(&deep, "v", "String"), "400 HierarchyLevelLimitExceededException: ..."),
            ("PutParameter", json!({ "Name": "/n", "Value": "v" }), "400 ValidationException: A parameter type is required when you create a parameter."),
            ("PutParameter", put("/n", "", "String"), "400 ValidationException: ..."),
            ("PutParameter", put("/n", "{{ x }}", "String"), "400 ValidationException: Parameter value can't nest another parameter. Do not use \"{{}}\" in the value."),
            ("PutParameter", put("/n", &long, "String"), "400 ValidationException: Standard tier parameters support a maximum parameter value of 4096 characters...."),
            ("PutParameter", advanced(&longer), "400 ValidationException: ..."),
            ("PutParameter", put("/n", "v", "Number"), "400 ValidationException: ..."),
            ("PutParameter", with("/n", "DataType", json!("number")), "400 ValidationException: The following data type is not supported: number (Data type names are all lowercase.)"),
            ("PutParameter", with("/n", "AllowedPattern", json!("[0-9]+")), "400 ParameterPatternMismatchException: Parameter value, cannot be validated against allowedPattern: [0-9]+"),
            ("PutParameter", with("/n", "AllowedPattern", json!("[")), "400 InvalidAllowedPatternException: ..."),
            ("PutParameter", with("/n", "Policies", json!("[{\"Type\":\"Expiration\"}]")), "400 InvalidPolicyTypeException: ..."),
            ("PutParameter", with("/n", "KeyId", json!("alias/x")), "400 InvalidKeyId: ..."),
            (
                "PutParameter",
                json!({ "Name": "/there", "Value": "w", "Overwrite": true, "Tags": [{ "Key": "a", "Value": "b" }] }),
                "400 ValidationException: Invalid request: tags and overwrite can't be used together....",
            ),
            ("GetParameter", json!({ "Name": "/none" }), "400 ParameterNotFound"),
            ("GetParameter", json!({ "Name": "/there:x" }), "400 ParameterVersionNotFound: ..."),
            ("GetParameterHistory", json!({ "Name": "/none" }), "400 ParameterNotFound"),
            ("DeleteParameter", json!({ "Name": "/none" }), "400 ParameterNotFound"),
            ("GetParametersByPath", json!({ "Path": "there" }), "400 ValidationException: The parameter doesn't meet the parameter name requirements: there...."),
            ("GetParametersByPath", json!({ "Path": "/", "MaxResults": 11 }), "400 ValidationException: ..."),
        ],
    )
    .await;
    assert_eq!(done(&house, "PutParameter", advanced(&long)).await["Tier"], "Advanced");
    let lower = json!({ "Name": "/n", "Value": "v", "Overwrite": true, "Tier": "Standard" });
    check(
        &house,
        &[(
            "PutParameter",
            lower,
            "400 ValidationException: This parameter uses the advanced-parameter tier....",
        )],
    )
    .await;
}

#[tokio::test]
async fn parameters_are_listed_by_path_and_filters() {
    let house = house().await;
    for (name, kind) in [
        ("/a/x", "String"),
        ("/a/b/y", "StringList"),
        ("/a/b/c/z", "SecureString"),
        ("/ab", "String"),
        ("plain", "String"),
    ] {
        done(&house, "PutParameter", put(name, "v", kind)).await;
    }
    let tags = json!({ "ResourceType": "Parameter", "ResourceId": "/ab", "Tags": [{ "Key": "k", "Value": "v" }] });
    done(&house, "AddTagsToResource", tags).await;
    let by_path = async |path: &str, recursive: bool| {
        let request = json!({ "Path": path, "Recursive": recursive, "MaxResults": 1 });
        names(&pages(&house, "GetParametersByPath", request, "Parameters").await)
    };
    assert_eq!(by_path("/a", false).await, ["/a/x"]);
    assert_eq!(by_path("/a/", true).await, ["/a/b/c/z", "/a/b/y", "/a/x"]);
    assert_eq!(by_path("/", false).await, ["/ab", "plain"]);
    assert_eq!(by_path("/", true).await.len(), 5);
    for (filter, expected) in [
        (json!({ "Key": "Name", "Values": ["/ab", "/a/x"] }), &["/a/x", "/ab"][..]),
        (
            json!({ "Key": "Name", "Option": "BeginsWith", "Values": ["/a/b"] }),
            &["/a/b/c/z", "/a/b/y"],
        ),
        (json!({ "Key": "Name", "Option": "Contains", "Values": ["lai"] }), &["plain"]),
        (json!({ "Key": "Type", "Values": ["SecureString"] }), &["/a/b/c/z"]),
        (json!({ "Key": "KeyId", "Values": ["alias/aws/ssm"] }), &["/a/b/c/z"]),
        (json!({ "Key": "Path", "Values": ["/a"] }), &["/a/x"]),
        (
            json!({ "Key": "Path", "Option": "Recursive", "Values": ["/a/b"] }),
            &["/a/b/c/z", "/a/b/y"],
        ),
        (json!({ "Key": "tag:k", "Values": ["v"] }), &["/ab"]),
        (json!({ "Key": "tag:k" }), &["/ab"]),
        (json!({ "Key": "Tier", "Values": ["Advanced"] }), &[]),
    ] {
        let request = json!({ "ParameterFilters": [filter], "MaxResults": 1 });
        let found = pages(&house, "DescribeParameters", request, "Parameters").await;
        assert_eq!(names(&found), expected, "{filter}");
    }
    let filters = |filter: Value| json!({ "ParameterFilters": [filter] });
    check(
        &house,
        &[
            (
                "DescribeParameters",
                filters(json!({ "Key": "Name", "Option": "Like", "Values": ["a"] })),
                "400 InvalidFilterOption: ...",
            ),
            (
                "DescribeParameters",
                filters(json!({ "Key": "Name" })),
                "400 InvalidFilterValue: ...",
            ),
            (
                "DescribeParameters",
                filters(json!({ "Key": "Colour", "Values": ["a"] })),
                "400 ValidationException: ...",
            ),
            (
                "DescribeParameters",
                json!({ "NextToken": "x" }),
                "400 InvalidNextToken: The specified token is not valid.",
            ),
        ],
    )
    .await;
}

fn names(found: &[Value]) -> Vec<String> {
    found.iter().map(|one| one["Name"].as_str().unwrap().to_owned()).collect()
}
