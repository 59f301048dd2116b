//! What nobody asked for: it is refused with the object and the rule, or goes its own way, and the next message flows.

use std::time::{Duration, Instant};

use rdkafka::admin::AdminOptions;
use wellspring::binder::{Binder as _, Kind};
use wellspring::{ContentType, Message};

use crate::runtime::{Account, start};
use crate::support::*;

fn of_size(size: usize) -> wellspring::EncodedMessage {
    Message::encoded(vec![b'x'; size], ContentType::BYTES)
}

#[tokio::test]
async fn a_mebibyte_goes_through_where_the_limits_are_higher() {
    let Some(cluster) = Cluster::find() else { return };
    let topic = cluster.name("mebibyte");
    let settings = "producer-properties.message.max.bytes: 3000000\n\
                    default.producer.topic.properties.max.message.bytes: 3000000";
    let binder = cluster.binder(settings);
    let mut output = output(&binder, &topic).await;
    let sent = send(&mut *output, vec![plain(of_size(1 << 20)), plain(of_size(1))]).await;
    assert!(sent.iter().all(Result::is_ok), "{sent:?}");
    let mut input = input(&binder, &topic, "g").await;
    let sizes: Vec<_> =
        receive(&mut *input, 2).await.iter().map(|found| found.message.bytes().len()).collect();
    assert_eq!(sizes, [1 << 20, 1]);
    input.close().await.unwrap();
    output.close().await.unwrap();
}

#[tokio::test]
async fn what_spring_may_send_may_be_sent_and_no_more() {
    let Some(cluster) = Cluster::find() else { return };
    let mut output = output(&cluster.binder(""), &cluster.name("limit")).await;
    let sent = send(&mut *output, [1_040_000, 1 << 20, 1].map(|size| plain(of_size(size))).into()).await;
    assert!(sent[0].is_ok() && sent[2].is_ok(), "{sent:?}");
    let refused = sent[1].as_ref().unwrap_err();
    assert_eq!(refused.kind(), Kind::TooLarge);
    for part in ["1048576 bytes", "`message.max.bytes`", "`max.message.bytes`", &cluster.name("limit")] {
        assert!(refused.to_string().contains(part), "{refused}");
    }
    output.close().await.unwrap();
}

#[tokio::test]
async fn an_output_whose_topic_vanishes_says_so_and_flows_again_when_it_is_back() {
    let Some(cluster) = Cluster::find() else { return };
    let topic = cluster.topic("vanishes", 1).await;
    let mut output = output(&cluster.binder(""), &topic).await;
    let message = || vec![plain(Message::encoded("x", ContentType::TEXT))];
    assert!(send(&mut *output, message()).await[0].is_ok());
    cluster.admin().delete_topics(&[&topic], &AdminOptions::new()).await.unwrap();
    // Until the deletion is known, a broker may still take messages, or drop them with its connection.
    let begun = Instant::now();
    let refused = loop {
        match send(&mut *output, message()).await.remove(0) {
            Err(refused) if refused.kind() != Kind::Unreachable => break refused,
            other => assert!(begun.elapsed() < PATIENCE, "nothing was refused: {other:?}"),
        }
    };
    assert_eq!(refused.kind(), Kind::Unroutable, "{refused:?}");
    assert!(refused.to_string().contains(&topic), "{refused}");
    while cluster.partitions(&topic) > 0 {}
    cluster.topic("vanishes", 1).await;
    let begun = Instant::now();
    while send(&mut *output, message()).await[0].is_err() {
        assert!(begun.elapsed() < PATIENCE, "the topic is back and nothing flows");
    }
    output.close().await.unwrap();
}

#[tokio::test]
async fn a_name_that_no_topic_may_have_is_refused_with_the_rule() {
    let Some(cluster) = Cluster::find() else { return };
    for name in ["a b", "a/b", "..", &"x".repeat(250)] {
        let begun = Instant::now();
        let Err(input) = cluster.binder("").bind_input(input_spec(&[name], Some("g"))).await else {
            panic!("bound")
        };
        let Err(output) = cluster.binder("").bind_output(output_spec(name)).await else { panic!("bound") };
        for refused in [input, output] {
            assert_eq!(refused.kind(), Kind::Refused);
            let told = refused.to_string();
            assert!(told.contains(name) && told.contains("1 to 249 letters, digits"), "{told}");
        }
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_that_cannot_be_read_are_dead_letters_with_their_offsets_and_the_others_flow() {
    let Some(cluster) = Cluster::find() else { return };
    let (from, to, letters) = (cluster.topic("from", 1).await, cluster.name("to"), cluster.name("letters"));
    let good = |number: &'static str| Record::of(number.as_bytes());
    let bad_header = Record { headers: vec![("h", Some(b"\xff\xfe")), ("empty", None)], ..good(GOOD) };
    let records =
        [Record::of(b"\xff\xfe"), good(GOOD), Record::default(), bad_header, Record::of(b"{"), good(GOOD)];
    cluster.produce(&from, records);
    let yaml = format!(
        "function.definition: f\nstream.bindings:\n  f-in-0: {{ destination: {from}, group: g, consumer: {{ max-attempts: 1 }} }}\n  f-out-0: {{ destination: {to} }}\n\
         stream.kafka.default.consumer: {{ enable-dlq: true, dlq-name: {letters} }}\n"
    );
    let running = start(&cluster, &yaml, |catalog| catalog.function("f", |account: Account| account)).await;
    assert_eq!(cluster.consume(&to, 3).len(), 3);
    let found = cluster.consume(&letters, 3);
    let offsets = found.iter().map(|letter| {
        let (_, offset) = letter.headers.iter().find(|(name, _)| name == "x-original-offset").unwrap();
        i64::from_be_bytes(offset.as_ref().unwrap().as_slice().try_into().unwrap())
    });
    assert_eq!(offsets.collect::<Vec<_>>(), [0, 2, 4]);
    assert_eq!(found[1].value, None, "a tombstone stays one");
    assert_eq!(running.stop().await, 0);
    assert_eq!(cluster.committed("g", &from, 1), [6]);
}

const GOOD: &str = r#"{"accountNumber":1,"name":"n"}"#;
