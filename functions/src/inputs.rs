//! Functions with several inputs: what came, and through which of them.

use std::sync::Arc;

use crate::codec::short_name;
use crate::error::{Error, Kind};
use crate::input::FromInput;
use crate::next::Next;
use crate::signature::{Port, Shape};
use crate::stage::{FnStage, Input, Stage};

/// One of several inputs of a function, and how what comes through it is read.
#[derive(Clone)]
pub struct Door {
    pub(crate) port: Port,
    pub(crate) stage: Arc<dyn Stage>,
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Door").field(&self.port).finish()
    }
}

/// Marker: one of several inputs.
#[derive(Debug)]
pub struct AsEither<M>(M);

macro_rules! inputs {
    ($(
        $(#[$doc:meta])*
        $either:ident { $($(#[$variant_doc:meta])* $variant:ident($payload:ident, $marker:ident),)* }
    )*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $either<$($payload),*> {
            $($(#[$variant_doc])* $variant($payload),)*
        }

        impl<$($marker, $payload: FromInput<$marker>),*> FromInput<AsEither<($($marker,)*)>> for $either<$($payload),*> {
            type Payload = ();
            const SHAPE: Shape = Shape::One;

            fn from_input(input: Input<'_>, _: &mut Next<'_>) -> Result<Self, Error> {
                if let Input::Value(slot) = input
                    && let Some(either) = slot.downcast_mut::<Option<Self>>().and_then(Option::take)
                {
                    return Ok(either);
                }
                Err(through_no_door::<Self>())
            }

            fn port() -> Port {
                Port::of_several(Shape::OneOf, vec![$($payload::port()),*])
            }

            fn doors() -> Vec<Door> {
                vec![$(door::<$marker, $payload, Self>($either::$variant)),*]
            }
        }
    )*};
}

inputs! {
    /// What a function with two inputs takes: a message of the one, or of the other.
    ///
    /// The first input is the binding `…-in-0`, the second `…-in-1`. Each has a destination of its own, and its
    /// messages are read as its own type: a payload or a [`Message`](crate::Message).
    ///
    /// ```
    /// use wellspring_functions::{Catalog, Either};
    ///
    /// let catalog = Catalog::builder()
    ///     .function("describe", |event: Either<u64, String>| match event {
    ///         Either::In0(number) => format!("the number {number}"),
    ///         Either::In1(text) => text,
    ///     })
    ///     .build()?;
    /// assert_eq!(catalog.compose("describe")?.signature().to_string(), "u64 or String → String");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    Either {
        /// A message of the first input.
        In0(A, MA),
        /// A message of the second input.
        In1(B, MB),
    }
    /// What a function with three inputs takes; see [`Either`].
    Either3 {
        /// A message of the first input.
        In0(A, MA),
        /// A message of the second input.
        In1(B, MB),
        /// A message of the third input.
        In2(C, MC),
    }
    /// What a function with four inputs takes; see [`Either`].
    Either4 {
        /// A message of the first input.
        In0(A, MA),
        /// A message of the second input.
        In1(B, MB),
        /// A message of the third input.
        In2(C, MC),
        /// A message of the fourth input.
        In3(D, MD),
    }
}

fn door<M, T: FromInput<M>, Either: Send + 'static>(into: fn(T) -> Either) -> Door {
    let stage = FnStage(move |input: Input<'_>, mut next: Next<'_>| match T::from_input(input, &mut next) {
        Ok(payload) => next.hand_over(into(payload)),
        Err(error) => next.fail(error),
    });
    // A batch has one sort of items.
    Door { port: Port { takes_batches: false, ..T::port() }, stage: Arc::new(stage) }
}

#[cold]
fn through_no_door<T>() -> Error {
    let sentence = format!(
        "`{}` stands for several inputs; only messages of their bindings tell which",
        short_name::<T>()
    );
    Error::message(Kind::Unsupported, sentence)
}
