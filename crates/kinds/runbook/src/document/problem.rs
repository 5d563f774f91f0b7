//! What is wrong with a document, where, and the AWS exception that says so.

use std::fmt;

/// How many problems of one document are kept; one more is never useful.
const PROBLEMS_MAX: usize = 200;

/// The AWS exception that a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exception {
    /// The document is too large.
    MaxDocumentSizeExceeded,
    /// The schema version isn't one of the document type.
    InvalidDocumentSchemaVersion,
    /// Anything else that is wrong with the content.
    InvalidDocumentContent,
    /// The document type isn't one that is built here.
    Unsupported,
}

impl Exception {
    /// The exception's name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Exception::MaxDocumentSizeExceeded => "MaxDocumentSizeExceeded",
            Exception::InvalidDocumentSchemaVersion => "InvalidDocumentSchemaVersion",
            Exception::InvalidDocumentContent | Exception::Unsupported => "InvalidDocumentContent",
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// As what AWS would refuse the document for it.
    pub exception: Exception,
    /// Where: `$.mainSteps[2].inputs.Api`; empty for the document as a whole.
    pub place: String,
    /// What.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place.is_empty() {
            true => write!(out, "{}", self.text),
            false => write!(out, "{}: {}", self.place, self.text),
        }
    }
}

/// Everything that is wrong with a document; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    found: Vec<Problem>,
}

impl Problems {
    /// One problem.
    #[must_use]
    pub fn one(exception: Exception, place: &str, text: impl Into<String>) -> Self {
        let problem = Problem { exception, place: place.to_owned(), text: text.into() };
        Problems { found: vec![problem] }
    }

    /// Several; none if there are none.
    #[must_use]
    pub fn of(found: Vec<Problem>) -> Option<Self> {
        (!found.is_empty()).then_some(Problems { found })
    }

    /// The problems, in the order of the document as far as that is known.
    #[must_use]
    pub fn as_slice(&self) -> &[Problem] {
        &self.found
    }

    /// As what the whole is refused: the exception that AWS would meet first.
    #[must_use]
    pub fn exception(&self) -> Exception {
        let first = self.found.iter().map(|problem| problem.exception).min();
        first.unwrap_or(Exception::InvalidDocumentContent)
    }

    /// The message of the exception: every problem, a line each.
    #[must_use]
    pub fn message(&self) -> String {
        let lines: Vec<String> = self.found.iter().map(ToString::to_string).collect();
        lines.join("\n")
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message())
    }
}

impl std::error::Error for Problems {}

/// Collects problems while a document is read.
#[derive(Default)]
pub(super) struct Found {
    problems: Vec<Problem>,
}

impl Found {
    /// Something is wrong at a place.
    pub(super) fn add(&mut self, place: &Place<'_>, text: impl Into<String>) {
        self.add_as(Exception::InvalidDocumentContent, place, text);
    }

    /// Something is wrong at a place, with its exception.
    pub(super) fn add_as(
        &mut self,
        exception: Exception,
        place: &Place<'_>,
        text: impl Into<String>,
    ) {
        if self.problems.len() < PROBLEMS_MAX {
            let place = place.to_string();
            self.problems.push(Problem { exception, place, text: text.into() });
        }
    }

    /// The value if nothing was wrong.
    pub(super) fn into_result<T>(self, value: T) -> Result<T, Problems> {
        match Problems::of(self.problems) {
            None => Ok(value),
            Some(problems) => Err(problems),
        }
    }
}

/// A place in a document, as a chain up to its root.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    /// The document.
    Root,
    /// A member of a map.
    Key(&'a Place<'a>, &'a str),
    /// An element of a list.
    Index(&'a Place<'a>, usize),
}

impl<'a> Place<'a> {
    /// A member of this map.
    pub(super) fn key(&'a self, key: &'a str) -> Place<'a> {
        Place::Key(self, key)
    }

    /// An element of this list.
    pub(super) fn index(&'a self, index: usize) -> Place<'a> {
        Place::Index(self, index)
    }
}

/// A key in a place is cut at this many characters.
const KEY_CHARS_MAX: usize = 100;

impl fmt::Display for Place<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Root => write!(out, "$"),
            Place::Key(above, key) => {
                let plain = key.chars().all(|c| c.is_alphanumeric() || c == '_');
                let key: String = key.chars().take(KEY_CHARS_MAX).collect();
                match plain && !key.is_empty() {
                    true => write!(out, "{above}.{key}"),
                    false => write!(out, "{above}['{key}']"),
                }
            }
            Place::Index(above, index) => write!(out, "{above}[{index}]"),
        }
    }
}
