//! A flat map of dotted names, such as the settings that a broker's client takes as they are.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};

/// Names and texts; nested maps are joined with dots, so that all of these are `fetch.min.bytes`:
///
/// ```
/// use wellspring::config::{Properties, Section};
///
/// for text in ["fetch.min.bytes: 1", "fetch: { min.bytes: 1 }", "fetch: { min: { bytes: 1 } }"] {
///     let properties: Properties = Section::from_yaml("stream.kafka.configuration", text)?.deserialize()?;
///     assert_eq!(properties.get("fetch.min.bytes").map(String::as_str), Some("1"));
/// }
/// # Ok::<(), wellspring::config::Problems>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Properties(BTreeMap<String, String>);

impl Properties {
    /// These with those of `base` that they do not name.
    #[must_use]
    pub fn over(&self, base: &Self) -> Self {
        let mut all = base.0.clone();
        all.extend(self.0.clone());
        Self(all)
    }
}

impl std::ops::Deref for Properties {
    type Target = BTreeMap<String, String>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Properties {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut flat = BTreeMap::new();
        match Nested::deserialize(deserializer)? {
            Nested::Map(entries) => {
                for (name, nested) in entries {
                    nested.flatten(name, &mut flat);
                }
                Ok(Self(flat))
            }
            Nested::Leaf(text) => Err(de::Error::invalid_type(de::Unexpected::Str(&text), &"a map")),
            Nested::Absent => Ok(Self::default()),
        }
    }
}

/// The name under which a section hands out single values as text, `1.0` not as the number 1.
pub(super) const AS_WRITTEN: &str = "$wellspring::as_written";

enum Nested {
    Absent,
    Leaf(String),
    Map(Vec<(String, Self)>),
}

impl Nested {
    fn flatten(self, path: String, flat: &mut BTreeMap<String, String>) {
        match self {
            Self::Absent => {}
            Self::Leaf(text) => drop(flat.insert(path, text)),
            Self::Map(entries) => {
                for (name, nested) in entries {
                    nested.flatten(format!("{path}.{name}"), flat);
                }
            }
        }
    }
}

impl<'de> Deserialize<'de> for Nested {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(AS_WRITTEN, NestedVisitor)
    }
}

struct NestedVisitor;

impl<'de> Visitor<'de> for NestedVisitor {
    type Value = Nested;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text or a map of texts")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Nested, E> {
        Ok(Nested::Leaf(text.to_owned()))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Nested, E> {
        Ok(Nested::Absent)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Nested, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Nested, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = items.next_element::<String>()? {
            texts.push(text);
        }
        Ok(Nested::Leaf(texts.join(",")))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Nested, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Nested::Map(map))
    }
}
