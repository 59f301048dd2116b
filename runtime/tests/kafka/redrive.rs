//! Dead letters looked after from outside: read, sent again, thrown away.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rdkafka::admin::AdminOptions;
use serde_json::Value;
use wellspring::config::Sources;
use wellspring::letters::{DeadLetters, Filter, Letter, OpenLetters, Outcome, Redrive, Summary};
use wellspring::{Error, Kind, Runtime};

use crate::support::*;

const RECORDED: &str = include_str!("captures/kafka-dlq.json");
const INPUT: &str = "handle-in-0";

/// An application whose function is given.
fn application(
    cluster: &Cluster,
    topic: &str,
    consumer: &str,
    handle: impl Fn(String) -> Result<(), Error> + Send + Sync + 'static,
) -> Runtime {
    let yaml = format!(
        "
function: {{ definition: handle }}
stream:
  default-binder: kafka
  bindings:
    handle-in-0: {{ destination: {topic}, group: g, consumer: {{ max-attempts: 1 }} }}
  kafka:
    brokers: '{}'
    bindings: {{ handle-in-0: {{ consumer: {{ {consumer} }} }} }}
",
        cluster.address
    );
    let sources = Sources::new().args(["--http.enabled=false", "--management.enabled=false"]);
    let builder = Runtime::builder().functions(move |catalog| catalog.consumer("handle", handle));
    let runtime = builder.sources(sources.built_in("application.yaml", &yaml)).build();
    runtime.unwrap_or_else(|problems| panic!("{problems}"))
}

/// Topics of a test: that of the messages with three partitions, and that of the letters. Deleted at the end.
struct Topics {
    cluster: Cluster,
    topic: String,
    dlq: String,
    letters: DeadLetters,
}

impl Topics {
    async fn find() -> Option<Self> {
        let cluster = Cluster::find()?;
        let (topic, dlq) = (cluster.topic("orders", 3).await, cluster.topic("dlq", 3).await);
        let letters =
            application(&cluster, &topic, &format!("enable-dlq: true, dlq-name: {dlq}"), |_| Ok(()));
        Some(Self { letters: letters.dead_letters(), cluster, topic, dlq })
    }

    /// Puts letters of messages there, each with its key, into the partition of its number modulo 3.
    fn put(&self, count: u8) {
        for number in 0..count {
            let partition = i32::from(number % 3);
            self.put_one(&number.to_string(), partition, &[]);
        }
    }

    fn put_one(&self, payload: &str, partition: i32, more: &[(&'static str, &[u8])]) {
        let (from, key) = (partition.to_be_bytes(), format!("key {payload}"));
        let mut headers: Vec<(&str, Option<&[u8]>)> = vec![
            ("contentType", Some(b"text/plain")),
            ("x-original-topic", Some(self.topic.as_bytes())),
            ("x-original-partition", Some(&from)),
            ("x-exception-message", Some(b"no such account")),
        ];
        headers.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
        headers.extend(more.iter().map(|(name, value)| (*name, Some(*value))));
        let (key, value) = (Some(key.as_bytes()), Some(payload.as_bytes()));
        self.cluster.produce(&self.dlq, [Record { key, value, partition: Some(partition), headers }]);
    }

    async fn open(&self) -> OpenLetters {
        self.letters.open(INPUT, None).await.unwrap()
    }

    /// The payloads of the letters that are meant, sorted.
    async fn read(&self, filter: &Filter) -> Vec<String> {
        let mut open = self.open().await;
        let mut found = Vec::new();
        while let Some(letter) = open.next(filter).await.unwrap() {
            found.push(String::from_utf8(letter.message.bytes().to_vec()).unwrap());
        }
        open.close().await.unwrap();
        found.sort();
        found
    }

    async fn count(&self) -> u64 {
        self.letters.overview().await[0].places.as_ref().unwrap().as_ref().unwrap()[0].count
    }

    async fn redrive(&self, filter: &Filter, how: &Redrive) -> (Summary, Vec<(String, Outcome)>) {
        let mut told = Vec::new();
        let mut tell = |letter: &Letter, outcome: &Outcome, _: (u64, u64)| {
            told.push((String::from_utf8(letter.message.bytes().to_vec()).unwrap(), outcome.clone()));
            ControlFlow::Continue(())
        };
        let summary = self.open().await.redrive(filter, how, &mut tell).await.unwrap();
        told.sort_by(|one, other| one.0.cmp(&other.0));
        (summary, told)
    }

    async fn purge(&self, filter: &Filter, dry_run: bool) -> Summary {
        self.open().await.purge(filter, dry_run, &mut |_, _, _| ControlFlow::Continue(())).await.unwrap()
    }

    fn payloads(&self, topic: &str) -> Vec<String> {
        let found = self.cluster.consume_all(topic);
        let mut found: Vec<_> =
            found.into_iter().map(|record| String::from_utf8(record.value.unwrap()).unwrap()).collect();
        found.sort();
        found
    }
}

fn all(count: usize) -> Vec<String> {
    (0..count).map(|number| number.to_string()).collect()
}

#[tokio::test]
async fn letters_are_read_without_a_change_and_found_by_what_they_say() {
    let Some(topics) = Topics::find().await else { return };
    topics.put(9);
    assert_eq!(topics.count().await, 9);
    for _ in 0..2 {
        assert_eq!(topics.read(&Filter::default()).await, all(9));
    }
    topics.put_one("red", 1, &[("tenant", b"red"), ("x-exception-message", b"took too long")]);
    let none = Filter::default();
    let hour = Some(Duration::from_secs(3600));
    for (filter, expected) in [
        (Filter { error: Some("TOO LONG".to_owned()), ..none.clone() }, vec!["red"]),
        (Filter { headers: vec![("tenant".to_owned(), "red".to_owned())], ..none.clone() }, vec!["red"]),
        (Filter { key: Some("key 4".to_owned()), ..none.clone() }, vec!["4"]),
        (Filter { older_than: hour, ..none.clone() }, vec![]),
        (Filter { newer_than: hour, key: Some("key 5".to_owned()), ..none.clone() }, vec!["5"]),
    ] {
        assert_eq!(topics.read(&filter).await, expected, "{filter:?}");
    }
    assert_eq!(topics.read(&Filter { max: Some(2), ..none }).await.len(), 2);
    assert!(topics.cluster.partitions(&format!("{}.removed", topics.dlq)) == 0, "nothing was noted");
}

#[tokio::test]
async fn letters_that_fill_more_than_one_batch_are_all_sent_again_by_one_run() {
    let Some(topics) = Topics::find().await else { return };
    let payloads: Vec<_> = (0..250).map(|number| format!("{number:03}{}", "x".repeat(2000))).collect();
    let from = 1_i32.to_be_bytes();
    let records = payloads.iter().map(|payload| Record {
        partition: Some(1),
        headers: vec![
            ("x-original-topic", Some(topics.topic.as_bytes())),
            ("x-original-partition", Some(&from)),
        ],
        ..Record::of(payload.as_bytes())
    });
    topics.cluster.produce(&topics.dlq, records);
    let all = Filter::default();
    assert_eq!(topics.read(&all).await, payloads);
    assert_eq!(topics.redrive(&all, &Redrive::default()).await.0.done, 250);
    assert_eq!((topics.count().await, topics.payloads(&topics.topic)), (0, payloads));
}

#[tokio::test]
async fn a_letter_of_springs_becomes_the_record_that_it_was() {
    let Some(topics) = Topics::find().await else { return };
    let recorded: Value = serde_json::from_str(RECORDED).unwrap();
    let recorded = &recorded["dlq"]["cases"]["boom"]["dead letters"][0];
    let bytes = |value: &Value| {
        let hex = value["hex"].as_str()?;
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        Some((0..hex.len()).step_by(2).map(byte).collect::<Vec<u8>>())
    };
    let (key, value) = (bytes(&recorded["key"]), bytes(&recorded["value"]));
    let written: Vec<(String, Option<Vec<u8>>)> = recorded["headers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|header| match header["name"].as_str().unwrap() {
            "x-original-topic" => ("x-original-topic".to_owned(), Some(topics.topic.clone().into_bytes())),
            name => (name.to_owned(), bytes(header)),
        })
        .collect();
    let headers = written.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
    let letter = Record { key: key.as_deref(), value: value.as_deref(), partition: Some(0), headers };
    topics.cluster.produce(&topics.dlq, [letter]);

    let planned = topics.redrive(&Filter::default(), &Redrive { dry_run: true, ..Redrive::default() }).await;
    assert!(topics.cluster.consume_all(&topics.topic).is_empty(), "a dry run sends nothing");
    let done = topics.redrive(&Filter::default(), &Redrive::default()).await;
    assert_eq!(planned, done, "the report of a dry run is that of the real one");
    assert_eq!(done.1, [("boom".to_owned(), Outcome::Sent(topics.topic.clone()))]);

    let found = topics.cluster.consume(&topics.topic, 1).remove(0);
    assert_eq!((found.partition, &found.key, &found.value), (2, &key, &value));
    let mut names: Vec<_> = found.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["contentType", "n", "raw", "spring_json_header_types", "x-redrives", "x-tenant"]);
    for name in ["contentType", "n", "raw", "x-tenant"] {
        let of = |headers: &[(String, Option<Vec<u8>>)]| headers.iter().find(|(own, _)| own == name).cloned();
        assert_eq!(of(&found.headers), of(&written), "{name}");
    }
    assert_eq!(found.header("x-redrives"), Some("1"));
    let types: Value = serde_json::from_str(found.header("spring_json_header_types").unwrap()).unwrap();
    let (text, number) = ("java.lang.String", "java.lang.Integer");
    assert_eq!(types, serde_json::json!({ "contentType": text, "n": number, "x-redrives": number }));
}

#[tokio::test]
async fn what_was_sent_again_is_not_sent_by_the_next_run() {
    let Some(topics) = Topics::find().await else { return };
    topics.put(12);
    let key = Filter { key: Some("key 7".to_owned()), ..Filter::default() };
    assert_eq!(topics.redrive(&key, &Redrive::default()).await.0.done, 1);
    let rest: Vec<_> = topics.read(&Filter::default()).await;
    assert_eq!((rest.len(), rest.contains(&"7".to_owned()), topics.count().await), (11, false, 11));
    let some = Filter { max: Some(4), ..Filter::default() };
    assert_eq!(topics.redrive(&some, &Redrive::default()).await.0.done, 4);
    assert_eq!(topics.redrive(&Filter::default(), &Redrive::default()).await.0.done, 7);
    assert_eq!(topics.redrive(&Filter::default(), &Redrive::default()).await.0, Summary::default());
    assert_eq!(
        (topics.count().await, topics.payloads(&topics.topic)),
        (0, {
            let mut sorted = all(12);
            sorted.sort();
            sorted
        })
    );
    for record in topics.cluster.consume_all(&topics.topic) {
        let number: i32 = String::from_utf8(record.value.unwrap()).unwrap().parse().unwrap();
        assert_eq!(record.partition, number % 3);
        assert_eq!(record.key.unwrap(), format!("key {number}").into_bytes());
    }
    topics.put_one("late", 0, &[]);
    assert_eq!(topics.read(&Filter::default()).await, ["late"]);
}

#[tokio::test]
async fn what_keeps_failing_comes_back_with_its_count_until_it_is_left_alone() {
    let Some(topics) = Topics::find().await else { return };
    let mended = Arc::new(AtomicBool::new(false));
    let processed = Arc::new(Mutex::new(Vec::new()));
    let (state, seen) = (Arc::clone(&mended), Arc::clone(&processed));
    let dlq = format!("enable-dlq: true, dlq-name: {}", topics.dlq);
    let runtime = application(&topics.cluster, &topics.topic, &dlq, move |text| {
        if ["3", "7"].contains(&text.as_str()) || !state.load(Ordering::SeqCst) {
            return Err(Error::message(Kind::Retryable, "no such account"));
        }
        seen.lock().unwrap().push(text);
        Ok(())
    });
    let running = runtime.start().await.unwrap();
    for number in 0..10 {
        let text = number.to_string();
        let record = Record { key: Some(b"k"), ..Record::of(text.as_bytes()) };
        let headers = vec![("contentType", Some(&b"text/plain"[..]))];
        topics.cluster.produce(&topics.topic, [Record { headers, ..record }]);
    }
    let lettered = async |count: u64| {
        let stats = running.binding(INPUT).unwrap().stats();
        eventually("letters are written", || stats.dead_lettered.get() == count).await;
    };
    lettered(10).await;
    mended.store(true, Ordering::SeqCst);
    assert_eq!(topics.redrive(&Filter::default(), &Redrive::default()).await.0.done, 10);
    lettered(12).await;
    eventually("8 are processed", || processed.lock().unwrap().len() == 8).await;
    for pass in 2..=3 {
        let (summary, _) = topics.redrive(&Filter::default(), &Redrive::default()).await;
        assert_eq!((summary.done, summary.stay), (2, 0), "pass {pass}");
        lettered(10 + 2 * pass).await;
    }
    let (summary, told) = topics.redrive(&Filter::default(), &Redrive::default()).await;
    assert_eq!((summary.selected, summary.done, summary.stay), (2, 0, 2));
    assert!(matches!(&told[0].1, Outcome::Stays(why) if why.contains("3 times")), "{told:?}");
    assert_eq!(topics.read(&Filter::default()).await, ["3", "7"]);
    assert_eq!(running.stop().await, 0);
}

#[tokio::test]
async fn a_run_that_ends_in_the_middle_loses_no_letter() {
    let Some(topics) = Topics::find().await else { return };
    topics.put(60);
    let (ended, end) = tokio::sync::oneshot::channel();
    let (mut sent, mut ended) = (0, Some(ended));
    let mut tell = |_: &Letter, _: &Outcome, _: (u64, u64)| {
        sent += 1;
        if sent == 10 {
            ended.take().unwrap().send(()).unwrap();
        }
        ControlFlow::Continue(())
    };
    let (filter, slowly) = (Filter::default(), Redrive { rate: Some(40), ..Redrive::default() });
    tokio::select! {
        done = topics.open().await.redrive(&filter, &slowly, &mut tell) => panic!("{done:?}"),
        _ = end => {}
    }
    let left = topics.count().await;
    assert!((1..60).contains(&left), "{left}");
    topics.redrive(&Filter::default(), &Redrive::default()).await;
    let sent = topics.payloads(&topics.topic);
    assert!((60..=64).contains(&sent.len()), "those on their way may be sent twice: {}", sent.len());
    assert_eq!(sent.into_iter().collect::<BTreeSet<_>>(), all(60).into_iter().collect());
}

#[tokio::test]
async fn letters_that_cannot_go_back_stay_with_the_reason() {
    let Some(topics) = Topics::find().await else { return };
    topics.cluster.produce(&topics.dlq, [Record::of(b"1 nowhere")]);
    topics.put_one("2 foreign", 1, &[("x-original-topic", b"somebody.elses")]);
    topics.put_one("3 beyond", 1, &[("x-original-partition", &99_i32.to_be_bytes())]);
    topics.put_one("4 ours", 1, &[]);
    let (summary, told) = topics.redrive(&Filter::default(), &Redrive::default()).await;
    assert_eq!((summary.selected, summary.done, summary.stay), (4, 1, 3));
    let why: Vec<_> = told.iter().map(|(payload, outcome)| format!("{payload}: {outcome:?}")).collect();
    assert!(why[0].contains("nothing says where it came from"), "{why:?}");
    assert!(why[1].contains("`somebody.elses`, which `handle-in-0` does not read"), "{why:?}");
    assert!(why[2].contains("the partition does not exist"), "{why:?}");
    let missing = Redrive { to: Some(topics.cluster.name("missing")), ..Redrive::default() };
    let (summary, told) = topics.redrive(&Filter::default(), &missing).await;
    assert_eq!((summary.done, summary.stay), (0, 3));
    assert!(matches!(&told[0].1, Outcome::Stays(why) if why.contains("does not exist")), "{told:?}");
    let there = Redrive { to: Some(topics.cluster.topic("other", 1).await), ..Redrive::default() };
    assert_eq!(topics.redrive(&Filter::default(), &there).await.0.done, 3);
    assert_eq!(topics.count().await, 0);
}

#[tokio::test]
async fn purged_letters_are_deleted_as_far_as_nothing_before_them_stays() {
    let Some(topics) = Topics::find().await else { return };
    topics.put(9);
    // Of the partition with 1, 4 and 7 the one in the middle.
    let middle = Filter { key: Some("key 4".to_owned()), ..Filter::default() };
    assert_eq!(topics.purge(&middle, true).await.done, 1);
    assert_eq!(topics.read(&Filter::default()).await.len(), 9, "a dry run removes nothing");
    let Summary { done, kept, .. } = topics.purge(&middle, false).await;
    assert_eq!((done, kept), (1, 1), "the letter before it stays, and so do its bytes");
    assert_eq!(topics.read(&Filter::default()).await, ["0", "1", "2", "3", "5", "6", "7", "8"]);
    assert_eq!(topics.payloads(&topics.dlq), all(9));
    let Summary { done, kept, .. } = topics.purge(&Filter::default(), false).await;
    assert_eq!((done, kept, topics.count().await), (8, 0, 0));
    assert!(topics.cluster.consume_all(&topics.dlq).is_empty(), "the broker has deleted them");
}

#[tokio::test]
async fn marks_of_a_topic_that_was_made_anew_hide_no_letter() {
    let Some(topics) = Topics::find().await else { return };
    topics.put(6);
    assert_eq!(topics.redrive(&Filter::default(), &Redrive::default()).await.0.done, 6);
    let admin = topics.cluster.admin();
    admin.delete_topics(&[&topics.dlq], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
    eventually("the topic is gone", || topics.cluster.partitions(&topics.dlq) == 0).await;
    topics.cluster.topic("dlq", 3).await;
    topics.put(9);
    assert_eq!(topics.read(&Filter::default()).await, all(9));
}

#[tokio::test]
async fn a_topic_that_is_missing_is_named() {
    let Some(cluster) = Cluster::find() else { return };
    let topic = cluster.topic("orders", 1).await;
    let missing = application(&cluster, &topic, "enable-dlq: true", |_| Ok(()));
    let error = missing.dead_letters().open(INPUT, None).await.unwrap_err().to_string();
    assert!(error.contains(&format!("`error.{topic}.g` does not exist")), "{error}");
    let nobody = application(&cluster, &topic, "", |_| Ok(()));
    assert!(nobody.dead_letters().overview().await[0].places.as_ref().unwrap().is_none());
    let error = nobody.dead_letters().open(INPUT, None).await.unwrap_err().to_string();
    assert!(error.contains("nobody keeps the dead letters of `handle-in-0`"), "{error}");
}

async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let looks = async {
        let mut moments = tokio::time::interval(Duration::from_millis(10));
        while !holds() {
            moments.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, looks).await.unwrap_or_else(|_| panic!("never happened: {what}"));
}
