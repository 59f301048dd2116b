//! One value of a section as the deserializer sees it: what files say together with what variables say.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::Section;
use crate::config::Origin;
use crate::config::names::{normalised, spells};
use crate::config::node::{Field, Node, Value};
use crate::config::tree::{join, position};

/// A value that may be written in the tree, in variables, or both.
#[derive(Debug, Clone)]
pub(super) struct View<'a> {
    pub(super) node: Option<&'a Node>,
    /// What keys with dots say about what is below, by the rest of the key: `user` for the key `sasl.user` above.
    pub(super) dotted: Vec<(&'a str, &'a Field)>,
    pub(super) loose: Vec<(&'a [String], &'a Node)>,
    pub(super) path: String,
    /// Paths whose problems are already known; they count as not written.
    pub(super) skipped: &'a BTreeSet<String>,
}

pub(super) static NOTHING_SKIPPED: LazyLock<BTreeSet<String>> = LazyLock::new(BTreeSet::new);

impl<'a> View<'a> {
    pub(super) fn of(section: &'a Section, skipped: &'a BTreeSet<String>) -> Self {
        let loose = section.tree.loose.iter().map(|loose| (loose.words.as_slice(), &loose.node)).collect();
        Self { node: Some(section.root()), dotted: Vec::new(), loose, path: section.path.clone(), skipped }
    }

    /// The value itself: a variable overrides files, a flag overrides variables.
    pub(super) fn leaf(&self) -> Option<&'a Node> {
        let variable = self.loose.iter().rev().find(|(words, _)| words.is_empty()).map(|(_, node)| *node);
        match (self.node, variable) {
            (Some(node), Some(_)) if matches!(node.origin, Origin::Flag(_) | Origin::Variable(_)) => {
                Some(node)
            }
            (_, Some(variable)) => Some(variable),
            (node, None) => node,
        }
    }

    /// Whether variables or keys with dots say something about what is below.
    pub(super) fn has_more(&self) -> bool {
        !self.dotted.is_empty() || self.loose.iter().any(|(words, _)| !words.is_empty())
    }

    /// Where the value is written.
    pub(super) fn origin(&self) -> Option<Origin> {
        let dotted = || self.dotted.first().map(|(_, field)| &field.node);
        let loose = || self.loose.first().map(|(_, node)| *node);
        self.leaf().or_else(dotted).or_else(loose).map(|node| node.origin.clone())
    }

    /// The value below a name, in any spelling.
    pub(super) fn child(&self, name: &str) -> Option<Self> {
        let fields = self.fields();
        let mut node = position(fields, name).map(|at| &fields[at].node);
        let normal = normalised(name);
        let mut dotted = Vec::new();
        let here = fields.iter().filter(|field| field.name != name).map(|field| (field.name.as_str(), field));
        for (key, field) in here.chain(self.dotted.iter().copied()) {
            match key.split_once('.') {
                _ if node.is_none() && spells(key, &normal) => node = Some(&field.node),
                Some((first, rest)) if spells(first, &normal) => dotted.push((rest, field)),
                _ => {}
            }
        }
        let loose: Vec<_> =
            self.loose.iter().filter_map(|(words, node)| Some((behind(words, name)?, *node))).collect();
        if node.is_none() && dotted.is_empty() && loose.is_empty() {
            return None;
        }
        Some(Self { node, dotted, loose, path: join(&self.path, name), skipped: self.skipped })
    }

    /// The fields of the map that is written here.
    pub(super) fn fields(&self) -> &'a [Field] {
        match self.leaf().map(|leaf| &leaf.value) {
            Some(Value::Map(fields)) => fields,
            _ => &[],
        }
    }

    /// A place in a list.
    pub(super) fn item(&self, index: usize, node: &'a Node) -> Self {
        let path = format!("{}[{index}]", self.path);
        Self { node: Some(node), dotted: Vec::new(), loose: Vec::new(), path, skipped: self.skipped }
    }
}

/// The words that follow those which spell `name`.
pub(super) fn behind<'a>(words: &'a [String], name: &str) -> Option<&'a [String]> {
    let normal = normalised(name);
    let mut joined = String::new();
    for (index, word) in words.iter().enumerate() {
        joined.push_str(word);
        if joined == normal {
            return Some(&words[index + 1..]);
        }
        if joined.len() >= normal.len() {
            return None;
        }
    }
    None
}
