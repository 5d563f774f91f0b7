//! Reference paths: the part of JSONPath that can be written to (`ResultPath`, `Assign`).

use serde_json::{Map, Value};

use super::error::{ParseError, StepError};
use super::path::{Path, Root, Token};

/// One step of a reference path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Name(String),
    Index(usize),
}

/// A path made only of names and indexes, e.g. `$.a.b[0]`, that a value can be placed at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferencePath {
    source: String,
    root: Root,
    steps: Vec<Step>,
}

impl ReferencePath {
    /// Compiles `text`.
    ///
    /// # Errors
    /// The text is no path, or uses more than names and non-negative indexes.
    pub fn parse(text: &str) -> Result<ReferencePath, ParseError> {
        let path = Path::parse(text)?;
        ReferencePath::of(&path).ok_or_else(|| ParseError {
            message: format!("Value is not a Reference Path: {text}"),
            position: 0,
        })
    }

    /// Takes over a path that [`Path::is_reference`]; `None` if it is not one.
    pub fn of(path: &Path) -> Option<ReferencePath> {
        let step = |token: &Token| match token {
            Token::Property(name) => Some(Step::Name(name.clone())),
            Token::Index(index) => usize::try_from(*index).ok().map(Step::Index),
            _ => None,
        };
        let steps = path.tokens().iter().map(step).collect::<Option<Vec<Step>>>()?;
        Some(ReferencePath { source: path.source().to_owned(), root: path.root().clone(), steps })
    }

    /// Gives the text the path was compiled from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Gives the document that the path writes to.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// Tells whether the path is the root itself, which a write replaces.
    pub fn is_root(&self) -> bool {
        self.steps.is_empty()
    }

    /// Reads the value that the path leads to, as AWS reads `ItemsPath`.
    ///
    /// # Errors
    /// A step finds nothing.
    pub fn read<'v>(&self, document: &'v Value) -> Result<&'v Value, StepError> {
        self.steps.iter().try_fold(document, |place, step| {
            let found = match (step, place) {
                (Step::Name(name), Value::Object(members)) => members.get(name),
                (Step::Index(index), Value::Array(elements)) => elements.get(*index),
                _ => None,
            };
            found.ok_or_else(|| step.mismatch(place))
        })
    }

    /// Places `value` in `document` and gives the result. Missing objects are created; an index
    /// must name an element that exists; the root replaces the document.
    ///
    /// # Errors
    /// The path leads through something that is no object (for a name) or no array with such an
    /// element (for an index): `States.ResultPathMatchFailure`.
    pub fn insert(&self, document: Value, value: Value) -> Result<Value, StepError> {
        let mut document = document;
        let mut place = &mut document;
        for step in &self.steps {
            place = step.enter(place)?;
        }
        *place = value;
        Ok(document)
    }

    /// Tells whether [`ReferencePath::insert`] can place a value in this document.
    pub fn fits(&self, document: &Value) -> bool {
        let mut place = Some(document);
        for step in &self.steps {
            place = match (step, place) {
                (Step::Name(name), Some(Value::Object(members))) => members.get(name),
                // Below a new object there is nothing but more new objects.
                (Step::Name(_), None) => None,
                (Step::Index(index), Some(Value::Array(elements))) if *index < elements.len() => {
                    elements.get(*index)
                }
                _ => return false,
            };
        }
        true
    }
}

impl Step {
    /// Goes one step down, creating an object where a member is missing.
    fn enter<'v>(&self, place: &'v mut Value) -> Result<&'v mut Value, StepError> {
        let fits = match (self, &*place) {
            (Step::Name(_), Value::Object(_)) => true,
            (Step::Index(index), Value::Array(elements)) => *index < elements.len(),
            _ => false,
        };
        if !fits {
            return Err(self.mismatch(place));
        }
        Ok(match (self, place) {
            (Step::Name(name), Value::Object(members)) => member(members, name),
            (Step::Index(index), Value::Array(elements)) => &mut elements[*index],
            // Not reached: nothing else fits.
            (_, place) => place,
        })
    }

    fn mismatch(&self, place: &Value) -> StepError {
        let step = match self {
            Step::Name(name) => name.clone(),
            Step::Index(index) => index.to_string(),
        };
        StepError { step, input: place.to_string() }
    }
}

/// Finds a member, creating an object where there is none yet.
fn member<'m>(members: &'m mut Map<String, Value>, name: &str) -> &'m mut Value {
    members.entry(name).or_insert_with(|| Value::Object(Map::new()))
}
