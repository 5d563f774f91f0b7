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
