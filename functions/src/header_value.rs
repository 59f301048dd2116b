//! Header values, with the scalar types that brokers keep apart.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

/// The value of a header. Number widths are kept, because AMQP and Spring's Kafka headers keep them.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum HeaderValue {
    /// Present without a value.
    Null,
    /// A truth value.
    Bool(bool),
    /// An 8-bit number.
    Byte(i8),
    /// A 16-bit number.
    Short(i16),
    /// A 32-bit number.
    Int(i32),
    /// A 64-bit number.
    Long(i64),
    /// A 32-bit floating-point number.
    Float(f32),
    /// A 64-bit floating-point number.
    Double(f64),
    /// Text.
    Text(Arc<str>),
    /// Bytes of unknown meaning.
    Bytes(Bytes),
    /// A moment, in milliseconds since 1970-01-01 UTC.
    Timestamp(i64),
    /// A list of values.
    List(Vec<Self>),
    /// Named values, in order.
    Map(Vec<(Arc<str>, Self)>),
}

impl HeaderValue {
    /// The text, if it is text or bytes that are valid UTF-8.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// The whole number, if it is one of any width or text that spells one.
    #[must_use]
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Byte(n) => Some((*n).into()),
            Self::Short(n) => Some((*n).into()),
            Self::Int(n) => Some((*n).into()),
            Self::Long(n) | Self::Timestamp(n) => Some(*n),
            _ => self.as_text().and_then(|text| text.trim().parse().ok()),
        }
    }
}

/// As a person would read it: text plain, bytes as text where they are UTF-8 and in hexadecimal otherwise.
impl fmt::Display for HeaderValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Bool(value) => value.fmt(f),
            Self::Byte(n) => n.fmt(f),
            Self::Short(n) => n.fmt(f),
            Self::Int(n) => n.fmt(f),
            Self::Long(n) | Self::Timestamp(n) => n.fmt(f),
            Self::Float(n) => n.fmt(f),
            Self::Double(n) => n.fmt(f),
            Self::Text(text) => text.fmt(f),
            Self::Bytes(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => text.fmt(f),
                Err(_) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
            },
            Self::List(values) => {
                for (index, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if index == 0 { "" } else { "," })?;
                }
                Ok(())
            }
            Self::Map(entries) => {
                for (index, (name, value)) in entries.iter().enumerate() {
                    write!(f, "{}{name}={value}", if index == 0 { "" } else { "," })?;
                }
                Ok(())
            }
        }
    }
}

macro_rules! from {
    ($($source:ty => $variant:ident),* $(,)?) => {$(
        impl From<$source> for HeaderValue {
            fn from(value: $source) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

from! {
    bool => Bool, i8 => Byte, u8 => Short, i16 => Short, u16 => Int, i32 => Int, u32 => Long, i64 => Long,
    f32 => Float, f64 => Double, &str => Text, String => Text, Arc<str> => Text, Bytes => Bytes, Vec<u8> => Bytes,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_integers_in_any_width_and_as_text() {
        for value in [HeaderValue::from(7i8), 7i16.into(), 7i32.into(), 7i64.into(), "7".into(), " 7 ".into()]
        {
            assert_eq!(value.as_integer(), Some(7), "{value:?}");
        }
        assert_eq!(HeaderValue::from("x").as_integer(), None);
    }

    #[test]
    fn bytes_print_as_text_or_in_hexadecimal() {
        assert_eq!(HeaderValue::from(b"ok".to_vec()).to_string(), "ok");
        assert_eq!(HeaderValue::from(vec![0u8, 0xff]).to_string(), "00ff");
    }
}
