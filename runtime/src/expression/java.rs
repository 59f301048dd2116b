//! Values as Java has them: hash codes, texts and arithmetic, since Spring's expressions are made of these.

use std::borrow::Cow;

use wellspring_functions::HeaderValue;

use super::syntax::Operator;

/// Java's `hashCode` of the value that corresponds. The width of a number matters, as it does in Java.
///
/// Bytes hash by their content, where a Java array hashes by its place in memory.
///
/// ```
/// use wellspring::expression::hash_code;
///
/// assert_eq!(hash_code(&"user-42".into()), -147_182_656);
/// assert_eq!((hash_code(&(-1i64).into()), hash_code(&(-1i32).into())), (0, -1));
/// ```
#[must_use]
pub fn hash_code(value: &HeaderValue) -> i32 {
    let step = |hash: i32, next: i32| hash.wrapping_mul(31).wrapping_add(next);
    match value {
        HeaderValue::Bool(true) => 1231,
        HeaderValue::Bool(false) => 1237,
        HeaderValue::Byte(n) => (*n).into(),
        HeaderValue::Short(n) => (*n).into(),
        HeaderValue::Int(n) => *n,
        HeaderValue::Long(n) | HeaderValue::Timestamp(n) => fold(n.cast_unsigned()),
        HeaderValue::Float(n) if n.is_nan() => 0x7fc0_0000,
        HeaderValue::Float(n) => n.to_bits().cast_signed(),
        HeaderValue::Double(n) => fold(if n.is_nan() { 0x7ff8_0000_0000_0000 } else { n.to_bits() }),
        HeaderValue::Text(text) => text.encode_utf16().fold(0, |hash, unit| step(hash, unit.into())),
        HeaderValue::Bytes(bytes) => bytes.iter().fold(1, |hash, byte| step(hash, byte.cast_signed().into())),
        HeaderValue::List(values) => values.iter().fold(1, |hash, value| step(hash, hash_code(value))),
        HeaderValue::Map(entries) => entries.iter().fold(0, |hash: i32, (name, value)| {
            hash.wrapping_add(hash_code(&HeaderValue::Text(name.clone())) ^ hash_code(value))
        }),
        // Null, and what there may be some day.
        _ => 0,
    }
}

/// The two halves of a long, as Java folds them.
fn fold(bits: u64) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
    let low = (bits ^ (bits >> 32)) as u32;
    low.cast_signed()
}

/// The text of a value, as Java joins it to another text.
pub(super) fn text(value: &HeaderValue) -> Cow<'_, str> {
    match value {
        HeaderValue::Null => "null".into(),
        HeaderValue::Float(n) => format!("{n:?}").into(),
        HeaderValue::Double(n) => format!("{n:?}").into(),
        HeaderValue::Text(text) => Cow::Borrowed(text),
        other => other.to_string().into(),
    }
}

/// A number, in the two widths that Java computes whole ones in.
enum Number {
    Int(i32),
    Long(i64),
    Double(f64),
}

impl Number {
    fn of(value: &HeaderValue) -> Option<Self> {
        Some(match value {
            HeaderValue::Byte(n) => Self::Int((*n).into()),
            HeaderValue::Short(n) => Self::Int((*n).into()),
            HeaderValue::Int(n) => Self::Int(*n),
            HeaderValue::Long(n) => Self::Long(*n),
            HeaderValue::Float(n) => Self::Double((*n).into()),
            HeaderValue::Double(n) => Self::Double(*n),
            _ => return None,
        })
    }

    fn long(&self) -> Option<i64> {
        match self {
            Self::Int(n) => Some((*n).into()),
            Self::Long(n) => Some(*n),
            Self::Double(_) => None,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "so does Java")]
    fn double(&self) -> f64 {
        match self {
            Self::Int(n) => (*n).into(),
            Self::Long(n) => *n as f64,
            Self::Double(n) => *n,
        }
    }
}

/// Two values joined by an operator: numbers as Java computes them, text with anything by `+`. `None` where Java has no
/// answer: something else than a number, or a division by zero.
pub(super) fn join(operator: Operator, left: &HeaderValue, right: &HeaderValue) -> Option<HeaderValue> {
    let is_text = |value: &HeaderValue| matches!(value, HeaderValue::Text(_));
    if operator == Operator::Plus && (is_text(left) || is_text(right)) {
        return Some(format!("{}{}", text(left), text(right)).into());
    }
    let (left, right) = (Number::of(left)?, Number::of(right)?);
    if let (Number::Int(left), Number::Int(right)) = (&left, &right) {
        let (left, right) = (*left, *right);
        return match operator {
            Operator::Plus => Some(left.wrapping_add(right).into()),
            Operator::Minus => Some(left.wrapping_sub(right).into()),
            Operator::Times => Some(left.wrapping_mul(right).into()),
            Operator::Over => (right != 0).then(|| left.wrapping_div(right).into()),
            Operator::Modulo => (right != 0).then(|| left.wrapping_rem(right).into()),
        };
    }
    if let (Some(left), Some(right)) = (left.long(), right.long()) {
        return match operator {
            Operator::Plus => Some(left.wrapping_add(right).into()),
            Operator::Minus => Some(left.wrapping_sub(right).into()),
            Operator::Times => Some(left.wrapping_mul(right).into()),
            Operator::Over => (right != 0).then(|| left.wrapping_div(right).into()),
            Operator::Modulo => (right != 0).then(|| left.wrapping_rem(right).into()),
        };
    }
    let (left, right) = (left.double(), right.double());
    Some(HeaderValue::Double(match operator {
        Operator::Plus => left + right,
        Operator::Minus => left - right,
        Operator::Times => left * right,
        Operator::Over => left / right,
        Operator::Modulo => left % right,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_agree_with_java() {
        let vectors: [(HeaderValue, i32); 8] = [
            ("".into(), 0),
            ("foo".into(), 101_574),
            ("orders".into(), -1_008_770_331),
            ("żółć".into(), 11_564_348),
            ("😀".into(), 1_772_899),
            ("polygenelubricants".into(), i32::MIN),
            (true.into(), 1231),
            (4_294_967_296i64.into(), 1),
        ];
        for (value, expected) in vectors {
            assert_eq!(hash_code(&value), expected, "{value:?}");
        }
    }

    #[test]
    fn numbers_wrap_in_their_own_width() {
        let joined = |operator, left: HeaderValue, right: HeaderValue| join(operator, &left, &right);
        assert_eq!(joined(Operator::Plus, i32::MAX.into(), 1i32.into()), Some(i32::MIN.into()));
        assert_eq!(joined(Operator::Plus, i32::MAX.into(), 1i64.into()), Some(2_147_483_648i64.into()));
        assert_eq!(joined(Operator::Modulo, (-7i32).into(), 3i32.into()), Some((-1i32).into()));
        assert_eq!(joined(Operator::Over, 7i32.into(), 2.0.into()), Some(3.5.into()));
        assert_eq!(joined(Operator::Modulo, 7i32.into(), 0i32.into()), None);
        assert_eq!(joined(Operator::Plus, "a.".into(), HeaderValue::Null), Some("a.null".into()));
        assert_eq!(joined(Operator::Plus, "a.".into(), 1.0.into()), Some("a.1.0".into()));
        assert_eq!(joined(Operator::Times, "a".into(), 2i32.into()), None);
    }
}
