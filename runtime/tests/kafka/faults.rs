//! The broker is killed or restarted while messages flow through an application: nothing is lost, and it goes on soon.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Mutex;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rdkafka::Message as _;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer};
use wellspring::config::Sources;
use wellspring::{Running, Runtime};

use super::brokers::{brokers, ours};
use super::log::Log;
use super::support::Cluster;
use super::web::get;

const COUNT: u64 = 300_000;
const PARTITIONS: i32 = 4;
/// How soon everything has come once the broker answers again.
const SOON: Duration = Duration::from_secs(20);
/// Longer than anything takes that is going to happen.
const PATIENCE: Duration = Duration::from_secs(120);

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

/// Why messages were not written.
#[derive(Default)]
struct Refusals(Mutex<Vec<KafkaError>>);

impl ClientContext for Refusals {}

impl ProducerContext for Refusals {
    type DeliveryOpaque = ();

    fn delivery(&self, report: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = report {
            self.0.lock().unwrap().push(error.clone());
        }
    }
}

/// Writes numbers as fast as they are taken. The client library tries for minutes; what it gives up is a failure of the
/// test and none of the application.
fn load(cluster: &Cluster, numbers: Range<u64>) -> JoinHandle<()> {
    let mut client = cluster.client();
    client.set("enable.idempotence", "true").set("reconnect.backoff.max.ms", "500");
    let producer: ThreadedProducer<Refusals> = client.create_with_context(Refusals::default()).unwrap();
    let topic = cluster.name("in");
    thread::spawn(move || {
        for number in numbers {
            let text = number.to_string();
            let partition = i32::try_from(number % PARTITIONS as u64).unwrap();
            let mut record = BaseRecord::<(), str>::to(&topic).payload(&text).partition(partition);
            while let Err((error, back)) = producer.send(record) {
                let is_full = error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull);
                assert!(is_full, "cannot write {number}: {error}, {:?}", producer.client().fatal_error());
                record = back;
                thread::yield_now();
            }
        }
        producer.flush(PATIENCE).unwrap();
        let refusals = producer.context().0.lock().unwrap();
        let fatal = producer.client().fatal_error();
        assert!(refusals.is_empty(), "{} were not written: {}, {fatal:?}", refusals.len(), refusals[0]);
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
    fn read_until(&mut self, missing: u64) -> Result<(), String> {
        let until = Instant::now() + PATIENCE;
        while self.missing.len() as u64 > missing {
            if Instant::now() >= until {
                let (count, first) = (self.missing.len(), self.missing.first());
                return Err(format!("{count} are still missing, expected {missing}; the first is {first:?}"));
            }
            if let Some(Ok(message)) = self.consumer.poll(Duration::from_millis(100)) {
                let number = std::str::from_utf8(message.payload().unwrap()).unwrap().parse().unwrap();
                self.missing.remove(&number);
                self.seen += 1;
            }
        }
        Ok(())
    }
}

/// Messages that flow through an application. Whoever reads them blocks the thread of the test, which is no other's.
struct Flow {
    cluster: Cluster,
    running: Running,
    results: Results,
}

impl Flow {
    /// Has a fault in the middle of a third of all messages.
    async fn part(&mut self, part: u64, fault: &Fault) -> Result<(), String> {
        let third = COUNT / 3;
        let loading = load(&self.cluster, part * third..(part + 1) * third);
        self.results.read_until(COUNT - part * third - 100)?;
        for words in fault {
            brokers(words).await.ok_or("the broker is not back")?;
        }
        let back = Instant::now();
        loading.join().map_err(|_| "not everything was written")?;
        self.results.read_until(COUNT - (part + 1) * third)?;
        let took = back.elapsed();
        if took < SOON { Ok(()) } else { Err(format!("{took:?} until everything has come")) }
    }

    /// Shows what tells why something is not as it should be.
    async fn show(&self) {
        let asking: BaseConsumer = self.cluster.client().create().unwrap();
        for topic in ["in", "out"].map(|topic| self.cluster.name(topic)) {
            let partitions = 0..i32::try_from(self.cluster.partitions(&topic)).unwrap();
            let ends: Vec<_> = partitions.map(|n| asking.fetch_watermarks(&topic, n, PATIENCE)).collect();
            eprintln!("`{topic}` begins and ends at {ends:?}");
        }
        eprintln!("the group has committed {:?}", committed(&self.cluster));
        let (_, health) = get(self.running.management_address().unwrap(), "/health").await;
        eprintln!("the application says {health:#}");
    }
}

/// What the group has committed for each partition.
fn committed(cluster: &Cluster) -> Vec<i64> {
    cluster.committed(&cluster.name("g"), &cluster.name("in"), PARTITIONS)
}

/// Tells how many results there were.
async fn flows_through(fault: &Fault, settings: &str, log: &Log) -> Option<u64> {
    ours("kafka", "WELLSPRING_TEST_KAFKA").await?;
    let cluster = Cluster::find()?;
    cluster.topic("in", PARTITIONS).await;
    let running = application(&cluster, settings).await;
    let results = Results::new(&cluster);
    let mut flow = Flow { cluster, running, results };
    for part in 0..3 {
        if let Err(failure) = flow.part(part, if part < 2 { fault } else { &[] }).await {
            eprintln!("{}", log.text());
            flow.show().await;
            panic!("{failure}: in part {part} with {fault:?} and `{settings}`");
        }
    }
    let seen = flow.results.seen;
    assert!(seen < COUNT * 2, "{seen} results for {COUNT} messages");
    assert_eq!(flow.running.stop().await, 0);
    let committed = committed(&flow.cluster);
    assert!(committed.iter().sum::<i64>() >= i64::try_from(COUNT).unwrap(), "{committed:?}");
    Some(seen)
}

/// One after the other: each takes the broker away from everybody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_the_broker_is_restarted_or_killed() {
    let log = Log::default();
    tracing::subscriber::set_global_default(log.subscriber()).unwrap();
    for settings in ["", "transaction-id-prefix: faults-"] {
        for fault in [&[["restart", "kafka"].as_slice()] as &Fault, &[&["kill", "kafka"], &["up", "kafka"]]] {
            let Some(seen) = flows_through(fault, settings, &log).await else { return };
            assert!(settings.is_empty() || seen == COUNT, "{seen} results for {COUNT} messages");
        }
    }
}
