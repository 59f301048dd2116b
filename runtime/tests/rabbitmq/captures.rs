//! The topology of every recorded Spring application: ours is the same, or different for a reason.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use wellspring::Message;
use wellspring::binder::rabbitmq::topology::{self, Argument, Arguments, Declaration};
use wellspring::binder::rabbitmq::{Config, RabbitMq};
use wellspring::binder::{Binder, InputSpec, OutputSpec, Sharing};
use wellspring::config::{Problems, Section};

use super::ends::{Broker, Writer, broker, input_spec, output_spec};
use super::wire::{bytes_of, properties};

const INPUTS: &str = include_str!("../captures/rabbit-consumer-topology.json");
const PARTITIONS: &str = include_str!("../captures/rabbit-partitions.json");
const OUTPUTS: &str = include_str!("../captures/rabbit-producers.json");

/// Cases whose settings are refused, and what to use instead.
const REFUSED: &[(&str, &str)] = &[
    ("manual-ack", "a function settles by what it returns, there is nothing to acknowledge by hand"),
    ("transacted", "confirmed outputs and settlement after them replace channel transactions"),
    ("batch", "deliveries are always taken in batches; a function over a stream sees them so"),
    ("anonymous-dlq", "the queue of an anonymous group is gone before anybody looks for its dead letters"),
    ("batching", "several messages in one are not sent; publishes are pipelined instead"),
    ("batching-compress", "several messages in one are not sent; publishes are pipelined instead"),
];
/// Arguments that Spring declares and we do not.
const LEFT_OUT: &[(&str, &str)] = &[(
    "x-queue-leader-locator",
    "RabbitMQ 3.10 refuses it for the queue of an anonymous group, which nobody shares",
)];

/// How a recorded application was configured.
struct Case {
    rabbit: Value,
    core: BTreeMap<String, String>,
}

impl Case {
    fn read(recorded: &Value) -> Self {
        let (mut rabbit, mut core) = (json!({}), BTreeMap::new());
        for argument in recorded["arguments"].as_array().unwrap() {
            let (key, value) = argument.as_str().unwrap().split_once('=').unwrap();
            if let Some(key) = key.strip_prefix("--spring.cloud.stream.rabbit.") {
                // The names below these are not ours to split: `x-match` and the like have no dots.
                put(&mut rabbit, key, value);
            } else if let Some(key) = key.strip_prefix("--spring.cloud.stream.") {
                core.insert(key.to_owned(), value.to_owned());
            }
        }
        Self { rabbit, core }
    }

    fn config(&self) -> Result<Config, Problems> {
        Section::from_yaml("stream.rabbitmq", &self.rabbit.to_string())?.deserialize()
    }

    fn core(&self, ending: &str) -> Option<&str> {
        self.core.iter().find(|(key, _)| key.ends_with(ending)).map(|(_, value)| value.as_str())
    }

    fn binding(&self) -> String {
        let key = self.core.keys().find(|key| key.ends_with(".destination")).unwrap();
        key.split('.').nth(1).unwrap().to_owned()
    }

    /// One input for each index that is listed, as in Spring.
    fn inputs(&self) -> Vec<InputSpec> {
        let list = self.core("instance-index-list").map(str::to_owned);
        let index = self.core(".partitioned").and_then(|_| self.core("instance-index").map(str::to_owned));
        let input = |sharing| InputSpec {
            binding: self.binding(),
            destinations: self.core(".destination").unwrap().split(',').map(str::to_owned).collect(),
            group: self.core(".group").map(str::to_owned),
            sharing,
            ..input_spec("", "")
        };
        match list.or(index) {
            None => vec![input(Sharing::default())],
            Some(indices) => indices
                .split(',')
                .map(|index| Sharing {
                    partitioned: true,
                    instance_index: index.trim().parse().unwrap(),
                    ..Sharing::default()
                })
                .map(input)
                .collect(),
        }
    }

    fn output(&self) -> OutputSpec {
        let groups = self.core("required-groups").unwrap_or_default();
        OutputSpec {
            binding: self.binding(),
            partition_count: self.core("partition-count").map_or(1, |count| count.parse().unwrap()),
            required_groups: groups.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            ..output_spec(self.core(".destination").unwrap())
        }
    }
}

fn put(tree: &mut Value, key: &str, value: &str) {
    match key.split_once('.') {
        Some((name, rest)) => {
            let map = tree.as_object_mut().unwrap();
            put(map.entry(name).or_insert_with(|| Value::Object(Map::new())), rest, value);
        }
        None => tree[key] = Value::String(value.to_owned()),
    }
}

/// A declaration as it was recorded, if the frame is one.
fn recorded(frame: &Value) -> Option<Declaration> {
    let text = |key: &str| frame[key].as_str().unwrap().to_owned();
    let flag = |key: &str| frame[key].as_bool().unwrap();
    let arguments = || -> Arguments {
        let all = frame["arguments"].as_object().unwrap().iter();
        all.filter(|(name, _)| !LEFT_OUT.iter().any(|(left, _)| left == name))
            .map(|(name, value)| {
                let value = &value["value"];
                let value = match value {
                    Value::String(text) => Argument::Text(text.clone()),
                    Value::Number(number) => Argument::Number(number.as_i64().unwrap().try_into().unwrap()),
                    other => Argument::Truth(other.as_bool().unwrap()),
                };
                (name.clone(), value)
            })
            .collect()
    };
    match frame["method"].as_str().unwrap() {
        "exchange.declare" => Some(Declaration::Exchange {
            name: text("exchange"),
            kind: text("type"),
            durable: flag("durable"),
            auto_delete: flag("auto-delete"),
            arguments: arguments(),
        }),
        "queue.declare" if !flag("passive") => Some(Declaration::Queue {
            name: text("queue"),
            durable: flag("durable"),
            exclusive: flag("exclusive"),
            auto_delete: flag("auto-delete"),
            arguments: arguments(),
        }),
        "queue.bind" => Some(Declaration::Binding {
            queue: text("queue"),
            exchange: text("exchange"),
            key: text("routing-key"),
            arguments: arguments(),
        }),
        _ => None,
    }
}

/// Each once, in the order of the first.
fn distinct(all: impl IntoIterator<Item = Declaration>) -> Vec<Declaration> {
    let mut kept = Vec::new();
    for one in all {
        if !kept.contains(&one) {
            kept.push(one);
        }
    }
    kept
}

fn cases(text: &str) -> BTreeMap<String, Value> {
    serde_json::from_str(text).unwrap()
}

fn declared_by_spring(case: &Value) -> Vec<Declaration> {
    distinct(case["frames"].as_array().unwrap().iter().filter_map(recorded))
}

#[test]
fn inputs_declare_what_spring_declares() {
    for (name, case) in cases(INPUTS) {
        let parsed = Case::read(&case);
        let planned = parsed.config().map_err(|problems| problems.to_string()).and_then(|config| {
            let mut declarations = Vec::new();
            for spec in parsed.inputs() {
                let planned = topology::input(&config.consumer(&spec.binding), &spec, "<22 characters>");
                declarations.extend(planned.map_err(|e| e.to_string())?.declarations);
            }
            Ok(declarations)
        });
        let refused = REFUSED.iter().any(|(refused, _)| *refused == name);
        match planned {
            Ok(planned) => {
                assert!(!refused, "`{name}` works now: take it out of the list");
                assert_eq!(distinct(planned), declared_by_spring(&case), "{name}");
            }
            Err(problem) => assert!(refused, "`{name}`: {problem}"),
        }
    }
}

#[test]
fn outputs_declare_what_spring_declares_and_write_where_it_writes() {
    for (name, case) in cases(OUTPUTS) {
        let parsed = Case::read(&case);
        let planned = parsed.config().map_err(|problems| problems.to_string()).and_then(|config| {
            let spec = parsed.output();
            let producer = config.producer(&spec.binding);
            let planned = topology::output(&producer, &spec).map_err(|e| e.to_string())?;
            Ok((planned, producer.routing_key_expression.is_some()))
        });
        let refused = REFUSED.iter().any(|(refused, _)| *refused == name);
        match planned {
            Ok((planned, is_computed)) => {
                assert!(!refused, "`{name}` works now: take it out of the list");
                assert_eq!(distinct(planned.declarations), declared_by_spring(&case), "{name}");
                for published in case["published"].as_array().unwrap() {
                    assert_eq!(published["exchange"], planned.exchange, "{name}");
                    let key = published["routing-key"].as_str().unwrap();
                    let own = is_computed
                        || key == planned.routing_key
                        || parsed.core("partition-count").is_some()
                            && key.rsplit_once('-').is_some_and(|(key, _)| key == planned.routing_key);
                    assert!(own, "{name}: {key} is not {}", planned.routing_key);
                }
            }
            Err(problem) => assert!(refused, "`{name}`: {problem}"),
        }
    }
}

/// What the management interface says of exchanges, queues and bindings, in an order of its own.
fn state(of: &Value, fields: &[&str]) -> Vec<String> {
    let of = of.as_array().cloned().unwrap_or_default();
    let mut all: Vec<_> = of
        .iter()
        .map(|one| {
            // Of a replicated queue it does not say that it is not exclusive: none is.
            let value = |field: &str| match &one[field] {
                Value::Null => json!(false),
                known => known.clone(),
            };
            let fields = fields.iter().map(|field| ((*field).to_owned(), value(field)));
            Value::Object(fields.collect()).to_string()
        })
        .collect();
    all.sort();
    all
}

const OF_EXCHANGES: &[&str] = &["name", "type", "durable", "auto_delete", "internal", "arguments"];
const OF_QUEUES: &[&str] = &["name", "durable", "auto_delete", "exclusive", "arguments"];
const OF_BINDINGS: &[&str] = &["source", "destination", "routing_key", "arguments"];

/// Sends a message that the recorded application sent and compares what is on the wire.
async fn published(broker: &Broker, output: &mut Writer, name: &str, recorded: &Value) {
    let exchange = recorded["exchange"].as_str().unwrap();
    let queue = broker.queue("seen", exchange, "#").await;
    let mut expected = recorded["properties"].clone();
    let body = bytes_of(recorded["body"]["hex"].as_str().unwrap());
    let mut message = Message::new(Some(body.clone().into()));
    for header in ["pk", "rk"] {
        // Also those that are kept out.
        let text = expected["headers"][header]["value"].as_str().unwrap_or("kept out").to_owned();
        message.headers_mut().set(header, text);
    }
    let content_type = if name == "header-patterns" {
        // Spring forgets the content type unless the patterns name it; here it is no header.
        expected["content-type"] = json!("application/json");
        "application/json"
    } else {
        expected["content-type"].as_str().unwrap()
    };
    message.headers_mut().set("contentType", content_type);
    let key = recorded["routing-key"].as_str().unwrap();
    let partition = key.rsplit_once('-').and_then(|(_, partition)| partition.parse().ok());
    output.send_to(message, partition).await.unwrap();
    let found = broker.take(&queue, 1).await.remove(0);
    let mut own = properties(&found.properties);
    for each in ["message-id", "timestamp"] {
        let (new, theirs) = (own[each].take(), expected[each].take());
        assert!(!new.is_null() && !theirs.is_null(), "{name}: both have a new {each}");
    }
    assert_eq!(own, expected, "{name}");
    assert_eq!((found.routing_key.as_str(), found.data), (key, body), "{name}");
}

/// Replays every recorded application on the broker, under names of its own, and compares what is there then.
#[tokio::test]
async fn the_broker_holds_afterwards_what_it_held_with_spring() {
    for (text, is_input) in [(INPUTS, true), (OUTPUTS, false)] {
        for name in cases(text).into_keys() {
            if REFUSED.iter().any(|(refused, _)| *refused == name) || name.starts_with("anonymous") {
                continue;
            }
            let Some(mut broker) = broker(&format!("{name} {is_input}")).await else { return };
            let own = broker.prefix.trim_end_matches('.').to_owned();
            broker.prefix.clone_from(&own);
            // Also the exchange of dead letters, which all applications share by default.
            let text = serde_json::to_string(&cases(text)[&name]).unwrap();
            let text = text.replace("cap", &own).replace("\"DLX\"", &format!("\"{own}DLX\""));
            let case: Value = serde_json::from_str(&text).unwrap();
            let parsed = Case::read(&case);
            let mut config = parsed.config().unwrap();
            config.uri = Some(broker.uri.clone());
            if !text.contains("prefix=") {
                config.default.consumer.dead_letter_exchange = Some(format!("{own}DLX"));
                config.default.producer.dead_letter_exchange = Some(format!("{own}DLX"));
            }
            let binder = RabbitMq::new("rabbitmq", config);
            let (mut inputs, mut output) = (Vec::new(), None);
            if is_input {
                for spec in parsed.inputs() {
                    inputs.push(binder.bind_input(spec).await.unwrap_or_else(|e| panic!("{name}: {e}")));
                }
            } else {
                let made = binder.bind_output(parsed.output()).await;
                output = Some(Writer(made.unwrap_or_else(|e| panic!("{name}: {e}")), 0));
            }
            let mut bindings = broker.listed("bindings").await;
            bindings.retain(|one| one["source"] != "");
            for (kind, fields, found) in [
                ("exchanges", OF_EXCHANGES, broker.listed("exchanges").await),
                ("queues", OF_QUEUES, broker.listed("queues").await),
                ("bindings", OF_BINDINGS, bindings),
            ] {
                let expected = state(&case["broker"][kind], fields);
                assert_eq!(state(&Value::Array(found), fields), expected, "{name}: {kind}");
            }
            if let Some(output) = &mut output {
                for recorded in case["published"].as_array().unwrap() {
                    published(&broker, output, &name, recorded).await;
                }
            }
            for input in inputs {
                input.close().await.unwrap();
            }
            if let Some(output) = output {
                output.0.close().await.unwrap();
            }
            broker.clean().await;
        }
    }
}

/// Keys of text; those of other types are the partition that their expression chooses before the binder sees them.
#[tokio::test]
async fn keys_of_text_choose_the_partitions_that_spring_chose() {
    let recorded: Value = serde_json::from_str(PARTITIONS).unwrap();
    let Some(broker) = broker("partitions").await else { return };
    let destination = broker.name("d");
    let count = u32::try_from(recorded["partition-count"].as_u64().unwrap()).unwrap();
    let spec = OutputSpec { partition_count: count, ..output_spec(&destination) };
    let mut writer = Writer(broker.binder("{}").bind_output(spec).await.unwrap(), 0);
    let queue = broker.queue("seen", &destination, "#").await;
    let keys: Vec<_> =
        recorded["chosen"].as_array().unwrap().iter().filter(|one| one["type"] == "string").collect();
    for one in &keys {
        let key = one["key"].as_str().unwrap();
        writer.send_with_key(super::ends::json("1"), key).await.unwrap();
    }
    for (one, found) in keys.iter().zip(broker.take(&queue, keys.len()).await) {
        assert_eq!(found.routing_key.as_str(), format!("{destination}-{}", one["partition"]), "{one}");
    }
    assert_eq!(keys.len(), 38);
    broker.clean().await;
}

#[test]
fn an_instance_reads_the_partition_that_springs_reads() {
    let recorded: Value = serde_json::from_str(PARTITIONS).unwrap();
    let sharing = Sharing { partitioned: true, instance_count: 4, instance_index: 1, ..Sharing::default() };
    let spec = InputSpec { sharing, ..input_spec("cap.part.header", "pg") };
    let planned = topology::input(&Config::default().consumer("in"), &spec, "").unwrap();
    let frames = recorded["consumer frames (instance 1 of 4)"].as_array().unwrap();
    let springs = distinct(frames.iter().filter_map(self::recorded));
    assert_eq!(planned.declarations, springs);
    assert_eq!(planned.queues, [("cap.part.header.pg-1".to_owned(), 1)]);
}
