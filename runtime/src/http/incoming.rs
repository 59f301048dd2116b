//! From a request to what a composition is called with.
//!
//! A function over a stream gets one item per element of a JSON array; each element stays a slice of the body. Anything
//! else is one payload: a function that takes a list takes the whole array.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use hyper::StatusCode;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use hyper::http::request::Parts;
use serde_json::value::RawValue;
use wellspring_functions::{Composition, ContentType, EncodedMessage, Headers, Incoming, Message};

use super::headers::{self, Filter};
use super::problem::Problem;

/// The content type of a request's body.
pub(super) fn content_type(headers: &HeaderMap) -> Result<Option<ContentType>, Problem> {
    let unsupported = |detail: &'static str| Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail);
    if headers
        .get(CONTENT_ENCODING)
        .is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
    {
        return Err(unsupported(
            "the body is compressed, expected it as it is (`content-encoding: identity`)",
        ));
    }
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(None) };
    let parsed = value.to_str().ok().and_then(|text| ContentType::parse(text).ok());
    parsed.map(Some).ok_or_else(|| {
        unsupported("`content-type` is no content type, expected `type/subtype` such as `application/json`")
    })
}

/// What to call a function or consumer with.
pub(super) fn incoming(
    parts: Parts,
    content_type: Option<ContentType>,
    payload: Bytes,
    composition: &Composition,
    filter: &Arc<Filter>,
) -> Result<Incoming, Problem> {
    let mut headers = headers::received(parts.headers, parts.uri, filter);
    if composition.takes_stream() && is_json(content_type.as_ref()) && starts_array(&payload) {
        let items = elements(&payload, composition)?;
        return Ok(Incoming::Stream(headers, stream::iter(items.into_iter().map(Ok)).boxed()));
    }
    headers.set_content_type(content_type);
    Ok(Incoming::One(Message::from_parts(Some(payload), headers)))
}

/// What to call a function with whose argument stands in the path.
pub(super) fn argument(parts: Parts, argument: String, filter: &Arc<Filter>) -> Incoming {
    let mut headers = headers::received(parts.headers, parts.uri, filter);
    headers.set_content_type(ContentType::TEXT);
    Incoming::One(Message::from_parts(Some(argument.into()), headers))
}

/// Without a content type a body is JSON, as everywhere.
fn is_json(content_type: Option<&ContentType>) -> bool {
    content_type.is_none_or(ContentType::is_json)
}

fn starts_array(payload: &[u8]) -> bool {
    payload.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[')
}

/// The elements of a JSON array, each a message of its own.
fn elements(payload: &Bytes, composition: &Composition) -> Result<Vec<EncodedMessage>, Problem> {
    let raw: Vec<&RawValue> = serde_json::from_slice(payload)
        .map_err(|error| Problem::bad_request(format!("the payload is not a JSON array: {error}")))?;
    let of_text = composition.signature().input.as_ref().is_some_and(|input| input.is_raw_text());
    let element = |value: &RawValue| {
        let text = value.get();
        if of_text && text.starts_with('"') {
            let text: String = serde_json::from_str(text).map_err(|error| {
                Problem::bad_request(format!("a string of the JSON array is malformed: {error}"))
            })?;
            return Ok(message(text.into(), ContentType::TEXT));
        }
        Ok(message(payload.slice_ref(text.as_bytes()), ContentType::JSON))
    };
    raw.into_iter().map(element).collect()
}

fn message(payload: Bytes, content_type: ContentType) -> EncodedMessage {
    let mut headers = Headers::new();
    headers.set_content_type(content_type);
    Message::from_parts(Some(payload), headers)
}
