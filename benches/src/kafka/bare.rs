//! The loop that an expert would write by hand: thousands of sends in flight, a ticket per send, and the end of the
//! confirmed prefix of each partition committed.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use rdkafka::{Offset, TopicPartitionList};

use super::cluster::headers;
use super::{Clocks, Cluster, Cost, PARTITIONS};
use crate::Failure;
use crate::counted::by_hand;

/// How many messages may be unconfirmed.
const WINDOW: usize = 10_000;
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
    confirmed: u64,
    failed: u64,
}

struct Reports(Mutex<Tickets>);

impl ClientContext for Reports {}

impl ProducerContext for Reports {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: usize) {
        let mut tickets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if result.is_err() {
            tickets.failed += 1;
            return;
        }
        tickets.confirmed += 1;
        let ring = &mut tickets.rings[ticket >> SEQUENCE_BITS];
        let at = (ticket as u64 & ((1 << SEQUENCE_BITS) - 1)) - ring.first;
        ring.open[at as usize].1 = true;
        while let Some((offset, true)) = ring.open.front().copied() {
            ring.open.pop_front();
            ring.first += 1;
            ring.watermark = offset + 1;
        }
    }
}

/// Passes every message through the function by hand.
///
/// # Errors
/// When the broker or a message fails.
pub fn run(cluster: &Cluster, group: &str, messages: u64) -> Result<Cost, Failure> {
    let mut client = cluster.client();
    client.set("group.id", group).set("enable.auto.commit", "false").set("auto.offset.reset", "earliest");
    let consumer: BaseConsumer = client.create()?;
    consumer.subscribe(&[&cluster.from])?;
    let mut client = cluster.client();
    client.set("enable.idempotence", "true").set("acks", "all").set("linger.ms", "5");
    let producer: ThreadedProducer<Reports> = client.create_with_context(Reports(Mutex::default()))?;
    let (mut clocks, mut sent) = (None, 0);
    let mut committed = Instant::now();
    loop {
        let (open, confirmed) = state(&producer)?;
        if confirmed == messages {
            break;
        }
        let before = sent;
        if open < WINDOW {
            for _ in 0..256 {
                let Some(message) = consumer.poll(Duration::ZERO) else { break };
                let message = message?;
                if clocks.is_none() {
                    clocks = Some(Clocks::start()?);
                }
                let ticket = ticket(&producer, message.partition(), message.offset());
                let payload = by_hand(bytes::Bytes::copy_from_slice(message.payload().unwrap_or_default()))?;
                let mut record = BaseRecord::<[u8], [u8], usize>::with_opaque_to(&cluster.to, ticket);
                record.payload = Some(&payload);
                record.headers = Some(headers());
                producer.send(record).map_err(|(error, _)| error)?;
                sent += 1;
            }
        }
        // With nothing to send it rests, or it would only burn the CPU.
        if sent == before {
            std::thread::sleep(Duration::from_millis(1));
        }
        if committed.elapsed() > Duration::from_millis(500) {
            committed = Instant::now();
            commit(&consumer, &producer, &cluster.from, CommitMode::Async)?;
        }
    }
    commit(&consumer, &producer, &cluster.from, CommitMode::Sync)?;
    clocks.ok_or("nothing was received")?.stop(messages)
}

fn state(producer: &ThreadedProducer<Reports>) -> Result<(usize, u64), Failure> {
    let tickets = producer.client().context().0.lock().unwrap_or_else(PoisonError::into_inner);
    if tickets.failed > 0 {
        return Err("a message was not confirmed".into());
    }
    Ok((tickets.rings.iter().map(|ring| ring.open.len()).sum(), tickets.confirmed))
}

fn ticket(producer: &ThreadedProducer<Reports>, partition: i32, offset: i64) -> usize {
    let mut tickets = producer.client().context().0.lock().unwrap_or_else(PoisonError::into_inner);
    let partition = partition as usize;
    let ring = &mut tickets.rings[partition];
    ring.open.push_back((offset, false));
    partition << SEQUENCE_BITS | (ring.first + ring.open.len() as u64 - 1) as usize
}

fn commit(
    consumer: &BaseConsumer,
    producer: &ThreadedProducer<Reports>,
    topic: &str,
    mode: CommitMode,
) -> Result<(), Failure> {
    let mut positions = TopicPartitionList::new();
    let tickets = producer.client().context().0.lock().unwrap_or_else(PoisonError::into_inner);
    for (partition, ring) in (0..).zip(&tickets.rings) {
        if ring.watermark > 0 {
            positions.add_partition_offset(topic, partition, Offset::Offset(ring.watermark))?;
        }
    }
    if positions.count() > 0 {
        consumer.commit(&positions, mode)?;
    }
    Ok(())
}
