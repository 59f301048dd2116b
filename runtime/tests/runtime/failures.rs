//! Functions that panic, hang and never return while they are bound: others go on, and nothing is lost.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde::{Serialize, Serializer};
use wellspring::binding::State;
use wellspring::{CatalogBuilder, Error, Streaming, header_names};

use super::app::{App, eventually, next, text};

/// A faulty function and one that works, on destinations of their own.
fn yaml(faulty: &str) -> String {
    format!(
        "
function: {{ definition: {faulty};echo }}
stream:
  bindings:
    {faulty}-in-0: {{ destination: in, group: g, consumer: {{ dead-letter: failed }} }}
    {faulty}-out-0: {{ destination: out }}
    echo-in-0: {{ destination: echo-in, group: g }}
    echo-out-0: {{ destination: echo-out }}
"
    )
}

fn with_echo(catalog: CatalogBuilder) -> CatalogBuilder {
    catalog.function("echo", |text: String| text)
}

/// Refuses to be written by a panic.
struct Explosive;

impl Serialize for Explosive {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Whoever asks whether it is `None` gets an answer; whoever writes it doesn't.
        assert!(!std::any::type_name::<S>().contains("serde_json"), "boom");
        serializer.serialize_unit()
    }
}

fn panicking(catalog: CatalogBuilder) -> CatalogBuilder {
    fn boom(n: u64) -> u64 {
        assert!(n != 13, "boom");
        n
    }
    with_echo(catalog)
        .function("sync", boom)
        .function("later", |n: u64| async move { boom(n) })
        .function("after_waiting", |n: u64| async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            boom(n)
        })
        .function("streamed", |n: u64| stream::iter(1..3).map(move |i| boom(n * i)))
        .function("streams", |numbers: Streaming<u64>| numbers.map(boom))
        .function("written", |n: u64| if n == 13 { Ok(Explosive) } else { Err(Error::fatal("not 13")) })
}

#[tokio::test(start_paused = true)]
async fn a_panic_anywhere_is_retried_and_then_a_dead_letter() {
    for name in ["sync", "later", "after_waiting", "streamed", "streams", "written"] {
        let app = App::start(&yaml(name), panicking).await;
        let (mut failed, mut echo) = (app.reader("failed").await, app.reader("echo-out").await);
        for round in 0..6 {
            app.send("in", "13").await;
            app.send("echo-in", "still here").await;
            assert_eq!(text(&mut echo).await, "still here", "{name}");
            let letter = next(&mut failed).await.message;
            assert_eq!(letter.bytes(), b"13", "{name}");
            let headers = letter.headers();
            assert_eq!(headers.text(header_names::EXCEPTION_KIND), Some("panic"), "{name} {round}");
            let said = format!("`{name}`: the function panicked: boom");
            assert_eq!(headers.text(header_names::EXCEPTION_MESSAGE), Some(said.as_str()), "{name}");
            assert_eq!(headers.integer(header_names::ATTEMPTS), Some(3), "{name}");
        }
        let binding = app.running.binding(&format!("{name}-in-0")).unwrap();
        assert_eq!(binding.state(), State::Running, "{name}");
        assert_eq!(app.running.stop().await, 0, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_function_that_hangs_holds_up_its_own_binding_only_and_its_message_stays() {
    let functions = |catalog| with_echo(catalog).function("hang", |_: u64| std::future::pending::<u64>());
    let app = App::start(&yaml("hang"), functions).await;
    let mut echo = app.reader("echo-out").await;
    app.send("in", "1").await;
    app.send("in", "2").await;
    eventually("in flight", || app.stats("hang-in-0").received.get() > 0).await;
    for n in 0..100 {
        app.send("echo-in", n.to_string()).await;
        assert_eq!(text(&mut echo).await, n.to_string());
    }
    let destinations = app.destinations.clone();
    assert_eq!(app.running.stop().await, 1, "only what was begun is abandoned");
    let mut rest = destinations.reader("in", "g").await.unwrap();
    assert_eq!((text(&mut rest).await, text(&mut rest).await), ("1".to_owned(), "2".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_never_returns_holds_up_its_own_binding_only_and_its_message_stays() {
    let (release, waiting) = channel::<()>();
    let waiting = Arc::new(Mutex::new(waiting));
    let functions = move |catalog| {
        with_echo(catalog).function("never", move |n: u64| {
            let _ = waiting.lock().unwrap().recv();
            n
        })
    };
    let app = App::start(&format!("{}\nshutdown.timeout: 50ms", yaml("never")), functions).await;
    let mut echo = app.reader("echo-out").await;
    app.send("in", "1").await;
    eventually("in flight", || app.stats("never-in-0").received.get() > 0).await;
    for n in 0..100 {
        app.send("echo-in", n.to_string()).await;
        assert_eq!(text(&mut echo).await, n.to_string());
    }
    let destinations = app.destinations.clone();
    assert_eq!(app.running.stop().await, 1);
    assert_eq!(text(&mut destinations.reader("in", "g").await.unwrap()).await, "1");
    drop(release);
}

#[tokio::test(start_paused = true)]
async fn a_supplier_that_fails_or_panics_is_called_again() {
    let yaml = "
function: { definition: faulty;panicking }
stream: { bindings: { faulty-out-0: { destination: out }, panicking-out-0: { destination: out } } }
";
    let calls = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let (one, other) = (Arc::clone(&calls), calls);
    let app = App::start(yaml, move |catalog| {
        let next =
            |calls: &std::sync::atomic::AtomicU32| calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        catalog
            .supplier("faulty", move || match next(&one) {
                n if n < 6 => Err(Error::fatal("not yet")),
                n => Ok(n),
            })
            .supplier("panicking", move || {
                let n = next(&other);
                assert!(n >= 6, "not yet");
                n
            })
    })
    .await;
    let mut out = app.reader("out").await;
    for _ in 0..10 {
        assert!(text(&mut out).await.parse::<u32>().unwrap() >= 6);
    }
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_fails_midway_is_retried_as_a_whole() {
    let yaml = format!("{}\nstream.bindings.part-in-0.consumer.max-attempts: 2", yaml("part"));
    let functions = |catalog| {
        with_echo(catalog)
            .function("part", |_: u64| stream::iter([Ok(1u64), Ok(2), Err(Error::retryable("cut off"))]))
    };
    let app = App::start(&yaml, functions).await;
    let (mut failed, mut out) = (app.reader("failed").await, app.reader("out").await);
    app.send("in", "0").await;
    let letter = next(&mut failed).await.message;
    assert_eq!(letter.headers().text(header_names::EXCEPTION_MESSAGE), Some("`part`: cut off"));
    for expected in ["1", "2", "1", "2"] {
        assert_eq!(
            text(&mut out).await,
            expected,
            "what was sent before the failure is there, once per attempt"
        );
    }
    assert_eq!(app.running.stop().await, 0);
}
