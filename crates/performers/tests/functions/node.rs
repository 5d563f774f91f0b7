//! The embedded Node bootstrap. These tests say so and pass when there is no Node.

use serde_json::{Value, json};

use crate::house::House;

pub(crate) fn node_is_here() -> bool {
    let here = std::process::Command::new("node").arg("--version").output().is_ok();
    if !here {
        eprintln!("skipped: node is not installed");
    }
    here
}

async fn node(file: &str, text: &str) -> House {
    let config = json!({ "runtime": "nodejs", "handler": "app.handler", "timeout_seconds": 20 });
    House::with(&[(file, text)], config).await
}

#[tokio::test]
async fn each_style_of_handler_answers() {
    if !node_is_here() {
        return;
    }
    let table = [
        ("app.js", "exports.handler = async (event) => ({ got: event });"),
        (
            "app.js",
            "exports.handler = (event, context, callback) => callback(null, { got: event });",
        ),
        ("app.js", "exports.handler = (event, context) => context.succeed({ got: event });"),
        (
            "app.js",
            "exports.handler = (event, context, done) => { setTimeout(() => done(null, { got: event }), 5); };",
        ),
        ("app.cjs", "module.exports.handler = (event) => Promise.resolve({ got: event });"),
        ("app.mjs", "export const handler = async (event) => ({ got: event });"),
        (
            "app.mjs",
            "const late = await Promise.resolve(1); export const handler = async (event) => ({ got: event });",
        ),
    ];
    for (file, text) in table {
        let house = node(file, text).await;
        for event in [json!({ "a": 1 }), json!("é"), json!(null)] {
            assert_eq!(house.succeed(event.clone()).await, json!({ "got": event }), "{text}");
        }
    }
}

#[tokio::test]
async fn a_handler_that_says_nothing_answers_null() {
    if !node_is_here() {
        return;
    }
    for text in [
        "exports.handler = () => {};",
        "exports.handler = async () => {};",
        "exports.handler = () => new Promise(() => {});",
    ] {
        let house = node("app.js", text).await;
        assert_eq!(house.succeed(json!({})).await, Value::Null, "{text}");
        assert_eq!(house.succeed(json!({})).await, Value::Null, "{text}");
    }
}

#[tokio::test]
async fn a_callback_waits_for_an_empty_event_loop_unless_told_otherwise() {
    if !node_is_here() {
        return;
    }
    let text = "
let ticks = 0;
exports.handler = (event, context, callback) => {
  context.callbackWaitsForEmptyEventLoop = event.waits;
  const answer = {};
  setTimeout(() => { ticks += 1; answer.ticks = ticks; }, 20);
  callback(null, answer);
};";
    let house = node("app.js", text).await;
    assert_eq!(house.succeed(json!({ "waits": false })).await, json!({}));
    let waited = house.succeed(json!({ "waits": true })).await;
    assert!(waited["ticks"].as_i64().is_some_and(|ticks| ticks >= 1), "{waited}");
}

#[tokio::test]
async fn an_error_is_reported_as_by_aws() {
    if !node_is_here() {
        return;
    }
    let table = [
        ("exports.handler = async () => { throw new TypeError('no'); };", "TypeError", "no"),
        ("exports.handler = () => { throw new Error('now'); };", "Error", "now"),
        ("exports.handler = (e, c, callback) => callback('text');", "string", "text"),
        ("exports.handler = (e, c) => c.fail();", "string", "handled"),
        (
            "class Custom extends Error { constructor(m) { super(m); this.name = 'Custom'; } }\nexports.handler = async () => { throw new Custom('mine'); };",
            "Custom",
            "mine",
        ),
        (
            "exports.handler = async () => { const a = {}; a.a = a; return a; };",
            "Error",
            "Unable to stringify response body",
        ),
        (
            "exports.handler = () => { setTimeout(() => { throw new Error('late'); }, 1); };",
            "Error",
            "late",
        ),
        (
            "exports.handler = async () => { Promise.reject(new Error('lost')); await new Promise((r) => setTimeout(r, 1000)); };",
            "Runtime.UnhandledPromiseRejection",
            "Error: lost",
        ),
    ];
    for (text, error_type, message) in table {
        let house = node("app.js", text).await;
        let payload = house.fail(json!({})).await;
        let expected =
            format!(r#"{{"errorType":"{error_type}","errorMessage":"{message}","trace":["#);
        assert!(payload.starts_with(&expected), "{payload} for {text}");
    }
}

#[tokio::test]
async fn what_cannot_be_loaded_has_its_own_error() {
    if !node_is_here() {
        return;
    }
    let table = [
        (
            "exports.other = 1;",
            "app.handler",
            "Runtime.HandlerNotFound",
            "app.handler is undefined or not exported",
        ),
        (
            "exports.handler = 1;",
            "app.handler",
            "Runtime.HandlerNotFound",
            "app.handler is not a function",
        ),
        ("", "missing.handler", "Runtime.ImportModuleError", "Error: Cannot find module 'missing'"),
        (
            "require('no-such-package');",
            "app.handler",
            "Runtime.ImportModuleError",
            "Error: Cannot find module 'no-such-package'",
        ),
        ("exports.handler = (", "app.handler", "Runtime.UserCodeSyntaxError", "SyntaxError: "),
        ("", "handler", "Runtime.MalformedHandlerName", "Bad handler"),
        (
            "",
            "../app.handler",
            "Runtime.MalformedHandlerName",
            "'../app.handler' is not a valid handler name.",
        ),
        ("throw new RangeError('early');", "app.handler", "RangeError", "early"),
    ];
    for (text, handler, error_type, message) in table {
        let config = json!({ "runtime": "nodejs", "handler": handler, "timeout_seconds": 20 });
        let house = House::with(&[("app.js", text)], config).await;
        let error: Value = serde_json::from_str(&house.fail(json!({})).await).unwrap();
        assert_eq!(error["errorType"], json!(error_type), "{error}");
        assert!(error["errorMessage"].as_str().unwrap().starts_with(message), "{error}");
    }
}

#[tokio::test]
async fn the_context_has_what_aws_documents() {
    if !node_is_here() {
        return;
    }
    let text = "
exports.handler = async (event, context) => {
  console.log('told', { a: 1 });
  const left = context.getRemainingTimeInMillis();
  return [context.functionName, context.functionVersion, context.invokedFunctionArn, context.memoryLimitInMB,
    context.logGroupName, left > 19000 && left <= 20000, typeof process.env.TRACKWAY_BOOTSTRAP, context.awsRequestId.length];
};";
    let house = node("app.js", text).await;
    assert_eq!(
        house.succeed(json!({})).await,
        json!([
            "hello",
            "$LATEST",
            "arn:aws:lambda:eu-west-1:111122223333:function:hello",
            "128",
            "/aws/lambda/hello",
            true,
            "undefined",
            36
        ])
    );
    assert!(house.log().contains("\tINFO\ttold { a: 1 }"), "{}", house.log());
}
