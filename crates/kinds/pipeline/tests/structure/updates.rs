//! Secrets: masked when shown, kept by a mask.

use serde_json::{Value, json};
use trackway_pipeline::structure::{Context, InvalidKind, Structure, check, read};

use super::sound::{action, plain, with};
use super::{accepted, refused, types};

fn with_secret(name: &str, token: &str) -> Value {
    let mut declaration = plain();
    let source = action(
        name,
        "Source/ThirdParty/GitHub",
        json!({
            "Owner": "o", "Repo": "r", "Branch": "b", "OAuthToken": token,
        }),
    );
    declaration["stages"][0]["actions"][0] = with(source, &[], &["Code"]);
    declaration
}

fn updated(declaration: &Value, before: &Structure) -> Result<Structure, String> {
    let mut structure = read(declaration.clone()).unwrap();
    let context = Context { region: "us-east-1", types: &types };
    check(&mut structure, Some(before), context).map_err(|why| why.message)?;
    Ok(structure)
}

fn token(structure: &Structure) -> &Value {
    &structure.stages[0].actions[0].configuration["OAuthToken"]
}

#[test]
fn secrets_are_masked_when_they_are_shown() {
    let structure = accepted(&with_secret("Get", "abc")).unwrap();
    assert_eq!(structure.stages[0].actions[0].secret, ["OAuthToken"]);
    assert_eq!(token(&structure), "abc");
    let shown = serde_json::to_value(structure.mask()).unwrap();
    let shown = &shown["stages"][0]["actions"][0];
    assert_eq!(shown["configuration"]["OAuthToken"], "****");
    assert_eq!(shown["configuration"]["Owner"], "o");
    assert_eq!(shown.get("_secret"), None);
}

#[test]
fn an_optional_secret_that_is_not_given_is_not_shown() {
    let mut declaration = plain();
    let own = action("Own", "Test/Custom/Mine", json!({ "Project": "p" }));
    declaration["stages"][2]["actions"][0] = own;
    let shown = accepted(&declaration).unwrap().mask();
    assert_eq!(
        Value::from(shown.stages[2].actions[0].configuration.clone()),
        json!({ "Project": "p" })
    );
}

#[test]
fn a_mask_keeps_the_secret_of_the_same_action() {
    let before = accepted(&with_secret("Get", "abc")).unwrap();
    let kept = updated(&with_secret("Get", "****"), &before).unwrap();
    assert_eq!(token(&kept), "abc");
    let given = updated(&with_secret("Get", "new"), &before).unwrap();
    assert_eq!(token(&given), "new");
}

#[test]
fn a_mask_without_a_secret_is_refused() {
    let message = "Action configuration for the new action 'Other' contains an invalid configuration for the secret property 'OAuthToken'. '****' may be used in secret properties only when updating an existing action.";
    let declaration = with_secret("Other", "****");
    assert_eq!(refused(&declaration), (InvalidKind::Action, message.to_owned()));
    let before = accepted(&with_secret("Get", "abc")).unwrap();
    assert_eq!(updated(&declaration, &before).unwrap_err(), message);
}

#[test]
fn a_text_of_stars_that_is_no_secret_stays() {
    let mut declaration = plain();
    declaration["stages"][0]["actions"][0]["configuration"]["S3ObjectKey"] = json!("****");
    let structure = accepted(&declaration).unwrap();
    assert_eq!(structure.stages[0].actions[0].configuration["S3ObjectKey"], "****");
}
