//! Dead letters: where they go and what they carry, next to what a Spring application put there.
//!
//! Headers that differ on purpose stand in `captures/dead-letters.json` with the reason.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::Deserialize;
use serde_json::Value;
use wellspring::Error;
use wellspring::binder::Binder as _;

use crate::runtime::{Account, start};
use crate::support::*;

const LETTERS: &str = include_str!("captures/kafka-dlq.json");
const DIFFERENCES: &str = include_str!("captures/dead-letters.json");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Difference {
    #[expect(dead_code, reason = "for whoever reads the file")]
    why: String,
    headers: Vec<String>,
}

fn bytes(value: &Value) -> Option<Vec<u8>> {
    let hex = value["hex"].as_str()?;
    Some((0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect())
}

/// A dead letter as Spring wrote it.
struct Recorded {
    partition: i32,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
    attempts: u64,
}

fn recorded(run: &str, case: &str) -> Recorded {
    let all: Value = serde_json::from_str(LETTERS).unwrap();
    let case = &all[run]["cases"][case];
    let letter = &case["dead letters"][0];
    let headers = letter["headers"].as_array().unwrap().iter();
    Recorded {
        partition: letter["partition"].as_i64().unwrap().try_into().unwrap(),
        key: bytes(&letter["key"]),
        value: bytes(&letter["value"]),
        headers: headers.map(|header| (header["name"].as_str().unwrap().to_owned(), bytes(header))).collect(),
        attempts: case["attempts"].as_u64().unwrap(),
    }
}

impl Recorded {
    /// The record that it was once.
    fn original(&self) -> Record<'_> {
        let own = self.headers.iter().filter(|(name, _)| !is_added(name));
        Record {
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            // Spring's partition, unless all letters go to one.
            partition: Some(2),
            headers: own.map(|(name, value)| (name.as_str(), value.as_deref())).collect(),
        }
    }
}

fn is_added(name: &str) -> bool {
    name.starts_with("x-original") || name.starts_with("x-exception")
}

fn by_name(headers: &[(String, Option<Vec<u8>>)]) -> BTreeMap<&str, Option<&[u8]>> {
    let map: BTreeMap<_, _> = headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
    assert_eq!(map.len(), headers.len(), "each header once: {headers:?}");
    map
}

/// Compares a dead letter with Spring's; the place it came from is that of the test.
fn compare(found: &Found, spring: &Recorded, from: &str) {
    let differences: Vec<Difference> = serde_json::from_str(DIFFERENCES).unwrap();
    let differing: BTreeSet<&str> =
        differences.iter().flat_map(|difference| difference.headers.iter().map(String::as_str)).collect();
    assert_eq!((&found.key, &found.value), (&spring.key, &spring.value));
    let (mut ours, mut theirs) = (by_name(&found.headers), by_name(&spring.headers));
    let time = theirs.insert("x-original-timestamp", ours["x-original-timestamp"]).unwrap().unwrap();
    assert_eq!(ours["x-original-timestamp"].unwrap().len(), time.len());
    theirs.insert("x-original-topic", Some(from.as_bytes()));
    theirs.insert("x-original-offset", ours["x-original-offset"]);
    assert_eq!(theirs["x-original-offset"].unwrap().len(), 8);
    theirs.insert("x-original-partition", Some(&[0, 0, 0, 2]));
    for name in differing {
        assert_ne!(ours.remove(name), theirs.remove(name), "`{name}` does not differ");
    }
    let types = |all: &mut BTreeMap<&str, Option<&[u8]>>| -> Value {
        serde_json::from_slice(all.remove("spring_json_header_types").unwrap().unwrap()).unwrap()
    };
    assert_eq!(types(&mut ours), types(&mut theirs));
    assert_eq!(ours, theirs);
}

async fn fails_as_recorded(run: &str, settings: &str) {
    let Some(cluster) = Cluster::find() else { return };
    let topic = cluster.topic("fail", 4).await;
    let spring = recorded(run, "boom");
    cluster.produce(&topic, [spring.original()]);
    let attempts = spring.attempts;
    let yaml = format!(
        "function.definition: f\nstream.bindings:\n  f-in-0: {{ destination: {topic}, group: cap.fg, \
         consumer: {{ max-attempts: {attempts}, backoff-initial-interval: 10ms }} }}\n\
         stream.kafka.default.consumer: {{ enable-dlq: true {settings} }}\n"
    );
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let running = start(&cluster, &yaml, move |catalog| {
        catalog.consumer("f", move |_: String| {
            counted.fetch_add(1, Ordering::Relaxed);
            Err::<(), _>(Error::message(wellspring::Kind::Retryable, "boom boom"))
        })
    })
    .await;
    let letters = format!("error.{topic}.cap.fg");
    let expected = if run == "dlq-partitions-1" { 1 } else { 4 };
    let found = cluster.consume(&letters, 1).remove(0);
    assert_eq!(cluster.partitions(&letters), expected);
    assert_eq!(found.partition, spring.partition);
    compare(&found, &spring, &topic);
    assert_eq!(found.header("x-exception-message"), Some("`f`: boom boom"));
    assert_eq!(found.header("x-attempts"), Some(attempts.to_string().as_str()));
    assert_eq!(u64::from(calls.load(Ordering::Relaxed)), attempts);
    assert_eq!(running.stop().await, 0);
    assert_eq!(cluster.committed("cap.fg", &topic, 4), [-1, -1, 1, -1]);
    cluster.delete(&letters).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_fails_for_good_becomes_the_dead_letter_that_spring_writes() {
    fails_as_recorded("dlq", "").await;
    fails_as_recorded("dlq-one-attempt", "").await;
    fails_as_recorded("dlq-partitions-1", ", dlq-partitions: 1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payloads_that_cannot_be_read_and_tombstones_become_dead_letters_byte_for_byte() {
    let Some(cluster) = Cluster::find() else { return };
    let topic = cluster.topic("pojo", 4).await;
    let cases = ["(POJO consumer) broken JSON", "(POJO consumer) array of two", "(POJO consumer) tombstone"];
    let recorded = cases.map(|case| recorded("dlq", case));
    cluster.produce(&topic, recorded.iter().map(Recorded::original));
    let name = cluster.name("letters");
    let yaml = format!(
        "function.definition: f\nstream.bindings: {{ f-in-0: {{ destination: {topic}, group: g, consumer: {{ max-attempts: 1 }} }} }}\n\
         stream.kafka.bindings.f-in-0.consumer: {{ enable-dlq: true, dlq-name: {name} }}\n"
    );
    let running = start(&cluster, &yaml, |catalog| catalog.consumer("f", |_: Account| ())).await;
    let found = cluster.consume(&name, 3);
    for (found, spring) in found.iter().zip(&recorded) {
        compare(found, spring, &topic);
    }
    assert_eq!(running.stop().await, 0);
    assert_eq!(cluster.committed("g", &topic, 4), [-1, -1, 3, -1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_topic_of_an_input_has_its_dead_letters_and_a_second_pass_replaces_what_was_said() {
    let Some(cluster) = Cluster::find() else { return };
    let (one, two) = (cluster.topic("one", 1).await, cluster.topic("two", 3).await);
    let earlier = 99i64.to_be_bytes();
    let record = |partition| Record {
        partition: Some(partition),
        headers: vec![("x-original-offset", Some(&earlier)), ("x-exception-message", Some(b"old"))],
        ..Record::of(b"x")
    };
    cluster.produce(&one, [record(0)]);
    cluster.produce(&two, [record(2)]);
    let yaml = format!(
        "function.definition: f\nstream.bindings.f-in-0: {{ destination: '{one},{two}', group: g, consumer: {{ max-attempts: 1 }} }}\n\
         stream.kafka.default.consumer.enable-dlq: true\n"
    );
    let fail = |_: String| Err::<(), _>(Error::message(wellspring::Kind::Retryable, "new"));
    let running = start(&cluster, &yaml, move |catalog| catalog.consumer("f", fail)).await;
    for (topic, partitions, partition) in [(&one, 1, 0), (&two, 3, 2)] {
        let letters = format!("error.{topic}.g");
        let found = cluster.consume(&letters, 1).remove(0);
        assert_eq!((cluster.partitions(&letters), found.partition), (partitions, partition));
        let headers = by_name(&found.headers);
        assert_eq!(headers["x-original-topic"], Some(topic.as_bytes()));
        assert_eq!(headers["x-original-offset"], Some(&[0; 8][..]));
        assert_eq!(headers["x-exception-message"], Some(&b"`f`: new"[..]));
        cluster.delete(&letters).await;
    }
    assert_eq!(running.stop().await, 0);
}

#[tokio::test]
async fn dead_letters_need_a_group_and_topics_that_are_known() {
    let Some(cluster) = Cluster::find() else { return };
    let topic = cluster.name("refused");
    let enabled = "default: { consumer: { enable-dlq: true } }";
    let pattern = "default: { consumer: { enable-dlq: true, destination-is-pattern: true } }";
    for (settings, group, reason) in [(enabled, None, "no `group`"), (pattern, Some("g"), "a pattern")] {
        let binder = cluster.binder(settings);
        let spec = input_spec(&[&topic], group);
        let to = binder.dead_letters(&spec).unwrap();
        let Err(refused) = binder.bind_dead_letters(spec, to).await else { panic!("bound") };
        assert!(refused.to_string().contains(reason), "{refused}");
        assert!(refused.to_string().contains("test-in-0"), "{refused}");
    }
    assert_eq!(cluster.binder("").dead_letters(&input_spec(&[&topic], Some("g"))), None);
}
