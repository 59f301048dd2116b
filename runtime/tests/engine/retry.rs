//! Retries: how often, when, and who waits meanwhile.

use wellspring::Error;

use crate::world::{Calls, World};

/// A function that notes its calls and always fails with `bad`.
pub(crate) fn failing_on_bad(
    calls: &Calls,
) -> impl FnOnce(wellspring::CatalogBuilder) -> wellspring::CatalogBuilder + Send + 'static {
    let calls = calls.clone();
    move |catalog| {
        catalog.function("work", move |text: String| {
            calls.note(&text);
            if text == "bad" { Err(Error::retryable("busy")) } else { Ok(text) }
        })
    }
}

pub(crate) async fn c1_three_attempts_are_three_calls_and_one_dead_letter(world: &World) {
    let calls = Calls::default();
    let consumer = "max-attempts: 3, back-off-initial-interval: 10ms, dead-letter: failed";
    let app = world.start(consumer, failing_on_bad(&calls)).await;
    let (mut out, mut failed) = (world.tap("out").await, world.tap("failed").await);
    world.send("in", ["bad", "good"]).await;
    assert_eq!(out.take(1).await, ["good"]);
    assert_eq!(failed.take(1).await, ["bad"]);
    world.until_unsettled(0).await;
    assert_eq!(calls.texts(), ["bad", "bad", "bad", "good"]);
    let stats = app.stats("work-in-0");
    assert_eq!((stats.failed.get(), stats.dead_lettered.get(), stats.dropped.get()), (3, 1, 0));
    assert_eq!(app.running.stop().await, 0);
}
