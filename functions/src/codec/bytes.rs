//! Bytes: `Bytes` and `Vec<u8>` are the payload as it is.

use std::any::TypeId;

use bytes::Bytes;

use crate::cast::cast;
use crate::error::{Error, Kind};

pub(super) fn is_raw<T: 'static>() -> bool {
    is_shared::<T>() || is_owned::<T>() || TypeId::of::<T>() == TypeId::of::<Option<Bytes>>()
}

pub(super) fn decode<T: 'static>(payload: Bytes) -> Result<T, Error> {
    let value = if is_shared::<T>() {
        cast(payload)
    } else if is_owned::<T>() {
        cast(Vec::from(payload))
    } else {
        cast(Some(payload))
    };
    value.ok_or_else(|| Error::message(Kind::Undecodable, "the payload is not bytes"))
}

pub(super) fn encode<T: 'static>(value: T) -> Bytes {
    let bytes = if is_shared::<T>() {
        cast(value)
    } else if is_owned::<T>() {
        cast::<T, Vec<u8>>(value).map(Bytes::from)
    } else {
        cast(value).flatten()
    };
    bytes.unwrap_or_default()
}

fn is_shared<T: 'static>() -> bool {
    TypeId::of::<T>() == TypeId::of::<Bytes>()
}

fn is_owned<T: 'static>() -> bool {
    TypeId::of::<T>() == TypeId::of::<Vec<u8>>()
}
