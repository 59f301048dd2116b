//! Batches: how large, how old, and what becomes of an item that fails.

use std::time::{Duration, Instant};

use wellspring::conformance::Raw;
use wellspring::{Batch, CatalogBuilder, Error, PerItem};

use crate::retry::within;
use crate::world::{Calls, World, eventually};

/// A function of batches that notes the items of each call in one text and fails with the item `bad`.
fn per_item(calls: &Calls) -> impl FnOnce(CatalogBuilder) -> CatalogBuilder + Send + 'static {
    let calls = calls.clone();
    move |catalog| {
        catalog.function("work", move |Batch(items): Batch<String>| {
            calls.note(&items.join(" "));
            let outcome = |item: String| if item == "bad" { Err(Error::retryable("busy")) } else { Ok(item) };
            PerItem(items.into_iter().map(outcome).collect())
        })
    }
}

fn items(calls: &Calls) -> Vec<Vec<String>> {
    calls.texts().iter().map(|call| call.split(' ').map(str::to_owned).collect()).collect()
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{n:04}")).collect()
}

pub(crate) async fn f1_batches_are_no_larger_than_said_and_keep_their_order(world: &World) {
    let calls = Calls::default();
    let app = world.start("batch-mode: true, batch-size: 100", per_item(&calls)).await;
    let mut out = world.tap("out").await;
    let texts = numbered(1000);
    world.send("in", &texts).await;
    assert_eq!(out.take(1000).await, texts);
    world.until_done(&app).await;
    let batches = items(&calls);
    assert!(batches.iter().all(|batch| batch.len() <= 100));
    assert!(batches.len() < 1000, "some are larger than one");
    assert_eq!(batches.concat(), texts);
    assert_eq!(app.running.stop().await, 0);
}

pub(crate) async fn f2_a_batch_waits_no_longer_than_said_while_others_trickle_in(world: &World) {
    let calls = Calls::default();
    let consumer = "batch-mode: true, batch-size: 10000, batch-max-wait: 50ms";
    let app = world.start(consumer, per_item(&calls)).await;
    world.send("in", ["first"]).await;
    eventually("it is called", || !calls.texts().is_empty()).await;
    let (since, before) = (Instant::now(), calls.texts().len());
    let mut moments = tokio::time::interval(Duration::from_millis(5));
    while calls.texts().len() == before {
        moments.tick().await;
        world.send("in", ["one"]).await;
        within(since, Duration::ZERO);
    }
    eventually("all are settled", || {
        let stats = app.stats("work-in-0");
        stats.received.get() == stats.succeeded.get()
    })
    .await;
    assert_eq!(app.running.stop().await, 0);
}

pub(crate) async fn f4_an_item_that_fails_is_tried_again_and_becomes_a_dead_letter_alone(world: &World) {
    let calls = Calls::default();
    let consumer = "batch-mode: true, batch-max-wait: 300ms, batch-size: 10, max-attempts: 3, \
                    back-off-initial-interval: 10ms, dead-letter: failed";
    let app = world.start(consumer, per_item(&calls)).await;
    let (mut out, mut failed) = (world.tap("out").await, world.tap("failed").await);
    let mut texts = numbered(9);
    texts.insert(2, "bad".to_owned());
    world.send("in", &texts).await;
    assert_eq!(failed.take(1).await, ["bad"]);
    texts.remove(2);
    assert_eq!(out.take(9).await, texts);
    world.until_done(&app).await;
    let all = items(&calls).concat();
    assert_eq!(all.iter().filter(|item| *item == "bad").count(), 3);
    assert_eq!(all.len(), 12, "no other is called with again: {all:?}");
    assert_eq!((app.stats("work-in-0").dead_lettered.get(), app.running.stop().await), (1, 0));
}

pub(crate) async fn f5_an_item_that_cannot_be_read_is_set_apart_and_the_others_are_processed(world: &World) {
    let calls = Calls::default();
    let noted = calls.clone();
    let consumer = "batch-mode: true, batch-max-wait: 100ms, dead-letter: failed";
    let app = world
        .start(consumer, move |catalog| {
            catalog.function("work", move |Batch(numbers): Batch<u64>| {
                let outcome = |n: u64| {
                    noted.note(&n.to_string());
                    Ok::<_, Error>(n)
                };
                PerItem(numbers.into_iter().map(outcome).collect())
            })
        })
        .await;
    let (mut out, mut failed) = (world.tap("out").await, world.tap("failed").await);
    world.publish("in", ["1", "2", "{", "4"].map(Raw::of)).await;
    assert_eq!(out.take(3).await, ["1", "2", "4"]);
    assert_eq!(failed.take(1).await, ["{"]);
    world.until_done(&app).await;
    assert_eq!((calls.texts(), app.running.stop().await), (["1", "2", "4"].map(str::to_owned).to_vec(), 0));
}

pub(crate) async fn f6_a_batch_that_panics_takes_nobody_along(world: &World) {
    let calls = Calls::default();
    let noted = calls.clone();
    let consumer = "batch-mode: true, batch-max-wait: 100ms, max-attempts: 2, \
                    back-off-initial-interval: 10ms, dead-letter: failed";
    let app = world
        .start(consumer, move |catalog| {
            catalog.function("work", move |Batch(items): Batch<String>| {
                noted.note(&items.join(" "));
                assert!(!items.iter().any(|item| item == "boom"), "boom");
                Batch(items)
            })
        })
        .await;
    let (mut out, mut failed) = (world.tap("out").await, world.tap("failed").await);
    world.send("in", ["one", "boom", "two"]).await;
    assert_eq!(out.take_sorted(2).await, ["one", "two"]);
    assert_eq!(failed.take(1).await, ["boom"]);
    world.until_done(&app).await;
    assert_eq!((app.stats("work-in-0").dead_lettered.get(), app.running.stop().await), (1, 0));
}
