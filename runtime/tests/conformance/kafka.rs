//! The Kafka binder; from outside its cluster is seen by the bare client library.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, Headers as _, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};
use wellspring::binder::{Binder, factory};
use wellspring::config::Section;
use wellspring::conformance::{Exclusion, Found, Raw, Settings, Subject, Tap, Wire};

const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct KafkaUnderTest {
    address: String,
    /// Clients that ask what groups have committed: one each, since they take long to make.
    groups: Arc<Mutex<HashMap<String, Arc<BaseConsumer>>>>,
}

impl KafkaUnderTest {
    /// The cluster that the environment names; without one the case is skipped.
    pub(crate) fn find() -> Option<Self> {
        let address = crate::skip::address("kafka", "WELLSPRING_TEST_KAFKA")?;
        Some(Self { address, groups: Arc::default() })
    }

    fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", &self.address);
        client
    }

    fn admin(&self) -> Result<AdminClient<DefaultClientContext>, Found> {
        self.client().create().map_err(said)
    }
}

fn built(settings: &str) -> Arc<dyn Binder> {
    let section = Section::from_yaml("stream.kafka", settings).unwrap();
    let built = factory("kafka").unwrap().build("kafka", &section);
    built.unwrap_or_else(|problems| panic!("{problems}"))
}

fn said(error: impl std::fmt::Display) -> Found {
    Found::new(format!("the bare client says `{error}`"))
}

/// Does what blocks on a thread that may.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Found> + Send + 'static,
) -> Result<T, Found> {
    tokio::task::spawn_blocking(work).await.map_err(said)?
}

impl Subject for KafkaUnderTest {
    fn name(&self) -> &'static str {
        "kafka"
    }

    fn binder(&self, settings: &Settings) -> Arc<dyn Binder> {
        let brokers = settings.through.as_ref().unwrap_or(&self.address);
        let mut text = format!("brokers: '{brokers}'\n");
        let mut client = Vec::new();
        let mut default = Vec::new();
        if let Some(bytes) = settings.largest_payload {
            // Room for what Kafka adds to a payload.
            let bytes = bytes + 1000;
            client.push(format!("message.max.bytes: {}", 2 * bytes));
            default
                .push(format!("producer: {{ topic: {{ properties: {{ max.message.bytes: {bytes} }} }} }}"));
        }
        if settings.static_partitions {
            default.push("consumer: { auto-rebalance-enabled: false }".to_owned());
        }
        if settings.keeps_letters {
            default.push("consumer: { enable-dlq: true }".to_owned());
        }
        if let Some(password) = &settings.password {
            client.push(format!("sasl.username: me, sasl.password: {password}, sasl.mechanism: PLAIN"));
        }
        if settings.through.is_some() {
            client.push("reconnect.backoff.max.ms: 200".to_owned());
            text.push_str("bind-timeout: 3s\n");
        }
        text.push_str(&format!("configuration: {{ {} }}\n", client.join(", ")));
        text.push_str(&format!("default: {{ {} }}\n", default.join(", ")));
        built(&text)
    }

    fn create<'a>(&'a self, destination: &'a str, partitions: u32) -> BoxFuture<'a, Result<(), Found>> {
        async move {
            let new = NewTopic::new(destination, partitions.try_into().unwrap(), TopicReplication::Fixed(1));
            let made = self.admin()?.create_topics([&new], &AdminOptions::new()).await.map_err(said)?;
            made.into_iter().try_for_each(|made| made.map(drop).map_err(|(_, code)| said(code)))
        }
        .boxed()
    }

    fn publish<'a>(&'a self, destination: &'a str, messages: Vec<Raw>) -> BoxFuture<'a, Result<(), Found>> {
        let (mut client, topic) = (self.client(), destination.to_owned());
        blocking(move || {
            let producer: ThreadedProducer<DefaultProducerContext> =
                client.set("acks", "all").create().map_err(said)?;
            for raw in &messages {
                producer.send(record(&topic, raw)).map_err(|(error, _)| said(error))?;
            }
            producer.flush(PATIENCE).map_err(said)
        })
        .boxed()
    }

    fn tap<'a>(&'a self, destination: &'a str) -> BoxFuture<'a, Result<Box<dyn Tap>, Found>> {
        let (mut client, topic) = (self.client(), destination.to_owned());
        blocking(move || {
            client.set("group.id", format!("{topic}.tap")).set("enable.auto.commit", "false");
            let consumer: BaseConsumer = client.create().map_err(said)?;
            let mut all = TopicPartitionList::new();
            for partition in partitions(&consumer, &topic)? {
                all.add_partition_offset(&topic, partition, Offset::Beginning).map_err(said)?;
            }
            consumer.assign(&all).map_err(said)?;
            Ok(Box::new(KafkaTap(Arc::new(consumer))) as Box<dyn Tap>)
        })
        .boxed()
    }

    fn unsettled<'a>(
        &'a self,
        destination: &'a str,
        group: &'a str,
    ) -> BoxFuture<'a, Result<Option<u64>, Found>> {
        let (mut client, groups) = (self.client(), Arc::clone(&self.groups));
        let (topic, group) = (destination.to_owned(), group.to_owned());
        blocking(move || {
            let mut groups = groups.lock().unwrap();
            if !groups.contains_key(&group) {
                let consumer = client.set("group.id", &group).create().map_err(said)?;
                groups.insert(group.clone(), Arc::new(consumer));
            }
            let consumer = Arc::clone(&groups[&group]);
            drop(groups);
            let mut asked = TopicPartitionList::new();
            for partition in partitions(&consumer, &topic)? {
                asked.add_partition(&topic, partition);
            }
            let committed = consumer.committed_offsets(asked, PATIENCE).map_err(said)?;
            let mut unsettled = 0;
            for one in committed.elements() {
                let (low, high) =
                    consumer.fetch_watermarks(&topic, one.partition(), PATIENCE).map_err(said)?;
                unsettled += high - one.offset().to_raw().filter(|offset| *offset >= 0).unwrap_or(low);
            }
            Ok(u64::try_from(unsettled).ok())
        })
        .boxed()
    }

    fn clean<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<(), Found>> {
        async move {
            let (admin, prefix) = (self.admin()?, prefix.to_owned());
            let (admin, topics) = blocking(move || {
                let metadata = admin.inner().fetch_metadata(None, PATIENCE).map_err(said)?;
                let names = metadata.topics().iter().map(|topic| topic.name().to_owned());
                let topics: Vec<String> = names.filter(|name| name.starts_with(&prefix)).collect();
                Ok((admin, topics))
            })
            .await?;
            let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
            if !topics.is_empty() {
                admin.delete_topics(&topics, &AdminOptions::new()).await.map_err(said)?;
            }
            Ok(())
        }
        .boxed()
    }

    fn wire(&self) -> BoxFuture<'_, Result<Wire, Found>> {
        let (host, port) = self.address.rsplit_once(':').expect("host and port");
        let mut advertised = host.as_bytes().to_vec();
        advertised.extend(port.parse::<i32>().expect("a port").to_be_bytes());
        let port_at = host.len();
        Wire::rewriting(self.address.clone(), move |frame, wire| {
            let found: Vec<usize> = (0..frame.len().saturating_sub(advertised.len()))
                .filter(|at| frame[*at..].starts_with(&advertised))
                .collect();
            for at in found {
                let port = i32::from(wire.port()).to_be_bytes();
                frame[at + port_at..at + port_at + 4].copy_from_slice(&port);
            }
        })
        .boxed()
    }

    fn facts(&self) -> &'static [&'static str] {
        &["kafka_receivedTopic", "kafka_offset", "kafka_receivedPartitionId", "kafka_groupId"]
    }

    fn exclusions(&self) -> &'static [Exclusion] {
        &[Exclusion { id: "A10", reason: "a topic keeps what nobody reads yet" }]
    }
}

fn partitions(consumer: &BaseConsumer, topic: &str) -> Result<Vec<i32>, Found> {
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).map_err(said)?;
    Ok(metadata.topics()[0].partitions().iter().map(|partition| partition.id()).collect())
}

fn record<'a>(topic: &'a str, raw: &'a Raw) -> BaseRecord<'a, [u8], [u8]> {
    let mut record = BaseRecord::<[u8], [u8]>::to(topic);
    record.key = raw.key.as_deref();
    record.payload = raw.payload.as_deref();
    record.partition = raw.partition.map(|partition| i32::try_from(partition).unwrap());
    let own = raw.headers.iter().map(|(name, value)| (name.as_str(), &value[..]));
    let content_type = raw.content_type.iter().map(|text| ("contentType", text.as_bytes()));
    let headers = own.chain(content_type).fold(OwnedHeaders::new(), |headers, (key, value)| {
        headers.insert(Header { key, value: Some(value) })
    });
    record.headers = Some(headers);
    record
}

struct KafkaTap(Arc<BaseConsumer>);

impl Tap for KafkaTap {
    fn take(&mut self, count: usize) -> BoxFuture<'_, Result<Vec<Raw>, Found>> {
        let consumer = Arc::clone(&self.0);
        blocking(move || {
            let mut all = Vec::new();
            while all.len() < count {
                let missing = || Found::new(format!("{} of {count} records are there", all.len()));
                let message = consumer.poll(PATIENCE).ok_or_else(missing)?.map_err(said)?;
                let mut raw = Raw {
                    payload: message.payload().map(Bytes::copy_from_slice),
                    key: message.key().map(Bytes::copy_from_slice),
                    partition: u32::try_from(message.partition()).ok(),
                    ..Raw::default()
                };
                for header in message.headers().into_iter().flat_map(|headers| headers.iter()) {
                    let value = Bytes::copy_from_slice(header.value.unwrap_or_default());
                    match header.key {
                        "contentType" => raw.content_type = String::from_utf8(value.to_vec()).ok(),
                        name => raw.headers.push((name.to_owned(), value)),
                    }
                }
                all.push(raw);
            }
            Ok(all)
        })
        .boxed()
    }
}
