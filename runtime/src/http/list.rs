//! Several messages as one JSON array.

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::StreamExt;
use serde::de::IgnoredAny;
use wellspring_functions::{ContentType, EncodedMessage, Error, Kind, Output, Reply};

/// The most that a stream may answer in one request, in bytes: it is collected before it is sent.
const LONGEST: usize = 64 << 20;

/// Reads streams to their end, so that an error in their middle is the answer. Anything else stays as it is.
pub(super) async fn collect(output: Output) -> Result<Output, Error> {
    match output {
        Output::PerOutput(mut outputs) => {
            for output in &mut outputs {
                *output = collect_one(std::mem::replace(output, Output::Nothing)).await?;
            }
            Ok(Output::PerOutput(outputs))
        }
        output => collect_one(output).await,
    }
}

async fn collect_one(output: Output) -> Result<Output, Error> {
    let Output::Stream(mut stream) = output else { return Ok(output) };
    let (mut replies, mut length): (Vec<Reply>, usize) = (Vec::new(), 0);
    while let Some(reply) = stream.next().await {
        let reply = reply?;
        length = length.saturating_add(reply.message.bytes().len().max(size_of::<Reply>()));
        if length > LONGEST {
            let detail = format!(
                "the stream is longer than {} MB, which is the most one answer may be",
                LONGEST >> 20
            );
            return Err(Error::message(Kind::Fatal, detail));
        }
        replies.push(reply);
        // A stream that is always ready would otherwise never let its deadline pass.
        tokio::task::coop::consume_budget().await;
    }
    Ok(Output::Many(replies))
}

/// The payloads as the elements of a JSON array.
pub(super) fn array(replies: &[Reply]) -> Bytes {
    let payloads: usize = replies.iter().map(|reply| reply.message.bytes().len() + 4).sum();
    let mut array = BytesMut::with_capacity(payloads + 2);
    array.put_u8(b'[');
    for (index, reply) in replies.iter().enumerate() {
        if index > 0 {
            array.put_u8(b',');
        }
        element(reply, &mut array);
    }
    array.put_u8(b']');
    array.freeze()
}

/// What each of several outputs sends: null for nothing, an array for several messages.
pub(super) fn outputs(outputs: &[Output]) -> Bytes {
    let mut all = BytesMut::new();
    all.put_u8(b'[');
    for (index, output) in outputs.iter().enumerate() {
        if index > 0 {
            all.put_u8(b',');
        }
        match output {
            Output::One(reply) => element(reply, &mut all),
            Output::Many(replies) => all.extend_from_slice(&array(replies)),
            // Streams were collected before, and nothing else is the answer of one output.
            Output::Nothing | Output::Stream(_) | Output::Batch(_) | Output::PerOutput(_) => {
                all.extend_from_slice(b"null");
            }
        }
    }
    all.put_u8(b']');
    all.freeze()
}

/// JSON as it is, bytes in Base64 as JSON has no others, anything else as a string; a tombstone is null.
fn element(reply: &Reply, array: &mut BytesMut) {
    let message = &reply.message;
    let Some(payload) = message.payload() else { return array.extend_from_slice(b"null") };
    match message.headers().content_type() {
        Some(own) if own.is_json() && (!reply.sets_headers || is_json(message)) => {
            array.extend_from_slice(payload)
        }
        Some(own) if *own == ContentType::BYTES => base64(payload, array),
        _ => quote(payload, array),
    }
}

/// Whether a payload is the JSON that its message says it is: a function may label any text so.
fn is_json(message: &EncodedMessage) -> bool {
    serde_json::from_slice::<IgnoredAny>(message.bytes()).is_ok()
}

fn quote(text: &[u8], array: &mut BytesMut) {
    let quoted = serde_json::to_vec(&String::from_utf8_lossy(text));
    // A string always has a JSON form.
    array.extend_from_slice(quoted.as_deref().unwrap_or(b"\"\""));
}

fn base64(bytes: &[u8], array: &mut BytesMut) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    array.put_u8(b'"');
    for group in bytes.chunks(3) {
        let bits = group
            .iter()
            .chain([0, 0].iter())
            .take(3)
            .fold(0usize, |bits, byte| bits << 8 | usize::from(*byte));
        for digit in 0..4 {
            let shown = digit <= group.len();
            array.put_u8(if shown { DIGITS[bits >> (18 - 6 * digit) & 63] } else { b'=' });
        }
    }
    array.put_u8(b'"');
}

#[cfg(test)]
mod tests {
    use wellspring_functions::Message;

    use super::*;

    fn reply(payload: impl Into<Bytes>, content_type: &str, sets_headers: bool) -> Reply {
        let content_type = ContentType::parse(content_type).unwrap();
        Reply { message: Message::encoded(payload, content_type), sets_headers }
    }

    #[test]
    fn elements_keep_their_meaning() {
        let replies = [
            reply("{\"a\":1}", "application/json", false),
            reply("say \"hi\"\n", "text/plain;charset=UTF-8", false),
            reply(&b"\x00\xff\xfe\x01"[..], "application/octet-stream", false),
            reply("no json", "application/json", true),
            reply("[1]", "application/vnd.x+json", true),
            Reply { message: Message::new(None), sets_headers: false },
        ];
        assert_eq!(array(&replies), r#"[{"a":1},"say \"hi\"\n","AP/+AQ==","no json",[1],null]"#);
        assert_eq!(array(&[]), "[]");
    }

    #[test]
    fn several_outputs_are_an_array_of_what_each_sends() {
        let json = |payload: &'static str| reply(payload, "application/json", false);
        let all = [Output::One(json("1")), Output::Nothing, Output::Many(vec![json("2"), json("3")])];
        assert_eq!(outputs(&all), "[1,null,[2,3]]");
    }

    #[test]
    fn base64_is_padded() {
        let encoded = |bytes: &[u8]| {
            let mut array = BytesMut::new();
            base64(bytes, &mut array);
            String::from_utf8(array.to_vec()).unwrap()
        };
        for (bytes, text) in [
            ("", "\"\""),
            ("f", "\"Zg==\""),
            ("fo", "\"Zm8=\""),
            ("foo", "\"Zm9v\""),
            ("foob", "\"Zm9vYg==\""),
        ] {
            assert_eq!(encoded(bytes.as_bytes()), text);
        }
    }
}
