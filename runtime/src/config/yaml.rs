//! Reads a YAML file into nodes with line and column.

use std::collections::HashMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};
use serde_saphyr::{Location, Spanned};

use super::node::{Field, Node, Scalar, Sort, Value};
use super::{Origin, Problem, Problems};

/// Maps and lists may be nested this deep.
const DEEPEST: usize = 64;

/// Reads `text`, the content of `file`.
///
/// # Errors
/// What is wrong with the syntax, and every key that is given twice.
pub(super) fn read(text: &str, file: &Origin) -> Result<Node, Problems> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        with_snippet: false,
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        budget: serde_saphyr::budget! { max_depth: DEEPEST },
    };
    let tree: Spanned<Tree> = serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| syntax_problem(&error, text, file))?;
    let mut converter = Converter { text, file, problems: Problems::new() };
    let node = converter.node(tree);
    converter.problems.or(node)
}

fn syntax_problem(error: &serde_saphyr::Error, text: &str, file: &Origin) -> Problem {
    use serde_saphyr::Error;
    let error = error.without_snippet();
    let place = match error.location() {
        Some(location) if location.line() > 0 => place(file, location),
        _ => file.clone(),
    };
    match error {
        Error::MultipleDocuments { .. } => {
            let second = text.lines().skip(1).position(|line| line.starts_with("---"));
            let place = second.and_then(|at| Some(file.at(u32::try_from(at + 2).ok()?, 1)));
            Problem::new("a second YAML document starts here, but only one is read")
                .at(place.unwrap_or_else(|| file.clone()))
                .suggest(
                    "put the settings of a profile into a file of their own, `application-<profile>.yaml`",
                )
        }
        error => {
            let tab = place_line(&place, text)
                .is_some_and(|line| line.chars().take_while(|c| c.is_whitespace()).any(|c| c == '\t'));
            let problem = Problem::new(format!("not valid YAML: {}", message(error))).at(place);
            if tab { problem.suggest("indent with spaces, not with tabs") } else { problem }
        }
    }
}

/// The parser's own sentence, without the position that the origin already says.
fn message(error: &serde_saphyr::Error) -> String {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    let sentence = match first.find(" at line ") {
        Some(end) => &first[..end],
        None => first,
    };
    let sentence = match sentence.split_once(": ") {
        Some((position, rest)) if position.starts_with("line ") => rest,
        _ => sentence,
    };
    sentence.trim_end_matches('.').to_owned()
}

fn place(file: &Origin, location: Location) -> Origin {
    file.at(
        u32::try_from(location.line()).unwrap_or(u32::MAX),
        u32::try_from(location.column()).unwrap_or(u32::MAX),
    )
}

fn place_line<'a>(place: &Origin, text: &'a str) -> Option<&'a str> {
    match place {
        Origin::File { position: Some((line, _)), .. } => {
            text.lines().nth(usize::try_from(*line).ok()?.checked_sub(1)?)
        }
        _ => None,
    }
}

/// What the parser delivers before positions are turned into origins.
enum Tree {
    Null,
    Text(String),
    Other(Sort, String),
    List(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
}

struct Converter<'a> {
    text: &'a str,
    file: &'a Origin,
    problems: Problems,
}

impl Converter<'_> {
    fn node(&mut self, tree: Spanned<Tree>) -> Node {
        let origin = place(self.file, tree.referenced);
        let value = match tree.value {
            Tree::Null => Value::Null,
            Tree::Text(text) => Value::Scalar(Scalar { text, sort: Sort::Text }),
            Tree::Other(sort, text) => {
                let text = self.as_written(tree.defined).unwrap_or(text);
                Value::Scalar(Scalar { text, sort })
            }
            Tree::List(items) => Value::List(items.into_iter().map(|item| self.node(item)).collect()),
            Tree::Map(entries) => Value::Map(self.fields(entries)),
        };
        Node::new(value, origin)
    }

    fn fields(&mut self, entries: Vec<(Spanned<String>, Spanned<Tree>)>) -> Vec<Field> {
        let mut fields: Vec<Field> = Vec::with_capacity(entries.len());
        let mut met: HashMap<String, usize> = HashMap::new();
        for (key, value) in entries {
            let origin = place(self.file, key.referenced);
            let node = self.node(value);
            if let Some(first) = met.get(&key.value).map(|at| &fields[*at].origin) {
                let sentence = format!("the key `{}` is given twice, first at {first}", key.value);
                self.problems.push(Problem::new(sentence).at(origin));
                continue;
            }
            met.insert(key.value.clone(), fields.len());
            fields.push(Field { name: key.value, origin, node });
        }
        fields
    }

    /// The text of a number or boolean as the file has it, so that `010` is not read as `10`.
    fn as_written(&self, location: Location) -> Option<String> {
        let span = location.span();
        let start = usize::try_from(span.byte_offset()?).ok()?;
        let end = start.checked_add(usize::try_from(span.byte_len()?).ok()?)?;
        let raw = self.text.get(start..end)?.trim();
        let plain = !raw.is_empty()
            && !raw.contains(|c: char| c.is_whitespace() || matches!(c, '!' | '"' | '\'' | '&'));
        plain.then(|| raw.to_owned())
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value, a list or a map")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Other(Sort::Bool, value.to_string()))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Other(Sort::Number, value.to_string()))
    }

    fn visit_i128<E: de::Error>(self, value: i128) -> Result<Tree, E> {
        Ok(Tree::Other(Sort::Number, value.to_string()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Other(Sort::Number, value.to_string()))
    }

    fn visit_u128<E: de::Error>(self, value: u128) -> Result<Tree, E> {
        Ok(Tree::Other(Sort::Number, value.to_string()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Other(Sort::Number, value.to_string()))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_owned()))
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Tree, E> {
        Ok(Tree::Text(value))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Tree, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Tree::Map(map))
    }
}
