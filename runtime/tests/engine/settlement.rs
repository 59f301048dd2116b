//! What is settled and when: after a success, a failure, a crash, and never twice.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use wellspring::{Error, header_names};

use crate::retry::within;
use crate::world::{Calls, Gate, World, eventually, failing_on_bad, holding, work};

pub(crate) async fn b1_what_succeeds_is_settled_once_its_outputs_are_there(world: &World) {
    let calls = Calls::default();
    let app = world.start("", failing_on_bad(&calls)).await;
    let mut out = world.tap("out").await;
    let texts: Vec<String> = (0..300).map(|n| n.to_string()).collect();
    world.send("in", &texts).await;
    assert_eq!(out.take(300).await, texts);
    world.until_done(&app).await;
    assert_eq!(app.stats("work-in-0").succeeded.get(), 300);
    assert_eq!(app.running.stop().await, 0);
    let again = Calls::default();
    let app = world.start("", failing_on_bad(&again)).await;
    world.send("in", ["last"]).await;
    assert_eq!(out.take(1).await, ["last"]);
    assert_eq!((again.texts().as_slice(), app.running.stop().await), (&["last".to_owned()][..], 0));
}

pub(crate) async fn b2_what_is_given_back_comes_again_as_the_same_message(world: &World) {
    let calls = Calls::default();
    let noted = calls.clone();
    let consumer = "max-attempts: 1, on-exhausted: requeue, back-off-initial-interval: 10ms";
    let app = world
        .start(consumer, move |catalog| {
            catalog.function("work", move |text: String| {
                noted.note(&text);
                if noted.count(&text) < 3 { Err(Error::retryable("busy")) } else { Ok(text) }
            })
        })
        .await;
    let mut out = world.tap("out").await;
    world.send("in", ["one"]).await;
    assert_eq!(out.take(1).await, ["one"]);
    world.until_done(&app).await;
    let stats = app.stats("work-in-0");
    assert_eq!((calls.count("one"), stats.requeued.get(), stats.received.get()), (3, 2, 3));
    assert_eq!(app.running.stop().await, 0);
}

pub(crate) async fn b5_what_is_settled_out_of_order_loses_nothing_in_a_crash(world: &World) {
    let (calls, gate) = (Calls::default(), Gate::default());
    let app = world.start("concurrency: 3, order: none", holding(&calls, &gate, |text| text == "1")).await;
    world.send("in", ["1", "2", "3"]).await;
    eventually("2 and 3 are done", || app.stats("work-in-0").succeeded.get() == 2).await;
    drop(app);
    let again = Calls::default();
    let app = world.start("", failing_on_bad(&again)).await;
    eventually("1 comes again", || again.count("1") == 1).await;
    world.until_done(&app).await;
    assert!(again.counts().values().all(|count| *count == 1), "{:?}", again.texts());
    assert_eq!(app.running.stop().await, 0);
}

/// Ends with `c` and `e` unsettled, and looks who comes again.
async fn ends_with_two_open(world: &World, is_crash: bool) {
    let (calls, gate) = (Calls::default(), Gate::default());
    let yaml = format!("{}\nshutdown: {{ timeout: 50ms }}", work("concurrency: 5, order: none"));
    let functions = holding(&calls, &gate, |text| text == "c" || text == "e");
    let app = world.start_over(world.binder(), &yaml, functions).await;
    world.send("in", ["a", "b", "c", "d", "e"]).await;
    eventually("a, b and d are done", || app.stats("work-in-0").succeeded.get() == 3).await;
    eventually("e is begun", || calls.count("e") == 1).await;
    if is_crash {
        // The broker hears of what is settled up to the first that is not.
        world.until_unsettled(3).await;
        drop(app);
    } else {
        assert_eq!(app.running.stop().await, 2);
    }
    let again = Calls::default();
    let app = world.start("", failing_on_bad(&again)).await;
    eventually("c and e come again", || again.count("c") > 0 && again.count("e") > 0).await;
    world.until_done(&app).await;
    assert_eq!((again.count("a"), again.count("b")), (0, 0), "{:?}", again.texts());
    assert_eq!(app.running.stop().await, 0);
}

pub(crate) async fn b6_what_was_settled_before_a_stop_does_not_come_again_and_the_rest_does(world: &World) {
    ends_with_two_open(world, false).await;
}

pub(crate) async fn b6b_what_was_settled_before_a_crash_does_not_come_again_and_the_rest_does(world: &World) {
    ends_with_two_open(world, true).await;
}

pub(crate) async fn b8_a_panic_is_the_failure_of_one_message(world: &World) {
    let calls = Calls::default();
    let noted = calls.clone();
    let consumer = "max-attempts: 2, back-off-initial-interval: 10ms, dead-letter: failed";
    let app = world
        .start(consumer, move |catalog| {
            catalog.function("work", move |text: String| {
                noted.note(&text);
                assert!(text != "boom", "boom");
                text
            })
        })
        .await;
    let (mut out, mut failed) = (world.tap("out").await, world.reader("failed").await);
    world.send("in", ["before", "boom", "behind"]).await;
    assert_eq!(out.take(2).await, ["before", "behind"]);
    let letter = crate::world::next(&mut failed).await.message;
    let said = letter.headers().text(header_names::EXCEPTION_MESSAGE).unwrap_or_default();
    assert!(said.contains("panicked: boom"), "{said}");
    world.until_done(&app).await;
    assert_eq!((calls.count("boom"), app.stats("work-in-0").failed.get()), (2, 2));
    assert_eq!(app.running.stop().await, 0);
}

pub(crate) async fn b9_the_answer_that_comes_after_the_deadline_is_not_used(world: &World) {
    let (release, held) = channel::<()>();
    let (calls, held) = (Calls::default(), Arc::new(Mutex::new(held)));
    let noted = calls.clone();
    let consumer = "timeout: 2s, max-attempts: 1, dead-letter: failed";
    let app = world
        .start(consumer, move |catalog| {
            catalog.function("work", move |text: String| {
                if text == "late" {
                    let _ = held.lock().unwrap().recv();
                    noted.note("returned");
                }
                text
            })
        })
        .await;
    let (mut out, mut failed) = (world.tap("out").await, world.tap("failed").await);
    world.send("in", ["late"]).await;
    assert_eq!(failed.take(1).await, ["late"]);
    drop(release);
    eventually("it has returned", || calls.count("returned") == 1).await;
    world.send("in", ["good"]).await;
    assert_eq!(out.take(1).await, ["good"], "what came too late is not sent");
    world.until_done(&app).await;
    let stats = app.stats("work-in-0");
    assert_eq!((stats.succeeded.get(), stats.dead_lettered.get(), stats.failed.get()), (1, 1, 1));
    assert_eq!(app.running.stop().await, 0);
}

pub(crate) async fn b10_what_is_given_back_comes_after_its_wait(world: &World) {
    let calls = Calls::default();
    let noted = calls.clone();
    let consumer = "max-attempts: 1, on-exhausted: requeue, back-off-initial-interval: 300ms";
    let app = world
        .start(consumer, move |catalog| {
            catalog.function("work", move |text: String| {
                noted.note(&text);
                if noted.count(&text) == 1 { Err(Error::retryable("busy")) } else { Ok(text) }
            })
        })
        .await;
    let mut out = world.tap("out").await;
    world.send("in", ["one"]).await;
    eventually("it has failed", || calls.count("one") == 1).await;
    let failed: Instant = calls.times("one")[0];
    assert_eq!(out.take(1).await, ["one"]);
    within(failed, Duration::from_millis(300));
    assert_eq!(calls.count("one"), 2);
    assert_eq!(app.running.stop().await, 0);
}

pub(crate) async fn b12_reading_goes_on_when_what_was_in_flight_is_settled(world: &World) {
    let (calls, gate) = (Calls::default(), Gate::default());
    let consumer = "max-in-flight: 10, concurrency: 100, order: none";
    let app = world.start(consumer, holding(&calls, &gate, |_| true)).await;
    let mut out = world.tap("out").await;
    let texts: Vec<String> = (0..100).map(|n| format!("{n:03}")).collect();
    world.send("in", &texts).await;
    eventually("as many are begun as may be", || calls.texts().len() == 10).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!((calls.texts().len(), app.stats("work-in-0").received.get()), (10, 10));
    gate.open();
    assert_eq!(out.take_sorted(100).await, texts);
    world.until_done(&app).await;
    assert_eq!((calls.texts().len(), app.running.stop().await), (100, 0));
}
