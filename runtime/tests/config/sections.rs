//! Subtrees that somebody else gives a type: binders and the application.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use wellspring::config::{Properties, Section, Sources, human};

use crate::support::{load, yaml};

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Kafka {
    brokers: Vec<String>,
    auto_offset_reset: Reset,
    #[serde(deserialize_with = "human::duration")]
    linger: Duration,
    acks: Option<i16>,
    tls: bool,
    sasl: Option<Sasl>,
    configuration: Properties,
    weights: BTreeMap<String, f64>,
}

impl Default for Kafka {
    fn default() -> Self {
        Self {
            brokers: vec!["localhost".to_owned()],
            auto_offset_reset: Reset::Earliest,
            linger: Duration::ZERO,
            acks: None,
            tls: false,
            sasl: None,
            configuration: Properties::default(),
            weights: BTreeMap::new(),
        }
    }
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Reset {
    Earliest,
    LatestOnly,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Sasl {
    user_name: String,
    password: String,
}

fn kafka(sources: Sources) -> Section {
    load(&sources.binder("kafka")).stream.section("kafka")
}

#[track_caller]
fn problems(section: &Section) -> Vec<String> {
    match section.deserialize::<Kafka>() {
        Ok(read) => panic!("no problem was found: {read:?}"),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn reads_typed_values_in_any_spelling() {
    let section = kafka(yaml(
        "
stream.kafka:
  brokers: [a:1, b:2]
  autoOffsetReset: latest-only
  LINGER: 5ms
  acks: -1
  tls: true
  sasl: { user_name: me, password: 007 }
  configuration: { fetch.min.bytes: 1, nested: { a: true, b: 1.0 } }
  weights: { a.b: 1.5, c_d: 2 }
",
    ));
    let read: Kafka = section.deserialize().expect("a good section");
    assert_eq!(read.brokers, ["a:1", "b:2"]);
    assert_eq!(read.auto_offset_reset, Reset::LatestOnly);
    assert_eq!((read.linger, read.acks, read.tls), (Duration::from_millis(5), Some(-1), true));
    assert_eq!(read.sasl, Some(Sasl { user_name: "me".into(), password: "007".into() }));
    let configuration: Vec<_> =
        read.configuration.iter().map(|(name, text)| format!("{name}={text}")).collect();
    assert_eq!(configuration, ["fetch.min.bytes=1", "nested.a=true", "nested.b=1.0"]);
    assert_eq!(read.weights.into_iter().collect::<Vec<_>>(), [("a.b".into(), 1.5), ("c_d".into(), 2.0)]);
}

#[test]
fn text_becomes_what_the_type_wants() {
    let properties = "stream.kafka.brokers=a:1, b:2\nstream.kafka.acks=1\nstream.kafka.tls=TRUE\n\
                      stream.kafka.configuration.fetch.min.bytes=1\nstream.kafka.weights.x=1\n\
                      stream.kafka.sasl.userName=me\nstream.kafka.sasl.password=p\n";
    let read: Kafka = kafka(Sources::new().built_in("application.properties", properties))
        .deserialize()
        .expect("a good section");
    assert_eq!(read.brokers, ["a:1", "b:2"]);
    assert_eq!((read.acks, read.tls, read.weights["x"].to_string().as_str()), (Some(1), true, "1"));
    assert_eq!(read.configuration["fetch.min.bytes"], "1");
    let places = "stream.kafka.brokers[0]=a\nstream.kafka.brokers[1]=b\n";
    let read: Kafka = kafka(Sources::new().built_in("application.properties", places))
        .deserialize()
        .expect("a good section");
    assert_eq!(read.brokers, ["a", "b"]);
}

#[test]
fn variables_mean_what_the_type_says() {
    let section = kafka(
        yaml(
            "stream.kafka: { brokers: [file], acks: 3, linger: 1s, sasl: { user-name: file, password: p } }",
        )
        .env("WELLSPRING_STREAM_KAFKA_BROKERS", "a,b")
        .env("SPRING_KAFKA_AUTO_OFFSET_RESET", "latest-only")
        .env("WELLSPRING_STREAM_KAFKA_SASL_USER_NAME", "variable")
        .env("WELLSPRING_STREAM_KAFKA_CONFIGURATION_FETCH_MIN_BYTES", "9")
        .env("WELLSPRING_STREAM_KAFKA_LINGER", "2s")
        .env("WELLSPRING_STREAM_KAFKA_ACKS", "4")
        .arg("--stream.kafka.acks=5"),
    );
    let read: Kafka = section.deserialize().expect("a good section");
    assert_eq!(read.brokers, ["a", "b"]);
    assert_eq!(read.auto_offset_reset, Reset::LatestOnly);
    assert_eq!(read.sasl, Some(Sasl { user_name: "variable".into(), password: "p".into() }));
    assert_eq!(read.configuration["fetch.min.bytes"], "9");
    assert_eq!((read.linger, read.acks), (Duration::from_secs(2), Some(5)));
    assert_eq!(section.get("sasl.userName").expect("a value").value, "variable");
    assert_eq!(section.section("sasl").get("user-name").expect("a value").value, "variable");
}

#[test]
fn keys_with_dots_are_steps_in_a_struct_and_names_in_a_map() {
    let section = kafka(yaml(
        "
stream.kafka:
  sasl.userName: me
  sasl: { password: p }
  configuration.fetch.min.bytes: 1
  weights: { a.b: 1 }
",
    ));
    let read: Kafka = section.deserialize().expect("a good section");
    assert_eq!(read.sasl, Some(Sasl { user_name: "me".into(), password: "p".into() }));
    assert_eq!(read.configuration["fetch.min.bytes"], "1");
    assert_eq!(read.weights.into_keys().collect::<Vec<_>>(), ["a.b"]);
    assert_eq!(section.get("sasl.user-name").expect("a value").value, "me");
    assert_eq!(section.section("sasl").names(), ["password", "userName"]);
}

#[test]
fn every_wrong_value_is_reported_with_its_place() {
    let section = kafka(yaml(
        "
stream.kafka:
  broker: [a]
  auto-offset-reset: latest
  linger: soon
  acks: many
  tls: yes
  sasl: { user-name: [x], pasword: x }
",
    ));
    let place = "built-in application.yaml";
    assert_eq!(
        problems(&section),
        [
            format!("{place}:3:3: `stream.kafka.broker`: unknown key; did you mean `brokers`?"),
            format!(
                "{place}:4:22: `stream.kafka.auto-offset-reset`: found `latest`, expected one of `earliest`, `latest-only`; did you mean `latest-only`?"
            ),
            format!(
                "{place}:5:11: `stream.kafka.linger`: found `soon`, expected a duration such as `1500ms`, `2s` or `1m`"
            ),
            format!("{place}:6:9: `stream.kafka.acks`: found `many`, expected a whole number"),
            format!("{place}:7:8: `stream.kafka.tls`: found `yes`, expected `true` or `false`; write `true`"),
            format!("{place}:8:22: `stream.kafka.sasl.user-name`: found a list, expected a single value"),
            format!("{place}:8:27: `stream.kafka.sasl.pasword`: unknown key; did you mean `password`?"),
        ]
    );
}

#[test]
fn wrong_variables_are_reported_by_name() {
    let section =
        kafka(Sources::new().env("SPRING_KAFKA_ACKS", "x").env("WELLSPRING_STREAM_KAFKA_BROKER", "y"));
    assert_eq!(
        problems(&section),
        [
            "variable `SPRING_KAFKA_ACKS`: `stream.kafka.acks`: found `x`, expected a whole number",
            "variable `WELLSPRING_STREAM_KAFKA_BROKER`: `stream.kafka.broker`: unknown key; did you mean `brokers`?",
        ]
    );
}

#[test]
fn two_spellings_in_one_map_are_refused() {
    let section =
        Section::from_yaml("stream.kafka", "{ auto-offset-reset: earliest, autoOffsetReset: latest-only }");
    let problems = problems(&section.expect("a map"));
    assert_eq!(
        problems,
        ["yaml:1:32: `stream.kafka.autoOffsetReset`: given twice in different spellings, first at yaml:1:3"]
    );
}

#[test]
fn the_application_reads_its_own_settings() {
    #[derive(Debug, Deserialize, PartialEq)]
    struct App {
        greeting: String,
        limits: Vec<u32>,
        #[serde(default)]
        any: serde_json::Value,
        mode: Mode,
    }
    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "kebab-case")]
    enum Mode {
        Fixed { size: u8 },
    }
    let config = load(&yaml(
        "app: { greeting: 'Hello ${NAME}', limits: [1, 2], any: { a: [1, x, true, 1.5, ~] }, mode: { fixed: { size: 3 } } }",
    )
    .env("NAME", "you"));
    let app: App = config.app().deserialize().expect("a good section");
    assert_eq!(app.greeting, "Hello you");
    assert_eq!((app.limits, app.mode), (vec![1, 2], Mode::Fixed { size: 3 }));
    assert_eq!(app.any, serde_json::json!({ "a": [1, "x", true, 1.5, null] }));
    assert!(load(&yaml("")).app().is_empty());
    let problems = load(&yaml("")).app().deserialize::<App>().expect_err("nothing is there");
    assert_eq!(
        problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["`app.greeting`: a value is missing"]
    );
}

#[test]
fn later_layers_reach_into_free_subtrees() {
    let config = load(
        &yaml("app: { pool: { max-size: 1, name: a }, list: [1, 2] }")
            .built_in("application-p.yaml", "app: { pool: { maxSize: 2 }, list: [3] }")
            .arg("--profile=p")
            .arg("--app.pool.name=b"),
    );
    let value = |path: &str| config.app().get(path).expect("a value").value;
    assert_eq!((value("pool.max-size"), value("pool.name")), ("2".into(), "b".into()));
    assert_eq!(config.app().deserialize::<serde_json::Value>().expect("any")["list"], serde_json::json!([3]));
}
