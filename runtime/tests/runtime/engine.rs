//! The delivery engine as an application sees it: lanes, retries that hold nobody else up, dispositions, the circuit,
//! bounds, and what settles first.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use wellspring::binding::State as BindingState;
use wellspring::testing::Destinations;
use wellspring::{CatalogBuilder, ContentType, Error, Message, header_names};

use super::app::{App, eventually, next, text};

fn work(consumer: &str) -> String {
    format!(
        "
function: {{ definition: work }}
stream:
  bindings:
    work-in-0: {{ destination: in, group: g, consumer: {{ {consumer} }} }}
    work-out-0: {{ destination: out }}
"
    )
}

async fn send_keyed(app: &App, key: &str, payload: String) {
    let message = Message::encoded(payload, ContentType::TEXT);
    app.destinations.send_keyed("in", Some(key.to_owned().into()), message).await.unwrap();
}

/// Fails with what contains `bad` as often as told, and otherwise gives back its input.
fn failing_on_bad(times: u32) -> impl FnOnce(CatalogBuilder) -> CatalogBuilder + Send + 'static {
    let failed = AtomicU32::new(0);
    move |catalog| {
        catalog.function("work", move |text: String| {
            if text.contains("bad") && failed.fetch_add(1, Ordering::Relaxed) < times {
                return Err(Error::retryable("busy"));
            }
            Ok(text)
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_holds_up_its_own_partition_and_no_other() {
    let app = App::start(
        &work("max-attempts: 2, back-off-initial-interval: 5m, back-off-max-interval: 5m"),
        failing_on_bad(1),
    )
    .await;
    let _ = app.destinations.create("in", 2).await;
    let mut out = app.reader("out").await;
    for (partition, payload) in [(0, "bad"), (0, "behind"), (1, "one"), (1, "two")] {
        let message = Message::encoded(payload, ContentType::TEXT);
        app.destinations.send_to("in", Some(partition), None, message).await.unwrap();
    }
    let started = Instant::now();
    assert_eq!((text(&mut out).await, text(&mut out).await), ("one".to_owned(), "two".to_owned()));
    assert!(started.elapsed() < Duration::from_secs(1), "the other partition waits for nothing");
    assert_eq!((text(&mut out).await, text(&mut out).await), ("bad".to_owned(), "behind".to_owned()));
    assert!(started.elapsed() >= Duration::from_secs(300));
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn with_several_at_a_time_a_retry_holds_up_its_own_key_and_no_other() {
    let consumer =
        "concurrency: 4, max-attempts: 2, back-off-initial-interval: 5m, back-off-max-interval: 5m";
    let app = App::start(&work(consumer), failing_on_bad(1)).await;
    let mut out = app.reader("out").await;
    send_keyed(&app, "a", "bad".to_owned()).await;
    for n in 0..10 {
        send_keyed(&app, "a", format!("a{n}")).await;
        send_keyed(&app, "b", format!("b{n}")).await;
    }
    for n in 0..10 {
        assert_eq!(text(&mut out).await, format!("b{n}"));
    }
    assert_eq!(text(&mut out).await, "bad");
    for n in 0..10 {
        assert_eq!(text(&mut out).await, format!("a{n}"));
    }
    assert_eq!(app.running.stop().await, 0);
}

/// Counts how many calls are under way, in all and of each key.
#[derive(Default)]
struct Gauge {
    now: AtomicUsize,
    peak: AtomicUsize,
    keys: Mutex<HashMap<u64, u64>>,
}

#[tokio::test(start_paused = true)]
async fn many_keys_fill_all_lanes_and_two_of_one_key_never_run_side_by_side() {
    let gauge = Arc::new(Gauge::default());
    let seen = Arc::clone(&gauge);
    let app = App::start(&work("concurrency: 32"), move |catalog| {
        catalog.function("work", move |n: u64| {
            let gauge = Arc::clone(&seen);
            async move {
                let now = gauge.now.fetch_add(1, Ordering::Relaxed) + 1;
                gauge.peak.fetch_max(now, Ordering::Relaxed);
                let before = gauge.keys.lock().unwrap().insert(n % 100, n);
                assert!(before.is_none_or(|before| before < n), "{n} after {before:?}");
                sleep(Duration::from_millis(n % 7 + 1)).await;
                gauge.now.fetch_sub(1, Ordering::Relaxed);
                assert_eq!(gauge.keys.lock().unwrap()[&(n % 100)], n, "another one of its key ran meanwhile");
                n
            }
        })
    })
    .await;
    let mut out = app.reader("out").await;
    for n in 0..2000 {
        send_keyed(&app, &(n % 100).to_string(), n.to_string()).await;
    }
    for _ in 0..2000 {
        next(&mut out).await;
    }
    assert_eq!(gauge.peak.load(Ordering::Relaxed), 32);
    assert_eq!((app.stats("work-in-0").failed.get(), app.running.stop().await), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn slow_synchronous_functions_run_side_by_side() {
    let gauge = Arc::new(Gauge::default());
    let seen = Arc::clone(&gauge);
    let app = App::start(&work("concurrency: 4"), move |catalog| {
        catalog.function("work", move |text: String| {
            let now = seen.now.fetch_add(1, Ordering::Relaxed) + 1;
            seen.peak.fetch_max(now, Ordering::Relaxed);
            let until = std::time::Instant::now() + Duration::from_millis(2);
            while std::time::Instant::now() < until {
                std::thread::yield_now();
            }
            seen.now.fetch_sub(1, Ordering::Relaxed);
            text
        })
    })
    .await;
    let mut out = app.reader("out").await;
    for n in 0..200 {
        app.send("in", n.to_string()).await;
    }
    for _ in 0..200 {
        next(&mut out).await;
    }
    assert_eq!(gauge.peak.load(Ordering::Relaxed), 4);
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_meets_its_deadline_and_its_disposition() {
    let consumer = "timeout: 2s, max-attempts: 2, back-off-initial-interval: 1s, dead-letter: failed";
    let app = App::start(&work(consumer), |catalog| {
        catalog.function("work", |text: String| async move {
            if text == "hang" {
                std::future::pending::<()>().await;
            }
            text
        })
    })
    .await;
    let (mut out, mut failed) = (app.reader("out").await, app.reader("failed").await);
    let started = Instant::now();
    app.send("in", "hang").await;
    app.send("in", "go on").await;
    let letter = next(&mut failed).await.message;
    assert_eq!(started.elapsed(), Duration::from_secs(5), "two calls of 2 s and a wait of 1 s");
    assert_eq!(letter.headers().text(header_names::EXCEPTION_KIND), Some("timeout"));
    assert_eq!(text(&mut out).await, "go on");
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_delivery_in_flight_for_long_is_counted_until_it_is_done() {
    let app = App::start(&work("stuck-after: 10s"), |catalog| {
        catalog.function("work", |text: String| async move {
            sleep(Duration::from_secs(60)).await;
            text
        })
    })
    .await;
    let mut out = app.reader("out").await;
    app.send("in", "slow").await;
    eventually("stuck", || app.stats("work-in-0").stuck.get() == 1).await;
    assert_eq!(text(&mut out).await, "slow");
    eventually("not stuck any more", || app.stats("work-in-0").stuck.get() == 0).await;
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_pauses_its_binding_is_the_first_when_it_is_resumed() {
    let app = App::start(&work("max-attempts: 1, on-exhausted: pause"), failing_on_bad(1)).await;
    let mut out = app.reader("out").await;
    app.send("in", "bad").await;
    app.send("in", "next").await;
    let binding = app.running.binding("work-in-0").unwrap().clone();
    binding.reached(BindingState::Paused).await;
    sleep(Duration::from_secs(3600)).await;
    assert_eq!((binding.stats().failed.get(), binding.stats().succeeded.get()), (1, 0));
    binding.resume();
    assert_eq!((text(&mut out).await, text(&mut out).await), ("bad".to_owned(), "next".to_owned()));
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_stops_its_binding_stays_with_those_behind_it() {
    let app = App::start(&work("on-failure: { retryable: stop }"), failing_on_bad(1)).await;
    let mut out = app.reader("out").await;
    for payload in ["good", "bad", "behind"] {
        app.send("in", payload).await;
    }
    app.running.binding("work-in-0").unwrap().reached(BindingState::Failed).await;
    assert_eq!(text(&mut out).await, "good");
    let mut rest = app.destinations.reader("in", "g").await.unwrap();
    assert_eq!((text(&mut rest).await, text(&mut rest).await), ("bad".to_owned(), "behind".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_requeued_comes_again_after_a_wait() {
    let consumer = "max-attempts: 1, on-exhausted: requeue, back-off-initial-interval: 5s";
    let app = App::start(&work(consumer), failing_on_bad(2)).await;
    let mut out = app.reader("out").await;
    let started = Instant::now();
    app.send("in", "bad").await;
    assert_eq!(text(&mut out).await, "bad");
    assert_eq!(started.elapsed(), Duration::from_secs(10));
    assert_eq!(app.stats("work-in-0").requeued.get(), 2);
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn what_the_configuration_drops_is_settled_and_counted() {
    let app = App::start(&work("on-failure: { retryable: drop }"), failing_on_bad(1)).await;
    let mut out = app.reader("out").await;
    app.send("in", "bad").await;
    app.send("in", "good").await;
    assert_eq!(text(&mut out).await, "good");
    assert_eq!((app.stats("work-in-0").dropped.get(), app.stats("work-in-0").failed.get()), (1, 1));
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn failures_in_a_row_suspend_a_binding_until_one_delivery_works() {
    let consumer = "max-attempts: 100, back-off-initial-interval: 1ms, back-off-max-interval: 1ms, circuit: { failures: 3, probe-after: 30s }";
    let app = App::start(&work(consumer), failing_on_bad(4)).await;
    let mut out = app.reader("out").await;
    let binding = app.running.binding("work-in-0").unwrap().clone();
    let started = Instant::now();
    app.send("in", "bad").await;
    app.send("in", "next").await;
    binding.reached(BindingState::Suspended).await;
    assert_eq!(binding.stats().failed.get(), 3);
    assert_eq!((text(&mut out).await, text(&mut out).await), ("bad".to_owned(), "next".to_owned()));
    let took = started.elapsed().as_secs();
    assert_eq!(took, 60, "the first delivery that is tried fails too");
    binding.reached(BindingState::Running).await;
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn an_output_that_is_full_holds_up_its_input_within_bounds() {
    let full = Destinations::with(wellspring::binder::memory::Config { capacity: 100, partitions: 1 });
    let app = App::start_on(full, &work("max-in-flight: 20"), |catalog| {
        catalog.function("work", |text: String| text)
    })
    .await;
    let mut out = app.reader("out").await;
    for n in 0..150 {
        app.send("in", n.to_string()).await;
    }
    eventually("the output is full", || app.stats("work-in-0").sent.get() == 100).await;
    sleep(Duration::from_secs(60)).await;
    assert!(app.stats("work-in-0").received.get() <= 120, "{}", app.stats("work-in-0").received.get());
    for n in 0..150 {
        assert_eq!(text(&mut out).await, n.to_string());
    }
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_in_flight_is_bounded_by_bytes() {
    let app = App::start(&work("max-in-flight-bytes: 1000, concurrency: 100, order: none"), |catalog| {
        catalog.function("work", |text: String| async move {
            sleep(Duration::from_secs(60)).await;
            text
        })
    })
    .await;
    let mut out = app.reader("out").await;
    for _ in 0..10 {
        app.send("in", "x".repeat(600)).await;
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(
        app.stats("work-in-0").received.get(),
        2,
        "the second passes the bound, the third would be beyond it"
    );
    for _ in 0..10 {
        next(&mut out).await;
    }
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn at_most_once_settles_before_the_call_and_never_calls_twice() {
    let calls = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&calls);
    let app = App::start(&work("delivery: at-most-once"), move |catalog| {
        catalog.function("work", move |_: u64| {
            seen.fetch_add(1, Ordering::Relaxed);
            std::future::pending::<u64>()
        })
    })
    .await;
    app.send("in", "1").await;
    app.send("in", "2").await;
    eventually("called", || calls.load(Ordering::Relaxed) == 1).await;
    let destinations = app.destinations.clone();
    app.running.stop().await;
    let mut again = destinations.reader("in", "g").await.unwrap();
    destinations.send("in", Message::encoded("3", ContentType::JSON)).await.unwrap();
    let first = text(&mut again).await;
    assert!(first == "2" || first == "3", "1 was called and does not come again: {first}");
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn stopping_gives_back_what_waits_and_abandons_only_what_was_tried() {
    let consumer = "max-attempts: 5, back-off-initial-interval: 5m, back-off-max-interval: 5m";
    let app = App::start(&work(consumer), failing_on_bad(1)).await;
    for payload in ["bad", "behind", "last"] {
        app.send("in", payload).await;
    }
    eventually("failed", || app.stats("work-in-0").failed.get() == 1).await;
    eventually("all received", || app.stats("work-in-0").received.get() == 3).await;
    let destinations = app.destinations.clone();
    assert_eq!(app.running.stop().await, 1);
    let mut rest = destinations.reader("in", "g").await.unwrap();
    for expected in ["bad", "behind", "last"] {
        assert_eq!(text(&mut rest).await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn many_dead_letters_are_on_their_way_at_once() {
    let app = App::start(&work("dead-letter: failed"), |catalog| {
        catalog.function("work", |_: u64| Err::<u64, _>(Error::fatal("never")))
    })
    .await;
    let mut failed = app.reader("failed").await;
    for n in 0..5000 {
        app.send("in", n.to_string()).await;
    }
    for n in 0..5000 {
        assert_eq!(text(&mut failed).await, n.to_string());
    }
    eventually("settled", || app.stats("work-in-0").dead_lettered.get() == 5000).await;
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_names_the_error_by_its_type_or_its_own_name() {
    let app = App::start(&work("dead-letter: failed, max-attempts: 1"), |catalog| {
        catalog.function("work", |text: String| match &*text {
            "type" => Err(Error::fatal(std::fmt::Error)),
            "name" => Err(Error::fatal("never").named("no-such-account")),
            _ => Err::<String, _>(Error::message(wellspring::Kind::Fatal, "never")),
        })
    })
    .await;
    let mut failed = app.reader("failed").await;
    for (payload, class) in
        [("type", Some("core::fmt::Error")), ("name", Some("no-such-account")), ("neither", None)]
    {
        let earlier =
            Message::encoded(payload, ContentType::TEXT).with_header("x-exception-fqcn", "a.b.Earlier");
        app.destinations.send("in", earlier).await.unwrap();
        let letter = next(&mut failed).await.message;
        assert_eq!(letter.headers().text(header_names::EXCEPTION_CLASS), class, "{payload}");
    }
    assert_eq!(app.running.stop().await, 0);
}
