//! A JSON value as YAML: block style, a text quoted wherever plain could mean something else.

use serde_json::Value;

/// Writes a value as one YAML document.
pub(super) fn write(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(members) if !members.is_empty() => write_value(value, 0, &mut out),
        Value::Array(items) if !items.is_empty() => write_value(value, 0, &mut out),
        _ => {
            write_value(value, 0, &mut out);
            out.push('\n');
        }
    }
    out
}

fn indent(depth: usize, out: &mut String) {
    out.extend(std::iter::repeat_n("  ", depth));
}

/// Lists and maps end with a line break, scalars don't.
fn write_value(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (position, (key, value)) in members.iter().enumerate() {
                // The first key of a map inside a list stands on the line of its dash.
                if position > 0 || !out.ends_with("- ") {
                    indent(depth, out);
                }
                out.push_str(&text_line(key));
                out.push(':');
                write_member(value, depth, out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (position, item) in items.iter().enumerate() {
                if position > 0 || !out.ends_with("- ") {
                    indent(depth, out);
                }
                out.push_str("- ");
                write_item(item, depth, out);
            }
        }
        Value::Object(_) => out.push_str("{}"),
        Value::Array(_) => out.push_str("[]"),
        Value::String(text) => out.push_str(&text_line(text)),
        Value::Number(number) => out.push_str(&number_text(&number.to_string())),
        other => out.push_str(&other.to_string()),
    }
}

/// In YAML 1.1 a number with an exponent has a point and a signed exponent.
fn number_text(json: &str) -> String {
    match json.split_once('e') {
        None => json.to_owned(),
        Some((mantissa, exponent)) => {
            let point = if mantissa.contains('.') { "" } else { ".0" };
            let sign = if exponent.starts_with(['+', '-']) { "" } else { "+" };
            format!("{mantissa}{point}e{sign}{exponent}")
        }
    }
}

fn write_member(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            out.push('\n');
            write_value(value, depth + 1, out);
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            write_value(value, depth, out);
        }
        Value::String(text) if is_block(text) => {
            out.push(' ');
            write_block(text, depth + 1, out);
        }
        _ => {
            out.push(' ');
            write_value(value, depth, out);
            out.push('\n');
        }
    }
}

fn write_item(item: &Value, depth: usize, out: &mut String) {
    match item {
        Value::Object(members) if !members.is_empty() => write_value(item, depth + 1, out),
        Value::Array(items) if !items.is_empty() => write_value(item, depth + 1, out),
        Value::String(text) if is_block(text) => write_block(text, depth + 1, out),
        _ => {
            write_value(item, depth, out);
            out.push('\n');
        }
    }
}

/// Whether a text can stand as a literal block, `|`: lines that lose nothing there.
fn is_block(text: &str) -> bool {
    let safe = |c: char| c == '\n' || c == '\t' || (c >= ' ' && !is_special(c));
    text.contains('\n')
        && !text.starts_with(['\n', ' ', '\t'])
        && text.chars().all(safe)
        && !text.lines().any(|line| !line.is_empty() && line.trim().is_empty())
        && !text.ends_with("\n\n")
}

/// Characters that a YAML reader may take for a line break, a mark or nothing.
fn is_special(c: char) -> bool {
    matches!(
        c,
        '\u{7f}'..='\u{a0}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
    )
}

fn write_block(text: &str, depth: usize, out: &mut String) {
    out.push_str(if text.ends_with('\n') { "|\n" } else { "|-\n" });
    for line in text.trim_end_matches('\n').split('\n') {
        if !line.is_empty() {
            indent(depth, out);
            out.push_str(line);
        }
        out.push('\n');
    }
}

/// A text on one line: plain where that is safe, else in double quotes.
fn text_line(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if c < ' ' || is_special(c) => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Words that begin with a letter and hold nothing that YAML looks at; and no word of YAML 1.1.
fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 10] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan"];
    let inner = |c: char| {
        c.is_ascii_alphanumeric()
            || matches!(c, '_' | '-' | '.' | '/' | ' ' | '(' | ')' | '+' | ';')
            || (c == ':')
    };
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(inner)
        && !text.contains(": ")
        && !text.ends_with([':', ' '])
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_reads_as_the_same_value() {
        let value = json!({
            "schemaVersion": "2.2",
            "yes": "no", "n": 5, "f": 1.5, "e": 1e300, "small": -2.5e-7, "t": true, "nothing": null, "empty": {}, "none": [],
            "text": "a: b # c", "{{ p }}": "{{ p }}", "quote": "say \"hi\"\\",
            "script": "#!/bin/sh\n  echo hi\n\nexit 0\n", "chomped": "a\nb", "odd": " a\nb",
            "control": "a\u{1}b\u{85}c", "tail": "a\n\n",
            "steps": [{"name": "one", "inputs": {"runCommand": ["a", "b\nc"]}}, [["x"], []], "-"],
        });
        let text = write(&value);
        assert_eq!(trackway_yaml::read(&text).as_ref(), Ok(&value), "{text}");
        expect![[r##"
            schemaVersion: "2.2"
        "##]]
        .assert_eq(&write(&json!({"schemaVersion": "2.2"})));
    }
}
