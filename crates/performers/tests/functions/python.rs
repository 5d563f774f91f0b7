//! The embedded Python bootstrap: what a handler sees and how its errors look.

use serde_json::{Value, json};
use trackway_performers::function::{Invocation, Outcome};

use crate::house::{House, json_of, python_config};

#[tokio::test]
async fn a_handler_answers_and_its_process_stays() {
    let house = House::python(
        "import os\ncount = 0\ndef handler(event, context):\n    global count\n    count += 1\n    \
         return {'echo': event, 'pid': os.getpid(), 'count': count}\n",
    )
    .await;
    let first = house.succeed(json!({ "a": [1, "é", null] })).await;
    assert_eq!(first["echo"], json!({ "a": [1, "é", null] }));
    let second = house.succeed(json!(7)).await;
    assert_eq!((second["count"].clone(), &second["pid"]), (json!(2), &first["pid"]));
}

#[tokio::test]
async fn the_context_has_what_aws_documents() {
    let app = "
import os
def handler(event, context):
    assert 19000 < context.get_remaining_time_in_millis() <= 20000
    assert context.identity.cognito_identity_id is None
    return {
        'arn': context.invoked_function_arn, 'name': context.function_name,
        'version': context.function_version, 'memory': context.memory_limit_in_mb,
        'group': context.log_group_name, 'stream': '[$LATEST]' in context.log_stream_name,
        'id': context.aws_request_id, 'trace': os.environ['_X_AMZN_TRACE_ID'],
        'custom': context.client_context.custom, 'title': context.client_context.client.app_title,
        'env': [os.environ[k] for k in ('_HANDLER', 'AWS_REGION', 'AWS_LAMBDA_FUNCTION_NAME', 'TZ', 'GREETING')],
        'root': os.environ['LAMBDA_TASK_ROOT'] == os.getcwd(),
        'own': [k for k in os.environ if k.startswith('TRACKWAY_')],
    }
";
    let mut config = python_config();
    config["env"] = json!({ "GREETING": "hi" });
    let house = House::with(&[("app.py", app)], config).await;
    let context = r#"{"custom":{"who":"é"},"client":{"app_title":"t"}}"#;
    let outcome = house
        .host
        .invoke(Invocation {
            name: "arn:aws:lambda:eu-west-1:111122223333:function:hello:prod".into(),
            payload: "{}".into(),
            client_context: Some(context.into()),
            ..Invocation::default()
        })
        .await;
    let Outcome::Success(reply) = outcome else { panic!("{outcome:?}") };
    let expected = json!({
        "arn": "arn:aws:lambda:eu-west-1:111122223333:function:hello", "name": "hello",
        "version": "$LATEST", "memory": "128", "group": "/aws/lambda/hello", "stream": true,
        "id": reply.request_id, "trace": reply.trace_id,
        "custom": { "who": "é" }, "title": "t",
        "env": ["app.handler", "eu-west-1", "hello", ":UTC", "hi"],
        "root": true, "own": [],
    });
    assert_eq!(json_of(&reply), expected);
}

#[tokio::test]
async fn an_exception_is_reported_as_by_aws() {
    let house = House::python(
        "class CustomException(Exception):\n    pass\n\ndef deeper():\n    raise CustomException()\n\n\
         def handler(event, context):\n    if event == 'deep':\n        deeper()\n    \
         raise Exception(\"Some exception was raised.\")\n",
    )
    .await;
    assert_eq!(
        house.fail(json!({})).await,
        r#"{"errorMessage": "Some exception was raised.", "errorType": "Exception", "requestId": "<id>", "stackTrace": ["  File \"/var/task/app.py\", line 10, in handler\n    raise Exception(\"Some exception was raised.\")\n"]}"#
    );
    assert_eq!(
        house.fail(json!("deep")).await,
        r#"{"errorMessage": "", "errorType": "CustomException", "requestId": "<id>", "stackTrace": ["  File \"/var/task/app.py\", line 9, in handler\n    deeper()\n", "  File \"/var/task/app.py\", line 5, in deeper\n    raise CustomException()\n"]}"#
    );
}

#[tokio::test]
async fn what_cannot_be_loaded_has_its_own_error() {
    let table = [
        (
            "def other(e, c): pass\n",
            "app.handler",
            "Runtime.HandlerNotFound",
            "Handler 'handler' missing on module 'app'",
        ),
        (
            "import no_such_module\n",
            "app.handler",
            "Runtime.ImportModuleError",
            "Unable to import module 'app': No module named 'no_such_module'",
        ),
        (
            "",
            "missing.handler",
            "Runtime.ImportModuleError",
            "Unable to import module 'missing': No module named 'missing'",
        ),
        (
            "def handler(:\n",
            "app.handler",
            "Runtime.UserCodeSyntaxError",
            "Syntax error in module 'app': invalid syntax (app.py, line 1)",
        ),
        (
            "",
            "handler",
            "Runtime.MalformedHandlerName",
            "Bad handler 'handler': not enough values to unpack (expected 2, got 1)",
        ),
        (
            "",
            "sys.exit",
            "Runtime.BuiltInModuleConflict",
            "Cannot use built-in module sys as a handler module",
        ),
        ("1 / 0\n", "app.handler", "ZeroDivisionError", "division by zero"),
    ];
    for (app, handler, error_type, message) in table {
        let mut config = python_config();
        config["handler"] = json!(handler);
        let house = House::with(&[("app.py", app)], config).await;
        let error: Value = serde_json::from_str(&house.fail(json!({})).await).unwrap();
        assert_eq!(
            (&error["errorType"], &error["errorMessage"]),
            (&json!(error_type), &json!(message))
        );
        assert!(house.log().contains(error_type), "{}", house.log());
    }
}

#[tokio::test]
async fn an_answer_is_written_as_by_aws() {
    let app = "
import decimal
def handler(event, context):
    return {
        'text': {'body': 'string body'}, 'bytes': b'[1, 2]', 'none': None,
        'decimal': {'d': decimal.Decimal('1.10'), 'e': decimal.Decimal('100000000000000000000.1')},
        'set': {1}, 'surrogate': {'s': '\\ud800'},
    }[event]
";
    let house = House::python(app).await;
    let table = [
        ("text", r#"{"body": "string body"}"#),
        ("bytes", "[1, 2]"),
        ("none", "null"),
        ("decimal", r#"{"d": 1.10, "e": 100000000000000000000.1}"#),
    ];
    for (event, expected) in table {
        let Outcome::Success(reply) = house.invoke(json!(event)).await else { panic!("{event}") };
        assert_eq!(reply.payload, expected);
    }
    let error = house.fail(json!("set")).await;
    assert!(error.contains(r#""errorType": "Runtime.MarshalError""#), "{error}");
    assert!(
        error.contains("Unable to marshal response: Object of type set is not JSON serializable"),
        "{error}"
    );
}

#[tokio::test]
async fn an_exit_is_the_error_of_its_invocation() {
    let house = House::python(
        "import os, sys\ndef handler(event, context):\n    \
         os.kill(os.getpid(), 9) if event == 'kill' else sys.exit(event)\n",
    )
    .await;
    let table = [
        (json!(1), "Runtime exited with error: exit status 1"),
        (json!(0), "Runtime exited without providing a reason"),
        (json!("kill"), "Runtime exited with error: signal: killed"),
    ];
    for (event, message) in table {
        let expected = format!(
            r#"{{"errorType":"Runtime.ExitError","errorMessage":"RequestId: <id> Error: {message}"}}"#
        );
        assert_eq!(house.fail(event).await, expected);
    }
}

#[tokio::test]
async fn an_answer_over_six_megabytes_is_an_error_and_the_process_lives_on() {
    let house = House::python(
        "import os\ndef handler(event, context):\n    return 'x' * event if event else os.getpid()\n",
    )
    .await;
    let pid = house.succeed(json!(0)).await;
    let most = 6_291_556 - 2;
    assert_eq!(house.succeed(json!(most)).await.as_str().map(str::len), Some(most));
    assert_eq!(
        house.fail(json!(most + 1)).await,
        r#"{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes)."}"#
    );
    assert_eq!(house.succeed(json!(0)).await, pid);
}

#[tokio::test]
async fn what_is_written_reaches_the_sink_and_the_tail() {
    let house = House::python(
        "import logging, sys\nlogging.getLogger().setLevel('INFO')\ndef handler(event, context):\n    \
         print('printed', event)\n    logging.info('logged')\n    sys.stderr.write('to stderr\\n')\n",
    )
    .await;
    for event in 0..3 {
        let Outcome::Success(reply) = house.invoke(json!(event)).await else { panic!() };
        let tail = reply.log_tail.unwrap();
        let id = &reply.request_id;
        assert!(tail.starts_with(&format!("START RequestId: {id} Version: $LATEST\n")), "{tail}");
        assert!(tail.contains(&format!("printed {event}\n")), "{tail}");
        assert!(tail.contains(&format!("Z\t{id}\tlogged\n")), "{tail}");
        assert!(tail.contains("to stderr\n"), "{tail}");
        assert!(
            tail.contains(&format!("END RequestId: {id}\nREPORT RequestId: {id}\tDuration: ")),
            "{tail}"
        );
        assert_eq!(tail.matches("printed").count(), 1, "{tail}");
    }
    assert!(house.log().contains("printed 0"), "{}", house.log());
}
