//! What is delivered to whom, in which order, and what a settlement does.

use std::future::poll_fn;
use std::task::Poll;

use futures_util::FutureExt;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use wellspring::binder::{Binder, Settlement};
use wellspring::{ContentType, HeaderValue};

use super::ends::{Member, Writer, broker, eventually, input_spec, json, payloads};

#[tokio::test]
async fn a_message_arrives_with_its_headers_and_properties() {
    let Some(broker) = broker("headers arrive").await else { return };
    let binder = broker.binder("{}");
    let destination = broker.name("d");
    let mut member = Member::join(&binder, &destination, "g").await;
    let mut table = FieldTable::default();
    table.insert("tenant".into(), AMQPValue::LongString("żółć".into()));
    table.insert("n".into(), AMQPValue::LongInt(5));
    table.insert("when".into(), AMQPValue::Timestamp(1_700_000_000));
    let properties = BasicProperties::default()
        .with_content_type("application/json".into())
        .with_message_id("m-1".into())
        .with_priority(3)
        .with_headers(table);
    broker.publish(&destination, "some.key", b"{}", properties).await;
    let delivery = member.receive(1).await.remove(0);
    let headers = delivery.message.headers();
    assert_eq!(delivery.message.bytes(), b"{}");
    assert_eq!(headers.content_type(), Some(&ContentType::JSON));
    assert_eq!(headers.get("tenant"), Some(&HeaderValue::from("żółć")));
    assert_eq!(headers.get("n"), Some(&HeaderValue::Int(5)));
    assert_eq!(headers.get("when"), Some(&HeaderValue::Timestamp(1_700_000_000_000)));
    assert_eq!(headers.text("amqp_messageId"), Some("m-1"));
    assert_eq!(headers.integer("priority"), Some(3));
    assert_eq!(headers.text("amqp_receivedRoutingKey"), Some("some.key"));
    assert_eq!(headers.text("amqp_consumerQueue"), Some(&*format!("{destination}.g")));
    assert_eq!(delivery.attempt, 1);
    member.settle(vec![delivery], Settlement::Ack).await;
    member.leave().await;
    assert_eq!(broker.waiting(&format!("{destination}.g")).await, 0);
    broker.clean().await;
}

#[tokio::test]
async fn ten_thousand_messages_arrive_once_and_in_order() {
    let Some(broker) = broker("ten thousand").await else { return };
    let binder = broker.binder("{}");
    let destination = broker.name("d");
    let mut member = Member::join(&binder, &destination, "g").await;
    let mut writer = Writer::open(&binder, &destination).await;
    let send = async {
        for number in 0..10_000 {
            writer.start(json(number.to_string())).await;
        }
        writer.confirmed(10_000).await
    };
    let receive = async {
        let mut next = 0;
        while next < 10_000 {
            let batch = member.batch().await;
            for payload in payloads(&batch) {
                assert_eq!(payload, next.to_string());
                next += 1;
            }
            member.settle(batch, Settlement::Ack).await;
        }
    };
    let (confirmed, ()) = tokio::join!(send, receive);
    assert!(confirmed.iter().all(|one| one.result.is_ok()));
    let numbers: Vec<_> = confirmed.iter().map(|one| one.number).collect();
    assert_eq!(numbers, (1..=10_000).collect::<Vec<_>>(), "each is told once, in order");
    member.leave().await;
    assert_eq!(broker.waiting(&format!("{destination}.g")).await, 0);
    broker.clean().await;
}

#[tokio::test]
async fn every_group_gets_each_message_and_members_share_them() {
    let Some(broker) = broker("groups").await else { return };
    let binder = broker.binder("{ default: { consumer: { prefetch: 1 } } }");
    let destination = broker.name("d");
    let mut alone = Member::join(&binder, &destination, "alone").await;
    let mut one = Member::join(&binder, &destination, "shared").await;
    let mut two = Member::join(&binder, &destination, "shared").await;
    for number in ["1", "2"] {
        broker.publish(&destination, "k", number.as_bytes(), BasicProperties::default()).await;
    }
    let first = alone.receive(1).await;
    assert_eq!(payloads(&first), ["1"], "a prefetch of 1 is one delivery");
    alone.settle(first, Settlement::Ack).await;
    assert_eq!(payloads(&alone.receive(1).await), ["2"]);
    let (one_got, two_got) = tokio::join!(one.receive(1), two.receive(1));
    let mut both = [payloads(&one_got), payloads(&two_got)].concat();
    both.sort();
    assert_eq!(both, ["1", "2"]);
    for member in [alone, one, two] {
        member.leave().await;
    }
    broker.clean().await;
}

#[tokio::test]
async fn an_anonymous_group_sees_what_comes_from_now_on_and_leaves_nothing_behind() {
    let Some(broker) = broker("anonymous").await else { return };
    let binder = broker.binder("{}");
    let destination = broker.name("d");
    let mut spec = input_spec(&destination, "");
    spec.group = None;
    let mut member = Member(binder.bind_input(spec).await.unwrap());
    broker.publish(&destination, "k", b"1", BasicProperties::default()).await;
    let batch = member.receive(1).await;
    let queue = batch[0].message.headers().text("amqp_consumerQueue").unwrap().to_owned();
    assert!(queue.starts_with(&format!("{destination}.anonymous.")), "{queue}");
    assert_eq!(queue.len(), destination.len() + ".anonymous.".len() + 22);
    member.settle(batch, Settlement::Ack).await;
    member.leave().await;
    drop(binder);
    assert!(broker.listed("queues").await.is_empty());
    broker.clean().await;
}

#[tokio::test]
async fn what_is_requeued_comes_again_and_says_so() {
    let Some(broker) = broker("requeue").await else { return };
    let binder = broker.binder("{}");
    let destination = broker.name("d");
    let mut member = Member::join(&binder, &destination, "g").await;
    broker.publish(&destination, "k", b"1", BasicProperties::default()).await;
    let first = member.receive(1).await;
    member.settle(first, Settlement::Requeue).await;
    let again = member.receive(1).await;
    assert_eq!(again[0].attempt, 2);
    assert_eq!(again[0].message.headers().get("amqp_redelivered"), Some(&HeaderValue::Bool(true)));
    drop(again);
    member.leave().await;
    // What was not settled when the member left is there again.
    broker.until_waiting(&format!("{destination}.g"), 1).await;
    broker.clean().await;
}

#[tokio::test]
async fn what_is_rejected_goes_to_the_dead_letters_byte_for_byte() {
    let Some(broker) = broker("reject").await else { return };
    let prefix = &broker.prefix;
    let binder =
        broker.binder(&format!("{{ default: {{ consumer: {{ auto-bind-dlq: true, prefix: {prefix} }} }} }}"));
    let mut member = Member::join(&binder, "d", "g").await;
    let exchange = broker.name("d");
    let properties = BasicProperties::default().with_message_id("m-1".into());
    broker.publish(&exchange, "k", b"\x00\xff", properties).await;
    let batch = member.receive(1).await;
    member.settle(batch, Settlement::Reject).await;
    let letter = broker.take(&broker.name("d.g.dlq"), 1).await.remove(0);
    assert_eq!(letter.data, b"\x00\xff");
    assert_eq!(letter.properties.message_id().as_ref().unwrap().as_str(), "m-1");
    assert!(letter.properties.headers().as_ref().unwrap().contains_key("x-death"));
    member.leave().await;
    broker.clean().await;
}

#[tokio::test]
async fn no_more_than_the_prefetch_and_the_bound_is_out_at_once() {
    let Some(broker) = broker("prefetch").await else { return };
    let binder = broker.binder("{ default: { consumer: { prefetch: 5 } } }");
    let destination = broker.name("d");
    let mut spec = input_spec(&destination, "g");
    spec.max_in_flight = 3;
    let mut member = Member(binder.bind_input(spec).await.unwrap());
    for number in 0..20 {
        broker.publish(&destination, "k", number.to_string().as_bytes(), BasicProperties::default()).await;
    }
    let queue = format!("{destination}.g");
    broker.until_waiting(&queue, 15).await;
    let mut seen = 0;
    while seen < 20 {
        let batch = member.batch().await;
        assert!(batch.len() <= 3, "the bound is 3");
        seen += batch.len();
        member.settle(batch, Settlement::Ack).await;
    }
    member.leave().await;
    assert_eq!(broker.waiting(&queue).await, 0);
    broker.clean().await;
}

#[tokio::test]
async fn an_input_that_is_given_up_at_any_step_of_its_binding_leaves_no_reader_behind() {
    let Some(broker) = broker("given up").await else { return };
    let binder = broker.binder("{}");
    let destination = broker.name("d");
    // With this the connection is there, and so is the queue.
    Member::join(&binder, &destination, "g").await.leave().await;
    let mut is_bound = false;
    for steps in 0.. {
        let mut binding = binder.bind_input(input_spec(&destination, "g"));
        let mut left = steps;
        is_bound |= poll_fn(|cx| match binding.poll_unpin(cx) {
            Poll::Ready(bound) => Poll::Ready(bound.is_ok()),
            Poll::Pending if left == 0 => Poll::Ready(false),
            Poll::Pending => {
                left -= 1;
                Poll::Pending
            }
        })
        .await;
        if is_bound {
            break;
        }
    }
    let queue = format!("{destination}.g");
    eventually("nobody reads", async || broker.readers(&queue).await == 0).await;
    broker.clean().await;
}
