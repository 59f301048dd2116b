//! Stopping, pausing and breaking down.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::poll;

use crate::world::{Calls, Gate, World, eventually};

pub(crate) async fn e6_stopping_finishes_what_is_in_flight_and_leaves_the_rest(world: &World) {
    let (gate, begun) = (Gate::default(), Arc::new(AtomicUsize::new(0)));
    let (held, counted) = (gate.clone(), Arc::clone(&begun));
    let app = world
        .start("concurrency: 100, order: none", move |catalog| {
            catalog.function("work", move |text: String| {
                let gate = held.clone();
                counted.fetch_add(1, Ordering::SeqCst);
                async move {
                    gate.passed().await;
                    text
                }
            })
        })
        .await;
    let mut out = world.tap("out").await;
    let in_flight: Vec<String> = (0..50).map(|n| format!("first {n:02}")).collect();
    let rest: Vec<String> = (0..10).map(|n| format!("rest {n}")).collect();
    world.send("in", &in_flight).await;
    eventually("50 are in flight", || begun.load(Ordering::SeqCst) == 50).await;
    let mut stopping = Box::pin(app.running.stop());
    assert!(poll!(&mut stopping).is_pending(), "it waits for what is in flight");
    tokio::task::yield_now().await;
    world.send("in", &rest).await;
    gate.open();
    assert_eq!(stopping.await, 0);
    assert_eq!(begun.load(Ordering::SeqCst), 50, "nothing is begun while it stops");
    assert_eq!(out.take_sorted(50).await, in_flight);
    world.until_unsettled(10).await;
    let again = Calls::default();
    let noted = again.clone();
    let app = world
        .start("", move |catalog| {
            catalog.function("work", move |text: String| {
                noted.note(&text);
                text
            })
        })
        .await;
    assert_eq!(out.take_sorted(10).await, rest);
    world.until_unsettled(0).await;
    assert_eq!(again.texts().len(), 10, "nothing that was finished comes again");
    assert_eq!(app.running.stop().await, 0);
}
