//! Header values as AMQP writes them, with the types that Spring gives them.

use std::sync::Arc;

use lapin::types::{AMQPValue, DecimalValue, FieldArray, FieldTable};
use wellspring_functions::{HeaderName, HeaderValue};

use super::declare::short;
use crate::binder::Error;

/// A value of ours on the wire.
///
/// # Errors
/// When a name in a map is longer than AMQP allows.
pub(super) fn to_wire(value: &HeaderValue) -> Result<AMQPValue, Error> {
    Ok(match value {
        HeaderValue::Bool(truth) => AMQPValue::Boolean(*truth),
        HeaderValue::Byte(number) => AMQPValue::ShortShortInt(*number),
        HeaderValue::Short(number) => AMQPValue::ShortInt(*number),
        HeaderValue::Int(number) => AMQPValue::LongInt(*number),
        HeaderValue::Long(number) => AMQPValue::LongLongInt(*number),
        HeaderValue::Float(number) => AMQPValue::Float(*number),
        HeaderValue::Double(number) => AMQPValue::Double(*number),
        HeaderValue::Text(text) => AMQPValue::LongString(text.as_bytes().into()),
        HeaderValue::Bytes(bytes) => AMQPValue::ByteArray(bytes.as_ref().into()),
        HeaderValue::Timestamp(millis) => AMQPValue::Timestamp(seconds(*millis)),
        HeaderValue::List(values) => {
            AMQPValue::FieldArray(values.iter().map(to_wire).collect::<Result<Vec<_>, _>>()?.into())
        }
        HeaderValue::Map(entries) => {
            let mut table = FieldTable::default();
            for (name, value) in entries {
                table.insert(short("header", name)?, to_wire(value)?);
            }
            AMQPValue::FieldTable(table)
        }
        _ => AMQPValue::Void,
    })
}

/// A value of the wire as ours. Widths that we do not have become the next larger; a decimal becomes its text.
pub(super) fn from_wire(value: &AMQPValue) -> HeaderValue {
    match value {
        AMQPValue::Boolean(truth) => HeaderValue::Bool(*truth),
        AMQPValue::ShortShortInt(number) => HeaderValue::Byte(*number),
        AMQPValue::ShortShortUInt(number) => HeaderValue::Short((*number).into()),
        AMQPValue::ShortInt(number) => HeaderValue::Short(*number),
        AMQPValue::ShortUInt(number) => HeaderValue::Int((*number).into()),
        AMQPValue::LongInt(number) => HeaderValue::Int(*number),
        AMQPValue::LongUInt(number) => HeaderValue::Long((*number).into()),
        AMQPValue::LongLongInt(number) => HeaderValue::Long(*number),
        AMQPValue::Float(number) => HeaderValue::Float(*number),
        AMQPValue::Double(number) => HeaderValue::Double(*number),
        AMQPValue::DecimalValue(decimal) => HeaderValue::from(plain(decimal)),
        AMQPValue::ShortString(text) => HeaderValue::from(text.as_str()),
        AMQPValue::LongString(text) => match std::str::from_utf8(text.as_bytes()) {
            Ok(text) => HeaderValue::from(text),
            Err(_) => HeaderValue::from(text.as_bytes().to_vec()),
        },
        AMQPValue::FieldArray(values) => list(values),
        AMQPValue::Timestamp(seconds) => HeaderValue::Timestamp(millis(*seconds)),
        AMQPValue::FieldTable(table) => HeaderValue::Map(
            table.into_iter().map(|(name, value)| (named(name.as_str()), from_wire(value))).collect(),
        ),
        AMQPValue::ByteArray(bytes) => HeaderValue::from(bytes.as_slice().to_vec()),
        AMQPValue::Void => HeaderValue::Null,
    }
}

/// How many bytes a value takes on the wire, about.
pub(super) fn size(value: &HeaderValue) -> usize {
    1 + match value {
        HeaderValue::Text(text) => 4 + text.len(),
        HeaderValue::Bytes(bytes) => 4 + bytes.len(),
        HeaderValue::List(values) => 4 + values.iter().map(size).sum::<usize>(),
        HeaderValue::Map(entries) => {
            4 + entries.iter().map(|(name, value)| 1 + name.len() + size(value)).sum::<usize>()
        }
        _ => 8,
    }
}

/// How many bytes a value of the wire takes, about.
pub(super) fn wire_size(value: &AMQPValue) -> usize {
    1 + match value {
        AMQPValue::ShortString(text) => 1 + text.as_str().len(),
        AMQPValue::LongString(text) => 4 + text.as_bytes().len(),
        AMQPValue::ByteArray(bytes) => 4 + bytes.as_slice().len(),
        AMQPValue::FieldArray(values) => 4 + values.as_slice().iter().map(wire_size).sum::<usize>(),
        AMQPValue::FieldTable(table) => {
            4 + table
                .into_iter()
                .map(|(name, value)| 1 + name.as_str().len() + wire_size(value))
                .sum::<usize>()
        }
        _ => 8,
    }
}

pub(super) fn millis(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000)
}

/// AMQP counts seconds, and none before 1970.
pub(super) fn seconds(millis: i64) -> u64 {
    u64::try_from(millis.div_euclid(1000)).unwrap_or(0)
}

fn named(name: &str) -> HeaderName {
    Arc::from(name)
}

fn list(values: &FieldArray) -> HeaderValue {
    HeaderValue::List(values.as_slice().iter().map(from_wire).collect())
}

/// `150` with two decimals is `1.50`. The wire's number is signed, whatever the client calls it.
fn plain(decimal: &DecimalValue) -> String {
    let unscaled = i64::from(decimal.value.cast_signed());
    let scale = usize::from(decimal.scale);
    if scale == 0 {
        return unscaled.to_string();
    }
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, rest) = digits.split_at(digits.len() - scale);
    format!("{}{whole}.{rest}", if unscaled < 0 { "-" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_their_places() {
        for (scale, value, expected) in
            [(2, 150, "1.50"), (0, 7, "7"), (3, 5, "0.005"), (2, (-150_i32).cast_unsigned(), "-1.50")]
        {
            assert_eq!(plain(&DecimalValue { scale, value }), expected);
        }
    }

    #[test]
    fn every_value_of_ours_comes_back_as_it_was() {
        let values = [
            HeaderValue::Null,
            true.into(),
            7i8.into(),
            7i16.into(),
            7i32.into(),
            7i64.into(),
            1.5f32.into(),
            1.5f64.into(),
            "żółć".into(),
            vec![0u8, 0xff].into(),
            HeaderValue::Timestamp(1_700_000_000_000),
            HeaderValue::List(vec![1i32.into(), "x".into()]),
            HeaderValue::Map(vec![("a".into(), HeaderValue::List(vec![true.into()]))]),
        ];
        for value in values {
            assert_eq!(from_wire(&to_wire(&value).unwrap()), value);
        }
    }
}
