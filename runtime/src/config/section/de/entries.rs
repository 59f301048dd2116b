//! The entries of a map or struct, put together from files, keys with dots and variables.

use super::super::view::behind;
use super::{Error, Problem, View};
use crate::config::Origin;
use crate::config::names::normalised;
use crate::config::node::Value;
use crate::config::tree::join;

/// One entry, by the name that serde knows it by.
pub(super) struct Entry<'a> {
    pub(super) key: String,
    /// The path with the name as written.
    pub(super) path: String,
    /// Where the name is written.
    pub(super) origin: Origin,
    pub(super) view: View<'a>,
}

/// The fields of a struct by their serde names; a map has none.
#[derive(Clone, Copy)]
struct Fields(Option<&'static [&'static str]>);

impl Fields {
    fn spelled(self, written: &str) -> Option<&'static str> {
        let normal = normalised(written);
        self.0.into_iter().flatten().find(|field| normalised(field) == normal).copied()
    }

    /// The field that the first words of a variable spell.
    fn of_words(self, words: &[String]) -> Option<&'static str> {
        self.0.into_iter().flatten().find(|field| behind(words, field).is_some()).copied()
    }

    /// The field that a written key means: as a whole, or up to its first dot.
    fn of_key(self, written: &str) -> Option<(&'static str, bool)> {
        let whole = self.spelled(written).map(|field| (field, false));
        whole.or_else(|| Some((self.spelled(written.split_once('.')?.0)?, true)))
    }
}

impl<'a> View<'a> {
    /// The entries of this map: those written, then those that only variables have.
    pub(super) fn entries(&self, fields: Option<&'static [&'static str]>) -> Result<Vec<Entry<'a>>, Error> {
        match self.leaf().map(|leaf| &leaf.value) {
            Some(Value::List(_)) => return Err(Error::new(Problem::new("found a list, expected a map"))),
            Some(Value::Scalar(scalar)) if !scalar.text.is_empty() => {
                return Err(Error::mismatch(&scalar.text, "a map"));
            }
            Some(Value::Scalar(_) | Value::Map(_) | Value::Null) | None => {}
        }
        let fields = Fields(fields);
        let mut entries = self.written_entries(fields)?;
        self.add_loose_entries(fields, &mut entries);
        let skipped = |entry: &Entry<'_>| {
            self.skipped.contains(&entry.path) || self.skipped.contains(&join(&self.path, &entry.key))
        };
        entries.retain(|entry| !skipped(entry));
        Ok(entries)
    }

    fn written_entries(&self, fields: Fields) -> Result<Vec<Entry<'a>>, Error> {
        let mut entries: Vec<(Entry<'a>, bool)> = Vec::new();
        let here = self.fields().iter().map(|field| (field.name.as_str(), field));
        for (name, field) in here.chain(self.dotted.iter().copied()) {
            let (key, is_part) = match fields.of_key(name) {
                Some((key, is_part)) => (key.to_owned(), is_part),
                None => (name.to_owned(), false),
            };
            if let Some((first, was_part)) = entries.iter().find(|(entry, _)| entry.key == key) {
                // The view of the first one holds them both.
                if is_part || *was_part {
                    continue;
                }
                let sentence = format!("given twice in different spellings, first at {}", first.origin);
                let path = join(&self.path, name);
                return Err(Error::new(Problem::new(sentence)).at(&path, Some(field.origin.clone())));
            }
            let path = join(&self.path, if is_part { &key } else { name });
            let mut view =
                self.child(if is_part { &key } else { name }).unwrap_or_else(|| self.item(0, &field.node));
            view.path.clone_from(&path);
            if !is_part {
                view.node = Some(&field.node);
            }
            entries.push((Entry { key, path, origin: field.origin.clone(), view }, is_part));
        }
        Ok(entries.into_iter().map(|(entry, _)| entry).collect())
    }

    fn add_loose_entries(&self, fields: Fields, entries: &mut Vec<Entry<'a>>) {
        for (words, node) in self.loose.iter().filter(|(words, _)| !words.is_empty()) {
            if entries.iter().any(|entry| behind(words, &entry.key).is_some()) {
                continue;
            }
            let entry = match fields.of_words(words) {
                Some(field) => self.child(field).map(|view| (field.to_owned(), view)),
                // Nobody says what the words mean: those of a map are a dotted name, those of a struct an unknown one.
                None => {
                    let key = words.join(if fields.0.is_some() { "-" } else { "." });
                    let loose = vec![(&words[words.len()..], *node)];
                    let path = join(&self.path, &key);
                    Some((key, View { node: None, dotted: Vec::new(), loose, path, skipped: self.skipped }))
                }
            };
            if let Some((key, view)) = entry {
                entries.push(Entry { key, path: view.path.clone(), origin: node.origin.clone(), view });
            }
        }
    }
}
