//! What sort of data a type reads or writes, found without a value, so that joints are checked at start.

use std::any::TypeId;
use std::fmt;

use bytes::Bytes;
use serde::de::{self, Deserialize, Deserializer, Visitor};

/// What sort of data a type is in a self-describing format such as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DataKind {
    /// Nothing at all.
    Unit,
    /// A truth value.
    Bool,
    /// A number.
    Number,
    /// Text.
    Text,
    /// Bytes that no format describes.
    Bytes,
    /// A list.
    List,
    /// An object with named fields.
    Object,
    /// Anything, or not to be known without a value.
    Any,
}

impl DataKind {
    /// The kind that a type reads. A type is asked by letting it start to read and noting what it expects.
    #[must_use]
    pub fn of<T: Deserialize<'static> + 'static>() -> Self {
        Self::of_type(TypeId::of::<T>()).unwrap_or_else(|| {
            let mut expected = Self::Any;
            // The probe always answers with an error; what matters is which question the type asked.
            let _ = T::deserialize(Probe(&mut expected));
            expected
        })
    }

    /// The kind of the types that are known without asking.
    #[must_use]
    pub fn of_type(id: TypeId) -> Option<Self> {
        let known = |ids: &[TypeId]| ids.contains(&id);
        if known(&[TypeId::of::<String>(), TypeId::of::<Option<String>>(), TypeId::of::<char>()]) {
            Some(Self::Text)
        } else if known(&[TypeId::of::<Bytes>(), TypeId::of::<Vec<u8>>(), TypeId::of::<Option<Bytes>>()]) {
            Some(Self::Bytes)
        } else if id == TypeId::of::<bool>() {
            Some(Self::Bool)
        } else if id == TypeId::of::<()>() {
            Some(Self::Unit)
        } else if known(&NUMBERS.map(|number| number())) {
            Some(Self::Number)
        } else {
            None
        }
    }

    /// Whether data that was written as this kind can be read as `reader`, as far as kinds tell.
    #[must_use]
    pub const fn can_be_read_as(self, reader: Self) -> bool {
        match (self, reader) {
            (Self::Any, _) | (_, Self::Any | Self::Text | Self::Bytes) | (Self::Text, _) => true,
            (Self::Unit, Self::Unit)
            | (Self::Bool, Self::Bool)
            | (Self::Number, Self::Number)
            | (Self::List, Self::List)
            | (Self::Object, Self::Object) => true,
            (Self::Unit | Self::Bool | Self::Number | Self::Bytes | Self::List | Self::Object, _) => false,
        }
    }
}

impl fmt::Display for DataKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unit => "nothing",
            Self::Bool => "a truth value",
            Self::Number => "a number",
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::List => "a list",
            Self::Object => "an object",
            Self::Any => "anything",
        })
    }
}

const NUMBERS: [fn() -> TypeId; 14] = [
    TypeId::of::<u8>,
    TypeId::of::<u16>,
    TypeId::of::<u32>,
    TypeId::of::<u64>,
    TypeId::of::<u128>,
    TypeId::of::<usize>,
    TypeId::of::<i8>,
    TypeId::of::<i16>,
    TypeId::of::<i32>,
    TypeId::of::<i64>,
    TypeId::of::<i128>,
    TypeId::of::<isize>,
    TypeId::of::<f32>,
    TypeId::of::<f64>,
];

/// A deserializer that has no data: it notes what it was asked for and refuses.
struct Probe<'a>(&'a mut DataKind);

#[derive(Debug, thiserror::Error)]
#[error("only asked what is expected")]
struct Asked;

impl de::Error for Asked {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

macro_rules! answer {
    ($($method:ident => $kind:ident),* $(,)?) => {$(
        fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Asked> {
            *self.0 = DataKind::$kind;
            Err(Asked)
        }
    )*};
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Asked;

    answer! {
        deserialize_any => Any, deserialize_ignored_any => Any, deserialize_identifier => Any,
        deserialize_bool => Bool,
        deserialize_i8 => Number, deserialize_i16 => Number, deserialize_i32 => Number, deserialize_i64 => Number,
        deserialize_i128 => Number, deserialize_u8 => Number, deserialize_u16 => Number, deserialize_u32 => Number,
        deserialize_u64 => Number, deserialize_u128 => Number, deserialize_f32 => Number, deserialize_f64 => Number,
        deserialize_char => Text, deserialize_str => Text, deserialize_string => Text,
        deserialize_bytes => Any, deserialize_byte_buf => Any,
        deserialize_unit => Unit, deserialize_seq => List, deserialize_map => Object,
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Asked> {
        visitor.visit_some(self)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, _: V) -> Result<V::Value, Asked> {
        *self.0 = DataKind::Unit;
        Err(Asked)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Asked> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Asked> {
        *self.0 = DataKind::List;
        Err(Asked)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        _: V,
    ) -> Result<V::Value, Asked> {
        *self.0 = DataKind::List;
        Err(Asked)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Asked> {
        *self.0 = DataKind::Object;
        Err(Asked)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Asked> {
        *self.0 = DataKind::Any;
        Err(Asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Account {
        #[expect(dead_code, reason = "only its shape matters")]
        number: u64,
    }

    #[derive(Deserialize)]
    struct Number(#[expect(dead_code, reason = "only its shape matters")] u64);

    #[test]
    fn a_type_tells_what_it_reads() {
        assert_eq!(DataKind::of::<Account>(), DataKind::Object);
        assert_eq!(DataKind::of::<Option<Account>>(), DataKind::Object);
        assert_eq!(DataKind::of::<Vec<Account>>(), DataKind::List);
        assert_eq!(DataKind::of::<std::collections::BTreeMap<String, u8>>(), DataKind::Object);
        assert_eq!(DataKind::of::<Number>(), DataKind::Number);
        assert_eq!(DataKind::of::<u128>(), DataKind::Number);
        assert_eq!(DataKind::of::<Vec<u8>>(), DataKind::Bytes);
        assert_eq!(DataKind::of::<serde_json::Value>(), DataKind::Any);
        assert_eq!(DataKind::of::<()>(), DataKind::Unit);
        assert_eq!(DataKind::of::<Box<str>>(), DataKind::Text);
    }

    #[test]
    fn kinds_that_exclude_each_other_are_known() {
        assert!(!DataKind::Number.can_be_read_as(DataKind::Object));
        assert!(!DataKind::Bytes.can_be_read_as(DataKind::Object));
        assert!(!DataKind::List.can_be_read_as(DataKind::Object));
        assert!(DataKind::Text.can_be_read_as(DataKind::Object));
        assert!(DataKind::Number.can_be_read_as(DataKind::Text));
        assert!(DataKind::Object.can_be_read_as(DataKind::Bytes));
    }
}
