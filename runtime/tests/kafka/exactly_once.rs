//! Whole applications whose functions work in transactions: killed, joined and left by others, their functions failing.
//! A reader of committed records sees what comes of each message once.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use futures_util::stream;
use rdkafka::consumer::{BaseConsumer, Consumer};
use wellspring::{CatalogBuilder, Error, Running};

use crate::runtime::start;
use crate::support::*;
use crate::transactions::committed;

/// Where a process finds what it is to run.
const APPLICATION: &str = "WELLSPRING_TEST_APPLICATION";

/// Names of one test.
struct Places {
    from: String,
    to: String,
    dead: String,
}

impl Places {
    async fn make(cluster: &Cluster) -> Self {
        Self {
            from: cluster.topic("from", 4).await,
            to: cluster.topic("to", 2).await,
            dead: cluster.topic("dead", 1).await,
        }
    }

    /// An application of some instance.
    fn yaml(&self, instance: u32, concurrency: u32, settings: &str) -> String {
        let Self { from, to, dead } = self;
        format!(
            "function.definition: work\n\
             stream:\n  bindings:\n\
             \x20   work-in-0: {{ destination: {from}, group: {from}, consumer: {{ max-attempts: 2, back-off-initial-interval: 10ms, dead-letter: {dead}, concurrency: {concurrency} }} }}\n\
             \x20   work-out-0: {{ destination: {to} }}\n\
             \x20 kafka:\n    transaction-id-prefix: {from}-{instance}-\n{settings}"
        )
    }

    /// What came of so many messages, once there is something of each.
    async fn outcome(&self, cluster: &Cluster, count: usize) -> BTreeMap<u64, usize> {
        let until = Instant::now() + 2 * PATIENCE;
        loop {
            let (to, dead) = (committed(cluster, &self.to), committed(cluster, &self.dead));
            let mut times: BTreeMap<u64, usize> = BTreeMap::new();
            for text in to.iter().chain(&dead) {
                *times.entry(text.parse().unwrap()).or_default() += 1;
            }
            let is_dead = |text: &String| text.parse::<u64>().unwrap().is_multiple_of(DEADLY);
            assert!(dead.iter().all(is_dead) && !to.iter().any(is_dead));
            if times.len() >= count {
                return times;
            }
            assert!(Instant::now() < until, "{} of {count} messages came to something", times.len());
        }
    }
}

/// How many records have been written to a topic, committed or not.
fn written(cluster: &Cluster, topic: &str) -> i64 {
    let consumer: BaseConsumer = cluster.client().create().unwrap();
    let ends = |partition| consumer.fetch_watermarks(topic, partition, PATIENCE).unwrap().1;
    (0..2).map(ends).sum()
}

/// Sends numbers until so many more records have come out.
fn keep_going(cluster: &Cluster, places: &Places, sent: &mut u64, records: i64) {
    let (until, target) = (Instant::now() + PATIENCE, written(cluster, &places.to) + records);
    while written(cluster, &places.to) < target {
        assert!(Instant::now() < until, "nothing comes out any more");
        produce(cluster, &places.from, *sent..*sent + 200);
        *sent += 200;
    }
}

/// Every so many numbers one always fails.
const DEADLY: u64 = 101;

fn work(catalog: CatalogBuilder) -> CatalogBuilder {
    catalog.function("work", |number: u64| {
        if number.is_multiple_of(DEADLY) {
            return Err(Error::retryable("this one fails"));
        }
        Ok(number)
    })
}

fn produce(cluster: &Cluster, topic: &str, numbers: std::ops::Range<u64>) {
    let texts: Vec<_> = numbers.map(|n| n.to_string()).collect();
    let json = ("contentType", Some(&b"application/json"[..]));
    let record = |text| Record { headers: vec![json], ..Record::of(text) };
    cluster.produce(topic, texts.iter().map(|text| record(text.as_bytes())));
}

fn assert_once(times: &BTreeMap<u64, usize>, count: u64) {
    let wrong: Vec<_> = times.iter().filter(|(_, times)| **times != 1).collect();
    assert!(wrong.is_empty(), "{} of {count} came out more than once: {wrong:?}", wrong.len());
    assert!(times.keys().copied().eq(0..count));
}

/// The application of a process that another test started, and kills.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_an_application_when_it_is_told_to() {
    let Some(cluster) = Cluster::find() else { return };
    let Ok(yaml) = std::env::var(APPLICATION) else { return };
    let running = start(&cluster, &yaml, work).await;
    // It ends with the test that started it, if nobody kills it.
    let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    assert!(ended.await.unwrap().is_ok());
    running.stop().await;
}

/// A process of this program that runs an application.
fn process(yaml: &str) -> Child {
    let own = std::env::current_exe().unwrap();
    let test = "exactly_once::runs_an_application_when_it_is_told_to";
    let mut command = Command::new(own);
    command.args(["--exact", test]).env(APPLICATION, yaml).stdin(Stdio::piped());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_of_a_message_is_seen_once_however_often_its_application_is_killed() {
    let Some(cluster) = Cluster::find() else { return };
    let places = Places::make(&cluster).await;
    // A member that comes back under its own name gets its partitions at once.
    let yaml = places.yaml(0, 1, "    consumer-properties: { group.instance.id: one }\n");
    let mut sent = 0;
    for kill in 0..10 {
        let mut child = process(&yaml);
        keep_going(&cluster, &places, &mut sent, 300 + 370 * kill % 1700);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let mut last = process(&yaml);
    let times = places.outcome(&cluster, usize::try_from(sent).unwrap()).await;
    last.kill().unwrap();
    last.wait().unwrap();
    assert_once(&times, sent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_of_a_message_is_seen_once_while_instances_come_and_go() {
    let Some(cluster) = Cluster::find() else { return };
    let places = Places::make(&cluster).await;
    let mut instances: Vec<Running> = vec![start(&cluster, &places.yaml(0, 2, ""), work).await];
    let mut sent = 0;
    for next in 1..5 {
        instances.push(start(&cluster, &places.yaml(next, 2, ""), work).await);
        keep_going(&cluster, &places, &mut sent, 1000);
        instances.remove(0).stop().await;
        keep_going(&cluster, &places, &mut sent, 1000);
    }
    let times = places.outcome(&cluster, usize::try_from(sent).unwrap()).await;
    for instance in instances {
        instance.stop().await;
    }
    assert_once(&times, sent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_attempt_has_sent_that_failed_halfway_is_not_seen() {
    let Some(cluster) = Cluster::find() else { return };
    let places = Places::make(&cluster).await;
    let calls: Arc<Mutex<BTreeMap<u64, u64>>> = Arc::default();
    let halfway = move |number: u64| {
        let mut calls = calls.lock().unwrap();
        let call = calls.entry(number).or_default();
        *call += 1;
        // Some fail every other time, some always; each has sent something by then.
        let fails = number.is_multiple_of(DEADLY) || number.is_multiple_of(50) && !call.is_multiple_of(2);
        let last = if fails { Err(Error::retryable("cut off")) } else { Ok(number + 1_000_000) };
        stream::iter([Ok(number), last])
    };
    let running =
        start(&cluster, &places.yaml(0, 1, ""), move |catalog| catalog.function("work", halfway)).await;
    produce(&cluster, &places.from, 1..251);
    let until = Instant::now() + 2 * PATIENCE;
    let dead = (1..251).filter(|n| n % DEADLY == 0).count();
    while committed(&cluster, &places.to).len() + committed(&cluster, &places.dead).len() < 500 - dead {
        let (live, dead) = (committed(&cluster, &places.to).len(), committed(&cluster, &places.dead).len());
        assert!(Instant::now() < until, "{live} and {dead} are there");
    }
    running.stop().await;
    let sorted = |topic| {
        let mut numbers: Vec<u64> =
            committed(&cluster, topic).iter().map(|text| text.parse().unwrap()).collect();
        numbers.sort_unstable();
        numbers
    };
    let (live, dead): (Vec<u64>, Vec<u64>) = (1..251).partition(|n| n % DEADLY != 0);
    let late = live.iter().map(|n| n + 1_000_000);
    assert_eq!(sorted(&places.to), live.iter().copied().chain(late).collect::<Vec<_>>());
    assert_eq!(sorted(&places.dead), dead);
}
