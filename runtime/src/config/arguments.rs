//! Reads the settings of the command line.

use std::ffi::OsString;
use std::path::PathBuf;

use super::node::{Entry, Node, Piece, gather_lists, split_key};
use super::{Origin, Problem, Problems};

/// What the command line says.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    /// The places given with `--config`.
    pub(super) places: Vec<(PathBuf, Origin)>,
    pub(super) entries: Vec<Entry>,
}

/// Reads arguments, which are all settings.
pub(super) fn read(arguments: &[OsString], problems: &mut Problems) -> Arguments {
    let mut read = Arguments::default();
    let mut profiles: Vec<String> = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let Some(text) = argument.to_str() else {
            let name = argument.to_string_lossy();
            problems.push(Problem::new(format!("the argument `{name}` is not valid UTF-8")));
            continue;
        };
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(OsString::from(value))),
            None if matches!(text, "--config" | "--profile") => (text, arguments.next().cloned()),
            None => (text, None),
        };
        let origin = Origin::flag(name);
        match (name, value) {
            ("--config" | "--profile", None) => {
                problems.push(
                    Problem::new("a value is missing").at(origin).suggest(format!("write `{name} <value>`")),
                );
            }
            ("--config", Some(path)) => read.places.push((path.into(), origin)),
            ("--profile", Some(names)) => profiles.push(names.to_string_lossy().into_owned()),
            (_, value) => {
                let value =
                    value.map_or_else(|| "true".to_owned(), |value| value.to_string_lossy().into_owned());
                match setting(name, value, origin) {
                    Ok(entry) => read.entries.push(entry),
                    Err(problem) => problems.push(problem),
                }
            }
        }
    }
    if !profiles.is_empty() {
        let path = vec![Piece::name("profiles"), Piece::name("active")];
        read.entries.push(Entry::flat(path, Node::text(profiles.join(","), Origin::flag("--profile"))));
    }
    read.entries = gather_lists(read.entries);
    read
}

fn setting(name: &str, value: String, origin: Origin) -> Result<Entry, Problem> {
    let Some(key) = name.strip_prefix("--") else {
        let sentence = format!("the argument `{name}` is no setting");
        return Err(Problem::new(sentence).suggest("write `--<key>=<value>`, such as `--http.port=8080`"));
    };
    match split_key(key) {
        Ok(path) => Ok(Entry::flat(path, Node::text(value, origin))),
        Err(wrong) => Err(Problem::new(format!("the key `{key}` is malformed: {wrong}")).at(origin)),
    }
}
