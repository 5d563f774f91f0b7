//! Filters of a selector: `?(@.Key == 'Name' && @.Size > 3)`.

use std::cmp::Ordering;

use serde_json::Value;

use super::selector::{Part, follow, parse};

/// Parentheses in parentheses that are read.
const DEPTH_MAX: usize = 32;

/// A condition on an item.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Filter {
    Exists(Vec<Part>),
    Compare(Operand, Operator, Operand),
    All(Vec<Filter>),
    Any(Vec<Filter>),
    Not(Box<Filter>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    Path(Vec<Part>),
    Literal(Value),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    Unequal,
    AtMost,
    AtLeast,
    Less,
    More,
}

const OPERATORS: [(&str, Operator); 6] = [
    ("==", Operator::Equal),
    ("!=", Operator::Unequal),
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("<", Operator::Less),
    (">", Operator::More),
];

impl Filter {
    /// What stands behind the question mark.
    pub(super) fn parse(text: &str) -> Option<Self> {
        expression(text, 0)
    }

    /// Whether an item fits.
    pub(super) fn holds(&self, item: &Value) -> bool {
        match self {
            Self::Exists(path) => follow(path, item).value().is_some(),
            Self::Compare(left, operator, right) => operator.holds(&left.of(item), &right.of(item)),
            Self::All(filters) => filters.iter().all(|filter| filter.holds(item)),
            Self::Any(filters) => filters.iter().any(|filter| filter.holds(item)),
            Self::Not(filter) => !filter.holds(item),
        }
    }
}

impl Operand {
    fn parse(text: &str) -> Option<Self> {
        if let Some(path) = text.strip_prefix('@') {
            return path_of(path).map(Self::Path);
        }
        if text.starts_with('\'') {
            let mut texts = quoted_list(text)?;
            return (texts.len() == 1)
                .then(|| texts.pop())
                .flatten()
                .map(Value::from)
                .map(Self::Literal);
        }
        serde_json::from_str(text).ok().map(Self::Literal)
    }

    fn of(&self, item: &Value) -> Value {
        match self {
            Self::Path(path) => follow(path, item).value().unwrap_or_default(),
            Self::Literal(value) => value.clone(),
        }
    }
}

impl Operator {
    fn holds(self, left: &Value, right: &Value) -> bool {
        let order = match (left, right) {
            (Value::Number(left), Value::Number(right)) => {
                left.as_f64().zip(right.as_f64()).and_then(|(left, right)| left.partial_cmp(&right))
            }
            (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
            _ => (left == right).then_some(Ordering::Equal),
        };
        match self {
            Self::Equal => order == Some(Ordering::Equal),
            Self::Unequal => order != Some(Ordering::Equal),
            Self::AtMost => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Self::AtLeast => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
            Self::Less => order == Some(Ordering::Less),
            Self::More => order == Some(Ordering::Greater),
        }
    }
}

/// The path behind an `@`.
fn path_of(text: &str) -> Option<Vec<Part>> {
    match text.trim() {
        "" => Some(Vec::new()),
        text if text.starts_with(['.', '[']) => parse(&format!("${text}")),
        _ => None,
    }
}

fn expression(text: &str, depth: usize) -> Option<Filter> {
    if depth > DEPTH_MAX {
        return None;
    }
    let text = text.trim();
    let each =
        |parts: Vec<&str>| parts.into_iter().map(|part| expression(part, depth + 1)).collect();
    let any = split(text, "||")?;
    if any.len() > 1 {
        return Option::map(each(any), Filter::Any);
    }
    let all = split(text, "&&")?;
    if all.len() > 1 {
        return Option::map(each(all), Filter::All);
    }
    if let Some(negated) = text.strip_prefix('!') {
        return expression(negated, depth + 1).map(Box::new).map(Filter::Not);
    }
    if let Some(rest) = text.strip_prefix('(') {
        let (inner, after) = enclosed(rest, ')')?;
        return if after.trim().is_empty() { expression(inner, depth + 1) } else { None };
    }
    for (sign, operator) in OPERATORS {
        if let [left, right] = split(text, sign)?.as_slice() {
            let (left, right) = (Operand::parse(left.trim())?, Operand::parse(right.trim())?);
            return Some(Filter::Compare(left, operator, right));
        }
    }
    path_of(text.strip_prefix('@')?).map(Filter::Exists)
}

/// The pieces between the separators that stand outside quotes and brackets.
fn split<'t>(text: &'t str, by: &str) -> Option<Vec<&'t str>> {
    let (mut pieces, mut from) = (Vec::new(), 0);
    for at in outside(text)? {
        if at >= from && text[at..].starts_with(by) {
            pieces.push(&text[from..at]);
            from = at + by.len();
        }
    }
    pieces.push(&text[from..]);
    Some(pieces)
}

/// The places of the characters outside quotes and brackets.
fn outside(text: &str) -> Option<Vec<usize>> {
    let (mut quote, mut depth, mut places) = (None, 0_usize, Vec::new());
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            (Some(open), _) => quote = Some(open).filter(|open| *open != letter),
            (None, '\'' | '"') => quote = Some(letter),
            (None, '(' | '[') => depth += 1,
            (None, ')' | ']') => depth = depth.checked_sub(1)?,
            (None, _) if depth == 0 => places.push(at),
            (None, _) => {}
        }
    }
    (quote.is_none() && depth == 0).then_some(places)
}

/// What stands before the bracket that closes, and the text behind it.
pub(super) fn enclosed(text: &str, closing: char) -> Option<(&str, &str)> {
    let (mut quote, mut depth) = (None, 0_usize);
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            (Some(open), _) => quote = Some(open).filter(|open| *open != letter),
            (None, '\'' | '"') => quote = Some(letter),
            (None, '(' | '[') => depth += 1,
            (None, _) if letter == closing && depth == 0 => {
                return Some((&text[..at], &text[at + letter.len_utf8()..]));
            }
            (None, ')' | ']') => depth = depth.checked_sub(1)?,
            (None, _) => {}
        }
    }
    None
}

/// Texts in quotes, with commas between them.
pub(super) fn quoted_list(text: &str) -> Option<Vec<String>> {
    let (mut names, mut rest) = (Vec::new(), text.trim());
    loop {
        let quote = rest.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
        let (name, after) = rest.get(1..)?.split_once(quote)?;
        names.push(name.to_owned());
        rest = after.trim();
        if rest.is_empty() {
            return Some(names);
        }
        rest = rest.strip_prefix(',')?.trim_start();
    }
}
