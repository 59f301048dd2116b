//! A value somewhere in a JSON payload, found without decoding the rest.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use wellspring_functions::{EncodedMessage, HeaderValue};

use super::syntax::Step;

/// The payload itself: the number, truth value or quoted text that JSON holds, else its text, else its bytes.
pub(super) fn whole(message: &EncodedMessage) -> HeaderValue {
    let Some(payload) = message.payload() else { return HeaderValue::Null };
    if message.headers().content_type().is_some_and(|content_type| content_type.is_json())
        && !payload.trim_ascii_start().starts_with(b"{")
        && !payload.trim_ascii_start().starts_with(b"[")
        && let Ok(value) = at(payload, &[])
    {
        return value;
    }
    match std::str::from_utf8(payload) {
        Ok(text) => text.into(),
        Err(_) => payload.clone().into(),
    }
}

/// The value at a path; null where there is none.
///
/// # Errors
/// What keeps the payload from being read as JSON.
pub(super) fn at(payload: &[u8], path: &[Step]) -> Result<HeaderValue, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(payload);
    let mut found = None;
    let result = Search { path, found: &mut found }.deserialize(&mut deserializer);
    match (found, result) {
        // What follows is not looked at, unless the value is the whole.
        (Some(value), _) if !path.is_empty() => Ok(value),
        (Some(value), Ok(())) => deserializer.end().map(|()| value),
        (None, Ok(())) => Ok(HeaderValue::Null),
        (_, Err(error)) => Err(error),
    }
}

/// Follows a path and stops with an error as soon as it has what it looks for, which is in `found` then.
struct Search<'p> {
    path: &'p [Step],
    found: &'p mut Option<HeaderValue>,
}

impl<'de> DeserializeSeed<'de> for Search<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.path.is_empty() {
            *self.found = Some(Value.deserialize(deserializer)?);
            return Ok(());
        }
        deserializer.deserialize_any(self)
    }
}

/// What ends a search; nobody sees it.
const DONE: &str = "found";

impl<'de> Visitor<'de> for Search<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let Some((Step::Name(name), path)) = self.path.split_first() else {
            while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(());
        };
        while let Some(is_wanted) = entries.next_key_seed(Is(name))? {
            if is_wanted {
                entries.next_value_seed(Search { path, found: self.found })?;
                self.found.get_or_insert(HeaderValue::Null);
                return Err(A::Error::custom(DONE));
            }
            entries.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        let Some((Step::Index(index), path)) = self.path.split_first() else {
            while values.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(());
        };
        for _ in 0..*index {
            if values.next_element::<IgnoredAny>()?.is_none() {
                return Ok(());
            }
        }
        if values.next_element_seed(Search { path, found: self.found })?.is_some() {
            self.found.get_or_insert(HeaderValue::Null);
            return Err(A::Error::custom(DONE));
        }
        Ok(())
    }

    // Nothing lies in a value that is neither.
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// Whether a key has a name.
struct Is<'p>(&'p str);

impl<'de> DeserializeSeed<'de> for Is<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Is<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<bool, E> {
        Ok(name == self.0)
    }
}

/// Reads any JSON; whole numbers are as wide as identifiers are, 64 bits.
struct Value;

impl<'de> DeserializeSeed<'de> for Value {
    type Value = HeaderValue;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<HeaderValue, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value {
    type Value = HeaderValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<HeaderValue, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, n: i64) -> Result<HeaderValue, E> {
        Ok(n.into())
    }

    fn visit_u64<E>(self, n: u64) -> Result<HeaderValue, E> {
        // Larger than a long: its digits.
        Ok(i64::try_from(n).map_or_else(|_| n.to_string().into(), HeaderValue::from))
    }

    fn visit_f64<E>(self, n: f64) -> Result<HeaderValue, E> {
        Ok(n.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<HeaderValue, E> {
        Ok(text.into())
    }

    fn visit_unit<E>(self) -> Result<HeaderValue, E> {
        Ok(HeaderValue::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<HeaderValue, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = values.next_element_seed(Self)? {
            list.push(value);
        }
        Ok(HeaderValue::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<HeaderValue, A::Error> {
        let mut map = Vec::new();
        while let Some(name) = entries.next_key::<String>()? {
            map.push((name.into(), entries.next_value_seed(Self)?));
        }
        Ok(HeaderValue::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(payload: &str, path: &[&str]) -> Result<HeaderValue, String> {
        let step = |step: &&str| match step.parse() {
            Ok(index) => Step::Index(index),
            Err(_) => Step::Name((*step).into()),
        };
        at(payload.as_bytes(), &path.iter().map(step).collect::<Vec<_>>()).map_err(|error| error.to_string())
    }

    #[test]
    fn finds_what_lies_at_a_path_and_null_where_nothing_does() {
        let payload = r#"{"a":{"b":[1,{"c":"x","d":-2.5}],"n":null},"a\"b":true,"big":18446744073709551615}"#;
        let cases: [(&[&str], HeaderValue); 11] = [
            (&["a", "b", "0"], 1i64.into()),
            (&["a", "b", "1", "c"], "x".into()),
            (&["a", "b", "1", "d"], (-2.5).into()),
            (&["a", "b", "2"], HeaderValue::Null),
            (&["a", "b", "c"], HeaderValue::Null),
            (&["a", "n"], HeaderValue::Null),
            (&["a", "n", "o"], HeaderValue::Null),
            (&["a", "b", "0", "x"], HeaderValue::Null),
            (&["a\"b"], true.into()),
            (&["big"], "18446744073709551615".into()),
            (&["z"], HeaderValue::Null),
        ];
        for (path, expected) in cases {
            assert_eq!(found(payload, path), Ok(expected), "{path:?}");
        }
        let list = HeaderValue::List(vec![1i64.into(), HeaderValue::Map(vec![("c".into(), "x".into())])]);
        assert_eq!(found(r#"{"b":[1,{"c":"x"}]}"#, &["b"]), Ok(list));
    }

    #[test]
    fn reads_no_further_than_it_must() {
        assert_eq!(found(r#"{"a":1, and then no JSON"#, &["a"]), Ok(1i64.into()));
        assert!(found("no JSON", &["a"]).is_err());
        assert!(found(r#"{"b":1, and then no JSON"#, &["a"]).is_err());
        assert!(found("", &["a"]).is_err());
    }
}
