//! The broker is killed or restarted while messages flow through an application: nothing is lost, and it goes on soon.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer};
use wellspring::config::Sources;
use wellspring::{Running, Runtime};

use super::brokers::brokers;
use super::support::Cluster;

const COUNT: u64 = 300_000;
const PARTITIONS: i32 = 4;
/// How soon everything has come once the broker answers again.
const SOON: Duration = Duration::from_secs(20);

async fn started_here() -> Option<Cluster> {
    super::brokers::ours("kafka", "WELLSPRING_TEST_KAFKA").await?;
    Cluster::find()
}

async fn application(cluster: &Cluster, members: u32, settings: &str) -> Running {
    let yaml = format!(
        "
function: {{ definition: double }}
stream:
  default-binder: kafka
  bindings:
    double-in-0: {{ destination: {}, group: {}, consumer: {{ max-attempts: 10, concurrency: {members} }} }}
    double-out-0: {{ destination: {} }}
  kafka: {{ brokers: '{}', {settings} }}
",
        cluster.name("in"),
        cluster.name("g"),
        cluster.name("out"),
        cluster.address
    );
    let sources = Sources::new().args(["--http.enabled=false", "--management.enabled=false"]);
    let builder = Runtime::builder().functions(|catalog| catalog.function("double", |n: u64| n * 2));
    let runtime = builder.sources(sources.built_in("application.yaml", &yaml)).build();
    runtime.unwrap_or_else(|problems| panic!("{problems}")).start().await.unwrap()
}

/// Writes numbers as fast as they are taken, and gives them up to nobody: the client library tries for minutes.
fn load(cluster: &Cluster, numbers: std::ops::Range<u64>) -> std::thread::JoinHandle<()> {
    let mut client = cluster.client();
    client.set("enable.idempotence", "true").set("reconnect.backoff.max.ms", "500");
    let producer: ThreadedProducer<DefaultProducerContext> = client.create().unwrap();
    let topic = cluster.name("in");
    std::thread::spawn(move || {
        for number in numbers {
            let text = number.to_string();
            let partition = i32::try_from(number % PARTITIONS as u64).unwrap();
            let mut record = BaseRecord::<(), str>::to(&topic).payload(&text).partition(partition);
            while let Err((_, back)) = producer.send(record) {
                record = back;
                std::thread::yield_now();
            }
        }
        producer.flush(Duration::from_secs(120)).unwrap();
    })
}

/// Reads results as they come, also across faults.
struct Results {
    consumer: BaseConsumer,
    missing: BTreeSet<u64>,
    seen: u64,
}

impl Results {
    fn new(cluster: &Cluster) -> Self {
        let mut client = cluster.client();
        client.set("group.id", cluster.name("results")).set("auto.offset.reset", "earliest");
        client.set("enable.auto.commit", "false").set("reconnect.backoff.max.ms", "500");
        let consumer: BaseConsumer = client.create().unwrap();
        consumer.subscribe(&[&cluster.name("out")]).unwrap();
        Self { consumer, missing: (0..COUNT).map(|number| number * 2).collect(), seen: 0 }
    }

    /// Reads until so many of the numbers are missing at most.
    fn read_until(&mut self, missing: usize) {
        let until = Instant::now() + Duration::from_secs(120);
        while self.missing.len() > missing {
            assert!(Instant::now() < until, "{} are still missing", self.missing.len());
            if let Some(Ok(message)) = self.consumer.poll(Duration::from_millis(100)) {
                let number = std::str::from_utf8(message.payload().unwrap()).unwrap().parse().unwrap();
                self.missing.remove(&number);
                self.seen += 1;
            }
        }
    }
}

/// Tells how many results there were.
async fn flows_through(fault: &[&[&str]], settings: &str) -> Option<u64> {
    let cluster = started_here().await?;
    cluster.topic("in", PARTITIONS).await;
    let running = application(&cluster, 2, settings).await;
    let mut results = Results::new(&cluster);
    let third = COUNT / 3;
    for part in 0..3 {
        let loading = load(&cluster, part * third..(part + 1) * third);
        let before = results.missing.len();
        // In the middle of the load.
        results = tokio::task::spawn_blocking(move || {
            results.read_until(before - 100);
            results
        })
        .await
        .unwrap();
        if part < 2 {
            for words in fault {
                brokers(words).await.unwrap();
            }
        }
        let back = Instant::now();
        results = tokio::task::spawn_blocking(move || {
            loading.join().unwrap();
            results.read_until(usize::try_from(COUNT - (part + 1) * third).unwrap());
            assert!(back.elapsed() < SOON, "{:?} until everything has come", back.elapsed());
            results
        })
        .await
        .unwrap();
    }
    assert!(results.seen < COUNT * 2, "{} results for {COUNT} messages", results.seen);
    assert_eq!(running.stop().await, 0);
    let committed = cluster.committed(&cluster.name("g"), &cluster.name("in"), PARTITIONS);
    assert!(committed.iter().sum::<i64>() >= i64::try_from(COUNT).unwrap(), "{committed:?}");
    Some(results.seen)
}

/// One after the other: each takes the broker away from everybody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_the_broker_is_restarted_or_killed() {
    for settings in ["", "transaction-id-prefix: faults-"] {
        for fault in [&[["restart", "kafka"]][..], &[["kill", "kafka"], ["up", "kafka"]]] {
            let words: Vec<&[&str]> = fault.iter().map(|words| &words[..]).collect();
            let Some(seen) = flows_through(&words, settings).await else { return };
            assert!(settings.is_empty() || seen == COUNT, "{seen} results for {COUNT} messages");
        }
    }
}
