//! Values of ours as CEL has them, and back.

use std::collections::HashMap;
use std::sync::Arc;

use cel::common::value::{CowVal, Val};
use cel::objects::Key;
use cel::{ExecutionError, Value};
use wellspring_functions::HeaderValue;

/// One of our values as CEL has it.
pub(super) fn theirs<'b, 'v>(value: HeaderValue) -> Option<CowVal<'b, 'v>> {
    Box::<dyn Val>::try_from(to_cel(value)).ok().map(CowVal::Owned)
}

fn to_cel(value: HeaderValue) -> Value {
    match value {
        HeaderValue::Bool(value) => Value::Bool(value),
        HeaderValue::Byte(n) => Value::Int(n.into()),
        HeaderValue::Short(n) => Value::Int(n.into()),
        HeaderValue::Int(n) => Value::Int(n.into()),
        HeaderValue::Long(n) | HeaderValue::Timestamp(n) => Value::Int(n),
        HeaderValue::Float(n) => Value::Float(n.into()),
        HeaderValue::Double(n) => Value::Float(n),
        HeaderValue::Text(text) => Value::String(Arc::new(text.as_ref().to_owned())),
        HeaderValue::Bytes(bytes) => match String::from_utf8(bytes.to_vec()) {
            Ok(text) => Value::String(Arc::new(text)),
            Err(error) => Value::Bytes(Arc::new(error.into_bytes())),
        },
        HeaderValue::List(values) => Value::List(Arc::new(values.into_iter().map(to_cel).collect())),
        HeaderValue::Map(entries) => {
            let entries = entries.into_iter().map(|(name, value)| (Key::from(&*name), to_cel(value)));
            Value::Map(entries.collect::<HashMap<Key, Value>>().into())
        }
        _ => Value::Null,
    }
}

/// A value of CEL as ours: whole numbers are 64 bits wide.
pub(super) fn ours(value: Value) -> Result<HeaderValue, ExecutionError> {
    Ok(match value {
        Value::Null => HeaderValue::Null,
        Value::Bool(value) => value.into(),
        Value::Int(n) => n.into(),
        Value::UInt(n) => i64::try_from(n).map_or_else(|_| n.to_string().into(), HeaderValue::from),
        Value::Float(n) => n.into(),
        Value::String(text) => text.as_str().into(),
        Value::Bytes(bytes) => bytes.to_vec().into(),
        Value::List(values) => HeaderValue::List(values.iter().cloned().map(ours).collect::<Result<_, _>>()?),
        other => {
            return Err(ExecutionError::UnexpectedType {
                got: other.type_of().to_string(),
                want: "text, a number, a truth value or bytes".to_owned(),
            });
        }
    })
}
