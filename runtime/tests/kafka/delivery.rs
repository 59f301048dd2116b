//! What is sent arrives; what is settled is committed; what is given back comes again.

use wellspring::binder::Settlement;
use wellspring::{ContentType, HeaderValue, Headers, Message};

use crate::support::*;

#[tokio::test]
async fn a_message_arrives_with_its_key_and_its_headers() {
    let Some(cluster) = Cluster::find() else { return };
    let topic = cluster.name("round-trip");
    let binder = cluster.binder("");
    let mut input = input(&binder, &topic, "g").await;
    let mut output = output(&binder, &topic).await;
    let message = Message::encoded("{}", ContentType::JSON)
        .with_header("tenant", "acme")
        .with_header("n", 5i32)
        .with_header("raw", vec![0u8, 0xff]);
    assert!(send(&mut *output, vec![keyed(message, "k1")]).await[0].is_ok());
    let delivery = receive(&mut *input, 1).await.remove(0);
    assert_eq!((text(&delivery), delivery.key.as_deref()), ("{}", Some(&b"k1"[..])));
    assert_eq!((delivery.partition, delivery.position, delivery.attempt), (0, 0, 1));
    let headers = delivery.message.headers();
    assert_eq!(headers.content_type(), Some(&ContentType::JSON));
    assert_eq!(headers.get("tenant"), Some(&"acme".into()));
    assert_eq!(headers.get("n"), Some(&5i32.into()));
    assert_eq!(headers.get("raw"), Some(&vec![0u8, 0xff].into()));
    assert_eq!(headers.text("kafka_receivedTopic"), Some(topic.as_str()));
    assert_eq!(headers.get("kafka_offset"), Some(&HeaderValue::Long(0)));
    assert_eq!(headers.get("kafka_receivedPartitionId"), Some(&HeaderValue::Int(0)));
    assert_eq!(headers.text("kafka_groupId"), Some("g"));
    assert_eq!(headers.text("kafka_timestampType"), Some("CREATE_TIME"));
    assert_eq!(headers.get("kafka_receivedMessageKey"), Some(&b"k1".to_vec().into()));
    input.close().await.unwrap();
    output.close().await.unwrap();
}

#[tokio::test]
async fn the_record_is_what_the_bare_client_reads() {
    let Some(cluster) = Cluster::find() else { return };
    let topic = cluster.name("oracle");
    let mut output = output(&cluster.binder(""), &topic).await;
    let message = Message::encoded("hello", ContentType::JSON).with_header("n", 5i32);
    let tombstone = Message::from_parts(None, Headers::new()).with_content_type(ContentType::JSON);
    let results = send(&mut *output, vec![keyed(message, "k"), keyed(tombstone, "k")]).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    let found = cluster.consume(&topic, 2);
    assert_eq!(found[0].key.as_deref(), Some(&b"k"[..]));
    assert_eq!(found[0].value.as_deref(), Some(&b"hello"[..]));
    assert_eq!(found[0].header("contentType"), Some("application/json"));
    assert_eq!(found[0].header("n"), Some("5"));
    let types = found[0].header("spring_json_header_types").unwrap();
    assert_eq!(types, r#"{"n":"java.lang.Integer","contentType":"java.lang.String"}"#);
    assert_eq!(found[1].value, None, "a tombstone has no value");
}

#[tokio::test]
async fn headers_of_other_programs_are_read_as_spring_reads_them() {
    let Some(cluster) = Cluster::find() else { return };
    let topic = cluster.topic("foreign", 1).await;
    let types = br#"{"twice":"java.lang.String","quoted":"java.lang.String"}"#;
    let trace = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let headers = vec![
        ("twice", Some(&b"first"[..])),
        ("twice", Some(&b"last"[..])),
        ("quoted", Some(&b"\"in quotes\""[..])),
        ("traceparent", Some(&trace[..])),
        ("kafka_receivedTopic", Some(&b"elsewhere"[..])),
        ("contentType", Some(&b"\"text/plain\""[..])),
        ("spring_json_header_types", Some(&types[..])),
    ];
    cluster.produce(&topic, [Record { headers, ..Record::of(b"x") }]);
    let mut input = input(&cluster.binder(""), &topic, "g").await;
    let delivery = receive(&mut *input, 1).await.remove(0);
    let headers = delivery.message.headers();
    assert_eq!(headers.get_all("twice").collect::<Vec<_>>(), [&HeaderValue::from("last")]);
    assert_eq!(headers.text("quoted"), Some("in quotes"));
    assert_eq!(headers.text("traceparent").map(str::as_bytes), Some(&trace[..]));
    assert_eq!(headers.text("kafka_receivedTopic"), Some(topic.as_str()), "nobody else says what is a fact");
    assert_eq!(headers.content_type().map(ContentType::as_str), Some("text/plain"));
    let to = cluster.name("passed-on");
    let mut output = output(&cluster.binder(""), &to).await;
    assert!(send(&mut *output, vec![plain(delivery.message)]).await[0].is_ok());
    let passed_on = cluster.consume(&to, 1).remove(0);
    assert_eq!(passed_on.header("traceparent").map(str::as_bytes), Some(&trace[..]));
    let listed = passed_on.header("spring_json_header_types").unwrap();
    assert!(!listed.contains("traceparent"), "{listed}");
    input.close().await.unwrap();
    output.close().await.unwrap();
}

#[tokio::test]
async fn records_that_are_more_than_a_batch_holds_come_whole_and_in_order() {
    let Some(cluster) = Cluster::find() else { return };
    let topic = cluster.topic("large", 2).await;
    // From nothing to more than a batch holds, so that batches end behind small ones and behind large ones.
    let sizes = [0, 1, 150, 20_000, 70_000, 65_536, 3, 16_384];
    let values: Vec<Vec<u8>> = (0..120u8).map(|n| vec![n; sizes[usize::from(n) % sizes.len()]]).collect();
    let keys: Vec<String> = (0..values.len()).map(|n| format!("k{n}")).collect();
    cluster.produce(
        &topic,
        values.iter().zip(&keys).enumerate().map(|(n, (value, key))| Record {
            key: Some(key.as_bytes()),
            partition: Some(i32::from(n % 3 == 0)),
            headers: vec![("n", Some(key.as_bytes()))],
            ..Record::of(value)
        }),
    );
    let mut input = input(&cluster.binder(""), &topic, &cluster.name("g")).await;
    let deliveries = receive(&mut *input, values.len()).await;
    for partition in 0..2 {
        let came: Vec<_> = deliveries.iter().filter(|delivery| delivery.partition == partition).collect();
        let written = (0..values.len()).filter(|n| u32::from(n % 3 == 0) == partition);
        for (delivery, n) in came.iter().zip(written.clone()) {
            let headers = delivery.message.headers();
            assert_eq!(delivery.key.as_deref(), Some(keys[n].as_bytes()));
            assert_eq!(headers.text("n"), Some(keys[n].as_str()));
            assert!(delivery.message.bytes() == values[n], "value {n}");
        }
        assert_eq!(came.len(), written.count());
    }
    input.close().await.unwrap();
}

#[tokio::test]
async fn the_committed_position_never_passes_an_open_delivery() {
    let Some(cluster) = Cluster::find() else { return };
    let topic = cluster.topic("watermark", 1).await;
    let texts: Vec<String> = (0..10).map(|n| n.to_string()).collect();
    cluster.produce(&topic, texts.iter().map(|text| Record::of(text.as_bytes())));
    let (binder, group) = (cluster.binder(""), cluster.name("g"));
    let mut first = input(&binder, &topic, &group).await;
    let mut tickets: Vec<_> =
        receive(&mut *first, 10).await.into_iter().map(|delivery| Some(delivery.ticket)).collect();
    for n in [9, 0, 2, 1, 5, 7] {
        first.settle(tickets[n].take().unwrap(), Settlement::Ack);
    }
    flush(&mut *first).await;
    assert_eq!(cluster.committed(&group, &topic, 1), [3]);
    first.close().await.unwrap();
    let mut second = input(&binder, &topic, &group).await;
    let again = receive(&mut *second, 7).await;
    assert_eq!(again.iter().map(text).collect::<Vec<_>>(), ["3", "4", "5", "6", "7", "8", "9"]);
    for delivery in again {
        second.settle(delivery.ticket, Settlement::Ack);
    }
    second.close().await.unwrap();
    assert_eq!(cluster.committed(&group, &topic, 1), [10], "closing commits");
}

#[tokio::test]
async fn what_is_given_back_comes_again_in_order_and_with_the_next_attempt() {
    let Some(cluster) = Cluster::find() else { return };
    let topic = cluster.topic("requeue", 1).await;
    let texts: Vec<String> = (0..6).map(|n| n.to_string()).collect();
    cluster.produce(&topic, texts.iter().map(|text| Record::of(text.as_bytes())));
    let group = cluster.name("g");
    let mut input = input(&cluster.binder(""), &topic, &group).await;
    let mut settled = Vec::new();
    for (n, delivery) in receive(&mut *input, 4).await.into_iter().enumerate() {
        let settlement = if n == 1 || n == 2 { Settlement::Requeue } else { Settlement::Ack };
        input.settle(delivery.ticket, settlement);
    }
    for delivery in receive(&mut *input, 4).await {
        settled.push((text(&delivery).to_owned(), delivery.attempt));
        input.settle(delivery.ticket, Settlement::Ack);
    }
    let expected = [("1", 2), ("2", 2), ("4", 1), ("5", 1)].map(|(text, attempt)| (text.to_owned(), attempt));
    assert_eq!(settled, expected);
    flush(&mut *input).await;
    assert_eq!(cluster.committed(&group, &topic, 1), [6]);
    input.close().await.unwrap();
}
