//! Outputs with the settings of recorded Spring applications: the topic they make and every record they write.
//!
//! What is different on purpose stands in `captures/producers.json` with the reason.

use std::collections::{BTreeMap, BTreeSet};

use rdkafka::admin::{AdminOptions, ConfigSource, ResourceSpecifier};
use serde::Deserialize;

use wellspring::binder::{Binder as _, Outgoing, OutputSpec, partition_of};
use wellspring::{ContentType, HeaderValue, Message};

use crate::support::*;
use crate::wire::{Recorded, Wire, recorded, wire};

const PRODUCERS: &str = include_str!("captures/kafka-producers.json");
const DIFFERENCES: &str = include_str!("captures/producers.json");

#[derive(Deserialize)]
struct Case {
    arguments: Vec<String>,
    topics: Vec<Topic>,
    records: Vec<Recorded>,
    #[serde(default)]
    errors: Vec<String>,
}

#[derive(Deserialize)]
pub(crate) struct Topic {
    pub(crate) topic: String,
    pub(crate) partitions: usize,
    pub(crate) configs_set_on_topic: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Difference {
    #[expect(dead_code, reason = "for whoever reads the file")]
    why: String,
    cases: Vec<String>,
}

impl Case {
    fn argument(&self, name: &str) -> Option<&str> {
        let mut written = self.arguments.iter().filter_map(|argument| argument.split_once('='));
        written.find(|(own, _)| own.rsplit('.').next() == Some(name)).map(|(_, value)| value)
    }

    /// The settings of the Kafka binder among the arguments.
    fn settings(&self) -> String {
        let prefix = "--spring.cloud.stream.kafka.bindings.out-0.producer.";
        let own = self.arguments.iter().filter_map(|argument| argument.strip_prefix(prefix)?.split_once('='));
        // Serializers make bytes of text, as every key here is.
        let own = own.filter(|(name, _)| !name.contains("serializer"));
        let quoted = |value: &str| value.replace('\'', "''");
        let lines: Vec<_> = own.map(|(name, value)| format!("'{name}': '{}'", quoted(value))).collect();
        format!("bindings: {{ test-out-0: {{ producer: {{ {} }} }} }}", lines.join(", "))
    }

    /// A message that the application sent, with the partition that is chosen before the binder sees it.
    fn message(&self, text: &str, n: i32) -> Outgoing {
        let mut message = Message::encoded(text.to_owned(), ContentType::JSON).with_header("pk", text);
        let mut partition = None;
        if self.argument("partition-key-expression").is_some() {
            let chosen = partition_of(&HeaderValue::from(text), self.count());
            message.headers_mut().set("scst_partition", i32::try_from(chosen).unwrap());
            partition = Some(chosen);
        }
        message.headers_mut().set("n", n);
        Outgoing { message, key: None, partition }
    }

    fn count(&self) -> u32 {
        self.argument("partition-count").map_or(1, |count| count.parse().unwrap())
    }
}

/// What a record has beside its place; records without a key go to any partition.
type Seen = (Option<i32>, Wire);

fn seen(partition: i32, wire: Wire, is_placed: bool) -> Seen {
    (is_placed.then_some(partition), wire)
}

async fn replay(cluster: &Cluster, name: &str, case: &Case) -> Result<(), String> {
    if let Some(error) = case.errors.first() {
        return Err(format!("an error in Spring: {error}"));
    }
    let topic = cluster.name(name);
    let spec = OutputSpec { partition_count: case.count(), ..output_spec(&topic) };
    let mut output =
        cluster.binder(&case.settings()).bind_output(spec).await.map_err(|error| error.to_string())?;
    let is_placed = case.argument("partition-key-expression").is_some()
        || case.argument("message-key-expression").is_some();
    let spring: BTreeSet<Seen> =
        case.records.iter().map(|record| seen(record.partition, recorded(record), is_placed)).collect();
    let messages: Vec<_> =
        ["foo", "bar", "baz", "qux"].into_iter().zip(0..).map(|(text, n)| case.message(text, n)).collect();
    if !spring.is_empty() {
        let sent = send(&mut *output, messages).await;
        if let Some(Err(error)) = sent.into_iter().find(Result::is_err) {
            return Err(error.to_string());
        }
    }
    output.close().await.unwrap();
    let ours: BTreeSet<Seen> = cluster
        .consume(&topic, spring.len())
        .into_iter()
        .map(|found| seen(found.partition, wire(found.key, found.value, found.headers), is_placed))
        .collect();
    if ours != spring {
        return Err(format!("ours   {ours:?}\n  spring {spring:?}"));
    }
    let made = &case.topics[0];
    let (partitions, configs) = (cluster.partitions(&topic), set_on(cluster, &topic).await);
    if (partitions, &configs) != (made.partitions, &made.configs_set_on_topic) {
        return Err(format!("a topic with {partitions} partitions and {configs:?}"));
    }
    Ok(())
}

/// The properties that were set on a topic.
pub(crate) async fn set_on(cluster: &Cluster, topic: &str) -> BTreeMap<String, String> {
    let resource = ResourceSpecifier::Topic(topic);
    let described = cluster.admin().describe_configs([&resource], &AdminOptions::new()).await.unwrap();
    let entries = described.into_iter().next().unwrap().unwrap().entries;
    let own = entries.into_iter().filter(|entry| entry.source == ConfigSource::DynamicTopic);
    own.map(|entry| (entry.name, entry.value.unwrap_or_default())).collect()
}

#[tokio::test]
async fn every_recorded_output_makes_the_topic_and_writes_the_records_that_spring_does() {
    let Some(cluster) = Cluster::find() else { return };
    let cases: BTreeMap<String, Case> = serde_json::from_str(PRODUCERS).unwrap();
    let differences: Vec<Difference> = serde_json::from_str(DIFFERENCES).unwrap();
    let mut wrong = Vec::new();
    for (name, case) in &cases {
        let is_different = differences.iter().any(|difference| difference.cases.contains(name));
        match (replay(&cluster, name, case).await, is_different) {
            (Ok(()), true) => wrong.push(format!("{name} does not differ")),
            (Err(how), false) => wrong.push(format!("{name}: {how}")),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_header_chooses_the_topic_where_the_output_lets_it() {
    let Some(cluster) = Cluster::find() else { return };
    let (usual, other) = (cluster.topic("usual", 1).await, cluster.topic("other", 1).await);
    let mut output = output(&cluster.binder("default.producer.use-topic-header: true"), &usual).await;
    let message = || Message::encoded("x", ContentType::TEXT);
    let chosen = message().with_header("kafka_topic", other.as_str());
    let nowhere = message().with_header("kafka_topic", cluster.name("nowhere").as_str());
    let sent = send(&mut *output, vec![plain(message()), plain(chosen), plain(nowhere)]).await;
    assert!(sent[0].is_ok() && sent[1].is_ok(), "{sent:?}");
    let refused = sent[2].as_ref().unwrap_err().to_string();
    assert!(refused.contains(&cluster.name("nowhere")), "{refused}");
    for topic in [&usual, &other] {
        let found = cluster.consume_all(topic);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].header("kafka_topic"), None, "it stays inside");
    }
    output.close().await.unwrap();
}

#[tokio::test]
async fn every_compression_is_read_again() {
    let Some(cluster) = Cluster::find() else { return };
    for compression in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let binder = cluster.binder(&format!("default.producer.compression-type: {compression}"));
        let topic = cluster.name(compression);
        let mut output = output(&binder, &topic).await;
        let payload = "spring water ".repeat(1000);
        let sent =
            send(&mut *output, vec![plain(Message::encoded(payload.clone(), ContentType::TEXT))]).await;
        assert!(sent[0].is_ok(), "{compression}: {sent:?}");
        let mut input = input(&binder, &topic, "g").await;
        assert_eq!(text(&receive(&mut *input, 1).await[0]), payload, "{compression}");
        input.close().await.unwrap();
        output.close().await.unwrap();
    }
}

#[tokio::test]
async fn topics_that_exist_get_new_properties_only_where_they_may() {
    let Some(cluster) = Cluster::find() else { return };
    let topic = cluster.name("altered");
    let properties = |text: &str| format!("default.producer.topic.properties: {{ {text} }}");
    for (settings, expected) in [
        (properties("retention.ms: 1000, cleanup.policy: compact"), "1000"),
        (properties("retention.ms: 2000"), "1000"),
        (format!("auto-alter-topics: true\n{}", properties("retention.ms: 2000")), "2000"),
    ] {
        output(&cluster.binder(&settings), &topic).await.close().await.unwrap();
        let set = set_on(&cluster, &topic).await;
        assert_eq!(set["retention.ms"], expected, "{settings}");
        assert_eq!(set["cleanup.policy"], "compact", "what is not said stays");
    }
}

#[tokio::test]
async fn partitions_are_placed_on_the_brokers_that_are_named() {
    let Some(cluster) = Cluster::find() else { return };
    let topic = cluster.name("placed");
    let settings = "default.producer.topic.replicas-assignments: { 0: [1], 1: [1], 2: [1] }";
    output(&cluster.binder(settings), &topic).await.close().await.unwrap();
    assert_eq!(cluster.partitions(&topic), 3);
}
