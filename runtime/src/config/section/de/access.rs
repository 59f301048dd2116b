//! Lists, maps and variants of a section, handed to serde piece by piece.

use std::vec::IntoIter;

use super::entries::Entry;
use super::{
    DeserializeSeed, EnumAccess, Error, IntoDeserializer, MapAccess, Origin, SeqAccess, StringDeserializer,
    VariantAccess, View, Visitor,
};
use crate::config::Problem;
use crate::config::node::Node;

/// An item of a list: of its own, or cut out of one text.
pub(super) enum Item<'a> {
    View(View<'a>),
    Text(String, String, Option<Origin>),
}

pub(super) struct Items<'a>(pub(super) IntoIter<Item<'a>>);

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        match self.0.next() {
            None => Ok(None),
            Some(Item::View(view)) => {
                let (path, origin) = (view.path.clone(), view.origin());
                seed.deserialize(view).map(Some).map_err(|error| error.at(&path, origin))
            }
            Some(Item::Text(text, path, origin)) => {
                let node = Node::text(text, origin.unwrap_or(Origin::Default));
                let view = View {
                    node: Some(&node),
                    dotted: Vec::new(),
                    loose: Vec::new(),
                    path,
                    skipped: &crate::config::section::view::NOTHING_SKIPPED,
                };
                seed.deserialize(view).map(Some)
            }
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// The entries of a map or struct.
pub(super) struct Entries<'a> {
    entries: IntoIter<Entry<'a>>,
    value: Option<View<'a>>,
}

impl<'a> Entries<'a> {
    pub(super) fn new(entries: Vec<Entry<'a>>) -> Self {
        Self { entries: entries.into_iter(), value: None }
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some(Entry { key, path, origin, view }) = self.entries.next() else { return Ok(None) };
        self.value = Some(view);
        let key: StringDeserializer<Error> = key.into_deserializer();
        seed.deserialize(key).map(Some).map_err(|error| error.at(&path, Some(origin)))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        match self.value.take() {
            Some(value) => {
                let (path, origin) = (value.path.clone(), value.origin());
                seed.deserialize(value).map_err(|error| error.at(&path, origin))
            }
            None => Err(Error::new(Problem::new("a value was asked for before its key"))),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

/// One variant of an enum, with its content if it is written as a map.
pub(super) struct Variant<'a> {
    pub(super) name: String,
    pub(super) content: Option<View<'a>>,
}

impl<'de, 'a> EnumAccess<'de> for Variant<'a> {
    type Error = Error;
    type Variant = Content<'a>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Content<'a>), Error> {
        let name: StringDeserializer<Error> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, Content(self.content)))
    }
}

pub(super) struct Content<'a>(Option<View<'a>>);

impl<'a> Content<'a> {
    fn view(self) -> Result<View<'a>, Error> {
        self.0.ok_or_else(|| Error::new(Problem::new("this variant needs a map with its settings")))
    }
}

impl<'de> VariantAccess<'de> for Content<'_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        match self.0 {
            None => Ok(()),
            Some(_) => Err(Error::new(Problem::new("this variant takes no settings"))),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self.view()?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        serde::Deserializer::deserialize_seq(self.view()?, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        serde::Deserializer::deserialize_struct(self.view()?, "", fields, visitor)
    }
}
