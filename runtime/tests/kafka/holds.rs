//! A partition that is held brings nothing, the others go on; what was held comes later, all of it and in order.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::ops::Range;
use std::task::Poll;

use wellspring::binder::{Delivery, Input, Settlement};

use crate::support::*;

/// Writes numbers to a partition.
fn produce(cluster: &Cluster, topic: &str, partition: i32, numbers: Range<u32>) {
    let texts: Vec<_> = numbers.map(|n| format!("{partition}:{n}")).collect();
    let record = |text| Record { partition: Some(partition), ..Record::of(text) };
    cluster.produce(topic, texts.iter().map(|text| record(text.as_bytes())));
}

fn expected(partition: i32, numbers: Range<u32>) -> Vec<String> {
    numbers.map(|n| format!("{partition}:{n}")).collect()
}

/// Acknowledges deliveries; tells their texts.
fn done(input: &mut dyn Input, deliveries: Vec<Delivery>) -> Vec<String> {
    let done = |delivery: Delivery| {
        let told = text(&delivery).to_owned();
        input.settle(delivery.ticket, Settlement::Ack);
        told
    };
    deliveries.into_iter().map(done).collect()
}

#[tokio::test]
async fn while_one_partition_is_held_the_other_goes_on_and_nothing_of_it_is_lost() {
    let Some(cluster) = Cluster::find() else { return };
    let (topic, group) = (cluster.topic("held", 2).await, cluster.name("g"));
    (0..2).for_each(|partition| produce(&cluster, &topic, partition, 0..500));
    let mut input = input(&cluster.binder(""), &topic, &group).await;
    let mut seen = [Vec::new(), Vec::new()];
    let mut sort = |texts: Vec<String>| -> [usize; 2] {
        texts.into_iter().for_each(|text| seen[usize::from(text.starts_with('1'))].push(text));
        [seen[0].len(), seen[1].len()]
    };
    // The client has fetched more than this by now.
    let first = receive(&mut *input, 20).await;
    input.hold(0, true);
    let mut counts = sort(done(&mut *input, first));
    (0..2).for_each(|partition| produce(&cluster, &topic, partition, 500..600));
    while counts[1] < 600 {
        let next = receive(&mut *input, 1).await;
        counts = sort(done(&mut *input, next));
    }
    assert!(counts[0] <= 20, "{} records of the partition that is held", counts[0]);
    input.hold(0, false);
    while counts[0] < 600 {
        let next = receive(&mut *input, 1).await;
        counts = sort(done(&mut *input, next));
    }
    assert_eq!(seen, [expected(0, 0..600), expected(1, 0..600)]);
    input.close().await.unwrap();
    assert_eq!(cluster.committed(&group, &topic, 2), [600, 600]);
}

#[tokio::test]
async fn what_is_given_back_of_a_partition_that_is_held_comes_again_when_it_goes_on() {
    let Some(cluster) = Cluster::find() else { return };
    let topic = cluster.topic("given-back", 2).await;
    produce(&cluster, &topic, 0, 0..3);
    let mut input = input(&cluster.binder(""), &topic, &cluster.name("g")).await;
    let mut deliveries = receive(&mut *input, 3).await;
    let last = deliveries.split_off(1);
    input.hold(0, true);
    for delivery in deliveries {
        input.settle(delivery.ticket, Settlement::Requeue);
    }
    assert_eq!(done(&mut *input, last), expected(0, 1..3));
    produce(&cluster, &topic, 1, 0..3);
    let others = receive(&mut *input, 3).await;
    assert_eq!(done(&mut *input, others), expected(1, 0..3));
    produce(&cluster, &topic, 0, 3..5);
    input.hold(0, false);
    let again = receive(&mut *input, 3).await;
    assert_eq!(again.iter().map(|delivery| delivery.attempt).collect::<Vec<_>>(), [2, 1, 1]);
    assert_eq!(done(&mut *input, again), ["0:0", "0:3", "0:4"]);
    input.close().await.unwrap();
}

#[tokio::test]
async fn a_partition_that_was_held_and_went_is_not_held_when_it_comes_back() {
    let Some(cluster) = Cluster::find() else { return };
    let (topic, group) = (cluster.topic("comes-back", 2).await, cluster.name("g"));
    let binder = cluster.binder("");
    (0..2).for_each(|partition| produce(&cluster, &topic, partition, 0..1));
    let mut first = input(&binder, &topic, &group).await;
    let deliveries = receive(&mut *first, 2).await;
    done(&mut *first, deliveries);
    (0..2).for_each(|partition| first.hold(partition, true));
    let mut second = input(&binder, &topic, &group).await;
    // Every partition goes when a member joins, and one comes back to the first.
    (0..2).for_each(|partition| produce(&cluster, &topic, partition, 1..11));
    let mut seen = BTreeSet::new();
    let shared = tokio::time::timeout(PATIENCE, async {
        while seen.len() < 20 {
            let mut batches = [Vec::new(), Vec::new()];
            poll_fn(|cx| {
                let [one, other] = &mut batches;
                let one = first.poll_receive(cx, one, 16).is_ready();
                let other = second.poll_receive(cx, other, 16).is_ready();
                if one || other { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            let [one, other] = batches;
            seen.extend(done(&mut *first, one));
            seen.extend(done(&mut *second, other));
        }
    });
    assert!(shared.await.is_ok(), "{seen:?}");
    assert_eq!(seen, (0..2).flat_map(|partition| expected(partition, 1..11)).collect());
    first.close().await.unwrap();
    second.close().await.unwrap();
}
