//! What the attributes expand to; not for use by hand.

use std::convert::Infallible;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;

pub use inventory;

use crate::data_kind::DataKind;
use crate::error::{Classify, Error};
use crate::message::Message;
use crate::optional::Optional;

/// Looks at a value's type by method resolution: the most specific of the traits below answers.
#[derive(Debug)]
pub struct Look<'a, T>(pub &'a T);

/// A type to ask about, without a value.
#[derive(Debug)]
pub struct Ask<T>(pub PhantomData<T>);

impl<T> Ask<T> {
    /// Asks about a type.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "only made by expansions")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

macro_rules! tags {
    ($($(#[$doc:meta])* $tag:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $tag;
    )*};
}

tags! {
    /// A `Result`.
    ResultTag,
    /// Not a `Result`.
    PlainTag,
    /// An `Option`.
    OptionTag,
    /// Not an `Option`.
    ValueTag,
    /// An error that says of itself whether a retry can help.
    ClassifiedTag,
    /// An error that converts into ours.
    IntoErrorTag,
    /// An error that converts into a boxed one.
    BoxedTag,
    /// An error that can at least be printed.
    DisplayTag,
}

/// Tells a `Result` from the rest.
pub trait ResultKind {
    /// The answer.
    fn result_tag(&self) -> ResultTag {
        ResultTag
    }
}
impl<T, E> ResultKind for &Look<'_, Result<T, E>> {}

/// Anything else is plain.
pub trait PlainKind {
    /// The answer.
    fn result_tag(&self) -> PlainTag {
        PlainTag
    }
}
impl<T> PlainKind for Look<'_, T> {}

impl ResultTag {
    /// Leaves a result as it is.
    ///
    /// # Errors
    /// The function's own.
    pub fn split<T, E>(self, result: Result<T, E>) -> Result<T, E> {
        result
    }
}

impl PlainTag {
    /// Makes a value a result.
    ///
    /// # Errors
    /// None.
    pub const fn split<T>(self, value: T) -> Result<T, Infallible> {
        Ok(value)
    }
}

/// Tells an `Option` from the rest.
pub trait OptionKind {
    /// The answer.
    fn option_tag(&self) -> OptionTag {
        OptionTag
    }
}
impl<T> OptionKind for &Look<'_, Option<T>> {}

/// Anything else is a value.
pub trait ValueKind {
    /// The answer.
    fn option_tag(&self) -> ValueTag {
        ValueTag
    }
}
impl<T> ValueKind for Look<'_, T> {}

impl OptionTag {
    /// An option is perhaps nothing to send.
    pub const fn wrap<T>(self, value: Option<T>) -> Optional<T> {
        Optional(value)
    }
}

impl ValueTag {
    /// A value is itself.
    pub fn wrap<T>(self, value: T) -> T {
        value
    }
}

/// Errors that classify themselves.
pub trait ClassifiedKind {
    /// The answer.
    fn error_tag(&self) -> ClassifiedTag {
        ClassifiedTag
    }
}
impl<E: Classify> ClassifiedKind for &&&Look<'_, E> {}

/// Errors that convert into ours.
pub trait IntoErrorKind {
    /// The answer.
    fn error_tag(&self) -> IntoErrorTag {
        IntoErrorTag
    }
}
impl<E: Into<Error>> IntoErrorKind for &&Look<'_, E> {}

/// Errors that convert into a boxed one.
pub trait BoxedKind {
    /// The answer.
    fn error_tag(&self) -> BoxedTag {
        BoxedTag
    }
}
impl<E: Into<Box<dyn std::error::Error + Send + Sync>>> BoxedKind for &Look<'_, E> {}

/// Errors that can be printed.
pub trait DisplayKind {
    /// The answer.
    fn error_tag(&self) -> DisplayTag {
        DisplayTag
    }
}
impl<E: std::fmt::Display> DisplayKind for Look<'_, E> {}

impl ClassifiedTag {
    /// Converts.
    pub fn convert<E: Classify>(self, error: E) -> Error {
        Error::classified(error)
    }
}

impl IntoErrorTag {
    /// Converts.
    pub fn convert<E: Into<Error>>(self, error: E) -> Error {
        error.into()
    }
}

impl BoxedTag {
    /// Converts.
    pub fn convert<E: Into<Box<dyn std::error::Error + Send + Sync>>>(self, error: E) -> Error {
        Error::retryable(error)
    }
}

impl DisplayTag {
    /// Converts.
    pub fn convert<E: std::fmt::Display>(self, error: E) -> Error {
        Error::retryable(error.to_string())
    }
}

/// Types with a JSON Schema.
pub trait WithSchema {
    /// How to make the schema.
    fn schema(&self) -> Option<fn() -> Schema>;
}
impl<T: JsonSchema> WithSchema for &Ask<T> {
    fn schema(&self) -> Option<fn() -> Schema> {
        Some(|| SchemaGenerator::default().into_root_schema_for::<T>())
    }
}

/// Types without one.
pub trait WithoutSchema {
    /// Nothing.
    fn schema(&self) -> Option<fn() -> Schema> {
        None
    }
}
impl<T> WithoutSchema for Ask<T> {}

/// Types that can be asked what they read.
pub trait WithDataKind {
    /// What sort of data the type is.
    fn data_kind(&self) -> Option<DataKind>;
}
impl<T: DeserializeOwned + 'static> WithDataKind for &Ask<T> {
    fn data_kind(&self) -> Option<DataKind> {
        Some(DataKind::of::<T>())
    }
}

/// Types that cannot.
pub trait WithoutDataKind {
    /// Nothing.
    fn data_kind(&self) -> Option<DataKind> {
        None
    }
}
impl<T> WithoutDataKind for Ask<T> {}

/// Proves that a future may move between threads.
#[diagnostic::on_unimplemented(
    message = "the future of this function is not `Send`",
    label = "must be `Send`, because the runtime moves calls between threads",
    note = "a value that is not `Send` (an `Rc`, a lock's guard) is held across an `.await`: drop it before, or use its thread-safe kind"
)]
pub trait SendFuture: Send {}
impl<F: Send> SendFuture for F {}

/// A payload that can be read.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read as a payload",
    label = "does not implement `serde::Deserialize`",
    note = "add `#[derive(serde::Deserialize)]` to `{Self}`"
)]
pub trait ReadablePayload {}
impl<T: DeserializeOwned> ReadablePayload for T {}

/// A payload that can be written.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be written as a payload",
    label = "does not implement `serde::Serialize`",
    note = "add `#[derive(serde::Serialize)]` to `{Self}`"
)]
pub trait WritablePayload {}
impl<T: serde::Serialize> WritablePayload for T {}

/// An error that converts into ours.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a function",
    label = "does not convert into an error",
    note = "implement `std::error::Error` and `Display` for `{Self}`, for example with `#[derive(thiserror::Error)]`"
)]
pub trait ConvertibleError {}
impl<E: std::fmt::Display> ConvertibleError for E {}

/// Checks at compile time, with the span of the argument.
pub const fn assert_readable<T: ReadablePayload + ?Sized>() {}
/// Checks at compile time, with the span of the result.
pub const fn assert_writable<T: WritablePayload + ?Sized>() {}
/// Checks at compile time, with the span of the error type.
pub const fn assert_error<T: ConvertibleError + ?Sized>() {}
/// Checks at compile time, with the span of the argument.
pub const fn assert_injected<T: crate::inject::Inject>() {}
/// Checks at compile time, with the span of the function's name.
pub fn assert_send<F: SendFuture>(future: F) -> F {
    future
}

/// Keeps a `Message` type in scope for expansions.
pub type MessageOf<T> = Message<T>;
