//! Deliveries whose outputs are not all confirmed yet. Pure bookkeeping: it sends and settles nothing itself.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use tokio::time::Instant;
use wellspring_functions::{EncodedMessage, Error};

use crate::binder::{Delivery, Ticket};

/// The open deliveries of one input, numbered in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// The latest deliveries. `None`: closed, waiting for those before it to close too.
    open: VecDeque<Option<Open>>,
    /// The number of the first entry.
    first: u64,
    /// Older ones that are open for long, so that those after them can be forgotten.
    long: BTreeMap<u64, Open>,
    /// How many entries are open.
    count: usize,
    /// How many bytes of payload they hold.
    bytes: u64,
    /// How many were closed since closed ones were forgotten.
    closed: usize,
    /// Those that are closed and not dropped yet.
    over: Vec<u64>,
}

/// How many entries may be closed before they are forgotten, all at once.
const CLOSED: usize = 256;
/// From how many entries on those that are open for long are kept elsewhere.
const LONG: usize = 4096;

/// One delivery, from its arrival to its settlement.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) message: EncodedMessage,
    pub(super) key: Option<Bytes>,
    pub(super) partition: u32,
    pub(super) position: u64,
    /// How often the function was called with it, calls that do not count left out.
    pub(super) calls: u32,
    /// Whether the function was called with it at all.
    pub(super) is_begun: bool,
    /// When it came.
    pub(super) since: Instant,
    /// Whether it was said that it is open for too long.
    pub(super) is_stuck: bool,
    /// Messages sent for it that are not confirmed.
    unconfirmed: u32,
    /// Whether any of several messages was sent since its last call.
    has_sent: bool,
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
    /// Every message is confirmed: this settles it, unless it was settled before.
    Confirmed(Option<Ticket>),
    /// A message was not accepted; the delivery stays open.
    Failed(Error),
}

impl Open {
    /// A delivery with which the function is called for the first time.
    pub(super) fn new(delivery: Delivery, since: Instant) -> Self {
        let Delivery { message, key, partition, position, attempt: _, ticket } = delivery;
        Self {
            message,
            key,
            partition,
            position,
            calls: 1,
            is_begun: true,
            since,
            is_stuck: false,
            unconfirmed: 0,
            has_sent: false,
            finished: false,
            ticket: Some(ticket),
            failure: None,
        }
    }

    /// A delivery that has to wait for its first call.
    pub(super) fn waiting(delivery: Delivery, since: Instant) -> Self {
        Self { calls: 0, is_begun: false, ..Self::new(delivery, since) }
    }

    /// A delivery that the function was called with before, so many times.
    pub(super) const fn after(mut self, earlier: u32) -> Self {
        self.calls = earlier;
        self
    }

    /// A delivery that gives rise to one message, which is sent.
    pub(super) fn sent(delivery: Delivery, since: Instant) -> Self {
        Self { unconfirmed: 1, finished: true, ..Self::new(delivery, since) }
    }

    /// Nothing as long as messages are on their way or are to come; then what is left to do: nothing, or to go on
    /// after a failure.
    #[inline]
    fn outcome(&mut self) -> Option<Option<Closed>> {
        if !self.finished || self.unconfirmed > 0 {
            return None;
        }
        let failure = self.failure.take();
        self.finished = failure.is_none();
        Some(failure.map(Closed::Failed))
    }

    /// Whether no message of it is on its way.
    pub(super) const fn is_idle(&self) -> bool {
        self.unconfirmed == 0
    }

    /// How many messages of it are on their way.
    pub(super) const fn unconfirmed(&self) -> u32 {
        self.unconfirmed
    }

    /// Notes why a message was not accepted. What passes by waiting says less than what does not: a message that is refused
    /// would be sent for ever beside one that is not.
    #[cold]
    fn refused(&mut self, failure: Error) {
        if self.failure.as_ref().is_none_or(|known| known.kind().passes_by_waiting()) {
            self.failure = Some(failure);
        }
    }

    /// Whether any of several messages was sent since this was asked last.
    pub(super) const fn take_sent(&mut self) -> bool {
        std::mem::replace(&mut self.has_sent, false)
    }

    /// What settles it, once.
    pub(super) const fn take_ticket(&mut self) -> Option<Ticket> {
        self.ticket.take()
    }

    fn bytes(&self) -> u64 {
        self.message.payload().as_ref().map_or(0, |payload| payload.len() as u64)
    }
}

impl Ledger {
    /// How many deliveries are open.
    pub(super) const fn len(&self) -> usize {
        self.count
    }

    /// How many bytes of payload are open.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Opens a delivery; the number stands for it from now on.
    #[inline]
    pub(super) fn open(&mut self, open: Open) -> u64 {
        if self.open.len() >= LONG && self.open.len() >= 4 * self.count {
            self.set_aside();
        }
        let number = self.first + self.open.len() as u64;
        self.bytes += open.bytes();
        self.open.push_back(Some(open));
        self.count += 1;
        number
    }

    /// Few of many are open: keeps these elsewhere.
    #[cold]
    fn set_aside(&mut self) {
        for entry in self.open.drain(..) {
            if let Some(open) = entry {
                self.long.insert(self.first, open);
            }
            self.first += 1;
        }
    }

    /// The delivery of a number, as long as it is open.
    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut Open> {
        match number.checked_sub(self.first) {
            Some(place) => self.open.get_mut(usize::try_from(place).ok()?)?.as_mut(),
            None => self.long.get_mut(&number),
        }
    }

    /// Notes that a message was sent for a delivery.
    pub(super) fn sent(&mut self, number: u64) {
        if let Some(open) = self.get_mut(number) {
            open.unconfirmed += 1;
            open.has_sent = true;
        }
    }

    /// Notes that everything a delivery gives rise to was sent. Closes it when all of that is confirmed already.
    pub(super) fn finished(&mut self, number: u64) -> Option<Closed> {
        let closed = self.close_if_done(number, |open| open.finished = true);
        self.drop_closed();
        closed
    }

    /// Notes what became of messages; tells of each delivery that has no other in flight.
    ///
    /// What is closed is dropped after the last one is noted: entries are seldom in a cache by now, and a processor that
    /// gives back what is shared with others looks for no further entry meanwhile.
    pub(super) fn confirmed(
        &mut self,
        told: impl Iterator<Item = (u64, Option<Error>)>,
        mut tell: impl FnMut(u64, Closed),
    ) {
        for (number, failure) in told {
            let closed = self.close_if_done(number, |open| {
                open.unconfirmed = open.unconfirmed.saturating_sub(1);
                if let Some(failure) = failure {
                    open.refused(failure);
                }
            });
            if let Some(closed) = closed {
                tell(number, closed);
            }
        }
        self.drop_closed();
    }

    /// Notes something about a delivery. Closes it if it is done, but for dropping it.
    #[inline]
    fn close_if_done(&mut self, number: u64, note: impl FnOnce(&mut Open)) -> Option<Closed> {
        let Some(place) = number.checked_sub(self.first) else { return self.close_long(number, note) };
        let open = self.open.get_mut(usize::try_from(place).ok()?)?.as_mut()?;
        note(open);
        if let Some(unfinished) = open.outcome()? {
            return Some(unfinished);
        }
        // Whatever else is told of it comes too late.
        open.finished = false;
        let (ticket, bytes) = (open.ticket.take(), open.bytes());
        self.over.push(number);
        self.count_out(bytes);
        Some(Closed::Confirmed(ticket))
    }

    /// Drops what is closed.
    #[inline]
    fn drop_closed(&mut self) {
        let mut over = std::mem::take(&mut self.over);
        for number in over.drain(..) {
            let place = number.checked_sub(self.first).and_then(|place| usize::try_from(place).ok());
            if let Some(entry) = place.and_then(|place| self.open.get_mut(place)) {
                *entry = None;
            }
        }
        self.over = over;
        self.forget();
    }

    /// Takes a delivery out, whatever its state.
    pub(super) fn take(&mut self, number: u64) -> Option<Open> {
        let open = match number.checked_sub(self.first) {
            Some(place) => self.open.get_mut(usize::try_from(place).ok()?)?.take()?,
            None => self.long.remove(&number)?,
        };
        self.closed(open.bytes());
        Some(open)
    }

    /// What is still open, the oldest first.
    pub(super) fn remaining(&self) -> impl Iterator<Item = &Open> {
        self.long.values().chain(self.open.iter().flatten())
    }

    /// What is still open, the oldest first.
    pub(super) fn remaining_mut(&mut self) -> impl Iterator<Item = &mut Open> {
        self.long.values_mut().chain(self.open.iter_mut().flatten())
    }

    #[cold]
    fn close_long(&mut self, number: u64, note: impl FnOnce(&mut Open)) -> Option<Closed> {
        let open = self.long.get_mut(&number)?;
        note(open);
        if let Some(unfinished) = open.outcome()? {
            return Some(unfinished);
        }
        self.take(number).map(|open| Closed::Confirmed(open.ticket))
    }

    /// One entry was closed.
    #[inline]
    fn closed(&mut self, bytes: u64) {
        self.count_out(bytes);
        self.forget();
    }

    const fn count_out(&mut self, bytes: u64) {
        self.bytes -= bytes;
        self.count -= 1;
        self.closed += 1;
    }

    /// Forgets closed ones now and then, as far as none before them is open.
    #[inline]
    fn forget(&mut self) {
        if self.closed == 0 || self.count > 0 && self.closed < CLOSED {
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
mod tests;
