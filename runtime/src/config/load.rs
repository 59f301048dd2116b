//! Reads all layers in order and gives them their meaning; every problem is found before anything is reported.

use std::collections::HashMap;

use super::arguments::{self, Arguments};
use super::environment::{self, JSON, PLACES};
use super::files::{Files, Places};
use super::layer::{Layer, Reader};
use super::names::spells;
use super::node::{Entry, Node, Value, flatten};
use super::placeholder::{self, Names};
use super::schema::Schema;
use super::settings::Settings;
use super::{Config, Located, Origin, Problem, Problems, Sources, json, validate};

/// Defaults < built-in files < files < files of profiles < environment < JSON document < command line.
pub(super) fn load(sources: &Sources) -> Result<Config, Problems> {
    let mut problems = Problems::new();
    let schema = Schema::new(&sources.binders);
    let mut arguments = arguments::read(&sources.arguments, &mut problems);
    let variables = utf8_variables(sources);
    if let (true, Some(path)) = (arguments.places.is_empty(), variables.get(PLACES)) {
        arguments.places.push((path.into(), Origin::variable(PLACES)));
    }
    let json = json_layer(&variables, &mut problems);
    let places = std::mem::take(&mut arguments.places);
    let places = Places::new(&sources.built_in, sources.directory.as_deref(), places);
    let base = places.base(&mut problems);
    let profiles = profiles(&arguments, &json, &variables, &base, &mut problems);
    let files = profile_files(&places, base, &profiles, &mut problems);
    let unreadable = !problems.is_empty();

    let mut reader = Reader::new(&schema, &sources.binders);
    reader.problems = problems;
    let mut layers: Vec<Layer> = files.into_iter().map(|entries| reader.entries(entries)).collect();
    let json = reader.entries(json);
    let flags = reader.entries(arguments.entries);
    let found = environment::read(
        &sources.variables,
        &schema,
        &reader.book,
        &mut reader.ignored,
        &mut reader.problems,
    );
    layers.push(reader.variables(found));
    layers.extend([json, flags]);
    let Reader { ignored, mut problems, .. } = reader;

    let mut settings = Settings::new(schema, layers, variables);
    let (unresolved, wrong) = settings.resolve();
    problems.extend(wrong);
    // Without a file that cannot be read anything may be missing: to say so would mislead.
    if unreadable {
        problems.sort();
        return Err(problems);
    }
    problems.extend(unresolved);
    let config = validate::config(settings, &sources.binders, profiles, ignored, &mut problems);
    problems.sort();
    problems.or(config)
}

/// The variables whose name and value are valid UTF-8; a setting that is not is reported where it is read.
fn utf8_variables(sources: &Sources) -> HashMap<String, String> {
    let text = |text: &std::ffi::OsString| text.to_str().map(str::to_owned);
    sources.variables.iter().filter_map(|(name, value)| Some((text(name)?, text(value)?))).collect()
}

fn json_layer(variables: &HashMap<String, String>, problems: &mut Problems) -> Vec<Entry> {
    let Some(text) = variables.get(JSON) else { return Vec::new() };
    match json::read(text, &Origin::variable(JSON)) {
        Ok(root) => flatten(root),
        Err(problem) => {
            problems.push(problem);
            Vec::new()
        }
    }
}

/// The profiles to load: the last layer that names some decides.
fn profiles(
    arguments: &Arguments,
    json: &[Entry],
    variables: &HashMap<String, String>,
    base: &Files,
    problems: &mut Problems,
) -> Vec<Located<String>> {
    let in_files =
        || base.on_disk.iter().rev().chain(base.built_in.iter().rev()).find_map(|layer| active(layer));
    let in_variables = || {
        let names = ["WELLSPRING_PROFILES_ACTIVE", "SPRING_PROFILES_ACTIVE"];
        names.iter().find_map(|name| Some(Node::text(variables.get(*name)?, Origin::variable(*name))))
    };
    let chosen = active(&arguments.entries).or_else(|| active(json)).or_else(in_variables).or_else(in_files);
    let Some(node) = chosen else { return Vec::new() };
    let texts: Vec<(&str, &Origin)> = match &node.value {
        Value::Scalar(scalar) => vec![(&scalar.text, &node.origin)],
        Value::List(items) => items
            .iter()
            .filter_map(|item| match &item.value {
                Value::Scalar(scalar) => Some((scalar.text.as_str(), &item.origin)),
                _ => None,
            })
            .collect(),
        Value::Null | Value::Map(_) => Vec::new(),
    };
    let mut profiles: Vec<Located<String>> = Vec::new();
    for (text, origin) in texts {
        let text = match placeholder::resolve(text, "profiles.active", &OnlyVariables(variables)) {
            Ok(text) => text,
            Err(sentence) => {
                problems.push(Problem::new(sentence).path("profiles.active").at(origin.clone()));
                continue;
            }
        };
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            if !name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
                || name.starts_with('.')
            {
                let problem = Problem::mismatch(name, "a profile of letters, digits, `-`, `_` and `.`");
                problems.push(problem.path("profiles.active").at(origin.clone()));
            } else if !profiles.iter().any(|profile| profile.value == name) {
                profiles.push(Located::new(name.to_owned(), origin.clone()));
            }
        }
    }
    profiles
}

/// The value of `profiles.active` in a layer.
fn active(entries: &[Entry]) -> Option<Node> {
    entries.iter().rev().find(|entry| names_profiles(entry)).map(|entry| entry.node.clone())
}

fn names_profiles(entry: &Entry) -> bool {
    let names: Vec<&str> = entry.path.iter().filter_map(|piece| piece.as_name()).collect();
    match names.as_slice() {
        [profiles, active] | [_, profiles, active] => {
            let spring = names.len() == 2 || spells(names[0], "spring");
            spring && spells(profiles, "profiles") && spells(active, "active")
        }
        _ => false,
    }
}

/// Profiles are chosen before any setting is known, so that their placeholders can name variables only.
struct OnlyVariables<'a>(&'a HashMap<String, String>);

impl Names for OnlyVariables<'_> {
    fn setting(&self, _: &str) -> Option<(String, String)> {
        None
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    fn default_of(&self, _: &str) -> Option<String> {
        None
    }
}

/// The layers of all files, the least important first: everything built in comes before everything on disk.
fn profile_files(
    places: &Places<'_>,
    base: Files,
    profiles: &[Located<String>],
    problems: &mut Problems,
) -> Vec<Vec<Entry>> {
    let mut files = base;
    for profile in profiles {
        let found = places.profile(profile, problems);
        for entry in
            found.built_in.iter().chain(&found.on_disk).flatten().filter(|entry| names_profiles(entry))
        {
            problems.push(
                Problem::new("the file of a profile cannot choose profiles")
                    .path("profiles.active")
                    .at(entry.key.clone())
                    .suggest(
                        "choose them in the base file, with `--profile` or with `WELLSPRING_PROFILES_ACTIVE`",
                    ),
            );
        }
        files.built_in.extend(found.built_in);
        files.on_disk.extend(found.on_disk);
    }
    files.built_in.into_iter().chain(files.on_disk).collect()
}
