//! Turns the entries of one layer into settings by the table of keys, and says what is wrong with them.

use std::collections::{BTreeMap, BTreeSet};

use super::book::Book;
use super::environment::Variable;
use super::kind::Kind;
use super::node::{Entry, Node, Piece, Shown, Value, tree_of};
use super::schema::{Chosen, Found, Lookup, Schema};
use super::spring::{is_foreign, refused_key};
use super::suggestion::{is_slip, unknown_key};
use super::tree::{Loose, Tree};
use super::{Ignored, Origin, Problem, Problems};

/// The path of a setting, by our names.
pub(super) type Path = Vec<String>;

/// The settings of one layer.
#[derive(Debug, Clone, Default)]
pub(super) struct Layer {
    /// Values of single keys.
    pub(super) values: BTreeMap<Path, Node>,
    /// Free subtrees by their root.
    pub(super) trees: BTreeMap<Path, Tree>,
    /// Maps of which only the name is written, such as a binding without settings.
    pub(super) bare: BTreeSet<Path>,
    /// Entries of foreign areas, by their normal path; placeholders may name them.
    pub(super) foreign: BTreeMap<String, Node>,
}

/// Reads layer after layer into settings.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) schema: &'a Schema,
    pub(super) binders: &'a [String],
    pub(super) book: Book,
    pub(super) ignored: Vec<Ignored>,
    pub(super) problems: Problems,
    absent_binders: BTreeSet<String>,
}

/// What is known about a layer while it is read.
#[derive(Default)]
struct Progress {
    layer: Layer,
    /// Every key met, with its spelling and value.
    met: BTreeMap<(Path, String), (String, Node)>,
    reported: BTreeSet<String>,
    /// Entries of free subtrees by root, with the path below it.
    below: BTreeMap<Path, Vec<Entry>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(schema: &'a Schema, binders: &'a [String]) -> Self {
        Self {
            schema,
            binders,
            book: Book::default(),
            ignored: Vec::new(),
            problems: Problems::new(),
            absent_binders: BTreeSet::new(),
        }
    }

    /// Reads the entries of a file, a JSON document or the command line.
    pub(super) fn entries(&mut self, entries: Vec<Entry>) -> Layer {
        let mut progress = Progress::default();
        for entry in entries {
            self.entry(entry, &mut progress);
        }
        finish(progress)
    }

    /// Reads variables whose keys are known already.
    pub(super) fn variables(&mut self, variables: Vec<Variable>) -> Layer {
        let mut progress = Progress::default();
        let mut lists: BTreeMap<Path, Vec<(usize, Node)>> = BTreeMap::new();
        for variable in variables {
            let found = self.entered(variable.found);
            let path = self.schema.canonical(&found);
            let written = path.join(".");
            if self.is_absent(&path, &written, &variable.node.origin) {
                continue;
            }
            if let Some(index) = variable.index {
                lists.entry(path).or_default().push((index, variable.node));
            } else if variable.words.is_empty() {
                self.value(&found, path, written, variable.node, &mut progress);
            } else {
                let tail = variable.words.join("-");
                if self.is_new(&path, &tail, &written, &variable.node, &mut progress) {
                    let loose = Loose { words: variable.words, node: variable.node };
                    progress.layer.trees.entry(path).or_default().loose.push(loose);
                }
            }
        }
        let mut layer = finish(progress);
        for (path, mut items) in lists {
            items.sort_by_key(|(index, _)| *index);
            let Some(origin) = items.first().map(|(_, node)| node.origin.clone()) else { continue };
            let items = items.into_iter().map(|(_, node)| node).collect();
            layer.values.insert(path, Node::new(Value::List(items), origin));
        }
        layer
    }

    fn entry(&mut self, entry: Entry, progress: &mut Progress) {
        match self.schema.lookup(&entry.path) {
            Lookup::Found(found) => {
                let written = Shown(&entry.path).to_string();
                let found = self.entered(found);
                let path = self.schema.canonical(&found);
                if self.is_absent(&path, &written, &entry.key) {
                    return;
                }
                match self.schema.key(found.key).kind {
                    Kind::Tree => self.below(path, found.tail, written, entry, progress),
                    _ => self.value(&found, path, written, entry.node, progress),
                }
            }
            Lookup::Inside => self.inside(&entry, progress),
            Lookup::Beyond { used, .. } if refused_key(&entry.path).is_some() => {
                self.unknown(entry, used, &[], progress);
            }
            Lookup::Beyond { key, used } => {
                let written = Shown(&entry.path[..used]).to_string();
                if progress.reported.insert(written.clone()) {
                    let expected = self.schema.key(key).kind.expected();
                    self.problems.push(
                        Problem::new(format!("found a map, expected {expected}")).path(written).at(entry.key),
                    );
                }
            }
            Lookup::Unknown { known, candidates } => self.unknown(entry, known, &candidates, progress),
        }
    }

    /// The same key with every chosen name as it is spelled elsewhere.
    fn entered(&mut self, mut found: Found) -> Found {
        for (what, name) in &mut found.chosen {
            *name = self.book.enter(*what, name);
        }
        found
    }

    /// Whether the path belongs to a binder that the program does not contain, which is reported once.
    fn is_absent(&mut self, path: &[String], written: &str, origin: &Origin) -> bool {
        let [stream, binder, ..] = path else { return false };
        if stream != "stream"
            || !matches!(binder.as_str(), "memory" | "kafka" | "rabbitmq")
            || self.binders.contains(binder)
        {
            return false;
        }
        if self.absent_binders.insert(binder.clone()) {
            let names: Vec<String> = self.binders.iter().map(|name| format!("`{name}`")).collect();
            self.problems.push(
                Problem::new(format!("this program does not contain the `{binder}` binder"))
                    .path(written)
                    .at(origin.clone())
                    .suggest(format!("it contains {}", names.join(", "))),
            );
        }
        true
    }

    fn value(&mut self, found: &Found, path: Path, written: String, node: Node, progress: &mut Progress) {
        let kind = self.schema.key(found.key).kind;
        match &node.value {
            Value::Null => return,
            Value::Scalar(_) => {}
            Value::List(items) if kind.takes_list() => {
                if let Some(wrong) = items.iter().find(|item| !matches!(item.value, Value::Scalar(_))) {
                    let sentence = format!("found {} in the list, expected text", wrong.described());
                    self.problems.push(Problem::new(sentence).path(written).at(wrong.origin.clone()));
                    return;
                }
            }
            Value::List(_) | Value::Map(_) => {
                let sentence = format!("found {}, expected {}", node.described(), kind.expected());
                self.problems.push(Problem::new(sentence).path(written).at(node.origin));
                return;
            }
        }
        if self.is_new(&path, "", &written, &node, progress) {
            progress.layer.values.insert(path, node);
        }
    }

    fn below(
        &mut self,
        root: Path,
        tail: Vec<Piece>,
        written: String,
        entry: Entry,
        progress: &mut Progress,
    ) {
        let outside = &entry.path[..entry.path.len() - tail.len()];
        let continued = matches!(outside.last(), Some(Piece::Name { glued: true, .. }));
        let tail = unglued(tail, continued);
        match &entry.node.value {
            Value::Scalar(scalar) if tail.is_empty() && !scalar.text.is_empty() => {
                let problem = Problem::mismatch(&scalar.text, Kind::Tree.expected());
                self.problems.push(problem.path(written).at(entry.node.origin));
            }
            Value::List(_) if tail.is_empty() => {
                self.problems
                    .push(Problem::new("found a list, expected a map").path(written).at(entry.node.origin));
            }
            _ if tail.is_empty() => {}
            _ => {
                if self.is_new(&root, &Shown(&tail).to_string(), &written, &entry.node, progress) {
                    progress.below.entry(root).or_default().push(Entry { path: tail, ..entry });
                }
            }
        }
    }

    /// Whether the layer says something new; the same key with another value is a problem.
    fn is_new(
        &mut self,
        path: &[String],
        tail: &str,
        written: &str,
        node: &Node,
        progress: &mut Progress,
    ) -> bool {
        let key = (path.to_vec(), tail.to_owned());
        let Some((spelling, first)) = progress.met.get(&key) else {
            progress.met.insert(key, (written.to_owned(), node.clone()));
            return true;
        };
        if !same(first, node) {
            let sentence = match spelling == written {
                true => format!("given twice with different values, also at {}", first.origin),
                false => {
                    format!("means the same key as `{spelling}` at {}, but the values differ", first.origin)
                }
            };
            self.problems.push(Problem::new(sentence).path(written).at(node.origin.clone()));
        }
        false
    }

    /// An entry that stands where only a map can stand.
    fn inside(&mut self, entry: &Entry, progress: &mut Progress) {
        match &entry.node.value {
            Value::Null | Value::Map(_) => {
                if let [.., parent, Piece::Name { text, .. }] = entry.path.as_slice() {
                    let what = match parent.as_name() {
                        Some("bindings") => Chosen::Binding,
                        Some("binders") => Chosen::Binder,
                        _ => return,
                    };
                    let name = match what {
                        Chosen::Binding => super::names::binding_name(text),
                        Chosen::Binder | Chosen::Definition | Chosen::Failure => text.clone(),
                    };
                    let root = if what == Chosen::Binding { "bindings" } else { "binders" };
                    let name = self.book.enter(what, &name);
                    progress.layer.bare.insert(vec!["stream".to_owned(), root.to_owned(), name]);
                }
            }
            Value::Scalar(_) | Value::List(_) => {
                let written = Shown(&entry.path).to_string();
                let problem = match &entry.node.value {
                    Value::Scalar(scalar) => Problem::mismatch(&scalar.text, "a map"),
                    _ => Problem::new("found a list, expected a map"),
                };
                self.problems.push(problem.path(written).at(entry.node.origin.clone()));
            }
        }
    }

    fn unknown(&mut self, entry: Entry, known: usize, candidates: &[String], progress: &mut Progress) {
        if let Some((name, instead)) = refused_key(&entry.path) {
            let written = Shown(&entry.path).to_string();
            let whose = if name.contains(".function.") { "Function" } else { "Stream" };
            let whose = if name.starts_with("spring.cloud.") {
                format!("Spring Cloud {whose}")
            } else {
                "Spring".to_owned()
            };
            let sentence = format!("is a {whose} property that wellspring does not support");
            let problem =
                Problem::new(if name == written { sentence } else { format!("`{name}` {sentence}") });
            let problem = problem.path(written).at(entry.key);
            self.problems.push(problem.suggest(instead));
        } else if is_foreign(&entry.path) && !is_slip(&entry.path, known, candidates) {
            let path = Shown(&entry.path).to_string();
            progress.layer.foreign.insert(super::names::normalised(&path), entry.node);
            self.ignored.push(Ignored { path, origin: entry.key });
        } else {
            let end = (known + 1).min(entry.path.len());
            if progress.reported.insert(Shown(&entry.path[..end]).to_string()) {
                let problem = unknown_key(self.schema, &entry.path, known, candidates);
                self.problems.push(problem.at(entry.key));
            }
        }
    }
}

fn finish(mut progress: Progress) -> Layer {
    for (root, entries) in progress.below {
        let node = tree_of(entries);
        progress.layer.trees.entry(root).or_default().lay(Tree { root: node, loose: Vec::new() });
    }
    progress.layer
}

/// Joins the pieces of one written key again: inside a free subtree a dot may be part of the name.
///
/// In a key that began outside (`continued`) every dot is a step.
fn unglued(pieces: Vec<Piece>, continued: bool) -> Vec<Piece> {
    let mut whole: Vec<Piece> = Vec::new();
    let mut open = false;
    let mut steps = continued;
    for piece in pieces {
        let glued = matches!(piece, Piece::Name { glued: true, .. });
        let goes_on = glued && !steps;
        steps &= glued;
        match (whole.last_mut(), piece) {
            (Some(Piece::Name { text, .. }), Piece::Name { text: next, .. }) if open => {
                text.push('.');
                text.push_str(&next);
            }
            (_, Piece::Name { text, .. }) => whole.push(Piece::name(text)),
            (_, index) => whole.push(index),
        }
        open = goes_on;
    }
    whole
}

fn same(one: &Node, other: &Node) -> bool {
    match (&one.value, &other.value) {
        (Value::Scalar(one), Value::Scalar(other)) => one.text == other.text,
        (Value::List(one), Value::List(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (one, other) => one == other,
    }
}
