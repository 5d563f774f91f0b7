//! Rows of call and value. The values are the documented ones and those measured on AWS.

use std::borrow::Cow;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Call, Env, IntrinsicError, NESTING_MAX};
use crate::jsonpath::{EvalError, Path, Root};

/// Documents, and randomness that counts.
struct Fixture<'v> {
    input: &'v Value,
    context: &'v Value,
    drawn: u64,
}

impl<'v> Env<'v> for Fixture<'v> {
    fn resolve(&mut self, path: &Path) -> Result<Cow<'v, Value>, EvalError> {
        match path.root() {
            Root::Input => path.evaluate(self.input),
            Root::Context => path.evaluate(self.context),
            Root::Variable(name) => Err(EvalError::NotFound(name.clone())),
        }
    }

    fn uuid(&mut self) -> String {
        "00000000-0000-4000-8000-000000000000".to_owned()
    }

    fn random(&mut self) -> u64 {
        self.drawn += 1;
        self.drawn.wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }
}

fn input() -> Value {
    json!({
        "name": "Ada", "template": "Hello {} \\{\\}", "null": null, "n": 2, "f": 2.6, "t": true,
        "list": [1, 2, 3, 4, 5], "empty": [], "o": {"a": 1, "b": {"x": 1}}, "p": {"b": 2, "c": 3},
        "json": "{\"k\":[1,2]}", "long": "a".repeat(10_000), "longer": "a".repeat(10_001),
        "items": [{"a,b)": 1}], "bad": "{x",
    })
}

fn run(call: &str) -> Result<Value, String> {
    let (input, context) = (input(), json!({"State": {"Name": "S"}}));
    let mut env = Fixture { input: &input, context: &context, drawn: 0 };
    let call = Call::parse(call).map_err(|error| error.message)?;
    call.evaluate(&mut env).map_err(|error| error.to_string())
}

fn check(rows: &[(&str, Value)]) {
    for (call, expected) in rows {
        assert_eq!(run(call).as_ref(), Ok(expected), "{call}");
    }
}

#[test]
fn calls_on_texts_and_numbers_give_values() {
    check(&[
        ("States.Format('no holes')", json!("no holes")),
        ("States.Format('{} {} {}', $.name, $.n, $.t)", json!("Ada 2 true")),
        (
            "States.Format('{}|{}|{}', $.null, $.list, $.o)",
            json!("null|[1,2,3,4,5]|{\"a\":1,\"b\":{\"x\":1}}"),
        ),
        (r"States.Format('it\'s \{\} \\ {}', 1.5)", json!(r"it's {} \ 1.5")),
        ("States.Format($.template, $.name)", json!("Hello Ada {}")),
        ("States.Format('Format:{}', 101)", json!("Format:101")),
        (" States.Format ( '{}' , $$.State.Name ) ", json!("S")),
        ("States.Format('{}', $.items[0]['a,b)'])", json!("1")),
        ("States.Format('{}', $.list[?(@ > 3)])", json!("[4,5]")),
        ("States.StringToJson($.json)", json!({"k": [1, 2]})),
        ("States.StringToJson('{\"a\":1}')", json!({"a": 1})),
        ("States.StringToJson(' 1 ')", json!(1)),
        ("States.StringToJson('')", json!(null)),
        ("States.JsonToString($.o)", json!("{\"a\":1,\"b\":{\"x\":1}}")),
        ("States.JsonToString($.name)", json!("\"Ada\"")),
        ("States.Base64Encode('Data to encode')", json!("RGF0YSB0byBlbmNvZGU=")),
        ("States.Base64Encode('')", json!("")),
        ("States.Base64Decode('RGF0YSB0byBlbmNvZGU=')", json!("Data to encode")),
        ("States.Base64Decode('4pyT')", json!("\u{2713}")),
        ("States.Base64Decode(' YWJj ZA== ')", json!("abcd")),
        ("States.Base64Decode('YWI')", json!("ab")),
        ("States.Hash('hello', 'MD5')", json!("5d41402abc4b2a76b9719d911017c592")),
        ("States.Hash('hello', 'SHA-1')", json!("aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d")),
        ("States.Hash('', 'MD5')", json!("d41d8cd98f00b204e9800998ecf8427e")),
        ("States.Hash('', 'SHA-1')", json!("da39a3ee5e6b4b0d3255bfef95601890afd80709")),
        ("States.Hash($.long, 'MD5')", json!("0d0c9c4db6953fee9e03f528cafd7d3e")),
        ("States.Hash($.long, 'SHA-1')", json!("a080cbda64850abb7b7f67ee875ba068074ff6fe")),
        (
            "States.Hash('hello', 'SHA-256')",
            json!("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"),
        ),
        ("States.JsonMerge($.o, $.p, false)", json!({"a": 1, "b": 2, "c": 3})),
        ("States.JsonMerge($.o, $.p, 'false')", json!({"a": 1, "b": 2, "c": 3})),
        ("States.MathAdd(-9, 3)", json!(-6)),
        ("States.MathAdd(1.49, 1.5)", json!(3)),
        ("States.MathAdd(-1.5, -1.51)", json!(-3)),
        ("States.MathAdd(-0.5, 0.5)", json!(1)),
        ("States.MathAdd(-2.5, 0)", json!(-2)),
        ("States.MathAdd(2147483646, 1)", json!(2147483647)),
        ("States.MathRandom(0, 1)", json!(0)),
        ("States.StringSplit('1+2,3.4', '.+,')", json!(["1", "2", "3", "4"])),
        ("States.StringSplit(',a,,b,', ',')", json!(["a", "b"])),
        ("States.StringSplit('abc', '')", json!(["abc"])),
        ("States.StringSplit('', ',')", json!([])),
        ("States.UUID()", json!("00000000-0000-4000-8000-000000000000")),
    ]);
}

#[test]
fn calls_on_arrays_give_values() {
    check(&[
        ("States.Array()", json!([])),
        (
            "States.Array($.n, null, 'x', -1, true, States.Array())",
            json!([2, null, "x", -1, true, []]),
        ),
        ("States.ArrayPartition($.list, 2)", json!([[1, 2], [3, 4], [5]])),
        ("States.ArrayPartition($.list, 2.6)", json!([[1, 2], [3, 4], [5]])),
        ("States.ArrayPartition($.empty, 3)", json!([])),
        ("States.ArrayPartition($.list, 2147483647)", json!([[1, 2, 3, 4, 5]])),
        ("States.ArrayContains($.list, 5)", json!(true)),
        ("States.ArrayContains($.list, '5')", json!(false)),
        ("States.ArrayRange(1, 9, 2)", json!([1, 3, 5, 7, 9])),
        ("States.ArrayRange(0, 10, 3)", json!([0, 3, 6, 9])),
        ("States.ArrayRange(5, 1, -2)", json!([5, 3, 1])),
        ("States.ArrayRange(3, 3, -1)", json!([3])),
        ("States.ArrayRange(5, 1, 1)", json!([])),
        ("States.ArrayRange(1.6, 1.4, 1)", json!([1])),
        ("States.ArrayRange(5.4, -0.6, -2.4)", json!([5, 3, 1])),
        ("States.ArrayLength(States.ArrayRange(1, 1000, 1))", json!(1000)),
        ("States.ArrayGetItem($.list, 1)", json!(2)),
        ("States.ArrayGetItem($.list, 1.9)", json!(2)),
        ("States.ArrayGetItem($.empty, 999)", json!(null)),
        ("States.ArrayLength($.list)", json!(5)),
        ("States.ArrayUnique(States.Array(1,2,3,3,3,4))", json!([1, 2, 3, 4])),
        ("States.ArrayUnique(States.Array('a','b','a','c'))", json!(["a", "b", "c"])),
        ("States.ArrayUnique(States.Array(true,false,true))", json!([false, true])),
        ("States.ArrayUnique(States.Array(null,null,1,null))", json!([null, 1])),
        ("States.ArrayUnique(States.StringToJson('[[1,2],[1,2],[2,1]]'))", json!([[2, 1], [1, 2]])),
        ("States.ArrayUnique(States.StringToJson('[1,\"1\",1.0,\"01\"]'))", json!([1, "1", "01"])),
        ("States.ArrayLength(States.ArrayUnique(States.ArrayRange(1, 100, 1)))", json!(100)),
    ]);
}

#[test]
fn arguments_that_do_not_fit_are_refused_at_run_time() {
    let rows = [
        ("States.Format()", "Format"),
        ("States.Format('{}')", "Format"),
        ("States.Format('', 1)", "Format"),
        ("States.Format($.n, 1)", "Format"),
        ("States.StringToJson($.bad)", "StringToJson"),
        ("States.StringToJson($.n)", "StringToJson"),
        ("States.StringToJson('1', '2')", "StringToJson"),
        ("States.ArrayPartition($.list, 0)", "ArrayPartition"),
        ("States.ArrayPartition($.list, 0.6)", "ArrayPartition"),
        ("States.ArrayPartition($.list, -1)", "ArrayPartition"),
        ("States.ArrayPartition('x', 1)", "ArrayPartition"),
        ("States.ArrayContains($.o, 1)", "ArrayContains"),
        ("States.ArrayRange(1, 10, 0.49)", "ArrayRange"),
        ("States.ArrayRange(1, 1001, 1)", "ArrayRange"),
        ("States.ArrayRange(1001, 1, -1)", "ArrayRange"),
        ("States.ArrayRange(-9223372036854775808, 9223372036854775807, 1)", "ArrayRange"),
        ("States.ArrayRange('a', 5, 1)", "ArrayRange"),
        ("States.ArrayGetItem($.list, 5)", "ArrayGetItem"),
        ("States.ArrayGetItem($.list, -1)", "ArrayGetItem"),
        ("States.ArrayGetItem($.list, '1')", "ArrayGetItem"),
        ("States.ArrayLength($.o)", "ArrayLength"),
        ("States.ArrayUnique($.o)", "ArrayUnique"),
        ("States.Base64Encode($.longer)", "Base64Encode"),
        ("States.Base64Decode($.longer)", "Base64Decode"),
        ("States.Base64Decode(123)", "Base64Decode"),
        ("States.Hash($.longer, 'MD5')", "Hash"),
        ("States.Hash('x', 'SHA256')", "Hash"),
        ("States.Hash('x', 'sha-256')", "Hash"),
        ("States.Hash('x')", "Hash"),
        ("States.JsonMerge($.o, $.null, false)", "JsonMerge"),
        ("States.MathAdd(2147483647, 1)", "MathAdd"),
        ("States.MathAdd(3000000000, 1)", "MathAdd"),
        ("States.MathAdd('1', 1)", "MathAdd"),
        ("States.MathAdd(true, 1)", "MathAdd"),
        ("States.MathRandom(1, 1)", "MathRandom"),
        ("States.MathRandom(1.4, 1.6)", "MathRandom"),
        ("States.MathRandom(10, 5)", "MathRandom"),
        ("States.MathRandom(1, 9, null)", "MathRandom"),
        ("States.StringSplit($.n, ',')", "StringSplit"),
        ("States.StringSplit($.name, $.null)", "StringSplit"),
        ("States.UUID(1)", "UUID"),
    ];
    for (call, function) in rows {
        let error = run(call).expect_err(call);
        assert!(
            error.starts_with(&format!("Invalid arguments in States.{function}")),
            "{call}: {error}"
        );
    }
}

#[test]
fn malformed_calls_do_not_parse() {
    let rows = [
        "",
        "States.Format",
        "States.Format(",
        "States.Format('a'",
        "States.Format('a') x",
        "States.Format('a)",
        "States.Format('a\\n')",
        "States.Format('a',)",
        "States.Format(,'a')",
        "States.Format(\"a\")",
        "States.Format(a)",
        "States.Format($.a b)",
        "States.Format($.a[)",
        "States.Nope()",
        "states.UUID()",
        "UUID()",
        "$.a",
        "States.MathAdd(1-, 2)",
        "States.MathAdd(inf, 2)",
        "States.MathAdd(1 2)",
    ];
    for call in rows {
        assert!(Call::parse(call).is_err(), "{call}");
    }
}

#[test]
fn calls_nest_ten_deep() {
    let nested = |depth: usize| "States.Array(".repeat(depth) + &")".repeat(depth);
    assert!(Call::parse(&nested(NESTING_MAX)).is_ok());
    assert!(Call::parse(&nested(NESTING_MAX + 1)).is_err());
    assert!(Call::parse(&nested(100_000)).is_err());
}

#[test]
fn paths_are_listed_in_order() {
    let call = Call::parse("States.Array($.a, States.Array($$.b, 1), $c.d)").expect("a call");
    let paths: Vec<&str> = call.paths().map(Path::source).collect();
    assert_eq!(paths, ["$.a", "$$.b", "$c.d"]);
}

#[test]
fn causes_read_as_on_aws() {
    let input = json!({"other": 1});
    let context = json!({});
    let rows = [
        (
            "States.Format('{}', States.Format('{}', $.nope))",
            "The JsonPath argument for the field '$.nope' could not be found in the input \
             '{\"other\":1}'",
        ),
        (
            "States.Format('{}',$$.Nope.Deep)",
            "The JsonPath argument for the field '$.Nope.Deep' could not be found in the input \
             '{\"other\":1}'",
        ),
        (
            "States.Array($.other[0])",
            "Filter: [0] can only be applied to arrays. Current context is: 1",
        ),
        ("States.Hash($.other)", "Invalid arguments in States.Hash"),
        (
            "States.Format('Hello {', $.other)",
            "Invalid template in States.Format: matching '}' not found for '{'.",
        ),
    ];
    for (text, detail) in rows {
        let mut env = Fixture { input: &input, context: &context, drawn: 0 };
        let call = Call::parse(text).expect(text);
        let error = call.evaluate(&mut env).expect_err(text);
        let expected = format!("The function '{text}' had the following error: {detail}");
        assert_eq!(error.cause(call.source(), &input), expected);
    }
}

#[test]
fn random_numbers_stay_in_bounds_and_follow_their_seed() {
    let wide = run("States.MathRandom(-2147483648, 2147483647, 7)");
    assert!(wide.is_ok(), "{wide:?}");
    // AWS's `$random(42)` is 0.72756368…, so the generator's first 31 bits are 1562431130.
    assert_eq!(run("States.MathRandom(0, 10, 42)"), Ok(json!(0)));
    assert_eq!(run("States.MathRandom(5, 1005, 42)"), Ok(json!(135)));
    for seed in -20..20 {
        let call = format!("States.MathRandom(3, 7, {seed})");
        let number = run(&call).ok().and_then(|n| n.as_i64()).expect("a number");
        assert!((3..7).contains(&number));
        assert_eq!(run(&call), run(&call));
    }
}

#[test]
fn large_arguments_end_an_evaluation() {
    let arguments = vec!["$"; 200_000].join(",");
    let (input, context) = (json!("x".repeat(10_000)), json!(null));
    let mut env = Fixture { input: &input, context: &context, drawn: 0 };
    let call = Call::parse(&format!("States.Array({arguments})")).expect("a call");
    assert_eq!(call.evaluate(&mut env), Err(IntrinsicError::TooLarge));
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "\\PC{0,60}") {
        let _ = run(&text);
        let _ = run(&format!("States.Format({text})"));
    }

    #[test]
    fn call_like_text_never_panics(
        name in proptest::sample::select(vec![
            "Format", "StringToJson", "JsonToString", "Array", "ArrayPartition", "ArrayContains",
            "ArrayRange", "ArrayGetItem", "ArrayLength", "ArrayUnique", "Base64Encode",
            "Base64Decode", "Hash", "JsonMerge", "MathRandom", "MathAdd", "StringSplit", "UUID",
        ]),
        arguments in proptest::collection::vec(
            proptest::sample::select(vec![
                "$", "$.list", "$.name", "$.n", "$.f", "$.null", "$.o", "$$.State", "null", "true",
                "-1", "0", "1e30", "9223372036854775807", "-9223372036854775808", "0.5", "''",
                "'{}'", "'\\{'", "'MD5'", "'}'", "States.UUID()", "States.Array($, 1)", "$[", "'",
            ]),
            0..5,
        )
    ) {
        let _ = run(&format!("States.{name}({})", arguments.join(", ")));
    }
}
