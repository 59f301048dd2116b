//! JSON, through `serde_json`.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{short_name, unencodable};
use crate::content_type::ContentType;
use crate::error::{Error, Kind};

#[inline(always)]
pub(super) fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(payload).map_err(|cause| undecodable::<T>(payload, &cause))
}

#[inline(always)]
pub(super) fn encode<T: Serialize + 'static>(value: &T, expected: usize) -> Result<Bytes, Error> {
    let mut json = Vec::with_capacity(expected);
    match serde_json::to_writer(&mut json, value) {
        Ok(()) => Ok(json.into()),
        Err(cause) => Err(unencodable::<T>(&ContentType::JSON, &cause)),
    }
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
