//! What a case found instead of what it expected.

use std::fmt::{self, Write};

use crate::binder;

/// What a case found instead of what it expected, in a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found(String);

/// What a case comes to.
pub(super) type Outcome<T = ()> = Result<T, Found>;

impl Found {
    /// A sentence that says what was found and what was expected.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }

    /// The same, saying what was being done.
    #[must_use]
    pub fn during(self, what: &str) -> Self {
        Self(format!("{what}: {}", self.0))
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Found {}

/// An error of the binder that the case did not expect.
impl From<binder::Error> for Found {
    fn from(error: binder::Error) -> Self {
        let mut sentence = format!("the binder says `{error}` ({:?})", error.kind());
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            let _ = write!(sentence, ": {cause}");
            source = cause.source();
        }
        Self(sentence)
    }
}

/// Compares what was found with what was expected.
pub(super) fn same<T: PartialEq + fmt::Debug>(what: &str, found: &T, expected: &T) -> Outcome {
    if found == expected {
        return Ok(());
    }
    Err(Found(format!("{what}: found {}, expected {}", shown(found), shown(expected))))
}

/// Something that must hold.
pub(super) fn holds(sentence: impl FnOnce() -> String, holds: bool) -> Outcome {
    if holds { Ok(()) } else { Err(Found(sentence())) }
}

/// A value as a person can read it: the beginning of a long one.
fn shown(value: &impl fmt::Debug) -> String {
    const MOST: usize = 1200;
    let text = format!("{value:?}");
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text,
    }
}
