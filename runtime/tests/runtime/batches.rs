//! Functions that are called with many messages at once.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use wellspring::{
    Batch, BatchError, CatalogBuilder, ContentType, Error, Message, PerItem, State, header_names,
};

use super::app::{App, eventually, next, text};

/// The batches that a function was called with.
#[derive(Clone, Default)]
struct Calls(Arc<Mutex<Vec<Vec<u64>>>>);

impl Calls {
    fn add(&self, batch: &[u64]) {
        self.0.lock().unwrap().push(batch.to_vec());
    }

    fn get(&self) -> Vec<Vec<u64>> {
        self.0.lock().unwrap().clone()
    }
}

fn yaml(function: &str, consumer: &str) -> String {
    let output = if function == "store" { "" } else { &format!("{function}-out-0: {{ destination: out }}") };
    format!(
        "
function: {{ definition: {function} }}
stream:
  bindings:
    {function}-in-0:
      destination: in
      group: g
      consumer: {{ batch-mode: true, dead-letter: failed, back-off-initial-interval: 100ms, {consumer} }}
    {output}
"
    )
}

fn odd(n: u64) -> Result<u64, Error> {
    if n % 2 == 1 { Ok(n) } else { Err(Error::invalid("even")) }
}

/// Functions that note what they are called with.
fn noting(calls: &Calls) -> impl FnOnce(CatalogBuilder) -> CatalogBuilder + Send + 'static {
    let calls = calls.clone();
    move |catalog| {
        catalog
            .state(calls)
            .function("sum", |Batch(numbers): Batch<u64>, State(calls): State<Calls>| {
                calls.add(&numbers);
                numbers.iter().sum::<u64>()
            })
            .function("double", |Batch(numbers): Batch<u64>, State(calls): State<Calls>| {
                calls.add(&numbers);
                Batch(numbers.iter().map(|n| n * 2).collect())
            })
            .function("odd", |Batch(numbers): Batch<u64>, State(calls): State<Calls>| {
                calls.add(&numbers);
                PerItem(numbers.into_iter().map(odd).collect())
            })
            .function("busy", |Batch(numbers): Batch<u64>, State(calls): State<Calls>| {
                calls.add(&numbers);
                let outcome = |n| {
                    let before = calls.get().iter().flatten().filter(|seen| **seen == n).count();
                    if n == 3 && before < 3 { Err(Error::retryable("busy")) } else { Ok(n) }
                };
                PerItem(numbers.into_iter().map(outcome).collect())
            })
            .function("divide", |Batch(numbers): Batch<u64>, State(calls): State<Calls>| {
                calls.add(&numbers);
                Batch(numbers.into_iter().map(|n| 100 / n).collect())
            })
            .function("fatal", |Batch(numbers): Batch<u64>, State(calls): State<Calls>| {
                calls.add(&numbers);
                let all: Result<Vec<_>, _> = numbers.into_iter().map(odd).collect();
                all.map(Batch)
            })
            .function("later", |Batch(numbers): Batch<u64>, State(calls): State<Calls>| async move {
                calls.add(&numbers);
                tokio::time::sleep(Duration::from_millis(20)).await;
                PerItem(numbers.into_iter().map(odd).collect())
            })
            .consumer("store", |Batch(numbers): Batch<u64>, State(calls): State<Calls>| {
                calls.add(&numbers);
                let zeros = numbers.iter().enumerate().filter(|(_, n)| **n == 0);
                zeros.map(|(item, _)| (item, Error::fatal("zero"))).collect::<BatchError>().into_result()
            })
    }
}

async fn start(function: &str, consumer: &str) -> (App, Calls) {
    let calls = Calls::default();
    let app = App::start(&yaml(function, consumer), noting(&calls)).await;
    (app, calls)
}

async fn send_all(app: &App, payloads: &[&'static str]) {
    for payload in payloads {
        app.send("in", *payload).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_called_when_it_is_full_or_its_first_message_has_waited() {
    let (app, calls) = start("sum", "batch-size: 3, batch-max-wait: 50ms").await;
    let mut out = app.reader("out").await;
    send_all(&app, &["1", "2", "3", "4", "5"]).await;
    assert_eq!((text(&mut out).await, text(&mut out).await), ("6".to_owned(), "9".to_owned()));
    assert_eq!(calls.get(), [vec![1, 2, 3], vec![4, 5]]);
    eventually("settled", || app.stats("sum-in-0").succeeded.get() == 5).await;
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn each_element_is_a_message_and_the_batch_is_settled_with_the_last() {
    let (app, calls) = start("double", "batch-max-wait: 20ms").await;
    let mut out = app.reader("out").await;
    send_all(&app, &["1", "2", "3"]).await;
    for expected in ["2", "4", "6"] {
        assert_eq!(text(&mut out).await, expected);
    }
    assert_eq!(calls.get(), [[1, 2, 3]]);
    eventually("settled", || app.stats("double-in-0").succeeded.get() == 3).await;
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_or_fails_for_good_becomes_a_dead_letter_alone() {
    for function in ["odd", "later"] {
        let (app, calls) = start(function, "batch-max-wait: 20ms").await;
        let (mut out, mut failed) = (app.reader("out").await, app.reader("failed").await);
        send_all(&app, &["1", "x", "3", "4", "5"]).await;
        for expected in ["1", "3", "5"] {
            assert_eq!(text(&mut out).await, expected);
        }
        for (payload, kind) in [("x", "undecodable"), ("4", "invalid")] {
            let letter = next(&mut failed).await.message;
            assert_eq!(letter.bytes(), payload.as_bytes());
            assert_eq!(letter.headers().text(header_names::EXCEPTION_KIND), Some(kind));
            assert_eq!(letter.headers().integer(header_names::ATTEMPTS), Some(1));
        }
        assert_eq!(calls.get(), [[1, 3, 4, 5]]);
        let stats = app.stats(&format!("{function}-in-0"));
        eventually("settled", || stats.succeeded.get() == 3 && stats.dead_lettered.get() == 2).await;
        assert_eq!(app.running.stop().await, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn only_what_failed_is_tried_again() {
    let (app, calls) = start("busy", "batch-max-wait: 20ms").await;
    let mut out = app.reader("out").await;
    send_all(&app, &["1", "3", "5"]).await;
    for expected in ["1", "5", "3"] {
        assert_eq!(text(&mut out).await, expected);
    }
    assert_eq!(calls.get(), [vec![1, 3, 5], vec![3], vec![3]]);
    eventually("settled", || app.stats("busy-in-0").succeeded.get() == 3).await;
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn those_of_its_lane_wait_for_what_is_tried_again() {
    let (app, calls) = start("busy", "batch-size: 2").await;
    let mut out = app.reader("out").await;
    send_all(&app, &["3"]).await;
    eventually("called", || calls.get().len() == 1).await;
    send_all(&app, &["7", "9"]).await;
    for expected in ["3", "7", "9"] {
        assert_eq!(text(&mut out).await, expected);
    }
    assert_eq!(calls.get(), [vec![3], vec![3], vec![3], vec![7, 9]]);
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn batches_are_called_one_after_the_other() {
    let (app, calls) = start("later", "batch-size: 2, concurrency: 4").await;
    let mut out = app.reader("out").await;
    send_all(&app, &["1", "3"]).await;
    eventually("called", || calls.get().len() == 1).await;
    send_all(&app, &["5", "7"]).await;
    for expected in ["1", "3", "5", "7"] {
        assert_eq!(text(&mut out).await, expected);
    }
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_batch_may_be_a_stream_that_is_settled_as_a_whole() {
    use futures_util::StreamExt;
    use wellspring::Streaming;

    let app = App::start(&yaml("total", "batch-size: 3, batch-max-wait: 20ms"), |catalog| {
        let add = |sum, n| async move { sum + n };
        catalog.function("total", move |numbers: Streaming<u64>| numbers.fold(0u64, add))
    })
    .await;
    let (mut out, mut failed) = (app.reader("out").await, app.reader("failed").await);
    send_all(&app, &["1", "x", "3", "4"]).await;
    assert_eq!((text(&mut out).await, text(&mut failed).await), ("4".to_owned(), "x".to_owned()));
    assert_eq!(text(&mut out).await, "4");
    eventually("settled", || app.stats("total-in-0").succeeded.get() == 3).await;
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_fails_as_a_whole_is_called_with_item_by_item() {
    for (function, bad, kind, attempts) in [("divide", "0", "panic", 3), ("fatal", "2", "invalid", 2)] {
        let (app, calls) = start(function, "batch-max-wait: 20ms").await;
        let (mut out, mut failed) = (app.reader("out").await, app.reader("failed").await);
        send_all(&app, &["1", bad, "5"]).await;
        let letter = next(&mut failed).await.message;
        assert_eq!(letter.bytes(), bad.as_bytes());
        assert_eq!(letter.headers().text(header_names::EXCEPTION_KIND), Some(kind));
        assert_eq!(letter.headers().integer(header_names::ATTEMPTS), Some(attempts));
        text(&mut out).await;
        text(&mut out).await;
        assert_eq!(calls.get()[0].len(), 3);
        assert!(calls.get()[1..].iter().all(|batch| batch.len() == 1), "{:?}", calls.get());
        let stats = app.stats(&format!("{function}-in-0"));
        eventually("settled", || stats.succeeded.get() == 2 && stats.dead_lettered.get() == 1).await;
        assert_eq!(app.running.stop().await, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn with_one_attempt_a_batch_that_fails_becomes_dead_letters() {
    let (app, calls) = start("fatal", "batch-max-wait: 20ms, max-attempts: 1").await;
    let mut failed = app.reader("failed").await;
    send_all(&app, &["1", "2"]).await;
    assert_eq!((text(&mut failed).await, text(&mut failed).await), ("1".to_owned(), "2".to_owned()));
    assert_eq!(calls.get(), [[1, 2]]);
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_consumer_names_what_failed() {
    let (app, _) = start("store", "batch-max-wait: 20ms").await;
    let mut failed = app.reader("failed").await;
    send_all(&app, &["1", "0", "2"]).await;
    assert_eq!(text(&mut failed).await, "0");
    eventually("settled", || app.stats("store-in-0").succeeded.get() == 2).await;
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn what_has_gathered_when_the_binding_stops_goes_back_to_its_group() {
    let (app, calls) = start("sum", "batch-size: 9, batch-max-wait: 1h").await;
    send_all(&app, &["1", "2"]).await;
    eventually("received", || app.stats("sum-in-0").received.get() == 2).await;
    let App { destinations, running } = app;
    assert_eq!(running.stop().await, 0);
    assert!(calls.get().is_empty());
    let again = Calls::default();
    let app = App::start_on(destinations, &yaml("sum", "batch-max-wait: 20ms"), noting(&again)).await;
    eventually("called", || again.get() == [[1, 2]]).await;
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn an_item_lends_its_headers_to_what_came_of_it() {
    let (app, _) = start("odd", "batch-max-wait: 20ms").await;
    let mut out = app.reader("out").await;
    for (payload, tenant) in [("1", "one"), ("3", "three")] {
        let message = Message::encoded(payload, ContentType::JSON).with_header("tenant", tenant);
        app.destinations.send("in", message).await.unwrap();
    }
    assert_eq!(next(&mut out).await.message.headers().text("tenant"), Some("one"));
    assert_eq!(next(&mut out).await.message.headers().text("tenant"), Some("three"));
    assert_eq!(app.running.stop().await, 0);
}
