//! Reads a section into a type: relaxed names, text that becomes what the type wants, errors with their place.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::value::StringDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, VariantAccess, Visitor,
};

use super::Section;
use super::properties::AS_WRITTEN;
use super::view::{NOTHING_SKIPPED, View};
use crate::config::kind::{self, Wrong};
use crate::config::names::normalised;
use crate::config::node::{Node, Sort, Value};
use crate::config::problem::nearest;
use crate::config::tree::join;
use crate::config::{Origin, Problem, Problems};

/// Reads the section; after a problem it reads again without the culprit, so that the next one is found too.
pub(super) fn read<T: DeserializeOwned>(section: &Section) -> Result<T, Problems> {
    let mut skipped = BTreeSet::new();
    let mut problems = Problems::new();
    let first = match T::deserialize(View::of(section, &NOTHING_SKIPPED)) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let mut error = first;
    loop {
        let path = error.0.path.clone().unwrap_or_else(|| section.path.clone());
        // A field that is missing only because its wrong value was left out is no problem of its own.
        if skipped.contains(&path) {
            return Err(problems);
        }
        problems.push(error.into_problem(section));
        skipped.insert(path);
        match T::deserialize(View::of(section, &skipped)) {
            Ok(_) => return Err(problems),
            Err(next) => error = next,
        }
    }
}

/// What does not fit, on its way up to where its place is known.
#[derive(Debug)]
pub(super) struct Error(Box<Trace>);

#[derive(Debug)]
struct Trace {
    problem: Problem,
    path: Option<String>,
    origin: Option<Origin>,
}

impl Error {
    fn new(problem: Problem) -> Self {
        Self(Box::new(Trace { problem, path: None, origin: None }))
    }

    fn mismatch(found: &str, expected: &str) -> Self {
        Self::new(Problem::mismatch(found, expected))
    }

    fn at(mut self, path: &str, origin: Option<Origin>) -> Self {
        if self.0.path.is_none() {
            self.0.path = Some(path.to_owned());
        }
        if self.0.origin.is_none() {
            self.0.origin = origin;
        }
        self
    }

    fn into_problem(self, section: &Section) -> Problem {
        let problem = self.0.problem.path(self.0.path.unwrap_or_else(|| section.path.clone()));
        match self.0.origin.or_else(|| section.origin().cloned()) {
            Some(origin) if !origin.is_default() => problem.at(origin),
            _ => problem,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.problem.fmt(f)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<M: fmt::Display>(message: M) -> Self {
        Self::new(Problem::new(message.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        match found {
            Unexpected::Str(text) => Self::mismatch(text, &expected.to_string()),
            found => Self::new(Problem::new(format!("found {found}, expected {expected}"))),
        }
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let names: Vec<String> = expected.iter().map(|name| format!("`{name}`")).collect();
        let problem = Problem::mismatch(variant, format!("one of {}", names.join(", ")));
        Self::new(problem.suggest_near(variant, expected.iter().copied()))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let problem = Problem::unknown_key();
        Self::new(match nearest(field, expected.iter().copied()) {
            Some(name) => problem.suggest(format!("did you mean `{name}`?")),
            None if expected.is_empty() => problem,
            None => {
                let names: Vec<String> = expected.iter().map(|name| format!("`{name}`")).collect();
                problem.suggest(format!("expected one of {}", names.join(", ")))
            }
        })
    }

    fn missing_field(field: &'static str) -> Self {
        let mut error = Self::new(Problem::new("a value is missing"));
        // The struct puts its own path in front.
        error.0.path = Some(format!("\0{field}"));
        error
    }
}

impl<'a> View<'a> {
    /// Reads the value, and tells an error where it is.
    fn located<T>(self, read: impl FnOnce(&Self) -> Result<T, Error>) -> Result<T, Error> {
        read(&self).map_err(|mut error| {
            if let Some(field) = error.0.path.as_deref().and_then(|path| path.strip_prefix('\0')) {
                error.0.path = Some(join(&self.path, field));
            }
            error.at(&self.path, self.origin())
        })
    }

    fn text(&self) -> Result<&'a str, Error> {
        match self.leaf().map(|leaf| &leaf.value) {
            Some(Value::Scalar(scalar)) => Ok(&scalar.text),
            Some(Value::List(_)) => Err(Error::new(Problem::new("found a list, expected a single value"))),
            Some(Value::Map(_)) => Err(Error::new(Problem::new("found a map, expected a single value"))),
            Some(Value::Null) | None => Err(Error::new(Problem::new("found nothing, expected a value"))),
        }
    }

    fn number<T: std::str::FromStr>(&self, expected: &str) -> Result<T, Error> {
        let text = self.text()?.trim();
        let unsigned = text.trim_start_matches('-');
        if unsigned.len() > 1 && unsigned.starts_with('0') && unsigned.chars().all(|c| c.is_ascii_digit()) {
            let advice = "formats disagree on what a leading zero means";
            return Err(Error::new(Problem::mismatch(text, expected).suggest(advice)));
        }
        text.parse().map_err(|_| Error::mismatch(text, expected))
    }

    fn items(&self) -> Result<Vec<Item<'a>>, Error> {
        let leaf = self.leaf();
        match leaf.map(|leaf| &leaf.value) {
            Some(Value::List(items)) => {
                Ok(items.iter().enumerate().map(|(index, node)| Item::View(self.item(index, node))).collect())
            }
            Some(Value::Scalar(scalar)) => {
                let origin = self.origin();
                let texts = scalar.text.split(',').map(str::trim).filter(|text| !text.is_empty());
                Ok(texts.map(|text| Item::Text(text.to_owned(), self.path.clone(), origin.clone())).collect())
            }
            Some(Value::Map(_)) if !self.has_more() => {
                Err(Error::new(Problem::new("found a map, expected a list")))
            }
            _ => Ok(self.loose.iter().map(|(_, node)| Item::View(self.item(0, node))).collect()),
        }
    }
}

impl<'de> IntoDeserializer<'de, Error> for View<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident $expected:literal)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.located(|view| visitor.$visit(view.number($expected)?))
        }
    )*};
}

impl<'de> Deserializer<'de> for View<'_> {
    type Error = Error;

    numbers! {
        deserialize_i8 visit_i8 "a whole number" deserialize_i16 visit_i16 "a whole number"
        deserialize_i32 visit_i32 "a whole number" deserialize_i64 visit_i64 "a whole number"
        deserialize_i128 visit_i128 "a whole number"
        deserialize_u8 visit_u8 "a whole number from 0 to 255" deserialize_u16 visit_u16 "a whole number from 0 to 65535"
        deserialize_u32 visit_u32 "a whole number from 0 on" deserialize_u64 visit_u64 "a whole number from 0 on"
        deserialize_u128 visit_u128 "a whole number from 0 on"
        deserialize_f32 visit_f32 "a number" deserialize_f64 visit_f64 "a number"
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.leaf().map(|leaf| &leaf.value) {
            _ if self.has_more() => self.deserialize_map(visitor),
            None | Some(Value::Null) => self.located(|_| visitor.visit_unit()),
            Some(Value::Map(_)) => self.deserialize_map(visitor),
            Some(Value::List(_)) => self.deserialize_seq(visitor),
            Some(Value::Scalar(scalar)) => {
                let text = scalar.text.as_str();
                let sort = scalar.sort;
                self.located(|_| match sort {
                    Sort::Bool => visitor.visit_bool(text.eq_ignore_ascii_case("true")),
                    Sort::Number => match (text.parse(), text.parse(), text.parse()) {
                        _ if text.len() > 1 && text.starts_with('0') && !text.contains('.') => {
                            visitor.visit_str(text)
                        }
                        (Ok(whole), _, _) => visitor.visit_i64(whole),
                        (_, Ok(large), _) => visitor.visit_u64(large),
                        (_, _, Ok(fraction)) => visitor.visit_f64(fraction),
                        _ => visitor.visit_str(text),
                    },
                    Sort::Text => visitor.visit_str(text),
                })
            }
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.located(|view| {
            let text = view.text()?;
            let value = kind::boolean(text).map_err(|Wrong(advice)| {
                let problem = Problem::mismatch(text, kind::Kind::Bool.expected());
                Error::new(match advice {
                    Some(advice) => problem.suggest(advice),
                    None => problem,
                })
            })?;
            visitor.visit_bool(value)
        })
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.located(|view| visitor.visit_str(view.text()?))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.located(|view| visitor.visit_bytes(view.text()?.as_bytes()))
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.leaf().map(|leaf| &leaf.value) {
            None | Some(Value::Null) if !self.has_more() => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        if name == AS_WRITTEN
            && let Some(Node { value: Value::Scalar(scalar), .. }) = self.leaf()
            && !self.has_more()
        {
            let text = &scalar.text;
            return self.located(|_| visitor.visit_str(text));
        }
        self.located(|view| visitor.visit_newtype_struct(view.clone()))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.located(|view| visitor.visit_seq(Items(view.items()?.into_iter())))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.located(|view| visitor.visit_map(Entries::new(view.entries(None)?)))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.located(|view| visitor.visit_map(Entries::new(view.entries(Some(fields))?)))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.located(|view| {
            let spelled = |name: &str| {
                let normal = normalised(name);
                let known = variants.iter().find(|variant| normalised(variant) == normal);
                known.map_or_else(|| name.to_owned(), |variant| (*variant).to_owned())
            };
            if let Some(Node { value: Value::Scalar(scalar), .. }) = view.leaf() {
                return visitor.visit_enum(Variant { name: spelled(scalar.text.trim()), content: None });
            }
            let mut entries = view.entries(Some(variants))?;
            match (entries.pop(), entries.is_empty()) {
                (Some(entry), true) => {
                    visitor.visit_enum(Variant { name: spelled(&entry.key), content: Some(entry.view) })
                }
                _ => Err(Error::new(Problem::new("expected the name of a variant, or a map with one"))),
            }
        })
    }
}

mod access;
mod entries;

use access::{Entries, Item, Items, Variant};
