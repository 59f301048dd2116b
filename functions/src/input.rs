//! What a function may take: a payload, a message, or a stream of either.

use std::any::{Any, TypeId};
use std::borrow::Cow;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde::de::DeserializeOwned;

use crate::batch::read_batch;
use crate::codec::{Codecs, short_name};
use crate::data_kind::DataKind;
use crate::error::{Error, Kind};
use crate::headers::Headers;
use crate::inputs::Door;
use crate::message::Message;
use crate::next::Next;
use crate::signature::{Port, Shape};
use crate::stage::Input;
use crate::streaming::{Streaming, TypedStream};

/// The first argument of a function: how it is read from a message.
///
/// Implemented for every type that is `DeserializeOwned + Send + 'static`, for [`Message`] of one, and for
/// [`Streaming`] of either. The parameter `M` only keeps these apart; it is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the input of a function",
    label = "not an input",
    note = "an input is a payload (`serde::de::DeserializeOwned + Send + 'static`), a `Message` of one, or a `Streaming` of either",
    note = "add `#[derive(serde::Deserialize)]` to the type, and take it by value"
)]
pub trait FromInput<M>: Sized + Send + 'static {
    /// The payload's type.
    type Payload: DeserializeOwned + Send + 'static;
    /// One value, or a stream of them.
    const SHAPE: Shape;

    /// Reads the input.
    ///
    /// # Errors
    /// When the payload cannot be read as this type.
    fn from_input(input: Input<'_>, next: &mut Next<'_>) -> Result<Self, Error>;

    /// How the input looks from outside.
    #[must_use]
    fn port() -> Port {
        Port::new::<Self::Payload>(Self::SHAPE, DataKind::of::<Self::Payload>())
    }

    /// The single inputs, where there are several.
    #[must_use]
    fn doors() -> Vec<Door> {
        Vec::new()
    }
}

/// Marker: a plain payload.
#[derive(Debug)]
pub struct AsValue;
/// Marker: a message.
#[derive(Debug)]
pub struct AsMessage;
/// Marker: a stream of what `M` marks.
#[derive(Debug)]
pub struct AsStream<M>(M);

impl<T: DeserializeOwned + Send + 'static> FromInput<AsValue> for T {
    type Payload = T;
    const SHAPE: Shape = Shape::One;

    #[inline(always)]
    fn from_input(input: Input<'_>, next: &mut Next<'_>) -> Result<Self, Error> {
        match input {
            Input::Encoded(payload) => decode(next.codecs(), payload, next.call().headers()),
            Input::Value(slot) => take(slot),
            other => Err(refused::<T>(&other)),
        }
    }
}

impl<T: DeserializeOwned + Send + 'static> FromInput<AsMessage> for Message<T> {
    type Payload = T;
    const SHAPE: Shape = Shape::One;

    fn from_input(input: Input<'_>, next: &mut Next<'_>) -> Result<Self, Error> {
        let payload = <T as FromInput<AsValue>>::from_input(input, next)?;
        Ok(Self::from_parts(payload, next.call().headers().clone()))
    }
}

impl<T: DeserializeOwned + Send + 'static> FromInput<AsStream<AsValue>> for Streaming<T> {
    type Payload = T;
    const SHAPE: Shape = Shape::Stream;

    fn from_input(input: Input<'_>, next: &mut Next<'_>) -> Result<Self, Error> {
        read_stream(input, next, Message::into_payload)
    }

    fn port() -> Port {
        Port::new::<T>(Self::SHAPE, DataKind::of::<T>()).batched()
    }
}

impl<T: DeserializeOwned + Send + 'static> FromInput<AsStream<AsMessage>> for Streaming<Message<T>> {
    type Payload = T;
    const SHAPE: Shape = Shape::Stream;

    fn from_input(input: Input<'_>, next: &mut Next<'_>) -> Result<Self, Error> {
        read_stream(input, next, |message| message)
    }

    fn port() -> Port {
        Port::new::<T>(Self::SHAPE, DataKind::of::<T>()).batched()
    }
}

fn read_stream<T: DeserializeOwned + Send + 'static, I: Send + 'static>(
    input: Input<'_>,
    next: &mut Next<'_>,
    item: fn(Message<T>) -> I,
) -> Result<Streaming<I>, Error> {
    let messages = match input {
        Input::Value(slot) => match slot.downcast_mut::<Option<TypedStream<T>>>().and_then(Option::take) {
            Some(typed) => typed.0,
            None => one(take(slot)?, next.call().headers()),
        },
        Input::Encoded(payload) => {
            one(decode(next.codecs(), payload, next.call().headers())?, next.call().headers())
        }
        Input::Stream(encoded) => {
            let (codecs, headers) = (next.codecs().clone(), next.call().headers().clone());
            let decoded = encoded.map(move |message| {
                let (payload, own) = message?.into_parts();
                let mut all = headers.clone();
                all.overlay(own);
                Ok(Message::from_parts(decode(&codecs, payload.map(Cow::Owned), &all)?, all))
            });
            decoded.boxed()
        }
        Input::Nothing => return Err(mismatch::<T>("nothing")),
        Input::Batch(messages) => {
            let read = read_batch(messages, next, Message::from_parts)?;
            stream::iter(read.into_iter().map(Ok)).boxed()
        }
    };
    let notes = next.call_mut().notes_mut().get_or_insert_default().clone();
    Ok(Streaming::new(messages.map(move |message| message.map(item)).boxed(), notes))
}

fn one<T: Send + 'static>(
    payload: T,
    headers: &Headers,
) -> futures_core::stream::BoxStream<'static, Result<Message<T>, Error>> {
    let message = Message::from_parts(payload, headers.clone());
    stream::once(async { Ok(message) }).boxed()
}

#[inline(always)]
fn take<T: 'static>(slot: &mut dyn Any) -> Result<T, Error> {
    slot.downcast_mut::<Option<T>>()
        .and_then(Option::take)
        .ok_or_else(|| mismatch::<T>("a value of another type"))
}

#[inline(always)]
pub(crate) fn decode<T: DeserializeOwned + 'static>(
    codecs: &Codecs,
    payload: Option<Cow<'_, Bytes>>,
    headers: &Headers,
) -> Result<T, Error> {
    match payload {
        Some(payload) if payload.is_empty() && TypeId::of::<T>() == TypeId::of::<()>() => {
            codecs.decode_null()
        }
        Some(payload) => codecs.decode(payload, headers.content_type()),
        None => codecs.decode_null(),
    }
}

#[cold]
fn refused<T>(input: &Input<'_>) -> Error {
    mismatch::<T>(match input {
        Input::Stream(_) => "a stream",
        Input::Batch(_) => "a batch",
        Input::Nothing | Input::Encoded(_) | Input::Value(_) => "nothing",
    })
}

/// The input does not have the shape that the catalog checked when it composed the stages.
#[cold]
fn mismatch<T>(found: &str) -> Error {
    Error::message(Kind::Undecodable, format!("the input is {found}, expected `{}`", short_name::<T>()))
}
