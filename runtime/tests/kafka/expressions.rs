//! Partitions and keys that the configuration chooses, as unmodified Spring applications chose them.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use wellspring::config::Sources;
use wellspring::{Running, Runtime};

use crate::support::*;

const PARTITIONS: &str = include_str!("captures/kafka-partitions.json");

/// An application that passes messages on from one topic to another.
async fn start(cluster: &Cluster, input: &str, output: &str, producer: &str, kafka: &str) -> Running {
    let yaml = format!(
        "
function.definition: pass
stream:
  default-binder: kafka
  bindings:
    pass-in-0: {{ destination: {input}, group: g }}
    pass-out-0: {{ destination: {output}, producer: {{ {producer} }} }}
  kafka:
    brokers: '{}'
    bindings: {{ pass-out-0: {{ producer: {{ {kafka} }} }} }}
",
        cluster.address
    );
    let sources = Sources::new().args(["--http.enabled=false", "--management.enabled=false"]);
    let functions = |catalog: wellspring::CatalogBuilder| catalog.function("pass", |message: Value| message);
    let runtime =
        Runtime::builder().functions(functions).sources(sources.built_in("application.yaml", &yaml));
    runtime.build().unwrap_or_else(|problems| panic!("{problems}")).start().await.unwrap()
}

/// Sends payloads, each with a header `pk` of a Java type if there is one; tells what comes out, by payload.
async fn passed(
    producer: &str,
    kafka: &str,
    partitions: i32,
    messages: &[(String, Option<(&str, String)>)],
) -> Option<BTreeMap<String, Found>> {
    let cluster = Cluster::find()?;
    let (input, output) = (cluster.topic("in", 1).await, cluster.topic("out", partitions).await);
    let running = start(&cluster, &input, &output, producer, kafka).await;
    let types: Vec<String> = messages
        .iter()
        .map(|(_, header)| {
            let class = header.as_ref().map_or("", |(class, _)| class);
            json!({ "contentType": "java.lang.String", "pk": class }).to_string()
        })
        .collect();
    let records = messages.iter().zip(&types).map(|((payload, header), types)| {
        let mut headers: Vec<(&str, Option<&[u8]>)> = vec![("contentType", Some(b"application/json"))];
        if let Some((_, value)) = header {
            headers.push(("pk", Some(value.as_bytes())));
        }
        headers.push(("spring_json_header_types", Some(types.as_bytes())));
        Record { headers, ..Record::of(payload.as_bytes()) }
    });
    cluster.produce(&input, records.collect::<Vec<_>>());
    let count = messages.len();
    let oracle = tokio::task::spawn_blocking(move || {
        let found = cluster.consume(&output, count);
        (cluster, found)
    });
    let (_cluster, found) = oracle.await.unwrap();
    assert_eq!(running.stop().await, 0);
    let payload = |found: &Found| String::from_utf8(found.value.clone().unwrap()).unwrap();
    Some(found.into_iter().map(|found| (payload(&found), found)).collect())
}

fn recorded() -> Value {
    serde_json::from_str(PARTITIONS).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_chooses_the_partition_that_spring_chose() {
    let recorded = recorded();
    let class = |chosen: &Value| {
        Some(match chosen["type"].as_str()? {
            "int" => "java.lang.Integer",
            "long" => "java.lang.Long",
            "bool" => "java.lang.Boolean",
            "string" => "java.lang.String",
            // What nobody makes a key of.
            _ => return None,
        })
    };
    let chosen = recorded["chosen"].as_array().unwrap().iter().filter(|chosen| class(chosen).is_some());
    let chosen: Vec<&Value> = chosen.collect();
    let message = |(index, chosen): (usize, &&Value)| {
        let class = class(chosen).unwrap();
        let value = chosen["key"].as_str().map_or_else(|| chosen["key"].to_string(), str::to_owned);
        (index.to_string(), Some((class, value)))
    };
    let messages: Vec<_> = chosen.iter().enumerate().map(message).collect();
    let producer = "partition-count: 4, partition-key-expression: \"headers['pk']\"";
    let Some(found) = passed(producer, "", 4, &messages).await else { return };
    for (index, chosen) in chosen.iter().enumerate() {
        let record = &found[&index.to_string()];
        assert_eq!(
            record.partition,
            i32::try_from(chosen["partition"].as_i64().unwrap()).unwrap(),
            "{chosen}"
        );
        assert_eq!(record.header("scst_partition"), Some(&*record.partition.to_string()));
    }
    // Names, bytes and types of the headers are those of Spring.
    let one = &found["0"];
    for header in recorded["one record"]["headers"].as_array().unwrap() {
        let (name, text) = (header["name"].as_str().unwrap(), header["text"].as_str().unwrap());
        let ours = one.header(name).unwrap_or_else(|| panic!("no header `{name}`"));
        if name == "spring_json_header_types" {
            let types = |text: &str| serde_json::from_str::<Value>(text).unwrap();
            assert_eq!(types(ours), types(text));
        } else {
            assert_eq!(ours, text, "{name}");
        }
    }
    assert_eq!(one.headers.len(), recorded["one record"]["headers"].as_array().unwrap().len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_of_the_payload_chooses_among_all_partitions_of_the_topic() {
    let recorded = recorded();
    let chosen = recorded["by payload.accountNumber (Long)"].as_array().unwrap();
    let payload = |chosen: &Value| json!({ "accountNumber": chosen["accountNumber"] }).to_string();
    let messages: Vec<_> = chosen.iter().map(|chosen| (payload(chosen), None)).collect();
    // The topic has four, more than the binding says.
    let producer = "partition-count: 2, partition-key-expression: payload.accountNumber";
    let Some(found) = passed(producer, "", 4, &messages).await else { return };
    for chosen in chosen {
        let partition = i32::try_from(chosen["partition"].as_i64().unwrap()).unwrap();
        assert_eq!(found[&payload(chosen)].partition, partition, "{chosen}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_key_is_computed_and_missing_where_it_is_null() {
    let pk = |value: &str| Some(("java.lang.String", value.to_owned()));
    let messages = [("1".to_owned(), pk("foo")), ("2".to_owned(), pk("bar")), ("3".to_owned(), None)];
    let kafka = "message-key-expression: \"headers['pk']\"";
    let Some(found) = passed("", kafka, 1, &messages).await else { return };
    let key = |payload: &str| found[payload].key.as_deref().map(|key| std::str::from_utf8(key).unwrap());
    assert_eq!((key("1"), key("2"), key("3")), (Some("foo"), Some("bar"), None));
    assert_eq!(found["1"].header("pk"), Some("foo"));
    let kafka = "message-key-expression: \"('k' + payload).getBytes('UTF-8')\"";
    let Some(found) = passed("", kafka, 1, &messages).await else { return };
    assert_eq!(found["2"].key.as_deref(), Some(&b"k2"[..]), "as Spring needs it, whose keys are bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_of_a_record_goes_along_with_and_without_other_headers_and_lingering() {
    let key = "message-key-expression: \"headers['kafka_receivedMessageKey']\"";
    for more in ["", ", batch-timeout: 5", ", header-patterns: [other]"] {
        let Some(cluster) = Cluster::find() else { return };
        let (input, output) = (cluster.topic("in", 1).await, cluster.topic("out", 1).await);
        let running = start(&cluster, &input, &output, "", &format!("{key}{more}")).await;
        let record = |payload, key, headers| Record { key, headers, ..Record::of(payload) };
        let other = ("other", Some(&b"1"[..]));
        let posing = ("kafka_receivedMessageKey", Some(&b"posing"[..]));
        let records = [
            record(b"1", Some(&b"k1"[..]), Vec::new()),
            record(b"2", None, Vec::new()),
            record(b"3", Some(b"k3"), vec![other]),
            record(b"4", None, vec![posing, other]),
            record(b"5", Some(b"k5"), vec![posing]),
            record(b"6", Some(b""), Vec::new()),
        ];
        cluster.produce(&input, records);
        let oracle = tokio::task::spawn_blocking(move || {
            let found = cluster.consume(&output, 6);
            (cluster, found)
        });
        let (_cluster, found) = oracle.await.unwrap();
        assert_eq!(running.stop().await, 0);
        let keys: Vec<_> = found.iter().map(|found| found.key.as_deref()).collect();
        // A header of that name counts where there is no key for it to hide.
        let expected: [Option<&[u8]>; 6] =
            [Some(b"k1"), None, Some(b"k3"), Some(b"posing"), Some(b"k5"), Some(b"")];
        assert_eq!(keys, expected, "`{more}`");
    }
}
