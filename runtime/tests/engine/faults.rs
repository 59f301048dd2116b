//! Connections that break, brokers that are away, outputs that take nothing.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use wellspring::binder::Kind;
use wellspring::binding::State;

use crate::failing::{Failing, Refusal};
use crate::world::{Calls, World, eventually, failing_on_bad, soon, work};

pub(crate) async fn e2b_what_connections_that_break_interrupt_comes_again(world: &World) {
    let (binder, wire) = world.binder_on_a_wire().await;
    let calls = Calls::default();
    let app = world.start_over(binder, &work("concurrency: 8"), failing_on_bad(&calls)).await;
    let texts: Vec<String> = (0..1000).map(|n| format!("{n:04}")).collect();
    for (round, part) in (1..).zip(texts.chunks(200)) {
        world.send("in", part).await;
        eventually("some are done", || calls.counts().len() > 200 * round - 150).await;
        wire.cut();
    }
    eventually("all are done", || calls.counts().len() == 1000).await;
    world.until_done(&app).await;
    world.until_sent(&texts).await;
    assert_eq!((app.stats("work-in-0").dropped.get(), app.running.stop().await), (0, 0));
}

pub(crate) async fn e4b_a_slow_connection_loses_nothing(world: &World) {
    let (binder, wire) = world.binder_on_a_wire().await;
    let calls = Calls::default();
    let consumer = "max-attempts: 2, back-off-initial-interval: 10ms, dead-letter: failed";
    let app = world.start_over(binder, &work(consumer), failing_on_bad(&calls)).await;
    let (mut out, mut failed) = (world.tap("out").await, world.tap("failed").await);
    wire.slow_down(Duration::from_millis(50));
    let texts: Vec<String> = (0..200).map(|n| n.to_string()).collect();
    world.send("in", texts.iter().map(String::as_str).chain(["bad"])).await;
    assert_eq!(out.take(200).await, texts);
    assert_eq!(failed.take(1).await, ["bad"]);
    world.until_done(&app).await;
    wire.slow_down(Duration::ZERO);
    assert_eq!((calls.texts().len(), app.running.stop().await), (202, 0));
}

pub(crate) async fn e5b_what_comes_during_an_outage_is_processed_after_it(world: &World) {
    let (binder, wire) = world.binder_on_a_wire().await;
    let calls = Calls::default();
    let app = world.start_over(binder, &work(""), failing_on_bad(&calls)).await;
    let mut out = world.tap("out").await;
    world.send("in", ["before"]).await;
    assert_eq!(out.take(1).await, ["before"]);
    wire.set_down(true);
    let texts: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    world.send("in", &texts).await;
    let binding = app.running.binding("work-in-0").unwrap();
    assert_eq!(binding.state(), State::Running);
    wire.set_down(false);
    eventually("all are done", || calls.counts().len() == 101).await;
    world.until_done(&app).await;
    world.until_sent(&texts).await;
    assert_eq!((binding.stats().dropped.get(), app.running.stop().await), (0, 0));
}

pub(crate) async fn e5c_an_output_that_is_away_holds_its_input_up_within_bounds(world: &World) {
    let (calls, refusal) = (Calls::default(), Arc::new(Refusal::default()));
    refusal.is_on.store(true, Ordering::SeqCst);
    let (destination, kind) = ("out", Kind::Unreachable);
    let binder = Failing { inner: world.binder(), destination, kind, refusal: Arc::clone(&refusal) };
    let consumer = "max-in-flight: 10, max-attempts: 2, back-off-initial-interval: 10ms, dead-letter: failed";
    let app = world.start_over(Arc::new(binder), &work(consumer), failing_on_bad(&calls)).await;
    let mut out = world.tap("out").await;
    let texts: Vec<String> = (0..100).map(|n| format!("{n:03}")).collect();
    world.send("in", &texts).await;
    eventually("it has refused more often than there are attempts", || {
        refusal.count.load(Ordering::SeqCst) > 100
    })
    .await;
    let stats = app.stats("work-in-0");
    assert!(stats.received.get() <= 10, "{} are in memory", stats.received.get());
    assert_eq!((stats.dead_lettered.get(), stats.dropped.get()), (0, 0), "waiting uses up no attempt");
    refusal.is_on.store(false, Ordering::SeqCst);
    assert_eq!(out.take_sorted(100).await, texts);
    world.until_done(&app).await;
    assert_eq!(soon("it stops", app.running.stop()).await, 0);
}
