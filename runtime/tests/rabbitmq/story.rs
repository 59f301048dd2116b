//! The story of the documentation, chosen by one line of configuration.

use lapin::BasicProperties;
use wellspring::Runtime;
use wellspring::config::Sources;

use super::ends::{broker, eventually};
use super::wire::{bytes_of, properties};

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

/// What the two services of the documentation did when they were Spring's.
const RECORDED: &str = include_str!("../captures/rabbit-accounts-message.json");

#[tokio::test]
async fn the_two_services_declare_and_send_what_they_did_when_they_were_springs() {
    let Some(broker) = broker("accounts and message").await else { return };
    let text = RECORDED.replace("send-communication", &broker.name("send-communication"));
    let text = text.replace("communication-sent", &broker.name("communication-sent"));
    let recorded: serde_json::Value = serde_json::from_str(&text).unwrap();
    let yaml = format!(
        "
stream:
  default-binder: rabbitmq
  bindings:
    emailsms-in-0: {{ destination: {0}send-communication, group: message }}
    emailsms-out-0: {{ destination: {0}communication-sent }}
    updateCommunication-in-0: {{ destination: {0}communication-sent, group: accounts }}
  rabbitmq: {{ uri: '{1}' }}
",
        broker.prefix, broker.uri
    );
    let (told, mut communicated) = tokio::sync::mpsc::unbounded_channel();
    let mut services = Vec::new();
    for definition in ["updateCommunication", "email|sms"] {
        let told = told.clone();
        let functions = move |catalog: wellspring::CatalogBuilder| {
            catalog
                .function("email", |message: serde_json::Value| message)
                .function("sms", |message: serde_json::Value| message["accountNumber"].as_u64().unwrap_or(0))
                .consumer("updateCommunication", move |account: u64| {
                    let _ = told.send(account);
                })
        };
        let args = ["--http.enabled=false".to_owned(), "--management.enabled=false".to_owned()];
        let definition = format!("--function.definition={definition}");
        let sources = Sources::new().args(args).args([definition]).built_in("application.yaml", &yaml);
        let runtime = Runtime::builder().functions(functions).sources(sources).build();
        services.push(runtime.unwrap_or_else(|problems| panic!("{problems}")).start().await.unwrap());
    }
    for kind in ["exchanges", "queues", "bindings"] {
        let name =
            |one: &serde_json::Value| one["name"].as_str().or(one["destination"].as_str()).map(str::to_owned);
        let mut found = broker.listed(kind).await;
        found.retain(|one| one["source"] != "");
        let names =
            |all: &[serde_json::Value]| all.iter().map(name).collect::<std::collections::BTreeSet<_>>();
        assert_eq!(names(&found), names(recorded["broker"][kind].as_array().unwrap()), "{kind}");
    }
    let seen = broker.queue("seen", &broker.name("communication-sent"), "#").await;
    let published = &recorded["published"];
    let from_accounts = published["accounts"].as_array().unwrap();
    for (sent, expected) in from_accounts.iter().zip(published["message"].as_array().unwrap()) {
        let sent_with = BasicProperties::default()
            .with_content_type("application/json".into())
            .with_headers(Default::default())
            .with_delivery_mode(2)
            .with_priority(0)
            .with_message_id(sent["properties"]["message-id"].as_str().unwrap().into())
            .with_timestamp(sent["properties"]["timestamp"].as_u64().unwrap());
        let body = bytes_of(sent["body"]["hex"].as_str().unwrap());
        let (exchange, key) = (sent["exchange"].as_str().unwrap(), sent["routing-key"].as_str().unwrap());
        broker.publish(exchange, key, &body, sent_with).await;
        let found = broker.take(&seen, 1).await.remove(0);
        assert_eq!(properties(&found.properties), expected["properties"]);
        assert_eq!(found.data, bytes_of(expected["body"]["hex"].as_str().unwrap()));
        assert_eq!(found.exchange.as_str(), expected["exchange"]);
        assert_eq!(found.routing_key.as_str(), expected["routing-key"]);
        let account = tokio::time::timeout(super::ends::PATIENCE, communicated.recv()).await.unwrap();
        assert_eq!(
            account.map(serde_json::Value::from).unwrap(),
            recorded["communicated"][account.unwrap() as usize - 1000]
        );
    }
    for service in services {
        assert_eq!(service.stop().await, 0);
    }
    broker.clean().await;
}
