//! From a record's headers to ours, as Spring reads them: what `spring_json_header_types` lists has its type, the
//! rest is bytes. Facts of the record come after them, under Spring's names.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use rdkafka::message::Timestamp;
use serde_json::Value;
use wellspring_functions::{HeaderName, HeaderValue};

use super::names::{self, TYPES, is_always_text};
use crate::binder::facts::prevail;

/// How many facts a record has at most.
const FACTS: usize = 7;

/// The names of the facts, made once.
struct Names {
    topic: HeaderName,
    partition: HeaderName,
    offset: HeaderName,
    timestamp: HeaderName,
    timestamp_type: HeaderName,
    group: HeaderName,
    key: HeaderName,
    create_time: Arc<str>,
    append_time: Arc<str>,
}

static NAMES: LazyLock<Names> = LazyLock::new(|| Names {
    topic: names::RECEIVED_TOPIC.into(),
    partition: names::RECEIVED_PARTITION.into(),
    offset: names::OFFSET.into(),
    timestamp: names::TIMESTAMP.into(),
    timestamp_type: names::TIMESTAMP_TYPE.into(),
    group: names::GROUP.into(),
    key: names::RECEIVED_KEY.into(),
    create_time: "CREATE_TIME".into(),
    append_time: "LOG_APPEND_TIME".into(),
});

/// What a record is, beside what it carries.
pub(super) struct Facts<'a> {
    /// Topic and partition.
    pub(super) place: Option<(&'a Arc<str>, i32)>,
    pub(super) offset: i64,
    pub(super) timestamp: Timestamp,
    pub(super) group: &'a Arc<str>,
    pub(super) key: Option<Bytes>,
}

/// Reads the headers of one record as they lie in the buffer of its batch. Of several with one name the last counts, as
/// in Spring; nobody else says what is a fact.
pub(super) fn read(raw: Bytes, facts: Facts<'_>) -> Vec<(HeaderName, HeaderValue)> {
    let types = types(&raw);
    let mut entries = Vec::with_capacity(FACTS + Raw(raw.clone()).count());
    for (name, value) in Raw(raw) {
        if *name == *TYPES.as_bytes() {
            continue;
        }
        let name = String::from_utf8_lossy(&name);
        let class = types.get(name.as_ref()).map(String::as_str);
        let value = value.map_or(HeaderValue::Null, |value| typed(&name, class, value));
        entries.push((name.into(), value));
    }
    keep_last(&mut entries);
    let outside = entries.len();
    add(facts, &mut entries);
    prevail(&mut entries, outside);
    entries
}

fn keep_last(entries: &mut Vec<(HeaderName, HeaderValue)>) {
    let mut seen = HashSet::with_capacity(entries.len());
    let keep: Vec<bool> = entries.iter().rev().map(|(name, _)| seen.insert(name.clone())).collect();
    let mut keep = keep.into_iter().rev();
    entries.retain(|_| keep.next().unwrap_or(true));
}

fn add(facts: Facts<'_>, entries: &mut Vec<(HeaderName, HeaderValue)>) {
    let names = &*NAMES;
    if let Some((topic, partition)) = facts.place {
        entries.push((names.topic.clone(), HeaderValue::Text(topic.clone())));
        entries.push((names.partition.clone(), HeaderValue::Int(partition)));
    }
    entries.push((names.offset.clone(), HeaderValue::Long(facts.offset)));
    let time = match facts.timestamp {
        Timestamp::NotAvailable => None,
        Timestamp::CreateTime(time) => Some((time, &names.create_time)),
        Timestamp::LogAppendTime(time) => Some((time, &names.append_time)),
    };
    if let Some((time, kind)) = time {
        entries.push((names.timestamp.clone(), HeaderValue::Long(time)));
        entries.push((names.timestamp_type.clone(), HeaderValue::Text(kind.clone())));
    }
    entries.push((names.group.clone(), HeaderValue::Text(facts.group.clone())));
    if let Some(key) = facts.key {
        entries.push((names.key.clone(), HeaderValue::Bytes(key)));
    }
}

/// The Java classes that the record lists.
fn types(raw: &Bytes) -> HashMap<String, String> {
    let listed = Raw(raw.clone()).filter(|(name, _)| **name == *TYPES.as_bytes()).last();
    let Some((_, Some(json))) = listed else { return HashMap::new() };
    match serde_json::from_slice(&json) {
        Ok(Value::Object(classes)) => classes
            .into_iter()
            .filter_map(|(name, class)| match class {
                Value::String(class) => Some((name, class)),
                _ => None,
            })
            .collect(),
        _ => HashMap::new(),
    }
}

/// A value with the type that is listed for it. One that is not what the list says stays bytes: Spring gives such a
/// record up before anybody sees it.
fn typed(name: &str, class: Option<&str>, value: Bytes) -> HeaderValue {
    let read = match class {
        None if is_always_text(name) => text(&value),
        None => None,
        Some("java.lang.String") if value.first() == Some(&b'"') => json_text(&value),
        Some("java.lang.String") => text(&value),
        Some(class) => json(class, &value),
    };
    read.unwrap_or(HeaderValue::Bytes(value))
}

fn text(value: &[u8]) -> Option<HeaderValue> {
    std::str::from_utf8(value).ok().map(HeaderValue::from)
}

fn json_text(value: &[u8]) -> Option<HeaderValue> {
    serde_json::from_slice::<String>(value).ok().map(HeaderValue::from)
}

fn json(class: &str, value: &[u8]) -> Option<HeaderValue> {
    match class {
        "java.lang.Boolean" => serde_json::from_slice(value).ok().map(HeaderValue::Bool),
        "java.lang.Byte" => serde_json::from_slice(value).ok().map(HeaderValue::Byte),
        "java.lang.Short" => serde_json::from_slice(value).ok().map(HeaderValue::Short),
        "java.lang.Integer" => serde_json::from_slice(value).ok().map(HeaderValue::Int),
        "java.lang.Long" => serde_json::from_slice(value).ok().map(HeaderValue::Long),
        "java.lang.Float" => serde_json::from_slice(value).ok().map(HeaderValue::Float),
        "java.lang.Double" => serde_json::from_slice(value).ok().map(HeaderValue::Double),
        "java.util.Date" | "java.time.Instant" => {
            let written: String = serde_json::from_slice(value).ok()?;
            let moment: jiff::Timestamp = written.parse().ok()?;
            Some(HeaderValue::Timestamp(moment.as_millisecond()))
        }
        // As written: a number may have more digits than any of our types.
        "java.math.BigDecimal" | "java.math.BigInteger" => text(value),
        _ => serde_json::from_slice(value).ok().map(any),
    }
}

fn any(value: Value) -> HeaderValue {
    match value {
        Value::Null => HeaderValue::Null,
        Value::Bool(value) => HeaderValue::Bool(value),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => i32::try_from(whole).map_or(HeaderValue::Long(whole), HeaderValue::Int),
            (None, Some(float)) => HeaderValue::Double(float),
            (None, None) => HeaderValue::from(number.to_string()),
        },
        Value::String(text) => HeaderValue::from(text),
        Value::Array(values) => HeaderValue::List(values.into_iter().map(any).collect()),
        Value::Object(entries) => {
            HeaderValue::Map(entries.into_iter().map(|(name, value)| (name.into(), any(value))).collect())
        }
    }
}

/// Names and values as the polling thread has put them into the buffer.
struct Raw(Bytes);

impl Raw {
    fn length(&mut self) -> Option<i32> {
        let (length, _) = self.0.split_first_chunk::<4>()?;
        let length = i32::from_ne_bytes(*length);
        self.0 = self.0.slice(4..);
        Some(length)
    }

    fn bytes(&mut self, length: usize) -> Option<Bytes> {
        (self.0.len() >= length).then(|| self.0.split_to(length))
    }
}

impl Iterator for Raw {
    type Item = (Bytes, Option<Bytes>);

    fn next(&mut self) -> Option<Self::Item> {
        let length = usize::try_from(self.length()?).ok()?;
        let name = self.bytes(length)?;
        let value = match usize::try_from(self.length()?) {
            Ok(length) => Some(self.bytes(length)?),
            Err(_) => None,
        };
        Some((name, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(class: &str, value: &str) -> HeaderValue {
        typed("h", Some(class), Bytes::copy_from_slice(value.as_bytes()))
    }

    #[test]
    fn listed_values_have_their_type() {
        assert_eq!(read("java.lang.String", "text"), "text".into());
        assert_eq!(read("java.lang.String", "\"quoted\""), "quoted".into());
        assert_eq!(read("java.lang.Integer", "42"), 42i32.into());
        assert_eq!(read("java.lang.Long", "9007199254740993"), 9_007_199_254_740_993i64.into());
        assert_eq!(read("java.lang.Short", "7"), 7i16.into());
        assert_eq!(read("java.lang.Boolean", "true"), true.into());
        assert_eq!(read("java.lang.Double", "1.5"), 1.5f64.into());
        assert_eq!(read("java.lang.Character", "\"x\""), "x".into());
        assert_eq!(read("java.math.BigDecimal", "1.50"), "1.50".into());
        assert_eq!(
            read("java.util.Date", "\"2023-11-14T22:13:20.123Z\""),
            HeaderValue::Timestamp(1_700_000_000_123)
        );
        assert_eq!(
            read("java.util.ArrayList", "[1,\"x\"]"),
            HeaderValue::List(vec![1i32.into(), "x".into()])
        );
    }

    #[test]
    fn values_that_are_not_what_the_list_says_stay_bytes() {
        let bytes = |text: &str| HeaderValue::Bytes(Bytes::copy_from_slice(text.as_bytes()));
        assert_eq!(read("java.lang.Integer", "many"), bytes("many"));
        assert_eq!(read("java.lang.String", "\"half"), bytes("\"half"));
    }

    #[test]
    fn unlisted_values_are_bytes_but_those_of_traces() {
        let value = Bytes::from_static(b"1");
        assert_eq!(typed("h", None, value.clone()), HeaderValue::Bytes(value.clone()));
        for name in ["b3", "traceparent", "X-B3-TraceId"] {
            assert_eq!(typed(name, None, value.clone()), "1".into());
        }
    }
}
