//! The names that users chose for bindings, binders and failures, so that every layer spells them alike.

use std::collections::BTreeMap;

use super::names::normalised;
use super::schema::{Chosen, Segment};

/// The chosen names met so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Book {
    bindings: Names,
    binders: Names,
    failures: Names,
}

#[derive(Debug, Clone, Default)]
struct Names {
    /// The first spelling by the name in lower case, of failures without `-` and `_`.
    by_case: BTreeMap<String, String>,
    /// The first spelling by the letters and digits alone, which is all that a variable can say.
    by_letters: BTreeMap<String, String>,
}

impl Book {
    /// The first spelling of a name; bindings and binders that differ only in case are the same, and failures in any
    /// spelling.
    pub(super) fn enter(&mut self, what: Chosen, name: &str) -> String {
        let names = match what {
            Chosen::Binding => &mut self.bindings,
            Chosen::Binder => &mut self.binders,
            Chosen::Failure => &mut self.failures,
            Chosen::Definition => return name.to_owned(),
        };
        names.by_letters.entry(letters(name)).or_insert_with(|| name.to_owned());
        let case = if what == Chosen::Failure { normalised(name) } else { name.to_lowercase() };
        names.by_case.entry(case).or_insert_with(|| name.to_owned()).clone()
    }

    /// The name that the words of a variable spell, if it is known.
    pub(super) fn spelled(&self, what: Chosen, words: &[&str]) -> Option<String> {
        let names = match what {
            Chosen::Binding => &self.bindings,
            Chosen::Binder => &self.binders,
            Chosen::Failure => &self.failures,
            Chosen::Definition => return None,
        };
        names.by_letters.get(&letters(&words.concat())).cloned()
    }

    /// The paths of a spelling with every known name put in; none for free subtrees.
    pub(super) fn examples(&self, segments: &[Segment]) -> Vec<String> {
        let mut paths = vec![String::new()];
        for segment in segments {
            let names: Vec<&str> = match segment {
                Segment::Literal { name, .. } => vec![name],
                Segment::Chosen(Chosen::Binding) => {
                    self.bindings.by_case.values().map(String::as_str).collect()
                }
                Segment::Chosen(Chosen::Binder) => {
                    self.binders.by_case.values().map(String::as_str).collect()
                }
                Segment::Chosen(Chosen::Failure) => {
                    self.failures.by_case.values().map(String::as_str).collect()
                }
                Segment::Chosen(Chosen::Definition) | Segment::Dotted | Segment::Free => Vec::new(),
            };
            paths = paths
                .iter()
                .flat_map(|path| {
                    names
                        .iter()
                        .map(move |name| format!("{path}{}{name}", if path.is_empty() { "" } else { "." }))
                })
                .collect();
        }
        paths
    }
}

fn letters(name: &str) -> String {
    normalised(name).chars().filter(|c| c.is_alphanumeric()).collect()
}
