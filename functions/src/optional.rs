//! Results that may be nothing or several.

use serde::ser::{Impossible, Serialize, Serializer};

/// A result that may be nothing to send. The attributes make one of an `Option`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Optional<R>(pub Option<R>);

/// A list of which every element is a message of its own. The attributes make one of a `Vec` when asked by `each`.
///
/// ```
/// use wellspring_functions::Many;
///
/// let split = |text: String| Many(text.split(' ').map(str::to_owned).collect());
/// assert_eq!(split("a b".to_owned()), Many(vec!["a".to_owned(), "b".to_owned()]));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Many<R>(pub Vec<R>);

/// Whether a value is the `None` of an `Option`: the only value that serializes itself as `none`.
pub(crate) fn is_none<T: Serialize>(value: &T) -> bool {
    value.serialize(NoneProbe).is_ok()
}

struct NoneProbe;

#[derive(Debug, thiserror::Error)]
#[error("not none")]
struct NotNone;

impl serde::ser::Error for NotNone {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        Self
    }
}

macro_rules! not_none {
    ($($method:ident($($argument:ty),*) -> $result:ty;)*) => {$(
        #[inline]
        fn $method(self, $(_: $argument),*) -> Result<$result, NotNone> {
            Err(NotNone)
        }
    )*};
}

impl Serializer for NoneProbe {
    type Ok = ();
    type Error = NotNone;
    type SerializeSeq = Impossible<(), NotNone>;
    type SerializeTuple = Impossible<(), NotNone>;
    type SerializeTupleStruct = Impossible<(), NotNone>;
    type SerializeTupleVariant = Impossible<(), NotNone>;
    type SerializeMap = Impossible<(), NotNone>;
    type SerializeStruct = Impossible<(), NotNone>;
    type SerializeStructVariant = Impossible<(), NotNone>;

    #[inline]
    fn serialize_none(self) -> Result<(), NotNone> {
        Ok(())
    }

    not_none! {
        serialize_bool(bool) -> ();
        serialize_i8(i8) -> ();
        serialize_i16(i16) -> ();
        serialize_i32(i32) -> ();
        serialize_i64(i64) -> ();
        serialize_u8(u8) -> ();
        serialize_u16(u16) -> ();
        serialize_u32(u32) -> ();
        serialize_u64(u64) -> ();
        serialize_f32(f32) -> ();
        serialize_f64(f64) -> ();
        serialize_char(char) -> ();
        serialize_str(&str) -> ();
        serialize_bytes(&[u8]) -> ();
        serialize_unit() -> ();
        serialize_unit_struct(&'static str) -> ();
        serialize_unit_variant(&'static str, u32, &'static str) -> ();
        serialize_seq(Option<usize>) -> Self::SerializeSeq;
        serialize_tuple(usize) -> Self::SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant;
        serialize_map(Option<usize>) -> Self::SerializeMap;
        serialize_struct(&'static str, usize) -> Self::SerializeStruct;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeStructVariant;
    }

    #[inline]
    fn serialize_some<T: ?Sized + Serialize>(self, _: &T) -> Result<(), NotNone> {
        Err(NotNone)
    }

    #[inline]
    fn serialize_newtype_struct<T: ?Sized + Serialize>(self, _: &'static str, _: &T) -> Result<(), NotNone> {
        Err(NotNone)
    }

    #[inline]
    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), NotNone> {
        Err(NotNone)
    }

    #[inline]
    fn collect_str<T: ?Sized + std::fmt::Display>(self, _: &T) -> Result<(), NotNone> {
        Err(NotNone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_none_is_none() {
        assert!(is_none(&None::<String>));
        assert!(!is_none(&Some(None::<String>)));
        assert!(!is_none(&()) && !is_none(&serde_json::Value::Null) && !is_none(&"") && !is_none(&vec![0]));
    }
}
