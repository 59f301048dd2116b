//! What is found on the broker after a send, and what is said when it cannot be sent.

use lapin::types::AMQPValue;
use wellspring::binder::{Binder, Kind, Outgoing};
use wellspring::{HeaderValue, Message};

use super::ends::{Writer, broker, json, output_spec};

#[tokio::test]
async fn a_message_is_found_with_the_properties_that_spring_sets() {
    let Some(broker) = broker("properties").await else { return };
    let binder = broker.binder("{}");
    let destination = broker.name("d");
    let mut writer = Writer::open(&binder, &destination).await;
    let queue = broker.queue("q", &destination, "#").await;
    let message = json("{}")
        .with_header("h-long", 42_i64)
        .with_header("h-date", HeaderValue::Timestamp(1_700_000_000_123))
        .with_header("amqp_correlationId", "c")
        .with_header("amqp_receivedRoutingKey", "dropped");
    writer.send(message).await.unwrap();
    let found = broker.take(&queue, 1).await.remove(0);
    assert_eq!((found.exchange.as_str(), found.routing_key.as_str()), (&*destination, &*destination));
    let properties = &found.properties;
    assert_eq!(properties.content_type().as_ref().unwrap().as_str(), "application/json");
    assert_eq!((*properties.delivery_mode(), *properties.priority()), (Some(2), Some(0)));
    assert_eq!(properties.correlation_id().as_ref().unwrap().as_str(), "c");
    assert_eq!(properties.message_id().as_ref().unwrap().as_str().len(), 36);
    assert!(properties.timestamp().is_some());
    let headers = properties.headers().as_ref().unwrap().inner();
    assert_eq!(headers.get("h-long"), Some(&AMQPValue::LongLongInt(42)));
    assert_eq!(headers.get("h-date"), Some(&AMQPValue::Timestamp(1_700_000_000)));
    assert_eq!(headers.len(), 2);
    broker.clean().await;
}

#[tokio::test]
async fn a_message_that_no_queue_takes_is_an_error_unless_that_is_allowed() {
    let Some(broker) = broker("unroutable").await else { return };
    let destination = broker.name("d");
    let strict = broker.binder("{}");
    let mut writer = Writer::open(&strict, &destination).await;
    let error = writer.send(json("1")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unroutable);
    let said = error.to_string();
    assert!(said.contains(&destination) && said.contains("NO_ROUTE (312)"), "{said}");
    let lenient = broker.binder("{ bindings: { out: { producer: { allow-unroutable: true } } } }");
    Writer::open(&lenient, &destination).await.send(json("1")).await.unwrap();
    broker.clean().await;
}

/// The broker confirms many messages at once, and the client hands a returned one out with any of them.
#[tokio::test]
async fn exactly_the_messages_that_no_queue_takes_fail_among_many() {
    let Some(broker) = broker("mixed").await else { return };
    let binder = broker.binder("{}");
    let destination = broker.name("d");
    let spec = wellspring::binder::OutputSpec { partition_count: 4, ..output_spec(&destination) };
    let mut writer = Writer(binder.bind_output(spec).await.unwrap(), 0);
    let queue = broker.queue("q", &destination, &format!("{destination}-1")).await;
    for number in 0..2000_u64 {
        std::future::poll_fn(|cx| writer.0.poll_ready(cx)).await.unwrap();
        let partition = Some(u32::try_from(number * 7 % 13 % 4).unwrap());
        writer.0.send(Outgoing { message: json(number.to_string()), key: None, partition }, number);
    }
    for one in writer.confirmed(2000).await {
        let routed = one.number * 7 % 13 % 4 == 1;
        assert_eq!(one.result.is_ok(), routed, "message {}: {:?}", one.number, one.result);
    }
    let expected = (0..2000_u32).filter(|number| number * 7 % 13 % 4 == 1).count();
    assert_eq!(broker.waiting(&queue).await as usize, expected);
    broker.clean().await;
}

#[tokio::test]
async fn what_amqp_cannot_carry_is_refused_and_the_rest_goes_on() {
    let Some(broker) = broker("too large").await else { return };
    let binder = broker.binder("{ max-message-size: 1MB }");
    let destination = broker.name("d");
    let mut writer = Writer::open(&binder, &destination).await;
    let queue = broker.queue("q", &destination, "#").await;
    let cases = [
        (Message::new(None), Kind::Refused, "the payload is null"),
        (
            json(vec![b'x'; 1_048_577]),
            Kind::TooLarge,
            "the payload has 1048577 bytes, expected at most 1048576",
        ),
        (json("1").with_header("h", "x".repeat(200_000)), Kind::TooLarge, "the headers take 200007 bytes"),
        (
            json("1").with_header("n".repeat(256), "x"),
            Kind::Refused,
            "is 256 bytes long, expected at most 255",
        ),
        (json("1").with_header("amqp_type", "x".repeat(256)), Kind::Refused, "the amqp_type"),
        (json("1").with_header("amqp_expiration", "soon"), Kind::Refused, "`amqp_expiration` is `soon`"),
    ];
    for (message, kind, expected) in cases {
        let error = writer.send(message).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    writer.send(json(vec![b'x'; 1_048_576])).await.unwrap();
    assert_eq!(broker.take(&queue, 1).await.remove(0).data.len(), 1_048_576);
    broker.clean().await;
}

/// The broker closes the channel with everything that is on its way there.
#[tokio::test]
async fn of_many_messages_exactly_those_are_blamed_that_close_the_channel() {
    const BAD: [usize; 2] = [7, 31];
    let Some(broker) = broker("blame").await else { return };
    let binder = broker.binder("{ reconnect-initial-interval: 10ms }");
    let destination = broker.name("d");
    let mut writer = Writer::open(&binder, &destination).await;
    let queue = broker.queue("q", &destination, "#").await;
    let message = |index: usize| {
        let message = json(index.to_string());
        if BAD.contains(&index) { message.with_header("amqp_userId", "somebody") } else { message }
    };
    let mut blamed = Vec::new();
    let mut left: Vec<usize> = (0..40).collect();
    while !left.is_empty() {
        let mut sent = std::collections::BTreeMap::new();
        let mut told = Vec::new();
        for index in left.drain(..) {
            sent.insert(writer.start(message(index)).await, index);
        }
        while told.len() < sent.len() {
            told.append(&mut writer.confirmed(1).await);
        }
        for one in told {
            let (index, result) = (sent[&one.number], one.result);
            match result.map_err(|error| error.kind()) {
                Ok(()) => assert!(!BAD.contains(&index), "{index} was taken"),
                Err(Kind::Unreachable) => left.push(index),
                Err(kind) => {
                    assert_eq!(kind, Kind::Refused);
                    blamed.push(index);
                }
            }
        }
    }
    blamed.sort_unstable();
    assert_eq!(blamed, BAD);
    let mut found: Vec<usize> = Vec::new();
    for one in broker.take(&queue, broker.waiting(&queue).await as usize).await {
        found.push(std::str::from_utf8(&one.data).unwrap().parse().unwrap());
    }
    found.sort_unstable();
    found.dedup();
    assert!(found.into_iter().eq((0..40).filter(|index| !BAD.contains(index))));
    broker.clean().await;
}

#[tokio::test]
async fn a_message_that_closes_the_channel_is_told_why_and_the_next_goes_on() {
    let Some(broker) = broker("user").await else { return };
    let binder = broker.binder("{ reconnect-initial-interval: 10ms }");
    let destination = broker.name("d");
    let mut writer = Writer::open(&binder, &destination).await;
    let queue = broker.queue("q", &destination, "#").await;
    let error = writer.send(json("1").with_header("amqp_userId", "somebody")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
    assert!(error.to_string().contains("user_id property set to 'somebody'"), "{error}");
    let message = json("2")
        .with_header("amqp_userId", "guest")
        .with_header("amqp_expiration", "60000")
        .with_header("amqp_replyTo", "here")
        .with_header("amqp_type", "t")
        .with_header("amqp_appId", "a")
        .with_header("amqp_messageId", "m")
        .with_header("amqp_timestamp", HeaderValue::Timestamp(1_700_000_000_999))
        .with_header("priority", 300_i32);
    writer.send(message).await.unwrap();
    let found = super::wire::properties(&broker.take(&queue, 1).await[0].properties);
    for (name, expected) in [
        ("user-id", "guest"),
        ("expiration", "60000"),
        ("reply-to", "here"),
        ("type", "t"),
        ("app-id", "a"),
        ("message-id", "m"),
    ] {
        assert_eq!(found[name], expected, "{name}");
    }
    assert_eq!((&found["timestamp"], &found["priority"]), (&1_700_000_000.into(), &255.into()));
    broker.clean().await;
}
