//! Order: within partitions and keys, while others go on.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use wellspring::Error;

use crate::world::{Calls, World, eventually, keyed};

/// Counts how many calls are under way, in all and of each key.
#[derive(Default)]
struct Gauge {
    now: AtomicUsize,
    peak: AtomicUsize,
    keys: Mutex<HashMap<u64, u64>>,
    /// Calls that found another of their key under way, or a later one before them.
    wrong: AtomicUsize,
}

pub(crate) async fn d13_lanes_are_full_and_two_of_one_key_never_run_side_by_side(world: &World) {
    world.create(4).await;
    let gauge = Arc::new(Gauge::default());
    let seen = Arc::clone(&gauge);
    let app = world
        .start("concurrency: 32", move |catalog| {
            catalog.function("work", move |n: u64| {
                let gauge = Arc::clone(&seen);
                async move {
                    let now = gauge.now.fetch_add(1, Ordering::SeqCst) + 1;
                    gauge.peak.fetch_max(now, Ordering::SeqCst);
                    let key = n / 20;
                    let before = gauge.keys.lock().unwrap().insert(key, n);
                    let is_early = before.is_some_and(|before| before >= n);
                    for _ in 0..n % 7 + 1 {
                        tokio::task::yield_now().await;
                    }
                    let is_disturbed = gauge.keys.lock().unwrap()[&key] != n;
                    gauge.wrong.fetch_add(usize::from(is_early || is_disturbed), Ordering::SeqCst);
                    gauge.now.fetch_sub(1, Ordering::SeqCst);
                    n
                }
            })
        })
        .await;
    let messages = (0..2000).map(|n: u64| keyed(&(n / 20).to_string(), &n.to_string()));
    world.publish("in", messages).await;
    eventually("all are done", || app.stats("work-in-0").succeeded.get() == 2000).await;
    world.until_done(&app).await;
    assert_eq!(gauge.wrong.load(Ordering::SeqCst), 0, "calls with another of their key under way");
    assert_eq!(gauge.peak.load(Ordering::SeqCst), 32);
    assert_eq!((app.stats("work-in-0").failed.get(), app.running.stop().await), (0, 0));
}

/// A function that fails once with `a5`, and the messages of two keys.
const RETRIED: &str = "max-attempts: 2, back-off-initial-interval: 300ms, back-off-max-interval: 300ms";

fn failing_once(
    calls: &Calls,
) -> impl FnOnce(wellspring::CatalogBuilder) -> wellspring::CatalogBuilder + Send + 'static {
    let calls = calls.clone();
    move |catalog| {
        catalog.function("work", move |text: String| {
            calls.note(&text);
            let is_first = text == "a5" && calls.count(&text) == 1;
            if is_first { Err(Error::retryable("busy")) } else { Ok(text) }
        })
    }
}

pub(crate) async fn d8_what_is_tried_again_holds_up_its_own_key_and_no_other(world: &World) {
    let calls = Calls::default();
    let app = world.start(&format!("concurrency: 4, {RETRIED}"), failing_once(&calls)).await;
    let mut out = world.tap("out").await;
    let of = |key: &str, n: u32| keyed(key, &format!("{key}{n}"));
    world.publish("in", (0..10).flat_map(|n| [of("a", n), of("b", n)])).await;
    let texts = out.take(20).await;
    for key in ["a", "b"] {
        let own: Vec<_> = texts.iter().filter(|text| text.starts_with(key)).cloned().collect();
        assert_eq!(own, (0..10).map(|n| format!("{key}{n}")).collect::<Vec<_>>());
    }
    let at = |text: &str| texts.iter().position(|other| other == text).unwrap();
    assert!(at("b9") < at("a5"), "the other key waits for nothing: {texts:?}");
    assert_eq!((calls.texts().len(), app.running.stop().await), (21, 0));
}

pub(crate) async fn d8b_with_one_at_a_time_what_is_tried_again_stays_before_those_behind_it(world: &World) {
    let calls = Calls::default();
    let app = world.start(RETRIED, failing_once(&calls)).await;
    let mut out = world.tap("out").await;
    let texts: Vec<String> = (0..10).map(|n| format!("a{n}")).collect();
    world.send("in", &texts).await;
    assert_eq!(out.take(10).await, texts);
    assert_eq!((calls.texts().len(), app.running.stop().await), (11, 0));
}

pub(crate) async fn d9b_members_that_come_and_go_lose_nothing(world: &World) {
    world.create(4).await;
    let calls = Calls::default();
    let stays = world.start("concurrency: 4", failing_once(&calls)).await;
    let texts: Vec<String> = (0..1000).map(|n| format!("{n:04}")).collect();
    for (round, part) in (1..).zip(texts.chunks(250)) {
        let comes = world.start("concurrency: 4", failing_once(&calls)).await;
        world.publish("in", part.iter().map(|text| keyed(&text[2..], text))).await;
        eventually("some are done", || calls.counts().len() > 250 * round - 200).await;
        assert_eq!(comes.running.stop().await, 0);
    }
    eventually("all are done", || calls.counts().len() == 1000).await;
    world.until_unsettled(0).await;
    world.until_sent(&texts).await;
    assert_eq!(stays.running.stop().await, 0);
}
