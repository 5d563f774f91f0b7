//! Filters, `[?(...)]`: their form and their parser.
//!
//! ```text
//! or       = and { '||' and }
//! and      = operand { '&&' operand }
//! operand  = '!' operand | '(' or ')' | relation
//! relation = value [ operator value ]          (a path alone asks whether it exists)
//! ```

use regex::{Regex, RegexBuilder};
use serde_json::Value;

use super::error::ParseError;
use super::literal;
use super::parse::{Cursor, Place, tokens};
use super::path::Tokens;

/// A condition on one element.
#[derive(Debug, Clone)]
pub(super) enum Filter {
    Or(Vec<Filter>),
    And(Vec<Filter>),
    Not(Box<Filter>),
    Exists { path: FilterPath, wanted: bool },
    Relation(Operand, Operator, Operand),
}

/// A path inside a filter.
#[derive(Debug, Clone)]
pub(super) struct FilterPath {
    /// It starts at the element (`@`), not at the document (`$`).
    pub(super) relative: bool,
    pub(super) tokens: Tokens,
}

/// One side of a comparison.
#[derive(Debug, Clone)]
pub(super) enum Operand {
    Path(FilterPath),
    Literal(Value),
    Pattern(Regex),
}

/// How two sides are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    SameTypeEqual,
    SameTypeNotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Matches,
    In,
    NotIn,
    Contains,
    All,
    Size,
    Empty,
    SubsetOf,
    AnyOf,
    NoneOf,
}

/// Jayway's spellings; letters in either case.
const OPERATORS: [(&str, Operator); 18] = [
    (">=", Operator::GreaterOrEqual),
    ("<=", Operator::LessOrEqual),
    ("==", Operator::Equal),
    ("===", Operator::SameTypeEqual),
    ("!=", Operator::NotEqual),
    ("!==", Operator::SameTypeNotEqual),
    ("<", Operator::Less),
    (">", Operator::Greater),
    ("=~", Operator::Matches),
    ("IN", Operator::In),
    ("NIN", Operator::NotIn),
    ("CONTAINS", Operator::Contains),
    ("ALL", Operator::All),
    ("SIZE", Operator::Size),
    ("EMPTY", Operator::Empty),
    ("SUBSETOF", Operator::SubsetOf),
    ("ANYOF", Operator::AnyOf),
    ("NONEOF", Operator::NoneOf),
];

/// The compiled size of a pattern, which bounds both memory and matching time.
const PATTERN_BYTES_MAX: usize = 1 << 18;

/// Reads `(...)]`.
pub(super) fn parse(cursor: &mut Cursor) -> Result<Filter, ParseError> {
    cursor.next();
    let filter = or(cursor)?;
    cursor.skip_blanks();
    if !cursor.eat(')') {
        return Err(failed(cursor));
    }
    cursor.skip_blanks();
    match cursor.eat(']') {
        true => Ok(filter),
        false => Err(failed(cursor)),
    }
}

fn failed(cursor: &Cursor) -> ParseError {
    let found = cursor.peek().map_or_else(|| "end".to_owned(), String::from);
    cursor.fail(format!("Failed to parse filter, error on position: {}, char: {found}", cursor.at))
}

fn or(cursor: &mut Cursor) -> Result<Filter, ParseError> {
    chain(cursor, "||", and, Filter::Or)
}

fn and(cursor: &mut Cursor) -> Result<Filter, ParseError> {
    chain(cursor, "&&", operand, Filter::And)
}

fn chain(
    cursor: &mut Cursor,
    operator: &str,
    part: fn(&mut Cursor) -> Result<Filter, ParseError>,
    join: fn(Vec<Filter>) -> Filter,
) -> Result<Filter, ParseError> {
    let first = part(cursor)?;
    let mut parts = vec![first];
    loop {
        cursor.skip_blanks();
        if !cursor.eat_text(operator) {
            break;
        }
        parts.push(part(cursor)?);
    }
    Ok(if parts.len() == 1 { parts.remove(0) } else { join(parts) })
}

fn operand(cursor: &mut Cursor) -> Result<Filter, ParseError> {
    cursor.skip_blanks();
    if cursor.eat('!') {
        cursor.skip_blanks();
        if matches!(cursor.peek(), Some('@' | '$')) {
            return Ok(negated(relation(cursor)?));
        }
        let inner = cursor.nested(operand)?;
        return Ok(Filter::Not(Box::new(inner)));
    }
    if cursor.eat('(') {
        let inner = cursor.nested(or)?;
        cursor.skip_blanks();
        return match cursor.eat(')') {
            true => Ok(inner),
            false => Err(failed(cursor)),
        };
    }
    relation(cursor)
}

/// `!@.a` asks for absence; before a comparison Jayway drops the `!`.
fn negated(filter: Filter) -> Filter {
    match filter {
        Filter::Exists { path, .. } => Filter::Exists { path, wanted: false },
        other => other,
    }
}

fn relation(cursor: &mut Cursor) -> Result<Filter, ParseError> {
    cursor.count()?;
    let left = side(cursor)?;
    cursor.skip_blanks();
    let start = cursor.at;
    match operator(cursor) {
        Some(operator) => Ok(Filter::Relation(left, operator, side(cursor)?)),
        None => {
            cursor.at = start;
            match left {
                Operand::Path(path) => Ok(Filter::Exists { path, wanted: true }),
                _ => Err(failed(cursor)),
            }
        }
    }
}

fn operator(cursor: &mut Cursor) -> Option<Operator> {
    let start = cursor.at;
    let symbol = |c: char| matches!(c, '<' | '>' | '=' | '~' | '!');
    let word = |c: char| c.is_ascii_alphabetic();
    let kind: &dyn Fn(char) -> bool =
        if cursor.peek().is_some_and(symbol) { &symbol } else { &word };
    while cursor.peek().is_some_and(kind) {
        cursor.next();
    }
    let text = cursor.slice(start, cursor.at).to_ascii_uppercase();
    OPERATORS.iter().find(|(spelling, _)| *spelling == text).map(|(_, operator)| *operator)
}

fn side(cursor: &mut Cursor) -> Result<Operand, ParseError> {
    cursor.skip_blanks();
    match cursor.peek() {
        Some(root @ ('@' | '$')) => {
            cursor.next();
            let list = cursor.nested(|cursor| tokens(cursor, Place::Filter))?;
            let tokens = Tokens::new(list);
            Ok(Operand::Path(FilterPath { relative: root == '@', tokens }))
        }
        Some('/') => pattern(cursor).map(Operand::Pattern),
        Some(')' | '&' | '|' | '<' | '>' | '=' | '~' | ']' | ',') | None => Err(failed(cursor)),
        Some(_) => literal::value(cursor).map(Operand::Literal),
    }
}

/// `/pattern/flags`, matched against the whole value as Java's `matches` does.
fn pattern(cursor: &mut Cursor) -> Result<Regex, ParseError> {
    cursor.next();
    let mut text = String::new();
    loop {
        match cursor.next() {
            Some('/') => break,
            Some('\\') if cursor.peek() == Some('/') => {
                cursor.next();
                text.push('/');
            }
            Some('\\') => {
                text.push('\\');
                text.extend(cursor.next());
            }
            Some(c) => text.push(c),
            None => return Err(cursor.fail("Pattern not closed. Expected /")),
        }
    }
    let mut builder = RegexBuilder::new(&format!(r"\A(?:{text})\z"));
    builder.size_limit(PATTERN_BYTES_MAX).dfa_size_limit(PATTERN_BYTES_MAX);
    while let Some(flag) = cursor.peek() {
        match flag {
            'i' => builder.case_insensitive(true),
            'm' => builder.multi_line(true),
            's' => builder.dot_matches_new_line(true),
            'd' | 'u' | 'U' => &mut builder,
            _ => break,
        };
        cursor.next();
    }
    builder.build().map_err(|_| cursor.fail(format!("Invalid pattern in filter: /{text}/")))
}
