//! Letters as lines, sheets and JSON. Nothing of a letter reaches a terminal as it is: what is not printable is escaped.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use wellspring_functions::HeaderValue;

use super::args::Format;
use crate::letters::{Letter, Outcome, attempts, failure, passes};

/// How a letter is written.
pub(super) type Write = fn(&Letter, Format) -> String;

/// How much of an error's text a line shows.
const SHOWN: usize = 100;

/// A letter as one line.
pub(super) fn line(letter: &Letter, format: Format) -> String {
    match format {
        Format::Json => json(&Value::Object(facts(letter))),
        Format::Text => format!("{}\n", summary(letter)),
    }
}

/// A letter with headers and payload.
pub(super) fn sheet(letter: &Letter, format: Format) -> String {
    let headers = letter.message.headers();
    let payload = letter.message.payload().as_deref();
    if format == Format::Json {
        let mut facts = facts(letter);
        let named = headers.iter().map(|(name, value)| (name.to_owned(), value_of(value)));
        let mut named: Map<String, Value> = named.collect();
        named.extend(headers.content_type().map(|found| ("contentType".to_owned(), found.as_str().into())));
        facts.insert("headers".to_owned(), Value::Object(named));
        facts.insert("payload".to_owned(), payload.map_or(Value::Null, bytes_of));
        return json(&Value::Object(facts));
    }
    let mut sheet = format!("{}\n", summary(letter));
    // Writing into a string cannot fail.
    if let Some(found) = headers.content_type() {
        let _ = writeln!(sheet, "  contentType: {}", escaped(found.as_str()));
    }
    for (name, value) in headers.iter() {
        let _ = writeln!(sheet, "  {}: {}", escaped(name), escaped(&shown(value)));
    }
    match payload {
        None => sheet += "\n  (no payload)\n",
        Some(payload) => match text_of(payload) {
            Some(text) => {
                sheet.push('\n');
                for line in text.split('\n') {
                    let _ = writeln!(sheet, "  {}", escaped(line));
                }
            }
            None => {
                let _ = writeln!(sheet, "\n  {} bytes: {}", payload.len(), hex(payload));
            }
        },
    }
    sheet.push('\n');
    sheet
}

/// What became of a letter. As text only what stays has a line, since the others are counted.
pub(super) fn outcome(letter: &Letter, outcome: &Outcome, format: Format) -> String {
    if format == Format::Json {
        let mut facts = facts(letter);
        let (name, value) = match outcome {
            Outcome::Sent(to) => ("to", to.as_str().into()),
            Outcome::Purged => ("purged", true.into()),
            Outcome::Stays(why) => ("stays", why.as_str().into()),
        };
        facts.insert(name.to_owned(), value);
        return json(&Value::Object(facts));
    }
    match outcome {
        Outcome::Stays(why) => format!("{}  stays: {}\n", place(letter), escaped(why)),
        Outcome::Sent(_) | Outcome::Purged => String::new(),
    }
}

/// One line of JSON, with everything escaped that is not printable.
pub(super) fn json(value: &Value) -> String {
    let mut line = String::new();
    for letter in value.to_string().chars() {
        if letter.is_ascii() && !letter.is_control() || letter == '"' || is_printable(letter) {
            line.push(letter);
        } else {
            let mut units = [0; 2];
            for unit in letter.encode_utf16(&mut units) {
                let _ = write!(line, "\\u{unit:04x}");
            }
        }
    }
    line.push('\n');
    line
}

fn facts(letter: &Letter) -> Map<String, Value> {
    let headers = letter.message.headers();
    let failure = failure(headers);
    let facts = json!({
        "place": letter.place,
        "partition": letter.partition,
        "position": letter.position,
        "time": time(letter),
        "key": letter.key.as_deref().map(bytes_of),
        "origin": letter.origin,
        "error": { "kind": failure.kind, "message": failure.message },
        "attempts": attempts(headers),
        "passes": passes(headers),
        "bytes": letter.message.payload().as_ref().map(|payload| payload.len()),
    });
    match facts {
        Value::Object(facts) => facts,
        _ => Map::new(),
    }
}

fn summary(letter: &Letter) -> String {
    let headers = letter.message.headers();
    let failure = failure(headers);
    let mut line = place(letter);
    if let Some(time) = time(letter) {
        let _ = write!(line, "  {time}");
    }
    if let Some(origin) = &letter.origin {
        let _ = write!(line, "  from {}", escaped(origin));
    }
    if let Some(key) = &letter.key {
        let _ = write!(line, "  key {}", escaped(&text_of(key).unwrap_or_else(|| hex(key))));
    }
    if let Some(attempts) = attempts(headers) {
        let _ = write!(line, "  attempts {attempts}");
    }
    if passes(headers) > 0 {
        let _ = write!(line, "  passes {}", passes(headers));
    }
    let said: Vec<_> = failure.kind.into_iter().chain(failure.message).collect();
    if !said.is_empty() {
        let said = escaped(&said.join(": "));
        let short: String = said.chars().take(SHOWN).collect();
        let more = if short.len() < said.len() { "…" } else { "" };
        let _ = write!(line, "  {short}{more}");
    }
    line
}

fn place(letter: &Letter) -> String {
    format!("{} {}:{}", escaped(&letter.place), letter.partition, letter.position)
}

fn time(letter: &Letter) -> Option<String> {
    let moment = jiff::Timestamp::from_millisecond(letter.time?).ok()?;
    Some(format!("{moment:.3}"))
}

fn value_of(value: &HeaderValue) -> Value {
    match value {
        HeaderValue::Null => Value::Null,
        HeaderValue::Bool(truth) => (*truth).into(),
        HeaderValue::Byte(_) | HeaderValue::Short(_) | HeaderValue::Int(_) | HeaderValue::Long(_) => {
            value.as_integer().into()
        }
        HeaderValue::Float(number) => f64::from(*number).into(),
        HeaderValue::Double(number) => (*number).into(),
        HeaderValue::Bytes(bytes) => bytes_of(bytes),
        HeaderValue::List(values) => values.iter().map(value_of).collect(),
        HeaderValue::Map(entries) => {
            entries.iter().map(|(name, value)| (name.to_string(), value_of(value))).collect()
        }
        other => other.to_string().into(),
    }
}

fn shown(value: &HeaderValue) -> String {
    match value_of(value) {
        Value::String(text) => text,
        Value::Object(hex) if matches!(value, HeaderValue::Bytes(_)) => {
            hex.get("hex").and_then(Value::as_str).map_or_else(String::new, |hex| format!("0x{hex}"))
        }
        other => other.to_string(),
    }
}

/// Text where it is text, else an object that says what the bytes are.
fn bytes_of(bytes: &[u8]) -> Value {
    text_of(bytes).map_or_else(|| json!({ "hex": hex(bytes) }), Value::String)
}

/// Bytes that somebody wrote as text.
fn text_of(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let is_text = |letter: char| !letter.is_control() || matches!(letter, '\n' | '\r' | '\t');
    text.chars().all(is_text).then(|| text.to_owned())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn is_printable(letter: char) -> bool {
    matches!(letter, '\'' | '"') || letter.escape_debug().len() == 1
}

/// Text with everything escaped that a terminal would not just print.
fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if is_printable(letter) {
            shown.push(letter);
        } else {
            shown.extend(letter.escape_debug());
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_printed_as_it_is() {
        assert_eq!(escaped("a\u{1b}[2Jb\u{202e}ż'\"\\"), "a\\u{1b}[2Jb\\u{202e}ż'\"\\\\");
        let line = json(&json!({ "a\u{9b}": "\u{1b}\u{202e}ż\"\u{e0001}" }));
        assert_eq!(line, "{\"a\\u009b\":\"\\u001b\\u202eż\\\"\\udb40\\udc01\"}\n");
        let read: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["a\u{9b}"], "\u{1b}\u{202e}ż\"\u{e0001}");
    }

    #[test]
    fn bytes_are_text_only_where_they_are() {
        assert_eq!(bytes_of(b"{\n}"), json!("{\n}"));
        assert_eq!(bytes_of(b"\0\0\0\x02"), json!({ "hex": "00000002" }));
        assert_eq!(shown(&HeaderValue::Bytes(vec![0, 0xff].into())), "0x00ff");
        assert_eq!(shown(&HeaderValue::List(vec![1i32.into(), "x".into()])), "[1,\"x\"]");
    }
}
