//! The story of the documentation, chosen by one line of configuration.

use lapin::BasicProperties;
use wellspring::Runtime;
use wellspring::config::Sources;

use super::ends::{broker, eventually};

#[tokio::test]
async fn a_composition_is_bound_to_rabbitmq_by_one_line_of_configuration() {
    let Some(broker) = broker("story").await else { return };
    let (input, output) = (broker.name("send-communication"), broker.name("communication-sent"));
    let yaml = format!(
        "
function: {{ definition: email|sms }}
stream:
  bindings:
    emailsms-in-0: {{ destination: {input}, group: message }}
    emailsms-out-0: {{ destination: {output} }}
"
    );
    let args = [
        "--http.enabled=false".to_owned(),
        "--management.enabled=false".to_owned(),
        "--stream.default-binder=rabbitmq".to_owned(),
        format!("--spring.rabbitmq.addresses={}", broker.uri),
    ];
    let sources = Sources::new().args(args).built_in("application.yaml", &yaml);
    let functions = |catalog: wellspring::CatalogBuilder| {
        catalog
            .function("email", |message: serde_json::Value| message)
            .function("sms", |message: serde_json::Value| message["accountNumber"].as_u64().unwrap_or(0))
    };
    let runtime = Runtime::builder().functions(functions).sources(sources).build();
    let running = runtime.unwrap_or_else(|problems| panic!("{problems}")).start().await.unwrap();
    let queue = broker.queue("seen", &output, "#").await;
    let properties = BasicProperties::default().with_content_type("application/json".into());
    for number in 0..100 {
        let payload = format!(r#"{{"accountNumber":{number},"name":"Łucja"}}"#);
        broker.publish(&input, &input, payload.as_bytes(), properties.clone()).await;
    }
    for (number, found) in (0..).zip(broker.take(&queue, 100).await) {
        assert_eq!(found.data, format!("{number}").into_bytes());
        assert_eq!(found.properties.content_type().as_ref().unwrap().as_str(), "application/json");
    }
    assert_eq!(running.stop().await, 0);
    assert_eq!(broker.waiting(&format!("{input}.message")).await, 0);
    broker.clean().await;
}

#[tokio::test]
async fn a_message_whose_function_fails_for_good_is_with_the_brokers_dead_letters() {
    let Some(broker) = broker("dead letters").await else { return };
    let yaml = format!(
        "
function: {{ definition: never }}
stream:
  default-binder: rabbitmq
  bindings:
    never-in-0: {{ destination: d, group: g, consumer: {{ max-attempts: 2, back-off-initial-interval: 1ms }} }}
  rabbitmq:
    uri: '{}'
    bindings: {{ never-in-0: {{ consumer: {{ auto-bind-dlq: true, prefix: {} }} }} }}
",
        broker.uri, broker.prefix
    );
    let sources = Sources::new().args(["--http.enabled=false", "--management.enabled=false"]);
    let never = |number: u64| {
        Err::<(), _>(wellspring::Error::message(wellspring::Kind::Retryable, format!("no {number}")))
    };
    let builder = Runtime::builder().functions(move |catalog| catalog.consumer("never", never));
    let runtime = builder.sources(sources.built_in("application.yaml", &yaml)).build();
    let running = runtime.unwrap_or_else(|problems| panic!("{problems}")).start().await.unwrap();
    let properties = BasicProperties::default().with_content_type("application/json".into());
    broker.publish(&broker.name("d"), "d", b"7", properties).await;
    let letter = broker.take(&broker.name("d.g.dlq"), 1).await.remove(0);
    assert_eq!(letter.data, b"7");
    assert_eq!(letter.routing_key.as_str(), broker.name("d.g"));
    let stats = running.binding("never-in-0").unwrap().stats();
    eventually("the original is settled", async || stats.dead_lettered.get() == 1).await;
    assert_eq!(running.stop().await, 0);
    broker.clean().await;
}
