//! Where a value was written: the file and position, the variable or the flag.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// The place a configuration value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// Nobody wrote the value: it is the documented default.
    Default,
    /// A configuration file, on disk or built into the program.
    File {
        /// The path of the file as the user would recognise it.
        name: Arc<str>,
        /// The line and column, both counted from 1; `None` when the whole file is meant.
        position: Option<(u32, u32)>,
    },
    /// An environment variable, by its name.
    Variable(Arc<str>),
    /// A command-line flag, by its name without the value.
    Flag(Arc<str>),
}

impl Origin {
    /// The file `name` as a whole.
    pub fn file(name: impl Into<Arc<str>>) -> Self {
        Self::File { name: name.into(), position: None }
    }

    /// The environment variable `name`.
    pub fn variable(name: impl Into<Arc<str>>) -> Self {
        Self::Variable(name.into())
    }

    /// The command-line flag `name`, with its leading dashes.
    pub fn flag(name: impl Into<Arc<str>>) -> Self {
        Self::Flag(name.into())
    }

    /// The same file at `line` and `column` (from 1); other origins have no positions and stay as they are.
    #[must_use]
    pub fn at(&self, line: u32, column: u32) -> Self {
        match self {
            Self::File { name, .. } => Self::File { name: Arc::clone(name), position: Some((line, column)) },
            Self::Default | Self::Variable(_) | Self::Flag(_) => self.clone(),
        }
    }

    /// Whether the value is the documented default, written by nobody.
    pub fn is_default(&self) -> bool {
        matches!(self, Self::Default)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { name, position: None } => f.write_str(name),
            Self::File { name, position: Some((line, column)) } => write!(f, "{name}:{line}:{column}"),
            Self::Variable(name) => write!(f, "variable `{name}`"),
            Self::Flag(name) => write!(f, "flag `{name}`"),
        }
    }
}

/// A value together with the place it comes from.
///
/// It dereferences to the value, so it is used like the value itself:
///
/// ```
/// use wellspring::config::{Located, Origin};
///
/// let group = Located::new("accounts".to_owned(), Origin::variable("WELLSPRING_GROUP"));
/// assert_eq!(group.len(), 8);
/// assert_eq!(group.origin.to_string(), "variable `WELLSPRING_GROUP`");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub origin: Origin,
}

impl<T> Located<T> {
    /// `value` as written at `origin`.
    pub fn new(value: T, origin: Origin) -> Self {
        Self { value, origin }
    }

    /// `value` as the documented default.
    pub fn default_value(value: T) -> Self {
        Self::new(value, Origin::Default)
    }

    /// The same place with another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Located<U> {
        Located { value: change(self.value), origin: self.origin }
    }
}

impl<T> Deref for Located<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Display> fmt::Display for Located<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}
