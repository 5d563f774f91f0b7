//! Walks a document along the tokens of a path.

use std::borrow::Cow;
use std::cell::Cell;

use serde_json::{Map, Value};

use super::compare;
use super::error::EvalError;
use super::path::{STEPS_MAX, Token, Tokens};

/// The name AWS's library gives itself in one of its messages.
const PROVIDER: &str = "com.jayway.jsonpath.spi.json.JsonSmartJsonProvider";

/// What one evaluation shares between its parts.
pub(super) struct Search<'v> {
    /// What `$` means in filters and arguments.
    pub(super) document: &'v Value,
    /// Steps left before [`EvalError::Exhausted`].
    steps: Cell<u64>,
}

/// Evaluates a path whose root is `document`.
pub(super) fn path<'v>(tokens: &Tokens, document: &'v Value) -> Result<Cow<'v, Value>, EvalError> {
    if tokens.plain {
        return plain(tokens, document).map(Cow::Borrowed);
    }
    let search = Search { document, steps: Cell::new(STEPS_MAX) };
    search.value(tokens, document, Missing::Skip)
}

/// What an indefinite path does with an element that lacks a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// Leave it out.
    Skip,
    /// Fail, as the existence check of a filter wants it.
    Fail,
}

/// Reads names and indexes without allocating.
fn plain<'v>(tokens: &Tokens, document: &'v Value) -> Result<&'v Value, EvalError> {
    let mut value = document;
    for (at, token) in tokens.list.iter().enumerate() {
        let found = match (token, value) {
            (Token::Property(name), Value::Object(members)) => members.get(name),
            (Token::Index(index), Value::Array(elements)) => element(elements, *index),
            _ => None,
        };
        match found {
            Some(found) => value = found,
            None => return Err(lost(tokens, at, value)),
        }
    }
    Ok(value)
}

/// Counts negative indexes from the end.
fn element(elements: &[Value], index: i64) -> Option<&Value> {
    let index = if index < 0 { index + elements.len() as i64 } else { index };
    usize::try_from(index).ok().and_then(|index| elements.get(index))
}

/// Says why the token `at`, reached along definite tokens only, has no value in `value`.
fn lost(tokens: &Tokens, at: usize, value: &Value) -> EvalError {
    let leaf = at + 1 == tokens.list.len();
    let before = print(&tokens.list[..at]);
    match (&tokens.list[at], value) {
        (Token::Property(_) | Token::Properties(_), Value::Object(_)) if leaf => {
            EvalError::NotFound(format!("No results for path: {}", print(&tokens.list)))
        }
        (Token::Property(_) | Token::Properties(_), Value::Object(_)) => {
            EvalError::NotFound(format!("Missing property in path {}", print(&tokens.list[..=at])))
        }
        (token @ (Token::Property(_) | Token::Properties(_)), _) => EvalError::NotFound(format!(
            "Expected to find an object with property {} in path {before} but found '{}'. \
             This is not a json object according to the JsonProvider: '{PROVIDER}'.",
            fragment(token),
            java_class(value),
        )),
        (_, Value::Array(_)) if leaf => {
            EvalError::PastEnd(format!("No results for path: {}", print(&tokens.list)))
        }
        (_, Value::Array(_)) => {
            EvalError::NotFound(format!("No results for path: {}", print(&tokens.list)))
        }
        (_, Value::Null) => EvalError::NotFound(format!("The path {before} is null")),
        (token @ Token::Filter(_), _) => EvalError::Invalid(format!(
            "Filter: {} can not be applied to primitives. Current context is: {}",
            print(std::slice::from_ref(token)).trim_start_matches('$'),
            java_text(value),
        )),
        (_, _) => EvalError::NotAnArray(format!(
            "Filter: {} can only be applied to arrays. Current context is: {}",
            print(&tokens.list[at..]).trim_start_matches('$'),
            java_text(value),
        )),
    }
}

impl<'v> Search<'v> {
    /// Evaluates `tokens` from `start`.
    pub(super) fn value<'x>(
        &self,
        tokens: &Tokens,
        start: &'x Value,
        missing: Missing,
    ) -> Result<Cow<'x, Value>, EvalError> {
        self.charge(1)?;
        if tokens.plain {
            return plain(tokens, start).map(Cow::Borrowed);
        }
        let mut found = Vec::new();
        let walk = Walk { search: self, tokens, missing };
        let result = walk.step(0, start, &mut found);
        if tokens.is_definite() {
            result?;
            let text =
                || EvalError::NotFound(format!("No results for path: {}", print(&tokens.list)));
            return found.pop().ok_or_else(text);
        }
        match result {
            // AWS gives an empty array where a name before the first wildcard is missing.
            Err(error) if error.is_missing() && missing == Missing::Skip => found.clear(),
            other => other?,
        }
        let mut array = Vec::with_capacity(found.len());
        for value in found {
            self.charge_copy(&value)?;
            array.push(value.into_owned());
        }
        Ok(Cow::Owned(Value::Array(array)))
    }

    /// Takes `steps` from the budget.
    pub(super) fn charge(&self, steps: u64) -> Result<(), EvalError> {
        let left = self.steps.get().checked_sub(steps).ok_or(EvalError::Exhausted)?;
        self.steps.set(left);
        Ok(())
    }

    /// Takes the size of a value that is about to be copied or compared as a whole.
    pub(super) fn charge_copy(&self, value: &Value) -> Result<(), EvalError> {
        match value {
            Value::String(text) => self.charge(1 + text.len() as u64 / 64),
            Value::Array(elements) => {
                self.charge(1)?;
                elements.iter().try_for_each(|element| self.charge_copy(element))
            }
            Value::Object(members) => {
                self.charge(1)?;
                members.values().try_for_each(|member| self.charge_copy(member))
            }
            _ => self.charge(1),
        }
    }
}

/// One pass over the tokens of one path.
struct Walk<'s, 'v> {
    search: &'s Search<'v>,
    tokens: &'s Tokens,
    missing: Missing,
}

type Found<'x> = Vec<Cow<'x, Value>>;

impl Walk<'_, '_> {
    /// Applies the token `at` to `value`, and all behind it to what it finds.
    fn step<'x>(
        &self,
        at: usize,
        value: &'x Value,
        found: &mut Found<'x>,
    ) -> Result<(), EvalError> {
        self.search.charge(1)?;
        let Some(token) = self.tokens.list.get(at) else {
            found.push(Cow::Borrowed(value));
            return Ok(());
        };
        match token {
            Token::Property(name) => self.property(at, name, value, found),
            Token::Properties(names) => self.properties(at, names, value, found),
            Token::Index(index) => self.indexes(at, std::iter::once(*index), value, found),
            Token::Indexes(indexes) => self.indexes(at, indexes.iter().copied(), value, found),
            Token::Slice { from, to } => match value {
                Value::Array(elements) => {
                    self.indexes(at, slice(*from, *to, elements.len()), value, found)
                }
                _ => self.mismatch(at, value),
            },
            Token::Wildcard => self.wildcard(at, value, found),
            Token::Scan => self.scan(at, value, found),
            Token::Filter(_) => self.filter(at, value, found),
            Token::Function(call) => {
                let result = call.invoke(self.search, value)?;
                if at + 1 == self.tokens.list.len() {
                    found.push(Cow::Owned(result));
                    return Ok(());
                }
                let mut inner = Vec::new();
                self.step(at + 1, &result, &mut inner)?;
                found.extend(inner.into_iter().map(|value| Cow::Owned(value.into_owned())));
                Ok(())
            }
        }
    }

    /// The token does not fit the value: an error on the definite part of a path, else no match.
    fn mismatch(&self, at: usize, value: &Value) -> Result<(), EvalError> {
        if at <= self.tokens.definite { Err(lost(self.tokens, at, value)) } else { Ok(()) }
    }

    fn property<'x>(
        &self,
        at: usize,
        name: &str,
        value: &'x Value,
        found: &mut Found<'x>,
    ) -> Result<(), EvalError> {
        match value {
            Value::Object(members) => match members.get(name) {
                Some(member) => self.step(at + 1, member, found),
                None if self.missing == Missing::Fail => Err(lost(self.tokens, at, value)),
                None => self.mismatch(at, value),
            },
            _ => self.mismatch(at, value),
        }
    }

    fn properties<'x>(
        &self,
        at: usize,
        names: &[String],
        value: &'x Value,
        found: &mut Found<'x>,
    ) -> Result<(), EvalError> {
        let Value::Object(members) = value else { return self.mismatch(at, value) };
        if at + 1 < self.tokens.list.len() {
            let mut members = names.iter().filter_map(|name| members.get(name));
            return members.try_for_each(|member| self.step(at + 1, member, found));
        }
        let mut merged = Map::new();
        for name in names {
            if let Some(member) = members.get(name) {
                self.search.charge_copy(member)?;
                merged.insert(name.clone(), member.clone());
            }
        }
        found.push(Cow::Owned(Value::Object(merged)));
        Ok(())
    }

    fn indexes<'x>(
        &self,
        at: usize,
        mut indexes: impl Iterator<Item = i64>,
        value: &'x Value,
        found: &mut Found<'x>,
    ) -> Result<(), EvalError> {
        let Value::Array(elements) = value else { return self.mismatch(at, value) };
        indexes.try_for_each(|index| match element(elements, index) {
            Some(element) => self.step(at + 1, element, found),
            None if at < self.tokens.definite => Err(lost(self.tokens, at, value)),
            None => Ok(()),
        })
    }

    fn wildcard<'x>(
        &self,
        at: usize,
        value: &'x Value,
        found: &mut Found<'x>,
    ) -> Result<(), EvalError> {
        children(value).try_for_each(|child| self.step(at + 1, child, found))
    }

    /// Applies the next token to `value` and everything below it, in document order.
    fn scan<'x>(
        &self,
        at: usize,
        value: &'x Value,
        found: &mut Found<'x>,
    ) -> Result<(), EvalError> {
        self.search.charge(1)?;
        let fits = match (self.tokens.list.get(at + 1), value) {
            (Some(Token::Property(name)), Value::Object(members)) => members.contains_key(name),
            (Some(Token::Properties(names)), Value::Object(members)) => {
                at + 2 < self.tokens.list.len() || names.iter().all(|n| members.contains_key(n))
            }
            (Some(Token::Index(_) | Token::Indexes(_) | Token::Slice { .. }), value) => {
                value.is_array()
            }
            (Some(Token::Wildcard), _) => true,
            (Some(Token::Filter(filter)), Value::Object(_) | Value::Array(_)) => {
                compare::accepts(filter, self.search, value)?
            }
            _ => false,
        };
        if fits {
            self.step(at + 1, value, found)?;
        }
        children(value).try_for_each(|child| self.scan(at, child, found))
    }

    fn filter<'x>(
        &self,
        at: usize,
        value: &'x Value,
        found: &mut Found<'x>,
    ) -> Result<(), EvalError> {
        let Some(Token::Filter(filter)) = self.tokens.list.get(at) else { return Ok(()) };
        match value {
            Value::Object(_) => {
                if compare::accepts(filter, self.search, value)? {
                    self.step(at + 1, value, found)?;
                }
                Ok(())
            }
            Value::Array(elements) => {
                for element in elements {
                    if compare::accepts(filter, self.search, element)? {
                        self.step(at + 1, element, found)?;
                    }
                }
                Ok(())
            }
            _ => self.mismatch(at, value),
        }
    }
}

/// The members or elements of a value.
fn children(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::Array(elements) => Box::new(elements.iter()),
        Value::Object(members) => Box::new(members.values()),
        _ => Box::new(std::iter::empty()),
    }
}

/// The indexes that Jayway visits. With both bounds a negative start counts up through zero
/// (`[-1:1]` is the last element and then the first), as there.
fn slice(from: Option<i64>, to: Option<i64>, length: usize) -> std::ops::Range<i64> {
    let length = length as i64;
    match (from, to) {
        (Some(from), Some(to)) => from.max(-length)..to.min(length),
        (Some(from), None) if from < 0 => (length + from).max(0)..length,
        (Some(from), None) => from..length,
        (None, Some(to)) if to < 0 => 0..(length + to),
        (None, to) => 0..to.unwrap_or(length).min(length),
    }
}

/// Writes tokens as Jayway does: `$['a'][0]`.
fn print(tokens: &[Token]) -> String {
    tokens.iter().fold("$".to_owned(), |text, token| text + &fragment(token))
}

fn fragment(token: &Token) -> String {
    let number = |bound: &Option<i64>| bound.map_or_else(String::new, |n| n.to_string());
    match token {
        Token::Property(name) => format!("['{name}']"),
        Token::Properties(names) => format!("['{}']", names.join("','")),
        Token::Index(index) => format!("[{index}]"),
        Token::Indexes(indexes) => {
            let indexes: Vec<String> = indexes.iter().map(i64::to_string).collect();
            format!("[{}]", indexes.join(","))
        }
        Token::Slice { from, to } => format!("[{}:{}]", number(from), number(to)),
        Token::Wildcard => "[*]".to_owned(),
        Token::Scan => "..".to_owned(),
        Token::Filter(_) => "[?]".to_owned(),
        Token::Function(call) if call.arguments.is_empty() => format!(".{}()", call.name),
        Token::Function(call) => format!(".{}(...)", call.name),
    }
}

/// The Java class that the library's message names.
fn java_class(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "java.lang.Boolean",
        Value::Number(number) if number.is_f64() => "java.lang.Double",
        Value::Number(number) => match number.as_i64().map(i32::try_from) {
            Some(Ok(_)) => "java.lang.Integer",
            _ => "java.lang.Long",
        },
        Value::String(_) => "java.lang.String",
        Value::Array(_) => "net.minidev.json.JSONArray",
        Value::Object(_) => "java.util.LinkedHashMap",
    }
}

/// A value as Java's `toString` writes it.
fn java_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(members) => {
            let members: Vec<String> = members
                .iter()
                .map(|(name, value)| format!("{name}={}", java_text(value)))
                .collect();
            format!("{{{}}}", members.join(", "))
        }
        other => other.to_string(),
    }
}
