//! Configuration as written: a tree of values, each with its origin, and the flat entries it consists of.

use std::fmt;

use super::Origin;
use super::names::normalised;

/// One value as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// What was written, whatever the format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// Nothing: `key:` in YAML, `null` in JSON.
    Null,
    /// A single value.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// A map, in the order written.
    Map(Vec<Field>),
}

/// A single value: its text as written, and what the format takes it for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scalar {
    pub(super) text: String,
    pub(super) sort: Sort,
}

/// What the format of a file takes a scalar for; environment, flags and properties know only text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Text,
    Number,
    Bool,
}

/// One key of a map with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) origin: Origin,
    pub(super) node: Node,
}

impl Node {
    pub(super) fn new(value: Value, origin: Origin) -> Self {
        Self { value, origin }
    }

    pub(super) fn text(text: impl Into<String>, origin: Origin) -> Self {
        Self::new(Value::Scalar(Scalar { text: text.into(), sort: Sort::Text }), origin)
    }

    pub(super) fn empty_map(origin: Origin) -> Self {
        Self::new(Value::Map(Vec::new()), origin)
    }

    /// The value as a report shows it.
    pub(super) fn described(&self) -> String {
        match &self.value {
            Value::Null => "nothing".to_owned(),
            Value::Scalar(scalar) => scalar.text.clone(),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
        }
    }
}

/// One step of a path as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// A name; `glued` when the same written key goes on behind it (`fetch` of the key `fetch.min.bytes`).
    Name { text: String, glued: bool },
    /// The place in a list: `[0]`.
    Index(usize),
}

impl Piece {
    pub(super) fn name(text: impl Into<String>) -> Self {
        Self::Name { text: text.into(), glued: false }
    }

    /// The name, unless this is the place in a list.
    pub(super) fn as_name(&self) -> Option<&str> {
        match self {
            Self::Name { text, .. } => Some(text),
            Self::Index(_) => None,
        }
    }
}

/// A path as a report shows it: `app.servers[0].host`, names with dots in brackets.
pub(super) struct Shown<'a>(pub(super) &'a [Piece]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, piece) in self.0.iter().enumerate() {
            match piece {
                Piece::Index(at) => write!(f, "[{at}]")?,
                Piece::Name { text, .. } if text.contains('.') => write!(f, "[{text}]")?,
                Piece::Name { text, .. } if index == 0 => f.write_str(text)?,
                Piece::Name { text, .. } => write!(f, ".{text}")?,
            }
        }
        Ok(())
    }
}

/// One leaf of a layer with its path as written. A map is a leaf only when it is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) path: Vec<Piece>,
    pub(super) key: Origin,
    pub(super) node: Node,
}

impl Entry {
    /// An entry whose key and value have one place: a variable, a flag, a line of a properties file.
    pub(super) fn flat(path: Vec<Piece>, node: Node) -> Self {
        Self { path, key: node.origin.clone(), node }
    }
}

/// A key may have this many names.
const DEEPEST: usize = 64;

/// Splits a dotted key: `a.b[0].c` and `a.[with.dot].c`.
///
/// The error is a clause that says what is wrong with the key.
pub(super) fn split_key(key: &str) -> Result<Vec<Piece>, &'static str> {
    let mut pieces = Vec::new();
    let mut rest = key;
    while !rest.is_empty() {
        if let Some(bracketed) = rest.strip_prefix('[') {
            let (inside, behind) = bracketed.split_once(']').ok_or("the bracket `[` is never closed")?;
            pieces.push(match inside.parse() {
                Ok(index) if !pieces.is_empty() => Piece::Index(index),
                _ if inside.is_empty() => return Err("the brackets `[]` are empty"),
                _ => Piece::name(inside),
            });
            rest = match behind.strip_prefix('.') {
                Some("") => return Err("it ends with a dot"),
                Some(next) => next,
                None if behind.is_empty() || behind.starts_with('[') => behind,
                None => return Err("a dot is missing behind `]`"),
            };
            continue;
        }
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let (name, behind) = rest.split_at(end);
        if name.trim().is_empty() {
            return Err("it has an empty name between its dots");
        }
        pieces.push(Piece::name(name.trim()));
        rest = match behind.strip_prefix('.') {
            Some("") => return Err("it ends with a dot"),
            Some(next) => next,
            None => behind,
        };
    }
    match pieces.len() {
        0 => Err("it is empty"),
        1..=DEEPEST => Ok(pieces),
        _ => Err("it has too many names"),
    }
}

/// The leaves of a tree, in the order written.
pub(super) fn flatten(root: Node) -> Vec<Entry> {
    let mut entries = Vec::new();
    let key = root.origin.clone();
    flatten_into(root, key, &mut Vec::new(), &mut entries);
    entries
}

fn flatten_into(node: Node, key: Origin, path: &mut Vec<Piece>, entries: &mut Vec<Entry>) {
    match node.value {
        Value::Map(fields) if !fields.is_empty() => {
            for field in fields {
                let depth = path.len();
                let mut pieces = split_key(&field.name).unwrap_or_else(|_| vec![Piece::name(&field.name)]);
                let last = pieces.len() - 1;
                for piece in &mut pieces[..last] {
                    if let Piece::Name { glued, .. } = piece {
                        *glued = true;
                    }
                }
                path.extend(pieces);
                flatten_into(field.node, field.origin, path, entries);
                path.truncate(depth);
            }
        }
        _ if path.is_empty() => {}
        _ => entries.push(Entry { path: path.clone(), key, node }),
    }
}

/// Joins entries that name the places of one list (`a[0]`, `a[1]`) into one entry that is a list.
///
/// A place that is left out becomes `Null`, which no typed value accepts.
pub(super) fn gather_lists(entries: Vec<Entry>) -> Vec<Entry> {
    let mut gathered: Vec<Entry> = Vec::new();
    let mut lists: Vec<(usize, Vec<(usize, Entry)>)> = Vec::new();
    for mut entry in entries {
        let Some(at) = entry.path.iter().position(|piece| matches!(piece, Piece::Index(_))) else {
            gathered.push(entry);
            continue;
        };
        let rest = entry.path.split_off(at);
        let Some((Piece::Index(index), rest)) = rest.split_first() else { continue };
        let inner = Entry { path: rest.to_vec(), key: entry.key.clone(), node: entry.node };
        match lists.iter_mut().find(|(position, _)| same_path(&gathered[*position].path, &entry.path)) {
            Some((_, items)) => items.push((*index, inner)),
            None => {
                let origin = entry.key.clone();
                let place = Node::new(Value::List(Vec::new()), origin.clone());
                lists.push((gathered.len(), vec![(*index, inner)]));
                gathered.push(Entry { path: entry.path, key: origin, node: place });
            }
        }
    }
    for (position, items) in lists {
        gathered[position].node.value = Value::List(list_of(items));
    }
    gathered
}

/// Whether two paths are spellings of one another.
fn same_path(one: &[Piece], other: &[Piece]) -> bool {
    let same = |one: &Piece, other: &Piece| match (one, other) {
        (Piece::Name { text: one, .. }, Piece::Name { text: other, .. }) => {
            normalised(one) == normalised(other)
        }
        (one, other) => one == other,
    };
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
}

/// The longest list that places may name; a larger place is cut off, which leaves a hole that is refused.
const LONGEST_LIST: usize = 10_000;

fn list_of(items: Vec<(usize, Entry)>) -> Vec<Node> {
    let length = items.iter().map(|(index, _)| index + 1).max().unwrap_or(0).min(LONGEST_LIST);
    let mut grouped: Vec<Vec<Entry>> = vec![Vec::new(); length];
    let mut hole = Origin::Default;
    for (index, entry) in items {
        hole = entry.key.clone();
        let last = length - 1;
        grouped[index.min(last)].push(entry);
    }
    grouped
        .into_iter()
        .map(|entries| match entries.first() {
            None => Node::new(Value::Null, hole.clone()),
            Some(_) => tree_of(gather_lists(entries)),
        })
        .collect()
}

/// The tree that flat entries describe; a later entry replaces an earlier one of the same path.
pub(super) fn tree_of(entries: Vec<Entry>) -> Node {
    let mut root = Node::new(Value::Null, Origin::Default);
    for entry in entries {
        insert(&mut root, entry.path, &entry.key, entry.node);
    }
    root
}

fn insert(target: &mut Node, path: Vec<Piece>, key: &Origin, node: Node) {
    let mut target = target;
    for piece in path {
        let name = match piece {
            Piece::Name { text, .. } => text,
            Piece::Index(index) => index.to_string(),
        };
        if !matches!(target.value, Value::Map(_)) {
            *target = Node::empty_map(key.clone());
        }
        let Value::Map(fields) = &mut target.value else { return };
        let position = fields.iter().position(|field| field.name == name).unwrap_or_else(|| {
            let node = Node::new(Value::Null, key.clone());
            fields.push(Field { name, origin: key.clone(), node });
            fields.len() - 1
        });
        target = &mut fields[position].node;
    }
    *target = node;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_keys_at_dots_and_brackets() {
        let name = Piece::name;
        let cases = [
            ("a", vec![name("a")]),
            ("a.b-c", vec![name("a"), name("b-c")]),
            ("a.b[0]", vec![name("a"), name("b"), Piece::Index(0)]),
            ("a[12].b", vec![name("a"), Piece::Index(12), name("b")]),
            ("a.[with.dot].b", vec![name("a"), name("with.dot"), name("b")]),
            ("a[with.dot]", vec![name("a"), name("with.dot")]),
        ];
        for (key, expected) in cases {
            assert_eq!(split_key(key), Ok(expected), "{key}");
        }
        assert!(split_key(&"a.".repeat(100_000)).is_err());
        for key in ["", ".", "a.", "a..b", "a[", "a[]", "a[0]b", " . "] {
            assert!(split_key(key).is_err(), "{key}");
        }
    }

    #[test]
    fn joins_the_places_of_a_list() {
        let entry = |key: &str, text: &str| {
            Entry::flat(split_key(key).expect("a good key"), Node::text(text, Origin::file("f")))
        };
        let gathered = gather_lists(vec![
            entry("a.b[1]", "two"),
            entry("a.c", "other"),
            entry("a.b[0]", "one"),
            entry("d[0].host", "h"),
            entry("d[0].port", "1"),
        ]);
        let paths: Vec<String> = gathered.iter().map(|entry| Shown(&entry.path).to_string()).collect();
        assert_eq!(paths, ["a.b", "a.c", "d"]);
        let Value::List(items) = &gathered[0].node.value else { panic!("not a list") };
        assert_eq!(items.iter().map(Node::described).collect::<Vec<_>>(), ["one", "two"]);
        let Value::List(items) = &gathered[2].node.value else { panic!("not a list") };
        assert!(matches!(&items[0].value, Value::Map(fields) if fields.len() == 2));
    }

    #[test]
    fn a_huge_place_does_not_exhaust_memory() {
        let path = split_key("a[4000000000]").expect("a good key");
        let gathered = gather_lists(vec![Entry::flat(path, Node::text("x", Origin::file("f")))]);
        let Value::List(items) = &gathered[0].node.value else { panic!("not a list") };
        assert!(items.len() <= LONGEST_LIST);
    }
}
