//! Short ways to load a configuration in a test.

use wellspring::config::{Config, Sources};

/// Sources with one built-in `application.yaml`.
pub(crate) fn yaml(text: &str) -> Sources {
    Sources::new().built_in("application.yaml", text)
}

/// The configuration that `sources` mean; a report fails the test.
#[track_caller]
pub(crate) fn load(sources: &Sources) -> Config {
    Config::load(sources).unwrap_or_else(|problems| panic!("{problems}"))
}

/// The report about `sources`; a good configuration fails the test.
#[track_caller]
pub(crate) fn report(sources: &Sources) -> String {
    match Config::load(sources) {
        Ok(_) => panic!("no problem was found"),
        Err(problems) => problems.to_string(),
    }
}

/// The problems of a built-in `application.yaml`, one a line, without their numbers.
#[track_caller]
pub(crate) fn problems(text: &str) -> Vec<String> {
    match Config::load(&yaml(text)) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

/// The text of a value and its place.
#[track_caller]
pub(crate) fn explained(config: &Config, path: &str) -> (String, String) {
    let (value, origin) = config.explain(path).unwrap_or_else(|| panic!("`{path}` is not set"));
    (value, origin.to_string())
}
