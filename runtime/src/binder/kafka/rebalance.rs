//! Which partitions a consumer has: what is settled is committed before they go.

use std::collections::HashSet;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::Offset;
use rdkafka::types::RDKafkaRespErr;

use super::health::Pulse;
use super::logging;
use super::native::Intake;
use super::positions::commit;
use super::slot::Slot;
use super::transaction::Transaction;

/// How long partitions that are to go wait for what was delivered of them.
const SETTLING: Duration = Duration::from_secs(5);
/// How often they look.
const LOOK: Duration = Duration::from_millis(2);

/// The partitions of a consumer.
#[derive(Debug)]
pub(super) struct Assignment {
    binding: String,
    pub(super) pulse: Arc<Pulse>,
    /// Where every partition starts at its first assignment, whatever was committed.
    reset: Option<Offset>,
    held: Mutex<Held>,
    /// Where records go. It owns the consumer, which owns this.
    intake: OnceLock<Weak<Intake>>,
    /// Whether the library called back since this was asked last.
    busy: AtomicBool,
    closing: AtomicBool,
    /// What commits instead of the consumer, if anything.
    transaction: Option<Arc<Transaction>>,
}

#[derive(Debug, Default)]
struct Held {
    slots: Vec<Arc<Slot>>,
    next: u32,
    seen: HashSet<(String, i32)>,
}

impl Assignment {
    pub(super) fn new(binding: &str, reset: Option<Offset>, pulse: Pulse) -> Self {
        Self {
            binding: binding.to_owned(),
            pulse: Arc::new(pulse),
            reset,
            held: Mutex::default(),
            intake: OnceLock::new(),
            busy: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            transaction: None,
        }
    }

    /// Has offsets committed by a transaction.
    pub(super) fn with_transaction(self, transaction: Option<Arc<Transaction>>) -> Self {
        Self { transaction, ..self }
    }

    pub(super) const fn transaction(&self) -> Option<&Arc<Transaction>> {
        self.transaction.as_ref()
    }

    /// Whether the library called back since this was asked last: a poll that gave nothing may leave something behind.
    pub(super) fn was_busy(&self) -> bool {
        self.busy.swap(false, Ordering::Relaxed)
    }

    /// Says where records go, once, before anything is assigned.
    pub(super) fn set_intake(&self, intake: &Arc<Intake>) {
        // It is said once.
        let _ = self.intake.set(Arc::downgrade(intake));
    }

    /// The slots of now.
    pub(super) fn slots(&self) -> Vec<Arc<Slot>> {
        self.lock().slots.clone()
    }

    /// Does something with the slots of now, which stay while it is done: what is taken in the meantime belongs to them.
    pub(super) fn with_slots(&self, work: impl FnOnce(&[Arc<Slot>])) {
        work(&self.lock().slots);
    }

    /// Directs partitions that were assigned to the intake, and notes them and where they start.
    pub(super) fn assigned(&self, partitions: &mut TopicPartitionList) -> KafkaResult<()> {
        if let Some(intake) = self.intake.get().and_then(Weak::upgrade) {
            for element in partitions.elements() {
                intake.direct(element.topic(), element.partition())?;
            }
        }
        let mut held = self.lock();
        let names: Vec<(String, i32)> = partitions
            .elements()
            .iter()
            .map(|element| (element.topic().to_owned(), element.partition()))
            .collect();
        for (topic, partition) in names {
            let id = held.next;
            held.next += 1;
            held.slots.push(Arc::new(Slot::new(id, &topic, partition)));
            let place = (topic, partition);
            if let Some(start) = self.reset
                && !held.seen.contains(&place)
                && let Err(error) = partitions.set_partition_offset(&place.0, partition, start)
            {
                tracing::warn!(binding = self.binding, %error, "a partition does not start where it should");
            }
            held.seen.insert(place);
        }
        Ok(())
    }

    /// Takes partitions away; what is settled of them is still to be committed.
    fn revoked(&self, partitions: &TopicPartitionList) -> Vec<Arc<Slot>> {
        let gone: HashSet<(String, i32)> = partitions
            .elements()
            .iter()
            .map(|element| (element.topic().to_owned(), element.partition()))
            .collect();
        let mut held = self.lock();
        let (left, stay) = mem::take(&mut held.slots)
            .into_iter()
            .partition(|slot| gone.contains(&(slot.topic.as_ref().to_owned(), slot.partition)));
        held.slots = stay;
        left
    }

    /// Stops fetching from partitions of a number, or goes on with them. None goes or comes in the meantime.
    pub(super) fn hold(&self, consumer: &BaseConsumer<Self>, partition: i32, held: bool) {
        let all = self.lock();
        let changed =
            |slot: &&Arc<Slot>| slot.partition == partition && slot.held.load(Ordering::Relaxed) != held;
        let slots: Vec<_> = all.slots.iter().filter(changed).collect();
        self.set_held(consumer, &slots, held);
    }

    /// Stops fetching from one partition, or goes on with it.
    pub(super) fn hold_slot(&self, consumer: &BaseConsumer<Self>, slot: &Arc<Slot>, held: bool) {
        let all = self.lock();
        let is_here = all.slots.iter().any(|other| other.id == slot.id);
        if is_here && slot.held.load(Ordering::Relaxed) != held {
            self.set_held(consumer, &[slot], held);
        }
    }

    fn set_held(&self, consumer: &BaseConsumer<Self>, slots: &[&Arc<Slot>], held: bool) {
        if slots.is_empty() {
            return;
        }
        let mut partitions = TopicPartitionList::new();
        for slot in slots {
            partitions.add_partition(&slot.topic, slot.partition);
        }
        // The library answers at once: no broker has to be asked.
        let done = if held { consumer.pause(&partitions) } else { consumer.resume(&partitions) };
        match done {
            Ok(()) => slots.iter().for_each(|slot| slot.held.store(held, Ordering::Relaxed)),
            Err(error) => {
                tracing::warn!(binding = self.binding, %error, held, "a partition is not held as it should be");
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn assign(&self, consumer: &BaseConsumer<Self>, partitions: &mut TopicPartitionList) -> KafkaResult<()> {
        self.assigned(partitions)?;
        tracing::info!(binding = self.binding, partitions = partitions.count(), "partitions were assigned");
        match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_assign(partitions),
            _ => consumer.assign(partitions),
        }
    }

    /// From now on nothing is settled any more that partitions could wait for.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    /// Lets what was delivered be settled, so that the next owner of its partition does not get it again.
    fn wait_until(&self, is_settled: impl Fn() -> bool) {
        let until = Instant::now() + SETTLING;
        while !is_settled() {
            if Instant::now() >= until {
                let after = SETTLING.as_millis();
                tracing::warn!(
                    binding = self.binding,
                    "partitions go with messages that were not settled within {after}ms: they come again elsewhere"
                );
                return;
            }
            thread::sleep(LOOK);
        }
    }

    fn commit_last(
        &self,
        consumer: &BaseConsumer<Self>,
        slots: &[Arc<Slot>],
        is_ours: bool,
        is_closing: bool,
    ) {
        if is_ours && !is_closing {
            self.wait_until(|| slots.iter().all(|slot| slot.is_settled()));
        }
        if is_ours && let Err(error) = commit(consumer, slots, CommitMode::Sync) {
            tracing::warn!(binding = self.binding, %error, "partitions go before their offsets were committed");
        }
    }

    /// Ends the transaction that partitions are part of, as they go.
    fn end_transaction(
        &self,
        consumer: &BaseConsumer<Self>,
        transaction: &Transaction,
        slots: &[Arc<Slot>],
        is_ours: bool,
    ) {
        if is_ours {
            self.wait_until(|| transaction.close() == 0);
        }
        if !is_ours || transaction.close() > 0 {
            transaction.fail();
        }
        let all: Vec<_> = slots.iter().cloned().chain(self.slots()).collect();
        // What cannot be done now fails again when the thread looks what is due.
        if let Err(error) = transaction.serve(consumer, &all) {
            tracing::warn!(binding = self.binding, %error, "partitions go before their transaction was committed");
        }
        if let Some(intake) = self.intake.get().and_then(Weak::upgrade) {
            intake.wake();
        }
    }

    fn revoke(&self, consumer: &BaseConsumer<Self>, partitions: &TopicPartitionList) -> KafkaResult<()> {
        let slots = self.revoked(partitions);
        let is_ours = !consumer.assignment_lost();
        let is_closing = self.closing.load(Ordering::Relaxed);
        match &self.transaction {
            None => self.commit_last(consumer, &slots, is_ours, is_closing),
            Some(transaction) if !is_closing => self.end_transaction(consumer, transaction, &slots, is_ours),
            // It has ended before.
            Some(_) => {}
        }
        for slot in &slots {
            slot.revoked.store(true, Ordering::Release);
        }
        // The library would remember it until the partition comes back.
        let held: Vec<_> = slots.iter().filter(|slot| slot.held.load(Ordering::Relaxed)).collect();
        self.set_held(consumer, &held, false);
        tracing::info!(binding = self.binding, partitions = partitions.count(), "partitions were revoked");
        match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_unassign(partitions),
            _ => consumer.unassign(),
        }
    }
}

impl ClientContext for Assignment {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.busy.store(true, Ordering::Relaxed);
        logging::log(&self.binding, &self.pulse, level, facility, message);
    }

    fn stats_raw(&self, report: &[u8]) {
        self.busy.store(true, Ordering::Relaxed);
        logging::statistics(&self.binding, &self.pulse, report);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.busy.store(true, Ordering::Relaxed);
        logging::error(&self.binding, &self.pulse, &error, reason);
    }
}

impl ConsumerContext for Assignment {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        event: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        self.busy.store(true, Ordering::Relaxed);
        let done = match event {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => self.assign(consumer, partitions),
            _ => self.revoke(consumer, partitions),
        };
        if let Err(error) = done {
            tracing::error!(binding = self.binding, %error, "a rebalance has failed");
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, offsets: &TopicPartitionList) {
        self.busy.store(true, Ordering::Relaxed);
        if let Err(error) = &result {
            tracing::warn!(binding = self.binding, %error, "offsets were not committed; they will be with the next");
        }
        let held = self.lock();
        for element in offsets.elements() {
            let slot = held
                .slots
                .iter()
                .find(|slot| *slot.topic == *element.topic() && slot.partition == element.partition());
            match (slot, element.offset()) {
                (Some(slot), Offset::Offset(position)) if result.is_ok() && element.error().is_ok() => {
                    slot.confirmed.fetch_max(position, Ordering::Release);
                }
                (Some(slot), _) => slot.committed.store(-1, Ordering::Relaxed),
                (None, _) => {}
            }
        }
    }
}
