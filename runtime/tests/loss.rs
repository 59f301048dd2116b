//! The health of an application while its broker goes away and comes back. A binary of its own: nobody else may use the
//! brokers meanwhile.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect")]

#[path = "support/brokers.rs"]
mod brokers;
#[path = "support/skip.rs"]
mod skip;
#[path = "support/web.rs"]
mod web;

use std::hash::{BuildHasher, RandomState};

use serde_json::{Value, json};
use wellspring::config::Sources;
use wellspring::{Running, Runtime, Sender};

use brokers::brokers;
use web::{get, until};

/// An application that doubles numbers and takes them over HTTP, on destinations of its own.
async fn start(binder: &str, address: &str) -> Running {
    let name = format!("t{:016x}", RandomState::new().hash_one(binder));
    let yaml = format!(
        "
function: {{ definition: double }}
stream:
  bindings:
    double-in-0: {{ destination: {name}.in, group: g, consumer: {{ dead-letter: {name}.dead }} }}
    double-out-0: {{ destination: {name}.out, producer: {{ required-groups: seen }} }}
    numbers: {{ destination: {name}.in }}
  rabbitmq: {{ default: {{ consumer: {{ prefetch: 1 }} }} }}
"
    );
    let arguments = [
        "--http.port=0",
        "--http.address=127.0.0.1",
        "--management.port=0",
        &format!("--stream.default-binder={binder}"),
        address,
    ];
    let send = async |number: u64, sender: Sender| sender.send("numbers", number).await.map(|()| number);
    let builder = Runtime::builder()
        .functions(move |catalog| catalog.function("double", |n: u64| n * 2).function("send", send));
    let sources = Sources::new().args(arguments).built_in("application.yaml", yaml);
    builder.sources(sources).build().unwrap_or_else(|problems| panic!("{problems}")).start().await.unwrap()
}

/// The backlog grows while the input is paused, and shrinks when it goes on.
async fn the_backlog_is_told(running: &Running, waiting: u64) {
    let (http, management) = (running.http_address().unwrap(), running.management_address().unwrap());
    let input = running.binding("double-in-0").unwrap();
    let told = |document: &Value| document["components"]["double-in-0"]["backlog"].as_u64();
    until(management, "/health", |_, document| told(document) == Some(0)).await;
    input.pause();
    input.reached(wellspring::binding::State::Paused).await;
    for number in 0..5 {
        assert_eq!(get(http, &format!("/send/{number}")).await, (200, number.into()));
    }
    let paused = until(management, "/health", |_, document| told(document) == Some(waiting)).await;
    assert_eq!(paused["status"], "up", "an operator's pause is no failure: {paused:#}");
    assert_eq!(paused["components"]["double-in-0"]["state"], "paused");
    assert_eq!(paused["components"]["numbers"]["counts"], json!({"sent": 5}));
    input.resume();
    let after = until(management, "/health", |_, document| {
        let counts = &document["components"]["double-in-0"]["counts"];
        told(document) == Some(0) && counts["succeeded"] == 5
    });
    assert_eq!(after.await["components"]["double-out-0"]["counts"], json!({"sent": 5}));
}

/// Every end is down while the broker is away and up again afterwards, also those that nothing is sent to.
async fn a_loss_is_told(running: &Running, broker: &str) {
    let management = running.management_address().unwrap();
    let ends = ["double-in-0", "double-out-0", "numbers"];
    assert_eq!(get(management, "/health/ready").await.0, 200);
    brokers(&["kill", broker]).await.unwrap();
    let lost = until(management, "/health/ready", |status, document| {
        status == 503 && ends.iter().all(|end| document["components"][end]["connection"] == "down")
    });
    let lost = lost.await;
    for end in ends {
        let component = &lost["components"][end];
        assert_eq!(
            (&component["state"], &component["status"]),
            (&json!("running"), &json!("down")),
            "{lost:#}"
        );
        assert!(component["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{lost:#}");
    }
    assert_eq!(get(management, "/health/live").await.0, 200);
    brokers(&["up", broker]).await.unwrap();
    until(management, "/health/ready", |status, _| status == 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_tells_of_the_backlog_and_the_loss_of_rabbitmq() {
    let Some(uri) = brokers::ours("rabbitmq", "WELLSPRING_TEST_RABBITMQ").await else { return };
    let running = start("rabbitmq", &format!("--stream.rabbitmq.uri={uri}")).await;
    // The one that was handed out before the pause is with its reader.
    the_backlog_is_told(&running, 4).await;
    a_loss_is_told(&running, "rabbitmq").await;
    assert_eq!(running.stop().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_tells_of_the_lag_and_the_loss_of_kafka() {
    let Some(address) = brokers::ours("kafka", "WELLSPRING_TEST_KAFKA").await else { return };
    let running = start("kafka", &format!("--stream.kafka.brokers={address}")).await;
    the_backlog_is_told(&running, 5).await;
    a_loss_is_told(&running, "kafka").await;
    assert_eq!(running.stop().await, 0);
}
