//! A compiled path and the questions a caller asks of it.

use std::borrow::Cow;

use serde_json::Value;

use super::error::{EvalError, ParseError};
use super::evaluate;
use super::filter::Filter;
use super::function::Call;
use super::parse;

/// Limits how deeply filters, parentheses and function arguments nest.
pub const DEPTH_MAX: usize = 24;

/// Limits the steps of a path, those of paths and comparisons inside it included. An evaluation calls itself for
/// each, and a filter or a function needs no deeper document, so the stack needs this bound.
pub const TOKENS_MAX: usize = 256;

/// Limits the work of one evaluation, in values visited or copied. AWS documents hold at most
/// 256 KiB, about a hundred thousand values.
pub const STEPS_MAX: u64 = 4_000_000;

/// Names the document that a path searches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Root {
    /// `$`: the input of the state.
    Input,
    /// `$$`: the context object.
    Context,
    /// `$name`: a workflow variable, without the `$`.
    Variable(String),
}

/// One step of a path.
#[derive(Debug, Clone)]
pub(super) enum Token {
    /// `.name`, `['name']`
    Property(String),
    /// `['a','b']`: one merged object at the end of a path, one branch for each name elsewhere.
    Properties(Vec<String>),
    /// `[0]`, `[-1]`
    Index(i64),
    /// `[0,2]`
    Indexes(Vec<i64>),
    /// `[1:]`, `[:2]`, `[1:2]`
    Slice { from: Option<i64>, to: Option<i64> },
    /// `*`, `[*]`
    Wildcard,
    /// `..`, applies the next token everywhere below.
    Scan,
    /// `[?(...)]`
    Filter(Box<Filter>),
    /// `.length()`
    Function(Box<Call>),
}

/// The steps of a path and where it stops being definite; also the form of paths in filters.
#[derive(Debug, Clone, Default)]
pub(super) struct Tokens {
    pub(super) list: Vec<Token>,
    /// How many of the first tokens are definite.
    pub(super) definite: usize,
    /// All tokens are single names or indexes, so that reading borrows and never allocates.
    pub(super) plain: bool,
}

impl Tokens {
    pub(super) fn new(list: Vec<Token>) -> Tokens {
        let last = list.len().saturating_sub(1);
        let definite = list
            .iter()
            .enumerate()
            .take_while(|(at, token)| match token {
                Token::Property(_) | Token::Index(_) | Token::Function(_) => true,
                Token::Properties(_) => *at == last,
                _ => false,
            })
            .count();
        let plain = list.iter().all(|t| matches!(t, Token::Property(_) | Token::Index(_)));
        Tokens { list, definite, plain }
    }

    pub(super) fn is_definite(&self) -> bool {
        self.definite == self.list.len()
    }
}

/// A compiled JSONPath.
///
/// Compare and print it by [`Path::source`].
#[derive(Debug, Clone)]
pub struct Path {
    source: String,
    root: Root,
    tokens: Tokens,
}

impl PartialEq for Path {
    fn eq(&self, other: &Path) -> bool {
        self.source == other.source
    }
}

impl Path {
    /// Compiles `text`. Like Jayway it takes a text without `$` as a name below the root; the
    /// definition reader asks for the `$`.
    ///
    /// # Errors
    /// The text is not a path, nests deeper than [`DEPTH_MAX`] or is longer than [`TOKENS_MAX`].
    pub fn parse(text: &str) -> Result<Path, ParseError> {
        let (root, tokens) = parse::path(text)?;
        Ok(Path { source: text.to_owned(), root, tokens: Tokens::new(tokens) })
    }

    /// Gives the document that the path searches.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// Gives the text the path was compiled from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Gives the text with its root rewritten to `$`, as AWS names `$$.x` in some causes.
    pub fn rewritten(&self) -> Cow<'_, str> {
        let text = self.source.trim();
        match &self.root {
            Root::Input => Cow::Borrowed(text),
            Root::Context => Cow::Borrowed(text.strip_prefix('$').unwrap_or(text)),
            Root::Variable(name) => {
                let tail = text.strip_prefix('$').and_then(|t| t.strip_prefix(name.as_str()));
                tail.map_or(Cow::Borrowed(text), |tail| Cow::Owned(format!("${tail}")))
            }
        }
    }

    /// Tells whether the path leads to one value at most; otherwise it gives an array.
    pub fn is_definite(&self) -> bool {
        self.tokens.is_definite()
    }

    /// Tells whether the path is a Reference Path of the States Language: only names and
    /// non-negative indexes, so that it can be written to.
    pub fn is_reference(&self) -> bool {
        let reference = |t: &Token| match t {
            Token::Property(_) => true,
            Token::Index(index) => *index >= 0,
            _ => false,
        };
        self.tokens.list.iter().all(reference)
    }

    /// Reads `document`, which is what [`Path::root`] names. A definite path gives the value,
    /// borrowed where nothing had to be computed; an indefinite one gives an array.
    ///
    /// # Errors
    /// See [`EvalError`].
    pub fn evaluate<'v>(&self, document: &'v Value) -> Result<Cow<'v, Value>, EvalError> {
        evaluate::path(&self.tokens, document)
    }

    /// Tells whether the path leads to a value, `null` included (`IsPresent` of a Choice rule).
    /// An indefinite path does when it matches something.
    pub fn exists(&self, document: &Value) -> bool {
        match self.evaluate(document) {
            Ok(value) => {
                self.is_definite() || value.as_array().is_some_and(|found| !found.is_empty())
            }
            Err(_) => false,
        }
    }

    pub(super) fn tokens(&self) -> &[Token] {
        &self.tokens.list
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.source)
    }
}
