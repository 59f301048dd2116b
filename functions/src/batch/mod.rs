//! Functions that are called with many messages at once, and say of each what became of it.

mod error;
mod items;
mod outcome;

use std::any::TypeId;
use std::borrow::Cow;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use error::BatchError;
pub(crate) use items::Items;
pub use outcome::{BatchOutcome, BatchReplies, FailedItem};

use crate::error::{Error, Kind};
use crate::headers::Headers;
use crate::input::{AsMessage, AsValue, FromInput, decode};
use crate::message::{EncodedMessage, Message};
use crate::next::Next;
use crate::notes::Notes;
use crate::optional::is_none;
use crate::reply::{IntoItem, IntoReply};
use crate::signature::{Port, Shape};
use crate::stage::{Input, Step};

/// A list that comes as one message or, when its binding says `batch-mode`, as many: each item is decoded by itself.
/// As a result it goes out the way it came: as one message that is a list, or as a message for each element.
///
/// The items are payloads or [`Message`]s. The attributes make one of a `Vec`, in and out.
///
/// ```
/// use wellspring_functions::{Batch, Catalog};
///
/// let catalog = Catalog::builder()
///     .function("double", |Batch(numbers): Batch<u64>| Batch(numbers.iter().map(|n| n * 2).collect()))
///     .build()?;
/// assert!(catalog.compose("double")?.takes_batches());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch<T>(pub Vec<T>);

/// One outcome for each item of a [`Batch`], in the order of the items: those with an error are tried again or become
/// dead letters, the others are done.
///
/// The attributes make one of a `Vec` of `Result`s, where a function takes a `Vec`. Called with a single message, the
/// first error is that of the call.
#[derive(Debug)]
pub struct PerItem<R>(pub Vec<Result<R, Error>>);

/// Marker: a batch of what `M` marks.
#[derive(Debug)]
pub struct AsBatch<M>(M);
/// Marker: an outcome for each item.
#[derive(Debug)]
pub struct AsPerItem<M>(M);

impl<T: DeserializeOwned + Send + 'static> FromInput<AsBatch<AsValue>> for Batch<T> {
    type Payload = Vec<T>;
    const SHAPE: Shape = Shape::One;

    fn from_input(input: Input<'_>, next: &mut Next<'_>) -> Result<Self, Error> {
        match input {
            Input::Batch(messages) => read_batch(messages, next, |payload, _| payload).map(Self),
            single => <Vec<T> as FromInput<AsValue>>::from_input(single, next).map(Self),
        }
    }

    fn port() -> Port {
        <Vec<T> as FromInput<AsValue>>::port().batched()
    }
}

/// Without `batch-mode`, every element has the headers of the one message that the list came in.
impl<T: DeserializeOwned + Send + 'static> FromInput<AsBatch<AsMessage>> for Batch<Message<T>> {
    type Payload = Vec<T>;
    const SHAPE: Shape = Shape::One;

    fn from_input(input: Input<'_>, next: &mut Next<'_>) -> Result<Self, Error> {
        if let Input::Batch(messages) = input {
            return read_batch(messages, next, Message::from_parts).map(Self);
        }
        let list = <Vec<T> as FromInput<AsValue>>::from_input(input, next)?;
        let headers = next.call().headers();
        Ok(Self(list.into_iter().map(|payload| Message::from_parts(payload, headers.clone())).collect()))
    }

    fn port() -> Port {
        <Vec<T> as FromInput<AsValue>>::port().batched()
    }
}

/// Decodes each message by itself. One that cannot be decoded fails alone; when none can, the call is over.
pub(crate) fn read_batch<T: DeserializeOwned + 'static, I>(
    messages: Vec<EncodedMessage>,
    next: &mut Next<'_>,
    item: fn(T, Headers) -> I,
) -> Result<Vec<I>, Error> {
    let stage = next.stage();
    let notes = next.call_mut().notes_mut().get_or_insert_with(|| Notes::of_batch(messages.len())).clone();
    let mut read = Vec::with_capacity(messages.len());
    let mut positions = Vec::with_capacity(messages.len());
    let mut failed = Vec::new();
    for (index, message) in messages.into_iter().enumerate() {
        let (payload, headers) = message.into_parts();
        match decode(next.codecs(), payload.map(Cow::Owned), &headers) {
            Ok(payload) => {
                positions.push(index);
                read.push(item(payload, headers));
            }
            Err(error) => failed.push(FailedItem { index, error: next.blame(error) }),
        }
    }
    let over = read.is_empty() && !failed.is_empty();
    notes.items(|items| {
        items.failed.extend(failed);
        items.stand(stage, positions);
    });
    if over { Err(Error::message(Kind::Undecodable, "no item can be decoded")) } else { Ok(read) }
}

impl<R: Serialize + Send + 'static> IntoReply<AsBatch<AsValue>> for Batch<R> {
    type Payload = Vec<R>;
    const SHAPE: Shape = Shape::One;

    fn reply(self, next: Next<'_>) -> Step {
        if next.is_last() && is_batch(&next) {
            let sent = self.0.into_iter().filter(|element| !is_none(element));
            return next.accept_many(sent.map(Message::new).collect(), false);
        }
        next.accept(self.0)
    }
}

impl<M, R: IntoItem<M>> IntoReply<AsPerItem<M>> for PerItem<R> {
    type Payload = Vec<R::Payload>;
    const SHAPE: Shape = Shape::One;

    fn reply(self, next: Next<'_>) -> Step {
        let (stage, count) = (next.stage(), self.0.len());
        let outcomes = self.0.into_iter().map(|outcome| outcome.and_then(IntoItem::into_item));
        let notes = next.call().notes().cloned();
        let positions =
            notes.as_ref().and_then(|notes| notes.items(|items| items.take_positions(stage, count)));
        match (notes, positions) {
            (Some(notes), Some(Ok(Some(positions)))) => {
                reply_per_item(outcomes.zip(positions), &notes, next, R::IS_MESSAGE)
            }
            (_, Some(Err(error))) => next.fail(error),
            _ => match outcomes.collect() {
                Ok(messages) => hand_on(messages, next, R::IS_MESSAGE),
                Err(error) => next.fail(error),
            },
        }
    }
}

fn is_batch(next: &Next<'_>) -> bool {
    next.call().notes().is_some_and(|notes| notes.items(|_| ()).is_some())
}

/// Messages, which have headers of their own, each by itself; payloads as one list, or each by itself where they leave.
fn hand_on<T: Serialize + Send + 'static>(messages: Vec<Message<T>>, next: Next<'_>, set: bool) -> Step {
    if TypeId::of::<T>() == TypeId::of::<()>() {
        return next.accept_nothing();
    }
    if set {
        return next.accept_many(messages, true);
    }
    Batch(messages.into_iter().map(Message::into_payload).collect()).reply(next)
}

/// Notes which items failed; the others go on, or out, in their order.
fn reply_per_item<T: Serialize + Send + 'static>(
    outcomes: impl Iterator<Item = (Result<Message<T>, Error>, usize)>,
    notes: &Notes,
    next: Next<'_>,
    set: bool,
) -> Step {
    let (mut done, mut messages, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for (outcome, index) in outcomes {
        match outcome {
            Ok(message) => {
                done.push(index);
                messages.push(message);
            }
            Err(error) => failed.push(FailedItem { index, error: next.blame(error) }),
        }
    }
    notes.items(|items| items.failed.extend(failed));
    if done.is_empty() || TypeId::of::<T>() == TypeId::of::<()>() {
        return next.accept_nothing();
    }
    if !next.is_last() {
        notes.items(|items| items.stand(next.stage() + 1, done));
        return hand_on(messages, next, set);
    }
    let replies = done.into_iter().zip(messages).filter(|(_, message)| !is_none(message.payload()));
    for (index, message) in replies {
        let reply = next.encode_message(message, set).map_err(|error| next.blame(error));
        notes.items(|items| match reply {
            Ok(reply) => items.replies.get_or_insert_default().push((index, reply)),
            Err(error) => items.failed.push(FailedItem { index, error }),
        });
    }
    next.accept_nothing()
}
