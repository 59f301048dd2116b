//! Whole applications on the broker.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use wellspring::config::Sources;
use wellspring::{CatalogBuilder, Running, Runtime};

use crate::support::*;
use crate::wire::{Recorded, Wire, recorded, wire};

const STORY: &str = include_str!("captures/kafka-accounts-message.json");

pub(crate) async fn start(
    cluster: &Cluster,
    yaml: &str,
    functions: impl FnOnce(CatalogBuilder) -> CatalogBuilder + Send + 'static,
) -> Running {
    let brokers = format!("--spring.cloud.stream.kafka.binder.brokers={}", cluster.address);
    let sources = Sources::new().args([
        "--http.enabled=false",
        "--management.enabled=false",
        "--stream.default-binder=kafka",
        &brokers,
    ]);
    let sources = sources.built_in("application.yaml", yaml);
    let runtime = Runtime::builder().functions(functions).sources(sources).build();
    runtime.unwrap_or_else(|problems| panic!("{problems}")).start().await.unwrap()
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Account {
    account_number: u64,
    name: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_story_runs_on_kafka_with_one_line_of_configuration() {
    let Some(cluster) = Cluster::find() else { return };
    let (asked, sent) = (cluster.name("send-communication"), cluster.name("communication-sent"));
    let yaml = format!(
        "function.definition: email|sms\nstream.bindings:\n  emailsms-in-0: {{ destination: {asked}, group: message }}\n  emailsms-out-0: {{ destination: {sent} }}\n"
    );
    let running = start(&cluster, &yaml, |catalog| {
        let email = |account: Account| account;
        let sms = |account: Account| account.account_number;
        catalog.function("email", email).function("sms", sms)
    })
    .await;
    // As an unmodified Spring application writes it.
    let record = Record {
        headers: vec![
            ("contentType", Some(b"application/json")),
            ("spring_json_header_types", Some(br#"{"contentType":"java.lang.String"}"#)),
        ],
        ..Record::of(br#"{"accountNumber":1065736582,"name":"Madan"}"#)
    };
    cluster.produce(&asked, [record]);
    let found = cluster.consume(&sent, 1).remove(0);
    assert_eq!(found.value.as_deref(), Some(&b"1065736582"[..]));
    assert_eq!(found.header("contentType"), Some("application/json"));
    assert_eq!(found.headers.len(), 2, "no fact of the record it came from: {:?}", found.headers);
    assert_eq!(running.stop().await, 0);
    assert_eq!(cluster.committed("message", &asked, 1), [1]);
}

#[derive(serde::Deserialize)]
struct Story {
    records: BTreeMap<String, Vec<Recorded>>,
}

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    account_number: u64,
    name: String,
    email: String,
    mobile_number: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_services_of_the_story_write_what_springs_write() {
    let Some(cluster) = Cluster::find() else { return };
    let story: Story = serde_json::from_str(STORY).unwrap();
    let (asked, sent) = (cluster.name("send-communication"), cluster.name("communication-sent"));
    let group = cluster.name("message");
    let yaml = format!(
        "function.definition: accounts;email|sms\nstream.bindings:\n  accounts-out-0: {{ destination: {asked} }}\n  \
         emailsms-in-0: {{ destination: {asked}, group: {group} }}\n  emailsms-out-0: {{ destination: {sent} }}\n"
    );
    let numbers = AtomicU64::new(1000);
    let running = start(&cluster, &yaml, move |catalog| {
        let accounts = move || {
            let account_number = numbers.fetch_add(1, Ordering::Relaxed);
            let text = |text: &str| text.to_owned();
            let (name, email, mobile_number) = (text("n"), text("e"), text("1"));
            (account_number < 1003).then_some(Message { account_number, name, email, mobile_number })
        };
        let email = |message: Message| message;
        let sms = |message: Message| message.account_number;
        catalog.supplier("accounts", accounts).function("email", email).function("sms", sms)
    })
    .await;
    for (topic, recorded_topic) in [(&asked, "send-communication"), (&sent, "communication-sent")] {
        let spring: Vec<Wire> = story.records[recorded_topic].iter().map(recorded).collect();
        let found = cluster.consume(topic, spring.len()).into_iter();
        let ours: Vec<Wire> = found.map(|found| wire(found.key, found.value, found.headers)).collect();
        assert_eq!(ours, spring, "{recorded_topic}");
    }
    assert_eq!(running.stop().await, 0);
    assert_eq!(cluster.committed(&group, &asked, 1), [3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_messages_go_through_a_function_each_once() {
    const COUNT: usize = 100_000;
    let Some(cluster) = Cluster::find() else { return };
    let (from, to) = (cluster.topic("many", 4).await, cluster.name("many-done"));
    let texts: Vec<String> = (0..COUNT).map(|n| n.to_string()).collect();
    let records = texts.iter().zip((0..4).cycle());
    cluster.produce(
        &from,
        records.map(|(text, partition)| Record { partition: Some(partition), ..Record::of(text.as_bytes()) }),
    );
    let group = cluster.name("g");
    let yaml = format!(
        "function.definition: twice\nstream.bindings:\n  twice-in-0: {{ destination: {from}, group: {group} }}\n  twice-out-0: {{ destination: {to} }}\n"
    );
    let running = start(&cluster, &yaml, |catalog| catalog.function("twice", |n: u64| n * 2)).await;
    let oracle = tokio::task::spawn_blocking(move || {
        let found = cluster.consume(&to, COUNT);
        (cluster, found)
    });
    let (cluster, found) = oracle.await.unwrap();
    let mut numbers: Vec<u64> = found
        .iter()
        .map(|record| std::str::from_utf8(record.value.as_ref().unwrap()).unwrap().parse().unwrap())
        .collect();
    numbers.sort_unstable();
    assert!(numbers.iter().zip(0..).all(|(number, n)| *number == n * 2), "each exactly once");
    assert_eq!(running.stop().await, 0);
    assert_eq!(cluster.committed(&group, &from, 4).iter().sum::<i64>(), COUNT as i64);
}

#[test]
fn settings_are_checked_before_anything_connects() {
    let text = "function.definition: f\nstream: { default-binder: kafka, kafka: { configuration: { fetch.mim.bytes: 1 }, brokerz: x } }";
    let sources = Sources::new().args(["--http.enabled=false"]).built_in("application.yaml", text);
    let built =
        Runtime::builder().functions(|catalog| catalog.function("f", |n: u64| n)).sources(sources).build();
    let Err(problems) = built else { panic!("built") };
    assert!(problems.to_string().contains("did you mean `brokers`?"), "{problems}");
}
