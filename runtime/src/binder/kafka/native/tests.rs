//! Messages go out, are reported and come in, on a cluster of the library's own.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use rdkafka::consumer::Consumer;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::*;
use crate::binder::kafka::health::Pulse;
use crate::binder::kafka::rebalance::Assignment;
use crate::binder::kafka::reports::Reports;

const TOPIC: &str = "native";

type Cluster = MockCluster<'static, DefaultProducerContext>;

/// What a record had, copied.
#[derive(Debug, PartialEq, Eq)]
struct Copied {
    offset: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

fn cluster() -> Cluster {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic(TOPIC, 1, 1).unwrap();
    cluster
}

fn client(cluster: &Cluster) -> ClientConfig {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", cluster.bootstrap_servers());
    client
}

fn outlet(cluster: &Cluster) -> Outlet {
    let producer = client(cluster).create_with_context(Reports::new("out", TOPIC)).unwrap();
    Outlet::new(producer, TOPIC).unwrap()
}

fn intake(cluster: &Cluster) -> Arc<Intake> {
    let consumer = client(cluster)
        .set("group.id", "native")
        .set("enable.auto.commit", "false")
        .create_with_context(Assignment::new("in", None, Pulse::default()))
        .unwrap();
    let intake = Intake::new(consumer).unwrap();
    let mut partitions = TopicPartitionList::new();
    partitions.add_partition_offset(TOPIC, 0, Offset::Beginning).unwrap();
    intake.consumer().context().assigned(&mut partitions).unwrap();
    intake.consumer().assign(&partitions).unwrap();
    intake
}

fn message(value: &[u8], number: u64) -> Sent<'_> {
    Sent { topic: None, key: None, value: Some(value), partition: Some(0), headers: None, number }
}

/// The numbers of so many reports, and whether each message was taken.
async fn reports(outlet: &Outlet, count: usize) -> Vec<(u64, Option<RDKafkaErrorCode>)> {
    let mut reports = Vec::new();
    let all = poll_fn(|cx| {
        loop {
            let polled = outlet.poll_reports(cx, |number, refusal| {
                reports.push((number, refusal.map(|refusal| refusal.code)));
            });
            if reports.len() >= count {
                return Poll::Ready(());
            }
            if polled.is_pending() {
                return Poll::Pending;
            }
        }
    });
    tokio::time::timeout(Duration::from_secs(30), all).await.expect("reports come");
    reports
}

/// So many records, taken `most` at a time.
async fn records(intake: &Intake, count: usize, most: usize) -> Vec<Copied> {
    let mut records = Vec::new();
    let all = poll_fn(|cx| {
        intake.register(cx.waker());
        loop {
            let before = records.len();
            intake.take(most, |taken| {
                records.extend(taken.records().map(|mut record| {
                    assert!(record.failure().is_none() && record.topic() == TOPIC.as_bytes());
                    copied(&mut record)
                }));
            });
            assert!(records.len() - before <= most);
            if records.len() >= count {
                return Poll::Ready(());
            }
            if records.len() == before {
                return Poll::Pending;
            }
        }
    });
    tokio::time::timeout(Duration::from_secs(30), all).await.expect("records come");
    records
}

fn copied(record: &mut Received<'_>) -> Copied {
    let (offset, key, value) =
        (record.offset(), record.key().map(<[u8]>::to_vec), record.value().map(<[u8]>::to_vec));
    let headers = record.headers().map(|(name, value)| (name.to_vec(), value.map(<[u8]>::to_vec))).collect();
    Copied { offset, key, value, headers }
}

#[tokio::test]
async fn a_message_is_reported_and_comes_in_as_it_went_out() {
    let cluster = cluster();
    let (outlet, intake) = (outlet(&cluster), intake(&cluster));
    let mut headers = RecordHeaders::with_capacity(2).unwrap();
    headers.add("a", Some(b"1"));
    headers.add("none", None);
    let full = Sent { key: Some(b"k"), headers: Some(headers), ..message(b"v", 7) };
    outlet.send(full).unwrap();
    outlet.send(Sent { value: None, ..message(b"", u64::MAX >> 1) }).unwrap();
    assert_eq!(reports(&outlet, 2).await, [(7, None), (u64::MAX >> 1, None)]);
    let found = records(&intake, 2, 256).await;
    let headers = vec![(b"a".to_vec(), Some(b"1".to_vec())), (b"none".to_vec(), None)];
    let full = Copied { offset: 0, key: Some(b"k".to_vec()), value: Some(b"v".to_vec()), headers };
    assert_eq!(found, [full, Copied { offset: 1, key: None, value: None, headers: Vec::new() }]);
}

#[tokio::test]
async fn records_come_in_order_however_many_are_taken_at_once() {
    let cluster = cluster();
    let (outlet, intake) = (outlet(&cluster), intake(&cluster));
    for number in 0..1_000u64 {
        outlet.send(message(&number.to_be_bytes(), number)).unwrap();
    }
    let told: Vec<_> = reports(&outlet, 1_000).await.into_iter().map(|(number, _)| number).collect();
    assert_eq!(told, (0..1_000).collect::<Vec<_>>());
    let found = records(&intake, 1_000, 7).await;
    let numbers =
        found.iter().map(|record| u64::from_be_bytes(record.value.clone().unwrap().try_into().unwrap()));
    assert!(numbers.eq(0..1_000));
}

#[tokio::test]
async fn what_came_as_written_can_be_sent_again() {
    let cluster = cluster();
    let (outlet, intake) = (outlet(&cluster), intake(&cluster));
    let mut headers = RecordHeaders::with_capacity(1).unwrap();
    headers.add("a", Some(b"1"));
    outlet.send(Sent { headers: Some(headers), ..message(b"one", 1) }).unwrap();
    let mut spare = None;
    let all = poll_fn(|cx| {
        intake.register(cx.waker());
        intake.take(256, |taken| spare = taken.records().find_map(|mut record| record.take_headers()));
        if spare.is_some() { Poll::Ready(()) } else { Poll::Pending }
    });
    tokio::time::timeout(Duration::from_secs(30), all).await.expect("the record comes");
    outlet.send(Sent { headers: spare, ..message(b"two", 2) }).unwrap();
    let found = records(&intake, 1, 256).await;
    assert_eq!(found[0].headers, [(b"a".to_vec(), Some(b"1".to_vec()))]);
}

#[tokio::test]
async fn a_message_that_is_too_large_is_refused_at_once() {
    let cluster = cluster();
    let outlet = outlet(&cluster);
    let large = vec![0; 2 << 20];
    let headers = RecordHeaders::with_capacity(1);
    let refused = outlet.send(Sent { headers, ..message(&large, 1) });
    assert_eq!(refused, Err(RDKafkaErrorCode::MessageSizeTooLarge));
}

#[test]
fn what_is_on_its_way_when_an_outlet_goes_does_no_harm() {
    let cluster = cluster();
    let (outlet, intake) = (outlet(&cluster), intake(&cluster));
    for number in 0..100 {
        outlet.send(message(b"v", number)).unwrap();
    }
    drop((outlet, intake));
}
