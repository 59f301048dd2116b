//! A destination in memory: its partitions, its groups, and what waits for the first of them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use super::group::{Group, Stored};
use crate::binder::{Confirmation, Error, Kind, Outgoing};

/// One destination.
pub(super) struct Destination {
    name: String,
    capacity: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The next position of each partition.
    positions: Vec<u64>,
    groups: Vec<Arc<Group>>,
    /// What was sent before the first named group.
    backlog: VecDeque<Stored>,
    /// Where the next message without a key goes.
    turn: u32,
}

impl Destination {
    pub(super) fn new(name: &str, capacity: usize) -> Self {
        Self { name: name.to_owned(), capacity, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes sure of a number of partitions.
    pub(super) fn grow(&self, partitions: u32) {
        let mut state = self.state();
        let partitions = state.positions.len().max(partitions as usize);
        state.positions.resize(partitions, 0);
        state.groups.iter().for_each(|group| group.grow(partitions));
    }

    /// The group of a name; the first one takes what waits.
    pub(super) fn group(&self, name: &str) -> Arc<Group> {
        let mut state = self.state();
        if let Some(group) = state.groups.iter().find(|group| group.name() == name) {
            return Arc::clone(group);
        }
        let group = Arc::new(Group::new(name, self.capacity, state.positions.len(), false));
        group.push(std::mem::take(&mut state.backlog));
        state.groups.push(Arc::clone(&group));
        group
    }

    /// A group for one input, which sees what comes from now on and goes with it.
    pub(super) fn anonymous_group(&self, name: &str) -> Arc<Group> {
        let mut state = self.state();
        if let Some(group) = state.groups.iter().find(|group| group.is_anonymous() && group.name() == name) {
            return Arc::clone(group);
        }
        let group = Arc::new(Group::new(name, self.capacity, state.positions.len(), true));
        state.groups.push(Arc::clone(&group));
        group
    }

    /// How many messages wait for a group, or for members of one.
    pub(super) fn unread(&self) -> usize {
        let state = self.state();
        state.backlog.len() + state.groups.iter().map(|group| group.unread()).sum::<usize>()
    }

    /// Removes a group that nobody will join again.
    pub(super) fn remove(&self, group: &Arc<Group>) {
        self.state().groups.retain(|other| !Arc::ptr_eq(other, group));
    }

    /// Publishes as many of the messages as every group has room for, in order, and confirms them.
    pub(super) fn poll_publish(
        &self,
        cx: &mut Context<'_>,
        pending: &mut VecDeque<(Outgoing, u64)>,
        confirmed: &mut Vec<Confirmation>,
    ) -> Poll<()> {
        let state = &mut *self.state();
        let named = state.groups.iter().any(|group| !group.is_anonymous());
        let mut room = pending.len();
        for group in &state.groups {
            room = room.min(group.poll_room(cx));
        }
        if state.groups.is_empty() {
            room = room.min(self.capacity.saturating_sub(state.backlog.len()));
            if room == 0 {
                self.refuse(pending, confirmed);
                return Poll::Ready(());
            }
        }
        if room == 0 {
            return Poll::Pending;
        }
        let State { positions, groups, backlog, turn } = state;
        let placed = pending.drain(..room).map(|(outgoing, number)| {
            confirmed.push(Confirmation { number, result: Ok(()) });
            place(positions, turn, outgoing)
        });
        match groups.as_slice() {
            [only] if named => only.push(placed),
            groups => {
                let batch: Vec<_> = placed.collect();
                groups.iter().for_each(|group| group.push(batch.iter().cloned()));
                if !named {
                    backlog.extend(batch);
                    // Anonymous groups have the messages that give way.
                    backlog.drain(..backlog.len().saturating_sub(self.capacity));
                }
            }
        }
        Poll::Ready(())
    }

    fn refuse(&self, pending: &mut VecDeque<(Outgoing, u64)>, confirmed: &mut Vec<Confirmation>) {
        confirmed.extend(pending.drain(..).map(|(_, number)| {
            let message = format!(
                "no group reads `{}`, and the {} messages that may wait for one are there already",
                self.name, self.capacity
            );
            Confirmation { number, result: Err(Error::new(Kind::Unroutable, message)) }
        }));
    }
}

/// Chooses the partition and the position of a message.
fn place(positions: &mut [u64], turn: &mut u32, outgoing: Outgoing) -> Stored {
    let count = positions.len().max(1) as u32;
    let partition = match (outgoing.partition, &outgoing.key) {
        _ if count == 1 => 0,
        (Some(partition), _) => partition % count,
        (None, Some(key)) => hash(key) % count,
        (None, None) => {
            *turn = turn.wrapping_add(1);
            *turn % count
        }
    };
    let next = &mut positions[partition as usize];
    let position = *next;
    *next += 1;
    Stored { message: outgoing.message, key: outgoing.key, partition, position, attempt: 1 }
}

/// FNV-1a: the same key lands in the same partition in every process.
fn hash(key: &[u8]) -> u32 {
    key.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}
