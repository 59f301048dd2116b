//! What is said when a binding cannot be made: broker, object and cause, and never a password.

use lapin::options::{ExchangeDeclareOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use wellspring::binder::rabbitmq::{Config, RabbitMq};
use wellspring::binder::{Binder, Error, Kind};
use wellspring::config::Section;

use super::ends::{broker, input_spec, output_spec};

fn at(settings: &str) -> RabbitMq {
    let section = Section::from_yaml("stream.rabbitmq", settings).unwrap();
    RabbitMq::new("rabbitmq", section.deserialize::<Config>().unwrap_or_else(|problems| panic!("{problems}")))
}

fn check(error: &Error, kind: Kind, expected: &[&str]) {
    let (said, all) = (error.to_string(), format!("{error:?}"));
    assert_eq!(error.kind(), kind, "{said}");
    for part in expected {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    assert!(!all.contains("hunter2"), "the password is in: {all}");
}

async fn cannot_be_read(binder: &RabbitMq, destination: &str) -> Error {
    match binder.bind_input(input_spec(destination, "g")).await {
        Ok(_) => panic!("the input was bound"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn a_broker_that_is_not_there_is_named_without_the_password() {
    let binder = at("uri: 'amqp://me:hunter2@127.0.0.1:1/%2f'");
    let error = cannot_be_read(&binder, "d").await;
    check(&error, Kind::Unreachable, &["`amqp://me@127.0.0.1:1/%2f` cannot be connected to", "refused"]);
    assert!(!format!("{binder:?}").contains("hunter2"));
}

#[tokio::test]
async fn encryption_that_is_asked_for_is_not_left_out_for_an_address_without_it() {
    for address in ["uri: 'amqp://me:hunter2@127.0.0.1:1'", "addresses: 'amqp://me:hunter2@127.0.0.1:1'"] {
        let error = cannot_be_read(&at(&format!("{{ {address}, ssl: {{ enabled: true }} }}")), "d").await;
        let key = format!("`{}` begins with `amqp://`", address.split(':').next().unwrap());
        check(&error, Kind::Refused, &[&key, "expected `amqps://` with `ssl.enabled`"]);
    }
}

#[tokio::test]
async fn a_wrong_password_and_a_missing_virtual_host_are_refusals() {
    let Some(broker) = broker("credentials").await else { return };
    let address = broker.uri.rsplit('@').next().unwrap().split('/').next().unwrap();
    let error = cannot_be_read(&at(&format!("uri: 'amqp://guest:hunter2@{address}/%2f'")), "d").await;
    check(&error, Kind::Refused, &[&format!("amqp://guest@{address}/%2f"), "ACCESS_REFUSED", "403"]);
    let error = cannot_be_read(&at(&format!("uri: 'amqp://guest:guest@{address}/nowhere'")), "d").await;
    check(&error, Kind::Refused, &["nowhere", "not found"]);
}

#[tokio::test]
async fn a_queue_or_an_exchange_that_is_there_otherwise_is_named() {
    let Some(broker) = broker("other arguments").await else { return };
    let destination = broker.name("d");
    let queue = format!("{destination}.g");
    let options = QueueDeclareOptions { durable: false, ..QueueDeclareOptions::default() };
    broker.channel.queue_declare(queue.as_str().into(), options, FieldTable::default()).await.unwrap();
    let error = cannot_be_read(&broker.binder("{}"), &destination).await;
    check(&error, Kind::Refused, &["cannot declare the queue", &queue, "PRECONDITION_FAILED", "durable"]);
    let other = broker.name("e");
    let (kind, options) = (lapin::ExchangeKind::Fanout, ExchangeDeclareOptions::default());
    broker
        .channel
        .exchange_declare(other.as_str().into(), kind, options, FieldTable::default())
        .await
        .unwrap();
    let refused = broker.binder("{}").bind_output(output_spec(&other)).await.err().unwrap();
    check(&refused, Kind::Refused, &["cannot declare the exchange", &other, "type"]);
    broker.clean().await;
}

#[tokio::test]
async fn a_name_that_is_too_long_is_refused_before_the_broker_hears_of_it() {
    let Some(broker) = broker("long name").await else { return };
    let error = cannot_be_read(&broker.binder("{}"), &"x".repeat(300)).await;
    check(&error, Kind::Refused, &["is 300 bytes long, expected at most 255"]);
}

#[tokio::test]
async fn a_name_that_the_broker_keeps_for_itself_is_refused_and_named() {
    let Some(broker) = broker("reserved name").await else { return };
    let binder = broker.binder("{}");
    let error = cannot_be_read(&binder, "amq.mine").await;
    check(&error, Kind::Refused, &["cannot declare the exchange `amq.mine`", "reserved prefix", "403"]);
    // The same connection goes on.
    super::ends::Member::join(&binder, &broker.name("d"), "g").await.leave().await;
    broker.clean().await;
}

#[test]
fn what_is_not_supported_says_what_to_use() {
    let cases = [
        ("default: { consumer: { acknowledge-mode: MANUAL } }", "there is nothing to acknowledge by hand"),
        ("default: { consumer: { stream-offset: yesterday } }", "an interval such as `1h`"),
    ];
    for (settings, expected) in cases {
        let section = Section::from_yaml("stream.rabbitmq", settings).unwrap();
        let problems = section.deserialize::<Config>().unwrap_err().to_string();
        assert!(problems.contains(expected), "{problems}");
    }
    let factory = wellspring::binder::factory("rabbit").unwrap();
    for (settings, expected) in [
        (
            "bindings: { x-in-0: { consumer: { transacted: true } } }",
            "acknowledged when its outputs are confirmed",
        ),
        ("template: { retry: { enabled: true } }", "set `stream.rabbitmq.bindings.<name>.producer`"),
        ("ssl: { verify-hostname: false }", "a server that nobody vouches for is not connected to"),
        ("publisher-confirm-type: none", "messages are always confirmed"),
    ] {
        let section = Section::from_yaml("stream.rabbitmq", settings).unwrap();
        let problems = factory.build("rabbitmq", &section).unwrap_err().to_string();
        assert!(problems.contains(expected), "{problems}");
    }
}

#[test]
fn settings_are_checked_with_a_suggestion() {
    let wrong = [
        ("hots: a", "did you mean `host`?"),
        ("bindings: { x: { consumer: { prefetchh: 1 } } }", "did you mean `prefetch`?"),
        ("default: { consumer: { exchange-type: topik } }", "`topic`, `direct`, `fanout`, `headers`"),
    ];
    for (settings, expected) in wrong {
        let section = Section::from_yaml("stream.rabbitmq", settings).unwrap();
        let problems = section.deserialize::<Config>().unwrap_err().to_string();
        assert!(problems.contains(expected), "{problems}");
    }
}
