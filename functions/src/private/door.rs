//! How the first argument of a function comes in, and so what its result may be: a list may come as a batch.

use std::marker::PhantomData;

use futures_core::Stream;

use super::ask::{Ask, ItemAbsent, ItemListed, ItemStreamed};
use super::look::{FallibleTag, SingleTag, StreamTag};
use crate::batch::{Batch, PerItem};
use crate::error::Error;
use crate::message::Message;

/// A payload as it is.
pub struct PlainDoor<T>(PhantomData<fn() -> T>);
/// A list of items, which may come as a batch.
pub struct BatchDoor<T>(PhantomData<fn() -> T>);

/// A list that is no list of bytes.
pub trait DoorOfList {
    /// The item.
    type Item;
    /// The list may come as a batch.
    fn ask_door(&self) -> BatchDoor<Self::Item> {
        BatchDoor(PhantomData)
    }
}
impl<T> DoorOfList for &Ask<Vec<T>> {
    type Item = T;
}

/// Bytes.
pub trait DoorOfBytes {
    /// They are one payload.
    fn ask_door(&self) -> PlainDoor<Vec<u8>> {
        PlainDoor(PhantomData)
    }
}
impl DoorOfBytes for &&Ask<Vec<u8>> {}

/// Anything else.
pub trait DoorOfOne {
    /// The type.
    type Whole;
    /// It comes as it is.
    fn ask_door(&self) -> PlainDoor<Self::Whole> {
        PlainDoor(PhantomData)
    }
}
impl<T> DoorOfOne for Ask<T> {
    type Whole = T;
}

impl<T> PlainDoor<T> {
    /// For what has no payload.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "only made by expansions")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }

    /// Lets the payload in.
    #[inline(always)]
    pub fn open(self, payload: T) -> T {
        payload
    }

    /// Looks at a result as at any.
    #[inline(always)]
    pub fn look<V>(self, value: &V) -> super::look::Look<'_, V> {
        super::look::Look(value)
    }

    /// Asks about a result as about any.
    pub fn ask<V>(self, value: Ask<V>) -> Ask<V> {
        value
    }
}

impl<T> BatchDoor<T> {
    /// Lets the items in.
    #[inline(always)]
    pub fn open(self, items: Batch<T>) -> Vec<T> {
        items.0
    }

    /// Looks at a result that may belong to a batch.
    #[inline(always)]
    pub fn look<V>(self, value: &V) -> LookInBatch<'_, V> {
        LookInBatch(value)
    }

    /// Asks about a result that may belong to a batch.
    pub fn ask<V>(self, _: Ask<V>) -> AskInBatch<V> {
        AskInBatch(PhantomData)
    }
}

/// A result of a function that takes a list, to look at.
pub struct LookInBatch<'a, T>(pub &'a T);
/// The type of a result of a function that takes a list.
pub struct AskInBatch<T>(PhantomData<fn() -> T>);

macro_rules! plain_values {
    ($([$($generics:tt)*] $type:ty),*) => {$(
        impl<$($generics)*> Clone for $type {
            fn clone(&self) -> Self {
                *self
            }
        }
        impl<$($generics)*> Copy for $type {}
        impl<$($generics)*> std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(stringify!($type))
            }
        }
    )*};
}

plain_values!([T] PlainDoor<T>, [T] BatchDoor<T>, ['a, T] LookInBatch<'a, T>, [T] AskInBatch<T>);

/// An outcome for each item.
#[derive(Debug, Clone, Copy)]
pub struct PerItemTag;
/// An element for a message each, if the call is one with a batch.
#[derive(Debug, Clone, Copy)]
pub struct BatchTag;

macro_rules! answers {
    ($($(#[$doc:meta])* $kind:ident, $tag:ident [$($generics:tt)*] $looked:ty;)*) => {$(
        $(#[$doc])*
        pub trait $kind {
            /// The answer.
            #[inline]
            fn look_items(&self) -> $tag {
                $tag
            }
        }
        impl<$($generics)*> $kind for $looked {}
    )*};
}

answers! {
    /// Messages are each of their own anyway.
    MessagesInBatch, SingleTag [T] &&LookInBatch<'_, Vec<Message<T>>>;
    /// An outcome for each item.
    OutcomesInBatch, PerItemTag [T, E] &&LookInBatch<'_, Vec<Result<T, E>>>;
    /// Any other list.
    ListInBatch, BatchTag [T] &LookInBatch<'_, Vec<T>>;
    /// A stream.
    StreamInBatch, StreamTag [S: Stream] &&LookInBatch<'_, S>;
    /// A `Result` in an `Option`.
    FallibleInBatch, FallibleTag [T, E] &LookInBatch<'_, Result<T, E>>;
    /// None of these.
    SingleInBatch, SingleTag [T] LookInBatch<'_, T>;
}

impl PerItemTag {
    /// Normalises every outcome.
    pub fn each<T, U>(self, list: Vec<T>, item: impl FnMut(T) -> Result<U, Error>) -> PerItem<U> {
        PerItem(list.into_iter().map(item).collect())
    }
}

impl BatchTag {
    /// There is nothing to normalise. `item` says of which type an item would be.
    pub fn each<T, U>(self, list: Vec<T>, _: impl FnOnce(T) -> U) -> Batch<T> {
        Batch(list)
    }
}

impl<T> ItemListed for &&AskInBatch<Vec<Message<T>>> {
    type Item = Message<T>;
}
impl<T, E> ItemListed for &&AskInBatch<Vec<Result<T, E>>> {
    type Item = Result<T, E>;
}
impl<S: Stream> ItemStreamed for &AskInBatch<S> {
    type Item = S::Item;
}
impl<T> ItemAbsent for AskInBatch<T> {
    type Item = T;
}

/// What goes out of a function that answers for each item: a list.
pub trait WholeListed {
    /// The list of what is in the outcomes.
    fn ask_whole<P>(&self, _: Ask<P>) -> Ask<Vec<P>> {
        Ask::new()
    }
}
impl<T, E> WholeListed for &AskInBatch<Vec<Result<T, E>>> {}

/// What goes out of any other.
pub trait WholeItself {
    /// It is itself.
    fn ask_whole<P>(&self, output: Ask<P>) -> Ask<P> {
        output
    }
}
impl<T> WholeItself for Ask<T> {}
impl<T> WholeItself for AskInBatch<T> {}
