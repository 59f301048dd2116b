//! The broker is killed or restarted while messages flow through an application: nothing is lost, and it goes on.

use std::collections::BTreeSet;

use lapin::BasicProperties;
use wellspring::config::Sources;
use wellspring::{Error, Message, Running, Runtime, header_names};

use super::brokers::brokers;
use super::support::{Broker, broker};

/// Each number waits at the broker twice, for longer than it takes to publish all of them.
const RETRIED: &str = "durable-retry: true, back-off-initial-interval: 4s, back-off-multiplier: 1";

async fn started_here(test: &str) -> Option<Broker> {
    crate::brokers::ours("rabbitmq", "WELLSPRING_TEST_RABBITMQ").await?;
    broker(test).await
}

/// An application whose function fails the first two times that it is called with a number, if anything is `retried`.
async fn application(broker: &Broker, retried: bool) -> Running {
    let yaml = format!(
        "
function: {{ definition: double }}
stream:
  default-binder: rabbitmq
  bindings:
    double-in-0: {{ destination: {}, group: g, consumer: {{ {} }} }}
    double-out-0: {{ destination: {}, producer: {{ required-groups: seen }} }}
  rabbitmq: {{ uri: '{}' }}
",
        broker.name("in"),
        if retried { RETRIED } else { "max-attempts: 10" },
        broker.name("out"),
        broker.uri
    );
    let sources = Sources::new().args(["--http.enabled=false", "--management.enabled=false"]);
    let double = move |message: Message<u64>| {
        let attempt = message.headers().integer(header_names::DELIVERY_ATTEMPT).unwrap_or(1);
        if retried && attempt < 3 { Err(Error::retryable("busy")) } else { Ok(message.payload() * 2) }
    };
    let builder = Runtime::builder().functions(move |catalog| catalog.function("double", double));
    let runtime = builder.sources(sources.built_in("application.yaml", &yaml)).build();
    runtime.unwrap_or_else(|problems| panic!("{problems}")).start().await.unwrap()
}

async fn flows_through(test: &str, retried: bool, faults: &[&[&str]]) {
    let Some(before) = started_here(test).await else { return };
    let running = application(&before, retried).await;
    let (input, seen) = (before.name("in"), before.name("out.seen"));
    let properties =
        BasicProperties::default().with_content_type("application/json".into()).with_delivery_mode(2);
    for number in 0..2000 {
        before.publish(&input, &input, number.to_string().as_bytes(), properties.clone()).await;
    }
    for fault in faults {
        brokers(fault).await.unwrap();
    }
    let mut after = broker(test).await.unwrap();
    after.prefix.clone_from(&before.prefix);
    for number in 2000..3000 {
        after.publish(&input, &input, number.to_string().as_bytes(), properties.clone()).await;
    }
    let mut missing: BTreeSet<u64> = (0..3000).map(|number| number * 2).collect();
    while !missing.is_empty() {
        let there = after.waiting(&seen).await.max(1) as usize;
        for found in after.take(&seen, there).await {
            missing.remove(&String::from_utf8(found.data).unwrap().parse().unwrap());
        }
    }
    assert_eq!(running.stop().await, 0);
    assert_eq!(after.waiting(&format!("{input}.g")).await, 0);
    after.clean().await;
}

/// One after the other: each takes the broker away from everybody.
#[tokio::test]
async fn nothing_is_lost_when_the_broker_is_restarted_or_killed() {
    flows_through("restart", false, &[&["restart", "rabbitmq"]]).await;
    flows_through("kill", false, &[&["kill", "rabbitmq"], &["up", "rabbitmq"]]).await;
    flows_through("kill while messages wait", true, &[&["kill", "rabbitmq"], &["up", "rabbitmq"]]).await;
}
