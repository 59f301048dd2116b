//! A free subtree while its layers are laid over each other.

use super::Origin;
use super::names::normalised;
use super::node::{Field, Node, Value};

/// A subtree whose keys the table does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tree {
    pub(super) root: Node,
    /// Variables, whose words only the type that reads the subtree can tell apart.
    pub(super) loose: Vec<Loose>,
}

/// A variable below a free subtree: the words behind the subtree's own name, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Loose {
    pub(super) words: Vec<String>,
    pub(super) node: Node,
}

impl Default for Tree {
    fn default() -> Self {
        Self { root: Node::empty_map(Origin::Default), loose: Vec::new() }
    }
}

impl Tree {
    /// Lays `over` on this tree: maps are joined key by key, everything else is replaced.
    pub(super) fn lay(&mut self, over: Self) {
        lay(&mut self.root, over.root);
        self.loose.extend(over.loose);
    }

    /// Every value, to be changed in place.
    pub(super) fn visit(&mut self, visit: &mut impl FnMut(&str, &mut Node)) {
        visit_node("", &mut self.root, visit);
        for loose in &mut self.loose {
            visit(&loose.words.join("-"), &mut loose.node);
        }
    }
}

fn visit_node(path: &str, node: &mut Node, visit: &mut impl FnMut(&str, &mut Node)) {
    match &mut node.value {
        Value::Scalar(_) => visit(path, node),
        Value::Null => {}
        Value::List(items) => items.iter_mut().for_each(|item| visit_node(path, item, visit)),
        Value::Map(fields) => {
            for field in fields {
                visit_node(&join(path, &field.name), &mut field.node, visit);
            }
        }
    }
}

/// `path` and one more name.
pub(super) fn join(path: &str, name: &str) -> String {
    match path.is_empty() {
        true => name.to_owned(),
        false if name.starts_with('[') => format!("{path}{name}"),
        false => format!("{path}.{name}"),
    }
}

fn lay(under: &mut Node, over: Node) {
    let fields = match over.value {
        Value::Map(fields) => fields,
        value => {
            *under = Node::new(value, over.origin);
            return;
        }
    };
    let Value::Map(below) = &mut under.value else {
        *under = Node::new(Value::Map(fields), over.origin);
        return;
    };
    for field in fields {
        match position(below, &field.name) {
            Some(at) => {
                below[at].origin = field.origin;
                lay(&mut below[at].node, field.node);
            }
            None => below.push(Field { name: field.name, origin: field.origin, node: field.node }),
        }
    }
}

/// The field of this name, or the only one that spells it otherwise.
pub(super) fn position(fields: &[Field], name: &str) -> Option<usize> {
    if let Some(exact) = fields.iter().position(|field| field.name == name) {
        return Some(exact);
    }
    let normal = normalised(name);
    let mut similar = fields.iter().enumerate().filter(|(_, field)| normalised(&field.name) == normal);
    let (at, _) = similar.next()?;
    similar.next().is_none().then_some(at)
}
