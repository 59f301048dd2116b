//! What follows a failure, as the configuration of a binding says: by kind, by error, and after the last attempt.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use wellspring::binding::State;
use wellspring::{CatalogBuilder, Classify, Error, Kind, header_names};

use super::app::{App, builder, eventually, next, problems};
use super::log::Log;

#[derive(Debug, thiserror::Error)]
enum OrderError {
    #[error("there is no such customer")]
    NoSuchCustomer,
    #[error("the stock is being counted")]
    Counting,
}

impl Classify for OrderError {
    fn kind(&self) -> Kind {
        match self {
            Self::NoSuchCustomer => Kind::Invalid,
            Self::Counting => Kind::Retryable,
        }
    }

    fn name(&self) -> Option<&'static str> {
        matches!(self, Self::NoSuchCustomer).then_some("no-such-customer")
    }
}

/// Fails in as many ways as there are payloads, and counts its calls.
fn work(calls: Arc<AtomicU32>) -> impl FnOnce(CatalogBuilder) -> CatalogBuilder {
    move |catalog| {
        catalog.consumer("work", move |text: String| {
            calls.fetch_add(1, Ordering::Relaxed);
            match &*text {
                "customer" => Err(Error::classified(OrderError::NoSuchCustomer)),
                "counting" => Err(Error::classified(OrderError::Counting)),
                "disk" => Err(io::Error::other("the disk is full").into()),
                "fatal" => Err(Error::fatal("never")),
                _ => Ok(()),
            }
        })
    }
}

fn yaml(consumer: &str) -> String {
    format!(
        "{{ function: {{ definition: work }}, \
           stream: {{ bindings: {{ work-in-0: {{ destination: in, group: g, consumer: {consumer} }} }} }} }}"
    )
}

async fn start(consumer: &str) -> (App, Arc<AtomicU32>) {
    let calls = Arc::new(AtomicU32::new(0));
    (App::start(&yaml(consumer), work(Arc::clone(&calls))).await, calls)
}

/// How often a delivery of this payload is called until it is a dead letter.
async fn calls_until_dead(consumer: &str, payload: &'static str) -> u32 {
    let (app, calls) = start(consumer).await;
    let mut failed = app.reader("failed").await;
    app.send("in", payload).await;
    let letter = next(&mut failed).await.message;
    let calls = calls.load(Ordering::Relaxed);
    assert_eq!(
        letter.headers().integer(header_names::ATTEMPTS),
        Some(i64::from(calls)),
        "{payload} under {consumer}"
    );
    assert_eq!(app.running.stop().await, 0);
    calls
}

#[tokio::test(start_paused = true)]
async fn errors_are_tried_again_as_their_kind_their_type_and_their_name_say() {
    for (consumer, payload, calls) in [
        ("{ dead-letter: failed, max-attempts: 4 }", "disk", 4),
        ("{ dead-letter: failed, retryable-exceptions: { 'std::io::Error': false } }", "disk", 1),
        ("{ dead-letter: failed, retryable-exceptions: { OrderError: false } }", "counting", 1),
        ("{ dead-letter: failed, retryable-exceptions: { OrderError: false } }", "disk", 3),
        ("{ dead-letter: failed, retryable-exceptions: { OrderError: true } }", "disk", 1),
        ("{ dead-letter: failed, retryable-exceptions: { no-such-customer: true } }", "customer", 3),
        ("{ dead-letter: failed, default-retryable: false }", "disk", 1),
        ("{ dead-letter: failed, on-failure: { fatal: retry } }", "fatal", 3),
        ("{ dead-letter: failed, on-failure: { retryable: dead-letter, io::Error: retry } }", "disk", 3),
    ] {
        assert_eq!(calls_until_dead(consumer, payload).await, calls, "{payload} under {consumer}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_binding_pauses_at_once_and_goes_on_with_the_message_when_it_is_resumed() {
    let (app, calls) = start("{ max-attempts: 2, on-exhausted: pause }").await;
    let binding = app.running.binding("work-in-0").unwrap();
    for payload in ["disk", "fine"] {
        app.send("in", payload).await;
    }
    // By the third time the function is called where the message is, and fails before anything else happens.
    for round in 1..6 {
        eventually("the pause", || binding.state() == State::Paused).await;
        assert_eq!((calls.load(Ordering::Relaxed), binding.stats().succeeded.get()), (2 * round, 0));
        binding.resume();
        eventually("the calls after it", || calls.load(Ordering::Relaxed) == 2 * (round + 1)).await;
    }
    assert_eq!(binding.stats().dropped.get(), 0);
    app.running.stop().await;
}

#[test]
fn an_end_that_cannot_be_is_refused_at_start() {
    let told = |consumer: &str| problems(&yaml(consumer), work(Arc::default())).join("\n");
    for (consumer, expected) in [
        ("{ on-exhausted: dead-letter }", "there is no destination for dead letters"),
        (
            "{ on-failure: { timeout: dead-letter } }",
            "`stream.bindings.work-in-0.consumer.on-failure.timeout`",
        ),
        ("{ dead-letter: in }", "which the binding reads itself"),
        ("{ on-failure: { timout: drop } }", "did you mean `timeout`?"),
    ] {
        assert!(told(consumer).contains(expected), "{consumer}: {}", told(consumer));
    }
    assert_eq!(
        told("{ dead-letter: failed, on-exhausted: dead-letter, on-failure: { timeout: requeue } }"),
        ""
    );
}

/// What the log says of an application that starts and stops.
async fn logged(consumer: &str) -> String {
    let log = Log::default();
    let scope = tracing::subscriber::set_default(log.subscriber());
    let runtime = builder(&yaml(consumer), work(Arc::default())).build().unwrap();
    runtime.start().await.unwrap().stop().await;
    drop(scope);
    log.text()
}

#[tokio::test]
async fn a_binding_that_may_lose_messages_says_so_at_start() {
    let warning = "a message that fails for good is dropped, counted and logged";
    let told = logged("{}").await;
    assert!(told.contains("WARN") && told.contains(warning) && told.contains("work-in-0"), "{told}");
    for consumer in ["{ dead-letter: failed }", "{ on-exhausted: drop }", "{ on-exhausted: pause }"] {
        assert!(!logged(consumer).await.contains(warning), "{consumer}");
    }
}

#[test]
fn messages_that_cannot_wait_at_a_broker_are_refused_with_the_reason() {
    for (settings, expected) in [
        ("group: g, consumer: { durable-retry: true }", "what waits in memory ends with the process"),
        ("consumer: { durable-retry: true }", "an anonymous group ends with its member"),
        (
            "group: g, consumer: { durable-retry: true, delivery: at-most-once }",
            "with `delivery: at-most-once` nothing is tried again",
        ),
    ] {
        let yaml = format!(
            "{{ function: {{ definition: work }}, stream: {{ bindings: {{ work-in-0: {{ {settings} }} }} }} }}"
        );
        let told = problems(&yaml, work(Arc::default())).join("\n");
        let place = "`stream.bindings.work-in-0.consumer.durable-retry`: found `true`, but ";
        assert!(told.contains(&format!("{place}{expected}")), "{told}");
    }
}
