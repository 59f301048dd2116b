//! Values of every accepted sort become what [`IntoReply`](crate::IntoReply) knows.

use std::convert::Infallible;
use std::future::Future;

use futures_core::Stream;
use futures_util::{StreamExt, stream};

use crate::error::{Classify, Error};
use crate::optional::{Many, Optional};

/// Looks at a value's type by method resolution: the most specific of the traits below answers.
#[derive(Debug)]
pub struct Look<'a, T>(pub &'a T);

type Boxed = Box<dyn std::error::Error + Send + Sync>;

macro_rules! tags {
    ($($method:ident {$(
        $(#[$doc:meta])* $tag:ident, $kind:ident [$($generics:tt)*] $looked:ty;
    )*})*) => {$($(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $tag;

        $(#[$doc])*
        pub trait $kind {
            /// The answer.
            #[inline]
            fn $method(&self) -> $tag {
                $tag
            }
        }
        impl<$($generics)*> $kind for $looked {}
    )*)*};
}

tags! {
    look_time {
        /// A value that is yet to come.
        FutureTag, FutureKind [F: Future] &Look<'_, F>;
        /// A value that is there.
        PresentTag, PresentKind [T] Look<'_, T>;
    }
    look_result {
        /// A `Result`.
        ResultTag, ResultKind [T, E] &Look<'_, Result<T, E>>;
        /// Not a `Result`.
        PlainTag, PlainKind [T] Look<'_, T>;
    }
    look_option {
        /// An `Option`.
        OptionTag, OptionKind [T] &Look<'_, Option<T>>;
        /// Not an `Option`.
        ValueTag, ValueKind [T] Look<'_, T>;
    }
    look_items {
        /// A stream.
        StreamTag, StreamKind [S: Stream] &&Look<'_, S>;
        /// A `Result` in an `Option`.
        FallibleTag, FallibleKind [T, E] &Look<'_, Result<T, E>>;
        /// Neither.
        SingleTag, SingleKind [T] Look<'_, T>;
    }
    look_list {
        /// A list of which each element is a message.
        ListTag, ListKind [T] &Look<'_, Vec<T>>;
        /// Not a list; refused elsewhere.
        NoListTag, NoListKind [T] Look<'_, T>;
    }
    look_error {
        /// An error that says of itself whether a retry can help.
        ClassifiedTag, ClassifiedKind [E: Classify] &&&&Look<'_, E>;
        /// An error that converts into ours.
        IntoErrorTag, IntoErrorKind [E: Into<Error>] &&&Look<'_, E>;
        /// An error that converts into a boxed one.
        BoxedTag, BoxedKind [E: Into<Boxed>] &&Look<'_, E>;
        /// An error that can at least be printed.
        DisplayTag, DisplayKind [E: std::fmt::Display] &Look<'_, E>;
        /// No error; refused elsewhere.
        NoErrorTag, NoErrorKind [E] Look<'_, E>;
    }
}

impl FutureTag {
    /// Normalises what the future resolves to.
    #[inline]
    pub async fn run<F: Future, R>(self, future: F, normalise: impl FnOnce(F::Output) -> R) -> R {
        normalise(future.await)
    }
}

impl PresentTag {
    /// Normalises the value at once.
    #[inline]
    pub fn run<T, R>(self, value: T, normalise: impl FnOnce(T) -> R) -> R {
        normalise(value)
    }
}

impl ResultTag {
    /// Leaves a result as it is.
    ///
    /// # Errors
    /// The function's own.
    #[inline]
    pub fn split<T, E>(self, result: Result<T, E>) -> Result<T, E> {
        result
    }
}

impl PlainTag {
    /// Makes a value a result.
    ///
    /// # Errors
    /// None.
    #[inline]
    pub const fn split<T>(self, value: T) -> Result<T, Infallible> {
        Ok(value)
    }
}

impl OptionTag {
    /// An option is perhaps nothing to send.
    #[inline]
    pub fn wrap<T, U>(self, value: Option<T>, inner: impl FnOnce(T) -> U) -> Optional<U> {
        Optional(value.map(inner))
    }
}

impl ValueTag {
    /// A value is itself.
    #[inline]
    pub fn wrap<T, U>(self, value: T, inner: impl FnOnce(T) -> U) -> U {
        inner(value)
    }
}

impl StreamTag {
    /// Normalises every item.
    pub fn each<S: Stream, U, F: FnMut(S::Item) -> U>(self, stream: S, item: F) -> stream::Map<S, F> {
        stream.map(item)
    }
}

impl ListTag {
    /// Normalises every element.
    pub fn each<T, U>(self, list: Vec<T>, item: impl FnMut(T) -> U) -> Many<U> {
        Many(list.into_iter().map(item).collect())
    }
}

impl FallibleTag {
    /// Normalises the only item.
    #[inline]
    pub fn each<T, U>(self, value: T, item: impl FnOnce(T) -> U) -> U {
        item(value)
    }
}

macro_rules! no_items {
    ($($tag:ident)*) => {$(
        impl $tag {
            /// There is nothing to normalise. `item` says of which type an item would be.
            #[inline]
            pub fn each<T, U>(self, value: T, _: impl FnOnce(T) -> U) -> T {
                value
            }
        }
    )*};
}

no_items!(SingleTag NoListTag);

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
    pub fn convert<E: Into<Boxed>>(self, error: E) -> Error {
        Error::retryable(error)
    }
}

impl DisplayTag {
    /// Converts.
    pub fn convert<E: std::fmt::Display>(self, error: E) -> Error {
        Error::displayed(&error)
    }
}

impl NoErrorTag {
    /// An assertion has refused the error already; should it be missing, this refuses it.
    pub fn convert<E>(self, _: E) -> Error {
        const {
            // The condition depends on the type, so that it is looked at only where this is really used.
            assert!(
                size_of::<E>() == usize::MAX,
                "the error of this function does not convert: implement `std::error::Error` for it"
            )
        };
        std::process::abort()
    }
}
