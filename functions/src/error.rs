//! What went wrong while a function was called, and whether trying again can help.

use std::error::Error as StdError;
use std::fmt;

/// Why an invocation failed. The kind decides what happens to the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The payload cannot be read as the function's input.
    Undecodable,
    /// No codec reads the payload's content type as the function's input.
    Unsupported,
    /// The result cannot be written as any of the content types that the caller accepts.
    Unacceptable,
    /// The function says that its input is invalid; the sender has to mend it.
    Invalid,
    /// The function failed and would fail again.
    Fatal,
    /// The function failed; another attempt may succeed.
    Retryable,
    /// The deadline passed.
    Timeout,
    /// The function panicked.
    Panic,
    /// The result cannot be encoded.
    Unencodable,
    /// A message was not accepted by its output.
    OutputFailed,
    /// Too much is in flight.
    Overload,
}

impl Kind {
    /// Whether another attempt with the same message may succeed.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        match self {
            Self::Retryable | Self::Timeout | Self::Panic | Self::OutputFailed | Self::Overload => true,
            Self::Undecodable
            | Self::Unsupported
            | Self::Unacceptable
            | Self::Invalid
            | Self::Fatal
            | Self::Unencodable => false,
        }
    }

    /// The kind as headers, logs and metrics name it: `undecodable`, `fatal`, …
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Undecodable => "undecodable",
            Self::Unsupported => "unsupported",
            Self::Unacceptable => "unacceptable",
            Self::Invalid => "invalid",
            Self::Fatal => "fatal",
            Self::Retryable => "retryable",
            Self::Timeout => "timeout",
            Self::Panic => "panic",
            Self::Unencodable => "unencodable",
            Self::OutputFailed => "output-failed",
            Self::Overload => "overload",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The error of an invocation: its [`Kind`], a sentence, the function, the cause.
///
/// Any [`std::error::Error`] converts into one by `?`, as [`Kind::Retryable`]. Say more with
/// [`Error::invalid`], [`Error::fatal`] and [`Error::retryable`], or implement [`Classify`] for your own error type.
///
/// ```
/// use wellspring_functions::{Error, Kind};
///
/// fn parse(text: &str) -> Result<u32, Error> {
///     text.parse().map_err(Error::invalid)
/// }
/// assert_eq!(parse("x").unwrap_err().kind(), Kind::Invalid);
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    function: Option<Box<str>>,
    message: Box<str>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// Tells, for an error type of your own, whether another attempt can help.
///
/// ```
/// # use wellspring_functions::{Classify, Kind};
/// # #[derive(Debug)] enum Refused { NoSuchCustomer, DatabaseBusy }
/// # impl std::fmt::Display for Refused { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("refused") } }
/// # impl std::error::Error for Refused {}
/// impl Classify for Refused {
///     fn kind(&self) -> Kind {
///         match self {
///             Self::NoSuchCustomer => Kind::Invalid,
///             Self::DatabaseBusy => Kind::Retryable,
///         }
///     }
/// }
/// ```
pub trait Classify: StdError + Send + Sync + 'static {
    /// The kind of this error.
    fn kind(&self) -> Kind;
}

impl Error {
    /// An error of some kind. The text of `cause` becomes the message, its own source the source.
    pub fn new(kind: Kind, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let cause = cause.into();
        Self(Box::new(Inner { kind, function: None, message: cause.to_string().into(), source: Some(cause) }))
    }

    /// An error of some kind with a sentence and nothing beneath it.
    pub fn message(kind: Kind, message: impl Into<String>) -> Self {
        let message = message.into().into();
        Self(Box::new(Inner { kind, function: None, message, source: None }))
    }

    /// The input is invalid; the sender has to mend it. Over HTTP: 422.
    pub fn invalid(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(Kind::Invalid, cause)
    }

    /// The function failed and would fail again with this message.
    pub fn fatal(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(Kind::Fatal, cause)
    }

    /// The function failed; another attempt may succeed.
    pub fn retryable(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(Kind::Retryable, cause)
    }

    /// The error of a type that classifies itself.
    pub fn classified(cause: impl Classify) -> Self {
        Self::new(cause.kind(), cause)
    }

    /// Why the invocation failed.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The function that failed, if it is known.
    #[must_use]
    pub fn function(&self) -> Option<&str> {
        self.0.function.as_deref()
    }

    /// The sentence, without the function's name.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0.message
    }

    /// The error underneath, as the function returned it.
    #[must_use]
    pub fn downcast_ref<E: StdError + 'static>(&self) -> Option<&E> {
        self.0.source.as_ref()?.downcast_ref()
    }

    /// The error underneath, by value.
    ///
    /// # Errors
    /// This error, when the one underneath is of another type.
    pub fn downcast<E: StdError + 'static>(mut self) -> Result<E, Self> {
        match self.0.source.take().map(<dyn StdError + Send + Sync>::downcast::<E>) {
            Some(Ok(source)) => Ok(*source),
            Some(Err(source)) => {
                self.0.source = Some(source);
                Err(self)
            }
            None => Err(self),
        }
    }

    /// Names the function that failed, unless it is named already.
    #[must_use]
    pub fn in_function(mut self, function: &str) -> Self {
        self.0.function.get_or_insert_with(|| function.into());
        self
    }

    /// The errors beneath this one, the nearest first, none of them repeating its text.
    pub fn causes(&self) -> impl Iterator<Item = &(dyn StdError + 'static)> {
        let first = self.0.source.as_ref().and_then(|cause| cause.source());
        std::iter::successors(first, |error: &&(dyn StdError + 'static)| (*error).source())
    }
}

/// `function: sentence`.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.function {
            Some(function) => write!(f, "`{function}`: {}", self.0.message),
            None => f.write_str(&self.0.message),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("function", &self.0.function)
            .field("message", &self.0.message)
            .field("causes", &self.causes().map(ToString::to_string).collect::<Vec<_>>())
            .finish()
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for Error {
    fn from(cause: E) -> Self {
        Self::retryable(cause)
    }
}

/// The error as a standard one. It cannot be one itself, or every error could not convert into it.
struct Standard(Error);

impl fmt::Display for Standard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Standard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for Standard {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.causes().next()
    }
}

impl From<Error> for Box<dyn StdError + Send + Sync> {
    fn from(error: Error) -> Self {
        Box::new(Standard(error))
    }
}

impl From<Error> for Box<dyn StdError> {
    fn from(error: Error) -> Self {
        Box::new(Standard(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the account is locked")]
    struct Locked(#[source] std::fmt::Error);

    #[test]
    fn the_text_is_said_once() {
        let error = Error::fatal(Locked(std::fmt::Error)).in_function("email").in_function("sms");
        assert_eq!(error.to_string(), "`email`: the account is locked");
        assert_eq!(error.causes().count(), 1);
        assert!(error.downcast_ref::<Locked>().is_some());
    }

    #[test]
    fn converts_into_a_boxed_error_with_its_causes() {
        let boxed: Box<dyn StdError> = Error::fatal(Locked(std::fmt::Error)).into();
        assert_eq!(boxed.to_string(), "the account is locked");
        assert!(boxed.source().is_some());
    }

    #[test]
    fn any_error_converts_as_retryable() {
        let error: Error = std::io::Error::other("busy").into();
        assert_eq!((error.kind(), error.text()), (Kind::Retryable, "busy"));
        assert!(error.kind().is_retryable());
    }
}
