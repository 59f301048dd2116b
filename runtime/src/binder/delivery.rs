//! A message received, not yet settled; a message to send, not yet confirmed.

use bytes::Bytes;
use wellspring_functions::EncodedMessage;

use super::Error;

/// A message received, not yet settled.
#[derive(Debug)]
pub struct Delivery {
    /// The message as it came.
    pub message: EncodedMessage,
    /// The key by which it is ordered, if it has one.
    pub key: Option<Bytes>,
    /// The partition it came from.
    pub partition: u32,
    /// Its place in the partition: an offset or a delivery tag.
    pub position: u64,
    /// How often the broker has delivered it, this time included; 1 where the broker does not tell.
    pub attempt: u32,
    /// What settles it.
    pub ticket: Ticket,
}

impl Delivery {
    /// What settles it, once: what takes its place settles nothing.
    #[inline]
    pub(crate) const fn take_ticket(&mut self) -> Ticket {
        std::mem::replace(&mut self.ticket, Ticket(u64::MAX))
    }
}

/// Settles one delivery, once: it is neither copied nor made anew. A ticket that is dropped leaves its delivery
/// unsettled, and the broker delivers it again when the input closes.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a delivery that is not settled comes again"]
pub struct Ticket(u64);

impl Ticket {
    /// For binders: a ticket with a number that means something to the input that gives it out.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// For binders: the number, when the ticket comes back.
    #[must_use]
    pub const fn into_number(self) -> u64 {
        self.0
    }
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// It is done; its outputs are confirmed.
    Ack,
    /// It is to be delivered again.
    Requeue,
    /// It is given up; a broker with dead letters of its own keeps it there.
    Reject,
}

/// A message to send.
#[derive(Debug, Clone, PartialEq)]
pub struct Outgoing {
    /// The message.
    pub message: EncodedMessage,
    /// The key by which it is ordered and its partition chosen, if it has one.
    pub key: Option<Bytes>,
    /// The partition, when the sender has chosen it.
    pub partition: Option<u32>,
}

/// What became of a message sent.
#[derive(Debug)]
pub struct Confirmation {
    /// The number it was sent with.
    pub number: u64,
    /// Whether the broker has it.
    pub result: Result<(), Error>,
}
