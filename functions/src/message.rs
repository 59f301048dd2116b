//! A message: a payload and its headers.

use bytes::Bytes;

use crate::content_type::ContentType;
use crate::header_value::HeaderValue;
use crate::headers::{HeaderName, Headers};

/// A payload with its headers. Take or return one when headers matter; a plain payload does otherwise.
///
/// ```
/// use wellspring_functions::Message;
///
/// let greeting = Message::new("hello".to_owned()).with_header("language", "en");
/// assert_eq!(greeting.map(|text| text.len()).into_payload(), 5);
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Message<T> {
    payload: T,
    headers: Headers,
}

/// A message whose payload is encoded as its content type says; `None` is a tombstone, the payload that is null.
pub type EncodedMessage = Message<Option<Bytes>>;

impl<T> Message<T> {
    /// A message without headers.
    pub const fn new(payload: T) -> Self {
        Self { payload, headers: Headers::new() }
    }

    /// A message of a payload and its headers.
    pub const fn from_parts(payload: T, headers: Headers) -> Self {
        Self { payload, headers }
    }

    /// Sets a header, replacing its former values.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<HeaderName>, value: impl Into<HeaderValue>) -> Self {
        self.headers.set(name, value);
        self
    }

    /// Says what the payload is to be encoded as.
    #[must_use]
    pub fn with_content_type(mut self, content_type: ContentType) -> Self {
        self.headers.set_content_type(content_type);
        self
    }

    /// The payload.
    pub const fn payload(&self) -> &T {
        &self.payload
    }

    /// The headers.
    pub const fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The headers, to change.
    pub const fn headers_mut(&mut self) -> &mut Headers {
        &mut self.headers
    }

    /// The payload alone.
    pub fn into_payload(self) -> T {
        self.payload
    }

    /// Payload and headers.
    pub fn into_parts(self) -> (T, Headers) {
        (self.payload, self.headers)
    }

    /// The same headers with another payload.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Message<U> {
        Message { payload: change(self.payload), headers: self.headers }
    }
}

impl Message<Option<Bytes>> {
    /// An encoded message.
    #[must_use]
    #[inline]
    pub fn encoded(payload: impl Into<Bytes>, content_type: ContentType) -> Self {
        Self { payload: Some(payload.into()), headers: Headers::of(content_type) }
    }

    /// The bytes of the payload; a tombstone has none.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.payload.as_deref().unwrap_or_default()
    }
}

impl<T> From<T> for Message<T> {
    fn from(payload: T) -> Self {
        Self::new(payload)
    }
}
