//! The reference configuration holds every key, and nothing but keys.

use std::collections::BTreeMap;

use wellspring::config::{Config, KeyInfo};

use crate::support::{load, problems, yaml};

/// The reference as written, and with every example put to work.
fn with_examples() -> String {
    let mut text = String::new();
    for line in Config::reference().lines() {
        let indent = line.len() - line.trim_start().len();
        match line.trim_start().strip_prefix('#') {
            Some(example) if !example.is_empty() && !example.starts_with(' ') => {
                text.push_str(&line[..indent]);
                text.push_str(example);
            }
            _ => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

/// A key of the table for a path of the reference, whose chosen names are examples.
fn key_of<'k>(path: &str, keys: &'k [KeyInfo]) -> Option<&'k KeyInfo> {
    keys.iter().find(|key| {
        let pattern = key.path.replace("<target..>", "<target>");
        let (mut pattern, mut path) = (pattern.split('.'), path.split('.'));
        loop {
            match (pattern.next(), path.next()) {
                (None, None) | (Some("**"), _) => return true,
                (Some(name), Some(other)) if name == other || name.starts_with('<') => {}
                _ => return false,
            }
        }
    })
}

/// Paths in file order with their value and the comment above them.
fn paths() -> Vec<(String, String, String)> {
    let mut stack: Vec<(usize, String)> = Vec::new();
    let mut found = Vec::new();
    let mut comment = String::new();
    for line in with_examples().lines() {
        let indent = line.len() - line.trim_start().len();
        let content = line.trim_start();
        if let Some(text) = content.strip_prefix("# ") {
            text.clone_into(&mut comment);
            continue;
        }
        let Some((name, value)) = content.split_once(": ").or_else(|| Some((content.strip_suffix(':')?, "")))
        else {
            continue;
        };
        stack.retain(|(depth, _)| *depth < indent);
        stack.push((indent, name.to_owned()));
        let path = stack.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(".");
        found.push((path, value.trim_matches('"').to_owned(), std::mem::take(&mut comment)));
    }
    found
}

#[test]
fn changes_nothing_when_used_as_it_stands() {
    let (with, without) = (load(&yaml(Config::reference())), load(&yaml("")));
    assert_eq!(with.http, without.http);
    assert_eq!(with.management, without.management);
    assert_eq!(with.logging, without.logging);
    assert_eq!(with.shutdown_timeout, without.shutdown_timeout);
    assert_eq!(
        with.stream.binding("x").consumer.back_off_max_interval,
        without.stream.binding("x").consumer.back_off_max_interval
    );
    assert!(
        with.stream.bindings.is_empty() && with.stream.binders.is_empty() && with.stream.renames.is_empty()
    );
}

#[test]
fn holds_every_key_with_its_default_and_its_doc() {
    let keys = Config::keys();
    let mut met: BTreeMap<&str, usize> = BTreeMap::new();
    for (path, value, comment) in paths() {
        let Some(key) = key_of(&path, &keys) else { continue };
        if key.path.ends_with(".**") && format!("{path}.**").split('.').count() != key.path.split('.').count()
        {
            continue;
        }
        *met.entry(&key.path).or_default() += 1;
        assert_eq!(comment, key.doc, "the comment of {path}");
        if let Some(default) = key.default {
            let value = if value == "[]" { "" } else { &value };
            assert_eq!(value, default, "the default of {path}");
        }
    }
    for key in &keys {
        assert_eq!(met.get(key.path.as_str()), Some(&1), "{} is not in the reference exactly once", key.path);
    }
}

#[test]
fn holds_nothing_but_keys_and_good_values() {
    let keys = Config::keys();
    for (path, value, _) in paths() {
        let is_parent = keys.iter().any(|key| key_of(&path, std::slice::from_ref(key)).is_some())
            || paths().iter().any(|(other, _, _)| other.starts_with(&format!("{path}.")))
            || value.is_empty();
        assert!(is_parent, "{path} is no key");
    }
    let expected = [
        "`kafka` binder",
        "`rabbitmq` binder",
        "binder of this program",
        "excludes",
        "no file `application-",
    ];
    for problem in problems(&with_examples()) {
        assert!(expected.iter().any(|text| problem.contains(text)), "{problem}");
    }
}
