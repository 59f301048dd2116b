//! From our headers to a record's, as Spring writes them: text raw, bytes as they are, everything else as JSON, and
//! `spring_json_header_types` to tell which is which.

use std::any::Any;
use std::fmt::Write as _;

use wellspring_functions::{HeaderValue, Headers, header_names};

use super::names::{TYPES, TYPES_OF_PLAIN, is_always_text};
use super::native::RecordHeaders;
use super::records::Batch;

const STRING: &str = "java.lang.String";

/// Headers that stay inside the process.
const INNER: &[&str] =
    &["id", "timestamp", "deliveryAttempt", "scst_nativeHeadersPresent", TYPES, header_names::MESSAGE_KEY];

/// Whether a header of ours is none of the record's.
fn stays_inside(name: &str) -> bool {
    let is_fact = name.starts_with("kafka_") && !matches!(name, "kafka_correlationId" | "kafka_replyTopic");
    is_fact || INNER.contains(&name)
}

/// A header, without reading any if it is not there.
pub(super) fn get<'a>(headers: &'a Headers, name: &str) -> Option<&'a HeaderValue> {
    if headers.contains(name) { headers.get(name) } else { None }
}

/// The batch that headers came with, and which of its records.
fn received(headers: &Headers) -> Option<(&Batch, u32)> {
    let (source, index) = headers.source()?;
    let source: &dyn Any = source;
    Some((source.downcast_ref()?, index))
}

/// Whether nothing is to be written but a content type: what came with a record as facts stays here.
pub(super) fn is_plain(headers: &Headers) -> bool {
    received(headers).map_or_else(|| headers.is_empty(), |(batch, index)| batch.is_plain(index))
}

/// The key of the record that headers came with, if it has one.
pub(super) fn received_key(headers: &Headers) -> Option<&[u8]> {
    let (batch, index) = received(headers)?;
    batch.key(index)
}

/// The headers of a record.
pub(super) fn write(headers: &Headers) -> Option<RecordHeaders> {
    let content_type = headers.content_type();
    if is_plain(headers) {
        // By far the most frequent case: they go out as they came, or are always the same.
        let content_type = content_type?;
        if let Some(spare) = received(headers).and_then(|(batch, index)| batch.spare(index, content_type)) {
            return Some(spare);
        }
        let mut record = RecordHeaders::with_capacity(2)?;
        record.add(header_names::CONTENT_TYPE, Some(content_type.as_str().as_bytes()));
        record.add(TYPES, Some(TYPES_OF_PLAIN));
        return Some(record);
    }
    let mut record = RecordHeaders::with_capacity(headers.len() + 2)?;
    let mut types = String::new();
    let mut text = String::new();
    for (name, value) in headers.iter() {
        // A name with a zero byte cannot be written at all.
        if stays_inside(name) || name.contains('\0') {
            continue;
        }
        if let HeaderValue::Null = value {
            record.add(name, None);
            continue;
        }
        if let HeaderValue::Bytes(bytes) = value {
            record.add(name, Some(bytes));
            continue;
        }
        text.clear();
        let class = write_value(value, &mut text);
        record.add(name, Some(text.as_bytes()));
        if !(class == STRING && is_always_text(name)) {
            list(&mut types, name, class);
        }
    }
    if let Some(content_type) = content_type {
        record.add(header_names::CONTENT_TYPE, Some(content_type.as_str().as_bytes()));
        list(&mut types, header_names::CONTENT_TYPE, STRING);
    }
    if !types.is_empty() {
        types.push('}');
        record.add(TYPES, Some(types.as_bytes()));
    }
    Some(record)
}

fn list(types: &mut String, name: &str, class: &str) {
    types.push(if types.is_empty() { '{' } else { ',' });
    quote(types, name);
    types.push(':');
    quote(types, class);
}

/// Writes a value and tells its Java class.
fn write_value(value: &HeaderValue, out: &mut String) -> &'static str {
    if let HeaderValue::Text(text) = value {
        out.push_str(text);
        return STRING;
    }
    write_json(value, out);
    match value {
        HeaderValue::Bool(_) => "java.lang.Boolean",
        HeaderValue::Byte(_) => "java.lang.Byte",
        HeaderValue::Short(_) => "java.lang.Short",
        HeaderValue::Int(_) => "java.lang.Integer",
        HeaderValue::Long(_) => "java.lang.Long",
        HeaderValue::Float(_) => "java.lang.Float",
        HeaderValue::Double(_) => "java.lang.Double",
        HeaderValue::Timestamp(_) => "java.util.Date",
        HeaderValue::List(_) => "java.util.ArrayList",
        HeaderValue::Map(_) => "java.util.LinkedHashMap",
        _ => STRING,
    }
}

fn write_json(value: &HeaderValue, out: &mut String) {
    match value {
        HeaderValue::Bool(value) => push(out, value),
        HeaderValue::Byte(n) => push(out, n),
        HeaderValue::Short(n) => push(out, n),
        HeaderValue::Int(n) => push(out, n),
        HeaderValue::Long(n) => push(out, n),
        HeaderValue::Float(n) => push(out, &format_args!("{n:?}")),
        HeaderValue::Double(n) => push(out, &format_args!("{n:?}")),
        HeaderValue::Text(text) => quote(out, text),
        HeaderValue::Bytes(bytes) => quote(out, &String::from_utf8_lossy(bytes)),
        HeaderValue::Timestamp(millis) => match jiff::Timestamp::from_millisecond(*millis) {
            Ok(moment) => push(out, &format_args!("\"{moment:.3}\"")),
            Err(_) => push(out, millis),
        },
        HeaderValue::List(values) => {
            out.push('[');
            for (index, value) in values.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                write_json(value, out);
            }
            out.push(']');
        }
        HeaderValue::Map(entries) => {
            out.push('{');
            for (index, (name, value)) in entries.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                quote(out, name);
                out.push(':');
                write_json(value, out);
            }
            out.push('}');
        }
        _ => out.push_str("null"),
    }
}

fn push(out: &mut String, value: &impl std::fmt::Display) {
    // Writing into a string cannot fail.
    let _ = write!(out, "{value}");
}

fn quote(out: &mut String, text: &str) {
    match serde_json::to_string(text) {
        Ok(quoted) => out.push_str(&quoted),
        Err(_) => out.push_str("\"\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wellspring_functions::ContentType;

    fn written(headers: &Headers) -> Vec<(String, Option<String>)> {
        let record = write(headers).unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        record.iter().map(|(name, value)| (text(name), value.map(text))).collect()
    }

    fn entry(name: &str, value: &str) -> (String, Option<String>) {
        (name.to_owned(), Some(value.to_owned()))
    }

    #[test]
    fn a_content_type_alone_is_listed_as_text() {
        let mut headers = Headers::new();
        assert!(write(&headers).is_none());
        headers.set_content_type(ContentType::JSON);
        let types = entry(TYPES, r#"{"contentType":"java.lang.String"}"#);
        assert_eq!(written(&headers), [entry("contentType", "application/json"), types]);
    }

    #[test]
    fn typed_values_are_json_and_listed_with_their_class() {
        let mut headers: Headers =
            [("tenant", HeaderValue::from("acme")), ("n", 5i32.into())].into_iter().collect();
        headers.append("raw", vec![0u8]);
        headers.append("at", HeaderValue::Timestamp(1_700_000_000_123));
        headers.append("none", HeaderValue::Null);
        let types = r#"{"tenant":"java.lang.String","n":"java.lang.Integer","at":"java.util.Date"}"#;
        let expected = [
            entry("tenant", "acme"),
            entry("n", "5"),
            entry("raw", "\0"),
            entry("at", "\"2023-11-14T22:13:20.123Z\""),
            ("none".to_owned(), None),
            entry(TYPES, types),
        ];
        assert_eq!(written(&headers), expected);
    }

    #[test]
    fn facts_of_the_record_stay_inside() {
        let headers: Headers =
            [("kafka_offset", "1"), ("id", "x"), ("deliveryAttempt", "1"), ("kafka_replyTopic", "r")]
                .into_iter()
                .collect();
        let names: Vec<_> = written(&headers).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["kafka_replyTopic", TYPES]);
    }
}
