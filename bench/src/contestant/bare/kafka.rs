//! The loop that an expert would write by hand with the safe calls of the client: one thread that consumes, calls,
//! produces and reads reports; thousands of sends in flight; a ticket per send; the end of the confirmed prefix of
//! each partition committed. No lock, no channel and no allocation of its own per message.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::message::{BorrowedMessage, DeliveryResult, Header, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, ProducerContext};
use rdkafka::{Offset, TopicPartitionList};

use super::{Ending, Task};
use crate::Failure;
use crate::story::{AccountsMsg, email, sms};

/// How many messages may be unconfirmed.
pub(super) const WINDOW: usize = 10_000;
/// How many are sent between two looks at the reports.
const BURST: usize = 256;
const SEQUENCE_BITS: u32 = 40;
/// How often offsets are committed.
const COMMITS: Duration = Duration::from_millis(500);

/// The open offsets of a partition.
#[derive(Default)]
struct Ring {
    open: VecDeque<(i64, bool)>,
    first: u64,
    watermark: i64,
}

#[derive(Default)]
struct Tickets {
    rings: Vec<Ring>,
    open: usize,
    failed: bool,
}

thread_local! {
    /// Reports are delivered to the thread that polls, which is the only one.
    static TICKETS: RefCell<Tickets> = RefCell::default();
}

struct Reports;

impl ClientContext for Reports {}

impl ProducerContext for Reports {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: usize) {
        TICKETS.with_borrow_mut(|tickets| tickets.report(result.is_ok(), ticket));
    }
}

impl Tickets {
    fn take(&mut self, partition: i32, offset: i64) -> usize {
        let partition = partition as usize;
        if partition >= self.rings.len() {
            self.rings.resize_with(partition + 1, Ring::default);
        }
        let ring = &mut self.rings[partition];
        ring.open.push_back((offset, false));
        self.open += 1;
        partition << SEQUENCE_BITS | (ring.first + ring.open.len() as u64 - 1) as usize
    }

    fn report(&mut self, accepted: bool, ticket: usize) {
        self.failed |= !accepted;
        self.open -= 1;
        let ring = &mut self.rings[ticket >> SEQUENCE_BITS];
        let at = (ticket as u64 & ((1 << SEQUENCE_BITS) - 1)) - ring.first;
        ring.open[at as usize].1 = accepted;
        while let Some((offset, true)) = ring.open.front().copied() {
            ring.open.pop_front();
            ring.first += 1;
            ring.watermark = offset + 1;
        }
    }
}

/// The client of a consumer.
fn consumer(task: &Task) -> ClientConfig {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", &task.address).set("group.id", &task.group);
    client.set("enable.auto.commit", "false").set("auto.offset.reset", "earliest");
    // Else the client fetches nothing for a second whenever it has fetched enough.
    client.set("fetch.queue.backoff.ms", "10");
    client
}

/// The client of a producer; tuned, it waits for more messages.
pub(super) fn producer(task: &Task) -> ClientConfig {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", &task.address).set("partitioner", "murmur2_random");
    client.set("enable.idempotence", "true").set("acks", "all");
    client.set("linger.ms", if task.tuned { "5" } else { "0" });
    client
}

/// The headers that Spring writes and reads.
pub(super) fn headers() -> OwnedHeaders {
    let header = |key, value| Header { key, value: Some(value) };
    OwnedHeaders::new_with_capacity(2)
        .insert(header("contentType", "application/json"))
        .insert(header("spring_json_header_types", r#"{"contentType":"java.lang.String"}"#))
}

/// Passes messages through the functions by hand.
pub(super) fn run(task: &Task, ending: &Ending) -> Result<(), Failure> {
    let consumer: BaseConsumer = consumer(task).create()?;
    consumer.subscribe(&[&task.input])?;
    let producer: BaseProducer<Reports> = producer(task).create_with_context(Reports)?;
    let mut committed = Instant::now();
    while !ending.has_come() {
        producer.poll(Duration::ZERO);
        let mut open = open()?;
        for sent in 0..BURST {
            if open >= WINDOW {
                break;
            }
            // It rests when nothing comes; reports may wait that long, messages do not.
            let patience = if sent == 0 { Duration::from_millis(1) } else { Duration::ZERO };
            let Some(message) = consumer.poll(patience) else { break };
            handle(&producer, &task.output, &message?)?;
            open += 1;
        }
        if open >= WINDOW {
            producer.poll(Duration::from_millis(1));
        }
        if committed.elapsed() > COMMITS {
            committed = Instant::now();
            commit(&consumer, &task.input, CommitMode::Async)?;
        }
    }
    while open()? > 0 {
        producer.poll(Duration::from_millis(10));
    }
    commit(&consumer, &task.input, CommitMode::Sync)
}

/// How many are unconfirmed.
fn open() -> Result<usize, Failure> {
    match TICKETS.with_borrow(|tickets| (tickets.open, tickets.failed)) {
        (_, true) => Err("a message was not confirmed".into()),
        (open, false) => Ok(open),
    }
}

fn handle(producer: &BaseProducer<Reports>, to: &str, message: &BorrowedMessage<'_>) -> Result<(), Failure> {
    let account: AccountsMsg = serde_json::from_slice(message.payload().unwrap_or_default())?;
    let answer = serde_json::to_vec(&sms(email(account)))?;
    let ticket = TICKETS.with_borrow_mut(|tickets| tickets.take(message.partition(), message.offset()));
    let mut record = BaseRecord::<[u8], [u8], usize>::with_opaque_to(to, ticket);
    record.payload = Some(&answer);
    record.key = message.key();
    record.headers = Some(headers());
    producer.send(record).map_err(|(error, _)| error)?;
    Ok(())
}

fn commit(consumer: &BaseConsumer, topic: &str, mode: CommitMode) -> Result<(), Failure> {
    let mut positions = TopicPartitionList::new();
    TICKETS.with_borrow(|tickets| {
        for (partition, ring) in (0..).zip(&tickets.rings).filter(|(_, ring)| ring.watermark > 0) {
            positions.add_partition_offset(topic, partition, Offset::Offset(ring.watermark))?;
        }
        Ok::<_, Failure>(())
    })?;
    if positions.count() > 0 {
        consumer.commit(&positions, mode)?;
    }
    Ok(())
}
