//! Dead letters as a broker keeps them: looked at, sent again and taken away from outside their binding.

use std::future::poll_fn;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use wellspring_functions::{EncodedMessage, Headers, header_names};

use super::{Confirmation, Error, Outgoing, Output, Ticket};

/// Which dead letters of an input are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LettersAt {
    /// Those that the settings of the binder say where to keep.
    Settings,
    /// Those at the destination that the binding names.
    Destination(String),
    /// Those in a queue or topic of this very name.
    Place(String),
}

/// A queue or topic that holds dead letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterPlace {
    /// Its name.
    pub name: String,
    /// How many letters are in it, as far as the broker tells without reading them.
    pub count: u64,
}

/// One dead letter.
#[derive(Debug)]
pub struct Letter {
    /// The message as it lies there, with the headers that tell of its failure.
    pub message: EncodedMessage,
    /// The original, ready for the output of [`Binder::bind_redrive`](super::Binder::bind_redrive): without the headers
    /// that tell of the failure, with its key and partition.
    pub original: Outgoing,
    /// The queue or topic it lies in.
    pub place: String,
    /// Its partition there.
    pub partition: u32,
    /// Its place in the partition: an offset, or how many were read before it.
    pub position: u64,
    /// Its key, to be found by: that of the message, or its routing key.
    pub key: Option<Bytes>,
    /// The destination it came from, if that is known, under the name that configuration has for it.
    pub origin: Option<String>,
    /// When it became a letter, or else when it was sent, in milliseconds since 1970.
    pub time: Option<i64>,
    /// What removes it.
    pub ticket: Ticket,
}

impl Letter {
    /// What removes it; what is left removes nothing.
    pub(crate) fn take_ticket(&mut self) -> Ticket {
        std::mem::replace(&mut self.ticket, Ticket::new(u64::MAX))
    }
}

/// The dead letters of an input that were there when they were opened. What is not removed stays, in its order.
pub trait Letters: Send {
    /// Where they are, and how many.
    fn places(&self) -> &[LetterPlace];

    /// The next letter; nothing when all were read.
    ///
    /// # Errors
    /// When the broker does not hand it out.
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Letter>, Error>>;

    /// Removes letters. When this ends well, they are not found again.
    ///
    /// # Errors
    /// When the broker was not told; the letters may be found again.
    fn remove(&mut self, tickets: Vec<Ticket>) -> BoxFuture<'_, Result<(), Error>>;

    /// Has the broker delete what was removed, where removing alone does not; tells how many of the letters removed now
    /// it keeps all the same, until it deletes them by itself.
    ///
    /// # Errors
    /// When the broker refuses.
    fn erase(&mut self) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(async { Ok(0) })
    }

    /// Gives back what was read and not removed.
    ///
    /// # Errors
    /// When the broker may not have been told what was removed.
    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), Error>>;
}

/// Headers that tell of a failure, in ours and Spring's names for any broker.
const OF_FAILURE: &[&str] = &[
    header_names::EXCEPTION_KIND,
    header_names::EXCEPTION_MESSAGE,
    header_names::ATTEMPTS,
    header_names::BINDING,
    header_names::ORIGINAL_DESTINATION,
    header_names::ORIGINAL_PARTITION,
    header_names::ORIGINAL_OFFSET,
    "x-original-timestamp",
    "x-original-timestamp-type",
    header_names::EXCEPTION_CLASS,
    "x-exception-cause-fqcn",
    "x-exception-stacktrace",
    "x-original-exchange",
    "x-original-routingKey",
    "retry-count",
    "x-delivery-count",
];

/// Headers that RabbitMQ writes when it moves a message from one queue to another.
pub(super) const DEATH: &[&str] = &[
    "x-death",
    "x-first-death-exchange",
    "x-first-death-queue",
    "x-first-death-reason",
    "x-last-death-exchange",
    "x-last-death-queue",
    "x-last-death-reason",
    "x-opt-deaths",
];

/// Removes the headers that tell of a failure, whoever wrote them.
pub fn forget_failure(headers: &mut Headers) {
    for name in OF_FAILURE.iter().chain(DEATH) {
        headers.remove(name);
    }
}

/// Sends messages and waits for all of them; tells what became of each, in their order.
pub(crate) async fn send_all(
    output: &mut dyn Output,
    messages: Vec<Outgoing>,
) -> Result<Vec<Result<(), Error>>, Error> {
    let count = messages.len();
    let mut confirmed: Vec<Confirmation> = Vec::with_capacity(count);
    for (number, message) in (0..).zip(messages) {
        poll_fn(|cx| {
            // Room comes with confirmations, which somebody has to take.
            while let std::task::Poll::Ready(told) = output.poll_confirmed(cx, &mut confirmed) {
                told?;
            }
            output.poll_ready(cx)
        })
        .await?;
        output.send(message, number);
    }
    while confirmed.len() < count {
        poll_fn(|cx| output.poll_confirmed(cx, &mut confirmed)).await?;
    }
    confirmed.sort_by_key(|confirmation| confirmation.number);
    Ok(confirmed.into_iter().map(|confirmation| confirmation.result).collect())
}
