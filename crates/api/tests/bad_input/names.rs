//! Names that AWS takes and names that it does not.

use serde_json::{Value, json};

use crate::{MACHINE, ROLE, check, house};

const DEFINITION: &str = r#"{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}"#;

/// The requests that bear a name.
fn requests(name: &str) -> [(&'static str, Value); 4] {
    let machine = json!({ "name": name, "roleArn": ROLE, "definition": DEFINITION });
    let mut express = machine.clone();
    express["type"] = "EXPRESS".into();
    [
        ("CreateActivity", json!({ "name": name })),
        ("StartExecution", json!({ "stateMachineArn": MACHINE, "name": name })),
        ("CreateStateMachine", machine),
        ("CreateStateMachine", express),
    ]
}

#[tokio::test]
async fn names_with_forbidden_characters_are_refused() {
    let house = house().await;
    let forbidden = "<>{}[]?*\"#%\\^|~`$&,;:/ \t\n\r\u{0}\u{1f}\u{7f}\u{80}\u{9f}\u{a0}\u{2003}\u{3000}\u{fffe}\u{ffff}";
    for c in forbidden.chars() {
        for name in [format!("a{c}b"), format!("{c}ab"), format!("ab{c}")] {
            for (operation, request) in requests(&name) {
                let expected = format!("400 InvalidName: Invalid Name: '{name}'");
                check(&house, &[(operation, request.to_string().as_str(), &*expected)]).await;
            }
        }
    }
}

#[tokio::test]
async fn names_of_the_wrong_length_are_refused() {
    let house = house().await;
    let clause = |name: &str, clause: &str| {
        format!(
            "400 ValidationException: 1 validation error detected: Value '{name}' at 'name' failed to satisfy constraint: Member must have length {clause}"
        )
    };
    let long = "n".repeat(81);
    for (name, expected) in [
        ("", clause("", "greater than or equal to 1")),
        (&*long, clause(&long, "less than or equal to 80")),
    ] {
        for (operation, request) in requests(name) {
            check(&house, &[(operation, request.to_string().as_str(), &*expected)]).await;
        }
    }
}

#[tokio::test]
async fn names_of_any_script_are_taken() {
    let house = house().await;
    for name in ["a", "été", "日本語", "😀", "a.b-c_d'e(f)g!h=i+j@k", &"n".repeat(80)] {
        for (operation, request) in &requests(name)[..3] {
            check(&house, &[(operation, request.to_string().as_str(), "200")]).await;
        }
    }
}
