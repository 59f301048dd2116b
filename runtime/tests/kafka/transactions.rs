//! What a function sends and the offsets of its input: all of it once, or nothing.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Instant;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Message as _, Offset};
use wellspring::binder::kafka::Kafka;
use wellspring::binder::{
    Binder as _, Confirmation, Delivery, Input, InputSpec, Output, Settlement, Sharing, Transactional,
};

use crate::support::*;

const SETTINGS: &str = "transaction-id-prefix: tx-";

/// An input with one output, bound to transactions.
struct Pair {
    input: Box<dyn Input>,
    output: Box<dyn Output>,
    number: u64,
}

impl Pair {
    async fn bind(binder: &Kafka, from: &str, to: &str, group: &str) -> Self {
        Self::bind_as(binder, &input_spec(&[from], Some(group)), to).await
    }

    async fn bind_as(binder: &Kafka, spec: &InputSpec, to: &str) -> Self {
        let bound = binder.bind_transaction(spec, &[output_spec(to)], None).expect("transactions");
        let Transactional { input, mut outputs, .. } = bound.await.unwrap();
        Self { input, output: outputs.remove(0), number: 0 }
    }

    /// Sends what a delivery says, without settling it.
    async fn forward(&mut self, delivery: &Delivery) {
        poll_fn(|cx| self.output.poll_ready(cx)).await.unwrap();
        self.output.send(plain(delivery.message.clone()), self.number);
        self.number += 1;
    }

    /// Receives so many deliveries and sends what they say; settles them when everything is confirmed.
    async fn process(&mut self, count: usize) -> Vec<String> {
        let deliveries = receive(&mut *self.input, count).await;
        for delivery in &deliveries {
            self.forward(delivery).await;
        }
        self.confirm(count).await;
        let done = |delivery: Delivery| {
            let told = text(&delivery).to_owned();
            self.input.settle(delivery.ticket, Settlement::Ack);
            told
        };
        deliveries.into_iter().map(done).collect()
    }

    async fn confirm(&mut self, count: usize) -> Vec<Confirmation> {
        let mut confirmed = Vec::new();
        while confirmed.len() < count {
            let next = poll_fn(|cx| self.output.poll_confirmed(cx, &mut confirmed));
            tokio::time::timeout(PATIENCE, next).await.expect("a confirmation").unwrap();
        }
        confirmed
    }

    async fn close(self) {
        self.input.close().await.unwrap();
        self.output.close().await.unwrap();
    }
}

fn numbers(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}

fn produce(cluster: &Cluster, topic: &str, numbers: &[String]) {
    cluster.produce(topic, numbers.iter().map(|text| Record::of(text.as_bytes())));
}

/// Everything that a reader of committed records sees, until the end of every partition.
fn committed(cluster: &Cluster, topic: &str) -> Vec<String> {
    let consumer: BaseConsumer = cluster
        .client()
        .set("group.id", cluster.name("reader"))
        .set("isolation.level", "read_committed")
        .set("enable.partition.eof", "true")
        .create()
        .unwrap();
    let partitions = i32::try_from(cluster.partitions(topic)).unwrap();
    let mut all = TopicPartitionList::new();
    for partition in 0..partitions {
        all.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&all).unwrap();
    let (mut ends, mut seen) = (0, Vec::new());
    while ends < partitions {
        match consumer.poll(PATIENCE).expect("the end of each partition") {
            Ok(record) => seen.push(String::from_utf8(record.payload().unwrap().to_vec()).unwrap()),
            Err(rdkafka::error::KafkaError::PartitionEOF(_)) => ends += 1,
            Err(error) => panic!("{error}"),
        }
    }
    seen
}

#[tokio::test]
async fn outputs_are_seen_when_their_transaction_is_committed_and_not_before() {
    let Some(cluster) = Cluster::find() else { return };
    let (from, to) = (cluster.topic("from", 1).await, cluster.topic("to", 1).await);
    let (group, binder) = (cluster.name("g"), cluster.binder(SETTINGS));
    produce(&cluster, &from, &numbers(0..10));
    let mut pair = Pair::bind(&binder, &from, &to, &group).await;
    let deliveries = receive(&mut *pair.input, 10).await;
    for delivery in &deliveries {
        pair.forward(delivery).await;
    }
    assert!(pair.confirm(10).await.iter().all(|confirmation| confirmation.result.is_ok()));
    assert_eq!(committed(&cluster, &to), Vec::<String>::new());
    assert_eq!(cluster.committed(&group, &from, 1), [-1]);
    for delivery in deliveries {
        pair.input.settle(delivery.ticket, Settlement::Ack);
    }
    flush(&mut *pair.input).await;
    assert_eq!(committed(&cluster, &to), numbers(0..10));
    assert_eq!(cluster.committed(&group, &from, 1), [10]);
    produce(&cluster, &from, &numbers(10..12));
    assert_eq!(pair.process(2).await, numbers(10..12));
    pair.close().await;
    assert_eq!(committed(&cluster, &to), numbers(0..12));
    assert_eq!(cluster.committed(&group, &from, 1), [12]);
}
