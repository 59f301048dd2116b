//! Health and the catalog on a listener of their own.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wellspring::http::{Component, Health, Management, RunningManagement};
use wellspring::{Catalog, Entry, Location, schemars};

use super::support::{Answer, call_at, config, text_functions};

async fn start(catalog: Catalog, health: &Health) -> RunningManagement {
    let config = config(&[]).management;
    Management::new(catalog, health.clone(), config).bind().await.unwrap().start()
}

async fn get(management: &RunningManagement, target: &str) -> Answer {
    call_at(management.address(), "GET", target, &[], b"").await
}

#[tokio::test]
async fn health_follows_the_components_and_the_drain() {
    let health = Health::new();
    let management = start(text_functions().build().unwrap(), &health).await;
    assert!(management.address().ip().is_loopback());
    health.report("http", Component::up().with_detail("listening on 127.0.0.1:8080"));
    let up = get(&management, "/health").await;
    let expected = serde_json::json!({
        "status": "up",
        "components": { "http": { "status": "up", "detail": "listening on 127.0.0.1:8080" } },
    });
    assert_eq!((up.status, up.json()), (200, expected));

    for (change, status, code) in
        [("kafka is down", "down", 503), ("kafka is up", "up", 200), ("drain", "draining", 503)]
    {
        match change {
            "kafka is down" => health.report("kafka", Component::down("no broker answers")),
            "kafka is up" => health.report("kafka", Component::up()),
            _ => health.drain(),
        }
        for target in ["/health", "/health/ready"] {
            let answer = get(&management, target).await;
            assert_eq!(
                (answer.status, answer.json()["status"].as_str()),
                (code, Some(status)),
                "{change} {target}"
            );
        }
        assert_eq!(get(&management, "/health/live").await.status, 200);
    }
    assert_eq!(management.drain(Duration::from_secs(1)).await.abandoned, 0);
}

/// A person.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Person {
    name: String,
}

#[tokio::test]
async fn the_catalog_is_told_with_types_schemas_and_places() {
    let location = Location::from(std::panic::Location::caller());
    let entry = Entry::function("person", location, |person: Person| person)
        .described("Hands a person on.")
        .with_input_schema(Some(|| schemars::schema_for!(Person)));
    let catalog = Catalog::builder()
        .entry(entry)
        .supplier("words", || futures_util::stream::iter(["a".to_owned()]))
        .consumer("sink", |_: Vec<u8>| ())
        .build()
        .unwrap();
    let management = start(catalog, &Health::new()).await;
    let functions = get(&management, "/functions").await.json();
    let functions = functions.as_array().unwrap();
    assert_eq!(
        functions.iter().map(|f| f["name"].as_str().unwrap()).collect::<Vec<_>>(),
        ["person", "sink", "words"]
    );
    let person = &functions[0];
    assert_eq!(
        (person["kind"].as_str(), person["description"].as_str()),
        (Some("function"), Some("Hands a person on."))
    );
    assert_eq!(person["location"], location.to_string());
    assert_eq!((&person["input"]["type"], &person["input"]["shape"]), (&"Person".into(), &"one".into()));
    assert_eq!(person["input"]["schema"]["properties"]["name"]["type"], "string");
    assert_eq!(person["output"].get("schema"), None);
    assert_eq!(
        (&functions[1]["kind"], &functions[1]["output"]),
        (&"consumer".into(), &serde_json::Value::Null)
    );
    assert_eq!(
        (&functions[2]["output"]["shape"], &functions[2]["input"]),
        (&"stream".into(), &serde_json::Value::Null)
    );
}

#[tokio::test]
async fn answers_nothing_else() {
    let management = start(text_functions().build().unwrap(), &Health::new()).await;
    for target in ["/", "/uppercase", "/health/", "/metrics"] {
        assert_eq!(get(&management, target).await.status, 404, "{target}");
    }
    let post = call_at(management.address(), "POST", "/functions", &[], b"x").await;
    assert_eq!((post.status, post.header("allow")), (405, Some("GET, HEAD, OPTIONS")));
    let head = call_at(management.address(), "HEAD", "/functions", &[], b"").await;
    assert!(head.status == 200 && head.header("content-length") != Some("0"));
}

#[tokio::test]
async fn a_port_in_use_names_its_own_key() {
    let first = start(text_functions().build().unwrap(), &Health::new()).await;
    let config = config(&[&format!("--management.port={}", first.address().port())]).management;
    let error =
        Management::new(text_functions().build().unwrap(), Health::new(), config).bind().await.unwrap_err();
    assert!(error.to_string().contains("set `management.port` to another port"), "{error}");
}
