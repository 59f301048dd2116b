//! Retries: how often, when, and who waits meanwhile.

use std::time::{Duration, Instant};

use wellspring::binding::State;
use wellspring::{Error, Kind};

use crate::world::{Calls, World, eventually, failing_on_bad, soon};

/// How much later than planned something may happen on a machine that is busy.
const LATE: Duration = Duration::from_secs(2);

pub(crate) async fn c1_three_attempts_are_three_calls_and_one_dead_letter(world: &World) {
    let calls = Calls::default();
    let consumer = "max-attempts: 3, back-off-initial-interval: 10ms, dead-letter: failed";
    let app = world.start(consumer, failing_on_bad(&calls)).await;
    let (mut out, mut failed) = (world.tap("out").await, world.tap("failed").await);
    world.send("in", ["bad", "good"]).await;
    assert_eq!(out.take(1).await, ["good"]);
    assert_eq!(failed.take(1).await, ["bad"]);
    world.until_done(&app).await;
    assert_eq!(calls.texts(), ["bad", "bad", "bad", "good"]);
    let stats = app.stats("work-in-0");
    assert_eq!((stats.failed.get(), stats.dead_lettered.get(), stats.dropped.get()), (3, 1, 0));
    assert_eq!(app.running.stop().await, 0);
}

pub(crate) async fn c5_waits_between_attempts_grow_within_their_bounds(world: &World) {
    let calls = Calls::default();
    let consumer = "max-attempts: 4, back-off-initial-interval: 40ms, back-off-multiplier: 2, \
                    back-off-jitter: 0.5, dead-letter: failed";
    let app = world.start(consumer, failing_on_bad(&calls)).await;
    let mut failed = world.tap("failed").await;
    world.send("in", ["bad"]).await;
    failed.take(1).await;
    let times = calls.times("bad");
    assert_eq!(times.len(), 4);
    for (pair, nominal) in times.windows(2).zip([40, 80, 160].map(Duration::from_millis)) {
        let waited = pair[1] - pair[0];
        assert!(waited >= nominal && waited <= nominal.mul_f64(1.5) + LATE, "{waited:?} after {nominal:?}");
    }
    assert_eq!(app.running.stop().await, 0);
}

pub(crate) async fn c6_a_thousand_others_go_on_while_one_waits_for_its_next_attempt(world: &World) {
    let calls = Calls::default();
    let consumer = "concurrency: 4, order: none, max-attempts: 2, back-off-initial-interval: 5m, \
                    back-off-max-interval: 5m";
    let yaml = format!("{}\nshutdown: {{ timeout: 10s }}", crate::world::work(consumer));
    let app = world.start_over(world.binder(), &yaml, failing_on_bad(&calls)).await;
    let mut out = world.tap("out").await;
    world.send("in", ["bad"]).await;
    eventually("it has failed", || app.stats("work-in-0").failed.get() == 1).await;
    let good: Vec<String> = (0..1000).map(|n| format!("good {n:04}")).collect();
    world.send("in", &good).await;
    assert_eq!(out.take_sorted(1000).await, good);
    assert_eq!(calls.count("bad"), 1, "it waits");
    assert_eq!(app.running.stop().await, 1, "what waits for another attempt is abandoned");
    let again = Calls::default();
    let app = world.start("max-attempts: 1, on-exhausted: drop", failing_on_bad(&again)).await;
    eventually("it comes again", || again.count("bad") == 1).await;
    world.until_done(&app).await;
    assert_eq!(app.running.stop().await, 0);
}

pub(crate) async fn c8_two_members_of_a_group_make_no_more_attempts_than_one(world: &World) {
    let calls = Calls::default();
    let consumer = "max-attempts: 3, back-off-initial-interval: 20ms, dead-letter: failed";
    let one = world.start(consumer, failing_on_bad(&calls)).await;
    let other = world.start(consumer, failing_on_bad(&calls)).await;
    let mut failed = world.tap("failed").await;
    world.send("in", ["bad"]).await;
    assert_eq!(failed.take(1).await, ["bad"]);
    world.until_unsettled(0).await;
    assert_eq!(calls.count("bad"), 3);
    for app in [one, other] {
        assert_eq!(app.running.stop().await, 0);
    }
    assert_eq!(calls.count("bad"), 3);
}

pub(crate) async fn c9_each_kind_of_failure_has_the_end_that_is_configured(world: &World) {
    let calls = Calls::default();
    let noted = calls.clone();
    let consumer = "max-attempts: 3, back-off-initial-interval: 10ms, dead-letter: failed, \
                    on-failure: { fatal: pause, timeout: drop }";
    let app = world
        .start(consumer, move |catalog| {
            catalog.function("work", move |text: String| {
                noted.note(&text);
                let times = noted.count(&text);
                match (&*text, times) {
                    ("transient", 1 | 2) => Err(Error::retryable("busy")),
                    ("invalid", _) => Err(Error::message(Kind::Invalid, "no such customer")),
                    ("late", _) => Err(Error::message(Kind::Timeout, "nobody answers")),
                    ("fatal", 1) => Err(Error::fatal("the key is gone")),
                    _ => Ok(text),
                }
            })
        })
        .await;
    let (mut out, mut failed) = (world.tap("out").await, world.tap("failed").await);
    world.send("in", ["transient", "invalid", "late", "fatal", "good"]).await;
    assert_eq!(out.take(1).await, ["transient"]);
    assert_eq!(failed.take(1).await, ["invalid"]);
    let binding = app.running.binding("work-in-0").unwrap();
    soon("it pauses", binding.reached(State::Paused)).await;
    assert_eq!(calls.texts().last().map(String::as_str), Some("fatal"));
    binding.resume();
    assert_eq!(out.take(2).await, ["fatal", "good"]);
    world.until_done(&app).await;
    let counts = ["transient", "invalid", "late", "fatal", "good"].map(|text| calls.count(text));
    assert_eq!(counts, [3, 1, 1, 2, 1]);
    assert_eq!((binding.stats().dropped.get(), binding.stats().dead_lettered.get()), (1, 1));
    assert_eq!(app.running.stop().await, 0);
}

/// How long something took.
pub(crate) fn within(since: Instant, least: Duration) {
    let took = since.elapsed();
    assert!(took >= least && took <= least + LATE, "{took:?}, expected {least:?}");
}
