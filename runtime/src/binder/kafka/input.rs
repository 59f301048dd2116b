//! The receiving end: deliveries from batches, and the positions of what is settled.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use wellspring_functions::{Headers, Message};

use rdkafka::consumer::Consumer;
use rdkafka::topic_partition_list::Offset;

use super::failure::note;
use super::health::Pulse;
use super::inbox::{Command, Shared, closed};
use super::later::{Resting, Waits, remaining, restore};
use super::native::Intake;
use super::offsets::Offsets;
use super::positions::have_gone;
use super::records::{Batch, Gathering, Record, gather};
use super::slot::Slot;
use super::transaction::Transaction;
use crate::binder::{Delivery, Error, Health, Input, Settlement, Ticket};

/// How many bits of a ticket number the delivery within its slot.
const SEQUENCE_BITS: u32 = 40;

pub(super) struct KafkaInput {
    /// Given up before the thread is told to close, which it can do only as its last holder.
    intake: Option<Arc<Intake>>,
    shared: Arc<Shared>,
    binding: String,
    gathering: Gathering,
    /// What is open, by slot: few, and found faster than hashed.
    partitions: Vec<Open>,
    max_in_flight: usize,
    unsettled: usize,
    /// Whether a partition is to be read again and the client would not do it yet.
    is_behind: bool,
    /// Whether anything was settled since the last flush began.
    is_dirty: bool,
    flush: u64,
    pulse: Arc<Pulse>,
    /// What is read beside the destinations, and the partitions of it whose next record is not due.
    waits: Waits,
    resting: Resting,
    /// What everything that is delivered is part of, if there are transactions.
    transaction: Option<Arc<Transaction>>,
}

/// A slot and what of it is open.
struct Open {
    slot: Arc<Slot>,
    offsets: Offsets,
    open: usize,
    /// From where it is to be read again, until the client does.
    again: Option<i64>,
    /// Where it was read first.
    origin: i64,
    /// How long its records wait until they are due, if they do.
    wait: Option<Duration>,
    /// The end of what was delivered; negative while nothing was.
    delivered: i64,
}

impl KafkaInput {
    pub(super) fn new(
        intake: Arc<Intake>,
        shared: Arc<Shared>,
        (binding, group): (&str, &str),
        max_in_flight: usize,
    ) -> Self {
        let context = intake.consumer().context();
        let (pulse, transaction) = (Arc::clone(&context.pulse), context.transaction().cloned());
        Self {
            intake: Some(intake),
            shared,
            binding: binding.to_owned(),
            gathering: Gathering::new(group.into()),
            partitions: Vec::new(),
            max_in_flight: max_in_flight.max(1),
            unsettled: 0,
            is_behind: false,
            is_dirty: false,
            flush: 0,
            pulse,
            waits: Waits::default(),
            resting: Resting::default(),
            transaction,
        }
    }

    /// Topics that are read beside the destinations, whose records wait.
    pub(super) fn reading(mut self, waits: Waits) -> Self {
        self.waits = waits;
        self
    }

    /// Takes what is there, as far as the transaction that it is part of has room.
    fn take_within(&mut self, deliveries: &mut Vec<Delivery>, room: usize) -> Result<(), Error> {
        let Some(transaction) = self.transaction.clone() else { return self.take(deliveries, room) };
        transaction.rewind(|| self.rewind());
        let before = deliveries.len();
        let taken = self.take(deliveries, room.min(transaction.room()));
        transaction.gave(deliveries.len() - before);
        taken
    }

    /// Takes what is there and delivers it.
    fn take(&mut self, deliveries: &mut Vec<Delivery>, room: usize) -> Result<(), Error> {
        let Self { intake: Some(intake), gathering, .. } = self else { return Ok(()) };
        if room == 0 {
            return Ok(());
        }
        let mut failures = Vec::new();
        // Partitions neither come nor go while records are taken, so that each finds the slot that it was read for.
        intake.consumer().context().with_slots(|slots| {
            intake.take(room, |taken| gather(taken, slots, gathering, &mut failures));
        });
        while let Some(batch) = self.gathering.take() {
            self.deliver(&Arc::new(batch), deliveries);
        }
        failures.into_iter().try_for_each(|failure| note(&self.binding, failure))
    }

    fn deliver(&mut self, batch: &Arc<Batch>, deliveries: &mut Vec<Delivery>) {
        let mut last = None;
        for (index, record) in (0..).zip(&batch.records) {
            let Some(slot) = batch.slots.get(record.slot()) else { continue };
            let at = match last {
                Some((slot, at)) if slot == record.slot() => at,
                _ => self.open(slot, record.offset),
            };
            last = Some((record.slot(), at));
            let open = &mut self.partitions[at];
            if open.again.is_some() || slot.revoked.load(Ordering::Acquire) {
                continue;
            }
            if let Some(wait) = open.wait
                && !is_due(&mut self.resting, open, record, wait)
            {
                continue;
            }
            let Some((sequence, attempt)) = open.offsets.arrived(record.offset) else { continue };
            open.open += 1;
            self.unsettled += 1;
            let headers = Headers::received(record.content_type.clone(), batch.clone(), index);
            let mut delivery = Delivery {
                message: Message::from_parts(record.value(&batch.buffer), headers),
                key: record.key(&batch.buffer),
                partition: u32::try_from(slot.partition).unwrap_or_default(),
                position: u64::try_from(record.offset).unwrap_or_default(),
                attempt,
                ticket: Ticket::new(u64::from(slot.id) << SEQUENCE_BITS | sequence),
            };
            if open.wait.is_some() {
                open.delivered = record.offset + 1;
                restore(&mut delivery);
            }
            deliveries.push(delivery);
        }
    }

    /// Where what is open of a slot is kept.
    fn open(&mut self, slot: &Arc<Slot>, origin: i64) -> usize {
        let known = self.partitions.iter().position(|open| open.slot.id == slot.id);
        known.unwrap_or_else(|| {
            let slot = Arc::clone(slot);
            let wait = self.waits.get(&*slot.topic).copied();
            let (offsets, delivered) = (Offsets::default(), -1);
            self.partitions.push(Open { slot, offsets, open: 0, again: None, origin, wait, delivered });
            self.partitions.len() - 1
        })
    }

    /// Reads partitions again where records were given back. What is taken afterwards comes from there: the client
    /// drops what it has fetched before.
    fn read_again(&mut self) {
        let Self { intake: Some(intake), partitions, .. } = self else { return };
        self.is_behind = false;
        for open in partitions {
            let Some(offset) = open.again else { continue };
            let (topic, partition) = (&*open.slot.topic, open.slot.partition);
            // Without a time to wait this only tells the client.
            let sought = intake.consumer().seek(topic, partition, Offset::Offset(offset), Duration::ZERO);
            match sought {
                Ok(()) => open.again = None,
                // Not lost: the slot takes nothing until it is done, so that nothing behind it is committed.
                Err(error) if !open.slot.revoked.load(Ordering::Acquire) => {
                    tracing::warn!(topic, partition, offset, %error, "cannot read again; trying once more");
                    self.is_behind = true;
                }
                Err(_) => {}
            }
        }
    }

    /// Reads everything again that was delivered and is not committed; all of it is settled.
    fn rewind(&mut self) {
        self.forget_revoked();
        for open in &mut self.partitions {
            let committed = open.slot.committed.load(Ordering::Acquire);
            let position = if committed < 0 { open.origin } else { committed };
            open.offsets.rewind(position);
            open.open = 0;
            open.slot.watermark.store(committed, Ordering::Release);
            open.slot.taken.store(committed, Ordering::Release);
            open.again = Some(position);
        }
        self.unsettled = 0;
        self.read_again();
    }

    fn settle_in_slot(&mut self, number: u64, settlement: Settlement) {
        let slot = u32::try_from(number >> SEQUENCE_BITS).unwrap_or(u32::MAX);
        let sequence = number & ((1 << SEQUENCE_BITS) - 1);
        // A partition that is not ours any more has forgotten its deliveries.
        let Some(open) = self.partitions.iter_mut().find(|open| open.slot.id == slot) else { return };
        open.open = open.open.saturating_sub(1);
        self.unsettled = self.unsettled.saturating_sub(1);
        match settlement {
            Settlement::Ack | Settlement::Reject => {
                if let Some(position) = open.offsets.settle(sequence) {
                    open.slot.watermark.store(position, Ordering::Release);
                    self.is_dirty = true;
                }
            }
            // The whole transaction comes again.
            Settlement::Requeue if self.transaction.is_some() => {}
            Settlement::Requeue => {
                if let Some(offset) = open.offsets.give_back(sequence) {
                    self.resting.end(slot);
                    open.again = Some(offset);
                    self.read_again();
                }
            }
        }
    }

    /// Reads partitions again whose next record is due by now.
    fn end_rests(&mut self) {
        let over = self.resting.take_over();
        if over.is_empty() {
            return;
        }
        for open in self.partitions.iter_mut().filter(|open| !open.slot.revoked.load(Ordering::Acquire)) {
            open.again = open.again.or_else(|| over.get(&open.slot.id).copied());
        }
        self.read_again();
    }

    /// Holds partitions whose next record is not due, and wakes the task when one is.
    fn begin_rests(&mut self, cx: &mut Context<'_>, intake: &Intake) {
        for open in self.partitions.iter().filter(|open| open.wait.is_some()) {
            let is_resting = self.resting.has(open.slot.id);
            intake.consumer().context().hold_slot(intake.consumer(), &open.slot, is_resting);
        }
        self.resting.wake(cx);
    }

    /// Tells the thread to close, once.
    fn give_up(&mut self) {
        if self.intake.take().is_some() {
            self.shared.tell(Command::Close);
        }
    }

    /// Deliveries of partitions that were taken away are no longer ours.
    fn forget_revoked(&mut self) {
        let mut forgotten = 0;
        self.partitions.retain(|open| {
            let stays = !open.slot.revoked.load(Ordering::Acquire);
            forgotten += if stays { 0 } else { open.open };
            stays
        });
        self.unsettled -= forgotten;
    }
}

/// Whether a record of a topic that records wait in is due; if not, its partition rests until it is.
fn is_due(resting: &mut Resting, open: &Open, record: &Record, wait: Duration) -> bool {
    let slot = &open.slot;
    if !resting.has(slot.id) {
        let Some(left) = remaining(record.timestamp, wait, SystemTime::now()) else { return true };
        resting.rest(slot.id, record.offset, left);
    }
    // Nobody who takes the partition over is to wait for what was not delivered.
    slot.taken.store(open.delivered, Ordering::Release);
    false
}

impl Input for KafkaInput {
    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        batch: &mut Vec<Delivery>,
        max: usize,
    ) -> Poll<Result<(), Error>> {
        if self.is_behind {
            self.read_again();
        }
        self.end_rests();
        let before = batch.len();
        let mut room = max.min(self.max_in_flight.saturating_sub(self.unsettled));
        if room == 0 {
            self.forget_revoked();
            room = max.min(self.max_in_flight.saturating_sub(self.unsettled));
        }
        let Some(intake) = self.intake.clone() else { return Poll::Ready(Err(closed())) };
        // Looks once more after having said whom to wake, so that nothing is missed in between.
        for is_waiting in [false, true] {
            if is_waiting {
                intake.register(cx.waker());
            }
            if let Err(failure) = self.take_within(batch, room) {
                self.shared.lock().failure = Some(failure);
            }
            if batch.len() > before {
                return Poll::Ready(Ok(()));
            }
        }
        self.begin_rests(cx, &intake);
        match self.shared.lock().failure.take() {
            Some(failure) => Poll::Ready(Err(failure)),
            None => Poll::Pending,
        }
    }

    fn settle(&mut self, ticket: Ticket, settlement: Settlement) {
        let number = ticket.into_number();
        let is_requeued = settlement == Settlement::Requeue;
        self.settle_in_slot(number, settlement);
        if let Some(transaction) = &self.transaction
            && transaction.settled(is_requeued)
            && let Some(intake) = &self.intake
        {
            intake.wake();
        }
    }

    fn hold(&mut self, partition: u32, held: bool) {
        if let (Some(intake), Ok(partition)) = (&self.intake, i32::try_from(partition)) {
            intake.consumer().context().hold(intake.consumer(), partition, held);
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if std::mem::take(&mut self.is_dirty) {
            self.flush += 1;
            self.shared.tell(Command::Flush(self.flush));
        }
        let mut inbox = self.shared.lock();
        if let Some(failure) = inbox.flush_failure.take() {
            return Poll::Ready(Err(failure));
        }
        if inbox.flushed >= self.flush {
            drop(inbox);
            let stayed = have_gone(self.partitions.iter().map(|open| &open.slot));
            if stayed.is_err() {
                self.forget_revoked();
            }
            return Poll::Ready(stayed);
        }
        if inbox.closed {
            return Poll::Ready(Err(closed()));
        }
        inbox.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn health(&self) -> Arc<dyn Health> {
        Arc::clone(&self.pulse) as _
    }

    fn close(mut self: Box<Self>) -> BoxFuture<'static, Result<(), Error>> {
        async move {
            self.give_up();
            poll_fn(|cx| {
                let mut inbox = self.shared.lock();
                if inbox.closed {
                    return Poll::Ready(inbox.flush_failure.take().map_or(Ok(()), Err));
                }
                inbox.waker = Some(cx.waker().clone());
                Poll::Pending
            })
            .await
        }
        .boxed()
    }
}

impl Drop for KafkaInput {
    fn drop(&mut self) {
        self.give_up();
    }
}
