//! The broker is killed or restarted while messages flow through an application: nothing is lost, and it goes on.

use std::collections::BTreeSet;

use lapin::BasicProperties;
use wellspring::config::Sources;
use wellspring::{Running, Runtime};

use super::brokers::brokers;
use super::support::{Broker, broker};

async fn started_here(test: &str) -> Option<Broker> {
    crate::brokers::ours("rabbitmq", "WELLSPRING_TEST_RABBITMQ").await?;
    broker(test).await
}

async fn application(broker: &Broker) -> Running {
    let yaml = format!(
        "
function: {{ definition: double }}
stream:
  default-binder: rabbitmq
  bindings:
    double-in-0: {{ destination: {}, group: g, consumer: {{ max-attempts: 10 }} }}
    double-out-0: {{ destination: {}, producer: {{ required-groups: seen }} }}
  rabbitmq: {{ uri: '{}' }}
",
        broker.name("in"),
        broker.name("out"),
        broker.uri
    );
    let sources = Sources::new().args(["--http.enabled=false", "--management.enabled=false"]);
    let builder = Runtime::builder().functions(|catalog| catalog.function("double", |n: u64| n * 2));
    let runtime = builder.sources(sources.built_in("application.yaml", &yaml)).build();
    runtime.unwrap_or_else(|problems| panic!("{problems}")).start().await.unwrap()
}

async fn flows_through(test: &str, faults: &[&[&str]]) {
    let Some(before) = started_here(test).await else { return };
    let running = application(&before).await;
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
    flows_through("restart", &[&["restart", "rabbitmq"]]).await;
    flows_through("kill", &[&["kill", "rabbitmq"], &["up", "rabbitmq"]]).await;
}
