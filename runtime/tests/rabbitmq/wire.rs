//! What is on the wire, written as the recordings write it.

use std::collections::BTreeMap;

use lapin::BasicProperties;
use lapin::types::{AMQPValue, ShortString};
use serde_json::{Map, Value, json};

pub(crate) fn bytes_of(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// A value of the wire as the recordings write it.
pub(crate) fn written(value: &AMQPValue) -> Value {
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

/// The table of headers.
pub(crate) fn table(properties: &BasicProperties) -> BTreeMap<String, Value> {
    let table = properties.headers().iter().flatten();
    table.map(|(name, value)| (name.to_string(), written(value))).collect()
}

/// All properties that are set.
pub(crate) fn properties(of: &BasicProperties) -> Value {
    let text = |value: &Option<ShortString>| value.as_ref().map(|value| json!(value.as_str()));
    let all = [
        ("content-type", text(of.content_type())),
        ("content-encoding", text(of.content_encoding())),
        ("headers", Some(json!(table(of)))),
        ("delivery-mode", of.delivery_mode().map(|mode| json!(mode))),
        ("priority", of.priority().map(|priority| json!(priority))),
        ("correlation-id", text(of.correlation_id())),
        ("reply-to", text(of.reply_to())),
        ("expiration", text(of.expiration())),
        ("message-id", text(of.message_id())),
        ("timestamp", of.timestamp().map(|seconds| json!(seconds))),
        ("type", text(of.kind())),
        ("user-id", text(of.user_id())),
        ("app-id", text(of.app_id())),
        ("cluster-id", text(of.cluster_id())),
    ];
    let set = all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(set.collect::<Map<_, _>>())
}
