//! Stopping in every situation: nothing is lost, and nothing keeps the application from ending.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use wellspring::binder::memory::Config;
use wellspring::binding::State;
use wellspring::testing::Destinations;
use wellspring::{ContentType, Message, Sender};

use super::app::{App, eventually, text};

const WORK: &str = "
function: { definition: work }
stream: { bindings: { work-in-0: { destination: in, group: g }, work-out-0: { destination: out } } }
";

#[tokio::test(start_paused = true)]
async fn what_was_received_but_not_begun_is_left_to_others_without_being_waited_for() {
    let app = App::start(WORK, |catalog| {
        catalog.function("work", |n: u64| async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            n
        })
    })
    .await;
    for n in 0..100 {
        app.send("in", n.to_string()).await;
    }
    eventually("begun", || app.stats("work-in-0").received.get() > 1).await;
    let (destinations, started) = (app.destinations.clone(), tokio::time::Instant::now());
    assert_eq!(app.running.stop().await, 0, "nothing that was begun is abandoned");
    assert!(started.elapsed() < Duration::from_secs(5), "one message more is waited for, not a hundred");
    let (mut done, mut rest) =
        (destinations.reader("out", "test").await.unwrap(), destinations.reader("in", "g").await.unwrap());
    let first: u64 = text(&mut rest).await.parse().unwrap();
    for n in 0..first {
        assert_eq!(text(&mut done).await, n.to_string());
    }
    for n in first + 1..100 {
        assert_eq!(text(&mut rest).await, n.to_string());
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_output_does_not_keep_the_application_from_stopping() {
    let full = Destinations::with(Config { capacity: 4, partitions: 1 });
    let _nobody_reads = full.reader("out", "test").await.unwrap();
    let app = App::start_on(full, WORK, |catalog| catalog.function("work", |n: u64| n)).await;
    for n in 0..8 {
        app.send("in", n.to_string()).await;
        eventually("received", || app.stats("work-in-0").received.get() > n).await;
    }
    let destinations = app.destinations.clone();
    assert_eq!(app.running.stop().await, 4);
    let mut rest = destinations.reader("in", "g").await.unwrap();
    for n in 4..8 {
        assert_eq!(text(&mut rest).await, n.to_string());
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_end_into_a_full_output_can_be_stopped() {
    let full = Destinations::with(Config { capacity: 4, partitions: 1 });
    let _nobody_reads = full.reader("out", "test").await.unwrap();
    let app = App::start_on(full, WORK, |catalog| {
        catalog.function("work", |n: u64| stream::iter(0u64..).map(move |i| n + i))
    })
    .await;
    app.send("in", "0").await;
    eventually("received", || app.stats("work-in-0").received.get() == 1).await;
    let destinations = app.destinations.clone();
    assert_eq!(app.running.stop().await, 1);
    assert_eq!(text(&mut destinations.reader("in", "g").await.unwrap()).await, "0");
}

#[tokio::test(start_paused = true)]
async fn a_supplier_without_end_can_be_stopped() {
    let yaml = "
function: { definition: numbers }
stream: { bindings: { numbers-out-0: { destination: out } } }
";
    let app = App::start(yaml, |catalog| catalog.supplier("numbers", || stream::iter(0u64..))).await;
    let mut out = app.reader("out").await;
    for n in 0..5000u64 {
        assert_eq!(text(&mut out).await, n.to_string());
    }
    drop(out);
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_message_sent_from_code_that_is_not_confirmed_in_time_counts_as_abandoned() {
    let yaml = "
function: { definition: fire }
stream: { bindings: { fire-in-0: { destination: in, group: g }, side: { destination: full } } }
";
    let full = Destinations::with(Config { capacity: 1, partitions: 1 });
    let _nobody_reads = full.reader("full", "test").await.unwrap();
    full.send("full", Message::encoded("0", ContentType::JSON)).await.unwrap();
    let app = App::start_on(full, yaml, |catalog| {
        catalog.consumer("fire", |n: u64, sender: Sender| async move {
            // Does not wait for the confirm.
            let _ = tokio::time::timeout(Duration::from_millis(1), sender.send("side", n)).await;
        })
    })
    .await;
    app.send("in", "1").await;
    eventually("sent", || app.stats("fire-in-0").succeeded.get() == 1).await;
    assert_eq!(app.running.stop().await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_stopped_binding_leaves_the_others_running() {
    let yaml = "
function: { definition: one;two }
stream:
  bindings:
    one-in-0: { destination: in, group: one }
    one-out-0: { destination: out }
    two-in-0: { destination: in, group: two }
    two-out-0: { destination: out }
";
    let app = App::start(yaml, |catalog| {
        catalog
            .function("one", |text: String| format!("one {text}"))
            .function("two", |text: String| format!("two {text}"))
    })
    .await;
    let mut out = app.reader("out").await;
    let one = app.running.binding("one-in-0").unwrap().clone();
    one.stop();
    one.reached(State::Stopped).await;
    one.resume();
    app.send("in", "x").await;
    assert_eq!(text(&mut out).await, "two x");
    assert_eq!(one.state(), State::Stopped, "a stopped binding is not resumed");
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_paused_binding_hands_its_partitions_over_once_they_are_settled() {
    let two = Destinations::with(Config { capacity: 100, partitions: 2 });
    let app = App::start_on(two, WORK, |catalog| catalog.function("work", |n: u64| n)).await;
    let binding = app.running.binding("work-in-0").unwrap().clone();
    for n in 0..4 {
        app.send("in", n.to_string()).await;
    }
    eventually("settled", || binding.stats().succeeded.get() == 4).await;
    binding.pause();
    binding.reached(State::Paused).await;
    let mut other = app.destinations.reader("in", "g").await.unwrap();
    for n in 4..8 {
        app.send("in", n.to_string()).await;
    }
    let own = [text(&mut other).await, text(&mut other).await];
    assert!(own == ["4", "6"] || own == ["5", "7"], "one of the two partitions: {own:?}");
    app.running.stop().await;
}
