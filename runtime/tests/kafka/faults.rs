//! The broker is killed or restarted while messages flow through an application: nothing is lost, and it goes on soon.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Mutex;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};
use wellspring::config::Sources;
use wellspring::{Running, Runtime};

use super::brokers::{brokers, ours};
use super::log::Log;
use super::support::Cluster;
use super::web::get;

const COUNT: usize = 300_000;
const PARTITIONS: i32 = 4;
/// How soon everything has come once the broker answers again and everything is written.
const SOON: Duration = Duration::from_secs(20);
/// Longer than anything takes that is going to happen.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long a client may do nothing.
const SILENCE: Duration = Duration::from_secs(4);

/// What is done to the broker, as words of `scripts/brokers`.
type Fault = [&'static [&'static str]];

async fn application(cluster: &Cluster, settings: &str) -> Running {
    let yaml = format!(
        "
function: {{ definition: double }}
stream:
  default-binder: kafka
  bindings:
    double-in-0: {{ destination: {}, group: {}, consumer: {{ max-attempts: 10, concurrency: 2 }} }}
    double-out-0: {{ destination: {} }}
  kafka: {{ brokers: '{}', {settings} }}
",
        cluster.name("in"),
        cluster.name("g"),
        cluster.name("out"),
        cluster.address
    );
    let sources = Sources::new().args(["--http.enabled=false", "--management.port=0"]);
    let builder = Runtime::builder().functions(|catalog| catalog.function("double", |n: u64| n * 2));
    let runtime = builder.sources(sources.built_in("application.yaml", &yaml)).build();
    runtime.unwrap_or_else(|problems| panic!("{problems}")).start().await.unwrap()
}

/// What is to be written, until the broker has it.
#[derive(Default)]
struct Unwritten(Mutex<BTreeSet<usize>>);

impl ClientContext for Unwritten {}

impl ProducerContext for Unwritten {
    type DeliveryOpaque = usize;

    fn delivery(&self, report: &DeliveryResult<'_>, number: usize) {
        if report.is_ok() {
            self.0.lock().unwrap().remove(&number);
        }
    }
}

/// Writes numbers as fast as they are taken. A bare client may fail for good, or not find back to its cluster; another
/// one writes again what it leaves.
fn load(cluster: &Cluster, numbers: Range<usize>) -> JoinHandle<()> {
    let mut client = cluster.client();
    client.set("enable.idempotence", "true").set("reconnect.backoff.max.ms", "500");
    // Room for everything.
    client.set("queue.buffering.max.messages", COUNT.to_string());
    let (topic, until) = (cluster.name("in"), Instant::now() + PATIENCE);
    thread::spawn(move || {
        let mut unwritten: BTreeSet<usize> = numbers.collect();
        while !unwritten.is_empty() {
            assert!(Instant::now() < until, "{} are not written", unwritten.len());
            let left = Unwritten(Mutex::new(unwritten.clone()));
            let producer: ThreadedProducer<Unwritten> = client.create_with_context(left).unwrap();
            for number in unwritten {
                let (text, partition) = (number.to_string(), number % PARTITIONS as usize);
                let partition = i32::try_from(partition).unwrap();
                let record = BaseRecord::<(), str, usize>::with_opaque_to(&topic, number);
                let _ = producer.send(record.payload(&text).partition(partition));
            }
            // As long as something comes of it.
            let left = || producer.context().0.lock().unwrap().len();
            let mut before = usize::MAX;
            while left() < before && producer.in_flight_count() > 0 {
                before = left();
                let _ = producer.flush(SILENCE);
            }
            unwritten = producer.context().0.lock().unwrap().clone();
        }
    })
}

/// Reads results as they come, also across faults. A bare client may not find back to its cluster; another one goes on
/// where it was.
struct Results {
    client: ClientConfig,
    topic: String,
    consumer: BaseConsumer,
    next: i64,
    missing: BTreeSet<usize>,
    seen: usize,
}

impl Results {
    fn new(cluster: &Cluster) -> Self {
        let mut client = cluster.client();
        client.set("group.id", cluster.name("results")).set("enable.auto.commit", "false");
        client.set("reconnect.backoff.max.ms", "500");
        let (topic, missing) = (cluster.name("out"), (0..COUNT).map(|number| number * 2).collect());
        let consumer = reading(&client, &topic, 0);
        Self { client, topic, consumer, next: 0, missing, seen: 0 }
    }

    /// Reads until so many of the numbers are missing at most.
    fn read_until(&mut self, missing: usize) -> Result<(), String> {
        let until = Instant::now() + PATIENCE;
        while self.missing.len() > missing {
            if Instant::now() >= until {
                let (count, first) = (self.missing.len(), self.missing.first());
                return Err(format!("{count} are still missing, expected {missing}; the first is {first:?}"));
            }
            let silent_at = Instant::now() + SILENCE;
            let came = loop {
                match self.consumer.poll(Duration::from_millis(100)) {
                    Some(Ok(message)) => break Some(message),
                    _ if Instant::now() >= silent_at => break None,
                    _ => {}
                }
            };
            if let Some(message) = came {
                let number = std::str::from_utf8(message.payload().unwrap()).unwrap().parse().unwrap();
                self.missing.remove(&number);
                self.seen += 1;
                self.next = message.offset() + 1;
            } else {
                self.consumer = reading(&self.client, &self.topic, self.next);
            }
        }
        Ok(())
    }
}

/// Reads the only partition of a topic from some offset.
fn reading(client: &ClientConfig, topic: &str, from: i64) -> BaseConsumer {
    let consumer: BaseConsumer = client.create().unwrap();
    let mut place = TopicPartitionList::new();
    place.add_partition_offset(topic, 0, Offset::Offset(from)).unwrap();
    consumer.assign(&place).unwrap();
    consumer
}

/// Messages that flow through an application. Whoever reads them blocks the thread of the test, which is no other's.
struct Flow {
    cluster: Cluster,
    running: Running,
    results: Results,
}

impl Flow {
    /// Has a fault in the middle of a third of all messages.
    async fn part(&mut self, part: usize, fault: &Fault) -> Result<(), String> {
        let third = COUNT / 3;
        let loading = load(&self.cluster, part * third..(part + 1) * third);
        self.results.read_until(COUNT - part * third - 100)?;
        for words in fault {
            brokers(words).await.ok_or("the broker is not back")?;
        }
        let addresses = brokers(&["env"]).await.unwrap_or_default();
        if !addresses.contains(&self.cluster.address) {
            return Err(format!("the broker is not back where it was: {addresses}"));
        }
        loading.join().map_err(|_| "not everything was written")?;
        let written = Instant::now();
        self.results.read_until(COUNT - (part + 1) * third)?;
        let took = written.elapsed();
        if took < SOON { Ok(()) } else { Err(format!("{took:?} until everything has come")) }
    }

    /// What tells why something is not as it should be.
    async fn state(&self) -> String {
        let (_, health) = get(self.running.management_address().unwrap(), "/health").await;
        let ends = written(&self.cluster).map(|written| (written, committed(&self.cluster)));
        format!("written and committed is {ends:?}, the application says {health:#}")
    }
}

/// What the group has committed for each partition.
fn committed(cluster: &Cluster) -> Vec<i64> {
    cluster.committed(&cluster.name("g"), &cluster.name("in"), PARTITIONS)
}

/// Where each partition of the messages ends.
fn written(cluster: &Cluster) -> Result<Vec<i64>, KafkaError> {
    let asking: BaseConsumer = cluster.client().create().unwrap();
    let topic = cluster.name("in");
    let ends = (0..PARTITIONS).map(|partition| asking.fetch_watermarks(&topic, partition, PATIENCE));
    ends.map(|found| found.map(|(_, end)| end)).collect()
}

/// Tells how many messages and how many results there were; nothing when there is no broker to take away.
async fn flows_through(fault: &Fault, settings: &str, log: &Log) -> Option<(i64, i64)> {
    ours("kafka", "WELLSPRING_TEST_KAFKA").await?;
    let cluster = Cluster::find()?;
    cluster.topic("in", PARTITIONS).await;
    let running = application(&cluster, settings).await;
    let results = Results::new(&cluster);
    let mut flow = Flow { cluster, running, results };
    for part in 0..3 {
        if let Err(failure) = flow.part(part, if part < 2 { fault } else { &[] }).await {
            let (log, state) = (log.text(), flow.state().await);
            panic!("{failure}: in part {part} with {fault:?} and `{settings}`; {state}\n{log}\n{failure}");
        }
    }
    let seen = flow.results.seen;
    assert!(seen < COUNT * 2, "{seen} results for {COUNT} messages");
    assert_eq!(flow.running.stop().await, 0);
    let written = written(&flow.cluster).unwrap();
    assert_eq!(committed(&flow.cluster), written);
    Some((written.iter().sum(), i64::try_from(seen).unwrap()))
}

/// One after the other: each takes the broker away from everybody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_the_broker_is_restarted_or_killed() {
    let log = Log::default();
    tracing::subscriber::set_global_default(log.subscriber()).unwrap();
    for settings in ["", "transaction-id-prefix: faults-"] {
        for fault in [&[["restart", "kafka"].as_slice()] as &Fault, &[&["kill", "kafka"], &["up", "kafka"]]] {
            let Some((messages, results)) = flows_through(fault, settings, &log).await else { return };
            assert!(settings.is_empty() || results == messages, "{results} results for {messages} messages");
        }
    }
}
