//! Where messages of a producer go out, and where reports of them come back.

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::{self, NonNull};
use std::task::{Context, Poll};

use rdkafka::bindings as rd;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, Producer};

use super::headers::RecordHeaders;
use super::queue::Queue;
use crate::binder::kafka::reports::Reports;

/// The partition that leaves the choice to the library.
const ANY_PARTITION: i32 = -1;
/// How many reports are read at once.
const MOST: usize = 256;

// A message's number travels as the library's opaque pointer.
const _: () = assert!(usize::BITS >= 64, "numbers of messages must fit into a pointer");

/// A producer of one topic, whose events are read by the task that sends.
pub(in super::super) struct Outlet {
    // These go before the client that they belong to.
    queue: Queue,
    topic: Topic,
    producer: BaseProducer<Reports>,
}

/// A message to hand over.
#[derive(Debug)]
pub(in super::super) struct Sent<'a> {
    /// Another topic than the producer's.
    pub(in super::super) topic: Option<&'a str>,
    pub(in super::super) key: Option<&'a [u8]>,
    pub(in super::super) value: Option<&'a [u8]>,
    /// Where the library is not to choose.
    pub(in super::super) partition: Option<i32>,
    pub(in super::super) headers: Option<RecordHeaders>,
    /// What the report of it will carry.
    pub(in super::super) number: u64,
}

/// Why a message was not taken.
#[derive(Debug)]
pub(in super::super) struct Refusal {
    pub(in super::super) code: RDKafkaErrorCode,
    pub(in super::super) topic: String,
    /// Whether one of its batch is at fault, and it is not known which.
    pub(in super::super) is_one_of_several: bool,
    /// How long its payload is, in bytes.
    pub(in super::super) size: usize,
}

impl Outlet {
    /// Looks the topic up, once for all messages.
    pub(in super::super) fn new(producer: BaseProducer<Reports>, topic: &str) -> Result<Self, KafkaError> {
        let topic = Topic::look_up(&producer, topic)?;
        // SAFETY: the client is valid; the queue is dropped before the producer that keeps the client.
        let queue = unsafe { Queue::own(rd::rd_kafka_queue_get_main(producer.client().native_ptr())) };
        match queue {
            Some(queue) => Ok(Self { queue, topic, producer }),
            None => Err(KafkaError::ClientCreation("no queue for reports".to_owned())),
        }
    }

    /// The producer.
    pub(in super::super) const fn producer(&self) -> &BaseProducer<Reports> {
        &self.producer
    }

    /// Why the producer takes no message any more, ever, if it has failed for good.
    pub(in super::super) fn failure(&self) -> Option<String> {
        self.producer.client().fatal_error().map(|(_, reason)| reason)
    }

    /// Hands a message over, which is copied.
    #[inline]
    pub(in super::super) fn send(&self, message: Sent<'_>) -> Result<(), RDKafkaErrorCode> {
        use rd::rd_kafka_vtype_t as Type;
        let place = |bytes: Option<&[u8]>| {
            bytes.map_or((ptr::null::<c_void>(), 0), |bytes| (bytes.as_ptr().cast(), bytes.len()))
        };
        let ((key, key_length), (value, length)) = (place(message.key), place(message.value));
        let headers = message.headers.as_ref().map_or(ptr::null_mut(), RecordHeaders::as_ptr);
        let other = match message.topic {
            None => None,
            Some(name) => {
                Some(Topic::look_up(&self.producer, name).map_err(|_| RDKafkaErrorCode::InvalidTopic)?)
            }
        };
        // SAFETY: client and topic are valid. Each argument has the type that the tag before it asks for, and the last
        // tag ends them. Key and value are copied before the call returns.
        let error = unsafe {
            rd::rd_kafka_producev(
                self.producer().client().native_ptr(),
                Type::RD_KAFKA_VTYPE_RKT,
                other.as_ref().unwrap_or(&self.topic).0.as_ptr(),
                Type::RD_KAFKA_VTYPE_PARTITION,
                message.partition.unwrap_or(ANY_PARTITION),
                Type::RD_KAFKA_VTYPE_MSGFLAGS,
                rd::RD_KAFKA_MSG_F_COPY,
                Type::RD_KAFKA_VTYPE_VALUE,
                value,
                length,
                Type::RD_KAFKA_VTYPE_KEY,
                key,
                key_length,
                Type::RD_KAFKA_VTYPE_OPAQUE,
                ptr::without_provenance::<c_void>(opaque(message.number)),
                Type::RD_KAFKA_VTYPE_HEADERS,
                headers,
                Type::RD_KAFKA_VTYPE_END,
            )
        };
        match RDKafkaErrorCode::from(error) {
            RDKafkaErrorCode::NoError => {
                // The library has taken them over, as it does when it takes the message.
                std::mem::forget(message.headers);
                Ok(())
            }
            code => Err(code),
        }
    }

    /// Has the client look for its cluster again if it has forgotten every broker.
    fn find_cluster(&self) {
        if self.producer.context().pulse().take_lost() {
            // SAFETY: the client is valid.
            unsafe { super::bootstrap::look_again(self.producer.client().native_ptr()) };
        }
    }

    /// Reads every report that has come: number, and what went wrong if so. Passes on what else
    /// the client has to say. Never waits; the task is woken when something comes.
    pub(in super::super) fn poll_reports(
        &self,
        cx: &mut Context<'_>,
        mut tell: impl FnMut(u64, Option<Refusal>),
    ) -> Poll<()> {
        if !self.queue.is_filled() {
            self.queue.register(cx.waker());
            // What has come in between has woken nobody.
            if !self.queue.is_filled() {
                return Poll::Pending;
            }
        }
        while let Some(event) = Event::next(&self.queue) {
            match event.kind() {
                rd::RD_KAFKA_EVENT_DR => event.reports(&mut tell),
                rd::RD_KAFKA_EVENT_ERROR => event.error(self.producer().context()),
                rd::RD_KAFKA_EVENT_STATS => {
                    event.statistics(self.producer().context());
                    self.find_cluster();
                }
                rd::RD_KAFKA_EVENT_LOG => event.log(self.producer().context()),
                _ => {}
            }
        }
        Poll::Ready(())
    }
}

const fn opaque(number: u64) -> usize {
    #[expect(clippy::cast_possible_truncation, reason = "a pointer has 64 bits, see above")]
    let opaque = number as usize;
    opaque
}

#[cold]
fn refusal(message: &rd::rd_kafka_message_t) -> Refusal {
    // SAFETY: a report refers to its topic, whose name ends with a zero byte and lives as long.
    let topic = unsafe { text(rd::rd_kafka_topic_name(message.rkt)) }.into_owned();
    Refusal { code: message.err.into(), topic, is_one_of_several: false, size: message.len }
}

/// Where all messages of a batch are told to be bad, that is meant of all or of any one of them.
#[cold]
fn doubt(refused: &mut [(u64, Refusal)]) {
    let is_bad = |refusal: &Refusal| refusal.code == RDKafkaErrorCode::InvalidRecord;
    if refused.len() > 1 && refused.iter().all(|(_, refusal)| is_bad(refusal)) {
        for (_, refusal) in refused {
            refusal.code = RDKafkaErrorCode::InvalidDifferentRecord;
            refusal.is_one_of_several = true;
        }
    }
}

/// A reference to a topic, given back when dropped.
#[derive(Debug)]
struct Topic(NonNull<rd::rd_kafka_topic_t>);

impl Topic {
    /// The topic of a name. Drop it before the producer.
    fn look_up(producer: &BaseProducer<Reports>, name: &str) -> Result<Self, KafkaError> {
        let name = CString::new(name)?;
        // SAFETY: the client is valid, and the name for the length of the call; without settings of its own the topic
        // has those of the client.
        let topic =
            unsafe { rd::rd_kafka_topic_new(producer.client().native_ptr(), name.as_ptr(), ptr::null_mut()) };
        let found = NonNull::new(topic).map(Self);
        found.ok_or_else(|| KafkaError::ClientCreation(format!("no topic can be named {name:?}")))
    }
}

// SAFETY: the library counts references to a topic atomically and locks what it changes.
unsafe impl Send for Topic {}
// SAFETY: as above.
unsafe impl Sync for Topic {}

impl Drop for Topic {
    fn drop(&mut self) {
        // SAFETY: the reference is ours and given back once.
        unsafe { rd::rd_kafka_topic_destroy(self.0.as_ptr()) };
    }
}

/// An event of the client, given back when dropped.
struct Event(NonNull<rd::rd_kafka_event_t>);

impl Event {
    fn next(queue: &Queue) -> Option<Self> {
        // SAFETY: the queue is valid; the event is ours.
        NonNull::new(unsafe { rd::rd_kafka_queue_poll(queue.as_ptr(), 0) }).map(Self)
    }

    fn kind(&self) -> i32 {
        // SAFETY: the event is valid.
        unsafe { rd::rd_kafka_event_type(self.0.as_ptr()) }
    }

    /// Tells of the messages of a batch.
    fn reports(&self, tell: &mut impl FnMut(u64, Option<Refusal>)) {
        let mut refused = Vec::new();
        loop {
            let mut messages = [ptr::null(); MOST];
            // SAFETY: the event is valid and the array has room for so many pointers. Each call gives those that the
            // calls before have not given; all of them live as long as the event.
            let count = unsafe {
                rd::rd_kafka_event_message_array(self.0.as_ptr(), messages.as_mut_ptr(), messages.len())
            };
            for message in &messages[..count] {
                // SAFETY: the library has written so many pointers to messages.
                let message = unsafe { &**message };
                let is_accepted = message.err == rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;
                let number = message._private.addr() as u64;
                if is_accepted {
                    tell(number, None);
                } else {
                    refused.push((number, refusal(message)));
                }
            }
            if count < messages.len() {
                break;
            }
        }
        if !refused.is_empty() {
            doubt(&mut refused);
            refused.into_iter().for_each(|(number, refusal)| tell(number, Some(refusal)));
        }
    }

    fn error(&self, context: &Reports) {
        // SAFETY: the event is valid, and the text as long as the event.
        let (code, text) = unsafe {
            let text = text(rd::rd_kafka_event_error_string(self.0.as_ptr()));
            (rd::rd_kafka_event_error(self.0.as_ptr()), text)
        };
        context.error(KafkaError::Global(code.into()), text.trim());
    }

    fn statistics(&self, context: &Reports) {
        // SAFETY: the event is valid, and the text as long as the event.
        let report = unsafe { text(rd::rd_kafka_event_stats(self.0.as_ptr())) };
        context.stats_raw(report.as_bytes());
    }

    fn log(&self, context: &Reports) {
        let (mut facility, mut message, mut level) = (ptr::null(), ptr::null(), 0);
        // SAFETY: the event is valid and the places to write to are ours; the texts live as long as the event.
        let (facility, message) = unsafe {
            rd::rd_kafka_event_log(self.0.as_ptr(), &raw mut facility, &raw mut message, &raw mut level);
            (text(facility), text(message))
        };
        context.log(level_of(level), facility.trim(), message.trim());
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: the event is ours and given back once.
        unsafe { rd::rd_kafka_event_destroy(self.0.as_ptr()) };
    }
}

/// A text of the library; empty if it is null.
///
/// # Safety
/// Null, or a text that ends with a zero byte and lives as long as `'a`.
unsafe fn text<'a>(start: *const c_char) -> std::borrow::Cow<'a, str> {
    // SAFETY: as demanded.
    if start.is_null() { "".into() } else { unsafe { CStr::from_ptr(start) }.to_string_lossy() }
}

/// The levels of syslog.
const fn level_of(level: i32) -> RDKafkaLogLevel {
    match level {
        ..=3 => RDKafkaLogLevel::Error,
        4 => RDKafkaLogLevel::Warning,
        5 => RDKafkaLogLevel::Notice,
        6 => RDKafkaLogLevel::Info,
        _ => RDKafkaLogLevel::Debug,
    }
}
