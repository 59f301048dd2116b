//! `docs/spring-keys.md` and `docs/spring-<binder>.md` are made from what the configuration and the binders say of
//! Spring's keys.

use std::fmt::Write;

use wellspring::binder::{factories, factory};
use wellspring::config::{Config, KeyState, Sources, SpringKey};

use crate::page::{read, root};

/// Every key that Spring documents for its core and its two binders.
const DOCUMENTED: &str = include_str!("spring-keys.txt");

/// A page as it is to be.
fn page(of: &str, source: &str, keys: &[SpringKey]) -> String {
    let mut page = format!(
        "# Spring's keys for {of}\n\n<!-- Made from {source}: `UPDATE_PAGES=1 cargo test -p wellspring --features \
         kafka,rabbitmq --test readme`. -->\n\nEach may be written with Spring's prefix or ours; what is said of `bindings.*` \
         holds for `default` as well. A key that is not supported is refused by its name, with what to do instead.\n"
    );
    let mut sections: Vec<(&str, String)> = Vec::new();
    for key in keys {
        let (section, name) = split(key.key);
        let state = match key.state {
            KeyState::Supported => "supported",
            KeyState::Refused => "refused",
        };
        let row = format!("| `{name}` | {state} | {} |\n", key.note.replace('|', "\\|"));
        match sections.iter_mut().find(|(of, _)| *of == section) {
            Some((_, rows)) => *rows += &row,
            None => sections.push((section, row)),
        }
    }
    for (section, rows) in sections {
        let _ = write!(page, "\n## `{section}`\n\n| key | | |\n|---|---|---|\n{rows}");
    }
    page
}

/// A key and the prefix it shares with others.
fn split(key: &str) -> (&str, &str) {
    const PREFIXES: [&str; 3] = [".consumer.", ".producer.", ".binder."];
    let cut = PREFIXES.iter().find_map(|prefix| Some(key.find(prefix)? + prefix.len()));
    let cut = cut.or_else(|| key.match_indices('.').nth(1).map(|(at, _)| at + 1)).unwrap_or(0);
    (key[..cut].trim_end_matches('.'), &key[cut..])
}

fn check(path: &str, page: &str) {
    if std::env::var_os("UPDATE_PAGES").is_some() {
        std::fs::write(root().join(path), page).expect("the page is written");
    }
    assert!(
        read(path) == page,
        "{path} is out of date: run `UPDATE_PAGES=1 cargo test -p wellspring --features kafka,rabbitmq --test readme`"
    );
}

#[test]
fn the_pages_of_springs_keys_hold_what_the_tables_say() {
    let of = "functions and bindings";
    check("docs/spring-keys.md", &page(of, "`runtime/src/config/core_keys.rs`", Config::spring_keys()));
    for binder in factories().into_iter().filter(|binder| !binder.spring_keys.is_empty()) {
        let name = match binder.name {
            "rabbitmq" => "RabbitMQ",
            "kafka" => "Kafka",
            other => other,
        };
        let path = format!("docs/spring-{}.md", binder.name);
        check(&path, &page(name, "the binder's `SPRING_KEYS`", binder.spring_keys));
    }
}

/// The table that a key belongs to, unless its binder is not compiled in.
fn table(key: &str) -> Option<&'static [SpringKey]> {
    match key.split('.').nth(3) {
        Some("kafka") => factory("kafka").map(|factory| factory.spring_keys),
        Some("rabbit") => factory("rabbitmq").map(|factory| factory.spring_keys),
        _ => Some(Config::spring_keys()),
    }
}

/// A key without what may follow, and whether anything may.
fn stem(key: &str) -> (String, bool) {
    let stem = key.trim_end_matches(".**");
    (stem.replace('-', "").to_lowercase(), stem.len() < key.len())
}

#[test]
fn every_key_that_spring_documents_has_a_state() {
    let documented = DOCUMENTED.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut missing = Vec::new();
    for key in documented {
        let Some(keys) = table(key) else { continue };
        let (wanted, any_of_it) = stem(key);
        let is_below = |key: &str, of: &str| key.strip_prefix(of).is_some_and(|rest| rest.starts_with('.'));
        let has = |known: &SpringKey| {
            let (own, any_of_own) = stem(known.key);
            own == wanted || any_of_own && is_below(&wanted, &own) || any_of_it && is_below(&own, &wanted)
        };
        if !keys.iter().any(has) {
            missing.push(key);
        }
    }
    assert!(missing.is_empty(), "nothing is said of these keys:\n{}", missing.join("\n"));
}

fn load(text: &str) -> Result<Config, String> {
    let sources = Sources::new().built_in("application.properties", text);
    Config::load(&sources).map_err(|problems| problems.to_string())
}

#[test]
fn every_refused_key_of_the_core_is_refused_with_what_to_use_instead() {
    let refused = Config::spring_keys().iter().filter(|key| key.state == KeyState::Refused);
    for SpringKey { key, note, .. } in refused {
        let sample = key.replace("**", "x").replace(".*", ".x-in-0");
        let told = load(&format!("{sample}=x")).expect_err(key);
        assert!(told.contains(&format!("does not support; {note}")), "{key}: {told}");
    }
}

#[test]
fn every_supported_key_of_the_core_is_read() {
    let supported = Config::spring_keys().iter().filter(|key| key.state == KeyState::Supported);
    // A profile must have a file.
    for SpringKey { key, .. } in supported.filter(|key| key.key != "spring.profiles.active") {
        let sample = key.replace("environment.**", "environment.x").replace(".*", ".x-in-0");
        let sample = sample.replace("binders.x-in-0", "binders.memory");
        // A selector is of no use without a key.
        let before = sample.strip_suffix("selector-expression");
        let before = before.map_or_else(String::new, |start| format!("{start}key-expression=payload\n"));
        // Whether a value is right is another question: one of these is.
        let values =
            ["1", "0", "true", "memory", "headers", "application/json", "0 * * * * *", "/x", "hashCode()"];
        let told: Vec<_> = values.iter().map(|value| load(&format!("{before}{sample}={value}"))).collect();
        assert!(told.iter().any(Result::is_ok), "{key}: {told:?}");
    }
}
