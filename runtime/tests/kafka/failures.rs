//! What cannot work is said in time, with the object and the reason; everything else keeps flowing.

use std::time::{Duration, Instant};

use rdkafka::admin::AdminOptions;
use wellspring::binder::kafka::Kafka;
use wellspring::binder::{Binder as _, Kind, Outgoing, Settlement};
use wellspring::config::Section;
use wellspring::{ContentType, Message};

use crate::support::*;

#[tokio::test]
async fn an_unreachable_broker_is_told_in_time_with_its_address_and_the_topic() {
    let text = "{ brokers: '127.0.0.1:1', bind-timeout: 500ms, configuration: { client.rack: geheim } }";
    let binder = Kafka::new(Section::from_yaml("stream.kafka", text).unwrap().deserialize().unwrap());
    let begun = Instant::now();
    let Err(input) = binder.bind_input(input_spec(&["orders"], Some("g"))).await else { panic!("bound") };
    let Err(output) = binder.bind_output(output_spec("orders")).await else { panic!("bound") };
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    for error in [input, output] {
        assert_eq!(error.kind(), Kind::Unreachable, "{error:?}");
        let shown = format!("{error:?}");
        assert!(shown.contains("127.0.0.1:1") && shown.contains("`orders`"), "{shown}");
        assert!(!shown.contains("geheim"), "{shown}");
    }
}

#[tokio::test]
async fn a_message_that_is_too_large_is_refused_and_the_others_arrive() {
    let Some(cluster) = Cluster::find() else { return };
    let topic = cluster.topic("large", 1).await;
    let mut output = output(&cluster.binder(""), &topic).await;
    let message = |size: usize| plain(Message::encoded(vec![b'x'; size], ContentType::BYTES));
    let results = send(&mut *output, vec![message(1), message(2 << 20), message(900_000)]).await;
    assert!(results[0].is_ok() && results[2].is_ok(), "{results:?}");
    let refused = results[1].as_ref().unwrap_err();
    assert_eq!(refused.kind(), Kind::TooLarge);
    assert!(
        refused.to_string().contains(&topic) && refused.to_string().contains("2097152 bytes"),
        "{refused}"
    );
    output.close().await.unwrap();
}

#[tokio::test]
async fn a_message_that_is_too_large_for_the_topic_alone_is_refused_too() {
    let Some(cluster) = Cluster::find() else { return };
    let topic = cluster.name("small-records");
    let settings = "default: { producer: { topic: { properties: { max.message.bytes: 1000 } } } }\nconfiguration: { message.max.bytes: 2000000 }";
    let mut output = output(&cluster.binder(settings), &topic).await;
    let message = |size: usize| plain(Message::encoded(vec![b'x'; size], ContentType::BYTES));
    let results = send(&mut *output, vec![message(5000)]).await;
    let refused = results[0].as_ref().unwrap_err();
    assert_eq!(refused.kind(), Kind::TooLarge, "{refused:?}");
    assert!(send(&mut *output, vec![message(10)]).await[0].is_ok());
    output.close().await.unwrap();
}

#[tokio::test]
async fn only_the_messages_that_are_at_fault_are_blamed_for_the_batch_they_were_in() {
    let Some(cluster) = Cluster::find() else { return };
    let topic = cluster.name("compacted");
    let settings = "default: { producer: { topic: { properties: { cleanup.policy: compact } } } }\nconfiguration: { linger.ms: 200 }";
    let mut output = output(&cluster.binder(settings), &topic).await;
    let is_bad = |number: u8| number == 3 || number == 5;
    let message = |number: u8| {
        let key = (!is_bad(number)).then(|| vec![number].into());
        Outgoing { key, ..plain(Message::encoded(vec![number], ContentType::BYTES)) }
    };
    let results = send(&mut *output, (0..8).map(message).collect()).await;
    for (number, result) in (0..).zip(&results) {
        let expected = if is_bad(number) { Kind::Refused } else { Kind::Unreachable };
        assert_eq!(result.as_ref().unwrap_err().kind(), expected, "{number}: {result:?}");
    }
    let others: Vec<_> = (0..8).filter(|number| !is_bad(*number)).collect();
    let results = send(&mut *output, others.iter().copied().map(message).collect()).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    let found = cluster.consume(&topic, others.len()).into_iter().map(|record| record.value.unwrap()[0]);
    assert_eq!(found.collect::<Vec<_>>(), others);
    output.close().await.unwrap();
}

#[tokio::test]
async fn the_one_message_that_is_at_fault_in_a_batch_is_found_and_the_others_arrive() {
    let Some(cluster) = Cluster::find() else { return };
    let topic = cluster.name("compacted-too");
    let settings = "default: { producer: { topic: { properties: { cleanup.policy: compact } } } }\nconfiguration: { linger.ms: 200 }";
    let mut output = output(&cluster.binder(settings), &topic).await;
    let message = |number: u8| {
        let key = (number != 3).then(|| vec![number].into());
        Outgoing { key, ..plain(Message::encoded(vec![number], ContentType::BYTES)) }
    };
    let kinds = async |output: &mut dyn wellspring::binder::Output| {
        let results = send(output, (0..8).map(message).collect()).await;
        results.into_iter().map(|result| result.err().map(|error| error.kind())).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&mut *output).await, [Some(Kind::Unreachable); 8], "nobody knows which it is");
    let mut expected = [None; 8];
    expected[3] = Some(Kind::Refused);
    assert_eq!(kinds(&mut *output).await, expected);
    assert_eq!(cluster.consume_all(&topic).len(), 7);
    output.close().await.unwrap();
}

#[tokio::test]
async fn a_partition_that_does_not_exist_is_refused() {
    let Some(cluster) = Cluster::find() else { return };
    let topic = cluster.topic("two-partitions", 2).await;
    let mut output = output(&cluster.binder(""), &topic).await;
    let message = |partition: i32| {
        plain(Message::encoded("x", ContentType::TEXT).with_header("kafka_partitionId", partition))
    };
    let results = send(&mut *output, vec![message(1), message(9)]).await;
    assert!(results[0].is_ok());
    assert_eq!(results[1].as_ref().unwrap_err().kind(), Kind::Unroutable, "{results:?}");
    assert_eq!(cluster.consume(&topic, 1)[0].partition, 1);
    output.close().await.unwrap();
}

#[tokio::test]
async fn an_input_of_two_topics_survives_the_end_of_one() {
    let Some(cluster) = Cluster::find() else { return };
    let (stays, goes) = (cluster.topic("stays", 1).await, cluster.topic("goes", 1).await);
    let spec = input_spec(&[&stays, &goes], Some("g"));
    let mut input = cluster.binder("").bind_input(spec).await.unwrap();
    cluster.produce(&goes, [Record::of(b"last")]);
    let delivery = receive(&mut *input, 1).await.remove(0);
    input.settle(delivery.ticket, Settlement::Ack);
    cluster.admin().delete_topics(&[&goes], &AdminOptions::new()).await.unwrap();
    cluster.produce(&stays, [Record::of(b"first")]);
    assert_eq!(text(&receive(&mut *input, 1).await[0]), "first");
    input.close().await.unwrap();
}

#[tokio::test]
async fn headers_and_payloads_that_nobody_can_read_are_delivered_as_bytes() {
    let Some(cluster) = Cluster::find() else { return };
    let topic = cluster.topic("rubbish", 1).await;
    let broken = Record {
        headers: vec![
            ("contentType", Some(b"\xff\xfe")),
            ("n", Some(b"many")),
            ("none", None),
            ("spring_json_header_types", Some(br#"{"n":"java.lang.Integer"}"#)),
        ],
        ..Record::of(b"\xff\x00")
    };
    cluster.produce(&topic, [broken, Record::of(b"next")]);
    let mut input = input(&cluster.binder(""), &topic, "g").await;
    let deliveries = receive(&mut *input, 2).await;
    let message = &deliveries[0].message;
    assert_eq!((message.bytes(), message.headers().content_type()), (&b"\xff\x00"[..], None));
    assert_eq!(message.headers().get("n"), Some(&b"many".to_vec().into()));
    assert_eq!(message.headers().get("none"), Some(&wellspring::HeaderValue::Null));
    assert_eq!(text(&deliveries[1]), "next");
    input.close().await.unwrap();
}
