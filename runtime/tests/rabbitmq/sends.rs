//! Messages on the wire: type by type what Spring sent for the same payload and the same header.

use std::collections::BTreeMap;

use serde_json::Value;
use wellspring::{HeaderValue, Message};

use super::ends::{Writer, broker};
use super::wire::{bytes_of, properties};

const SENDS: &str = include_str!("../captures/rabbit-sends.json");

/// Headers that differ on purpose.
const DIFFERENT: &[(&str, &str)] = &[
    ("h-decimal", "there is no decimal among our header values; it travels as its text"),
    ("content-type", "`content-type` is the content type, however it is spelled"),
    ("Content-Type", "`content-type` is the content type, however it is spelled"),
];

/// What Spring has no converter for: nothing is sent there, and here what the function has written.
const REFUSED_BY_SPRING: &[&str] = &["string-xml", "pojo-vendor-json", "pojo-octet-stream"];

/// The fields of the recorded objects, in Java's order.
const FIELDS: [&str; 4] = ["accountNumber", "name", "email", "mobileNumber"];

/// What is the same in every send; the others are new with each.
const PROPERTIES: &[&str] = &[
    "content-type",
    "content-encoding",
    "correlation-id",
    "reply-to",
    "expiration",
    "type",
    "app-id",
    "cluster-id",
    "priority",
];

/// A header as a function would set it; nothing for types of Java that have no counterpart.
fn ours(kind: &str, value: &Value) -> HeaderValue {
    let whole = || value.as_i64().unwrap();
    let text = || value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match kind {
        "int" => i32::try_from(whole()).unwrap().into(),
        "long" => whole().into(),
        "short" => i16::try_from(whole()).unwrap().into(),
        "byte" => i8::try_from(whole()).unwrap().into(),
        "bool" => value.as_bool().unwrap().into(),
        "double" => value.as_f64().unwrap().into(),
        "float" => (value.as_f64().unwrap() as f32).into(),
        "bytes" => bytes_of(&text()).into(),
        "date" => HeaderValue::Timestamp(whole()),
        "map" | "list" => nested(value),
        // Spring sends the text of anything else.
        "instant" => "2023-11-14T22:13:20.123Z".into(),
        "pojo" => "AccountsMsgDto[accountNumber=7, name=żółć, email=null, mobileNumber=1]".into(),
        _ => text().into(),
    }
}

/// The payload as a codec writes it for such a value, which is tested where codecs are; nothing for null.
fn payload(spec: &Value) -> Option<Vec<u8>> {
    let value = &spec["payload"]["value"];
    Some(match spec["payload"]["type"].as_str().unwrap() {
        "kafka-null" => return None,
        "bytes" => bytes_of(value.as_str().unwrap()),
        "string" | "decimal" => value.as_str().unwrap().into(),
        "date" => b"\"2023-11-14T22:13:20.123Z\"".into(),
        "pojo" => {
            let fields = FIELDS.map(|name| format!("\"{name}\":{}", value[name])).join(",");
            format!("{{{fields}}}").into()
        }
        _ => value.to_string().into(),
    })
}

fn nested(value: &Value) -> HeaderValue {
    match value {
        Value::Object(fields) => HeaderValue::Map(
            fields.iter().map(|(name, value)| (name.as_str().into(), nested(value))).collect(),
        ),
        Value::Array(values) => HeaderValue::List(values.iter().map(nested).collect()),
        Value::Number(number) => i32::try_from(number.as_i64().unwrap()).unwrap().into(),
        Value::Bool(truth) => (*truth).into(),
        other => other.as_str().unwrap().into(),
    }
}

#[tokio::test]
async fn every_recorded_message_is_on_the_wire_as_spring_sent_it() {
    let Some(broker) = broker("sends").await else { return };
    let binder = broker.binder("{}");
    let destination = broker.name("d");
    let mut writer = Writer::open(&binder, &destination).await;
    let queue = broker.queue("q", &destination, "#").await;
    let cases: BTreeMap<String, Value> = serde_json::from_str(SENDS).unwrap();
    let mut compared = 0;
    for (name, case) in cases {
        let mut message = Message::new(payload(&case["spec"]).map(Into::into));
        let Some(sent) = case["published"].get(0) else {
            let sent = writer.send(message).await;
            if REFUSED_BY_SPRING.contains(&&*name) {
                sent.unwrap();
                broker.take(&queue, 1).await;
            } else {
                let error = sent.unwrap_err();
                assert!(error.to_string().contains("null"), "{name}: {error}");
            }
            continue;
        };
        for (header, value) in case["spec"]["headers"].as_object().into_iter().flatten() {
            message
                .headers_mut()
                .set(header.as_str(), ours(value["type"].as_str().unwrap(), &value["value"]));
        }
        message.headers_mut().set("contentType", sent["properties"]["content-type"].as_str().unwrap());
        writer.send(message).await.unwrap();
        let found = broker.take(&queue, 1).await.remove(0);
        assert_eq!(found.data, bytes_of(sent["body"]["hex"].as_str().unwrap()), "{name}");
        let all = properties(&found.properties);
        let mut own: BTreeMap<String, Value> = serde_json::from_value(all["headers"].clone()).unwrap();
        let mut springs: BTreeMap<String, Value> =
            serde_json::from_value(sent["properties"]["headers"].clone()).unwrap();
        for (different, _) in DIFFERENT {
            own.remove(*different);
            springs.remove(*different);
        }
        assert_eq!(own, springs, "{name}");
        let of_spring = &sent["properties"];
        for property in PROPERTIES {
            assert_eq!(all[*property], of_spring[*property], "{name}: {property}");
        }
        if name == "headers-amqp" {
            assert_eq!(all["message-id"], of_spring["message-id"]);
            assert_eq!(all["timestamp"], of_spring["timestamp"]);
            // Spring wants an enumeration of its own there and ignores text; here the text decides.
            assert_eq!(of_spring["delivery-mode"], 2);
            assert_eq!(all["delivery-mode"], 1);
        } else {
            assert_eq!(all["delivery-mode"], of_spring["delivery-mode"], "{name}");
        }
        compared += 1;
    }
    assert_eq!(compared, 28);
    broker.clean().await;
}
