//! What a function may return: a value, nothing, a message, several, a stream; each alone, in a `Result`, or awaited.

use std::future::Future;

use futures_core::Stream;
use futures_util::StreamExt;
use serde::Serialize;

use crate::data_kind::DataKind;
use crate::error::Error;
use crate::input::{AsMessage, AsStream, AsValue};
use crate::message::Message;
use crate::next::Next;
use crate::optional::{Many, Optional};
use crate::signature::{Port, Shape};
use crate::stage::Step;

/// What a function returns: how it is handed on.
///
/// Implemented for every type that is `Serialize + Send + 'static` (`()` and a `None` mean nothing to send), for
/// [`Message`] of one, for [`Optional`] and [`Many`] of either, for streams of either, for a `Result` of any of
/// these whose error converts into [`Error`], and for a future of any of these. The parameter `M` only keeps these
/// apart; it is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the result of a function",
    label = "not a result",
    note = "a result is a payload (`serde::Serialize + Send + 'static`), a `Message`, an `Option`, a `Vec` or a `Stream` of them, alone or in a `Result` whose error converts into `wellspring::Error`",
    note = "add `#[derive(serde::Serialize)]` to the type"
)]
pub trait IntoReply<M>: Sized + Send + 'static {
    /// The payload's type; `()` for a consumer.
    type Payload: Serialize + Send + 'static;
    /// One value, several, or a stream.
    const SHAPE: Shape;

    /// Hands the result to the rest of the composition.
    fn reply(self, next: Next<'_>) -> Step;

    /// How the output looks from outside.
    #[must_use]
    fn port() -> Port {
        let kind = DataKind::of_type(std::any::TypeId::of::<Self::Payload>()).unwrap_or(DataKind::Any);
        Port::new::<Self::Payload>(Self::SHAPE, kind)
    }
}

/// Marker: perhaps nothing.
#[derive(Debug)]
pub struct AsOptional<M>(M);
/// Marker: several messages.
#[derive(Debug)]
pub struct AsMany<M>(M);
/// Marker: a `Result`.
#[derive(Debug)]
pub struct AsResult<M>(M);
/// Marker: a future.
#[derive(Debug)]
pub struct AsFuture<M>(M);

impl<R: Serialize + Send + 'static> IntoReply<AsValue> for R {
    type Payload = R;
    const SHAPE: Shape = Shape::One;

    #[inline(always)]
    fn reply(self, next: Next<'_>) -> Step {
        next.accept(self)
    }
}

impl<R: Serialize + Send + 'static> IntoReply<AsMessage> for Message<R> {
    type Payload = R;
    const SHAPE: Shape = Shape::One;

    fn reply(self, next: Next<'_>) -> Step {
        next.accept_message(self)
    }
}

impl<M, R: IntoReply<M>> IntoReply<AsOptional<M>> for Optional<R> {
    type Payload = R::Payload;
    const SHAPE: Shape = R::SHAPE;

    #[inline]
    fn reply(self, next: Next<'_>) -> Step {
        match self.0 {
            Some(reply) => reply.reply(next),
            None => next.accept_nothing(),
        }
    }

    fn port() -> Port {
        R::port()
    }
}

impl<R: Serialize + Send + 'static> IntoReply<AsOptional<AsMessage>> for Option<Message<R>> {
    type Payload = R;
    const SHAPE: Shape = Shape::One;

    fn reply(self, next: Next<'_>) -> Step {
        Optional(self).reply(next)
    }
}

impl<M, R: IntoItem<M>> IntoReply<AsMany<M>> for Many<R> {
    type Payload = R::Payload;
    const SHAPE: Shape = Shape::Many;

    fn reply(self, next: Next<'_>) -> Step {
        match self.0.into_iter().map(IntoItem::into_item).collect() {
            Ok(messages) => next.accept_many(messages, R::IS_MESSAGE),
            Err(error) => next.fail(error),
        }
    }
}

impl<R: Serialize + Send + 'static> IntoReply<AsMany<AsMessage>> for Vec<Message<R>> {
    type Payload = R;
    const SHAPE: Shape = Shape::Many;

    fn reply(self, next: Next<'_>) -> Step {
        next.accept_many(self, true)
    }
}

impl<M, R: IntoReply<M>, E: Into<Error> + Send + 'static> IntoReply<AsResult<M>> for Result<R, E> {
    type Payload = R::Payload;
    const SHAPE: Shape = R::SHAPE;

    #[inline(always)]
    fn reply(self, next: Next<'_>) -> Step {
        match self {
            Ok(reply) => reply.reply(next),
            Err(error) => next.fail(error.into()),
        }
    }

    fn port() -> Port {
        R::port()
    }
}

impl<M, F: Future<Output: IntoReply<M>> + Send + 'static> IntoReply<AsFuture<M>> for F {
    type Payload = <F::Output as IntoReply<M>>::Payload;
    const SHAPE: Shape = <F::Output as IntoReply<M>>::SHAPE;

    fn reply(self, next: Next<'_>) -> Step {
        let rest = next.into_owned();
        Step::Pending(Box::pin(async move {
            let reply = self.await;
            rest.borrow(|next| reply.reply(next)).await
        }))
    }

    fn port() -> Port {
        F::Output::port()
    }
}

impl<M: 'static, S: Stream<Item: IntoItem<M>> + Send + 'static> IntoReply<AsStream<M>> for S {
    type Payload = <S::Item as IntoItem<M>>::Payload;
    const SHAPE: Shape = Shape::Stream;

    fn reply(self, next: Next<'_>) -> Step {
        next.accept_stream(self.map(IntoItem::into_item).boxed(), S::Item::IS_MESSAGE)
    }
}

/// An item of a stream or of [`Many`]: a payload or a message, alone or in a `Result`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an item of a function's result",
    note = "an item is a payload (`serde::Serialize + Send + 'static`) or a `Message`, alone or in a `Result` whose error converts into `wellspring::Error`"
)]
pub trait IntoItem<M>: Sized + Send + 'static {
    /// The payload's type.
    type Payload: Serialize + Send + 'static;
    /// Whether the items decide on their headers.
    const IS_MESSAGE: bool;

    /// The item as a message.
    ///
    /// # Errors
    /// The item's own error.
    fn into_item(self) -> Result<Message<Self::Payload>, Error>;
}

impl<T: Serialize + Send + 'static> IntoItem<AsValue> for T {
    type Payload = T;
    const IS_MESSAGE: bool = false;

    fn into_item(self) -> Result<Message<T>, Error> {
        Ok(Message::new(self))
    }
}

impl<T: Serialize + Send + 'static> IntoItem<AsMessage> for Message<T> {
    type Payload = T;
    const IS_MESSAGE: bool = true;

    fn into_item(self) -> Result<Self, Error> {
        Ok(self)
    }
}

impl<M, T: IntoItem<M>, E: Into<Error> + Send + 'static> IntoItem<AsResult<M>> for Result<T, E> {
    type Payload = T::Payload;
    const IS_MESSAGE: bool = T::IS_MESSAGE;

    fn into_item(self) -> Result<Message<T::Payload>, Error> {
        self.map_err(Into::into)?.into_item()
    }
}
