//! Where the records of a consumer come in: a queue of our own, beside that of its other events.

use std::ffi::{CStr, CString};
use std::marker::PhantomData;
use std::ptr;
use std::slice;
use std::sync::Arc;
use std::task::Waker;

use rdkafka::Timestamp;
use rdkafka::bindings as rd;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::headers::{Entries, RecordHeaders};
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

    /// Has the client look for its cluster again if it has forgotten every broker, which is to be asked now and then.
    pub(in super::super) fn find_cluster(&self) {
        if self.consumer.context().pulse.take_lost() {
            // SAFETY: the client is valid.
            unsafe { super::bootstrap::look_again(self.consumer.client().native_ptr()) };
        }
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
    pub(in super::super) fn take(&self, max: usize, look: impl FnOnce(&mut Taken)) {
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
        look(&mut taken);
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
    /// The records in the order in which they came, one value for each.
    pub(in super::super) fn records(&mut self) -> impl Iterator<Item = Received<'_>> {
        self.messages[..self.count].iter().map(|message| Received { message: *message, taken: PhantomData })
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
#[derive(Debug)]
pub(in super::super) struct Received<'a> {
    /// Written by the library, and ours until those that were taken are given back.
    message: *mut rd::rd_kafka_message_t,
    taken: PhantomData<&'a mut Taken>,
}

impl<'a> Received<'a> {
    const fn get(&self) -> &'a rd::rd_kafka_message_t {
        // SAFETY: see the field.
        unsafe { &*self.message }
    }

    /// What it is instead of a record.
    pub(in super::super) fn failure(&self) -> Option<RDKafkaErrorCode> {
        let is_record = self.get().err == rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;
        if is_record { None } else { Some(self.get().err.into()) }
    }

    /// Whether it comes from the same partition as another.
    pub(in super::super) fn is_beside(&self, other: &Self) -> bool {
        // A topic is one object of the library as long as any record refers to it.
        ptr::eq(self.get().rkt, other.get().rkt) && self.get().partition == other.get().partition
    }

    /// The topic's name.
    pub(in super::super) fn topic(&self) -> &'a [u8] {
        if self.get().rkt.is_null() {
            return b"";
        }
        // SAFETY: a record refers to its topic, whose name ends with a zero byte and lives as long.
        unsafe { CStr::from_ptr(rd::rd_kafka_topic_name(self.get().rkt)) }.to_bytes()
    }

    pub(in super::super) const fn partition(&self) -> i32 {
        self.get().partition
    }

    pub(in super::super) const fn offset(&self) -> i64 {
        self.get().offset
    }

    pub(in super::super) fn key(&self) -> Option<&'a [u8]> {
        // SAFETY: the library says where the key lies, as long as the message is ours.
        unsafe { bytes(self.get().key.cast(), self.get().key_len) }
    }

    pub(in super::super) fn value(&self) -> Option<&'a [u8]> {
        // SAFETY: as for the key.
        unsafe { bytes(self.get().payload.cast(), self.get().len) }
    }

    pub(in super::super) fn timestamp(&self) -> Timestamp {
        use rd::rd_kafka_timestamp_type_t as Type;
        let mut kind = Type::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is valid and the place to write to is ours.
        let time = unsafe { rd::rd_kafka_message_timestamp(self.message, &raw mut kind) };
        match kind {
            Type::RD_KAFKA_TIMESTAMP_CREATE_TIME if time != -1 => Timestamp::CreateTime(time),
            Type::RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME if time != -1 => Timestamp::LogAppendTime(time),
            _ => Timestamp::NotAvailable,
        }
    }

    /// Name and value of each header.
    pub(in super::super) fn headers(&mut self) -> Entries<'_> {
        let mut list = ptr::null_mut();
        // SAFETY: the message is valid and nobody else reads its headers now; the place to write to is ours. The list
        // stays null where there is none, and else lives as long as the message, unless it is taken out, for which
        // `self` must not be borrowed any more.
        unsafe {
            rd::rd_kafka_message_headers(self.message, &raw mut list);
            Entries::of(list)
        }
    }

    /// Takes the headers out of the record.
    pub(in super::super) fn take_headers(&mut self) -> Option<RecordHeaders> {
        let mut list = ptr::null_mut();
        // SAFETY: as above; what is written is null or given up by the message.
        unsafe {
            rd::rd_kafka_message_detach_headers(self.message, &raw mut list);
            RecordHeaders::own(list)
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
