//! The polling thread of an input: it takes what is there, hands it over batch by batch, commits and seeks.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message as _;
use rdkafka::topic_partition_list::Offset;

use super::client::failed;
use super::inbox::{Command, Shared, wake};
use super::rebalance::Assignment;
use super::records::{Gathering, Slot};
use crate::binder::Error;

/// How many records a batch has at most.
const BATCH: usize = 512;
/// How many bytes a batch has at most, give or take a record.
const BATCH_BYTES: usize = 1 << 20;
/// How many bytes wait at most before polling stops.
const WAITING_BYTES: usize = 64 << 20;
/// How long the thread sleeps at most: the library wakes it when there is something to do.
const NAP: Duration = Duration::from_millis(100);
/// How long the thread does not poll for want of room, before it pauses the partitions and polls again.
const PATIENCE: Duration = Duration::from_secs(1);

/// The polling thread's own.
pub(super) struct Polling {
    consumer: BaseConsumer<Assignment>,
    shared: Arc<Shared>,
    gathering: Gathering,
    binding: String,
    slots: Vec<Arc<Slot>>,
    generation: u64,
    /// The slot of the last record.
    last: usize,
    /// How many records may wait.
    bound: usize,
    interval: Duration,
    committed_at: Instant,
    paused: bool,
}

impl Polling {
    pub(super) fn new(
        consumer: BaseConsumer<Assignment>,
        shared: Arc<Shared>,
        (binding, group): (&str, &str),
        bound: usize,
        interval: Duration,
    ) -> Self {
        Self {
            consumer,
            shared,
            gathering: Gathering::new(group.into()),
            binding: binding.to_owned(),
            slots: Vec::new(),
            generation: 0,
            last: 0,
            bound: bound.max(1),
            interval,
            committed_at: Instant::now(),
            paused: false,
        }
    }

    /// Runs until told to close or nothing more can come.
    pub(super) fn run(mut self) {
        let me = thread::current();
        self.shared.run_by(me.clone());
        self.consumer.set_nonempty_callback(move || me.unpark());
        loop {
            if self.obey() {
                break;
            }
            self.commit_when_due();
            if let Err(error) = self.gather() {
                self.fail(error);
                self.wait_for_close();
                break;
            }
            let came = self.gathering.len() > 0;
            let is_full = self.hand_over();
            if is_full {
                self.wait_for_room();
            } else if !came {
                thread::park_timeout(NAP.min(self.interval));
            }
        }
        self.close();
    }

    /// Does what the input asks; tells whether it asks to close.
    fn obey(&mut self) -> bool {
        let commands = mem::take(&mut self.shared.lock().commands);
        let mut close = false;
        for command in commands {
            match command {
                Command::Seek { slot, offset, epoch } => self.seek(&slot, offset, epoch),
                Command::Flush(number) => {
                    let failure = self.commit(CommitMode::Sync).err();
                    let waker = {
                        let mut inbox = self.shared.lock();
                        inbox.flushed = number;
                        inbox.flush_failure = failure;
                        inbox.wake()
                    };
                    wake(waker);
                }
                Command::Close => close = true,
            }
        }
        close
    }

    fn seek(&mut self, slot: &Slot, offset: i64, epoch: u32) {
        if slot.revoked.load(Ordering::Acquire) {
            return;
        }
        // What was gathered before belongs to the epoch before; it has been handed over.
        let sought = self.consumer.seek(&slot.topic, slot.partition, Offset::Offset(offset), Duration::ZERO);
        match sought {
            Ok(()) => slot.epoch.store(epoch, Ordering::Release),
            // Not lost: the slot takes nothing in this epoch, so that nothing behind it is committed.
            Err(error) => {
                let (topic, partition) = (&*slot.topic, slot.partition);
                tracing::warn!(topic, partition, offset, %error, "cannot read again; trying once more");
                thread::sleep(Duration::from_millis(10));
                let again = Command::Seek { slot: self.same(slot), offset, epoch };
                self.shared.lock().commands.push(again);
            }
        }
    }

    fn same(&self, slot: &Slot) -> Arc<Slot> {
        let known = self.slots.iter().find(|known| known.id == slot.id).cloned();
        known.unwrap_or_else(|| {
            let gone = Slot::new(slot.id, &slot.topic, slot.partition);
            gone.revoked.store(true, Ordering::Release);
            Arc::new(gone)
        })
    }

    /// Takes what is there, as much as fits into a batch.
    fn gather(&mut self) -> Result<(), Error> {
        while self.gathering.len() < BATCH && self.gathering.bytes() < BATCH_BYTES {
            match self.consumer.poll(Duration::ZERO) {
                Some(Ok(message)) => {
                    refresh(&self.consumer, &mut self.slots, &mut self.generation);
                    if let Some(at) = find(&self.slots, self.last, message.topic(), message.partition()) {
                        self.last = at;
                        let slot = &self.slots[at];
                        self.gathering.push(&message, slot, slot.epoch.load(Ordering::Relaxed));
                    }
                }
                Some(Err(error)) => self.note(error)?,
                None if self.consumer.context().was_busy() => {}
                None => break,
            }
        }
        Ok(())
    }

    /// Tells errors that end the input from those that pass.
    fn note(&self, error: KafkaError) -> Result<(), Error> {
        use RDKafkaErrorCode as Code;
        let binding = self.binding.as_str();
        match &error {
            KafkaError::MessageConsumptionFatal(_) => {
                Err(failed(format!("the input `{binding}` has failed for good"), error))
            }
            KafkaError::MessageConsumption(
                Code::TopicAuthorizationFailed
                | Code::GroupAuthorizationFailed
                | Code::SaslAuthenticationFailed,
            ) => Err(failed(format!("the input `{binding}` is not allowed to read"), error)),
            KafkaError::PartitionEOF(_) => Ok(()),
            KafkaError::MessageConsumption(Code::UnknownTopicOrPartition | Code::UnknownTopic) => {
                tracing::warn!(binding, %error, "a topic does not exist any more; waiting for it");
                Ok(())
            }
            _ => {
                tracing::warn!(binding, %error, "trouble with the broker; the client goes on trying");
                Ok(())
            }
        }
    }

    /// Hands over what was gathered; tells whether as much waits as may.
    fn hand_over(&mut self) -> bool {
        let bytes = self.gathering.bytes();
        let batch = (self.gathering.len() > 0).then(|| self.gathering.take());
        let (is_full, waker) = {
            let mut inbox = self.shared.lock();
            let waker = batch.and_then(|batch| {
                inbox.records += batch.records.len();
                inbox.bytes += bytes;
                inbox.batches.push_back(batch);
                inbox.wake()
            });
            inbox.is_full = inbox.records >= self.bound || inbox.bytes >= WAITING_BYTES;
            (inbox.is_full, waker)
        };
        wake(waker);
        is_full
    }

    /// Waits until the input has taken what waits, and stays a member of the group however long that is.
    fn wait_for_room(&mut self) {
        let since = Instant::now();
        while self.shared.lock().is_full {
            if !self.shared.lock().commands.is_empty() {
                return;
            }
            if since.elapsed() > PATIENCE {
                self.pause();
                return;
            }
            thread::park_timeout(NAP.min(self.interval));
            self.commit_when_due();
        }
        self.resume();
    }

    /// Stops fetching, so that polling goes on without anything to hand over.
    fn pause(&mut self) {
        self.paused = true;
        if let Err(error) = self.consumer.assignment().and_then(|all| self.consumer.pause(&all)) {
            tracing::warn!(binding = self.binding, %error, "cannot pause");
        }
        thread::park_timeout(NAP);
    }

    fn resume(&mut self) {
        if mem::take(&mut self.paused)
            && let Err(error) = self.consumer.assignment().and_then(|all| self.consumer.resume(&all))
        {
            tracing::warn!(binding = self.binding, %error, "cannot resume");
        }
    }

    fn commit_when_due(&mut self) {
        if self.committed_at.elapsed() < self.interval {
            return;
        }
        self.committed_at = Instant::now();
        if let Err(error) = self.commit(CommitMode::Async) {
            tracing::warn!(binding = self.binding, %error, "offsets were not committed; they will be with the next");
        }
    }

    /// Commits every position that has moved.
    fn commit(&mut self, mode: CommitMode) -> Result<(), Error> {
        refresh(&self.consumer, &mut self.slots, &mut self.generation);
        commit(&self.consumer, &self.slots, mode)
            .map_err(|error| failed(format!("the offsets of `{}` were not committed", self.binding), error))
    }

    fn fail(&self, error: Error) {
        let waker = {
            let mut inbox = self.shared.lock();
            inbox.failure = Some(error);
            inbox.wake()
        };
        wake(waker);
    }

    fn wait_for_close(&mut self) {
        while !self.obey() {
            thread::park_timeout(NAP);
        }
    }

    fn close(mut self) {
        let committed = self.commit(CommitMode::Sync);
        // Leaving the group blocks; partitions that were left take their last commit with them.
        drop(self.consumer);
        let waker = {
            let mut inbox = self.shared.lock();
            inbox.closed = true;
            inbox.flush_failure = committed.err();
            inbox.wake()
        };
        wake(waker);
    }
}

/// Commits the positions of slots that have moved since they were committed last.
pub(super) fn commit<'a>(
    consumer: &BaseConsumer<Assignment>,
    slots: impl IntoIterator<Item = &'a Arc<Slot>>,
    mode: CommitMode,
) -> Result<(), KafkaError> {
    let mut positions = TopicPartitionList::new();
    let mut moved = Vec::new();
    for slot in slots {
        let position = slot.watermark.load(Ordering::Acquire);
        if position > slot.committed.load(Ordering::Relaxed) {
            positions.add_partition_offset(&slot.topic, slot.partition, Offset::Offset(position))?;
            moved.push((slot, position));
        }
    }
    if moved.is_empty() {
        return Ok(());
    }
    match consumer.commit(&positions, mode) {
        // A topic that was deleted has no offsets to keep; those of the others are kept.
        Err(error) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::UnknownTopicOrPartition) => {
            tracing::warn!(%error, "a topic of this input does not exist any more");
        }
        committed => committed?,
    }
    for (slot, position) in moved {
        slot.committed.store(position, Ordering::Relaxed);
    }
    Ok(())
}

fn refresh(consumer: &BaseConsumer<Assignment>, slots: &mut Vec<Arc<Slot>>, generation: &mut u64) {
    consumer.context().refresh(slots, generation);
}

/// The slot of a record; most come from the one before.
fn find(slots: &[Arc<Slot>], last: usize, topic: &str, partition: i32) -> Option<usize> {
    let is = |slot: &Slot| slot.partition == partition && *slot.topic == *topic;
    if slots.get(last).is_some_and(|slot| is(slot)) {
        return Some(last);
    }
    slots.iter().position(|slot| is(slot))
}
