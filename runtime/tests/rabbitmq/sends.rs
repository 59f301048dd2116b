//! Headers on the wire: type by type what Spring sent for the same header.

use std::collections::BTreeMap;

use lapin::types::AMQPValue;
use serde_json::{Value, json};
use wellspring::{HeaderValue, Message};

use super::ends::{Writer, broker};

const SENDS: &str = include_str!("../captures/rabbit-sends.json");

/// Headers that differ on purpose.
const DIFFERENT: &[(&str, &str)] = &[
    ("h-decimal", "there is no decimal among our header values; it travels as its text"),
    ("content-type", "`content-type` is the content type, however it is spelled"),
    ("Content-Type", "`content-type` is the content type, however it is spelled"),
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

fn bytes_of(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// A value of the wire as the recordings write it.
fn written(value: &AMQPValue) -> Value {
    let of = |kind: &str, value: Value| json!({ "amqp": kind, "value": value });
    match value {
        AMQPValue::Boolean(truth) => of("t", json!(truth)),
        AMQPValue::ShortShortInt(number) => of("b", json!(number)),
        AMQPValue::ShortInt(number) => of("s", json!(number)),
        AMQPValue::LongInt(number) => of("I", json!(number)),
        AMQPValue::LongLongInt(number) => of("l", json!(number)),
        AMQPValue::Float(number) => of("f", json!(number)),
        AMQPValue::Double(number) => of("d", json!(number)),
        AMQPValue::LongString(text) => of("S", json!(text.to_string())),
        AMQPValue::Timestamp(seconds) => of("T", json!(seconds)),
        AMQPValue::ByteArray(bytes) => {
            let hex: String = bytes.as_slice().iter().map(|byte| format!("{byte:02x}")).collect();
            of("x", json!({ "hex": hex }))
        }
        AMQPValue::FieldArray(values) => of("A", values.as_slice().iter().map(written).collect()),
        AMQPValue::FieldTable(table) => {
            let fields: BTreeMap<String, Value> =
                table.into_iter().map(|(name, value)| (name.to_string(), written(value))).collect();
            of("F", json!(fields))
        }
        other => panic!("{other:?} is not sent"),
    }
}

#[tokio::test]
async fn every_recorded_header_is_on_the_wire_as_spring_sent_it() {
    let Some(broker) = broker("sends").await else { return };
    let binder = broker.binder("{}");
    let destination = broker.name("d");
    let mut writer = Writer::open(&binder, &destination).await;
    let queue = broker.queue("q", &destination, "#").await;
    let cases: BTreeMap<String, Value> = serde_json::from_str(SENDS).unwrap();
    let mut compared = 0;
    for (name, case) in cases {
        let Some(sent) = case["published"].get(0) else {
            let error = writer.send(Message::new(None)).await.unwrap_err();
            assert!(error.to_string().contains("null"), "{name}: {error}");
            continue;
        };
        let mut message = Message::new(Some(bytes_of(sent["body"]["hex"].as_str().unwrap()).into()));
        for (header, value) in case["spec"]["headers"].as_object().into_iter().flatten() {
            message
                .headers_mut()
                .set(header.as_str(), ours(value["type"].as_str().unwrap(), &value["value"]));
        }
        message.headers_mut().set("contentType", sent["properties"]["content-type"].as_str().unwrap());
        writer.send(message).await.unwrap();
        let found = broker.take(&queue, 1).await.remove(0);
        let table = found.properties.headers().as_ref().unwrap();
        let mut own: BTreeMap<String, Value> =
            table.into_iter().map(|(name, value)| (name.to_string(), written(value))).collect();
        let mut springs: BTreeMap<String, Value> =
            serde_json::from_value(sent["properties"]["headers"].clone()).unwrap();
        for (different, _) in DIFFERENT {
            own.remove(*different);
            springs.remove(*different);
        }
        assert_eq!(own, springs, "{name}");
        let text = |value: &Option<lapin::types::ShortString>| {
            value.as_ref().map_or(Value::Null, |v| json!(v.as_str()))
        };
        let properties = &found.properties;
        let of_spring = &sent["properties"];
        assert_eq!(text(properties.content_type()), of_spring["content-type"], "{name}");
        assert_eq!(text(properties.content_encoding()), of_spring["content-encoding"], "{name}");
        assert_eq!(text(properties.correlation_id()), of_spring["correlation-id"], "{name}");
        assert_eq!(text(properties.reply_to()), of_spring["reply-to"], "{name}");
        assert_eq!(text(properties.expiration()), of_spring["expiration"], "{name}");
        assert_eq!(text(properties.kind()), of_spring["type"], "{name}");
        assert_eq!(text(properties.app_id()), of_spring["app-id"], "{name}");
        assert_eq!(text(properties.cluster_id()), of_spring["cluster-id"], "{name}");
        assert_eq!(json!(properties.priority()), of_spring["priority"], "{name}");
        if name == "headers-amqp" {
            assert_eq!(text(properties.message_id()), of_spring["message-id"]);
            assert_eq!(json!(properties.timestamp()), of_spring["timestamp"]);
            // Spring wants an enumeration of its own there and ignores text; here the text decides.
            assert_eq!(of_spring["delivery-mode"], 2);
            assert_eq!(*properties.delivery_mode(), Some(1));
        } else {
            assert_eq!(json!(properties.delivery_mode()), of_spring["delivery-mode"], "{name}");
        }
        compared += 1;
    }
    assert_eq!(compared, 10);
    broker.clean().await;
}
