//! Streams of payloads into and out of functions.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_core::stream::BoxStream;

use crate::error::Error;
use crate::message::Message;
use crate::notes::Notes;

/// The input of a function over a stream: a stream of plain payloads, or of [`Message`]s.
///
/// An item that cannot be decoded ends the stream, and the whole invocation fails with that error; it is never
/// skipped in silence.
///
/// ```
/// use futures_util::StreamExt;
/// use wellspring_functions::Streaming;
///
/// async fn total(numbers: Streaming<u64>) -> u64 {
///     numbers.fold(0, |sum, n| async move { sum + n }).await
/// }
/// ```
pub struct Streaming<T> {
    /// `None` once the stream has ended.
    items: Option<BoxStream<'static, Result<T, Error>>>,
    notes: Notes,
}

impl<T> Streaming<T> {
    pub(crate) fn new(items: BoxStream<'static, Result<T, Error>>, notes: Notes) -> Self {
        Self { items: Some(items), notes }
    }
}

impl<T: Send + 'static> Streaming<T> {
    /// A stream of given items, for tests of your own functions.
    pub fn of(items: impl IntoIterator<Item = T, IntoIter: Send + 'static>) -> Self {
        let items = futures_util::stream::iter(items.into_iter().map(Ok));
        Self::new(Box::pin(items), Notes::default())
    }
}

impl<T> Stream for Streaming<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let Some(items) = &mut self.items else { return Poll::Ready(None) };
        items.as_mut().poll_next(cx).map(|item| match item {
            Some(Ok(item)) => Some(item),
            Some(Err(error)) => {
                self.notes.fail(error);
                self.items = None;
                None
            }
            None => {
                self.items = None;
                None
            }
        })
    }
}

impl<T> std::fmt::Debug for Streaming<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Streaming")
    }
}

/// A stream on its way from one stage to the next of the same item type.
pub(crate) struct TypedStream<T>(pub(crate) BoxStream<'static, Result<Message<T>, Error>>);
