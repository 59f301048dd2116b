//! Groups: everyone gets everything, members share, order stays, a rebalance loses nothing.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::time::Duration;

use wellspring::binder::{Binder as _, Input, InputSpec, Settlement, Sharing};

use crate::support::*;

fn numbers(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}

/// Receives and acknowledges what comes while the others are asked too, until all of it has come.
async fn share(inputs: &mut [Box<dyn Input>], expected: usize) -> Vec<BTreeSet<String>> {
    let mut seen = vec![BTreeSet::new(); inputs.len()];
    let shared = tokio::time::timeout(PATIENCE, async {
        let mut batch = Vec::new();
        while seen.iter().map(BTreeSet::len).sum::<usize>() < expected {
            let from = poll_fn(|cx| {
                let ready =
                    inputs.iter_mut().position(|input| input.poll_receive(cx, &mut batch, 16).is_ready());
                ready.map_or(std::task::Poll::Pending, std::task::Poll::Ready)
            })
            .await;
            for delivery in batch.drain(..) {
                seen[from].insert(text(&delivery).to_owned());
                inputs[from].settle(delivery.ticket, Settlement::Ack);
            }
        }
    });
    assert!(shared.await.is_ok(), "{seen:?}");
    seen
}

#[tokio::test]
async fn every_group_gets_every_message() {
    let Some(cluster) = Cluster::find() else { return };
    let topic = cluster.topic("groups", 2).await;
    let texts = numbers(0..20);
    cluster.produce(&topic, texts.iter().map(|text| Record::of(text.as_bytes())));
    let binder = cluster.binder("");
    for group in ["one", "two"] {
        let mut input = input(&binder, &topic, group).await;
        let seen: BTreeSet<String> =
            receive(&mut *input, 20).await.iter().map(|delivery| text(delivery).to_owned()).collect();
        assert_eq!(seen, texts.iter().cloned().collect());
        input.close().await.unwrap();
    }
}

#[tokio::test]
async fn an_anonymous_group_sees_only_what_comes_from_now_on() {
    let Some(cluster) = Cluster::find() else { return };
    let topic = cluster.topic("anonymous", 2).await;
    let (before, after) = (numbers(0..4), numbers(4..12));
    cluster.produce(&topic, before.iter().map(|text| Record::of(text.as_bytes())));
    let mut input = cluster.binder("").bind_input(input_spec(&[&topic], None)).await.unwrap();
    // Sent before the group has any partition: it must not miss them.
    cluster.produce(&topic, after.iter().map(|text| Record::of(text.as_bytes())));
    let seen: BTreeSet<String> =
        receive(&mut *input, 8).await.iter().map(|delivery| text(delivery).to_owned()).collect();
    assert_eq!(seen, after.into_iter().collect());
    input.close().await.unwrap();
}

#[tokio::test]
async fn a_second_member_takes_over_half_and_nothing_is_lost_or_done_twice() {
    let Some(cluster) = Cluster::find() else { return };
    let topic = cluster.topic("members", 4).await;
    let group = cluster.name("g");
    let binder = cluster.binder("");
    let spread = |range| -> Vec<(String, i32)> { numbers(range).into_iter().zip((0..4).cycle()).collect() };
    let produce = |records: &[(String, i32)]| {
        cluster.produce(
            &topic,
            records.iter().map(|(text, partition)| Record {
                partition: Some(*partition),
                ..Record::of(text.as_bytes())
            }),
        );
    };
    produce(&spread(0..40));
    let mut members = vec![input(&binder, &topic, &group).await];
    share(&mut members, 40).await;
    // Not flushed: the rebalance itself has to commit what is settled.
    members.push(input(&binder, &topic, &group).await);
    let mut sent = 40;
    let mut seen = vec![BTreeSet::new(); 2];
    while seen.iter().any(BTreeSet::is_empty) {
        produce(&spread(sent..sent + 40));
        sent += 40;
        for (all, new) in seen.iter_mut().zip(share(&mut members, 40).await) {
            all.extend(new);
        }
        assert!(sent < 4000, "the second member never got a partition");
    }
    let total: usize = seen.iter().map(BTreeSet::len).sum();
    assert_eq!(total, sent as usize - 40, "each message went to one member, once");
    for member in members {
        member.close().await.unwrap();
    }
    assert_eq!(cluster.committed(&group, &topic, 4).iter().sum::<i64>(), i64::from(sent));
}

#[tokio::test]
async fn a_partition_that_goes_waits_for_what_is_being_worked_on() {
    let Some(cluster) = Cluster::find() else { return };
    let topic = cluster.topic("settling", 2).await;
    let (binder, group) = (cluster.binder(""), cluster.name("g"));
    let texts = numbers(0..20);
    let records = texts.iter().zip((0..2).cycle());
    cluster.produce(
        &topic,
        records.map(|(text, partition)| Record { partition: Some(partition), ..Record::of(text.as_bytes()) }),
    );
    let mut first = input(&binder, &topic, &group).await;
    let held = receive(&mut *first, 20).await;
    let mut second = input(&binder, &topic, &group).await;
    let mut batch = Vec::new();
    // The rebalance has begun when the second member polls; what the first holds is settled in the middle of it.
    let early =
        tokio::time::timeout(Duration::from_secs(2), poll_fn(|cx| second.poll_receive(cx, &mut batch, 9)));
    assert!(early.await.is_err(), "nothing of what the first member works on: {batch:?}");
    for delivery in held {
        first.settle(delivery.ticket, Settlement::Ack);
    }
    let mut members = [first, second];
    let mut seen = vec![BTreeSet::new(); 2];
    let mut sent = 20;
    while seen[1].is_empty() {
        let texts = numbers(sent..sent + 2);
        let records = texts.iter().zip(0..2);
        cluster.produce(
            &topic,
            records.map(|(text, partition)| Record {
                partition: Some(partition),
                ..Record::of(text.as_bytes())
            }),
        );
        sent += 2;
        for (all, new) in seen.iter_mut().zip(share(&mut members, 2).await) {
            all.extend(new);
        }
        assert!(sent < 4000, "the second member never got a partition");
    }
    let all: BTreeSet<String> = seen.into_iter().flatten().collect();
    assert_eq!(all, numbers(20..sent).into_iter().collect(), "nothing came again");
    for member in members {
        member.close().await.unwrap();
    }
    assert_eq!(cluster.committed(&group, &topic, 2).iter().sum::<i64>(), i64::from(sent));
}

#[tokio::test]
async fn an_input_reads_several_topics() {
    let Some(cluster) = Cluster::find() else { return };
    let (one, two) = (cluster.topic("one", 1).await, cluster.topic("two", 1).await);
    cluster.produce(&one, [Record::of(b"a")]);
    cluster.produce(&two, [Record::of(b"b")]);
    let mut input = cluster.binder("").bind_input(input_spec(&[&one, &two], Some("g"))).await.unwrap();
    let mut seen: Vec<_> =
        receive(&mut *input, 2).await.iter().map(|delivery| text(delivery).to_owned()).collect();
    seen.sort();
    assert_eq!(seen, ["a", "b"]);
    input.close().await.unwrap();
}

#[tokio::test]
async fn a_pattern_reads_every_topic_whose_whole_name_fits() {
    let Some(cluster) = Cluster::find() else { return };
    let (one, other) = (cluster.topic("p.one", 1).await, cluster.topic("p.other", 1).await);
    let longer = cluster.topic("p.one.longer", 1).await;
    for (topic, value) in [(&one, b"a"), (&other, b"b"), (&longer, b"c")] {
        cluster.produce(topic, [Record::of(value)]);
    }
    let binder = cluster.binder("default: { consumer: { destination-is-pattern: true } }");
    let pattern = cluster.name("p.o[a-z]+").replace('.', "\\.");
    let mut input = binder.bind_input(input_spec(&[&pattern], Some("g"))).await.unwrap();
    let mut seen: Vec<_> =
        receive(&mut *input, 2).await.iter().map(|delivery| text(delivery).to_owned()).collect();
    seen.sort();
    assert_eq!(seen, ["a", "b"]);
    input.close().await.unwrap();
}

#[tokio::test]
async fn without_rebalancing_each_instance_has_its_partitions() {
    let Some(cluster) = Cluster::find() else { return };
    let topic = cluster.topic("static", 4).await;
    let texts = numbers(0..8);
    let records = texts.iter().zip((0..4).cycle());
    cluster.produce(
        &topic,
        records.map(|(text, partition)| Record { partition: Some(partition), ..Record::of(text.as_bytes()) }),
    );
    let binder = cluster.binder("default: { consumer: { auto-rebalance-enabled: false } }");
    for (instance_index, expected) in [(0, [0, 2]), (1, [1, 3])] {
        let sharing = Sharing { instance_count: 2, instance_index, ..Sharing::default() };
        let spec = InputSpec { sharing, ..input_spec(&[&topic], Some("g")) };
        let mut input = binder.bind_input(spec).await.unwrap();
        let partitions: BTreeSet<u32> =
            receive(&mut *input, 4).await.iter().map(|delivery| delivery.partition).collect();
        assert_eq!(partitions, expected.into_iter().collect());
        input.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_group_starts_where_it_is_told() {
    let Some(cluster) = Cluster::find() else { return };
    let topic = cluster.topic("start", 1).await;
    cluster.produce(&topic, [Record::of(b"0"), Record::of(b"1")]);
    let group = cluster.name("g");
    let mut first = input(&cluster.binder(""), &topic, &group).await;
    for delivery in receive(&mut *first, 2).await {
        first.settle(delivery.ticket, Settlement::Ack);
    }
    first.close().await.unwrap();
    let reset = "bindings: { test-in-0: { consumer: { reset-offsets: true, start-offset: earliest } } }";
    let mut again = input(&cluster.binder(reset), &topic, &group).await;
    assert_eq!(receive(&mut *again, 2).await.iter().map(text).collect::<Vec<_>>(), ["0", "1"]);
    again.close().await.unwrap();
    let mut anonymous = {
        let binder = cluster.binder("default: { consumer: { start-offset: earliest } }");
        binder.bind_input(input_spec(&[&topic], None)).await.unwrap()
    };
    let seen = tokio::time::timeout(Duration::from_secs(30), receive(&mut *anonymous, 2)).await.unwrap();
    assert_eq!(seen.len(), 2);
    anonymous.close().await.unwrap();
}
