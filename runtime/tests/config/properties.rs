//! What must hold for any text: names in every spelling, files that never panic.

use proptest::prelude::*;
use wellspring::config::{Config, Problems, Sources};

/// Keys of the table that need no name of the user, with a good value for each.
fn plain_keys() -> Vec<(String, &'static str)> {
    Config::keys()
        .into_iter()
        .filter(|key| !key.path.contains(['<', '*']))
        .map(|key| {
            let value = match key.expected {
                text if text.starts_with("an IP") => "127.0.0.9",
                text if text.starts_with("`true`") => "false",
                text if text.starts_with("a content") => "a/b",
                text if text.starts_with("a cron") => "1 2 3 4 5",
                text if text.starts_with("`off`") => "debug",
                text if text.starts_with("`auto`") => "json",
                text if text.starts_with("a path") => "/p",
                "`headers`" => "headers",
                text if text.starts_with("`partition`") => "key",
                text if text.starts_with("`at-least-once`") => "at-most-once",
                text if text.contains("`dead-letter`") => "requeue",
                text if text.ends_with("to 1.0") => "0.5",
                _ if key.path == "stream.default-binder" || key.path == "stream.default.binder" => "memory",
                _ if key.path.ends_with("instance-index") => "0",
                _ if key.path.ends_with("selector-expression") => "hashCode()",
                _ if key.path.ends_with("back-off-max-interval") => "99999",
                _ => "7",
            };
            (key.path, value)
        })
        // Profiles need files, and a shorter key shares the variable of this one.
        .filter(|(path, _)| path != "profiles.active" && path != "stream.default.binder")
        .collect()
}

/// Another spelling of each name of a path: 0 kebab, 1 camel, 2 snake, 3 upper, 4 glued.
fn respell(path: &str, styles: &[u8]) -> String {
    let names = path.split('.').zip(styles.iter().cycle()).map(|(name, style)| {
        let words: Vec<&str> = name.split('-').collect();
        let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
        match style {
            0 => name.to_owned(),
            1 => words
                .iter()
                .enumerate()
                .map(|(at, word)| if at == 0 { (*word).to_owned() } else { capital(word) })
                .collect(),
            2 => words.join("_"),
            3 => words.join("_").to_uppercase(),
            _ => words.concat(),
        }
    });
    names.collect::<Vec<_>>().join(".")
}

fn place_of(sources: &Sources, path: &str) -> Result<Option<String>, Problems> {
    Ok(Config::load(sources)?.explain(path).map(|(_, origin)| origin.to_string()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_spelling_of_a_key_means_that_key(
        key in proptest::sample::select(plain_keys()),
        styles in proptest::collection::vec(0u8..5, 1..6),
    ) {
        let (path, value) = key;
        let flag = format!("--{}", respell(&path, &styles));
        let place = place_of(&Sources::new().arg(format!("{flag}={value}")), &path);
        prop_assert_eq!(place, Ok(Some(format!("flag `{flag}`"))));
    }

    #[test]
    fn every_variable_spelling_of_a_key_means_that_key(
        key in proptest::sample::select(plain_keys()),
        glued in any::<bool>(),
        spring in any::<bool>(),
    ) {
        let (path, value) = key;
        let path_words = if glued { path.replace('-', "") } else { path.replace('-', "_") };
        let prefix = if spring && path.starts_with("stream.") { "SPRING_CLOUD_" } else { "WELLSPRING_" };
        let variable = format!("{prefix}{}", path_words.replace('.', "_").to_uppercase());
        let place = place_of(&Sources::new().env(&variable, value), &path);
        prop_assert_eq!(place, Ok(Some(format!("variable `{variable}`"))));
    }

    #[test]
    fn arbitrary_text_never_panics(text in ".{0,200}") {
        for name in ["application.yaml", "application.toml", "application.properties"] {
            let _ = Config::load(&Sources::new().built_in(name, text.clone()));
        }
        let _ = Config::load(&Sources::new().env("SPRING_APPLICATION_JSON", text.clone()).arg(text));
    }

    #[test]
    fn text_that_looks_like_a_file_never_panics(
        text in proptest::collection::vec(
            proptest::sample::select(vec![
                "http", "port", "stream", "bindings", "a-in-0", "app", "group", ":", ": ", "=", "\n", "\n  ", "\n    ", "{",
                "}", "[", "]", "[0]", "[99999999999]", ".", "..", "- ", "&a ", "*a", "<<", "#", "\\", "\\u00", "'", "\"", "|",
                "${", "${a.b:", "1", "010", "true", "~", "\t", "---", "!!int ", "é", "\u{0}",
            ]),
            0..40,
        ),
    ) {
        let text = text.concat();
        for name in ["application.yaml", "application.toml", "application.properties"] {
            if let Err(problems) = Config::load(&Sources::new().built_in(name, text.clone())) {
                prop_assert!(!problems.is_empty());
                prop_assert!(!problems.to_string().is_empty());
            }
        }
    }

    #[test]
    fn arbitrary_flags_and_variables_never_panic(name in "[A-Z_0-9]{0,40}", key in "[a-z.\\[\\]0-9-]{0,40}", value in ".{0,40}") {
        let _ = Config::load(
            &Sources::new()
                .env(format!("WELLSPRING_{name}"), value.clone())
                .env(format!("SPRING_CLOUD_STREAM_{name}"), value.clone())
                .arg(format!("--{key}={value}")),
        );
    }
}
