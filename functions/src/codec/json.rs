//! JSON, through `serde_json`.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{short_name, unencodable};
use crate::content_type::ContentType;
use crate::error::{Error, Kind};

#[inline(always)]
pub(super) fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, Error> {
    // Looked at once as a whole: looking at each string by itself costs several times as much.
    let Ok(text) = std::str::from_utf8(payload) else { return Err(no_text::<T>(payload)) };
    serde_json::from_str(text).map_err(|cause| undecodable::<T>(payload, &cause))
}

#[inline(always)]
pub(super) fn encode<T: Serialize + 'static>(value: &T, expected: usize) -> Result<Bytes, Error> {
    let mut json = Vec::with_capacity(expected);
    match serde_json::to_writer(&mut json, value) {
        Ok(()) => Ok(json.into()),
        Err(cause) => Err(unencodable::<T>(&ContentType::JSON, &cause)),
    }
}

/// JSON is UTF-8.
#[cold]
fn no_text<T>(payload: &[u8]) -> Error {
    let whole = serde_json::from_slice::<serde_json::Value>(payload);
    let cause = whole.err().unwrap_or_else(|| serde::de::Error::custom("invalid unicode code point"));
    undecodable::<T>(payload, &cause)
}

#[cold]
fn undecodable<T>(payload: &[u8], cause: &serde_json::Error) -> Error {
    let expected = short_name::<T>();
    let message = if payload.iter().all(u8::is_ascii_whitespace) {
        format!("the payload is empty, expected `{expected}` as JSON")
    } else {
        format!("the payload cannot be read as `{expected}`: {cause}")
    };
    Error::message(Kind::Undecodable, message)
}
