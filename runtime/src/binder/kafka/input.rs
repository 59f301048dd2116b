//! The receiving end: deliveries from batches, and the positions of what is settled.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use wellspring_functions::{Headers, Message};

use super::health::Pulse;
use super::inbox::{Command, Shared, closed};
use super::offsets::Offsets;
use super::records::{Batch, Slot};
use crate::binder::{Delivery, Error, Health, Input, Settlement, Ticket};

/// How many bits of a ticket number the delivery within its slot.
const SEQUENCE_BITS: u32 = 40;

pub(super) struct KafkaInput {
    shared: Arc<Shared>,
    /// The batch being delivered, and the next of its records.
    current: Option<(Arc<Batch>, usize)>,
    /// What is open, by slot: few, and found faster than hashed.
    partitions: Vec<Open>,
    max_in_flight: usize,
    unsettled: usize,
    /// Whether anything was settled since the last flush began.
    is_dirty: bool,
    flush: u64,
    is_closing: bool,
    pulse: Arc<Pulse>,
}

/// A slot and what of it is open.
struct Open {
    slot: Arc<Slot>,
    offsets: Offsets,
    /// How often it was read again from an earlier offset.
    epoch: u32,
    open: usize,
}

impl KafkaInput {
    pub(super) fn new(shared: Arc<Shared>, max_in_flight: usize, pulse: Arc<Pulse>) -> Self {
        Self {
            shared,
            current: None,
            partitions: Vec::new(),
            max_in_flight: max_in_flight.max(1),
            unsettled: 0,
            is_dirty: false,
            flush: 0,
            is_closing: false,
            pulse,
        }
    }

    /// Delivers from the current batch; tells whether it has come to its end.
    fn deliver(&mut self, batch: &mut Vec<Delivery>, room: &mut usize) -> bool {
        let Some((records, next)) = &mut self.current else { return true };
        while *room > 0 {
            let Some(record) = records.records.get(*next) else { return true };
            let index = *next;
            *next += 1;
            let Some(slot) = records.slots.get(record.slot as usize) else { continue };
            let known = self.partitions.iter().position(|open| open.slot.id == slot.id);
            let at = known.unwrap_or(self.partitions.len());
            if known.is_none() {
                self.partitions.push(Open::new(slot));
            }
            let open = &mut self.partitions[at];
            if record.epoch != open.epoch || slot.revoked.load(Ordering::Acquire) {
                continue;
            }
            let Some((sequence, attempt)) = open.offsets.arrived(record.offset) else { continue };
            open.open += 1;
            *room -= 1;
            self.unsettled += 1;
            let source = Arc::clone(records);
            let number = u32::try_from(index).unwrap_or(u32::MAX);
            let headers = Headers::received(record.content_type.clone(), source, number);
            let payload = record.value.map(|value| value.of(&records.buffer));
            batch.push(Delivery {
                message: Message::from_parts(payload, headers),
                key: record.key.map(|key| key.of(&records.buffer)),
                partition: u32::try_from(slot.partition).unwrap_or_default(),
                position: u64::try_from(record.offset).unwrap_or_default(),
                attempt,
                ticket: Ticket::new(u64::from(slot.id) << SEQUENCE_BITS | sequence),
            });
        }
        false
    }

    /// Takes the next batch, or waits for one.
    fn poll_batch(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let mut inbox = self.shared.lock();
        if let Some(batch) = inbox.batches.pop_front() {
            inbox.records -= batch.records.len();
            inbox.bytes = inbox.bytes.saturating_sub(batch.buffer.len());
            let has_room = inbox.is_full && inbox.records <= self.max_in_flight / 2;
            if has_room {
                inbox.is_full = false;
            }
            drop(inbox);
            if has_room {
                self.shared.wake_thread();
            }
            self.current = Some((Arc::new(batch), 0));
            return Poll::Ready(Ok(()));
        }
        if let Some(failure) = inbox.failure.take() {
            return Poll::Ready(Err(failure));
        }
        if inbox.closed {
            return Poll::Ready(Err(closed()));
        }
        inbox.waker = Some(cx.waker().clone());
        Poll::Pending
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

impl Open {
    fn new(slot: &Arc<Slot>) -> Self {
        Self { slot: Arc::clone(slot), offsets: Offsets::default(), epoch: 0, open: 0 }
    }
}

impl Input for KafkaInput {
    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        batch: &mut Vec<Delivery>,
        max: usize,
    ) -> Poll<Result<(), Error>> {
        let before = batch.len();
        let mut room = max.min(self.max_in_flight.saturating_sub(self.unsettled));
        if room == 0 {
            self.forget_revoked();
            room = max.min(self.max_in_flight.saturating_sub(self.unsettled));
        }
        while room > 0 {
            if !self.deliver(batch, &mut room) {
                break;
            }
            self.current = None;
            match self.poll_batch(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) if batch.len() == before => return Poll::Ready(Err(error)),
                Poll::Ready(Err(error)) => {
                    self.shared.lock().failure = Some(error);
                    break;
                }
                Poll::Pending => break,
            }
        }
        if batch.len() > before { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn settle(&mut self, ticket: Ticket, settlement: Settlement) {
        let number = ticket.into_number();
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
            Settlement::Requeue => {
                if let Some(offset) = open.offsets.give_back(sequence) {
                    open.epoch += 1;
                    let slot = Arc::clone(&open.slot);
                    self.shared.tell(Command::Seek { slot, offset, epoch: open.epoch });
                }
            }
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
            return Poll::Ready(Ok(()));
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
            self.is_closing = true;
            self.shared.tell(Command::Close);
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
        if !self.is_closing {
            self.shared.tell(Command::Close);
        }
    }
}
