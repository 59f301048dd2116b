//! From one topic to the other, message by message: how long each is on its way under a light load.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message as _;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};

use super::cluster::headers;
use super::{Cluster, Pass, Side};
use crate::Failure;
use crate::story::PAYLOAD;

/// How many messages a second are sent.
const RATE: u64 = 1_000;
/// How many are sent before it counts.
const WARM_UP: u64 = 1_000;
/// How many count.
const COUNTED: u64 = 5_000;

/// How long messages were on their way.
#[derive(Debug, Clone, Copy)]
pub struct Latencies {
    /// Half of the messages took no longer.
    pub p50: Duration,
    /// All but one in a hundred took no longer.
    pub p99: Duration,
}

/// Sends messages at an even rate and waits for what becomes of each.
///
/// # Errors
/// When the broker or the process that passes them fails.
pub fn latencies(address: &str, side: Side, round: u32) -> Result<Latencies, Failure> {
    let cluster = Cluster::make(address, &format!("latency-{round}-{side:?}"))?;
    let (messages, group) = (u64::MAX, format!("{}.group", cluster.from));
    let mut process = Pass { side, cluster: cluster.clone(), group, messages, linger: None }.start()?;
    let measured = Driver::new(&cluster).and_then(Driver::run);
    process.kill()?;
    process.wait()?;
    cluster.delete()?;
    measured
}

struct Driver {
    to: String,
    producer: ThreadedProducer<DefaultProducerContext>,
    consumer: BaseConsumer,
    sent: HashMap<u64, Instant>,
    took: Vec<Duration>,
}

impl Driver {
    fn new(cluster: &Cluster) -> Result<Self, Failure> {
        let producer = cluster.client().set("linger.ms", "0").create()?;
        let mut client = cluster.client();
        client.set("group.id", format!("{}.driver", cluster.to)).set("auto.offset.reset", "earliest");
        let consumer: BaseConsumer = client.create()?;
        consumer.subscribe(&[&cluster.to])?;
        Ok(Self { to: cluster.from.clone(), producer, consumer, sent: HashMap::new(), took: Vec::new() })
    }

    fn run(mut self) -> Result<Latencies, Failure> {
        // Both groups are ready when the first message has come through.
        self.send(0)?;
        let begun = Instant::now();
        while self.took.is_empty() {
            self.receive(Duration::from_millis(10))?;
            if begun.elapsed() > Duration::from_secs(60) {
                return Err("the first message has not come through".into());
            }
        }
        let begun = Instant::now();
        let last = WARM_UP + COUNTED;
        for number in 1..=last {
            let due = begun + Duration::from_micros(1_000_000 / RATE) * u32::try_from(number)?;
            while let Some(left) = due.checked_duration_since(Instant::now()) {
                self.receive(left)?;
            }
            self.send(number)?;
        }
        while !self.sent.is_empty() {
            self.receive(Duration::from_millis(10))?;
            if begun.elapsed() > Duration::from_secs(60) {
                return Err(format!("{} messages have not come through", self.sent.len()).into());
            }
        }
        self.producer.flush(Duration::from_secs(5))?;
        let mut counted = self.took.split_off(self.took.len() - usize::try_from(COUNTED)?);
        counted.sort_unstable();
        let at = |percent: usize| counted[(counted.len() - 1) * percent / 100];
        Ok(Latencies { p50: at(50), p99: at(99) })
    }

    /// Sends the message of the story; its account number tells it from the others.
    fn send(&mut self, number: u64) -> Result<(), Failure> {
        let payload = std::str::from_utf8(PAYLOAD)?.replace("1065736582", &number.to_string());
        let record = BaseRecord::<[u8], [u8]>::to(&self.to).payload(payload.as_bytes()).headers(headers());
        self.sent.insert(number, Instant::now());
        self.producer.send(record).map_err(|(error, _)| error)?;
        Ok(())
    }

    fn receive(&mut self, patience: Duration) -> Result<(), Failure> {
        let Some(message) = self.consumer.poll(patience) else { return Ok(()) };
        let number = std::str::from_utf8(message?.payload().unwrap_or_default())?.parse()?;
        if let Some(sent) = self.sent.remove(&number) {
            self.took.push(sent.elapsed());
        }
        Ok(())
    }
}
