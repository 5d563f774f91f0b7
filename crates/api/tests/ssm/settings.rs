//! Service settings.

use serde_json::json;

use crate::{check, done, house};

#[tokio::test]
async fn a_setting_is_read_set_and_reset() {
    let house = house().await;
    let id = "/ssm/automation/enable-adaptive-concurrency";
    let arn = "arn:aws:ssm:us-east-1:000000000000:servicesetting/ssm/automation/enable-adaptive-concurrency";
    let of = |id: &str| json!({ "SettingId": id });
    let before = done(&house, "GetServiceSetting", of(arn)).await;
    assert_eq!(before["ServiceSetting"]["Status"], "Default");
    assert_eq!(before["ServiceSetting"]["SettingId"], id);
    assert_eq!(before["ServiceSetting"]["ARN"], arn);
    let set = |value: &str| json!({ "SettingId": id, "SettingValue": value });
    done(&house, "UpdateServiceSetting", set("True")).await;
    let after = done(&house, "GetServiceSetting", of(id)).await;
    assert_eq!(after["ServiceSetting"]["Status"], "Customized");
    assert_eq!(after["ServiceSetting"]["SettingValue"], "True");
    let reset = done(&house, "ResetServiceSetting", of(id)).await;
    assert_eq!(reset["ServiceSetting"]["SettingValue"], "False");
    assert_eq!(
        done(&house, "GetServiceSetting", of(id)).await["ServiceSetting"]["Status"],
        "Default"
    );
    check(
        &house,
        &[
            ("UpdateServiceSetting", set("Maybe"), "400 ValidationException: ..."),
            ("GetServiceSetting", of("/ssm/nothing"), "400 ServiceSettingNotFound: ..."),
            ("ResetServiceSetting", of("/ssm/nothing"), "400 ServiceSettingNotFound: ..."),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_new_parameter_has_the_tier_that_is_set() {
    let house = house().await;
    let put = |name: &str| json!({ "Name": name, "Value": "v", "Type": "String" });
    assert_eq!(done(&house, "PutParameter", put("before")).await["Tier"], "Standard");
    let setting = json!({
        "SettingId": "/ssm/parameter-store/default-parameter-tier", "SettingValue": "Advanced",
    });
    done(&house, "UpdateServiceSetting", setting).await;
    assert_eq!(done(&house, "PutParameter", put("after")).await["Tier"], "Advanced");
    let again = json!({ "Name": "before", "Value": "w", "Overwrite": true });
    assert_eq!(done(&house, "PutParameter", again).await["Tier"], "Standard");
}

#[tokio::test]
async fn documents_are_not_public_where_that_is_disabled() {
    let house = house().await;
    let content = r#"{"schemaVersion":"2.2","mainSteps":[{"action":"aws:runShellScript","name":"a","inputs":{"runCommand":["true"]}}]}"#;
    done(&house, "CreateDocument", json!({ "Name": "Doc", "Content": content })).await;
    let setting = json!({
        "SettingId": "/ssm/documents/console/public-sharing-permission", "SettingValue": "Disable",
    });
    done(&house, "UpdateServiceSetting", setting).await;
    let share = |account: &str| json!({ "Name": "Doc", "PermissionType": "Share", "AccountIdsToAdd": [account] });
    let refused = "400 InvalidPermissionType: ...";
    check(&house, &[("ModifyDocumentPermission", share("all"), refused)]).await;
    done(&house, "ModifyDocumentPermission", share("111122223333")).await;
}
