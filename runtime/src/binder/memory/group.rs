//! A group of a destination: its queue, its members, and who may read which partition.

use std::collections::VecDeque;
use std::collections::vec_deque::Drain;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

use bytes::Bytes;
use wellspring_functions::EncodedMessage;

use crate::binder::Sharing;

/// A message in a queue, or read and not yet settled.
#[derive(Clone)]
pub(super) struct Stored {
    pub(super) message: EncodedMessage,
    pub(super) key: Option<Bytes>,
    pub(super) partition: u32,
    pub(super) position: u64,
    pub(super) attempt: u32,
}

/// One group of a destination.
pub(super) struct Group {
    name: String,
    capacity: usize,
    anonymous: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    partitions: Vec<Partition>,
    /// Messages in all queues.
    length: usize,
    /// In the order in which they joined.
    members: Vec<Member>,
    /// Senders that wait for room.
    senders: Vec<Waker>,
}

#[derive(Default)]
struct Partition {
    queue: VecDeque<Stored>,
    /// With several partitions: the member that has messages of this one in flight, and how many.
    holder: Option<(u64, usize)>,
}

struct Member {
    id: u64,
    sharing: Sharing,
    waker: Option<Waker>,
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Group {
    pub(super) fn new(name: &str, capacity: usize, partitions: usize, anonymous: bool) -> Self {
        let group = Self { name: name.to_owned(), capacity, anonymous, state: Mutex::default() };
        group.grow(partitions);
        group
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether this is the only member.
    pub(super) fn is_last(&self, id: u64) -> bool {
        self.state().members.iter().all(|member| member.id == id)
    }

    pub(super) const fn is_anonymous(&self) -> bool {
        self.anonymous
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn unread(&self) -> usize {
        self.state().length
    }

    pub(super) fn grow(&self, partitions: usize) {
        self.state().partitions.resize_with(partitions, Partition::default);
    }

    /// How many more messages fit; when none does, the sender is woken once some do.
    pub(super) fn poll_room(&self, cx: &Context<'_>) -> usize {
        let mut state = self.state();
        let room = self.capacity.saturating_sub(state.length);
        if room == 0 && !state.senders.iter().any(|waker| waker.will_wake(cx.waker())) {
            state.senders.push(cx.waker().clone());
        }
        room
    }

    /// Appends messages to their partitions, under one lock.
    pub(super) fn push(&self, messages: impl IntoIterator<Item = Stored>) {
        let state = &mut *self.state();
        for message in messages {
            if let Some(partition) = state.partitions.get_mut(message.partition as usize) {
                partition.queue.push_back(message);
                state.length += 1;
            }
        }
        state.wake_members();
    }

    pub(super) fn join(&self, id: u64, sharing: Sharing) {
        let mut state = self.state();
        state.members.push(Member { id, sharing, waker: None });
        state.wake_members();
    }

    /// Leaves the group and gives back what was in flight.
    pub(super) fn leave(&self, id: u64, in_flight: Vec<Stored>) {
        let mut state = self.state();
        state.members.retain(|member| member.id != id);
        for partition in &mut state.partitions {
            partition.holder = partition.holder.filter(|(holder, _)| *holder != id);
        }
        state.put_back(in_flight);
        if self.anonymous {
            // It went with its member: nobody has to wait for it any more.
            state.senders.drain(..).for_each(Waker::wake);
        }
    }

    /// Gives messages back, to be delivered again.
    pub(super) fn requeue(&self, id: u64, messages: Vec<Stored>) {
        let mut state = self.state();
        for message in &messages {
            state.release(id, message.partition, 1);
        }
        state.put_back(messages);
    }

    /// Notes that messages of a partition are settled.
    pub(super) fn release(&self, id: u64, partition: u32, count: usize) {
        let mut state = self.state();
        if state.release(id, partition, count) {
            state.wake_members();
        }
    }

    /// Takes up to `max` messages out of the partitions that this member may read. Without any, it is woken later.
    pub(super) fn take(
        &self,
        id: u64,
        max: usize,
        cx: &Context<'_>,
        mut take: impl FnMut(Drain<'_, Stored>),
    ) -> usize {
        let state = &mut *self.state();
        let Some(index) = state.members.iter().position(|member| member.id == id) else { return 0 };
        let competing = state.partitions.len() == 1;
        let mut taken = 0;
        for (number, partition) in (0..).zip(state.partitions.iter_mut()) {
            if !reads(&state.members, index, number, competing)
                || partition.holder.is_some_and(|(holder, _)| holder != id)
            {
                continue;
            }
            let count = partition.queue.len().min(max - taken);
            take(partition.queue.drain(..count));
            if !competing && count > 0 {
                partition.holder.get_or_insert((id, 0)).1 += count;
            }
            taken += count;
        }
        state.length -= taken;
        if taken == 0 {
            state.members[index].waker = Some(cx.waker().clone());
        } else {
            state.senders.drain(..).for_each(Waker::wake);
        }
        taken
    }
}

/// Whether a member reads a partition. Those that may read it share it out by its number, or compete when it is the
/// only one.
fn reads(members: &[Member], index: usize, partition: u32, competing: bool) -> bool {
    let may_read = |member: &Member| member.sharing.may_read(partition);
    if !may_read(&members[index]) || competing {
        return may_read(&members[index]);
    }
    let before = members[..index].iter().filter(|member| may_read(member)).count();
    let all = before + members[index..].iter().filter(|member| may_read(member)).count();
    // Partitions of one instance are so many apart; their turn is what is to be shared out.
    let Sharing { partitioned, instance_count, .. } = members[index].sharing;
    let turn = if partitioned { partition / instance_count.max(1) } else { partition };
    turn as usize % all == before
}

impl State {
    fn wake_members(&mut self) {
        self.members.iter_mut().filter_map(|member| member.waker.take()).for_each(Waker::wake);
    }

    /// Tells whether the partition is free again.
    fn release(&mut self, id: u64, partition: u32, count: usize) -> bool {
        let Some(partition) = self.partitions.get_mut(partition as usize) else { return false };
        if let Some((holder, held)) = &mut partition.holder
            && *holder == id
        {
            *held = held.saturating_sub(count);
            if *held == 0 {
                partition.holder = None;
                return true;
            }
        }
        false
    }

    /// Puts messages back where they were: before everything later of their partition.
    fn put_back(&mut self, messages: Vec<Stored>) {
        self.length += messages.len();
        for mut message in messages {
            message.attempt += 1;
            if let Some(partition) = self.partitions.get_mut(message.partition as usize) {
                let at = partition.queue.partition_point(|other| other.position < message.position);
                partition.queue.insert(at, message);
            }
        }
        self.wake_members();
    }
}
