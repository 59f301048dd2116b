//! Text: a `String` is the raw text of the payload.

use std::any::TypeId;

use bytes::Bytes;

use crate::cast::cast;
use crate::error::{Error, Kind};

pub(super) fn is_raw<T: 'static>() -> bool {
    TypeId::of::<T>() == TypeId::of::<String>() || TypeId::of::<T>() == TypeId::of::<Option<String>>()
}

pub(super) fn decode<T: 'static>(payload: Bytes) -> Result<T, Error> {
    let text = String::from_utf8(payload.into()).map_err(|cause| {
        let at = cause.utf8_error().valid_up_to();
        Error::message(
            Kind::Undecodable,
            format!("the payload is not UTF-8 text: invalid byte at position {at}"),
        )
    })?;
    let value = if TypeId::of::<T>() == TypeId::of::<String>() { cast(text) } else { cast(Some(text)) };
    value.ok_or_else(|| Error::message(Kind::Undecodable, "the payload is not text"))
}

pub(super) fn encode<T: 'static>(value: T) -> Bytes {
    let text: Option<String> =
        if TypeId::of::<T>() == TypeId::of::<String>() { cast(value) } else { cast(value).flatten() };
    text.unwrap_or_default().into()
}
