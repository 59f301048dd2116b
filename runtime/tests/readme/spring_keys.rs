//! `docs/spring-keys.md` is made from the tables of Spring's keys: that of the core, and those of the binders.

use std::fmt::Write;

use wellspring::binder::factory;
use wellspring::config::{Config, KeyState, Sources, SpringKey};

use crate::page::{read, root};

const PAGE: &str = "docs/spring-keys.md";
const DOCUMENTED: &str = include_str!("spring-keys.txt");

const HEAD: &str = "\
# Spring's keys

<!-- Made from the tables in `runtime/src/config/core_keys.rs` and `runtime/src/binder/*/spring_keys.rs`:
`UPDATE_PAGES=1 cargo test -p wellspring --features kafka,rabbitmq --test readme`. -->

What becomes of each key of Spring Cloud Function, Spring Cloud Stream and its binders for Kafka and RabbitMQ. A *supported* key
means here what it means there, give or take the note. A *refused* key ends the start with its name, its place and the note. A key
that is neither is unknown, and refused as well.

`*` stands for one name, `**` for anything below. What is said of `bindings.*` holds for `default` too. Names may be written in
kebab-case, camelCase or snake_case; without `spring.cloud.` the same keys are [ours](configuration.md).
";

/// The sections, with the binder whose table each shows.
const SECTIONS: &[(&str, Option<&str>)] =
    &[("Spring Cloud Function and Stream", None), ("Kafka", Some("kafka")), ("RabbitMQ", Some("rabbitmq"))];

/// The keys of a section, unless its binder is not compiled in.
fn keys(binder: Option<&str>) -> Option<&'static [SpringKey]> {
    match binder {
        None => Some(Config::spring_keys()),
        Some(name) => factory(name).map(|factory| factory.spring_keys),
    }
}

fn section(keys: &[SpringKey]) -> String {
    let mut text = "| key | | |\n|---|---|---|\n".to_owned();
    for SpringKey { key, state, note } in keys {
        let state = match state {
            KeyState::Supported => "supported",
            KeyState::Refused => "**refused**",
        };
        let _ = writeln!(text, "| `{key}` | {state} | {} |", note.replace('|', "\\|"));
    }
    text
}

/// What the page says below a heading.
fn written_section(page: &str, title: &str) -> String {
    let below = page.split_once(&format!("\n## {title}\n\n")).map_or("", |(_, below)| below);
    let end = below.find("\n## ").unwrap_or(below.len());
    below[..end].to_owned()
}

#[test]
fn the_page_of_springs_keys_says_what_the_tables_say() {
    let written = std::fs::read_to_string(root().join(PAGE)).unwrap_or_default();
    let mut page = HEAD.to_owned();
    for (title, binder) in SECTIONS {
        // What is not compiled in cannot be compared: it stays as it is.
        let text = keys(*binder).map_or_else(|| written_section(&written, title), section);
        let _ = write!(page, "\n## {title}\n\n{text}");
    }
    if std::env::var_os("UPDATE_PAGES").is_some() {
        std::fs::write(root().join(PAGE), &page).expect("the page is written");
    }
    let update = "UPDATE_PAGES=1 cargo test -p wellspring --features kafka,rabbitmq --test readme";
    assert!(read(PAGE) == page, "{PAGE} is out of date: run `{update}`");
}

/// A key without its dashes and what may follow.
fn stem(key: &str) -> String {
    let key = key.trim_end_matches(".**").trim_end_matches(".*");
    key.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect()
}

#[test]
fn every_key_that_spring_documents_has_a_state() {
    let documented = DOCUMENTED.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut missing = Vec::new();
    for key in documented {
        let binder = match key {
            _ if key.starts_with("spring.cloud.stream.kafka.") => Some("kafka"),
            _ if key.starts_with("spring.cloud.stream.rabbit.") => Some("rabbitmq"),
            _ => None,
        };
        let Some(keys) = keys(binder) else { continue };
        let has = |known: &SpringKey| {
            let (known_stem, stem) = (stem(known.key), stem(key));
            known_stem == stem || known.key.ends_with(".**") && stem.starts_with(&format!("{known_stem}."))
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
    for SpringKey { key, .. } in supported {
        // A profile must have a file.
        if *key == "spring.profiles.active" {
            continue;
        }
        let sample = key.replace("environment.**", "environment.x").replace(".*", ".x-in-0");
        // Whether the value is right is another question: one of these is.
        let values = [
            "0",
            "1",
            "5000",
            "true",
            "memory",
            "headers",
            "application/json",
            "0 * * * * *",
            "/x",
            "hashCode()",
        ];
        // A selector is of no use without a key, nor is a binder without a type.
        let needed = match sample.strip_suffix("selector-expression") {
            Some(start) => format!("{start}key-expression=payload\n"),
            None if sample.contains(".binders.") && !sample.ends_with(".type") => {
                "spring.cloud.stream.binders.x-in-0.type=memory\n".to_owned()
            }
            None => String::new(),
        };
        let told: Vec<_> = values.iter().map(|value| load(&format!("{needed}{sample}={value}"))).collect();
        assert!(told.iter().any(Result::is_ok), "{key}: {told:?}");
    }
}
