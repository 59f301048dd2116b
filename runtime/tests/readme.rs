//! The pages say what is so: snippets are the code, settings are read, links lead somewhere. Rust snippets run as
//! documentation tests, commands in the tests of the examples.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect")]

#[path = "readme/configuration.rs"]
mod configuration;
#[path = "readme/page.rs"]
mod page;
#[path = "readme/spring_keys.rs"]
mod spring_keys;

use wellspring::config::{Config, Sources};

use page::{blocks, read, root};

/// Every page that users read.
const PAGES: &[&str] = &[
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "docs/configuration.md",
    "docs/guarantees.md",
    "docs/guide.md",
    "docs/rabbitmq.md",
    "docs/spring-keys.md",
    "docs/spring.md",
    "docs/writing-a-binder.md",
    "examples/hello/README.md",
    "examples/notifications/README.md",
];

#[test]
fn the_service_of_the_readme_is_the_example() {
    let source = read("examples/hello/src/main.rs");
    let (_, code) = source.split_once("\n\n").expect("code behind the first sentence");
    for page in ["README.md", "examples/hello/README.md"] {
        let text = read(page);
        let snippets = blocks(&text, "rust");
        assert!(
            snippets.iter().any(|block| block.text == code),
            "{page} shows another service than `examples/hello/src/main.rs`:\n\n{code}"
        );
    }
}

/// All code of the runtime and of the examples, their tests included.
fn sources() -> String {
    let mut folders = vec![root().join("runtime"), root().join("examples")];
    let mut sources = String::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder of the repository") {
            let path = entry.expect("an entry of a folder").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources += &std::fs::read_to_string(path).expect("a source file");
            }
        }
    }
    sources
}

#[test]
fn every_guarantee_is_shown_by_a_test_that_exists() {
    let page = read("docs/guarantees.md");
    let tests = sources();
    let named: Vec<_> =
        page.split('`').skip(1).step_by(2).filter(|word| word.matches('_').count() > 3).collect();
    assert!(named.len() > 10, "the page names tests");
    for name in named {
        assert!(
            tests.contains(&format!("fn {name}(")),
            "docs/guarantees.md names `{name}`, which is no test"
        );
    }
}

#[test]
fn every_configuration_shown_is_read_without_a_problem() {
    let mut count = 0;
    for page in PAGES {
        let text = read(page);
        for (language, file) in [("yaml", "yaml"), ("toml", "toml"), ("properties", "properties")] {
            for block in blocks(&text, language) {
                // The manifest of a crate is TOML too, and no configuration.
                if block.text.contains("dependencies]") {
                    continue;
                }
                let sources = Sources::new().binder("kafka").binder("rabbitmq");
                let sources = sources.built_in(format!("application.{file}"), &block.text);
                if let Err(problems) = Config::load(&sources) {
                    panic!("{page}:{}: {problems}\n{}", block.line, block.text);
                }
                count += 1;
            }
        }
    }
    assert!(count > 10, "found only {count} snippets");
}

#[test]
fn every_snippet_has_a_language_that_is_checked() {
    // `sh` is for what a reader types once (`git clone`), `text` for what a program prints.
    let checked = ["rust", "yaml", "toml", "properties", "console", "sh", "text"];
    for page in PAGES {
        let text = read(page);
        let mut fences = text.lines().enumerate().filter(|(_, line)| line.starts_with("```"));
        while let (Some((index, open)), Some(_)) = (fences.next(), fences.next()) {
            let language = open.trim_start_matches('`').split(',').next().unwrap_or_default();
            assert!(
                checked.contains(&language),
                "{page}:{}: `{open}`, expected one of {checked:?}",
                index + 1
            );
        }
    }
}

#[test]
fn every_link_leads_to_a_file() {
    for page in PAGES {
        let folder = root().join(page).parent().expect("a folder").to_owned();
        for (index, line) in read(page).lines().enumerate() {
            for target in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
                if file.contains("://") {
                    continue;
                }
                let path = if file.is_empty() { root().join(page) } else { folder.join(file) };
                assert!(path.exists(), "{page}:{}: there is no `{target}`", index + 1);
                if !anchor.is_empty() {
                    let text = std::fs::read_to_string(&path).expect("a page");
                    let found = text.lines().any(|line| line.starts_with('#') && anchor_of(line) == anchor);
                    assert!(found, "{page}:{}: `{target}` names no heading", index + 1);
                }
            }
        }
    }
}

/// The anchor of a heading as GitHub makes it.
fn anchor_of(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}
