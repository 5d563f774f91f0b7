//! Profiles and roles.

use serde_json::Value;
use trackway_performers::aws::{AwsCall, AwsCaller};

use super::house::{Reply, Service, call, environment, limits, list, queues, says};

/// What STS answers; the credentials end then.
fn assumed(key: &str, expiration: &str) -> Reply {
    let body = format!(
        "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>{key}</AccessKeyId>\
         <SecretAccessKey>s</SecretAccessKey><SessionToken>token</SessionToken>\
         <Expiration>{expiration}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
    );
    Reply::Says(200, "", body)
}

const LATER: &str = "2999-01-01T00:00:00Z";
const SOON: &str = "2020-01-01T00:00:00Z";
const ROLE: &str = "arn:aws:iam::123456789012:role/r";

fn with_role(role: &str) -> AwsCall {
    AwsCall { role_arn: Some(role.to_owned()), ..call("sqs", "ListQueues", Value::Null) }
}

#[tokio::test]
async fn a_role_is_assumed_once_until_its_credentials_end() {
    let sts =
        Service::start([assumed("A1", LATER), assumed("B1", SOON), assumed("B2", LATER)]).await;
    let sqs = Service::start(vec![says(200, &queues()); 5]).await;
    let caller = AwsCaller::new(
        environment(&[
            ("AWS_ENDPOINT_URL_STS", sts.url.as_str()),
            ("AWS_ENDPOINT_URL_SQS", sqs.url.as_str()),
            ("AWS_ACCESS_KEY_ID", "AKID"),
            ("AWS_SECRET_ACCESS_KEY", "s"),
        ]),
        limits(),
    );
    let (first, second) = (with_role(ROLE), with_role("arn:aws:iam::123456789012:role/other"));
    let (one, two) = tokio::join!(caller.call(&first), caller.call(&first));
    one.unwrap();
    two.unwrap();
    caller.call(&second).await.unwrap();
    caller.call(&second).await.unwrap();
    list(&caller).await.unwrap();
    let keys: Vec<String> = sqs.seen().iter().map(|seen| seen.key().to_owned()).collect();
    assert_eq!(keys, ["A1", "A1", "B1", "B2", "AKID"]);
    assert_eq!(sqs.seen()[0].header("x-amz-security-token"), "token");
    let asked = sts.seen();
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|seen| seen.key() == "AKID"));
    assert!(asked[0].body.contains("&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fr&"));
    assert!(asked[0].body.contains("RoleSessionName=trackway"));
}

#[tokio::test]
async fn a_role_that_may_not_be_assumed_is_the_calls_failure() {
    let body = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not you</Message></Error>\
                </ErrorResponse>";
    let service = Service::start([Reply::Says(403, "", body.to_owned())]).await;
    let error = super::caller(&service.url).call(&with_role(ROLE)).await.unwrap_err();
    assert_eq!(
        (error.code.as_str(), &*error.service, &*error.operation),
        ("AccessDenied", "sts", "AssumeRole")
    );
}

/// A caller whose config file is this text.
fn of_file(config: &str, profile: &str, variables: &[(&str, &str)]) -> AwsCaller {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    std::fs::write(&path, config).unwrap();
    let file = [("AWS_CONFIG_FILE", path.to_str().unwrap()), ("AWS_PROFILE", profile)];
    AwsCaller::new(environment(&[&file, variables].concat()), limits())
}

#[tokio::test]
async fn a_profile_has_keys_an_endpoint_and_a_role_of_another() {
    let service =
        Service::start([assumed("TEMP", LATER), says(200, &queues()), says(200, &queues())]).await;
    let url = &service.url;
    let config = format!(
        "[profile base]\naws_access_key_id = BASE\naws_secret_access_key = s\nendpoint_url = {url}\n\
         [profile ops]\nrole_arn = {ROLE}\nsource_profile = base\nexternal_id = x\n\
         role_session_name = me\nduration_seconds = 900\nservices = all\n\
         [services all]\nsts =\n  endpoint_url = {url}\nsqs =\n  endpoint_url = {url}\n"
    );
    list(&of_file(&config, "ops", &[])).await.unwrap();
    list(&of_file(&config, "base", &[])).await.unwrap();
    let keys: Vec<String> = service.seen().iter().map(|seen| seen.key().to_owned()).collect();
    assert_eq!(keys, ["BASE", "TEMP", "BASE"]);
    let asked = &service.seen()[0].body;
    for part in ["ExternalId=x", "RoleSessionName=me", "DurationSeconds=900"] {
        assert!(asked.contains(part), "{asked}");
    }
}

#[tokio::test]
async fn variables_come_before_the_profile() {
    let service = Service::start(vec![says(200, &queues()); 2]).await;
    let config = "[profile p]\naws_access_key_id = P\naws_secret_access_key = s\n\
                  endpoint_url = http://127.0.0.1:1\nregion = eu-west-3\n";
    let url = [("AWS_ENDPOINT_URL", service.url.as_str())];
    list(&of_file(config, "p", &url)).await.unwrap();
    let keys = [("AWS_ACCESS_KEY_ID", "E"), ("AWS_SECRET_ACCESS_KEY", "s")];
    list(&of_file(config, "p", &[&url[..], &keys].concat())).await.unwrap();
    let keys: Vec<String> = service.seen().iter().map(|seen| seen.key().to_owned()).collect();
    assert_eq!(keys, ["P", "E"]);
}

#[tokio::test]
async fn a_profile_that_is_of_no_use_says_why() {
    let circle = format!(
        "[profile a]\nrole_arn = {ROLE}\nsource_profile = b\n\
         [profile b]\nrole_arn = {ROLE}\nsource_profile = a\n"
    );
    for (config, profile, code) in [
        ("", "gone", "ProfileNotFound"),
        (circle.as_str(), "a", "InfiniteLoopConfigError"),
        ("[profile p]\ncredential_process = x\n", "p", "InvalidConfigError"),
        (
            "[profile p]\nrole_arn = r\nmfa_serial = m\nsource_profile = p\n",
            "p",
            "InvalidConfigError",
        ),
    ] {
        let error = list(&of_file(config, profile, &[])).await.unwrap_err();
        assert_eq!(error.code, code, "{error}");
    }
}

#[tokio::test]
async fn a_default_profile_of_no_use_does_not_keep_from_an_emulator() {
    let service = Service::start([says(200, &queues())]).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    std::fs::write(&path, "[default]\nsso_session = x\n").unwrap();
    let file = ("AWS_CONFIG_FILE", path.to_str().unwrap());
    let with_endpoint = environment(&[file, ("AWS_ENDPOINT_URL", service.url.as_str())]);
    list(&AwsCaller::new(with_endpoint, limits())).await.unwrap();
    assert_eq!(service.seen()[0].key(), "test");
    let error = list(&AwsCaller::new(environment(&[file]), limits())).await.unwrap_err();
    assert_eq!(error.code, "InvalidConfigError");
}
