//! Rows on real brokers: those that hold whatever the broker, and those of one of them that need an application.

#[path = "../support/prefixed.rs"]
mod prefixed;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use wellspring::Error;
use wellspring::binder::{Binder, InputSpec, Kind, OutputSpec, Sharing, factory};
use wellspring::config::Section;
use wellspring::conformance::{Raw, Settings, Subject, Tap};
use wellspring::testing::Destinations;

use crate::app::{App, PLACE};
use crate::row::{Answer, Check, Row};
use prefixed::Prefixed;

/// Longer than any row takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Rows that hold whatever the broker and are executed on the memory binder alone, and why.
const MEMORY_ONLY: &[(&str, &str)] = &[
    ("C33", "the clock of the test is turned, which no broker sees"),
    ("C34", "the clock of the test is turned, which no broker sees"),
    ("C36", "the clock of the test is turned, which no broker sees"),
    ("C37", "the clock of the test is turned, which no broker sees"),
    ("C42", "the clock of the test is turned, which no broker sees"),
    ("C46", "the binder that fails is made up"),
    ("C50", "it is about the binder that nobody named"),
    ("B4", "what is sent is read later than an exchange keeps it"),
    ("B5", "the two binders are made up"),
    ("E2", "the clock of the test is turned, which no broker sees"),
];

fn name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let random = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), "row");
    format!("wss-{random:016x}-{}.", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut tokio = tokio::runtime::Builder::new_current_thread();
    let tokio = tokio.enable_all().build().unwrap();
    tokio.block_on(async { tokio::time::timeout(PATIENCE, future).await.expect("an end in time") })
}

/// Does something where applications have the destinations of a broker, under a prefix of their own.
fn on<S: Subject>(subject: &S, work: impl AsyncFnOnce(&str)) {
    let prefix = name();
    block_on(async {
        let inner = subject.binder(&Settings::default());
        let binder = Arc::new(Prefixed { inner, prefix: prefix.clone() });
        PLACE.set(Some(Destinations::over(binder)));
        work(&prefix).await;
        PLACE.set(None);
        subject.clean(&prefix).await.unwrap();
    });
}

/// Executes every row that holds whatever the broker, some at a time, and reports each that fails.
fn execute<S: Subject>(find: impl Fn() -> Option<S> + Sync, but: &[(&str, &str)]) {
    if find().is_none() {
        return;
    }
    let checks: Vec<(&str, Check)> = whatever_the_broker()
        .into_iter()
        .filter(|row| MEMORY_ONLY.iter().chain(but).all(|(id, _)| *id != row.id))
        .filter_map(|row| match row.answer {
            Answer::Same(check) | Answer::Differs(_, check) => Some((row.id, check)),
            _ => None,
        })
        .collect();
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some((id, check)) = checks.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let subject = find().expect("it was there before");
                    let row = AssertUnwindSafe(|| on(&subject, async |_| check().await));
                    if catch_unwind(row).is_err() {
                        failed.lock().unwrap().push(*id);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "these rows are answered otherwise on the broker: {failed:?}");
}

fn whatever_the_broker() -> Vec<Row> {
    [crate::binding::rows(), crate::payloads::rows(), crate::delivery::rows()].into_iter().flatten().collect()
}

#[test]
fn every_exception_is_a_row_that_is_executed() {
    let rows = whatever_the_broker();
    for (id, _) in MEMORY_ONLY {
        let row = rows.iter().find(|row| row.id == *id).unwrap_or_else(|| panic!("no row {id}"));
        assert!(matches!(row.answer, Answer::Same(_) | Answer::Differs(..)), "{id} is not executed at all");
    }
}

/// A consumer that fails for a text, and tells what it was called with.
async fn attempts(max: u32) -> Vec<String> {
    let yaml = format!(
        "
function: {{ definition: work }}
stream: {{ bindings: {{ work-in-0: {{ destination: in, group: g, consumer: {{ max-attempts: {max}, back-off-initial-interval: 10ms, dead-letter: failed }} }} }} }}
"
    );
    let calls = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&calls);
    let app = App::start(&yaml, move |catalog| {
        catalog.consumer("work", move |text: String| {
            noted.lock().unwrap().push(text.clone());
            if text == "bad" { Err(Error::retryable("bad")) } else { Ok(()) }
        })
    })
    .await;
    // An exchange keeps nothing that nobody reads.
    let _failed = app.reader("failed").await;
    app.send("in", "bad").await;
    app.send("in", "good").await;
    crate::app::eventually("the next was processed", || {
        calls.lock().unwrap().last().is_some_and(|text| text == "good")
    })
    .await;
    app.running.stop().await;
    let calls = calls.lock().unwrap();
    calls.clone()
}

/// However often a message fails, the next one has its turn.
fn attempts_end<S: Subject>(find: impl Fn() -> Option<S>) {
    for (max, expected) in [(2, vec!["bad", "bad", "good"]), (1, vec!["bad", "good"])] {
        // The connection of a bare client lives and ends with one runtime.
        let Some(subject) = find() else { return };
        on(&subject, async |_| assert_eq!(attempts(max).await, expected));
    }
}

/// What another application writes without saying what it is.
fn plain_counts_as_json<S: Subject>(find: impl Fn() -> Option<S>) {
    let Some(subject) = find() else { return };
    on(&subject, async |prefix| {
        let yaml = "
function: { definition: double }
stream: { bindings: { double-in-0: { destination: in, group: g }, double-out-0: { destination: out } } }
";
        let app = App::start(yaml, |catalog| catalog.function("double", |n: u64| n * 2)).await;
        let mut tap: Box<dyn Tap> = subject.tap(&format!("{prefix}out")).await.unwrap();
        subject.publish(&format!("{prefix}in"), vec![Raw::of("21")]).await.unwrap();
        let read = tap.take(1).await.unwrap().remove(0);
        assert_eq!(read.payload.as_deref(), Some(&b"42"[..]));
        assert_eq!(read.content_type.as_deref(), Some("application/json"));
        app.running.stop().await;
    });
}

/// A binder of the broker with some settings.
fn binder_of(kind: &str, settings: &str) -> Arc<dyn Binder> {
    let address = std::env::var(format!("WELLSPRING_TEST_{}", kind.to_uppercase())).unwrap();
    let key = if kind == "kafka" { "brokers" } else { "uri" };
    let section = Section::from_yaml("stream.test", &format!("{key}: '{address}'\n{settings}")).unwrap();
    let built = factory(kind).unwrap().build(kind, &section);
    built.unwrap_or_else(|problems| panic!("{problems}"))
}

fn output(destination: String) -> OutputSpec {
    OutputSpec { binding: "out".to_owned(), destination, partition_count: 1, required_groups: Vec::new() }
}

fn input(destination: String, sharing: Sharing) -> InputSpec {
    let (binding, group) = ("in".to_owned(), Some(format!("{destination}.g")));
    InputSpec { binding, destinations: vec![destination], group, max_in_flight: 100, sharing }
}

#[cfg(feature = "kafka")]
mod kafka {
    use super::*;
    use crate::kafka::KafkaUnderTest;

    #[test]
    fn rows_hold_on_kafka() {
        execute(KafkaUnderTest::find, &[]);
    }

    #[test]
    fn attempts_end_and_the_next_message_is_processed() {
        attempts_end(KafkaUnderTest::find);
    }

    #[test]
    fn a_plain_message_counts_as_json() {
        plain_counts_as_json(KafkaUnderTest::find);
    }

    #[test]
    fn topics_that_exist_are_used_where_none_may_be_made() {
        let Some(subject) = KafkaUnderTest::find() else { return };
        on(&subject, async |prefix| {
            let topic = format!("{prefix}there");
            subject.create(&topic, 2).await.unwrap();
            let binder = binder_of("kafka", "auto-create-topics: false");
            binder.bind_output(output(topic.clone())).await.unwrap().close().await.unwrap();
            let bound = binder.bind_input(input(topic, Sharing::default())).await;
            bound.unwrap().close().await.unwrap();
        });
    }

    #[test]
    fn a_small_topic_is_enough_unless_partitions_are_fixed() {
        let Some(subject) = KafkaUnderTest::find() else { return };
        on(&subject, async |prefix| {
            let topic = format!("{prefix}small");
            subject.create(&topic, 1).await.unwrap();
            let sharing = Sharing { partitioned: true, instance_count: 6, ..Sharing::default() };
            let shared = subject.binder(&Settings::default());
            shared.bind_input(input(topic.clone(), sharing)).await.unwrap().close().await.unwrap();
            let fixed = binder_of("kafka", "default: { consumer: { auto-rebalance-enabled: false } }");
            let Err(refused) = fixed.bind_input(input(topic, sharing)).await else { panic!("bound") };
            assert_eq!(refused.kind(), Kind::Refused);
            assert!(refused.to_string().contains("1 partitions, expected at least 6"), "{refused}");
        });
    }
}

#[cfg(feature = "rabbitmq")]
mod rabbitmq {
    use super::*;
    use crate::rabbitmq::RabbitUnderTest;

    #[test]
    fn rows_hold_on_rabbitmq() {
        let queues = "the partition is in the name of the queue, not in a header, as with Spring";
        let mut but = vec![("C14", "AMQP knows no payload that is null")];
        but.extend(["B12", "P1", "P2", "P4", "P6", "P13", "P14"].map(|row| (row, queues)));
        execute(RabbitUnderTest::find, &but);
    }

    #[test]
    fn attempts_end_and_the_next_message_is_processed() {
        attempts_end(RabbitUnderTest::find);
    }

    #[test]
    fn a_plain_message_counts_as_json() {
        plain_counts_as_json(RabbitUnderTest::find);
    }

    #[test]
    fn a_fanout_exchange_has_no_partitions() {
        let Some(subject) = RabbitUnderTest::find() else { return };
        on(&subject, async |prefix| {
            let binder = binder_of("rabbitmq", "default: { consumer: { exchange-type: fanout } }");
            let sharing = Sharing { partitioned: true, instance_count: 2, ..Sharing::default() };
            let Err(refused) = binder.bind_input(input(format!("{prefix}d"), sharing)).await else {
                panic!("bound")
            };
            assert_eq!(refused.kind(), Kind::Refused);
            assert!(refused.to_string().contains("`fanout`"), "{refused}");
        });
    }
}
