//! A broker, topics that are deleted afterwards, and the bare client library as the other side.

use std::collections::hash_map::RandomState;
use std::future::poll_fn;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use bytes::Bytes;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, Headers as _, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};
use wellspring::binder::kafka::Kafka;
use wellspring::binder::{
    Binder, Confirmation, Delivery, Error, Input, InputSpec, Outgoing, Output, OutputSpec, Sharing,
};
use wellspring::config::Section;

/// Longer than anything takes that is going to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The broker's address; without one the test is skipped.
pub(crate) fn broker() -> Option<String> {
    crate::skip::address("kafka", "WELLSPRING_TEST_KAFKA")
}

/// A cluster as a test sees it: names of its own, deleted at the end.
pub(crate) struct Cluster {
    pub(crate) address: String,
    prefix: String,
}

impl Cluster {
    pub(crate) fn find() -> Option<Self> {
        let number = RandomState::new().build_hasher().finish();
        Some(Self { address: broker()?, prefix: format!("ws-{number:016x}") })
    }

    /// A name that nobody else uses.
    pub(crate) fn name(&self, name: &str) -> String {
        format!("{}.{name}", self.prefix)
    }

    pub(crate) fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", &self.address);
        client
    }

    pub(crate) fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.client().create().unwrap()
    }

    /// A binder with some settings on top of the address.
    pub(crate) fn binder(&self, settings: &str) -> Kafka {
        Self::binder_at(&self.address, settings)
    }

    /// A binder that finds its cluster at some address.
    pub(crate) fn binder_at(address: &str, settings: &str) -> Kafka {
        let text = format!("brokers: '{address}'\n{settings}");
        Kafka::new(Section::from_yaml("stream.kafka", &text).unwrap().deserialize().unwrap())
    }

    /// Makes a topic without the binder.
    pub(crate) async fn topic(&self, name: &str, partitions: i32) -> String {
        let topic = self.name(name);
        let new = NewTopic::new(&topic, partitions, TopicReplication::Fixed(1));
        let made = self.admin().create_topics([&new], &AdminOptions::new()).await.unwrap();
        assert!(made[0].is_ok(), "{made:?}");
        topic
    }

    /// Deletes a topic whose name is not one of [`name`](Self::name).
    pub(crate) async fn delete(&self, topic: &str) {
        let _ = self.admin().delete_topics(&[topic], &AdminOptions::new()).await;
    }

    /// Writes records without the binder and waits for them.
    pub(crate) fn produce<'a>(&self, topic: &str, records: impl IntoIterator<Item = Record<'a>>) {
        let producer: ThreadedProducer<DefaultProducerContext> =
            self.client().set("acks", "all").create().unwrap();
        for record in records {
            let mut base = BaseRecord::<[u8], [u8]>::to(topic);
            base.key = record.key;
            base.payload = record.value;
            base.partition = record.partition;
            let headers = record.headers.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
                headers.insert(Header { key, value: *value })
            });
            base.headers = Some(headers);
            producer.send(base).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(PATIENCE).unwrap();
    }

    /// Reads records without the binder, from the beginning of every partition, in the order of each.
    pub(crate) fn consume(&self, topic: &str, count: usize) -> Vec<Found> {
        let consumer: BaseConsumer = self
            .client()
            .set("group.id", self.name("oracle"))
            .set("enable.auto.commit", "false")
            .create()
            .unwrap();
        let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).unwrap();
        let mut partitions = TopicPartitionList::new();
        for partition in metadata.topics()[0].partitions() {
            partitions.add_partition_offset(topic, partition.id(), Offset::Beginning).unwrap();
        }
        consumer.assign(&partitions).unwrap();
        let mut found = Vec::new();
        while found.len() < count {
            let message = consumer.poll(PATIENCE).expect("more records").unwrap();
            let headers = message.headers().map_or_else(Vec::new, |headers| {
                let own =
                    |header: Header<'_, &[u8]>| (header.key.to_owned(), header.value.map(<[u8]>::to_vec));
                headers.iter().map(own).collect()
            });
            found.push(Found {
                partition: message.partition(),
                at: message.offset(),
                key: message.key().map(<[u8]>::to_vec),
                value: message.payload().map(<[u8]>::to_vec),
                headers,
            });
        }
        found
    }

    /// Reads every record that is there.
    pub(crate) fn consume_all(&self, topic: &str) -> Vec<Found> {
        let consumer: BaseConsumer = self.client().create().unwrap();
        let count = (0..self.partitions(topic)).map(|partition| {
            let (low, high) =
                consumer.fetch_watermarks(topic, i32::try_from(partition).unwrap(), PATIENCE).unwrap();
            usize::try_from(high - low).unwrap()
        });
        self.consume(topic, count.sum())
    }

    /// How many partitions a topic has; 0 if there is none.
    pub(crate) fn partitions(&self, topic: &str) -> usize {
        let client: BaseConsumer = self.client().create().unwrap();
        let metadata = client.fetch_metadata(None, PATIENCE).unwrap();
        metadata
            .topics()
            .iter()
            .find(|found| found.name() == topic)
            .map_or(0, |found| found.partitions().len())
    }

    /// What a group has committed for each partition, from 0; -1 for nothing.
    pub(crate) fn committed(&self, group: &str, topic: &str, partitions: i32) -> Vec<i64> {
        let consumer: BaseConsumer = self.client().set("group.id", group).create().unwrap();
        let mut asked = TopicPartitionList::new();
        asked.add_partition_range(topic, 0, partitions - 1);
        let known = consumer.committed_offsets(asked, PATIENCE).unwrap();
        known
            .elements()
            .iter()
            .map(|element| element.offset().to_raw().filter(|n| *n >= 0).unwrap_or(-1))
            .collect()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let (admin, prefix) = (self.admin(), self.prefix.clone());
        // The library's calls wait for threads of its own.
        let deleted = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let metadata = admin.inner().fetch_metadata(None, PATIENCE).unwrap();
            let topics: Vec<_> = metadata
                .topics()
                .iter()
                .map(|topic| topic.name())
                .filter(|name| name.starts_with(&prefix))
                .collect();
            let _ = runtime.block_on(admin.delete_topics(&topics, &AdminOptions::new()));
        });
        let _ = deleted.join();
    }
}

/// A record to write.
#[derive(Default)]
pub(crate) struct Record<'a> {
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
    pub(crate) partition: Option<i32>,
    pub(crate) headers: Vec<(&'a str, Option<&'a [u8]>)>,
}

impl<'a> Record<'a> {
    pub(crate) fn of(value: &'a [u8]) -> Self {
        Self { value: Some(value), ..Self::default() }
    }
}

/// A record that was read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    pub(crate) partition: i32,
    /// Its place in the partition.
    pub(crate) at: i64,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Found {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(own, _)| own == name)?;
        value.as_deref().map(|value| std::str::from_utf8(value).unwrap())
    }
}

pub(crate) fn input_spec(topics: &[&str], group: Option<&str>) -> InputSpec {
    InputSpec {
        binding: "test-in-0".to_owned(),
        destinations: topics.iter().map(|&topic| topic.to_owned()).collect(),
        group: group.map(str::to_owned),
        max_in_flight: 1000,
        sharing: Sharing::default(),
    }
}

pub(crate) fn output_spec(topic: &str) -> OutputSpec {
    OutputSpec {
        binding: "test-out-0".to_owned(),
        destination: topic.to_owned(),
        partition_count: 1,
        required_groups: Vec::new(),
    }
}

pub(crate) async fn input(binder: &Kafka, topic: &str, group: &str) -> Box<dyn Input> {
    binder.bind_input(input_spec(&[topic], Some(group))).await.unwrap()
}

pub(crate) async fn output(binder: &Kafka, topic: &str) -> Box<dyn Output> {
    binder.bind_output(output_spec(topic)).await.unwrap()
}

/// Receives exactly so many deliveries.
pub(crate) async fn receive(input: &mut dyn Input, count: usize) -> Vec<Delivery> {
    let mut batch = Vec::new();
    let received = tokio::time::timeout(PATIENCE, async {
        while batch.len() < count {
            let room = count - batch.len();
            poll_fn(|cx| input.poll_receive(cx, &mut batch, room)).await.unwrap();
        }
    });
    assert!(received.await.is_ok(), "{} of {count} deliveries came", batch.len());
    batch
}

/// Sends messages without waiting for one another, then waits for all; in the order of sending.
pub(crate) async fn send(output: &mut dyn Output, messages: Vec<Outgoing>) -> Vec<Result<(), Error>> {
    let count = messages.len();
    let mut confirmed: Vec<Confirmation> = Vec::new();
    let sent = tokio::time::timeout(PATIENCE, async {
        for (number, message) in (0..).zip(messages) {
            poll_fn(|cx| {
                // Room comes with confirmations, which somebody has to take.
                while output.poll_confirmed(cx, &mut confirmed).is_ready() {}
                output.poll_ready(cx)
            })
            .await
            .unwrap();
            output.send(message, number);
        }
        while confirmed.len() < count {
            poll_fn(|cx| output.poll_confirmed(cx, &mut confirmed)).await.unwrap();
        }
    });
    assert!(sent.await.is_ok(), "{} of {count} messages were confirmed", confirmed.len());
    confirmed.sort_by_key(|confirmation| confirmation.number);
    confirmed.into_iter().map(|confirmation| confirmation.result).collect()
}

pub(crate) async fn flush(input: &mut dyn Input) {
    tokio::time::timeout(PATIENCE, poll_fn(|cx| input.poll_flush(cx))).await.unwrap().unwrap();
}

pub(crate) fn text(delivery: &Delivery) -> &str {
    std::str::from_utf8(delivery.message.bytes()).unwrap()
}

pub(crate) fn keyed(message: wellspring::EncodedMessage, key: &str) -> Outgoing {
    Outgoing { message, key: Some(Bytes::copy_from_slice(key.as_bytes())), partition: None }
}

pub(crate) fn plain(message: wellspring::EncodedMessage) -> Outgoing {
    Outgoing { message, key: None, partition: None }
}
