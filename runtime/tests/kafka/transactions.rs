//! What a function sends and the offsets of its input: all of it once, or nothing.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::task::Poll;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Message as _, Offset};
use wellspring::binder::kafka::Kafka;
use wellspring::binder::{
    Binder as _, Confirmation, Delivery, Input, InputSpec, Output, Settlement, Together,
};

use crate::support::*;

/// What comes late is part of the same transaction.
pub(crate) const SETTINGS: &str = "transaction-id-prefix: tx-\ntransaction: { interval: 30s }";

/// An input with one output, bound to transactions.
pub(crate) struct Pair {
    pub(crate) input: Box<dyn Input>,
    output: Box<dyn Output>,
    number: u64,
    told: Vec<Confirmation>,
}

impl Pair {
    pub(crate) async fn bind(binder: &Kafka, from: &str, to: &str, group: &str) -> Self {
        Self::bind_as(binder, &input_spec(&[from], Some(group)), to).await
    }

    async fn bind_as(binder: &Kafka, spec: &InputSpec, to: &str) -> Self {
        let bound = binder.bind_together(spec, &[output_spec(to)], None).expect("transactions");
        let Together { input, mut outputs, .. } = bound.await.unwrap();
        Self { input, output: outputs.remove(0), number: 0, told: Vec::new() }
    }

    /// Sends what a delivery says, without settling it.
    pub(crate) async fn forward(&mut self, delivery: &Delivery) {
        poll_fn(|cx| self.output.poll_ready(cx)).await.unwrap();
        self.output.send(plain(delivery.message.clone()), self.number);
        self.number += 1;
        // That is when it goes out.
        poll_fn(|cx| Poll::Ready(self.output.poll_confirmed(cx, &mut self.told).is_ready())).await;
    }

    /// Receives so many deliveries and sends what they say; settles them when everything is confirmed.
    /// Passes on so many messages, as they come: a transaction takes what comes within its interval.
    pub(crate) async fn process(&mut self, count: usize) -> Vec<String> {
        let mut told = Vec::new();
        while told.len() < count {
            let mut deliveries = Vec::new();
            let room = count - told.len();
            let received = poll_fn(|cx| self.input.poll_receive(cx, &mut deliveries, room));
            let received = tokio::time::timeout(PATIENCE, received).await;
            assert!(received.is_ok(), "{} of {count} deliveries came", told.len());
            for delivery in &deliveries {
                self.forward(delivery).await;
            }
            self.confirm(deliveries.len()).await;
            for delivery in deliveries {
                told.push(text(&delivery).to_owned());
                self.input.settle(delivery.ticket, Settlement::Ack);
            }
        }
        told
    }

    pub(crate) async fn confirm(&mut self, count: usize) -> Vec<Confirmation> {
        let mut confirmed = std::mem::take(&mut self.told);
        while confirmed.len() < count {
            let next = poll_fn(|cx| self.output.poll_confirmed(cx, &mut confirmed));
            tokio::time::timeout(PATIENCE, next).await.expect("a confirmation").unwrap();
        }
        confirmed
    }

    pub(crate) async fn close(self) {
        self.input.close().await.unwrap();
        self.output.close().await.unwrap();
    }
}

pub(crate) fn numbers(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}

/// Writes to every partition in turn, so that each has its share.
pub(crate) fn produce(cluster: &Cluster, (topic, partitions): (&str, i32), numbers: &[String]) {
    let records = numbers
        .iter()
        .zip((0..partitions).cycle())
        .map(|(text, partition)| Record { partition: Some(partition), ..Record::of(text.as_bytes()) });
    cluster.produce(topic, records);
}

/// Waits until a group has come so far in each partition: the broker tells of what a transaction has committed a little
/// later.
pub(crate) fn reaches(cluster: &Cluster, group: &str, topic: &str, expected: &[i64]) {
    let begun = std::time::Instant::now();
    loop {
        let reached = cluster.committed(group, topic, i32::try_from(expected.len()).unwrap());
        if reached == expected {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "the group has come to {reached:?} of {expected:?}");
    }
}

/// Has whoever has the partition do the rest.
pub(crate) async fn go_on(cluster: &Cluster, mut pairs: [&mut Pair; 2], to: &str, count: usize) {
    let until = std::time::Instant::now() + PATIENCE;
    while committed(cluster, to).len() < count {
        assert!(std::time::Instant::now() < until, "nobody goes on");
        for pair in &mut pairs {
            let mut batch = Vec::new();
            let next = poll_fn(|cx| pair.input.poll_receive(cx, &mut batch, count));
            let _ = tokio::time::timeout(std::time::Duration::from_millis(50), next).await;
            for delivery in batch {
                pair.forward(&delivery).await;
                pair.confirm(1).await;
                pair.input.settle(delivery.ticket, Settlement::Ack);
            }
        }
    }
}

/// Everything that a reader of committed records sees, until the end of every partition.
pub(crate) fn committed(cluster: &Cluster, topic: &str) -> Vec<String> {
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
    produce(&cluster, (&from, 1), &numbers(0..10));
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
    produce(&cluster, (&from, 1), &numbers(10..12));
    assert_eq!(pair.process(2).await, numbers(10..12));
    pair.close().await;
    assert_eq!(committed(&cluster, &to), numbers(0..12));
    assert_eq!(cluster.committed(&group, &from, 1), [12]);
}

#[tokio::test]
async fn what_is_given_back_takes_everything_of_its_transaction_with_it_and_all_of_it_comes_again() {
    let Some(cluster) = Cluster::find() else { return };
    let (from, to) = (cluster.topic("from", 2).await, cluster.topic("to", 1).await);
    let (group, binder) = (cluster.name("g"), cluster.binder(SETTINGS));
    let mut pair = Pair::bind(&binder, &from, &to, &group).await;
    produce(&cluster, (&from, 2), &numbers(0..8));
    let mut deliveries = receive(&mut *pair.input, 8).await;
    for delivery in &deliveries {
        pair.forward(delivery).await;
    }
    pair.confirm(8).await;
    let last = deliveries.pop().unwrap();
    for delivery in deliveries {
        pair.input.settle(delivery.ticket, Settlement::Ack);
    }
    pair.input.settle(last.ticket, Settlement::Requeue);
    let mut again = Vec::new();
    while again.len() < 8 {
        again.extend(pair.process(1).await);
    }
    assert_eq!(again.into_iter().collect::<BTreeSet<_>>(), numbers(0..8).into_iter().collect());
    pair.close().await;
    let seen = committed(&cluster, &to);
    assert_eq!(seen.len(), 8, "{seen:?}");
    reaches(&cluster, &group, &from, &[4, 4]);
}

#[tokio::test]
async fn what_waits_while_a_transaction_is_given_up_is_retracted_as_what_was_sent() {
    let Some(cluster) = Cluster::find() else { return };
    let (from, to) = (cluster.topic("from", 1).await, cluster.topic("to", 1).await);
    let mut pair = Pair::bind(&cluster.binder(SETTINGS), &from, &to, &from).await;
    produce(&cluster, (&from, 1), &numbers(0..1));
    let delivery = receive(&mut *pair.input, 1).await.remove(0);
    // After the first attempt the transaction begins anew, for which the second may have to wait.
    for attempt in 0..2 {
        pair.forward(&delivery).await;
        pair.output.retract(attempt);
    }
    assert!(pair.confirm(2).await.iter().all(|told| told.result.is_ok()));
    pair.input.settle(delivery.ticket, Settlement::Ack);
    pair.close().await;
    reaches(&cluster, &from, &from, &[1]);
    assert_eq!(committed(&cluster, &to), Vec::<String>::new());
}

#[tokio::test]
async fn a_transaction_that_was_left_open_leaves_nothing_behind() {
    let Some(cluster) = Cluster::find() else { return };
    let (from, to) = (cluster.topic("from", 1).await, cluster.topic("to", 1).await);
    let (group, binder) = (cluster.name("g"), cluster.binder(SETTINGS));
    produce(&cluster, (&from, 1), &numbers(0..5));
    let mut pair = Pair::bind(&binder, &from, &to, &group).await;
    let deliveries = receive(&mut *pair.input, 5).await;
    for delivery in &deliveries {
        pair.forward(delivery).await;
    }
    pair.confirm(5).await;
    pair.close().await;
    assert_eq!(committed(&cluster, &to), Vec::<String>::new());
    let mut again = Pair::bind(&binder, &from, &to, &group).await;
    assert_eq!(again.process(5).await, numbers(0..5));
    again.close().await;
    assert_eq!(committed(&cluster, &to), numbers(0..5));
}

#[tokio::test]
async fn a_message_that_is_refused_is_found_alone_and_what_was_sent_with_it_does_not_count() {
    let Some(cluster) = Cluster::find() else { return };
    let (from, to) = (cluster.topic("from", 1).await, cluster.topic("to", 1).await);
    let (group, binder) = (cluster.name("g"), cluster.binder(SETTINGS));
    produce(&cluster, (&from, 1), &numbers(0..20));
    let mut pair = Pair::bind(&binder, &from, &to, &group).await;
    let (mut is_told, mut is_done) = (false, false);
    while !is_done {
        for delivery in receive(&mut *pair.input, 1).await {
            pair.forward(&delivery).await;
            let mut count = 1;
            if text(&delivery) == "13" && !is_told {
                poll_fn(|cx| pair.output.poll_ready(cx)).await.unwrap();
                let huge = wellspring::Message::encoded(vec![0; 2_000_000], wellspring::ContentType::BYTES);
                pair.output.send(plain(huge), 99);
                count = 2;
            }
            let confirmed = pair.confirm(count).await;
            if confirmed.iter().any(|confirmation| confirmation.result.is_err()) {
                // Another attempt of the same delivery.
                is_told = true;
                pair.forward(&delivery).await;
                assert!(pair.confirm(1).await[0].result.is_ok());
            }
            is_done = is_told && text(&delivery) == "19";
            pair.input.settle(delivery.ticket, Settlement::Ack);
        }
    }
    pair.close().await;
    assert_eq!(committed(&cluster, &to), numbers(0..20));
    assert_eq!(cluster.committed(&group, &from, 1), [20]);
}

#[tokio::test]
async fn a_transaction_that_takes_too_long_is_given_up_and_comes_again() {
    let Some(cluster) = Cluster::find() else { return };
    let (from, to) = (cluster.topic("from", 1).await, cluster.topic("to", 1).await);
    let group = cluster.name("g");
    let short = "interval: 30s, producer: { configuration: { transaction.timeout.ms: 2000 } }";
    let binder = cluster.binder(&format!("transaction-id-prefix: tx-\ntransaction: {{ {short} }}"));
    produce(&cluster, (&from, 1), &numbers(0..4));
    let mut pair = Pair::bind(&binder, &from, &to, &group).await;
    let mut deliveries = receive(&mut *pair.input, 4).await;
    let last = deliveries.pop().unwrap();
    for delivery in &deliveries {
        pair.forward(delivery).await;
    }
    pair.confirm(3).await;
    for delivery in deliveries {
        pair.input.settle(delivery.ticket, Settlement::Ack);
    }
    // Its function is still at it when the broker would have ended the transaction.
    let mut batch = Vec::new();
    let slow = poll_fn(|cx| pair.input.poll_receive(cx, &mut batch, 1));
    assert!(tokio::time::timeout(std::time::Duration::from_secs(4), slow).await.is_err());
    pair.forward(&last).await;
    assert!(pair.confirm(1).await[0].result.is_ok());
    pair.input.settle(last.ticket, Settlement::Ack);
    let mut again = Vec::new();
    while again.len() < 4 {
        again.extend(pair.process(1).await);
    }
    assert_eq!(again, numbers(0..4));
    pair.close().await;
    assert_eq!(committed(&cluster, &to), numbers(0..4));
    assert_eq!(cluster.committed(&group, &from, 1), [4]);
}

#[tokio::test]
async fn a_member_that_its_group_has_given_up_commits_nothing() {
    let Some(cluster) = Cluster::find() else { return };
    let (from, to) = (cluster.topic("from", 1).await, cluster.topic("to", 1).await);
    let group = cluster.name("g");
    let ids = |own: &str| format!("transaction-id-prefix: {own}-\ntransaction: {{ interval: 30s }}");
    produce(&cluster, (&from, 1), &numbers(0..5));
    let mut slow = Pair::bind(&cluster.binder(&ids("slow")), &from, &to, &group).await;
    let deliveries = receive(&mut *slow.input, 5).await;
    for delivery in &deliveries {
        slow.forward(delivery).await;
    }
    slow.confirm(5).await;
    // Longer than partitions that go to somebody else wait for what was delivered of them.
    let mut other = Pair::bind(&cluster.binder(&ids("other")), &from, &to, &group).await;
    let mut batch = Vec::new();
    let wait = poll_fn(|cx| other.input.poll_receive(cx, &mut batch, 1));
    let _ = tokio::time::timeout(std::time::Duration::from_secs(8), wait).await;
    for delivery in deliveries {
        slow.input.settle(delivery.ticket, Settlement::Ack);
    }
    for delivery in batch {
        other.forward(&delivery).await;
        other.confirm(1).await;
        other.input.settle(delivery.ticket, Settlement::Ack);
    }
    go_on(&cluster, [&mut slow, &mut other], &to, 5).await;
    slow.close().await;
    other.close().await;
    assert_eq!(committed(&cluster, &to), numbers(0..5));
    assert_eq!(cluster.committed(&group, &from, 1), [5]);
}

#[tokio::test]
async fn members_with_partitions_of_their_own_commit_without_a_group() {
    let Some(cluster) = Cluster::find() else { return };
    let (from, to) = (cluster.topic("from", 2).await, cluster.topic("to", 1).await);
    let group = cluster.name("g");
    let fixed = "default: { consumer: { auto-rebalance-enabled: false } }";
    let binder = cluster.binder(&format!("{SETTINGS}\n{fixed}"));
    produce(&cluster, (&from, 2), &numbers(0..20));
    let mut pair = Pair::bind(&binder, &from, &to, &group).await;
    pair.process(20).await;
    flush(&mut *pair.input).await;
    assert_eq!(committed(&cluster, &to).len(), 20);
    reaches(&cluster, &group, &from, &[10, 10]);
    pair.close().await;
}
