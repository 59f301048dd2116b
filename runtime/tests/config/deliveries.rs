//! What a binding says about the order of its deliveries, how many may be in flight, and what follows a failure.

use std::collections::BTreeMap;
use std::time::Duration;

use wellspring::config::{Ending, Guarantee, Located, OnFailure, Order, Sources};

use crate::support::{load, problems, yaml};

fn values<T: Copy>(named: &BTreeMap<String, Located<T>>) -> Vec<(&str, T)> {
    named.iter().map(|(name, value)| (name.as_str(), value.value)).collect()
}

#[test]
fn nothing_said_means_the_documented_defaults() {
    let consumer = load(&yaml("")).stream.binding("x-in-0").consumer;
    assert_eq!((consumer.order, consumer.delivery.value), (None, Guarantee::AtLeastOnce));
    assert_eq!((consumer.max_in_flight, consumer.max_in_flight_bytes), (10_000, 64 << 20));
    assert_eq!((consumer.timeout, consumer.stuck_after), (Duration::ZERO, Duration::from_secs(60)));
    assert_eq!((consumer.circuit.failures, consumer.circuit.probe_after), (0, Duration::from_secs(30)));
    assert!(consumer.default_retryable && consumer.on_exhausted.is_none());
    assert!(consumer.retryable_exceptions.is_empty() && consumer.on_failure.is_empty());
    assert_eq!(consumer.back_off_jitter.to_string(), "0");
}

#[test]
fn a_binding_says_how_its_deliveries_are_worked_on() {
    let config = load(&yaml(
        "
stream:
  bindings:
    x-in-0:
      consumer:
        order: key
        delivery: at-most-once
        max-in-flight: 7
        max-in-flight-bytes: 1KB
        timeout: 2s
        stuck-after: 0
        back-off-jitter: 0.25
        durable-retry: true
        on-exhausted: deadLetter
        circuit: { failures: 5, probe-after: 1m }
",
    ));
    let consumer = config.stream.binding("x-in-0").consumer;
    assert_eq!(consumer.order.map(|order| order.value), Some(Order::Key));
    assert_eq!(consumer.delivery.value, Guarantee::AtMostOnce);
    assert_eq!((consumer.max_in_flight, consumer.max_in_flight_bytes), (7, 1024));
    assert_eq!((consumer.timeout, consumer.stuck_after), (Duration::from_secs(2), Duration::ZERO));
    assert_eq!(consumer.back_off_jitter.to_string(), "0.25");
    assert!(consumer.durable_retry);
    assert_eq!(consumer.on_exhausted.map(|ending| ending.value), Some(Ending::DeadLetter));
    assert_eq!((consumer.circuit.failures, consumer.circuit.probe_after), (5, Duration::from_secs(60)));
}

#[test]
fn failures_are_named_by_kind_and_by_error_and_a_bindings_own_prevail_one_by_one() {
    let config = load(&yaml(
        "
stream:
  default:
    consumer:
      retryable-exceptions: { 'shop::OrderError': true, Busy: true }
      on-failure: { timeout: requeue, panic: stop }
  bindings:
    x-in-0:
      consumer:
        default-retryable: false
        retryable-exceptions: { shop::OrderError: false }
        on-failure: { timeout: drop, order-refused: dead-letter }
",
    ));
    let consumer = config.stream.binding("x-in-0").consumer;
    assert!(!consumer.default_retryable);
    assert_eq!(values(&consumer.retryable_exceptions), [("Busy", true), ("shop::OrderError", false)]);
    let expected = [
        ("order-refused", OnFailure::End(Ending::DeadLetter)),
        ("panic", OnFailure::End(Ending::Stop)),
        ("timeout", OnFailure::End(Ending::Drop)),
    ];
    assert_eq!(values(&consumer.on_failure), expected);
}

#[test]
fn a_failure_is_one_in_every_spelling() {
    let config = load(&yaml(
        "
stream:
  default: { consumer: { on-failure: { OUTPUT_FAILED: pause, OrderError: drop } } }
  bindings: { x-in-0: { consumer: { on-failure: { outputFailed: requeue, order-error: stop } } } }
",
    ));
    let on_failure = config.stream.binding("x-in-0").consumer.on_failure;
    let said: Vec<_> = on_failure.values().map(|said| said.value).collect();
    assert_eq!(said, [OnFailure::End(Ending::Requeue), OnFailure::End(Ending::Stop)]);
}

#[test]
fn a_variable_means_the_error_that_a_file_names() {
    let config = load(
        &yaml("stream.bindings: { x-in-0: { consumer: { retryable-exceptions: { 'shop::OrderError': false } } } }")
            .env("WELLSPRING_STREAM_BINDINGS_X_IN_0_CONSUMER_RETRYABLE_EXCEPTIONS_SHOP_ORDERERROR", "true"),
    );
    let consumer = config.stream.binding("x-in-0").consumer;
    assert_eq!(values(&consumer.retryable_exceptions), [("shop::OrderError", true)]);
}

#[test]
fn a_properties_file_names_errors_as_well() {
    let text = "spring.cloud.stream.bindings.x-in-0.consumer.retryableExceptions.shop\\:\\:OrderError=false\n\
                stream.bindings.x-in-0.consumer.on-failure.OrderError=drop\n";
    let config = load(&Sources::new().built_in("application.properties", text));
    let consumer = config.stream.binding("x-in-0").consumer;
    assert_eq!(values(&consumer.retryable_exceptions), [("shop::OrderError", false)]);
    assert_eq!(values(&consumer.on_failure), [("OrderError", OnFailure::End(Ending::Drop))]);
}

#[test]
fn what_cannot_be_meant_is_refused_with_what_could() {
    let told = |consumer: &str| {
        problems(&format!("stream.bindings: {{ x-in-0: {{ consumer: {consumer} }} }}")).join("\n")
    };
    let cases = [
        ("{ order: keys }", "found `keys`, expected `partition`, `key` or `none`; did you mean `key`?"),
        ("{ delivery: exactly-once }", "expected `at-least-once` or `at-most-once`"),
        ("{ on-failure: { timeout: dead-leter } }", "did you mean `dead-letter`?"),
        ("{ on-exhausted: retry }", "expected `dead-letter`, `drop`, `requeue`, `pause` or `stop`"),
        ("{ retryable-exceptions: { OrderError: perhaps } }", "expected `true` or `false`"),
        (
            "{ retryable-exceptions: { java.lang.IllegalStateException: false } }",
            "name the Rust type of the error",
        ),
        ("{ on-failure: drop }", "expected a map"),
        ("{ back-off-jitter: 1.5 }", "expected a number from 0.0 to 1.0"),
        ("{ max-in-flight: 0 }", "expected a whole number from 1 on"),
        ("{ max-in-flight-bytes: 0 }", "expected a size of at least one byte"),
        ("{ circuit: { probe-after: 0s } }", "expected a pause of at least `1ms`"),
        ("{ circuit: { failure: 3 } }", "did you mean `failures`?"),
    ];
    for (consumer, expected) in cases {
        let told = told(consumer);
        assert!(told.contains(expected), "{consumer}: {told}");
    }
}
