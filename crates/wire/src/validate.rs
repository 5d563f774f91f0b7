//! Constraint checks with the messages of AWS's framework (Coral), all violations at once.
//!
//! Wording and places are checked against recorded answers (`tests/recorded.rs`). Lengths of text
//! count Unicode code points, lengths of blobs count bytes. Sensitive values are left out of
//! messages, as AWS does.

mod display;

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::error::Failure;
use crate::model::{Bound, Constraints, Service, Shape, ShapeId, ShapeKind, Structure};

/// Texts whose largest length does not hold for maps and lists written as JSON: Automated Security
/// Response starts its runbooks with whole findings in one parameter, several thousand letters long.
const LONGER: [&str; 1] = ["AutomationParameterValue"];

/// Most violations in one answer; AWS's framework stops counting there, too.
pub const VIOLATIONS_MAX: usize = 10;

/// Checks an input in the neutral form against its shape.
///
/// # Errors
/// One failure that names all violations, in the model's order of members.
pub fn check(service: &Service, shape: ShapeId, value: &Value) -> Result<(), Failure> {
    let found = violations(service, shape, value);
    if found.is_empty() {
        return Ok(());
    }
    let noun = if found.len() == 1 { "error" } else { "errors" };
    let message = format!("{} validation {noun} detected: {}", found.len(), found.join("; "));
    Err(Failure::new(code(service), message))
}

/// The violations of an input, each as AWS words it; at most [`VIOLATIONS_MAX`].
#[must_use]
pub fn violations(service: &Service, shape: ShapeId, value: &Value) -> Vec<String> {
    let mut checker = Checker { service, path: Vec::new(), found: Vec::new() };
    checker.walk(service.shape(shape), value);
    checker.found.truncate(VIOLATIONS_MAX);
    checker.found
}

/// The code of a violation. `AWS IoT` has one of its own; for all others it is the framework's.
fn code(service: &Service) -> &'static str {
    if &*service.name == "iot" { "InvalidRequestException" } else { "ValidationException" }
}

/// A step of the way to a value. Rendered only when something is wrong.
#[derive(Clone, Copy)]
enum Step<'a> {
    Member(&'a str),
    Element(usize),
    Entry(&'a str),
}

struct Checker<'a> {
    service: &'a Service,
    path: Vec<Step<'a>>,
    found: Vec<String>,
}

impl<'a> Checker<'a> {
    fn walk(&mut self, shape: &'a Shape, value: &'a Value) {
        if self.found.len() >= VIOLATIONS_MAX {
            return;
        }
        if let Some(constraints) = &shape.constraints {
            for clause in broken(constraints, value, shape) {
                self.report(shape, value, &clause);
            }
        }
        match (&shape.kind, value) {
            (ShapeKind::Structure(structure), Value::Object(_)) => {
                self.structure(structure, value);
            }
            (ShapeKind::List { member, .. }, Value::Array(items)) => {
                self.list(shape, self.service.shape(*member), value, items);
            }
            (ShapeKind::Map { key, value: of, .. }, Value::Object(_)) => {
                self.map(shape, *key, *of, value);
            }
            _ => {}
        }
    }

    fn structure(&mut self, structure: &'a Structure, value: &'a Value) {
        for member in &structure.members {
            self.path.push(Step::Member(&member.name));
            match value.get(&*member.name) {
                Some(value) => self.walk(self.service.shape(member.shape), value),
                None if member.required => self.missing(),
                None => {}
            }
            self.path.pop();
        }
    }

    fn list(&mut self, list: &'a Shape, of: &'a Shape, value: &'a Value, items: &'a [Value]) {
        if is_scalar(of) {
            let constraints = of.constraints.as_deref();
            let wrong = |item: &Value| {
                constraints.is_some_and(|constraints| !broken(constraints, item, of).is_empty())
            };
            if let Some(constraints) = constraints.filter(|_| items.iter().any(wrong)) {
                let clause = format!("Member must satisfy constraint: [{}]", all(constraints, of));
                self.report_as(list.sensitive || of.sensitive, list, value, &clause);
            }
        }
        for (index, item) in items.iter().enumerate() {
            self.path.push(Step::Element(index + 1));
            match item {
                Value::Null => self.missing(),
                item if !is_scalar(of) => self.walk(of, item),
                _ => {}
            }
            self.path.pop();
        }
    }

    fn map(&mut self, map: &'a Shape, key: ShapeId, of: ShapeId, value: &'a Value) {
        let (key, of) = (self.service.shape(key), self.service.shape(of));
        let Value::Object(entries) = value else { return };
        let wrong_key = |constraints: &Constraints| {
            entries.keys().any(|key| !broken_text(constraints, key).is_empty())
        };
        if let Some(constraints) = key.constraints.as_deref().filter(|one| wrong_key(one)) {
            let clause = format!("Map keys must satisfy constraint: [{}]", all(constraints, key));
            self.report(map, value, &clause);
        }
        if !is_scalar(of) {
            for (key, value) in entries {
                self.path.push(Step::Entry(key));
                self.walk(of, value);
                self.path.pop();
            }
            return;
        }
        let wrong_value = |constraints: &Constraints| {
            entries.values().any(|value| !broken(constraints, value, of).is_empty())
        };
        if let Some(constraints) = of.constraints.as_deref().filter(|one| wrong_value(one)) {
            let clause = format!("Map value must satisfy constraint: [{}]", all(constraints, of));
            self.report_as(map.sensitive || of.sensitive, map, value, &clause);
        }
    }

    fn missing(&mut self) {
        let clause = "Member must not be null";
        let place = self.place();
        self.found.push(format!("Value null at '{place}' failed to satisfy constraint: {clause}"));
    }

    fn report(&mut self, shape: &Shape, value: &Value, clause: &str) {
        self.report_as(shape.sensitive, shape, value, clause);
    }

    fn report_as(&mut self, sensitive: bool, shape: &Shape, value: &Value, clause: &str) {
        let mut text = String::from("Value ");
        if !sensitive {
            text.push('\'');
            display::write(self.service, shape, value, &mut text);
            text.push_str("' ");
        }
        let place = self.place();
        _ = write!(text, "at '{place}' failed to satisfy constraint: {clause}");
        self.found.push(text);
    }

    /// `routingConfiguration.1.member.weight`.
    fn place(&self) -> String {
        let mut place = String::new();
        for step in &self.path {
            if !place.is_empty() {
                place.push('.');
            }
            match step {
                Step::Member(name) => display::lower_camel(name, &mut place),
                Step::Element(index) => _ = write!(place, "{index}.member"),
                Step::Entry(key) => _ = write!(place, "{key}.member"),
            }
        }
        place
    }
}

fn is_scalar(shape: &Shape) -> bool {
    !matches!(shape.kind, ShapeKind::Structure(_) | ShapeKind::List { .. } | ShapeKind::Map { .. })
}

/// The clauses that a value breaks by itself.
fn broken(constraints: &Constraints, value: &Value, shape: &Shape) -> Vec<String> {
    match (&shape.kind, value) {
        (ShapeKind::String, Value::String(text))
            if text.starts_with(['{', '[']) && LONGER.contains(&&*shape.name) =>
        {
            Vec::new()
        }
        (ShapeKind::String, Value::String(text)) => broken_text(constraints, text),
        (ShapeKind::Blob { .. }, Value::String(text)) => {
            let bytes = STANDARD.decode(text).map_or(0, |bytes| bytes.len());
            broken_length(constraints, bytes)
        }
        (ShapeKind::List { .. }, Value::Array(items)) => broken_length(constraints, items.len()),
        (ShapeKind::Map { .. }, Value::Object(map)) => broken_length(constraints, map.len()),
        (_, Value::Number(number)) => {
            let mut found = Vec::new();
            if constraints.max.is_some_and(|max| display::compare(number, max).is_gt()) {
                found.extend(clause_max(constraints, VALUE));
            }
            if constraints.min.is_some_and(|min| display::compare(number, min).is_lt()) {
                found.extend(clause_min(constraints, VALUE));
            }
            found
        }
        _ => Vec::new(),
    }
}

fn broken_text(constraints: &Constraints, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    if constraints.min.is_some() || constraints.max.is_some() {
        found = broken_length(constraints, text.chars().count());
    }
    if constraints.compiled().is_some_and(|pattern| !pattern.matches(text)) {
        found.extend(clause_pattern(constraints));
    }
    if !constraints.allowed.is_empty() && !constraints.allowed.iter().any(|one| **one == *text) {
        found.extend(clause_allowed(constraints));
    }
    found
}

fn broken_length(constraints: &Constraints, length: usize) -> Vec<String> {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let over = matches!(constraints.max, Some(Bound::Whole(max)) if length > max);
    let under = matches!(constraints.min, Some(Bound::Whole(min)) if length < min);
    let mut found = Vec::new();
    if over {
        found.extend(clause_max(constraints, LENGTH));
    }
    if under {
        found.extend(clause_min(constraints, LENGTH));
    }
    found
}

const LENGTH: &str = "length";
const VALUE: &str = "value";

fn clause_max(constraints: &Constraints, what: &str) -> Option<String> {
    let max = display::bound(constraints.max?);
    Some(format!("Member must have {what} less than or equal to {max}"))
}

fn clause_min(constraints: &Constraints, what: &str) -> Option<String> {
    let min = display::bound(constraints.min?);
    Some(format!("Member must have {what} greater than or equal to {min}"))
}

fn clause_pattern(constraints: &Constraints) -> Option<String> {
    let pattern = constraints.pattern.as_deref()?;
    Some(format!("Member must satisfy regular expression pattern: {pattern}"))
}

fn clause_allowed(constraints: &Constraints) -> Option<String> {
    if constraints.allowed.is_empty() {
        return None;
    }
    let allowed = printed(constraints.allowed.iter().map(|value| &**value)).join(", ");
    Some(format!("Member must satisfy enum value set: [{allowed}]"))
}

/// What is allowed in the order that AWS prints it. It prints a hash set; the order of the lists
/// that are on record, of several services, is that of Java's hash of the text in a table of 32,
/// where what came later stands first in its bucket. A table that is three quarters full doubles.
fn printed<'a>(allowed: impl DoubleEndedIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut printed: Vec<&str> = allowed.rev().collect();
    let mut buckets = 32;
    while printed.len() * 4 > buckets * 3 {
        buckets *= 2;
    }
    printed.sort_by_key(|value| java_hash(value) as usize % buckets);
    printed
}

fn java_hash(text: &str) -> u32 {
    let hash = |hash: u32, unit: u16| hash.wrapping_mul(31).wrapping_add(u32::from(unit));
    text.encode_utf16().fold(0, hash)
}

/// All clauses of a shape, as they are listed for the elements of a list or map.
fn all(constraints: &Constraints, shape: &Shape) -> String {
    let what = match shape.kind {
        ShapeKind::String | ShapeKind::Blob { .. } => LENGTH,
        _ => VALUE,
    };
    let clauses = [
        clause_max(constraints, what),
        clause_min(constraints, what),
        clause_pattern(constraints),
        clause_allowed(constraints),
    ];
    clauses.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_in_the_order_that_aws_prints() {
        for (model, print) in [
            (
                "RUNNING SUCCEEDED FAILED TIMED_OUT ABORTED PENDING_REDRIVE",
                "SUCCEEDED TIMED_OUT PENDING_REDRIVE ABORTED FAILED RUNNING",
            ),
            (
                "NONE ALL_OLD UPDATED_OLD ALL_NEW UPDATED_NEW",
                "ALL_NEW UPDATED_OLD ALL_OLD NONE UPDATED_NEW",
            ),
            (
                "AT_SEQUENCE_NUMBER AFTER_SEQUENCE_NUMBER TRIM_HORIZON LATEST AT_TIMESTAMP",
                "AFTER_SEQUENCE_NUMBER LATEST AT_TIMESTAMP AT_SEQUENCE_NUMBER TRIM_HORIZON",
            ),
            ("INDEXES TOTAL NONE", "INDEXES TOTAL NONE"),
            ("S N B", "B N S"),
            ("SIZE NONE", "SIZE NONE"),
        ] {
            assert_eq!(printed(model.split(' ')).join(" "), print);
        }
    }
}
