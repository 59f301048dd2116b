//! Where the records of a consumer come in: a queue of our own, beside that of its other events.

use std::ffi::{CStr, CString};
use std::ptr;
use std::slice;
use std::sync::Arc;
use std::task::Waker;

use rdkafka::Timestamp;
use rdkafka::bindings as rd;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::headers::Entries;
use super::queue::Queue;
use crate::binder::kafka::rebalance::Assignment;

/// How many records are taken at once at most.
const MOST: usize = 256;

/// A consumer whose records come into a queue of their own, from which they are taken many at a time by any thread.
/// Its other events, rebalances above all, stay where the consumer is polled for them.
pub(in super::super) struct Intake {
    // Goes before the client that it belongs to.
    queue: Queue,
    consumer: BaseConsumer<Assignment>,
}

impl Intake {
    /// Puts a queue beside a consumer that has no partitions yet.
    pub(in super::super) fn new(consumer: BaseConsumer<Assignment>) -> Result<Arc<Self>, KafkaError> {
        // SAFETY: the client is valid; the queue is dropped before the consumer that keeps it.
        let queue = unsafe { Queue::own(rd::rd_kafka_queue_new(consumer.client().native_ptr())) };
        let queue = queue.ok_or_else(|| KafkaError::ClientCreation("no queue for records".to_owned()))?;
        let intake = Arc::new(Self { queue, consumer });
        intake.consumer.context().set_intake(&intake);
        Ok(intake)
    }

    /// The consumer, to be polled for everything but records.
    pub(in super::super) const fn consumer(&self) -> &BaseConsumer<Assignment> {
        &self.consumer
    }

    /// Has the records of a partition come in here. To be said before each assignment of it: the library forgets it
    /// when the partition goes.
    pub(in super::super) fn direct(&self, topic: &str, partition: i32) -> Result<(), KafkaError> {
        let topic = CString::new(topic)?;
        // SAFETY: the client and both queues are valid; the library keeps its own reference to the one that records are
        // sent to, and that to the partition's queue is given back.
        unsafe {
            let from = rd::rd_kafka_queue_get_partition(
                self.consumer.client().native_ptr(),
                topic.as_ptr(),
                partition,
            );
            if from.is_null() {
                return Err(KafkaError::Global(RDKafkaErrorCode::UnknownPartition));
            }
            rd::rd_kafka_queue_forward(from, self.queue.as_ptr());
            rd::rd_kafka_queue_destroy(from);
        }
        Ok(())
    }

    /// Has a task woken when records come.
    pub(in super::super) fn register(&self, waker: &Waker) {
        self.queue.register(waker);
    }

    /// Wakes whoever waits for records.
    pub(in super::super) fn wake(&self) {
        self.queue.wake();
    }

    /// Takes what is there, at most `max` records, and gives them back when they were looked at; never waits. What is
    /// an error instead of a record says so by [`Received::failure`].
    pub(in super::super) fn take(&self, max: usize, look: impl FnOnce(&Taken)) {
        if !self.queue.is_filled() {
            return;
        }
        let mut taken = Taken { messages: [ptr::null_mut(); MOST], count: 0 };
        let size = max.min(MOST);
        // SAFETY: the queue is valid and the array has room for `size` pointers.
        let count = unsafe {
            rd::rd_kafka_consume_batch_queue(self.queue.as_ptr(), 0, taken.messages.as_mut_ptr(), size)
        };
        taken.count = usize::try_from(count).unwrap_or(0);
        if taken.count == size {
            self.queue.leave();
        }
        look(&taken);
    }
}

/// Records that were taken, and are given back when dropped.
#[derive(Debug)]
pub(in super::super) struct Taken {
    messages: [*mut rd::rd_kafka_message_t; MOST],
    /// How many of them the library has written.
    count: usize,
}

impl Taken {
    /// The records in the order in which they came.
    pub(in super::super) fn iter(&self) -> impl Iterator<Item = Received<'_>> {
        // SAFETY: the library has written so many pointers to messages, which are ours until `self` is dropped.
        self.messages[..self.count].iter().map(|message| Received(unsafe { &**message }))
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        for message in &self.messages[..self.count] {
            // SAFETY: each was taken, and is given back once.
            unsafe { rd::rd_kafka_message_destroy(*message) };
        }
    }
}

/// A record as long as it is looked at.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Received<'a>(&'a rd::rd_kafka_message_t);

impl<'a> Received<'a> {
    /// What it is instead of a record.
    pub(in super::super) fn failure(self) -> Option<RDKafkaErrorCode> {
        let is_record = self.0.err == rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;
        if is_record { None } else { Some(self.0.err.into()) }
    }

    /// Whether it comes from the same partition as another.
    pub(in super::super) fn is_beside(self, other: Self) -> bool {
        // A topic is one object of the library as long as any record refers to it.
        ptr::eq(self.0.rkt, other.0.rkt) && self.0.partition == other.0.partition
    }

    /// The topic's name.
    pub(in super::super) fn topic(self) -> &'a [u8] {
        if self.0.rkt.is_null() {
            return b"";
        }
        // SAFETY: a record refers to its topic, whose name ends with a zero byte and lives as long.
        unsafe { CStr::from_ptr(rd::rd_kafka_topic_name(self.0.rkt)) }.to_bytes()
    }

    pub(in super::super) const fn partition(self) -> i32 {
        self.0.partition
    }

    pub(in super::super) const fn offset(self) -> i64 {
        self.0.offset
    }

    pub(in super::super) fn key(self) -> Option<&'a [u8]> {
        // SAFETY: the library says where the key lies, as long as the message is ours.
        unsafe { bytes(self.0.key.cast(), self.0.key_len) }
    }

    pub(in super::super) fn value(self) -> Option<&'a [u8]> {
        // SAFETY: as for the key.
        unsafe { bytes(self.0.payload.cast(), self.0.len) }
    }

    pub(in super::super) fn timestamp(self) -> Timestamp {
        use rd::rd_kafka_timestamp_type_t as Type;
        let mut kind = Type::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is valid and the place to write to is ours.
        let time = unsafe { rd::rd_kafka_message_timestamp(self.0, &raw mut kind) };
        match kind {
            Type::RD_KAFKA_TIMESTAMP_CREATE_TIME if time != -1 => Timestamp::CreateTime(time),
            Type::RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME if time != -1 => Timestamp::LogAppendTime(time),
            _ => Timestamp::NotAvailable,
        }
    }

    /// Name and value of each header.
    pub(in super::super) fn headers(self) -> Entries<'a> {
        let mut list = ptr::null_mut();
        // SAFETY: the message is valid and nobody else reads its headers now; the place to write to is ours. The list
        // stays null where there is none, and else lives as long as the message.
        unsafe {
            rd::rd_kafka_message_headers(self.0, &raw mut list);
            Entries::of(list)
        }
    }
}

/// The bytes at a place; nothing if it is null.
///
/// # Safety
/// Null, or so many bytes that are valid and unchanged for as long as `'a`.
const unsafe fn bytes<'a>(start: *const u8, length: usize) -> Option<&'a [u8]> {
    // SAFETY: as demanded.
    if start.is_null() { None } else { Some(unsafe { slice::from_raw_parts(start, length) }) }
}
