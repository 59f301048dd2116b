//! The receiving end: one member of a group of each of its destinations.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};

use super::destination::Destination;
use super::group::{Group, Stored};
use crate::binder::{Connection, Delivery, Error, Health, Input, InputSpec, Settlement, Ticket};

/// How many may be settled before they are forgotten.
const FORGOTTEN: usize = 256;

pub(super) struct MemoryInput {
    member: u64,
    joined: Vec<(Arc<Destination>, Arc<Group>)>,
    max_in_flight: usize,
    /// What was delivered and not settled, by ticket; settled ones leave a gap until they are forgotten.
    in_flight: VecDeque<Option<InFlight>>,
    /// The ticket of the first entry.
    first: u64,
    unsettled: usize,
    /// How many were settled since settled ones were forgotten.
    settled: usize,
    /// Settled messages that their group does not know of yet: destination, partition, how many.
    released: Vec<(usize, u32, usize)>,
}

/// What waits for the groups that a member has joined.
#[derive(Debug)]
struct Waiting(Vec<Arc<Group>>);

impl Health for Waiting {
    fn connection(&self) -> Connection {
        Connection::Up
    }

    fn backlog(&self) -> BoxFuture<'_, Option<u64>> {
        let waiting: usize = self.0.iter().map(|group| group.unread()).sum();
        ready(Some(waiting as u64)).boxed()
    }
}

struct InFlight {
    from: usize,
    message: Stored,
}

impl MemoryInput {
    pub(super) fn new(member: u64, joined: Vec<(Arc<Destination>, Arc<Group>)>, spec: &InputSpec) -> Self {
        joined.iter().for_each(|(_, group)| group.join(member, spec.sharing));
        Self {
            member,
            joined,
            max_in_flight: spec.max_in_flight.max(1),
            in_flight: VecDeque::new(),
            first: 0,
            unsettled: 0,
            settled: 0,
            released: Vec::new(),
        }
    }

    fn release(&mut self) {
        for (from, partition, count) in self.released.drain(..) {
            self.joined[from].1.release(self.member, partition, count);
        }
    }

    /// Gives a message back to its group.
    #[cold]
    fn give_back(&mut self, index: usize) {
        let Some(InFlight { from, message }) = self.in_flight.get_mut(index).and_then(Option::take) else {
            return;
        };
        self.forget();
        self.release();
        self.joined[from].1.requeue(self.member, vec![message]);
    }

    /// One more is settled. What is settled at the front is forgotten many at once: each one taken out would be copied.
    #[inline]
    fn forget(&mut self) {
        self.unsettled -= 1;
        self.settled += 1;
        if self.unsettled == 0 || self.settled >= FORGOTTEN {
            self.forget_settled();
        }
    }

    fn forget_settled(&mut self) {
        let gaps = self.in_flight.iter().take_while(|entry| entry.is_none()).count();
        self.in_flight.drain(..gaps);
        self.first += gaps as u64;
        self.settled = 0;
    }

    #[inline]
    fn note_release(&mut self, from: usize, partition: u32) {
        match self.released.last_mut() {
            Some((last, same, count)) if (*last, *same) == (from, partition) => *count += 1,
            _ => self.released.push((from, partition, 1)),
        }
    }
}

impl Input for MemoryInput {
    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        batch: &mut Vec<Delivery>,
        max: usize,
    ) -> Poll<Result<(), Error>> {
        self.release();
        let mut room = max.min(self.max_in_flight - self.unsettled.min(self.max_in_flight));
        let before = batch.len();
        for (from, (_, group)) in self.joined.iter().enumerate() {
            if room == 0 {
                break;
            }
            let in_flight = self.in_flight.len();
            room -= group.take(self.member, room, cx, |messages| {
                self.in_flight.extend(messages.map(|message| Some(InFlight { from, message })));
            });
            let numbers = self.first + in_flight as u64..;
            for (number, InFlight { message, .. }) in numbers.zip(self.in_flight.range(in_flight..).flatten())
            {
                batch.push(Delivery {
                    message: message.message.clone(),
                    key: message.key.clone(),
                    partition: message.partition,
                    position: message.position,
                    attempt: message.attempt,
                    ticket: Ticket::new(number),
                });
            }
        }
        self.unsettled += batch.len() - before;
        if batch.len() > before { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn settle(&mut self, ticket: Ticket, settlement: Settlement) {
        let index = ticket.into_number().wrapping_sub(self.first);
        let Ok(index) = usize::try_from(index) else { return };
        if settlement == Settlement::Requeue {
            return self.give_back(index);
        }
        let Some(entry) = self.in_flight.get_mut(index) else { return };
        let Some(InFlight { from, message: Stored { partition, .. } }) = *entry else { return };
        // Dropped where it is: moving it out costs more than all the rest.
        *entry = None;
        self.note_release(from, partition);
        self.forget();
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.release();
        Poll::Ready(Ok(()))
    }

    fn health(&self) -> Arc<dyn Health> {
        let groups = self.joined.iter().map(|(_, group)| Arc::clone(group));
        Arc::new(Waiting(groups.collect()))
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), Error>> {
        // Leaving the group is what `drop` does.
        async move {
            drop(self);
            Ok(())
        }
        .boxed()
    }
}

impl Drop for MemoryInput {
    fn drop(&mut self) {
        self.release();
        let mut left: Vec<Vec<Stored>> = self.joined.iter().map(|_| Vec::new()).collect();
        for InFlight { from, message } in self.in_flight.drain(..).flatten() {
            left[from].push(message);
        }
        for ((destination, group), in_flight) in self.joined.iter().zip(left) {
            if group.is_anonymous() && group.is_last(self.member) {
                destination.remove(group);
            }
            group.leave(self.member, in_flight);
        }
    }
}
