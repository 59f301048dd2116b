//! Finds the key of the table that a path as written means.

use std::collections::BTreeSet;

use super::keys::{BINDING_PLACES, BINDING_ROWS, PREFIXES, ROWS, Row};
use super::kind::Kind;
use super::names::{binding_name, normalised, spells};
use super::node::Piece;

/// The table, ready for look-ups.
#[derive(Debug, Clone)]
pub(super) struct Schema {
    keys: Vec<Key>,
    spellings: Vec<Spelling>,
}

/// One key: `stream.bindings.<binding>.destination`.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) path: String,
    pub(super) kind: Kind,
    pub(super) default: Option<&'static str>,
    pub(super) doc: &'static str,
    segments: Vec<Segment>,
}

/// One way to write a key; every key has at least its own path.
#[derive(Debug, Clone)]
pub(super) struct Spelling {
    pub(super) segments: Vec<Segment>,
    pub(super) key: usize,
}

/// One step of a spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Segment {
    /// A name of ours, with its normal form.
    Literal { name: String, normal: String },
    /// A name the user chooses.
    Chosen(Chosen),
    /// The rest of the path as one name with dots.
    Dotted,
    /// Any subtree.
    Free,
}

/// What a name the user chooses names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chosen {
    Binding,
    Binder,
    Definition,
    /// A kind of failure, or the type or name of an error.
    Failure,
}

/// The key that a path means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// The index of the key.
    pub(super) key: usize,
    /// The names the user chose, in order.
    pub(super) chosen: Vec<(Chosen, String)>,
    /// What follows the root of a free subtree.
    pub(super) tail: Vec<Piece>,
}

/// What a path means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Lookup {
    Found(Found),
    /// The path ends above the keys: only a map can stand here.
    Inside,
    /// The path goes on below a key that takes a single value; the first `used` pieces are the key's.
    Beyond {
        key: usize,
        used: usize,
    },
    /// No key has this name; the first `known` pieces are right, and these names could follow them.
    Unknown {
        known: usize,
        candidates: Vec<String>,
    },
}

enum Step {
    Full { chosen: Vec<(Chosen, String)>, tail: Vec<Piece> },
    Inside,
    Beyond(usize),
    Stopped(usize),
}

impl Schema {
    /// The table, with a free subtree `stream.<binder>` for every binder type of the program.
    pub(super) fn new(binders: &[String]) -> Self {
        let mut schema = Self { keys: Vec::new(), spellings: Vec::new() };
        for row in ROWS {
            schema.add(row.path.to_owned(), row);
        }
        for place in BINDING_PLACES {
            for row in BINDING_ROWS {
                schema.add(format!("{place}.{}", row.path), row);
            }
        }
        for binder in binders {
            let path = format!("stream.{binder}.**");
            if !schema.keys.iter().any(|key| key.path == path) {
                let doc = "settings of this binder";
                schema.add(path, &Row { path: "", kind: Kind::Tree, default: None, doc, also: &[] });
            }
        }
        schema
    }

    fn add(&mut self, path: String, row: &Row) {
        let key = self.keys.len();
        self.spell(&path, key);
        for spelling in row.also {
            self.spell(spelling, key);
        }
        for (prefix, ours) in PREFIXES {
            if let Some(rest) = path.strip_prefix(ours).and_then(|rest| rest.strip_prefix('.')) {
                self.spell(&format!("{prefix}.{rest}"), key);
            }
        }
        let segments = segments(&path);
        self.keys.push(Key { path, kind: row.kind, default: row.default, doc: row.doc, segments });
    }

    fn spell(&mut self, path: &str, key: usize) {
        self.spellings.push(Spelling { segments: segments(path), key });
    }

    pub(super) fn keys(&self) -> &[Key] {
        &self.keys
    }

    pub(super) fn key(&self, index: usize) -> &Key {
        &self.keys[index]
    }

    pub(super) fn spellings(&self) -> &[Spelling] {
        &self.spellings
    }

    /// What a path as written means.
    pub(super) fn lookup(&self, path: &[Piece]) -> Lookup {
        let mut inside = false;
        let mut beyond = None;
        let mut known = 0;
        // Of several free subtrees that hold the path the innermost is meant: its tail is the shortest.
        let mut subtree: Option<Found> = None;
        for spelling in &self.spellings {
            match step(&spelling.segments, path) {
                Step::Full { chosen, tail } => {
                    let found = Found { key: spelling.key, chosen, tail };
                    if spelling.segments.last() != Some(&Segment::Free) {
                        return Lookup::Found(found);
                    }
                    if subtree.as_ref().is_none_or(|other| found.tail.len() < other.tail.len()) {
                        subtree = Some(found);
                    }
                }
                Step::Inside => inside = true,
                Step::Beyond(used) => beyond = Some(Lookup::Beyond { key: spelling.key, used }),
                Step::Stopped(depth) => known = known.max(depth),
            }
        }
        match (subtree, beyond) {
            (Some(found), _) => Lookup::Found(found),
            _ if inside => Lookup::Inside,
            (None, Some(beyond)) => beyond,
            (None, None) => Lookup::Unknown { known, candidates: self.candidates(path, known) },
        }
    }

    /// The names of ours that could follow the first `known` pieces of a path.
    fn candidates(&self, path: &[Piece], known: usize) -> Vec<String> {
        let names = self.spellings.iter().filter_map(|spelling| match step(&spelling.segments, path) {
            Step::Stopped(depth) if depth == known => match spelling.segments.get(depth) {
                Some(Segment::Literal { name, .. }) => Some(name.clone()),
                _ => None,
            },
            _ => None,
        });
        names.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The key's own path with the names the user chose put in.
    pub(super) fn canonical(&self, found: &Found) -> Vec<String> {
        let mut chosen = found.chosen.iter();
        self.keys[found.key]
            .segments
            .iter()
            .filter_map(|segment| match segment {
                Segment::Literal { name, .. } => Some(name.clone()),
                Segment::Chosen(_) | Segment::Dotted => chosen.next().map(|(_, name)| name.clone()),
                Segment::Free => None,
            })
            .collect()
    }

    /// The default of the key at a canonical path.
    pub(super) fn default_of(&self, path: &[&str]) -> Option<&'static str> {
        self.keys.iter().find(|key| is_path_of(path, &key.segments))?.default
    }

    /// The path below `prefix` that ends in the name `wrong`, if exactly one does: the key may sit one level off.
    pub(super) fn deeper(&self, prefix: &[Piece], wrong: &str) -> Option<String> {
        let mut paths = self.spellings.iter().filter_map(|spelling| {
            let (last, above) = spelling.segments.split_last()?;
            let Segment::Literal { normal, .. } = last else { return None };
            let fits = above.len() > prefix.len()
                && spells(wrong, normal)
                && matches!(step(above, prefix), Step::Inside)
                && above[prefix.len()..].iter().all(|segment| matches!(segment, Segment::Literal { .. }));
            fits.then(|| {
                spelling.segments[prefix.len()..].iter().map(Segment::to_string).collect::<Vec<_>>().join(".")
            })
        });
        let first = paths.next()?;
        paths.all(|other| other == first).then_some(first)
    }
}

impl std::fmt::Display for Segment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Literal { name, .. } => f.write_str(name),
            Self::Chosen(Chosen::Binding) => f.write_str("<binding>"),
            Self::Chosen(Chosen::Binder) => f.write_str("<binder>"),
            Self::Chosen(Chosen::Definition) => f.write_str("<definition>"),
            Self::Chosen(Chosen::Failure) => f.write_str("<failure>"),
            Self::Dotted => f.write_str("<target>"),
            Self::Free => f.write_str("**"),
        }
    }
}

pub(super) fn segments(path: &str) -> Vec<Segment> {
    let mut rest = path;
    let mut segments = Vec::new();
    while !rest.is_empty() {
        // A name the user chooses may be written with dots between its angle brackets.
        let end = match rest.starts_with('<') {
            true => rest.find('>').map_or(rest.len(), |at| at + 1),
            false => rest.find('.').unwrap_or(rest.len()),
        };
        segments.push(match &rest[..end] {
            "**" => Segment::Free,
            "<binding>" => Segment::Chosen(Chosen::Binding),
            "<binder>" => Segment::Chosen(Chosen::Binder),
            "<error>" | "<failure>" => Segment::Chosen(Chosen::Failure),
            name if name.ends_with("..>") => Segment::Dotted,
            name if name.starts_with('<') => Segment::Chosen(Chosen::Definition),
            name => Segment::Literal { name: name.to_owned(), normal: normalised(name) },
        });
        rest = rest[end..].trim_start_matches('.');
    }
    segments
}

/// Whether a canonical path is that of a key. Paths differ in their last names first.
fn is_path_of(path: &[&str], segments: &[Segment]) -> bool {
    let fits = |(name, segment): (&&str, &Segment)| match segment {
        Segment::Literal { name: own, .. } => own == name,
        Segment::Chosen(_) | Segment::Dotted => true,
        Segment::Free => false,
    };
    path.len() == segments.len() && path.iter().zip(segments).rev().all(fits)
}

/// Follows a path along the segments of one spelling.
fn step(segments: &[Segment], path: &[Piece]) -> Step {
    let mut chosen = Vec::new();
    for (depth, segment) in segments.iter().enumerate() {
        if *segment == Segment::Free {
            return Step::Full { chosen, tail: path[depth.min(path.len())..].to_vec() };
        }
        let Some(piece) = path.get(depth) else { return Step::Inside };
        let Some(name) = piece.as_name() else { return Step::Stopped(depth) };
        match segment {
            Segment::Literal { normal, .. } if spells(name, normal) => {}
            Segment::Literal { .. } => return Step::Stopped(depth),
            Segment::Chosen(Chosen::Binding) => chosen.push((Chosen::Binding, binding_name(name))),
            Segment::Chosen(what) => chosen.push((*what, name.to_owned())),
            Segment::Dotted => {
                let names: Option<Vec<&str>> = path[depth..].iter().map(Piece::as_name).collect();
                let Some(names) = names else { return Step::Stopped(depth) };
                chosen.push((Chosen::Definition, names.join(".")));
                return Step::Full { chosen, tail: Vec::new() };
            }
            Segment::Free => {}
        }
    }
    if path.len() > segments.len() {
        return Step::Beyond(segments.len());
    }
    Step::Full { chosen, tail: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::node::split_key;

    fn found(path: &str) -> String {
        let schema = Schema::new(&["memory".to_owned(), "nats".to_owned()]);
        let pieces = split_key(path).expect("a good key");
        match schema.lookup(&pieces) {
            Lookup::Found(found) => {
                let tail = crate::config::node::Shown(&found.tail).to_string();
                let path = schema.canonical(&found).join("/");
                if tail.is_empty() { path } else { format!("{path} + {tail}") }
            }
            Lookup::Inside => "inside".to_owned(),
            Lookup::Beyond { key, used } => format!("beyond {} at {used}", schema.key(key).path),
            Lookup::Unknown { known, candidates } => format!("unknown at {known}: {}", candidates.len()),
        }
    }

    #[test]
    fn finds_keys_in_every_spelling() {
        let cases = [
            ("http.port", "http/port"),
            ("server.port", "http/port"),
            ("management.server.port", "management/port"),
            ("spring.cloud.function.definition", "function/definition"),
            ("stream.function.definition", "function/definition"),
            ("spring.cloud.stream.function.definition", "function/definition"),
            ("spring.cloud.function.web.path", "http/path"),
            ("spring.cloud.function.http.GET", "http/methods/get"),
            ("spring.cloud.function.http.ignored-headers", "http/ignored-headers"),
            (
                "spring.cloud.stream.bindings.email|sms-in-0.consumer.maxAttempts",
                "stream/bindings/emailsms-in-0/consumer/max-attempts",
            ),
            ("stream.bindings.Odd_Name.group", "stream/bindings/Odd_Name/group"),
            ("stream.bindings.[my.name].group", "stream/bindings/my.name/group"),
            ("stream.default.consumer.back_off_multiplier", "stream/default/consumer/back-off-multiplier"),
            ("spring.integration.poller.fixedDelay", "stream/poller/fixed-delay"),
            ("spring.lifecycle.timeout-per-shutdown-phase", "shutdown/timeout"),
            ("function.bindings.email-in-0", "stream/function/bindings/email-in-0"),
            ("spring.cloud.stream.function.bindings.email-in-0", "stream/function/bindings/email-in-0"),
            ("logging.level.root", "logging/level/root"),
            ("logging.level.org.springframework.cloud", "logging/level/org.springframework.cloud"),
            ("spring.rabbitmq.host", "stream/rabbitmq + host"),
            ("spring.cloud.stream.kafka.binder.brokers", "stream/kafka + brokers"),
            (
                "spring.cloud.stream.rabbit.bindings.x-in-0.consumer.ttl",
                "stream/rabbitmq + bindings.x-in-0.consumer.ttl",
            ),
            (
                "spring.cloud.stream.binders.one.environment.spring.rabbitmq.host",
                "stream/binders/one/environment + host",
            ),
            ("stream.nats.url", "stream/nats + url"),
            ("app.servers.one", "app + servers.one"),
            ("app", "app"),
            ("stream.bindings", "inside"),
            ("stream.bindings.x-in-0", "inside"),
            ("http.port.number", "beyond http.port at 2"),
        ];
        for (written, expected) in cases {
            assert_eq!(found(written), expected, "{written}");
        }
        assert!(
            found("stream.bindings.x-in-0.grup").starts_with("unknown at 3"),
            "{}",
            found("stream.bindings.x-in-0.grup")
        );
        assert!(found("nonsense").starts_with("unknown at 0"));
    }

    #[test]
    fn knows_where_a_misplaced_key_belongs() {
        let schema = Schema::new(&[]);
        let prefix = split_key("stream.bindings.x-in-0").expect("a good key");
        assert_eq!(schema.deeper(&prefix, "maxAttempts").as_deref(), Some("consumer.max-attempts"));
        assert_eq!(schema.deeper(&prefix, "auto-startup"), None, "consumer and producer both have one");
        assert_eq!(schema.deeper(&prefix, "destination"), None);
    }
}
