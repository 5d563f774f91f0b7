//! Rows from the recordings of Step Functions, and the few that are known from elsewhere.

use serde_json::{Value, json};

use super::*;

const ARN: &str = "arn:aws:lambda:us-east-1:111111111111:function:f";
const DATE: &str = "Thu, 06 Nov 2025 12:28:14 GMT";

fn identity() -> Identity {
    Identity { region: "us-east-1".into(), account: "111111111111".into() }
}

fn reply(payload: &str) -> Reply {
    Reply {
        payload: Bytes::from(payload.to_owned()),
        request_id: "r1".into(),
        trace_id: "Root=1".into(),
        log_tail: None,
    }
}

fn ending_of(outcome: &Outcome, style: Style<'_>) -> Ending {
    let response = InvokeResponse::of_outcome(outcome, "f", &identity(), DATE).unwrap();
    ending(&response, style)
}

#[test]
fn the_output_of_invoke_is_the_recorded_one_to_the_letter() {
    let outcome = Outcome::Success(reply("\"HelloWorld!\""));
    let expected = concat!(
        r#"{"ExecutedVersion":"$LATEST","Payload":"HelloWorld!","SdkHttpMetadata":{"AllHttpHeaders":{"#,
        r#""X-Amz-Executed-Version":["$LATEST"],"x-amzn-Remapped-Content-Length":["0"],"#,
        r#""Connection":["keep-alive"],"x-amzn-RequestId":["r1"],"Content-Length":["13"],"#,
        r#""Date":["Thu, 06 Nov 2025 12:28:14 GMT"],"X-Amzn-Trace-Id":["Root=1"],"#,
        r#""Content-Type":["application/json"]},"HttpHeaders":{"Connection":"keep-alive","#,
        r#""Content-Length":"13","Content-Type":"application/json","#,
        r#""Date":"Thu, 06 Nov 2025 12:28:14 GMT","X-Amz-Executed-Version":"$LATEST","#,
        r#""x-amzn-Remapped-Content-Length":"0","x-amzn-RequestId":"r1","X-Amzn-Trace-Id":"Root=1"},"#,
        r#""HttpStatusCode":200},"SdkResponseMetadata":{"RequestId":"r1"},"StatusCode":200}"#,
    );
    assert_eq!(
        ending_of(&outcome, Style::Invoke),
        Ending::Succeeded { output: expected.to_owned() }
    );
}

#[test]
fn the_output_of_a_function_arn_is_the_payload_as_it_was_written() {
    for payload in ["\"HelloWorld!\"", "0.0", "0", "true", "{}", "null", "{\"a\": 1,  \"b\":[]}"] {
        let outcome = Outcome::Success(reply(payload));
        let expected = Ending::Succeeded { output: payload.to_owned() };
        assert_eq!(ending_of(&outcome, Style::FunctionArn(ARN)), expected);
    }
}

#[test]
fn an_error_of_the_function_is_the_same_in_both_styles() {
    let python = r#"{"errorMessage": "Some exception was raised.", "errorType": "Exception", "requestId": "r1", "stackTrace": ["  File \"/var/task/handler.py\", line 2, in handler\n    raise Exception(\"Some exception was raised.\")\n"]}"#;
    let timeout = r#"{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: r1 Error: Task timed out after 3.00 seconds"}"#;
    let old_timeout =
        r#"{"errorMessage":"2023-06-12T19:54:02.822Z r1 Task timed out after 3.01 seconds"}"#;
    let unknown = |payload: &str| {
        format!(
            "The cause could not be determined because Lambda did not return an error type. Returned payload: {payload}"
        )
    };
    let table = [
        (python, "Exception", python.to_owned()),
        (timeout, "Sandbox.Timedout", timeout.to_owned()),
        (
            r#"{"errorType":"Runtime.ExitError"}"#,
            "Runtime.ExitError",
            r#"{"errorType":"Runtime.ExitError"}"#.into(),
        ),
        (old_timeout, "Lambda.Unknown", unknown(old_timeout)),
        (r#"{"errorType":""}"#, "Lambda.Unknown", unknown(r#"{"errorType":""}"#)),
        (r#"{"errorType":7}"#, "Lambda.Unknown", unknown(r#"{"errorType":7}"#)),
        ("no json", "Lambda.Unknown", unknown("no json")),
        ("", "Lambda.Unknown", unknown("")),
    ];
    for (payload, error, cause) in table {
        let outcome = Outcome::FunctionError(reply(payload));
        for style in [Style::Invoke, Style::FunctionArn(ARN)] {
            assert_eq!(ending_of(&outcome, style), Ending::failed(error, cause.clone()));
        }
    }
}

#[test]
fn a_function_that_is_not_there_is_reported_with_its_full_name() {
    let table = [
        ("no_such", "arn:aws:lambda:us-east-1:111111111111:function:no_such:$LATEST"),
        ("no_such:prod", "arn:aws:lambda:us-east-1:111111111111:function:no_such:prod"),
        (
            "arn:aws:lambda:eu-west-1:222222222222:function:no_such",
            "arn:aws:lambda:eu-west-1:222222222222:function:no_such:$LATEST",
        ),
    ];
    let outcome = Outcome::NotFound { request_id: "r1".into() };
    for (reference, arn) in table {
        let response = InvokeResponse::of_outcome(&outcome, reference, &identity(), DATE).unwrap();
        assert_eq!(
            ending(&response, Style::Invoke),
            Ending::failed(
                "Lambda.ResourceNotFoundException",
                format!(
                    "Function not found: {arn} (Service: AWSLambda; Status Code: 404; Error Code: ResourceNotFoundException; Request ID: r1; Proxy: null)"
                )
            )
        );
    }
}

#[test]
fn a_refusal_of_an_endpoint_keeps_its_code() {
    let refusal = |status, error_type: &str, body: &str| InvokeResponse {
        status,
        headers: vec![
            ("x-amzn-errortype".into(), error_type.into()),
            ("x-amzn-requestid".into(), "r1".into()),
        ],
        payload: Bytes::from(body.to_owned()),
    };
    let table = [
        (
            refusal(
                429,
                "TooManyRequestsException:http://x/",
                r#"{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}"#,
            ),
            "Lambda.TooManyRequestsException",
            "Rate Exceeded. (Service: AWSLambda; Status Code: 429; Error Code: TooManyRequestsException; Request ID: r1; Proxy: null)",
        ),
        (
            refusal(403, "AccessDeniedException", r#"{"Message":"no"}"#),
            "Lambda.AWSLambdaException",
            "no (Service: AWSLambda; Status Code: 403; Error Code: AccessDeniedException; Request ID: r1; Proxy: null)",
        ),
        (
            InvokeResponse {
                status: 503,
                headers: Vec::new(),
                payload: Bytes::from_static(b"<html>"),
            },
            "Lambda.ServiceException",
            " (Service: AWSLambda; Status Code: 503; Error Code: ServiceException; Request ID: ; Proxy: null)",
        ),
    ];
    for (response, error, cause) in table {
        assert_eq!(ending(&response, Style::Invoke), Ending::failed(error, cause));
    }
}

#[test]
fn a_result_over_the_limit_is_refused_with_the_name_of_the_resource() {
    let payload = format!("\"{}\"", "x".repeat(RESULT_BYTES_MAX - 1));
    let outcome = Outcome::Success(reply(&payload));
    for (style, resource) in [(Style::Invoke, "lambda"), (Style::FunctionArn(ARN), ARN)] {
        let cause = format!(
            "The state/task '{resource}' returned a result with a size exceeding the maximum number of bytes service limit."
        );
        assert_eq!(ending_of(&outcome, style), Ending::failed("States.DataLimitExceeded", cause));
    }
    let outcome = Outcome::Success(reply(&payload.replace("xx\"", "x\"")));
    assert!(matches!(ending_of(&outcome, Style::FunctionArn(ARN)), Ending::Succeeded { .. }));
}

#[test]
fn an_answer_that_is_no_json_fails_and_an_empty_one_is_null() {
    let broken = Outcome::Success(reply("{not json"));
    assert!(
        matches!(ending_of(&broken, Style::Invoke), Ending::Failed { error, .. } if error == "Lambda.Unknown")
    );
    let empty = Outcome::Success(reply(""));
    assert_eq!(
        ending_of(&empty, Style::FunctionArn(ARN)),
        Ending::Succeeded { output: "null".into() }
    );
}

#[test]
fn headers_of_an_endpoint_are_spelled_as_aws_spells_them() {
    let response = InvokeResponse {
        status: 200,
        headers: vec![
            ("content-type".into(), "application/json".into()),
            ("x-amzn-requestid".into(), "r1".into()),
            ("x-other".into(), "1".into()),
            ("x-other".into(), "2".into()),
        ],
        payload: Bytes::from_static(b"1"),
    };
    let Ending::Succeeded { output } = ending(&response, Style::Invoke) else { panic!() };
    let output: Value = serde_json::from_str(&output).unwrap();
    assert_eq!(
        output["SdkHttpMetadata"],
        json!({
            "AllHttpHeaders": { "Content-Type": ["application/json"], "x-amzn-RequestId": ["r1"], "x-other": ["1", "2"] },
            "HttpHeaders": { "Content-Type": "application/json", "x-amzn-RequestId": "r1", "x-other": "1" },
            "HttpStatusCode": 200,
        })
    );
}

#[test]
fn the_log_is_in_the_output_when_it_was_asked_for() {
    let outcome = Outcome::Success(Reply { log_tail: Some("START".into()), ..reply("1") });
    let Ending::Succeeded { output } = ending_of(&outcome, Style::Invoke) else { panic!() };
    let output: Value = serde_json::from_str(&output).unwrap();
    assert_eq!(output["LogResult"], json!("U1RBUlQ="));
}

#[test]
fn a_payload_that_is_text_is_sent_as_it_is() {
    let table = [
        (Some(json!("0.0")), "0.0"),
        (Some(json!("{}")), "{}"),
        (Some(json!("\"'{'Hello':'World'}'\"")), "\"'{'Hello':'World'}'\""),
        (Some(json!({ "a": 1 })), r#"{"a":1}"#),
        (Some(Value::Null), "null"),
        (None, "{}"),
    ];
    for (payload, expected) in table {
        let bytes = request_payload(payload.as_ref());
        assert_eq!(bytes, expected);
        assert_eq!(unreadable_payload(&bytes, "r1"), None);
    }
    let refusal = unreadable_payload(&request_payload(Some(&json!("Hello World"))), "r1");
    assert!(
        matches!(refusal, Some(Ending::Failed { error, .. }) if error == "Lambda.InvalidRequestContentException")
    );
}

#[test]
fn nothing_is_reported_while_the_host_shuts_down() {
    assert_eq!(InvokeResponse::of_outcome(&Outcome::ShuttingDown, "f", &identity(), DATE), None);
}
