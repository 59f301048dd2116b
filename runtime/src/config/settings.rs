//! All layers laid over each other: the value and origin of every key, for whoever gives them a meaning.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use super::kind::{Kind, Wrong};
use super::layer::{Layer, Path};
use super::node::{Node, Value, split_key};
use super::placeholder::{self, Names};
use super::problem::shown;
use super::schema::{Lookup, Schema};
use super::tree::join;
use super::{Located, Origin, Problem, Problems, Section};

/// The merged layers.
#[derive(Clone)]
pub(super) struct Settings {
    schema: Schema,
    layer: Layer,
    /// The environment, until placeholders are resolved.
    variables: HashMap<String, String>,
}

impl fmt::Debug for Settings {
    /// Values may be credentials, so that none is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").finish_non_exhaustive()
    }
}

impl Settings {
    /// Lays the layers over each other, the least important first.
    pub(super) fn new(schema: Schema, layers: Vec<Layer>, variables: HashMap<String, String>) -> Self {
        let mut merged = Layer::default();
        for layer in layers {
            merged.values.extend(layer.values);
            merged.bare.extend(layer.bare);
            merged.foreign.extend(layer.foreign);
            for (root, tree) in layer.trees {
                merged.trees.entry(root).or_default().lay(tree);
            }
        }
        Self { schema, layer: merged, variables }
    }

    /// Replaces all placeholders, then checks every value against its kind.
    ///
    /// The first problems are of placeholders that cannot be resolved, the second of values.
    pub(super) fn resolve(&mut self) -> (Problems, Problems) {
        let names = self.clone();
        let (mut unresolved, mut wrong) = (Problems::new(), Problems::new());
        for (path, node) in &mut self.layer.values {
            let name = path.join(".");
            let written = node.clone();
            let nodes: Vec<&mut Node> = match &mut node.value {
                Value::List(items) => items.iter_mut().collect(),
                _ => vec![node],
            };
            if nodes.into_iter().all(|node| resolve_node(node, &name, &names, &mut unresolved)) {
                wrong.extend(check(&names.schema, path, node, &written));
            }
        }
        for (root, tree) in &mut self.layer.trees {
            let root = root.join(".");
            tree.visit(&mut |path, node| {
                resolve_node(node, &join(&root, path), &names, &mut unresolved);
            });
        }
        self.variables.clear();
        (unresolved, wrong)
    }

    /// The names that stand directly below a path, each once.
    pub(super) fn names(&self, prefix: &[&str]) -> BTreeSet<String> {
        fn below<'a, V: 'a>(map: &'a BTreeMap<Path, V>, prefix: &Path) -> impl Iterator<Item = &'a Path> {
            map.range(prefix.clone()..).map(|(path, _)| path)
        }
        let prefix = owned(prefix);
        let fits = |path: &&Path| path.starts_with(&prefix);
        let values = below(&self.layer.values, &prefix).take_while(fits);
        let trees = below(&self.layer.trees, &prefix).take_while(fits);
        let bare = self.layer.bare.range(prefix.clone()..).take_while(fits);
        values.chain(trees).chain(bare).filter_map(|path| path.get(prefix.len()).cloned()).collect()
    }

    /// Where a key is written, if it is.
    pub(super) fn origin(&self, path: &[&str]) -> Option<&Origin> {
        self.node(path).map(|node| &node.origin)
    }

    /// The value of a key, if it is written and right.
    pub(super) fn optional<T>(
        &self,
        path: &[&str],
        read: fn(&str) -> Result<T, Wrong>,
    ) -> Option<Located<T>> {
        scalar(self.node(path)?, read)
    }

    /// The value of a key or its documented default.
    ///
    /// A value that is wrong counts as not written: it is reported already, and its configuration is never used.
    pub(super) fn required<T: Default>(
        &self,
        path: &[&str],
        read: fn(&str) -> Result<T, Wrong>,
    ) -> Located<T> {
        self.optional(path, read).unwrap_or_else(|| Located::default_value(self.default(path, read)))
    }

    /// The documented default of a key.
    pub(super) fn default<T: Default>(&self, path: &[&str], read: fn(&str) -> Result<T, Wrong>) -> T {
        self.schema.default_of(path).and_then(|text| read(text).ok()).unwrap_or_default()
    }

    /// The items of a list, if it is written.
    pub(super) fn list(&self, path: &[&str], separator: char) -> Option<Located<Vec<String>>> {
        Some(items(self.node(path)?, separator))
    }

    /// What is written below a path, to be looked up without everything else that is written.
    pub(super) fn below(&self, prefix: &[&str]) -> Below<'_> {
        let prefix = owned(prefix);
        let written = self.layer.values.range(prefix.clone()..);
        let written = written.take_while(|(path, _)| path.starts_with(&prefix));
        Below { values: written.map(|(path, node)| (&path[prefix.len()..], node)).collect() }
    }

    /// A free subtree.
    pub(super) fn section(&self, root: &[&str]) -> Section {
        let tree = self.layer.trees.get(&owned(root)).cloned().unwrap_or_default();
        Section::new(root.join("."), tree)
    }

    /// The value of any key as a report shows it, with its origin; defaults included.
    pub(super) fn explain(&self, name: &str) -> Option<(String, Origin)> {
        if let Some((path, text, origin)) = self.written(name) {
            return Some((shown(&path, &text).into_owned(), origin));
        }
        Some((self.default_of(name)?, Origin::Default))
    }

    /// The path, text and origin of a setting.
    fn written(&self, name: &str) -> Option<(String, String, Origin)> {
        let pieces = split_key(name).ok()?;
        let Lookup::Found(found) = self.schema.lookup(&pieces) else {
            let node = self.layer.foreign.get(&super::names::normalised(name))?;
            return Some((name.to_owned(), text_of(node), node.origin.clone()));
        };
        let root = self.schema.canonical(&found);
        if self.schema.key(found.key).kind == Kind::Tree {
            let tail = super::node::Shown(&found.tail).to_string();
            let section = Section::new(root.join("."), self.layer.trees.get(&root)?.clone());
            let value = section.get(&tail)?;
            return Some((join(&root.join("."), &tail), value.value, value.origin));
        }
        let node = self.layer.values.get(&root).or_else(|| self.binding_default(&root))?;
        Some((root.join("."), text_of(node), node.origin.clone()))
    }

    /// What `stream.default` says about the key of a binding.
    fn binding_default(&self, path: &[String]) -> Option<&Node> {
        let [stream, bindings, _, rest @ ..] = path else { return None };
        if stream != "stream" || bindings != "bindings" {
            return None;
        }
        let mut default = vec!["stream".to_owned(), "default".to_owned()];
        default.extend_from_slice(rest);
        self.layer.values.get(&default)
    }

    fn node(&self, path: &[&str]) -> Option<&Node> {
        self.layer.values.get(&owned(path))
    }
}

impl Names for Settings {
    fn setting(&self, name: &str) -> Option<(String, String)> {
        self.written(name).map(|(path, text, _)| (path, text))
    }

    fn variable(&self, name: &str) -> Option<String> {
        let upper: String = name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
            .collect();
        self.variables.get(name).or_else(|| self.variables.get(&upper)).cloned()
    }

    fn default_of(&self, name: &str) -> Option<String> {
        let pieces = split_key(name).ok()?;
        match self.schema.lookup(&pieces) {
            Lookup::Found(found) => self.schema.key(found.key).default.map(str::to_owned),
            Lookup::Inside | Lookup::Beyond { .. } | Lookup::Unknown { .. } => None,
        }
    }
}

/// What is written below a path: mostly little.
#[derive(Debug)]
pub(super) struct Below<'a> {
    /// By the rest of their paths.
    values: Vec<(&'a [String], &'a Node)>,
}

impl Below<'_> {
    /// The value of a key, if it is written and right.
    pub(super) fn optional<T>(
        &self,
        path: &[&str],
        read: fn(&str) -> Result<T, Wrong>,
    ) -> Option<Located<T>> {
        scalar(self.node(path)?, read)
    }

    /// The items of a list, if it is written.
    pub(super) fn list(&self, path: &[&str], separator: char) -> Option<Located<Vec<String>>> {
        Some(items(self.node(path)?, separator))
    }

    fn node(&self, path: &[&str]) -> Option<&Node> {
        self.values.iter().find(|(rest, _)| *rest == path).map(|(_, node)| *node)
    }
}

/// A value, if it is right.
fn scalar<T>(node: &Node, read: fn(&str) -> Result<T, Wrong>) -> Option<Located<T>> {
    let Value::Scalar(scalar) = &node.value else { return None };
    Some(Located::new(read(&scalar.text).ok()?, node.origin.clone()))
}

fn items(node: &Node, separator: char) -> Located<Vec<String>> {
    let items = match &node.value {
        Value::Scalar(scalar) => scalar
            .text
            .split(separator)
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(str::to_owned)
            .collect(),
        Value::List(items) => items.iter().map(Node::described).collect(),
        Value::Null | Value::Map(_) => Vec::new(),
    };
    Located::new(items, node.origin.clone())
}

fn owned(path: &[&str]) -> Path {
    path.iter().map(|name| (*name).to_owned()).collect()
}

fn text_of(node: &Node) -> String {
    match &node.value {
        Value::List(items) => items.iter().map(Node::described).collect::<Vec<_>>().join(","),
        Value::Null | Value::Scalar(_) | Value::Map(_) => node.described(),
    }
}

/// Replaces the placeholders of one value; says whether that worked.
fn resolve_node(node: &mut Node, key: &str, names: &Settings, problems: &mut Problems) -> bool {
    let Value::Scalar(scalar) = &mut node.value else { return true };
    if !placeholder::is_dynamic(&scalar.text) {
        return true;
    }
    match placeholder::resolve(&scalar.text, key, names) {
        Ok(text) => {
            scalar.text = text;
            true
        }
        Err(sentence) => {
            problems.push(Problem::new(sentence).path(key).at(node.origin.clone()));
            false
        }
    }
}

fn check(schema: &Schema, path: &[String], node: &Node, written: &Node) -> Option<Problem> {
    let pieces: Vec<_> = path.iter().map(super::node::Piece::name).collect();
    let Lookup::Found(found) = schema.lookup(&pieces) else { return None };
    let Value::Scalar(scalar) = &node.value else { return None };
    let kind = schema.key(found.key).kind;
    if kind.may_be_empty() && scalar.text.trim().is_empty() {
        return None;
    }
    let Wrong(advice) = kind.check(&scalar.text).err()?;
    let problem =
        Problem::mismatch(&scalar.text, kind.expected()).path(path.join(".")).at(node.origin.clone());
    let source =
        (written.value != node.value).then(|| format!("it was written as `{}`", written.described()));
    match advice.or(source) {
        Some(clause) => Some(problem.suggest(clause)),
        None => Some(problem),
    }
}
