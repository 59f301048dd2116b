//! The names that users chose for bindings and binders, so that every layer spells them alike.

use super::names::normalised;
use super::schema::{Chosen, Segment};

/// The chosen names met so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Book {
    bindings: Vec<String>,
    binders: Vec<String>,
}

impl Book {
    /// The first spelling of a name; bindings and binders that differ only in case are the same.
    pub(super) fn enter(&mut self, what: Chosen, name: &str) -> String {
        let names = match what {
            Chosen::Binding => &mut self.bindings,
            Chosen::Binder => &mut self.binders,
            Chosen::Definition => return name.to_owned(),
        };
        match names.iter().find(|other| other.to_lowercase() == name.to_lowercase()) {
            Some(known) => known.clone(),
            None => {
                names.push(name.to_owned());
                name.to_owned()
            }
        }
    }

    /// The name that the words of a variable spell, if it is known.
    pub(super) fn spelled(&self, what: Chosen, words: &[&str]) -> Option<String> {
        let names = match what {
            Chosen::Binding => &self.bindings,
            Chosen::Binder => &self.binders,
            Chosen::Definition => return None,
        };
        let plain = |name: &str| normalised(name).chars().filter(|c| c.is_alphanumeric()).collect::<String>();
        let words = plain(&words.concat());
        names.iter().find(|name| plain(name) == words).cloned()
    }

    /// The paths of a spelling with every known name put in; none for free subtrees.
    pub(super) fn examples(&self, segments: &[Segment]) -> Vec<String> {
        let mut paths = vec![String::new()];
        for segment in segments {
            let names: Vec<&str> = match segment {
                Segment::Literal { name, .. } => vec![name],
                Segment::Chosen(Chosen::Binding) => self.bindings.iter().map(String::as_str).collect(),
                Segment::Chosen(Chosen::Binder) => self.binders.iter().map(String::as_str).collect(),
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
