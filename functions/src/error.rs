//! What went wrong while a function was called, and whether trying again can help.

mod kind;
mod name;

use std::error::Error as StdError;
use std::fmt;

pub use kind::Kind;
use name::Name;

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
    name: Name,
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

    /// A short name that stays the same when the type is renamed, such as `no-such-customer`; the configuration of a
    /// binding may say by it what follows. Without one the error is known by its type alone.
    fn name(&self) -> Option<&'static str> {
        None
    }
}

impl Error {
    /// An error of some kind. The text of `cause` becomes the message, its own source the source, and its type the
    /// [name](Self::name).
    pub fn new<E: Into<Box<dyn StdError + Send + Sync>>>(kind: Kind, cause: E) -> Self {
        let cause = cause.into();
        // An error of ours that travelled as a standard one keeps its name.
        let name =
            cause.downcast_ref::<Standard>().map_or_else(Name::of::<E>, |Standard(error)| error.0.name);
        Self(Box::new(Inner {
            kind,
            name,
            function: None,
            message: cause.to_string().into(),
            source: Some(cause),
        }))
    }

    /// An error of some kind with a sentence and nothing beneath it.
    pub fn message(kind: Kind, message: impl Into<String>) -> Self {
        let message = message.into().into();
        Self(Box::new(Inner { kind, name: Name::default(), function: None, message, source: None }))
    }

    /// The error of a type that can only be printed.
    pub(crate) fn displayed<E: fmt::Display>(cause: &E) -> Self {
        let mut error = Self::message(Kind::Retryable, cause.to_string());
        error.0.name = Name::of::<E>();
        error
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
        let (kind, name) = (cause.kind(), cause.name());
        let error = Self::new(kind, cause);
        match name {
            Some(name) => error.named(name),
            None => error,
        }
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

    /// What the error is called: the name it was given, or else the path of the type it was made of. A sentence has
    /// none.
    ///
    /// ```
    /// use wellspring_functions::Error;
    ///
    /// let error = Error::from("x".parse::<u8>().unwrap_err());
    /// assert_eq!(error.name(), Some("core::num::error::ParseIntError"));
    /// assert!(error.is_named("ParseIntError") && error.is_named("core::num::ParseIntError"));
    ///
    /// let error = Error::fatal("the account is locked").named("locked");
    /// assert_eq!(error.name(), Some("locked"));
    /// ```
    #[must_use]
    pub const fn name(&self) -> Option<&'static str> {
        self.0.name.shown()
    }

    /// Gives the error a short name that stays the same, such as `no-such-customer`; see [`Classify::name`].
    #[must_use]
    pub fn named(mut self, name: &'static str) -> Self {
        self.0.name.give(name);
        self
    }

    /// Whether this is a name of the error: the one it was given, or the path of its type, from which any part but the
    /// last may be left out. Upper and lower case, `-` and `_` make no difference.
    #[must_use]
    pub fn is_named(&self, name: &str) -> bool {
        self.closeness(name).is_some()
    }

    /// How exactly a text names the error, if it does: of two [names](Self::is_named) the one with more parts is the
    /// closer one, and the name that the error was given is the closest.
    #[must_use]
    pub fn closeness(&self, name: &str) -> Option<usize> {
        self.0.name.closeness(name)
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
            .field("name", &self.name())
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

    impl Classify for Locked {
        fn kind(&self) -> Kind {
            Kind::Invalid
        }

        fn name(&self) -> Option<&'static str> {
            Some("account-locked")
        }
    }

    #[test]
    fn an_error_is_known_by_its_type_until_it_is_given_a_name() {
        let path = std::any::type_name::<Locked>();
        assert_eq!(Error::fatal(Locked(std::fmt::Error)).name(), Some(path));
        assert_eq!(Error::from(Locked(std::fmt::Error)).in_function("f").name(), Some(path));
        let given = Error::classified(Locked(std::fmt::Error));
        assert_eq!((given.name(), given.kind()), (Some("account-locked"), Kind::Invalid));
        assert!(given.is_named("Locked") && given.is_named("account-locked"));
        assert_eq!(Error::message(Kind::Timeout, "late").name(), None);
    }

    #[test]
    fn a_name_survives_the_way_through_a_standard_error() {
        let boxed: Box<dyn StdError + Send + Sync> =
            Error::fatal(Locked(std::fmt::Error)).named("locked").into();
        let again = Error::retryable(boxed);
        assert_eq!((again.name(), again.kind()), (Some("locked"), Kind::Retryable));
        assert!(again.is_named("Locked"));
    }

    #[test]
    fn an_error_is_one_pointer() {
        assert_eq!(size_of::<Result<(), Error>>(), size_of::<usize>());
    }

    #[test]
    fn any_error_converts_as_retryable() {
        let error: Error = std::io::Error::other("busy").into();
        assert_eq!((error.kind(), error.text()), (Kind::Retryable, "busy"));
        assert!(error.kind().is_retryable());
    }
}
