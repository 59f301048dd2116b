//! Deliveries whose outputs are not all confirmed yet. Pure bookkeeping: it sends and settles nothing itself.

use std::collections::VecDeque;

use bytes::Bytes;
use wellspring_functions::{EncodedMessage, Error};

use crate::binder::{Delivery, Ticket};

/// The open deliveries of one input, numbered in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// `None`: closed, waiting for those before it to close too.
    open: VecDeque<Option<Open>>,
    /// The number of the first entry.
    first: u64,
    /// How many entries are open.
    count: usize,
    /// How many were closed since closed ones were forgotten.
    closed: usize,
}

/// How many entries may be closed before they are forgotten, all at once.
const CLOSED: usize = 256;

/// One delivery, from its arrival to its settlement.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) message: EncodedMessage,
    pub(super) key: Option<Bytes>,
    pub(super) partition: u32,
    pub(super) position: u64,
    /// How often the function was called with it.
    pub(super) calls: u32,
    /// Messages sent for it that are not confirmed.
    unconfirmed: u32,
    /// The function has returned and everything it returned was sent.
    finished: bool,
    /// What settles it; taken once.
    ticket: Option<Ticket>,
    /// Why one of its messages was not accepted.
    failure: Option<Error>,
}

/// What is to be done with a delivery that has no message in flight any more.
#[derive(Debug)]
pub(super) enum Closed {
    /// Every message is confirmed: this settles it.
    Confirmed(Ticket),
    /// A message was not accepted.
    Failed(Box<Open>, Error),
}

impl Open {
    fn new(delivery: Delivery) -> Self {
        let Delivery { message, key, partition, position, attempt: _, ticket } = delivery;
        Self {
            message,
            key,
            partition,
            position,
            calls: 1,
            unconfirmed: 0,
            finished: false,
            ticket: Some(ticket),
            failure: None,
        }
    }

    /// Whether no message of it is on its way.
    pub(super) const fn is_idle(&self) -> bool {
        self.unconfirmed == 0
    }

    /// What settles it.
    pub(super) fn into_ticket(self) -> Option<Ticket> {
        self.ticket
    }
}

impl Ledger {
    /// How many deliveries are open.
    pub(super) const fn len(&self) -> usize {
        self.count
    }

    /// Opens a delivery; the number stands for it from now on.
    pub(super) fn open(&mut self, delivery: Delivery) -> u64 {
        self.push(Open::new(delivery))
    }

    /// Opens a delivery that gives rise to one message, which is sent.
    pub(super) fn open_sent(&mut self, delivery: Delivery) -> u64 {
        self.push(Open { unconfirmed: 1, finished: true, ..Open::new(delivery) })
    }

    /// Opens a delivery again that failed.
    pub(super) fn reopen(&mut self, open: Open) -> u64 {
        self.push(Open { unconfirmed: 0, finished: false, failure: None, ..open })
    }

    fn push(&mut self, open: Open) -> u64 {
        let number = self.first + self.open.len() as u64;
        self.open.push_back(Some(open));
        self.count += 1;
        number
    }

    /// The delivery of a number, as long as it is open.
    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut Open> {
        self.entry(number)?.as_mut()
    }

    /// Notes that a message was sent for a delivery.
    pub(super) fn sent(&mut self, number: u64) {
        if let Some(open) = self.get_mut(number) {
            open.unconfirmed += 1;
        }
    }

    /// Notes that everything a delivery gives rise to was sent. Closes it when all of that is confirmed already.
    pub(super) fn finished(&mut self, number: u64) -> Option<Closed> {
        self.close_if_done(number, |open| open.finished = true)
    }

    /// Notes what became of a message. Closes the delivery when it was the last one.
    pub(super) fn confirmed(&mut self, number: u64, failure: Option<Error>) -> Option<Closed> {
        self.close_if_done(number, |open| {
            open.unconfirmed = open.unconfirmed.saturating_sub(1);
            if failure.is_some() && open.failure.is_none() {
                open.failure = failure;
            }
        })
    }

    /// Takes a delivery out, whatever its state.
    pub(super) fn take(&mut self, number: u64) -> Option<Open> {
        let open = self.entry(number)?.take()?;
        self.forget_closed();
        Some(open)
    }

    /// What is still open.
    pub(super) fn remaining(&self) -> impl Iterator<Item = &Open> {
        self.open.iter().flatten()
    }

    fn entry(&mut self, number: u64) -> Option<&mut Option<Open>> {
        self.open.get_mut(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    #[inline]
    fn close_if_done(&mut self, number: u64, note: impl FnOnce(&mut Open)) -> Option<Closed> {
        let entry = self.entry(number)?;
        let open = entry.as_mut()?;
        note(open);
        if !open.finished || open.unconfirmed > 0 {
            return None;
        }
        let closed = match open.failure.take() {
            Some(error) => Closed::Failed(Box::new(entry.take()?), error),
            None => {
                // Only the ticket leaves; the rest is dropped where it is.
                let ticket = open.ticket.take();
                *entry = None;
                Closed::Confirmed(ticket?)
            }
        };
        self.forget_closed();
        Some(closed)
    }

    /// One entry was closed. Forgets closed ones now and then, as far as none before them is open.
    fn forget_closed(&mut self) {
        self.count -= 1;
        self.closed += 1;
        if self.count > 0 && self.closed < CLOSED {
            return;
        }
        self.closed = 0;
        let closed = self.open.iter().take_while(|entry| entry.is_none()).count();
        // Taken out one by one, each would be copied.
        self.open.drain(..closed);
        self.first += closed as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wellspring_functions::{Kind, Message};

    fn delivery(position: u64) -> Delivery {
        let message = Message::new(None);
        Delivery { message, key: None, partition: 0, position, attempt: 1, ticket: Ticket::new(position) }
    }

    #[test]
    fn a_delivery_closes_when_it_is_finished_and_all_its_messages_are_confirmed() {
        let mut ledger = Ledger::default();
        let number = ledger.open(delivery(0));
        ledger.sent(number);
        ledger.sent(number);
        assert!(ledger.confirmed(number, None).is_none());
        assert!(ledger.finished(number).is_none());
        assert!(matches!(ledger.confirmed(number, None), Some(Closed::Confirmed(_))));
        assert_eq!(ledger.len(), 0);
        assert!(ledger.confirmed(number, None).is_none(), "a late confirmation finds nothing");
    }

    #[test]
    fn a_delivery_that_was_opened_as_sent_closes_with_its_confirmation() {
        let mut ledger = Ledger::default();
        let number = ledger.open_sent(delivery(0));
        assert_eq!(ledger.len(), 1);
        assert!(matches!(ledger.confirmed(number, None), Some(Closed::Confirmed(_))));
    }

    #[test]
    fn a_delivery_without_messages_closes_when_it_is_finished() {
        let mut ledger = Ledger::default();
        let (one, two) = (ledger.open(delivery(0)), ledger.open(delivery(1)));
        assert!(matches!(ledger.finished(two), Some(Closed::Confirmed(ticket)) if ticket == Ticket::new(1)));
        assert_eq!(ledger.len(), 1);
        assert!(ledger.finished(one).is_some());
        assert_eq!(ledger.open(delivery(2)), 2, "numbers are never used again");
    }

    #[test]
    fn a_refused_message_fails_its_delivery_once_the_others_are_told() {
        let mut ledger = Ledger::default();
        let number = ledger.open(delivery(0));
        ledger.sent(number);
        ledger.sent(number);
        ledger.finished(number);
        assert!(ledger.confirmed(number, Some(Error::message(Kind::OutputFailed, "full"))).is_none());
        let Some(Closed::Failed(open, error)) = ledger.confirmed(number, None) else {
            panic!("expected a failure")
        };
        assert_eq!(error.text(), "full");
        let again = ledger.reopen(*open);
        assert!(matches!(ledger.finished(again), Some(Closed::Confirmed(_))));
    }

    proptest::proptest! {
        /// Whatever the order of events, each delivery closes exactly once and none is left behind.
        #[test]
        fn every_delivery_closes_exactly_once(
            sends in proptest::collection::vec(0u32..4, 1..30),
            order in proptest::collection::vec(proptest::prelude::any::<proptest::sample::Index>(), 200),
        ) {
            let mut ledger = Ledger::default();
            let mut events = Vec::new();
            for (position, sent) in sends.iter().enumerate() {
                let number = ledger.open(delivery(position as u64));
                (0..*sent).for_each(|_| ledger.sent(number));
                events.extend(std::iter::repeat_n((number, false), *sent as usize));
                events.push((number, true));
            }
            let mut closed = Vec::new();
            for pick in order.iter().cycle() {
                if events.is_empty() { break; }
                let (number, finish) = events.swap_remove(pick.index(events.len()));
                let result = if finish { ledger.finished(number) } else { ledger.confirmed(number, None) };
                if let Some(Closed::Confirmed(ticket)) = result { closed.push(ticket.into_number()); }
            }
            closed.sort_unstable();
            proptest::prop_assert_eq!(closed, (0..sends.len() as u64).collect::<Vec<_>>());
            proptest::prop_assert_eq!((ledger.len(), ledger.open.len()), (0, 0));
        }
    }
}
