//! Finds the keys that environment variables mean, by the table of keys and not by splitting at every `_`.

use std::ffi::OsString;

use super::book::Book;
use super::names::{binding_from_words, normalised};
use super::node::Node;
use super::problem::nearest;
use super::schema::{Chosen, Found, Schema, Segment};
use super::{Ignored, Origin, Problem, Problems};

/// The variable that holds a whole JSON document.
pub(super) const JSON: &str = "SPRING_APPLICATION_JSON";

/// The variable that names the configuration places, as the flag `--config` does.
pub(super) const PLACES: &str = "WELLSPRING_CONFIG";

const OURS: &str = "WELLSPRING_";
/// Variables that tell tests where a broker is; an application started beside them has nothing to do with them.
const OF_TESTS: &str = "WELLSPRING_TEST_";
const SPRING: [&str; 2] = ["SPRING_CLOUD_FUNCTION_", "SPRING_CLOUD_STREAM_"];

/// A variable that sets a key.
#[derive(Debug)]
pub(super) struct Variable {
    pub(super) found: Found,
    /// The words below the root of a free subtree; the type that reads the subtree says what they mean.
    pub(super) words: Vec<String>,
    /// The place in a list, for `…_0`.
    pub(super) index: Option<usize>,
    pub(super) node: Node,
}

/// The variables that are settings.
pub(super) fn read(
    variables: &[(OsString, OsString)],
    schema: &Schema,
    book: &Book,
    ignored: &mut Vec<Ignored>,
    problems: &mut Problems,
) -> Vec<Variable> {
    let mut read = Vec::new();
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| !name.starts_with(OF_TESTS)) else { continue };
        let Some(words) = words(name) else { continue };
        let origin = Origin::variable(name);
        if injected_by_kubernetes(name, &value.to_string_lossy()) {
            ignored.push(Ignored { path: name.to_owned(), origin });
            continue;
        }
        match best(&words, schema, book) {
            None if name.starts_with(OURS) || SPRING.iter().any(|prefix| name.starts_with(prefix)) => {
                problems.push(unknown(name, schema, book).at(origin));
            }
            None => {}
            Some(matched) => match value.to_str() {
                Some(text) => read.push(matched.variable(&words, Node::text(text, origin), book)),
                None => problems.push(Problem::new("the value is not valid UTF-8").at(origin)),
            },
        }
    }
    read
}

/// The words of a name that may be a setting.
fn words(name: &str) -> Option<Vec<&str>> {
    if matches!(name, JSON | PLACES) {
        return None;
    }
    let fixed = matches!(
        name,
        "SERVER_PORT" | "SERVER_ADDRESS" | "MANAGEMENT_SERVER_PORT" | "MANAGEMENT_SERVER_ADDRESS"
    );
    let rest = match name.strip_prefix(OURS) {
        Some(rest) => rest,
        None if fixed || name.starts_with("SPRING_") || name.starts_with("LOGGING_LEVEL_") => name,
        None => return None,
    };
    Some(rest.split('_').filter(|word| !word.is_empty()).collect())
}

/// Kubernetes gives every pod variables for every service; one called `wellspring` or `server` looks like a setting.
fn injected_by_kubernetes(name: &str, value: &str) -> bool {
    let service = name.strip_prefix(OURS).is_some_and(|rest| {
        rest == "PORT"
            || rest == "SERVICE_HOST"
            || rest.starts_with("SERVICE_PORT")
            || rest.starts_with("PORT_")
    });
    service || (name == "SERVER_PORT" && value.starts_with("tcp://"))
}

/// One way to read the words of a variable.
struct Match {
    key: usize,
    /// Ranges of words that are names the user chose.
    chosen: Vec<(Chosen, std::ops::Range<usize>)>,
    tail: usize,
    index: Option<usize>,
    rank: (bool, usize, usize),
}

impl Match {
    fn variable(self, words: &[&str], node: Node, book: &Book) -> Variable {
        let name = |(what, range): &(Chosen, std::ops::Range<usize>)| {
            let words = &words[range.clone()];
            (*what, book.spelled(*what, words).unwrap_or_else(|| guess(*what, words)))
        };
        Variable {
            found: Found { key: self.key, chosen: self.chosen.iter().map(name).collect(), tail: Vec::new() },
            words: words[self.tail..].iter().map(|word| word.to_lowercase()).collect(),
            index: self.index,
            node,
        }
    }
}

fn guess(what: Chosen, words: &[&str]) -> String {
    match what {
        Chosen::Binding => binding_from_words(words),
        Chosen::Binder | Chosen::Failure => words.join("-").to_lowercase(),
        Chosen::Definition => words.join("_").to_lowercase(),
    }
}

/// The best reading: names that are known from elsewhere, then the fewest steps, then the longest names.
fn best(words: &[&str], schema: &Schema, book: &Book) -> Option<Match> {
    let mut matches = Vec::new();
    for spelling in schema.spellings() {
        let mut search = Search { words, segments: &spelling.segments, matches: Vec::new() };
        search.follow(0, 0, &mut Vec::new());
        for (chosen, tail, index) in search.matches {
            let kind = schema.key(spelling.key).kind;
            if index.is_some() && !kind.takes_list() {
                continue;
            }
            let unknown =
                chosen.iter().any(|(what, range)| book.spelled(*what, &words[range.clone()]).is_none());
            let named: usize = chosen.iter().map(|(_, range)| range.len()).sum();
            // A free subtree takes what no other key takes, the innermost first.
            let free =
                if spelling.segments.last() == Some(&Segment::Free) { 1000 + words.len() - tail } else { 0 };
            let rank = (unknown, free + spelling.segments.len(), usize::MAX - named);
            matches.push(Match { key: spelling.key, chosen, tail, index, rank });
        }
    }
    matches.into_iter().min_by_key(|found| found.rank)
}

type Reading = (Vec<(Chosen, std::ops::Range<usize>)>, usize, Option<usize>);

struct Search<'a> {
    words: &'a [&'a str],
    segments: &'a [Segment],
    matches: Vec<Reading>,
}

impl Search<'_> {
    fn follow(&mut self, segment: usize, word: usize, chosen: &mut Vec<(Chosen, std::ops::Range<usize>)>) {
        let Some(step) = self.segments.get(segment) else {
            let end = self.words.len();
            match &self.words[word..] {
                [] => self.matches.push((chosen.clone(), end, None)),
                [index] => {
                    if let Ok(index) = index.parse() {
                        self.matches.push((chosen.clone(), end, Some(index)));
                    }
                }
                _ => {}
            }
            return;
        };
        match step {
            Segment::Free if word < self.words.len() => self.matches.push((chosen.clone(), word, None)),
            Segment::Free => {}
            Segment::Literal { normal, .. } => {
                let mut joined = String::new();
                for (offset, part) in self.words[word..].iter().enumerate() {
                    joined.push_str(&normalised(part));
                    if joined == *normal {
                        return self.follow(segment + 1, word + offset + 1, chosen);
                    }
                    if joined.len() >= normal.len() {
                        return;
                    }
                }
            }
            Segment::Chosen(what) => {
                for end in word + 1..=self.words.len() {
                    chosen.push((*what, word..end));
                    self.follow(segment + 1, end, chosen);
                    chosen.pop();
                }
            }
            Segment::Dotted if word < self.words.len() => {
                chosen.push((Chosen::Definition, word..self.words.len()));
                self.matches.push((chosen.clone(), self.words.len(), None));
                chosen.pop();
            }
            Segment::Dotted => {}
        }
    }
}

fn unknown(name: &str, schema: &Schema, book: &Book) -> Problem {
    let problem = Problem::new("no key of the configuration has this name");
    let prefix = if name.starts_with(OURS) { OURS } else { "" };
    let known: Vec<String> = schema
        .spellings()
        .iter()
        .flat_map(|spelling| book.examples(&spelling.segments))
        .map(|path| format!("{prefix}{}", upper(&path)))
        .collect();
    match nearest(name, known.iter().map(String::as_str)) {
        Some(name) => problem.suggest(format!("did you mean `{name}`?")),
        None => problem,
    }
}

/// The variable for a path: `stream.default-binder` is `STREAM_DEFAULT_BINDER`.
fn upper(path: &str) -> String {
    path.chars().map(|c| if c.is_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}
