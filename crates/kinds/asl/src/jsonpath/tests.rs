//! Rows of path, document and result; the gates against recorded data are in `tests/jsonpath.rs`.

use std::borrow::Cow;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{EvalError, Path, ReferencePath, Root, TOKENS_MAX};

fn document() -> Value {
    json!({
        "a": {"b": 1, "n": null},
        "list": [{"id": 1, "tags": ["x", "y"]}, {"id": 2, "tags": []}, {"id": 3.0, "name": "it's"}],
        "text": "hello",
        "nums": [3, 1.5, -2],
        "wanted": ["x", "q"],
        r#"Test\""Name""#: "escaped",
    })
}

/// Reads `path`, an error as its text.
fn read(path: &str, document: &Value) -> Result<Value, String> {
    let path = Path::parse(path).map_err(|error| error.to_string())?;
    path.evaluate(document).map(Cow::into_owned).map_err(|error| error.to_string())
}

#[test]
fn paths_give_values() {
    let rows = [
        ("$.a.b", json!(1)),
        ("$.a.n", json!(null)),
        ("$.list[-1].id", json!(3.0)),
        ("$.list[0,-1].id", json!([1, 3.0])),
        ("$.list[0, 2].id", json!([1, 3.0])),
        ("$.list[-2:].id", json!([2, 3.0])),
        ("$.list[:-1].id", json!([1, 2])),
        ("$.list[-1:1].id", json!([3.0, 1])),
        ("$.list[-2147483648:1].id", json!([1, 2, 3.0, 1])),
        ("$['a','text']", json!({"a": {"b": 1, "n": null}, "text": "hello"})),
        ("$.list[*]['id','name']", json!([{"id": 1}, {"id": 2}, {"id": 3.0, "name": "it's"}])),
        ("$..['id','name']", json!([{"id": 3.0, "name": "it's"}])),
        ("$..tags[0]", json!(["x"])),
        ("$..[0]", json!([{"id": 1, "tags": ["x", "y"]}, "x", 3, "x"])),
        (r#"$['Test\""Name"']"#, json!("escaped")),
        (r"$.list[?(@.name == 'it\'s')].id", json!([3.0])),
        ("$.list[?(@.id === 1 || @.id == '3.0')].id", json!([1, 3.0])),
        ("$.list[?(@.id in [1, 3])].id", json!([1, 3.0])),
        ("$.list[?(@.id nin [1, 3])].id", json!([2])),
        ("$.list[?(@.tags subsetof $.wanted)].id", json!([2])),
        ("$.list[?(@.tags anyof ['x'])].id", json!([1])),
        ("$.list[?(@.tags noneof ['x'])].id", json!([2])),
        ("$.list[?(@.tags contains 'y')].id", json!([1])),
        ("$.list[?(@.tags all ['x','y'])].id", json!([1])),
        ("$.list[?(@.tags empty false)].id", json!([1])),
        ("$.list[?(!@.name)].id", json!([1, 2])),
        ("$.list[?(!(@.id > 1 && @.id < 3))].id", json!([1, 3.0])),
        ("$.list[?(@.tags[?(@ == 'y')])].id", json!([1, 2])),
        ("$.list[?(@.tags.length() > 1)].id", json!([1])),
        ("$.list[?(@.id==1||@.id==2)].id", json!([1, 2])),
        ("$.list[?(@.name =~ /IT.*/i)].id", json!([3.0])),
        ("$.list[?(@.name =~ /t/)].id", json!([])),
        ("$.list[?(@.id nosuch 1)].id", json!(null)),
        ("$.nums[?(@ > 0)]", json!([3, 1.5])),
        ("$.nums.min()", json!(-2.0)),
        ("$.nums.sum($.a.b, 2)", json!(5.5)),
        ("$..id.sum()", json!(6.0)),
        ("$.nums.index(1)", json!(1.5)),
        ("$.nums.last()", json!(-2)),
        ("$.wanted.append(\"z\")", json!(["x", "q", "z"])),
        ("$.wanted.concat('-', $.text)", json!("xq-hello")),
        ("$.list.first().tags[1]", json!("y")),
        ("$.missing[*].x", json!([])),
        ("$.missing.more[1:]", json!([])),
        ("$.list[9][*]", json!([])),
    ];
    for (path, expected) in rows {
        let found = read(path, &document());
        match expected {
            Value::Null if path.contains("nosuch") => assert!(found.is_err(), "{path}"),
            expected => assert_eq!(found, Ok(expected), "{path}"),
        }
    }
}

#[test]
fn failures_carry_the_texts_of_the_library() {
    let rows = [
        ("$.x", "No results for path: $['x']"),
        ("$.x.y", "Missing property in path $['x']"),
        ("$.list[7]", "No results for path: $['list'][7]"),
        ("$.a.n[0]", "The path $['a']['n'] is null"),
        (
            "$.text.x",
            "Expected to find an object with property ['x'] in path $['text'] but found \
             'java.lang.String'. This is not a json object according to the JsonProvider: \
             'com.jayway.jsonpath.spi.json.JsonSmartJsonProvider'.",
        ),
        ("$.a.b[0]", "Filter: [0] can only be applied to arrays. Current context is: 1"),
        (
            "$.a[1:]",
            "Filter: [1:] can only be applied to arrays. Current context is: {b=1, n=null}",
        ),
        ("$.a.nope()", "Function with name: nope does not exist."),
        ("$.wanted.sum()", "Aggregation function attempted to calculate value using empty array"),
        ("$.", "Path must not end with a '.' or '..'"),
        (
            "$$.A + B",
            "Use bracket notion ['my prop'] if your property contains blank characters. position: 2",
        ),
        ("$.a[b]", "Could not parse token starting at position 3. Expected ?, ', 0-9, * "),
        (
            "$.a['b'",
            "Property must be separated by comma or Property must be terminated close square bracket at index 6",
        ),
        ("$.a['b", "Property has not been closed - missing closing '"),
        ("$.a[:]", "Failed to parse SliceOperation: :"),
        ("$.a...b", "Character '.' on position 5 is not valid."),
        ("$-a", "Illegal character at position 1 expected '.' or '['"),
    ];
    for (path, expected) in rows {
        assert_eq!(read(path, &document()), Err(expected.to_owned()), "{path}");
    }
}

#[test]
fn roots_are_told_apart() {
    let variable = |name: &str| Root::Variable(name.to_owned());
    let rows = [
        ("$", Root::Input, "$"),
        ("$.a", Root::Input, "$.a"),
        (" $.a ", Root::Input, "$.a"),
        ("$[0]", Root::Input, "$[0]"),
        ("$$", Root::Context, "$"),
        ("$$.Execution.Id", Root::Context, "$.Execution.Id"),
        ("$x", variable("x"), "$"),
        ("$wait_Time2.a[0]", variable("wait_Time2"), "$.a[0]"),
    ];
    for (text, root, rewritten) in rows {
        let path = Path::parse(text).expect(text);
        assert_eq!((path.root(), path.rewritten().as_ref()), (&root, rewritten), "{text}");
    }
}

#[test]
fn only_names_and_indexes_make_a_reference_path() {
    let rows = [
        ("$", true),
        ("$.a.b[0]['c d']", true),
        ("$$.a", true),
        ("$x.a", true),
        ("$.a[-1]", false),
        ("$.a[*]", false),
        ("$.a[0,1]", false),
        ("$.a[1:]", false),
        ("$..a", false),
        ("$['a','b']", false),
        ("$.a.length()", false),
        ("$.a[?(@.b)]", false),
    ];
    for (text, expected) in rows {
        let path = Path::parse(text).expect(text);
        assert_eq!(path.is_reference(), expected, "{text}");
        assert_eq!(ReferencePath::parse(text).is_ok(), expected, "{text}");
    }
}

#[test]
fn definite_paths_borrow() {
    let document = document();
    for path in ["$", "$.a.b", "$['a']['b']", "$.list[0].tags[1]", "$.list[-1]"] {
        let value = Path::parse(path).expect(path).evaluate(&document).expect(path).clone();
        assert!(matches!(Path::parse(path).expect(path).evaluate(&document), Ok(Cow::Borrowed(_))));
        assert!(!value.is_array(), "{path}");
    }
}

#[test]
fn presence_counts_null_and_not_the_empty_match() {
    let rows = [
        ("$.a.n", true),
        ("$.a.x", false),
        ("$.list[9]", false),
        ("$.list[*]", true),
        ("$.list[*].zz", false),
        ("$.text.x", false),
    ];
    for (path, expected) in rows {
        assert_eq!(Path::parse(path).expect(path).exists(&document()), expected, "{path}");
    }
}

#[test]
fn an_index_past_the_end_is_told_apart() {
    let error = |path: &str| Path::parse(path).expect(path).evaluate(&document()).err();
    assert!(matches!(error("$.list[9]"), Some(EvalError::PastEnd(_))));
    assert!(matches!(error("$.list[9].id"), Some(EvalError::NotFound(_))));
    assert!(matches!(error("$.zz[9]"), Some(EvalError::NotFound(_))));
    assert!(matches!(error("$.a[0]"), Some(EvalError::NotAnArray(_))));
}

#[test]
fn writes_create_objects_but_never_elements() {
    let rows = [
        ("$", json!({"a": 1}), Some(json!("v"))),
        ("$.b", json!({"a": 1}), Some(json!({"a": 1, "b": "v"}))),
        ("$.a", json!({"a": 1, "b": 2}), Some(json!({"a": "v", "b": 2}))),
        ("$.b.c.d", json!({}), Some(json!({"b": {"c": {"d": "v"}}}))),
        ("$.l[1]", json!({"l": [1, 2]}), Some(json!({"l": [1, "v"]}))),
        ("$.l[0].x", json!({"l": [{}]}), Some(json!({"l": [{"x": "v"}]}))),
        ("$[0]", json!([1]), Some(json!(["v"]))),
        ("$.l[2]", json!({"l": [1, 2]}), None),
        ("$.b[0]", json!({}), None),
        ("$.a.b", json!({"a": 1}), None),
        ("$.a", json!([1]), None),
        ("$.a", json!(null), None),
        ("$.a[0]", json!({"a": {"0": 1}}), None),
    ];
    for (path, document, expected) in rows {
        let reference = ReferencePath::parse(path).expect(path);
        let found = reference.insert(document.clone(), json!("v"));
        assert_eq!(found.ok(), expected, "{path} on {document}");
    }
}

#[test]
fn a_reference_path_names_the_step_that_failed() {
    let rows = [
        ("$.a.b", Ok(json!(1))),
        ("$.list[0].id", Ok(json!(1))),
        ("$.a.x", Err(r#"Unable to apply step "x" to input {"b":1,"n":null}"#.to_owned())),
        ("$.a.n.x", Err(r#"Unable to apply step "x" to input null"#.to_owned())),
        ("$.wanted[2]", Err(r#"Unable to apply step "2" to input ["x","q"]"#.to_owned())),
    ];
    for (path, expected) in rows {
        let document = document();
        let found = ReferencePath::parse(path).expect(path);
        let found = found.read(&document).cloned().map_err(|error| error.to_string());
        assert_eq!(found, expected, "{path}");
    }
}

#[test]
fn hostile_paths_end() {
    let deep = |open: &str, close: &str, times: usize| {
        format!("$[?({}@.a{})]", open.repeat(times), close.repeat(times))
    };
    let texts = [
        deep("(", ")", 100_000),
        deep("!", "", 100_000),
        deep("@[?(", ")]", 100_000),
        format!("$.f({}", "[".repeat(100_000)),
        format!("$.f({}", "$.f(".repeat(100_000)),
        format!("${}", ".a".repeat(100_000)),
        format!("${}", ".concat()".repeat(100_000)),
        format!("${}", "[?(1 == 1)]".repeat(100_000)),
        format!("$.f({}", "$.f($.a),".repeat(100_000)),
        format!("$[?(@ =~ /{}/)]", "(a{1000}){1000}".repeat(20)),
    ];
    for text in texts {
        if let Ok(path) = Path::parse(&text) {
            assert!(path.evaluate(&document()).is_err());
        }
    }
    for step in [".concat()", "[?(1 == 1)]", "[?(@.a)]..[?(1 == 1)]", "[*]", "..*", "..[0]"] {
        let times = TOKENS_MAX / (1 + step.matches(['@', '.', '=']).count());
        let path = Path::parse(&format!("${}", step.repeat(times))).expect(step);
        let _ = path.evaluate(&document());
    }
    let deep = (0..90).fold(json!(1), |value, n| json!([value, n]));
    let wide: Value = (0..2_000).map(|n| json!({"n": n, "m": [n, [n]]})).collect();
    let wide = json!({"wide": wide, "deep": deep});
    for text in [
        "$.deep..*..*..*..*..*..*",
        "$.wide[?(@.n in $.wide[?(@.n in $..n)].n)]",
        "$.wide[*][?($..[?($..n)])]",
    ] {
        let path = Path::parse(text).expect(text);
        assert!(matches!(path.evaluate(&wide), Err(EvalError::Exhausted)), "{text}");
    }
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "\\PC{0,60}") {
        let _ = read(&text, &document());
    }

    #[test]
    fn path_like_text_never_panics(
        parts in proptest::collection::vec(
            proptest::sample::select(vec![
                "$", "$$", "@", ".", "..", "[", "]", "?(", "(", ")", "*", "'", "\"", "a", "list", "id",
                "0", "-1", ":", ",", " ", "==", "=~", "/a/", "in", "&&", "||", "!", "length()", "{",
                "}", "\\", "tags", "\u{fc}", "null", "size", "sum",
            ]),
            0..24,
        )
    ) {
        let _ = read(&parts.concat(), &document());
        let _ = read(&format!("$.list[?({})]", parts.concat()), &document());
    }
}
