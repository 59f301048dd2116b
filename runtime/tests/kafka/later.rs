//! Messages that wait at the broker to be tried again.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use wellspring::binder::{Binder as _, Delayed, Delivery, Outgoing, Settlement};
use wellspring::config::Sources;
use wellspring::{EncodedMessage, Error, Running, Runtime, RuntimeBuilder, header_names};

use crate::support::*;

/// What a function was called with, and when.
type Calls = Arc<Mutex<Vec<(Instant, EncodedMessage)>>>;

/// The key of the records of each partition.
const KEYS: [&[u8]; 8] = [b"k0", b"k1\xff", b"k2", b"k3", b"k4", b"k5", b"k6", b"k7"];

/// A topic, a group of its own and what the function of that group was called with.
struct Place<'a> {
    cluster: &'a Cluster,
    topic: String,
    group: String,
    letters: String,
    calls: Calls,
}

impl<'a> Place<'a> {
    async fn new(cluster: &'a Cluster, name: &str, partitions: i32) -> Self {
        let topic = cluster.topic(name, partitions).await;
        let (group, letters) = (cluster.name("g"), cluster.name("letters"));
        Self { cluster, topic, group, letters, calls: Calls::default() }
    }

    /// An application whose function fails with `bad` in its first calls, up to `failures`.
    fn application(&self, consumer: &str, settings: &str, failures: i64) -> RuntimeBuilder {
        let Self { cluster, topic, group, letters, calls } = self;
        let yaml = format!(
            "
function: {{ definition: work }}
stream:
  default-binder: kafka
  bindings:
    work-in-0:
      {{ destination: '{topic}', group: '{group}',
         consumer: {{ durable-retry: true, dead-letter: '{letters}', {consumer} }} }}
  kafka: {{ brokers: '{}', {settings} }}
",
            cluster.address
        );
        let sources = Sources::new().args(["--http.enabled=false", "--management.enabled=false"]);
        let calls = Arc::clone(calls);
        let work = move |message: EncodedMessage| {
            let attempt = message.headers().integer(header_names::DELIVERY_ATTEMPT).unwrap_or(1);
            let fails = message.bytes() == b"bad" && attempt <= failures;
            calls.lock().unwrap().push((Instant::now(), message));
            if fails { Err(Error::retryable("busy")) } else { Ok(()) }
        };
        let builder = Runtime::builder().functions(move |catalog| catalog.consumer("work", work));
        builder.sources(sources.built_in("application.yaml", &yaml))
    }

    async fn start(&self, consumer: &str, failures: i64) -> Running {
        let built = self.application(consumer, "", failures).build();
        built.unwrap_or_else(|problems| panic!("{problems}")).start().await.unwrap()
    }

    /// The calls with one payload.
    fn calls(&self, payload: &str) -> Vec<(Instant, EncodedMessage)> {
        let calls = self.calls.lock().unwrap();
        calls.iter().filter(|(_, message)| message.bytes() == payload.as_bytes()).cloned().collect()
    }

    fn produce(&self, partition: i32, payloads: &[&'static str]) {
        self.cluster.produce(&self.topic, payloads.iter().map(|payload| record(partition, payload)));
    }

    async fn until(&self, payload: &str, count: usize) {
        eventually("the function is called", || self.calls(payload).len() >= count).await;
    }
}

/// A record of a partition, with headers of several kinds.
fn record(partition: i32, payload: &'static str) -> Record<'static> {
    Record {
        partition: Some(partition),
        key: Some(KEYS[usize::try_from(partition).unwrap()]),
        headers: vec![
            ("x-tenant", Some(b"acme")),
            ("n", Some(b"5")),
            ("raw", Some(b"\xff\x00")),
            ("none", None),
            ("contentType", Some(b"text/plain")),
            (
                "spring_json_header_types",
                Some(br#"{"n":"java.lang.Integer","contentType":"java.lang.String"}"#),
            ),
        ],
        ..Record::of(payload.as_bytes())
    }
}

async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let looks = async {
        let mut moments = tokio::time::interval(Duration::from_millis(5));
        while !holds() {
            moments.tick().await;
        }
    };
    tokio::time::timeout(2 * PATIENCE, looks).await.unwrap_or_else(|_| panic!("never happened: {what}"));
}

/// All headers of a message but the number of the attempt.
fn lasting(message: &EncodedMessage) -> Vec<(String, String)> {
    let headers = message.headers().iter().filter(|(name, _)| *name != header_names::DELIVERY_ATTEMPT);
    let mut headers: Vec<_> = headers.map(|(name, value)| (name.to_owned(), format!("{value:?}"))).collect();
    headers.sort();
    headers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_waits_at_the_broker_and_comes_as_it_was_while_others_go_on() {
    let Some(cluster) = Cluster::find() else { return };
    let place = Place::new(&cluster, "waits", 2).await;
    let running = place.start("back-off-initial-interval: 2s, back-off-multiplier: 2", 2).await;
    place.produce(1, &[&["good", "bad"][..], &["good"; 20]].concat());
    place.until("bad", 3).await;
    let tries = place.calls("bad");
    for (pair, wait) in tries.windows(2).zip([2000, 4000]) {
        let waited = pair[1].0 - pair[0].0;
        assert!(waited >= Duration::from_millis(wait), "{waited:?} of {wait}ms");
        assert!(waited < Duration::from_millis(wait) + PATIENCE / 6, "{waited:?} of {wait}ms");
    }
    let attempts: Vec<_> =
        tries.iter().map(|(_, message)| message.headers().integer(header_names::DELIVERY_ATTEMPT)).collect();
    assert_eq!(attempts, [None, Some(2), Some(3)]);
    for (_, message) in &tries {
        assert_eq!(lasting(message), lasting(&tries[0].1));
    }
    assert_eq!(tries[2].1.headers().text("kafka_receivedTopic"), Some(&*place.topic));
    assert_eq!(tries[2].1.headers().integer("kafka_offset"), Some(1));
    let meanwhile = place.calls("good").iter().filter(|(at, _)| *at < tries[1].0).count();
    assert_eq!(meanwhile, 21, "others do not wait");
    let stats = running.binding("work-in-0").unwrap().stats();
    eventually("all is settled", || stats.succeeded.get() == 22).await;
    assert_eq!(running.stop().await, 0);
    assert_eq!(cluster.committed(&place.group, &place.topic, 2), [-1, 22]);
    let waiting = format!("{}.{}.retry-4000", place.topic, place.group);
    assert_eq!(cluster.consume_all(&waiting).len(), 1);
    assert_eq!(cluster.partitions(&waiting), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waits_and_attempts_outlive_the_application_until_the_dead_letter() {
    let Some(cluster) = Cluster::find() else { return };
    let place = Place::new(&cluster, "outlives", 2).await;
    let waits = "back-off-initial-interval: 2s, back-off-multiplier: 1";
    place.produce(1, &["good", "good", "bad"]);
    for tried in 1..=2 {
        let running = place.start(waits, 9).await;
        place.until("bad", tried).await;
        // The message is kept by the broker before it is settled, so that nothing is abandoned.
        assert_eq!(running.stop().await, 0);
        assert_eq!(cluster.committed(&place.group, &place.topic, 2), [-1, 3]);
    }
    // What waits in a topic of a wait that is not configured any more is not forgotten.
    let running = place.start("back-off-initial-interval: 1s", 9).await;
    let stats = running.binding("work-in-0").unwrap().stats();
    eventually("there is a dead letter", || stats.dead_lettered.get() == 1).await;
    let tries = place.calls("bad");
    assert_eq!(tries.len(), 3);
    for pair in tries.windows(2) {
        assert!(pair[1].0 - pair[0].0 >= Duration::from_secs(2), "{tries:?}");
    }
    let letter = cluster.consume(&place.letters, 1).remove(0);
    assert_eq!((letter.partition, letter.value.as_deref()), (1, Some(&b"bad"[..])));
    assert_eq!(letter.key.as_deref(), Some(KEYS[1]));
    let found =
        |name: &str| letter.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_deref());
    for (name, expected) in [
        ("x-original-topic", place.topic.as_bytes()),
        ("x-original-partition", &1_i32.to_be_bytes()[..]),
        ("x-original-offset", &2_i64.to_be_bytes()[..]),
        ("x-attempts", b"3"),
        ("x-tenant", b"acme"),
        ("n", b"5"),
        ("raw", b"\xff\x00"),
    ] {
        assert_eq!(found(name), Some(Some(expected)), "{name}");
    }
    assert_eq!(found("none"), Some(None));
    assert!(letter.headers.iter().all(|(name, _)| !name.starts_with("x-retry-")), "{:?}", letter.headers);
    assert_eq!(running.stop().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_messages_of_all_partitions_are_each_tried_as_often_as_they_may_be() {
    let Some(cluster) = Cluster::find() else { return };
    let place = Place::new(&cluster, "many", 3).await;
    for partition in 0..3 {
        place.produce(partition, &["bad"; 100]);
    }
    let waits = "back-off-initial-interval: 200ms, back-off-multiplier: 1, concurrency: 3";
    let running = place.start(waits, 2).await;
    let stats = running.binding("work-in-0").unwrap().stats();
    eventually("all has succeeded", || stats.succeeded.get() == 300).await;
    assert_eq!(place.calls("bad").len(), 900);
    assert_eq!(running.stop().await, 0);
    assert_eq!(cluster.committed(&place.group, &place.topic, 3), [100, 100, 100]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wait_goes_on_when_its_partition_goes_to_another_member() {
    let Some(cluster) = Cluster::find() else { return };
    let place = Place::new(&cluster, "moves", 8).await;
    // Long enough for another member to join meanwhile.
    let (wait, waits) =
        (Duration::from_secs(20), "back-off-initial-interval: 20s, back-off-max-interval: 20s");
    let first = place.start(waits, 1).await;
    cluster.produce(&place.topic, (0..8).map(|partition| record(partition, "bad")));
    place.until("bad", 8).await;
    let second = place.start(waits, 1).await;
    place.until("bad", 16).await;
    let succeeded = |running: &Running| running.binding("work-in-0").unwrap().stats().succeeded.get();
    eventually("all has succeeded", || succeeded(&first) + succeeded(&second) == 8).await;
    assert!(succeeded(&first) > 0 && succeeded(&second) > 0);
    let tries = place.calls("bad");
    let last = tries[..8].iter().map(|(at, _)| *at).max().unwrap();
    assert!(tries[8].0 - tries[0].0 >= wait);
    let late = tries[15].0.saturating_duration_since(last);
    assert!(late < wait + PATIENCE / 3, "{late:?}");
    assert_eq!((first.stop().await, second.stop().await), (0, 0));
    assert_eq!(tries.len(), 16);
}

#[tokio::test]
async fn what_waits_comes_back_with_the_topic_and_the_place_it_was_read_from() {
    let Some(cluster) = Cluster::find() else { return };
    let topics = [cluster.topic("a", 2).await, cluster.topic("b", 2).await];
    let names: Vec<_> = topics.iter().map(String::as_str).collect();
    let waits = vec![Duration::from_millis(100), Duration::from_secs(3600)];
    let spec = input_spec(&names, Some("g"));
    let Delayed { mut input, mut delays } = cluster.binder("").bind_delayed(spec, waits).await.unwrap();
    for topic in &topics {
        // A tombstone, with a key.
        let tombstone = Record { key: Some(b"k"), partition: Some(1), ..Record::default() };
        cluster.produce(topic, [Record { partition: Some(1), ..Record::of(b"other") }, tombstone]);
        for other in receive(&mut *input, 1).await {
            input.settle(other.ticket, Settlement::Ack);
        }
        let first = receive(&mut *input, 1).await.remove(0);
        let seen = |delivery: &Delivery| {
            let Delivery { message, key, partition, position, .. } = delivery;
            (message.payload().clone(), lasting(message), key.clone(), *partition, *position)
        };
        let sent = |delivery: &Delivery| Outgoing {
            message: delivery.message.clone(),
            key: delivery.key.clone(),
            partition: None,
        };
        assert!(send(&mut *delays[0], vec![sent(&first)]).await[0].is_ok());
        let second = receive(&mut *input, 1).await.remove(0);
        assert_eq!(seen(&second), seen(&first));
        assert_eq!((second.partition, second.position), (1, 1));
        assert_eq!(second.message.headers().text("kafka_receivedTopic"), Some(&**topic));
        assert!(send(&mut *delays[1], vec![sent(&second)]).await[0].is_ok());
        assert_eq!(cluster.consume_all(&format!("{topic}.g.retry-3600000")).len(), 1);
        // What is given back is due at once.
        input.settle(second.ticket, Settlement::Requeue);
        let third = receive(&mut *input, 1).await.remove(0);
        assert_eq!((seen(&third), third.attempt), (seen(&first), 2));
        input.settle(first.ticket, Settlement::Ack);
        input.settle(third.ticket, Settlement::Ack);
    }
    input.close().await.unwrap();
}

#[tokio::test]
async fn inputs_whose_messages_cannot_wait_are_refused_with_the_reason() {
    let Some(cluster) = Cluster::find() else { return };
    let place = Place::new(&cluster, "cannot", 1).await;
    let own = |settings: &str| format!("bindings: {{ work-in-0: {{ consumer: {{ {settings} }} }} }}");
    for (consumer, settings, expected) in [
        ("", "transaction-id-prefix: tx-".to_owned(), "with transactions"),
        ("", own("destination-is-pattern: true"), "with `destination-is-pattern`"),
        ("", own("start-offset: latest"), "with `start-offset: latest`"),
        ("", own("reset-offsets: true"), "with `reset-offsets`"),
        ("delivery: at-most-once", String::new(), "with `delivery: at-most-once` nothing is tried again"),
        ("max-attempts: 999, back-off-multiplier: 1.01", String::new(), "there are more than 16"),
    ] {
        let built = place.application(consumer, &settings, 0).build();
        let told = built.err().unwrap_or_else(|| panic!("{settings} {consumer}")).to_string();
        assert!(told.contains("work-in-0.consumer.durable-retry`: found `true`, but"), "{told}");
        assert!(told.contains(expected), "{told}");
    }
}
