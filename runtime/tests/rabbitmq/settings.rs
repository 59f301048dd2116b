//! What single settings do, on the wire and to a reader.

use lapin::BasicProperties;
use lapin::options::QueueDeleteOptions;
use lapin::types::{AMQPValue, FieldTable};
use serde_json::json as value;
use wellspring::binder::rabbitmq::{Config, RabbitMq};
use wellspring::binder::{Binder, Kind, Settlement};
use wellspring::config::Section;
use wellspring::{ContentType, HeaderValue, Message};

use super::ends::{Member, PATIENCE, Writer, broker, eventually, input_spec, json, output_spec, payloads};
use super::wire::{bytes_of, properties};

fn consumer(settings: &str) -> String {
    format!("{{ reconnect-initial-interval: 10ms, default: {{ consumer: {{ {settings} }} }} }}")
}

fn with_headers(headers: &[(&str, AMQPValue)]) -> BasicProperties {
    let mut table = FieldTable::default();
    for (name, value) in headers {
        table.insert((*name).into(), value.clone());
    }
    BasicProperties::default().with_headers(table)
}

#[tokio::test]
async fn a_broker_that_is_not_to_wait_for_acknowledgements_forgets_what_it_sends() {
    let Some(broker) = broker("no acknowledgements").await else { return };
    let binder = broker.binder(&consumer("acknowledge-mode: NONE"));
    let destination = broker.name("d");
    let mut member = Member::join(&binder, &destination, "g").await;
    for number in 0..600 {
        broker.publish(&destination, "k", number.to_string().as_bytes(), BasicProperties::default()).await;
    }
    let mut received = member.receive(600).await;
    let half = received.split_off(300);
    // An acknowledgement that the broker does not expect would close the channel.
    member.settle(received, Settlement::Ack).await;
    member.settle(half, Settlement::Reject).await;
    broker.publish(&destination, "k", b"last", BasicProperties::default()).await;
    assert_eq!(payloads(&member.receive(1).await), ["last"]);
    member.leave().await;
    assert_eq!(broker.waiting(&format!("{destination}.g")).await, 0);
    broker.clean().await;
}

#[tokio::test]
async fn only_headers_that_a_pattern_lets_through_reach_the_function() {
    let Some(broker) = broker("patterns").await else { return };
    let binder = broker.binder(&consumer("header-patterns: '!secret*, ten*'"));
    let destination = broker.name("d");
    let mut member = Member::join(&binder, &destination, "g").await;
    let text = |text: &str| AMQPValue::LongString(text.into());
    let headers = [("tenant", text("a")), ("secret-tenant", text("b")), ("other", text("c"))];
    broker.publish(&destination, "k", b"1", with_headers(&headers).with_message_id("m".into())).await;
    let received = member.receive(1).await;
    let headers = received[0].message.headers();
    assert_eq!(headers.text("tenant"), Some("a"));
    assert!(!headers.contains("secret-tenant") && !headers.contains("other"));
    assert_eq!(headers.text("amqp_messageId"), Some("m"), "what is no header of the sender's always does");
    member.settle(received, Settlement::Ack).await;
    member.leave().await;
    broker.clean().await;
}

#[tokio::test]
async fn a_payload_is_packed_as_spring_packs_it_and_unpacked_for_the_function() {
    let Some(broker) = broker("compress").await else { return };
    let binder = broker.binder("{ default: { producer: { compress: true } } }");
    let destination = broker.name("d");
    let mut member = Member::join(&binder, &destination, "g").await;
    let mut writer = Writer::open(&binder, &destination).await;
    let queue = broker.queue("q", &destination, "#").await;
    writer.send(Message::encoded("qux", ContentType::JSON).with_header("pk", "qux")).await.unwrap();
    let found = properties(&broker.take(&queue, 1).await[0].properties);
    assert_eq!(found["content-encoding"], "gzip");
    assert_eq!(found["headers"]["springAutoDecompress"], value!({ "amqp": "t", "value": true }));
    let received = member.receive(1).await;
    let headers = received[0].message.headers();
    assert_eq!(payloads(&received), ["qux"]);
    assert!(!headers.contains("springAutoDecompress") && !headers.contains("amqp_contentEncoding"));
    assert_eq!(headers.text("pk"), Some("qux"));
    member.settle(received, Settlement::Ack).await;
    // The very bytes that a Spring application sent, and bytes that only pretend.
    let packed = "1f8b08000000000000ff2b2cad0000c8afe4a603000000";
    let sent = with_headers(&[("springAutoDecompress", AMQPValue::Boolean(true))]);
    for (payload, expected) in [(bytes_of(packed), "qux"), (b"plain".to_vec(), "plain")] {
        let properties = sent.clone().with_content_encoding("gzip".into());
        broker.publish(&destination, "k", &payload, properties).await;
        let received = member.receive(1).await;
        assert_eq!(payloads(&received), [expected]);
        member.settle(received, Settlement::Ack).await;
    }
    member.leave().await;
    broker.clean().await;
}

/// The very messages of a Spring application with `batching-enabled`, packed and not.
#[tokio::test]
async fn messages_that_spring_sent_as_one_are_deliveries_of_their_own() {
    let Some(broker) = broker("batching").await else { return };
    let recorded: serde_json::Value =
        serde_json::from_str(include_str!("../captures/rabbit-producers.json")).unwrap();
    let binder = broker.binder(&consumer("prefetch: 1"));
    let destination = broker.name("d");
    let spec = wellspring::binder::InputSpec { max_in_flight: 2, ..input_spec(&destination, "g") };
    let mut member = Member(binder.bind_input(spec).await.unwrap());
    for run in ["batching", "batching-compress"] {
        let sent = &recorded[run]["published"][0];
        let body = bytes_of(sent["body"]["hex"].as_str().unwrap());
        let mut headers = vec![
            ("rk", AMQPValue::LongString("k.foo".into())),
            ("amqp_batchSize", AMQPValue::LongInt(3)),
            ("springBatchFormat", AMQPValue::LongString("lengthHeader4".into())),
        ];
        let mut encoding = BasicProperties::default();
        if run == "batching-compress" {
            headers.push(("springAutoDecompress", AMQPValue::Boolean(true)));
            encoding = encoding.with_content_encoding("gzip".into());
        }
        let table = with_headers(&headers).headers().clone().unwrap();
        broker.publish(&destination, "k", &body, encoding.with_headers(table)).await;
        broker.publish(&destination, "k", b"next", BasicProperties::default()).await;
        let first = member.receive(2).await;
        assert_eq!(payloads(&first), ["foo", "bar"], "{run}: no more than may be unsettled at once");
        let headers = first[1].message.headers();
        assert_eq!(headers.text("rk"), Some("k.foo"));
        assert!(!headers.contains("springBatchFormat") && !headers.contains("amqp_batchSize"));
        member.settle(first, Settlement::Ack).await;
        let last = member.receive(1).await;
        assert_eq!(payloads(&last), ["baz"], "{run}: the broker waits for the whole message");
        member.settle(last, Settlement::Ack).await;
        let next = member.receive(1).await;
        assert_eq!(payloads(&next), ["next"]);
        member.settle(next, Settlement::Ack).await;
    }
    member.leave().await;
    broker.until_waiting(&format!("{destination}.g"), 0).await;
    broker.clean().await;
}

#[tokio::test]
async fn a_delayed_exchange_without_the_plugin_names_the_plugin() {
    let Some(broker) = broker("delayed").await else { return };
    let types = broker.management("overview").await.unwrap_or_default()["exchange_types"].to_string();
    if types.contains("x-delayed-message") {
        return;
    }
    let binder = broker.binder("{ default: { producer: { delayed-exchange: true } } }");
    let error = binder.bind_output(output_spec(&broker.name("d"))).await.err().unwrap();
    assert_eq!(error.kind(), Kind::Refused, "{error}");
    let said = error.to_string();
    for part in ["cannot declare the exchange", &broker.name("d"), "rabbitmq_delayed_message_exchange"] {
        assert!(said.contains(part), "{said}");
    }
}

#[tokio::test]
async fn letters_that_are_sent_again_are_packed_as_they_lie() {
    let Some(broker) = broker("packed letters").await else { return };
    let binder = broker.binder("{ default: { producer: { compress: true } } }");
    let destination = broker.name("d");
    let mut writer = Writer::open(&binder, &destination).await;
    let queue = broker.queue("q", &destination, "#").await;
    writer.send(json("{}")).await.unwrap();
    let packed = broker.take(&queue, 1).await.remove(0);
    let output = binder.bind_redrive(input_spec(&destination, "g"), destination).await.unwrap();
    let letter = json(packed.data.clone())
        .with_header("amqp_contentEncoding", "gzip")
        .with_header("springAutoDecompress", true);
    Writer(output, 0).send(letter).await.unwrap();
    let found = broker.take(&queue, 1).await.remove(0);
    assert_eq!(found.data, packed.data);
    assert_eq!(found.properties.content_encoding(), packed.properties.content_encoding());
    broker.clean().await;
}

#[tokio::test]
async fn a_message_of_a_stream_that_is_given_back_comes_again_with_those_behind_it() {
    let Some(broker) = broker("stream again").await else { return };
    let destination = broker.name("d");
    let binder = broker.binder(&consumer("container-type: stream, stream-offset: first"));
    let mut member = Member::join(&binder, &destination, "g").await;
    for number in 0..4 {
        broker.publish(&destination, "k", number.to_string().as_bytes(), BasicProperties::default()).await;
    }
    let mut first = member.receive(4).await;
    let mut given_back = first.split_off(2);
    let open = given_back.split_off(1);
    member.settle(first, Settlement::Ack).await;
    member.settle(given_back, Settlement::Requeue).await;
    // What was given out before is not known any more: it comes again.
    open.into_iter().for_each(|delivery| member.0.settle(delivery.ticket, Settlement::Ack));
    let again = member.receive(2).await;
    assert_eq!(payloads(&again), ["2", "3"]);
    member.settle(again, Settlement::Ack).await;
    member.leave().await;
    broker.clean().await;
}

#[tokio::test]
async fn a_stream_is_read_from_where_it_is_told_and_goes_on_where_it_was() {
    let Some(broker) = broker("stream").await else { return };
    let destination = broker.name("d");
    let settings = consumer("container-type: stream, stream-offset: first");
    let binder = broker.binder(&settings);
    // The stream exists before, with messages in it.
    Member::join(&binder, &destination, "g").await.leave().await;
    for number in 0..10 {
        broker.publish(&destination, "k", number.to_string().as_bytes(), BasicProperties::default()).await;
    }
    let wire = super::cuts::Wire::to(&broker).await;
    let section = Section::from_yaml("stream.rabbitmq", &settings).unwrap();
    let config: Config = section.deserialize().unwrap();
    let mut member =
        Member::join(&RabbitMq::new("rabbitmq", Config { uri: wire.uri(), ..config }), &destination, "g")
            .await;
    let mut first = member.receive(10).await;
    assert_eq!(payloads(&first), ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    let unsettled = first.split_off(6);
    member.settle(first, Settlement::Ack).await;
    wire.cut();
    let again = member.receive(4).await;
    assert_eq!(payloads(&again), payloads(&unsettled));
    member.settle(again, Settlement::Ack).await;
    member.leave().await;
    // From an offset, and only what comes from now on.
    let from_eight = broker.binder(&consumer("container-type: stream, stream-offset: 8"));
    let mut member = Member::join(&from_eight, &destination, "g").await;
    assert_eq!(payloads(&member.receive(2).await), ["8", "9"]);
    member.leave().await;
    let mut member =
        Member::join(&broker.binder(&consumer("container-type: stream")), &destination, "g").await;
    broker.publish(&destination, "k", b"new", BasicProperties::default()).await;
    assert_eq!(payloads(&member.receive(1).await), ["new"]);
    member.leave().await;
    broker.clean().await;
}

#[tokio::test]
async fn a_missing_queue_ends_the_input_where_that_is_asked_for() {
    let Some(broker) = broker("fatal").await else { return };
    let queue = broker.queue("d.g", "amq.topic", "#").await;
    let settings = consumer("bind-queue: false, missing-queues-fatal: true");
    let mut member = Member::join(&broker.binder(&settings), &broker.name("d"), "g").await;
    broker.channel.queue_delete(queue.as_str().into(), QueueDeleteOptions::default()).await.unwrap();
    let mut batch = Vec::new();
    let lost = std::future::poll_fn(|cx| member.0.poll_receive(cx, &mut batch, 10));
    let error = tokio::time::timeout(PATIENCE, lost).await.expect("an end in time").unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
    assert!(error.to_string().contains(&format!("cannot read the queue `{queue}`: NOT_FOUND")), "{error}");
    broker.clean().await;
}

#[tokio::test]
async fn a_queue_that_comes_later_is_waited_for_where_that_is_asked_for() {
    let Some(broker) = broker("later").await else { return };
    let settings =
        "bind-queue: false, queue-declaration-retries: 1000, failed-declaration-retry-interval: 5ms";
    let binder = broker.binder(&consumer(settings));
    let destination = broker.name("d");
    let join = Member::join(&binder, &destination, "g");
    let declare = async {
        eventually("it has tried", async || {
            let exchanges = broker.listed("exchanges").await;
            exchanges.iter().any(|one| one["name"] == *destination)
        })
        .await;
        broker.queue("d.g", &destination, "#").await;
    };
    let (member, ()) = tokio::join!(join, declare);
    member.leave().await;
    let once = broker.binder(&consumer("bind-queue: false"));
    let error = once.bind_input(input_spec(&broker.name("e"), "g")).await.err().unwrap();
    assert_eq!(error.kind(), Kind::Refused, "{error}");
    broker.clean().await;
}

#[tokio::test]
async fn a_queue_that_somebody_else_reads_alone_may_be_free_later() {
    let Some(broker) = broker("alone").await else { return };
    let binder = broker.binder(&consumer("exclusive: true"));
    let destination = broker.name("d");
    let first = Member::join(&binder, &destination, "g").await;
    let error = binder.bind_input(input_spec(&destination, "g")).await.err().unwrap();
    assert_eq!(error.kind(), Kind::Unreachable, "{error}");
    assert!(error.to_string().contains("exclusive use"), "{error}");
    first.leave().await;
    Member::join(&binder, &destination, "g").await.leave().await;
    broker.clean().await;
}

#[tokio::test]
async fn an_exchange_that_routes_by_headers_hands_on_what_matches() {
    let Some(broker) = broker("headers exchange").await else { return };
    let settings = "{ default: {
        consumer: { exchange-type: headers, queue-binding-arguments: { x-match: any, color: red, size: big } },
        producer: { exchange-type: headers, allow-unroutable: true } } }";
    let binder = broker.binder(settings);
    let destination = broker.name("d");
    let mut member = Member::join(&binder, &destination, "g").await;
    let mut writer = Writer::open(&binder, &destination).await;
    for (number, color) in [(1, "blue"), (2, "red"), (3, "green"), (4, "red")] {
        writer.send(json(number.to_string()).with_header("color", color)).await.unwrap();
    }
    let received = member.receive(2).await;
    assert_eq!(payloads(&received), ["2", "4"]);
    member.settle(received, Settlement::Ack).await;
    member.leave().await;
    broker.clean().await;
}

#[tokio::test]
async fn the_older_name_of_the_highest_priority_works_and_priorities_are_kept() {
    let Some(broker) = broker("priority").await else { return };
    let binder = broker.binder(&consumer("queue-max-priority: 5, prefetch: 1"));
    let destination = broker.name("d");
    Member::join(&binder, &destination, "g").await.leave().await;
    let mut writer = Writer::open(&binder, &destination).await;
    for priority in [1_i32, 5, 3] {
        writer.send(json(priority.to_string()).with_header("priority", priority)).await.unwrap();
    }
    let mut member = Member::join(&binder, &destination, "g").await;
    for expected in ["5", "3", "1"] {
        let received = member.receive(1).await;
        assert_eq!(payloads(&received), [expected]);
        member.settle(received, Settlement::Ack).await;
    }
    member.leave().await;
    broker.clean().await;
}

/// Every type that AMQP has for a header, from a bare client to the function and back.
#[tokio::test]
async fn every_type_of_header_arrives_and_leaves_again() {
    use lapin::types::{DecimalValue, FieldArray};
    let Some(broker) = broker("header types").await else { return };
    let binder = broker.binder("{}");
    let destination = broker.name("d");
    let mut member = Member::join(&binder, &destination, "g").await;
    let mut inner = FieldTable::default();
    inner.insert("n".into(), AMQPValue::LongInt(1));
    let cases: Vec<(&str, AMQPValue, HeaderValue)> = vec![
        ("bool", AMQPValue::Boolean(true), true.into()),
        ("byte", AMQPValue::ShortShortInt(-1), (-1_i8).into()),
        ("unsigned byte", AMQPValue::ShortShortUInt(255), 255_i16.into()),
        ("short", AMQPValue::ShortInt(-300), (-300_i16).into()),
        ("unsigned short", AMQPValue::ShortUInt(65535), 65535_i32.into()),
        ("int", AMQPValue::LongInt(-70000), (-70000_i32).into()),
        ("unsigned int", AMQPValue::LongUInt(u32::MAX), 4_294_967_295_i64.into()),
        ("long", AMQPValue::LongLongInt(i64::MIN), i64::MIN.into()),
        ("float", AMQPValue::Float(1.5), 1.5_f32.into()),
        ("double", AMQPValue::Double(0.1), 0.1_f64.into()),
        ("decimal", AMQPValue::DecimalValue(DecimalValue { scale: 2, value: 150 }), "1.50".into()),
        ("text", AMQPValue::LongString("żółć".into()), "żółć".into()),
        ("no text", AMQPValue::LongString(vec![0xff, 0xfe].into()), vec![0xff_u8, 0xfe].into()),
        ("bytes", AMQPValue::ByteArray(vec![0, 1].into()), vec![0_u8, 1].into()),
        ("time", AMQPValue::Timestamp(1_700_000_000), HeaderValue::Timestamp(1_700_000_000_000)),
        (
            "list",
            AMQPValue::FieldArray(FieldArray::from(vec![AMQPValue::LongInt(1), AMQPValue::Void])),
            HeaderValue::List(vec![1_i32.into(), HeaderValue::Null]),
        ),
        ("table", AMQPValue::FieldTable(inner), HeaderValue::Map(vec![("n".into(), 1_i32.into())])),
        ("void", AMQPValue::Void, HeaderValue::Null),
    ];
    let headers: Vec<_> = cases.iter().map(|(name, wire, _)| (*name, wire.clone())).collect();
    broker.publish(&destination, "k", b"1", with_headers(&headers)).await;
    let received = member.receive(1).await;
    for (name, _, expected) in &cases {
        assert_eq!(received[0].message.headers().get_all(name).next(), Some(expected), "{name}");
    }
    let mut writer = Writer::open(&binder, &destination).await;
    writer.send(received[0].message.clone()).await.unwrap();
    let again = member.receive(1).await;
    for (name, _, expected) in &cases {
        assert_eq!(again[0].message.headers().get(name), Some(expected), "{name}");
    }
    member.settle(received, Settlement::Ack).await;
    member.settle(again, Settlement::Ack).await;
    member.leave().await;
    broker.clean().await;
}
