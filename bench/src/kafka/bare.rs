//! The loop that an expert would write by hand with the safe calls of the client: one thread that consumes, calls,
//! produces and reads reports; thousands of sends in flight; a ticket per send; the end of the confirmed prefix of
//! each partition committed. No lock, no channel and no allocation of its own per message.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::message::{BorrowedMessage, DeliveryResult, Message as _};
use rdkafka::producer::{BaseProducer, BaseRecord, ProducerContext};
use rdkafka::{Offset, TopicPartitionList};

use super::cluster::headers;
use super::pass::Clocks;
use super::{Cost, PARTITIONS, Pass};
use crate::Failure;
use crate::story::{AccountsMsg, email, sms};

/// How many messages may be unconfirmed.
const WINDOW: usize = 10_000;
/// How many are sent between two looks at the reports.
const BURST: usize = 256;
const SEQUENCE_BITS: u32 = 40;

/// The open offsets of a partition.
#[derive(Default)]
struct Ring {
    open: VecDeque<(i64, bool)>,
    first: u64,
    watermark: i64,
}

#[derive(Default)]
struct Tickets {
    rings: [Ring; PARTITIONS as usize],
    open: usize,
    confirmed: u64,
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
        let ring = &mut self.rings[partition];
        ring.open.push_back((offset, false));
        self.open += 1;
        partition << SEQUENCE_BITS | (ring.first + ring.open.len() as u64 - 1) as usize
    }

    fn report(&mut self, accepted: bool, ticket: usize) {
        self.failed |= !accepted;
        self.confirmed += 1;
        self.open -= 1;
        let ring = &mut self.rings[ticket >> SEQUENCE_BITS];
        let at = (ticket as u64 & ((1 << SEQUENCE_BITS) - 1)) - ring.first;
        ring.open[at as usize].1 = true;
        while let Some((offset, true)) = ring.open.front().copied() {
            ring.open.pop_front();
            ring.first += 1;
            ring.watermark = offset + 1;
        }
    }
}

/// Passes every message through the functions by hand.
pub(super) fn run(pass: &Pass) -> Result<Cost, Failure> {
    let Pass { cluster, group, messages, linger, .. } = pass;
    let mut client = cluster.client();
    client.set("group.id", group).set("enable.auto.commit", "false").set("auto.offset.reset", "earliest");
    let consumer: BaseConsumer = client.create()?;
    consumer.subscribe(&[&cluster.from])?;
    let mut client = cluster.client();
    client.set("enable.idempotence", "true").set("acks", "all");
    client.set("linger.ms", linger.unwrap_or(0).to_string());
    let producer: BaseProducer<Reports> = client.create_with_context(Reports)?;
    let (mut clocks, mut committed) = (None, Instant::now());
    loop {
        producer.poll(Duration::ZERO);
        let (mut open, confirmed, failed) =
            TICKETS.with_borrow(|tickets| (tickets.open, tickets.confirmed, tickets.failed));
        if failed {
            return Err("a message was not confirmed".into());
        }
        if confirmed == *messages {
            break;
        }
        for sent in 0..BURST {
            if open >= WINDOW {
                break;
            }
            // It rests when nothing comes; reports may wait that long, messages do not.
            let patience = if sent == 0 { Duration::from_millis(1) } else { Duration::ZERO };
            let Some(message) = consumer.poll(patience) else { break };
            let message = message?;
            if clocks.is_none() {
                clocks = Some(Clocks::start()?);
            }
            handle(&producer, &cluster.to, &message)?;
            open += 1;
        }
        if open >= WINDOW {
            producer.poll(Duration::from_millis(1));
        }
        if committed.elapsed() > Duration::from_millis(500) {
            committed = Instant::now();
            commit(&consumer, &cluster.from, CommitMode::Async)?;
        }
    }
    let cost = clocks.ok_or("nothing was received")?.stop(*messages);
    commit(&consumer, &cluster.from, CommitMode::Sync)?;
    cost
}

fn handle(producer: &BaseProducer<Reports>, to: &str, message: &BorrowedMessage<'_>) -> Result<(), Failure> {
    let account: AccountsMsg = serde_json::from_slice(message.payload().unwrap_or_default())?;
    let answer = serde_json::to_vec(&sms(email(account)))?;
    let ticket = TICKETS.with_borrow_mut(|tickets| tickets.take(message.partition(), message.offset()));
    let mut record = BaseRecord::<[u8], [u8], usize>::with_opaque_to(to, ticket);
    record.payload = Some(&answer);
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
