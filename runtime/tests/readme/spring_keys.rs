//! `docs/spring-<binder>.md` is made from what a binder says of Spring's keys.

use std::fmt::Write;

use wellspring::binder::{ErasedFactory, KeyState, factories};

use crate::page::{read, root};

/// The page of a binder as it is to be.
fn page(binder: &ErasedFactory) -> String {
    let name = match binder.name {
        "rabbitmq" => "RabbitMQ",
        "kafka" => "Kafka",
        other => other,
    };
    let mut page = format!(
        "# Spring's keys for {name}\n\n<!-- Made from the binder's `SPRING_KEYS`: `UPDATE_PAGES=1 cargo test -p wellspring --features \
         kafka,rabbitmq --test readme`. -->\n\nEach may be written with Spring's prefix or ours; what is said of `bindings.*` \
         holds for `default` as well. A key that is not supported is refused by its name, with what to do instead.\n"
    );
    let mut sections: Vec<(&str, String)> = Vec::new();
    for key in binder.spring_keys {
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

#[test]
fn the_pages_of_springs_keys_hold_what_the_binders_say() {
    for binder in factories().into_iter().filter(|binder| !binder.spring_keys.is_empty()) {
        let (path, page) = (format!("docs/spring-{}.md", binder.name), page(binder));
        if std::env::var_os("UPDATE_PAGES").is_some() {
            std::fs::write(root().join(&path), &page).expect("the page is written");
        }
        assert!(
            read(&path) == page,
            "{path} is out of date: run `UPDATE_PAGES=1 cargo test -p wellspring --features kafka,rabbitmq --test readme`"
        );
    }
}
