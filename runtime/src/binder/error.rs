//! What went wrong between a binder and its broker.

use std::error::Error as StdError;
use std::fmt;

/// Why an operation on a broker failed, as far as the caller must know to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The broker does not answer; a later try may succeed.
    Unreachable,
    /// The broker or the binder refuses, and would refuse again.
    Refused,
    /// The message was not accepted by anyone.
    Unroutable,
    /// The message is larger than the broker takes.
    TooLarge,
    /// The input or output was closed.
    Closed,
}

impl Kind {
    /// Whether trying again may help.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        match self {
            Self::Unreachable | Self::Unroutable => true,
            Self::Refused | Self::TooLarge | Self::Closed => false,
        }
    }

    /// The kind as errors of a binding are named by it: `unreachable`, `too-large`, …
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::Unroutable => "unroutable",
            Self::TooLarge => "too-large",
            Self::Closed => "closed",
        }
    }
}

/// An operation on a broker that failed: which, on what, why.
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error with a sentence that names the object and the cause.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, message: message.into(), source: None }))
    }

    /// The error beneath.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Why it failed.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.0.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
