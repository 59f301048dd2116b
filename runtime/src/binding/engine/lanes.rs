//! Which delivery is worked on next. Pure bookkeeping: it knows numbers, calls nothing and never looks at a clock.
//!
//! Deliveries of one lane are worked on one after the other, in the order in which they came; lanes run side by side
//! as far as the width allows. A delivery that waits for its next attempt keeps its lane, and nothing else.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};

use crate::binder::Delivery;
use crate::config::Order;

/// What is kept in order: the deliveries of one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Lane {
    /// Those of one partition.
    Partition(u32),
    /// Those of one key, by the hash of the key: two keys that share one share a lane, which costs time only.
    Key(u64),
    /// A delivery that is in order with no other.
    Own,
}

/// What may be done with a delivery that has just come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// It may be worked on.
    Go,
    /// Another one of its lane comes first.
    Wait,
    /// As many are worked on as may be.
    Full,
}

/// The lanes of one input.
#[derive(Debug)]
pub(super) struct Lanes {
    order: Order,
    hasher: RandomState,
    /// How many deliveries may be worked on at a time.
    width: usize,
    /// How many are.
    working: usize,
    /// Lanes that a delivery has.
    taken: HashMap<Lane, Taken>,
    /// Deliveries that have their lane and wait for room, in the order in which they are to go on.
    ready: VecDeque<u64>,
}

#[derive(Debug, Default)]
struct Taken {
    /// Whether the delivery that has the lane rests until it is tried again.
    is_resting: bool,
    /// Those that wait behind it, in the order in which they came.
    waiting: VecDeque<u64>,
}

impl Lanes {
    pub(super) fn new(order: Order, width: usize) -> Self {
        Self {
            order,
            hasher: RandomState::new(),
            width: width.max(1),
            working: 0,
            taken: HashMap::new(),
            ready: VecDeque::new(),
        }
    }

    /// The lane of a delivery.
    pub(super) fn of(&self, partition: u32, key: Option<&[u8]>) -> Lane {
        match (self.order, key) {
            (Order::Partition, _) => Lane::Partition(partition),
            (Order::Key, Some(key)) => Lane::Key(self.hasher.hash_one(key)),
            (Order::Key, None) | (Order::None, _) => Lane::Own,
        }
    }

    /// Whether nothing is worked on and nothing waits: whatever comes may be worked on at once.
    #[inline]
    pub(super) fn are_clear(&self) -> bool {
        self.working == 0 && self.ready.is_empty() && self.taken.is_empty()
    }

    /// Whether a delivery has the lane.
    pub(super) fn is_taken(&self, lane: Lane) -> bool {
        self.taken.contains_key(&lane)
    }

    /// What may be done with a delivery that has just come.
    #[inline]
    pub(super) fn admission(&self, delivery: &Delivery) -> Admission {
        if self.are_clear() {
            return Admission::Go;
        }
        self.admit(self.of(delivery.partition, delivery.key.as_deref()))
    }

    /// What may be done with a delivery of a lane that has just come.
    pub(super) fn admit(&self, lane: Lane) -> Admission {
        if self.taken.contains_key(&lane) {
            Admission::Wait
        } else if self.working < self.width && self.ready.is_empty() {
            Admission::Go
        } else {
            Admission::Full
        }
    }

    /// A delivery that was admitted is worked on from now on.
    pub(super) fn begin(&mut self, lane: Lane) {
        self.working += 1;
        self.take(lane);
    }

    /// A delivery waits until those of its lane that came before it are done. One that has no lane to wait for is
    /// ready.
    pub(super) fn wait(&mut self, lane: Lane, number: u64) {
        match self.taken.get_mut(&lane) {
            Some(Taken { waiting, .. }) => {
                let place = waiting.partition_point(|other| *other < number);
                waiting.insert(place, number);
            }
            None => {
                self.take(lane);
                self.ready.push_back(number);
            }
        }
    }

    /// The next delivery to work on, if there is room.
    pub(super) fn next(&mut self) -> Option<u64> {
        if self.working >= self.width {
            return None;
        }
        let number = self.ready.pop_front()?;
        self.working += 1;
        Some(number)
    }

    /// A delivery is not worked on for a while; it keeps its lane until it is [`ready`](Self::ready) again.
    pub(super) fn rest(&mut self, lane: Lane) {
        self.working = self.working.saturating_sub(1);
        self.set_resting(lane, true);
    }

    /// A delivery that rested is to be worked on again.
    pub(super) fn ready(&mut self, lane: Lane, number: u64) {
        self.set_resting(lane, false);
        self.ready.push_back(number);
    }

    /// How many deliveries wait behind one that rests.
    pub(super) fn held_up(&self, lane: Lane) -> usize {
        self.taken.get(&lane).filter(|taken| taken.is_resting).map_or(0, |taken| taken.waiting.len())
    }

    fn set_resting(&mut self, lane: Lane, is_resting: bool) {
        if let Some(taken) = self.taken.get_mut(&lane) {
            taken.is_resting = is_resting;
        }
    }

    /// A delivery is not worked on any more; the next one of its lane is ready.
    pub(super) fn finish(&mut self, lane: Lane) {
        self.working = self.working.saturating_sub(1);
        self.leave(lane);
    }

    /// A delivery that rests gives up its lane; the next one is ready.
    pub(super) fn leave(&mut self, lane: Lane) {
        let Some(taken) = self.taken.get_mut(&lane) else { return };
        taken.is_resting = false;
        match taken.waiting.pop_front() {
            Some(next) => self.ready.push_back(next),
            None => {
                self.taken.remove(&lane);
            }
        }
    }

    /// A delivery that was done already has failed after all. True if it has its lane now, and rests; else it waits
    /// behind the one that has.
    pub(super) fn come_back(&mut self, lane: Lane, number: u64) -> bool {
        if self.taken.contains_key(&lane) {
            self.wait(lane, number);
            return false;
        }
        self.take(lane);
        self.set_resting(lane, true);
        true
    }

    /// Takes out every delivery that waits behind another or for room; what is worked on or rests stays.
    pub(super) fn drain_waiting(&mut self) -> Vec<u64> {
        let mut waiting: Vec<_> = self.ready.drain(..).collect();
        waiting.extend(self.taken.values_mut().flat_map(|taken| taken.waiting.drain(..)));
        waiting
    }

    fn take(&mut self, lane: Lane) {
        if lane != Lane::Own {
            self.taken.insert(lane, Taken::default());
        }
    }
}

#[cfg(test)]
mod tests;
