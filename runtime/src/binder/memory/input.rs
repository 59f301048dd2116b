//! The receiving end: one member of a group of each of its destinations.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};

use super::destination::Destination;
use super::group::{Group, Stored};
use crate::binder::{Connection, Delivery, Error, Health, Input, InputSpec, Settlement, Ticket};

pub(super) struct MemoryInput {
    member: u64,
    joined: Vec<(Arc<Destination>, Arc<Group>)>,
    max_in_flight: usize,
    /// What was delivered and not settled, by ticket; settled ones leave a gap until all before them are settled.
    in_flight: VecDeque<Option<InFlight>>,
    /// The ticket of the first in flight.
    first: u64,
    unsettled: usize,
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
            released: Vec::new(),
        }
    }

    fn release(&mut self) {
        for (from, partition, count) in self.released.drain(..) {
            self.joined[from].1.release(self.member, partition, count);
        }
    }

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
            room -= group.take(self.member, room, cx, |message| {
                let ticket = Ticket::new(self.first + self.in_flight.len() as u64);
                batch.push(Delivery {
                    message: message.message.clone(),
                    key: message.key.clone(),
                    partition: message.partition,
                    position: message.position,
                    attempt: message.attempt,
                    ticket,
                });
                self.in_flight.push_back(Some(InFlight { from, message }));
            });
        }
        self.unsettled += batch.len() - before;
        if batch.len() > before { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn settle(&mut self, ticket: Ticket, settlement: Settlement) {
        let index = ticket.into_number().wrapping_sub(self.first);
        let Some(entry) = usize::try_from(index).ok().and_then(|index| self.in_flight.get_mut(index)) else {
            return;
        };
        let Some((from, partition)) = entry.as_ref().map(|found| (found.from, found.message.partition))
        else {
            return;
        };
        let requeued = if settlement == Settlement::Requeue { entry.take() } else { None };
        // An acknowledged message is dropped where it is: moving it out costs more than all the rest.
        *entry = None;
        self.unsettled -= 1;
        while let Some(None) = self.in_flight.front() {
            self.in_flight.pop_front();
            self.first += 1;
        }
        match requeued {
            None => self.note_release(from, partition),
            Some(InFlight { message, .. }) => {
                self.release();
                self.joined[from].1.requeue(self.member, vec![message]);
            }
        }
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
