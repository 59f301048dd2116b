//! Questions about a type, without a value.

use std::convert::Infallible;
use std::future::Future;
use std::marker::PhantomData;

use futures_core::Stream;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Deserialize;

use crate::data_kind::DataKind;
use crate::error::Error;
use crate::inject::Inject;
use crate::message::Message;

/// A type to ask about.
pub struct Ask<T>(PhantomData<fn() -> T>);

impl<T> Ask<T> {
    /// Asks about a type.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "only made by expansions")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }

    /// Asks about what a call returns, which is not made.
    pub fn of_call(_: impl FnOnce() -> T) -> Self {
        Self::new()
    }

    /// Asks about the type of a value.
    pub const fn of_value(_: &T) -> Self {
        Self::new()
    }
}

impl<T> Clone for Ask<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Ask<T> {}

impl<T> std::fmt::Debug for Ask<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ask({})", std::any::type_name::<T>())
    }
}

/// An argument for [`Ask::of_call`].
#[must_use]
pub fn any<T>() -> T {
    unreachable!("the call is not made")
}

/// One step from a type to the one inside it, or to itself when it is of another sort.
macro_rules! steps {
    ($(
        $method:ident: $(#[$found_doc:meta])* $found:ident [$($generics:tt)*] $outer:ty => $inner:ty,
        $(#[$absent_doc:meta])* $absent:ident => $otherwise:ty;
    )*) => {$(
        $(#[$found_doc])*
        pub trait $found {
            /// The type inside.
            type Inside;
            /// Steps inside.
            fn $method(&self) -> Ask<Self::Inside> {
                Ask::new()
            }
        }
        impl<$($generics)*> $found for &Ask<$outer> {
            type Inside = $inner;
        }

        $(#[$absent_doc])*
        pub trait $absent {
            /// The answer for any other type.
            type Inside;
            /// Stays outside.
            fn $method(&self) -> Ask<Self::Inside> {
                Ask::new()
            }
        }
        impl<T> $absent for Ask<T> {
            type Inside = $otherwise;
        }
    )*};
}

steps! {
    ask_awaited:
        /// What a future resolves to.
        FutureFound [F: Future] F => F::Output,
        /// No future.
        FutureAbsent => T;
    ask_future:
        /// A future itself.
        FutureKept [F: Future] F => F,
        /// No future: nothing that has to move between threads.
        NoFuture => ();
    ask_success:
        /// The success of a `Result`.
        ResultFound [T, E] Result<T, E> => T,
        /// No `Result`.
        ResultAbsent => T;
    ask_error:
        /// The error of a `Result`.
        ErrorFound [T, E] Result<T, E> => E,
        /// No `Result`: no error is possible.
        ErrorAbsent => Infallible;
    ask_some:
        /// What an `Option` holds.
        OptionFound [T] Option<T> => T,
        /// No `Option`.
        OptionAbsent => T;
    ask_element:
        /// The element of a list.
        ListFound [T] Vec<T> => T,
        /// No list.
        ListAbsent => T;
    ask_payload:
        /// The payload of a message.
        MessageFound [T] Message<T> => T,
        /// No message.
        MessageAbsent => T;
}

macro_rules! members {
    ($($($member:ident)*;)*) => {$(
        impl<$($member),*> Ask<($($member,)*)> {
            /// Asks about each member of a tuple.
            #[must_use]
            pub const fn members(self) -> ($(Ask<$member>,)*) {
                ($(Ask::<$member>::new(),)*)
            }
        }
    )*};
}

members! {
    A B;
    A B C;
    A B C D;
    A B C D E;
    A B C D E F;
    A B C D E F G;
    A B C D E F G H;
}

/// The message in a list of messages.
pub trait ItemListed {
    /// The item.
    type Item;
    /// Steps inside.
    fn ask_item(&self) -> Ask<Self::Item> {
        Ask::new()
    }
}
impl<T> ItemListed for &&Ask<Vec<Message<T>>> {
    type Item = Message<T>;
}

/// The item of a stream.
pub trait ItemStreamed {
    /// The item.
    type Item;
    /// Steps inside.
    fn ask_item(&self) -> Ask<Self::Item> {
        Ask::new()
    }
}
impl<S: Stream> ItemStreamed for &Ask<S> {
    type Item = S::Item;
}

/// Neither.
pub trait ItemAbsent {
    /// The type itself.
    type Item;
    /// Stays outside.
    fn ask_item(&self) -> Ask<Self::Item> {
        Ask::new()
    }
}
impl<T> ItemAbsent for Ask<T> {
    type Item = T;
}

/// An error that converts into ours needs nothing more.
pub trait ErrorConverts {
    /// Nothing is left to check.
    fn ask_unconverted(&self) -> Ask<Infallible> {
        Ask::new()
    }
}
impl<E: Into<Error>> ErrorConverts for &&Ask<E> {}

/// An error that converts into a boxed one needs nothing more.
pub trait ErrorBoxes {
    /// Nothing is left to check.
    fn ask_unconverted(&self) -> Ask<Infallible> {
        Ask::new()
    }
}
impl<E: Into<Box<dyn std::error::Error + Send + Sync>>> ErrorBoxes for &Ask<E> {}

/// Any other error has to be printable.
pub trait ErrorUnconverted {
    /// The error.
    type Error;
    /// It is left to check.
    fn ask_unconverted(&self) -> Ask<Self::Error> {
        Ask::new()
    }
}
impl<E> ErrorUnconverted for Ask<E> {
    type Error = E;
}

/// A first argument that is read from a message.
#[derive(Debug, Clone, Copy)]
pub struct Payload;
/// A first argument that could be injected, but is not read from a message.
#[derive(Debug, Clone, Copy)]
pub struct Injected;

impl Payload {
    /// The payload is to be readable.
    #[must_use]
    pub const fn to_read<T>(self, payload: Ask<T>) -> Ask<T> {
        payload
    }
}

impl Injected {
    /// There is no payload to read.
    #[must_use]
    pub const fn to_read<T>(self, _: Ask<T>) -> Ask<()> {
        Ask::new()
    }
}

/// A readable type is a payload.
pub trait FirstReadable {
    /// The answer.
    fn ask_first(&self) -> Payload {
        Payload
    }
}
impl<T: Deserialize<'static>> FirstReadable for &&Ask<T> {}

/// An injected one that is not readable.
pub trait FirstInjected {
    /// The answer.
    fn ask_first(&self) -> Injected {
        Injected
    }
}
impl<T: Inject> FirstInjected for &Ask<T> {}

/// Anything else was meant to be a payload.
pub trait FirstArgument {
    /// The answer.
    fn ask_first(&self) -> Payload {
        Payload
    }
}
impl<T> FirstArgument for Ask<T> {}

/// Types with a JSON Schema.
pub trait SchemaKnown {
    /// How to make the schema of what is read.
    fn ask_input_schema(&self) -> Option<fn() -> Schema>;
    /// How to make the schema of what is written.
    fn ask_output_schema(&self) -> Option<fn() -> Schema>;
}
impl<T: JsonSchema> SchemaKnown for &Ask<T> {
    fn ask_input_schema(&self) -> Option<fn() -> Schema> {
        Some(|| SchemaSettings::default().for_deserialize().into_generator().into_root_schema_for::<T>())
    }

    fn ask_output_schema(&self) -> Option<fn() -> Schema> {
        Some(|| SchemaSettings::default().for_serialize().into_generator().into_root_schema_for::<T>())
    }
}

/// Types without one.
pub trait SchemaAbsent {
    /// Nothing.
    fn ask_input_schema(&self) -> Option<fn() -> Schema> {
        None
    }
    /// Nothing.
    fn ask_output_schema(&self) -> Option<fn() -> Schema> {
        None
    }
}
impl<T> SchemaAbsent for Ask<T> {}

/// Types that can be asked what they read.
pub trait DataKindKnown {
    /// What sort of data the type is.
    fn ask_data_kind(&self) -> Option<DataKind>;
}
// Not `DeserializeOwned`: method resolution does not compare lifetimes, and would then fail for a `&'static str`.
impl<T: Deserialize<'static> + 'static> DataKindKnown for &Ask<T> {
    fn ask_data_kind(&self) -> Option<DataKind> {
        Some(DataKind::of::<T>())
    }
}

/// Types that cannot.
pub trait DataKindAbsent {
    /// Nothing.
    fn ask_data_kind(&self) -> Option<DataKind> {
        None
    }
}
impl<T> DataKindAbsent for Ask<T> {}
