//! Codecs: bytes ↔ payload, chosen by content type and by the type of the function, never by the payload's look.
//!
//! | type | read from | written as |
//! |---|---|---|
//! | `String` | the raw text, whatever the content type | the raw text |
//! | `Bytes`, `Vec<u8>` | the raw bytes, whatever the content type | the raw bytes |
//! | numbers, `bool` | their text | their text |
//! | anything else | JSON when the type is JSON, text or unsaid; else a registered codec | JSON; else a registered codec |

mod bytes;
mod json;
mod length;
mod text;

use std::any::{TypeId, type_name};
use std::borrow::Cow;
use std::sync::Arc;

use ::bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use self::length::Length;
use crate::content_type::ContentType;
use crate::data_kind::DataKind;
use crate::error::{Error, Kind};

/// Reads and writes payloads of the content types it supports, beside the built-in JSON, text and bytes.
///
/// Register one with `Catalog::builder().codec(…)`. It is asked before the built-in ones, except for `String`,
/// `Bytes` and `Vec<u8>`, which always mean the raw text and the raw bytes.
pub trait Codec: Send + Sync + 'static {
    /// Whether this codec reads and writes a content type.
    fn supports(&self, content_type: &ContentType) -> bool;

    /// Gives a deserializer over `payload` to `read` and returns what `read` returned.
    ///
    /// # Errors
    /// When the payload is not in the codec's format, or `read` refuses it.
    fn decode(&self, payload: &[u8], read: ReadPayload<'_>) -> Result<(), erased_serde::Error>;

    /// Writes a value.
    ///
    /// # Errors
    /// When the format cannot express the value.
    fn encode(&self, value: &dyn erased_serde::Serialize) -> Result<Vec<u8>, erased_serde::Error>;
}

/// Reads the payload through the deserializer of a [`Codec`]; called once.
pub type ReadPayload<'a> =
    &'a mut dyn FnMut(&mut dyn erased_serde::Deserializer<'_>) -> Result<(), erased_serde::Error>;

/// The codecs of an application: the built-in ones and those it registered.
#[derive(Clone, Default)]
pub struct Codecs {
    registered: Arc<[Arc<dyn Codec>]>,
}

impl Codecs {
    /// The built-in codecs and some more, asked in order.
    pub fn new(registered: impl IntoIterator<Item = Arc<dyn Codec>>) -> Self {
        Self { registered: registered.into_iter().collect() }
    }

    /// Reads a payload; without a content type as the default of Spring, `application/json`.
    ///
    /// # Errors
    /// [`Kind::Undecodable`] with the place and what was expected; [`Kind::Unsupported`] when no codec reads the
    /// content type for this type.
    #[inline(always)]
    pub fn decode<T: DeserializeOwned + 'static>(
        &self,
        payload: Cow<'_, Bytes>,
        content_type: Option<&ContentType>,
    ) -> Result<T, Error> {
        if bytes::is_raw::<T>() {
            return bytes::decode(payload.into_owned());
        }
        if text::is_raw::<T>() {
            return text::decode(payload.into_owned());
        }
        match content_type {
            None => json::decode(&payload),
            Some(own) if !self.registered.is_empty() && self.registered(own).is_some() => {
                self.decode_registered(&payload, own)
            }
            Some(own) if own.is_json() || own.is_text() || is_scalar::<T>() => json::decode(&payload),
            Some(own) => Err(unreadable::<T>(own)),
        }
    }

    /// Reads a payload that is null (a tombstone): `None` for an `Option`, else an error.
    ///
    /// # Errors
    /// [`Kind::Undecodable`] when the type has no value for null.
    #[cold]
    pub fn decode_null<T: DeserializeOwned + 'static>(&self) -> Result<T, Error> {
        serde_json::from_str("null").map_err(|_| {
            Error::message(
                Kind::Undecodable,
                format!(
                    "the payload is null, expected `{}` (take an `Option` to accept null)",
                    short_name::<T>()
                ),
            )
        })
    }

    /// Writes a payload as a content type.
    ///
    /// # Errors
    /// [`Kind::Unencodable`] when no codec writes the content type for this type, or the value cannot be expressed.
    pub fn encode<T: Serialize + 'static>(
        &self,
        value: T,
        content_type: &ContentType,
    ) -> Result<Bytes, Error> {
        self.encode_expecting(value, content_type, &Length::default())
    }

    /// As [`encode`](Self::encode), where the like has been written before.
    #[inline(always)]
    pub(crate) fn encode_expecting<T: Serialize + 'static>(
        &self,
        value: T,
        content_type: &ContentType,
        length: &Length,
    ) -> Result<Bytes, Error> {
        if bytes::is_raw::<T>() {
            return Ok(bytes::encode(value));
        }
        if text::is_raw::<T>() {
            return Ok(text::encode(value));
        }
        if !self.registered.is_empty()
            && let Some(codec) = self.registered(content_type)
        {
            return codec.encode(&value).map(Bytes::from).map_err(|e| unencodable::<T>(content_type, &e));
        }
        if content_type.is_json() || is_scalar::<T>() {
            let json = json::encode(&value, length.expected())?;
            length.observe(json.len());
            return Ok(json);
        }
        Err(unwritable::<T>(content_type))
    }

    /// Whether [`encode`](Self::encode) has a codec for this type and content type.
    #[must_use]
    pub fn can_encode<T: 'static>(&self, content_type: &ContentType) -> bool {
        content_type.is_json()
            || bytes::is_raw::<T>()
            || text::is_raw::<T>()
            || (is_scalar::<T>() && content_type.is_text())
            || self.registered(content_type).is_some()
    }

    fn registered(&self, content_type: &ContentType) -> Option<&dyn Codec> {
        self.registered.iter().find(|codec| codec.supports(content_type)).map(|codec| &**codec)
    }

    #[cold]
    fn decode_registered<T: DeserializeOwned + 'static>(
        &self,
        payload: &[u8],
        content_type: &ContentType,
    ) -> Result<T, Error> {
        let undecodable = |cause: &dyn std::fmt::Display| {
            let expected = short_name::<T>();
            Error::message(
                Kind::Undecodable,
                format!("the payload cannot be read as `{expected}` in `{content_type}`: {cause}"),
            )
        };
        let Some(codec) = self.registered(content_type) else {
            return Err(undecodable(&"no codec"));
        };
        let mut value = None;
        codec
            .decode(payload, &mut |deserializer| {
                value = Some(erased_serde::deserialize(deserializer)?);
                Ok(())
            })
            .map_err(|e| undecodable(&e))?;
        value.ok_or_else(|| undecodable(&"the codec read nothing"))
    }
}

impl std::fmt::Debug for Codecs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Codecs(json, text, bytes and {} registered)", self.registered.len())
    }
}

/// The content type in which a type goes out when nobody asks for another.
#[must_use]
pub fn natural_content_type<T: 'static>() -> ContentType {
    if text::is_raw::<T>() {
        ContentType::TEXT
    } else if bytes::is_raw::<T>() {
        ContentType::BYTES
    } else {
        ContentType::JSON
    }
}

/// A type's name without the paths: `Vec<Account>` for `alloc::vec::Vec<shop::Account>`.
#[must_use]
pub fn short_name<T: ?Sized>() -> String {
    let full = type_name::<T>();
    let mut short = String::with_capacity(full.len());
    let mut word = String::new();
    for c in full.chars() {
        match c {
            ':' => word.clear(),
            c if c.is_alphanumeric() || c == '_' => word.push(c),
            c => {
                short.push_str(&word);
                word.clear();
                short.push(c);
            }
        }
    }
    short.push_str(&word);
    short
}

fn is_scalar<T: 'static>() -> bool {
    matches!(DataKind::of_type(TypeId::of::<T>()), Some(DataKind::Number | DataKind::Bool))
}

#[cold]
fn unreadable<T>(content_type: &ContentType) -> Error {
    let name = short_name::<T>();
    let sentence = format!("no codec reads `{content_type}` as `{name}`, expected `application/json`");
    Error::message(Kind::Unsupported, sentence)
}

#[cold]
fn unwritable<T>(content_type: &ContentType) -> Error {
    let name = short_name::<T>();
    let sentence = format!("no codec writes `{name}` as `{content_type}`, expected `application/json`");
    Error::message(Kind::Unencodable, sentence)
}

#[cold]
fn unencodable<T>(content_type: &ContentType, cause: &dyn std::fmt::Display) -> Error {
    let name = short_name::<T>();
    Error::message(Kind::Unencodable, format!("`{name}` cannot be written as `{content_type}`: {cause}"))
}

#[cfg(test)]
mod tests;
