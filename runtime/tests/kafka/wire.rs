//! What unmodified Spring applications put on the wire, case by case, and what we put there.
//!
//! Keys, values and headers are compared byte for byte, headers as sets: their order is a hash map's in Spring. What we
//! answer differently on purpose stands in `captures/differences.json` with the reason, and fails when it does not
//! differ.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;
use wellspring::binder::{Outgoing, partition_of};
use wellspring::{ContentType, EncodedMessage, HeaderValue, Headers, Message};

use crate::support::*;

const SENDS: &str = include_str!("captures/kafka-sends.json");
const PARTITIONS: &str = include_str!("captures/kafka-partitions.json");
const TOPOLOGY: &str = include_str!("captures/kafka-consumer-topology.json");
const DIFFERENCES: &str = include_str!("captures/differences.json");

/// The fields of the recorded objects, in Java's order.
const FIELDS: [&str; 4] = ["accountNumber", "name", "email", "mobileNumber"];

#[derive(Deserialize)]
struct Case {
    spec: Spec,
    #[serde(default)]
    records: Vec<Recorded>,
    error: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    payload: Typed,
    content_type: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, Typed>,
}

#[derive(Deserialize)]
struct Typed {
    r#type: String,
    value: Value,
}

#[derive(Deserialize)]
pub(crate) struct Recorded {
    pub(crate) partition: i32,
    key: Option<Hex>,
    value: Option<Hex>,
    headers: Vec<RecordedHeader>,
}

#[derive(Deserialize)]
struct Hex {
    hex: String,
}

#[derive(Deserialize)]
struct RecordedHeader {
    name: String,
    hex: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Difference {
    #[expect(dead_code, reason = "for whoever reads the file")]
    why: String,
    cases: Vec<String>,
    /// The headers that differ; none means the whole case.
    #[serde(default)]
    headers: Vec<String>,
    /// Whether only the listed types differ.
    #[serde(default)]
    types_only: bool,
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// The value as our header would have it; the types of Java that we lack as text.
fn header(typed: &Typed) -> HeaderValue {
    let number = || typed.value.as_i64().unwrap();
    match typed.r#type.as_str() {
        "int" => i32::try_from(number()).unwrap().into(),
        "long" => number().into(),
        "short" => i16::try_from(number()).unwrap().into(),
        "byte" => i8::try_from(number()).unwrap().into(),
        "bool" => typed.value.as_bool().unwrap().into(),
        "double" => typed.value.as_f64().unwrap().into(),
        "float" => HeaderValue::Float(typed.value.to_string().parse().unwrap()),
        "bytes" => bytes(typed.value.as_str().unwrap()).into(),
        "date" => HeaderValue::Timestamp(number()),
        "pojo" => {
            let fields = FIELDS.map(|name| (name.into(), structured(&typed.value[name])));
            HeaderValue::Map(fields.into())
        }
        "map" | "list" => structured(&typed.value),
        _ => match &typed.value {
            Value::String(text) => text.as_str().into(),
            other => other.to_string().into(),
        },
    }
}

fn structured(value: &Value) -> HeaderValue {
    match value {
        Value::Null => HeaderValue::Null,
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => i32::try_from(number.as_i64().unwrap()).unwrap().into(),
        Value::String(text) => text.as_str().into(),
        Value::Array(values) => HeaderValue::List(values.iter().map(structured).collect()),
        Value::Object(entries) => HeaderValue::Map(
            entries.iter().map(|(name, value)| (name.as_str().into(), structured(value))).collect(),
        ),
    }
}

/// The case as a message that a function's output would be; encoding itself is tested where it lives.
fn message(spec: &Spec) -> EncodedMessage {
    let value = &spec.payload.value;
    let payload = match spec.payload.r#type.as_str() {
        "kafka-null" => None,
        "bytes" => Some(bytes(value.as_str().unwrap())),
        "string" | "decimal" => Some(value.as_str().unwrap().as_bytes().to_vec()),
        "date" => Some(b"\"2023-11-14T22:13:20.123Z\"".to_vec()),
        "pojo" => {
            let fields = FIELDS.map(|name| format!("\"{name}\":{}", value[name])).join(",");
            Some(format!("{{{fields}}}").into_bytes())
        }
        _ => Some(value.to_string().into_bytes()),
    };
    let mut headers = Headers::new();
    for (name, typed) in &spec.headers {
        if !name.eq_ignore_ascii_case("contentType") && !name.eq_ignore_ascii_case("content-type") {
            headers.append(name.as_str(), header(typed));
        }
    }
    let content_type = spec.content_type.as_deref().unwrap_or("application/json");
    headers.set_content_type(ContentType::parse(content_type).unwrap());
    Message::from_parts(payload.map(Into::into), headers)
}

pub(crate) type Wire =
    (Option<Vec<u8>>, Option<Vec<u8>>, BTreeMap<String, Option<Vec<u8>>>, BTreeMap<String, String>);

/// Key, value, headers by name, and the types that are listed.
pub(crate) fn wire(
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: impl IntoIterator<Item = (String, Option<Vec<u8>>)>,
) -> Wire {
    let mut headers: BTreeMap<_, _> = headers.into_iter().collect();
    let types = headers.remove("spring_json_header_types").flatten();
    let types = types.map_or_else(BTreeMap::new, |types| serde_json::from_slice(&types).unwrap());
    (key, value, headers, types)
}

pub(crate) fn recorded(record: &Recorded) -> Wire {
    let value = |hex: &Option<Hex>| hex.as_ref().map(|hex| bytes(&hex.hex));
    let headers = record.headers.iter().map(|header| (header.name.clone(), header.hex.as_deref().map(bytes)));
    wire(value(&record.key), value(&record.value), headers)
}

#[tokio::test]
async fn every_recorded_case_is_on_the_wire_as_spring_puts_it() {
    let Some(cluster) = Cluster::find() else { return };
    let cases: BTreeMap<String, Case> = serde_json::from_str(SENDS).unwrap();
    let differences: Vec<Difference> = serde_json::from_str(DIFFERENCES).unwrap();
    let topic = cluster.topic("sends", 4).await;
    let mut output = output(&cluster.binder(""), &topic).await;
    let mut wrong = Vec::new();
    for (name, case) in &cases {
        let before = cluster.consume_all(&topic);
        let sent = send(&mut *output, vec![plain(message(&case.spec))]).await.remove(0);
        let difference = differences.iter().find(|difference| difference.cases.contains(name));
        let is_whole = difference.is_some_and(|difference| difference.headers.is_empty());
        if case.error.is_some() {
            if sent.is_ok() != is_whole {
                wrong.push(format!("{name}: an error in Spring, {sent:?} here"));
            }
            continue;
        }
        sent.unwrap();
        let found = cluster.consume_all(&topic);
        let found = found.into_iter().rfind(|found| !before.contains(found)).unwrap();
        let mut ours = wire(found.key, found.value, found.headers);
        let mut spring = recorded(&case.records[0]);
        for header in difference.map_or(&[][..], |difference| &difference.headers) {
            let is_different =
                ours.2.get(header) != spring.2.get(header) || ours.3.get(header) != spring.3.get(header);
            if !is_different {
                wrong.push(format!("{name}: `{header}` does not differ"));
            }
            for side in [&mut ours, &mut spring] {
                side.3.remove(header);
                if !difference.is_some_and(|difference| difference.types_only) {
                    side.2.remove(header);
                }
            }
        }
        if ours != spring {
            wrong.push(format!("{name}:\n  ours   {ours:?}\n  spring {spring:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    output.close().await.unwrap();
}

#[derive(Deserialize)]
struct Partitions {
    #[serde(rename = "partition-count")]
    count: u32,
    chosen: Vec<Chosen>,
    #[serde(rename = "by kafka_messageKey only (murmur2 of the key bytes)")]
    by_key: Vec<Chosen>,
}

#[derive(Deserialize)]
struct Chosen {
    r#type: Option<String>,
    key: Value,
    partition: u32,
}

#[test]
fn a_partition_key_chooses_the_partition_that_spring_chooses() {
    let recorded: Partitions = serde_json::from_str(PARTITIONS).unwrap();
    assert!(recorded.chosen.len() > 100);
    for Chosen { r#type, key, partition } in recorded.chosen {
        let typed = Typed { r#type: r#type.unwrap(), value: key };
        assert_eq!(
            partition_of(&header(&typed), recorded.count),
            partition,
            "{} {}",
            typed.r#type,
            typed.value
        );
    }
}

#[tokio::test]
async fn a_record_key_chooses_the_partition_that_a_java_producer_chooses() {
    let Some(cluster) = Cluster::find() else { return };
    let recorded: Partitions = serde_json::from_str(PARTITIONS).unwrap();
    let topic = cluster.topic("keys", recorded.count.try_into().unwrap()).await;
    let mut output = output(&cluster.binder(""), &topic).await;
    let expected: BTreeSet<(String, u32)> = recorded
        .by_key
        .iter()
        .map(|chosen| (chosen.key.as_str().unwrap().to_owned(), chosen.partition))
        .collect();
    let messages: Vec<Outgoing> =
        expected.iter().map(|(key, _)| keyed(Message::encoded("x", ContentType::TEXT), key)).collect();
    assert!(send(&mut *output, messages).await.iter().all(Result::is_ok));
    let found: BTreeSet<(String, u32)> = cluster
        .consume(&topic, expected.len())
        .into_iter()
        .map(|found| (String::from_utf8(found.key.unwrap()).unwrap(), found.partition.try_into().unwrap()))
        .collect();
    assert_eq!(found, expected);
    output.close().await.unwrap();
}

#[tokio::test]
async fn a_recorded_record_is_read_with_the_types_that_a_spring_handler_sees() {
    let Some(cluster) = Cluster::find() else { return };
    let cases: BTreeMap<String, Case> = serde_json::from_str(SENDS).unwrap();
    let topology: Value = serde_json::from_str(TOPOLOGY).unwrap();
    let topic = cluster.topic("received", 1).await;
    let record = &cases["headers-scalars"].records[0];
    let owned: Vec<(String, Option<Vec<u8>>)> =
        record.headers.iter().map(|header| (header.name.clone(), header.hex.as_deref().map(bytes))).collect();
    let headers = owned.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
    cluster.produce(&topic, [Record { key: Some(b"k0"), headers, ..Record::of(b"p") }]);
    let mut input = input(&cluster.binder(""), &topic, "g").await;
    let delivery = receive(&mut *input, 1).await.remove(0);
    let headers = delivery.message.headers();
    let typed = [
        "h-string",
        "h-int",
        "h-long",
        "h-long-big",
        "h-short",
        "h-byte",
        "h-bool",
        "h-double",
        "h-float",
        "h-bytes",
        "h-date",
    ];
    for name in typed {
        let expected = header(&cases["headers-scalars"].spec.headers[name]);
        assert_eq!(headers.get(name), Some(&expected), "{name}");
    }
    assert_eq!(headers.text("h-uuid"), Some("00000000-0000-0001-0000-000000000002"));
    assert_eq!(headers.content_type(), Some(&ContentType::JSON));
    // Every fact of the record that a Spring handler saw, but for objects of the Java client.
    let seen = topology["group"]["seen"]["first"]["headers"].as_object().unwrap();
    for name in seen.keys().filter(|name| name.starts_with("kafka_") && *name != "kafka_consumer") {
        assert!(headers.contains(name), "{name}");
    }
    input.close().await.unwrap();
}

#[tokio::test]
async fn topics_and_groups_are_those_that_spring_makes() {
    let Some(cluster) = Cluster::find() else { return };
    let topology: Value = serde_json::from_str(TOPOLOGY).unwrap();
    let rows = [
        ("group", 1, 1, false, ""),
        ("concurrency", 3, 1, false, ""),
        ("instances", 1, 4, true, ""),
        (
            "static-assignment",
            1,
            2,
            false,
            "min-partition-count: 5\ndefault: { consumer: { auto-rebalance-enabled: false } }",
        ),
    ];
    for (case, concurrency, instance_count, partitioned, settings) in rows {
        let expected = topology[case]["topics"][0]["partitions"].as_u64().unwrap();
        let topic = cluster.name(case);
        let sharing =
            wellspring::binder::Sharing { partitioned, concurrency, instance_count, ..Default::default() };
        let spec = wellspring::binder::InputSpec { sharing, ..input_spec(&[&topic], Some("g")) };
        let binder = cluster.binder(settings);
        wellspring::binder::Binder::bind_input(&binder, spec).await.unwrap().close().await.unwrap();
        assert_eq!(cluster.partitions(&topic) as u64, expected, "{case}");
    }
}
