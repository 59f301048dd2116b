//! D*: order, and which partition a message goes to.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::binder::{InputSpec, Outgoing, OutputSpec, Settlement, Sharing};
use crate::conformance::Settings;
use crate::conformance::found::{Outcome, holds, same};
use crate::conformance::world::{World, message, numbers, payload, payloads};

pub(super) async fn d5_messages_of_one_key_keep_their_order(world: &World) -> Outcome {
    const KEYS: [&str; 5] = ["red", "green", "blue", "black", "white"];
    let destination = world.name("keyed");
    let spec = OutputSpec { partition_count: 4, ..world.output(&destination) };
    let mut writer = world.open(&*world.binder(), spec).await?;
    let mut reader = world.join(&destination, "g").await?;
    let messages = (0..1000usize).map(|n| {
        let key = KEYS[n % KEYS.len()];
        let key = Some(Bytes::from_static(key.as_bytes()));
        Outgoing { message: message(n.to_string()), key, partition: None }
    });
    writer.send_all(messages.collect()).await?;
    let mut of_keys = BTreeMap::<usize, Vec<(u32, usize)>>::new();
    for delivery in reader.take(1000).await? {
        let n: usize = payload(&delivery).parse().unwrap_or(usize::MAX);
        if let Some(key) = &delivery.key {
            same("the key", &String::from_utf8_lossy(key).as_ref(), &KEYS[n % KEYS.len()])?;
        }
        of_keys.entry(n % KEYS.len()).or_default().push((delivery.partition, n));
    }
    for (key, came) in of_keys {
        let expected: Vec<usize> = (key..1000).step_by(KEYS.len()).collect();
        let order: Vec<usize> = came.iter().map(|(_, n)| *n).collect();
        same(&format!("the order of `{}`", KEYS[key]), &order, &expected)?;
        let first = came[0].0;
        holds(
            || format!("`{}` is in several partitions", KEYS[key]),
            came.iter().all(|(partition, _)| *partition == first),
        )?;
    }
    reader.close().await
}

pub(super) async fn d5b_a_destination_with_one_partition_keeps_its_order(world: &World) -> Outcome {
    let destination = world.create("ordered", 1).await?;
    let mut reader = world.join(&destination, "g").await?;
    let mut writer = world.writer(&destination).await?;
    let (sent, received) = tokio::join!(writer.send_numbers(0..3000), reader.take(3000));
    sent?;
    let received = received?;
    same("the order", &payloads(&received), &numbers(0..3000))?;
    holds(
        || "positions do not grow".to_owned(),
        received.windows(2).all(|pair| pair[0].position < pair[1].position),
    )?;
    reader.close().await
}

/// Readers that each have the partitions of one instance.
async fn instances(
    world: &World,
    destination: &str,
    count: u32,
) -> Outcome<Vec<crate::conformance::ends::Reader>> {
    let settings = Settings { static_partitions: true, ..Settings::default() };
    let mut readers = Vec::new();
    // The last begins, so that an index is not the order of joining.
    for instance_index in (0..count).rev() {
        let sharing =
            Sharing { partitioned: true, instance_count: count, instance_index, ..Sharing::default() };
        let spec = InputSpec { sharing, ..world.input(destination, Some("g")) };
        readers.push(world.bind(&*world.binder_with(&settings), spec).await?);
    }
    readers.reverse();
    Ok(readers)
}

pub(super) async fn d6_a_message_goes_to_the_partition_that_it_names(world: &World) -> Outcome {
    let destination = world.name("chosen");
    let spec = OutputSpec { partition_count: 3, ..world.output(&destination) };
    let mut writer = world.open(&*world.binder(), spec).await?;
    let mut tap = world.tap(&destination).await?;
    let mut readers = instances(world, &destination, 3).await?;
    let messages = (0..30u32).map(|n| {
        // A key that would choose otherwise gives way.
        let key = (n % 2 == 0).then(|| Bytes::from(n.to_string()));
        Outgoing { message: message(n.to_string()), key, partition: Some(n * 7 % 3) }
    });
    writer.send_all(messages.collect()).await?;
    for (partition, reader) in (0..).zip(&mut readers) {
        let expected: Vec<String> =
            (0..30u32).filter(|n| n * 7 % 3 == partition).map(|n| n.to_string()).collect();
        let got = reader.take(expected.len()).await?;
        same(&format!("what is in partition {partition}"), &payloads(&got), &expected)?;
        let partitions: Vec<u32> = got.iter().map(|one| one.partition).collect();
        same("the partition that is told", &partitions, &vec![partition; expected.len()])?;
    }
    for raw in world.take(&mut *tap, 30).await? {
        let n: u32 =
            String::from_utf8_lossy(raw.payload.as_deref().unwrap_or_default()).parse().unwrap_or(99);
        same(&format!("the partition of {n} that others see"), &raw.partition, &Some(n * 7 % 3))?;
    }
    Ok(())
}

pub(super) async fn d8_what_is_given_back_comes_before_what_was_not_delivered(world: &World) -> Outcome {
    let destination = world.create("again", 1).await?;
    let spec = InputSpec { max_in_flight: 4, ..world.input(&destination, Some("g")) };
    let mut reader = world.bind(&*world.binder(), spec).await?;
    world.publish_numbers(&destination, 0..8).await?;
    let open = reader.receive(4).await?;
    reader.settle_all(open, Settlement::Requeue).await?;
    let mut seen = Vec::new();
    while seen.len() < 8 {
        let open = reader.receive(4).await?;
        seen.extend(payloads(&open));
        reader.settle_all(open, Settlement::Ack).await?;
    }
    same("the order", &seen, &numbers(0..8))?;
    reader.close().await
}

pub(super) async fn d10_each_instance_reads_exactly_its_partitions(world: &World) -> Outcome {
    let destination = world.name("instances");
    let spec = OutputSpec { partition_count: 4, ..world.output(&destination) };
    let mut writer = world.open(&*world.binder(), spec).await?;
    // As many instances as partitions: every broker can do that.
    let count = 4;
    let mut readers = instances(world, &destination, count).await?;
    let messages = (0..40u32).map(|n| Outgoing {
        message: message(n.to_string()),
        key: None,
        partition: Some(n % count),
    });
    writer.send_all(messages.collect()).await?;
    for (index, reader) in (0..).zip(&mut readers) {
        let expected: Vec<String> =
            (0..40u32).filter(|n| n % count == index).map(|n| n.to_string()).collect();
        same(
            &format!("what instance {index} gets"),
            &payloads(&reader.take(expected.len()).await?),
            &expected,
        )?;
        same("what it gets beside it", &payloads(&reader.quiet().await?), &Vec::new())?;
    }
    for reader in readers {
        reader.close().await?;
    }
    Ok(())
}
