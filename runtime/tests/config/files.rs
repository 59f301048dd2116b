//! Finding and reading files of every format, and what can be wrong with a file as such.

use std::fs;
use std::path::Path;

use wellspring::config::Sources;

use crate::support::{explained, load, problems, report, yaml};

fn write(directory: &Path, name: &str, text: impl AsRef<[u8]>) {
    fs::write(directory.join(name), text).expect("a file");
}

#[test]
fn reads_every_format_alike() {
    let files = [
        (
            "application.yaml",
            "stream:\n  bindings:\n    a-in-0:\n      consumer: { maxAttempts: 5 }\n      group: g\n",
        ),
        ("application.yml", "stream.bindings.a-in-0: { consumer.max-attempts: 5, group: g }\n"),
        ("application.toml", "[stream.bindings.a-in-0]\ngroup = 'g'\nconsumer.max_attempts = 5\n"),
        (
            "application.properties",
            "stream.bindings.a-in-0.consumer.max-attempts = 5\nstream.bindings.a-in-0.group: g\n",
        ),
    ];
    for (name, text) in files {
        let directory = tempfile::tempdir().expect("a directory");
        write(directory.path(), name, text);
        let config = load(&Sources::new().directory(directory.path()));
        let binding = config.stream.binding("a-in-0");
        assert_eq!(binding.consumer.max_attempts.value, 5, "{name}");
        assert_eq!(binding.group.as_ref().expect("a group").value, "g", "{name}");
        let place = binding.consumer.max_attempts.origin.to_string();
        assert!(place.contains(&format!("{name}:")), "{place}");
    }
}

#[test]
fn every_format_keeps_line_and_column() {
    let cases = [
        ("application.yaml", "a: 1\nhttp:\n  port: 70000\n", ":3:9: "),
        ("application.toml", "[http]\n\nport = 70000\n", ":3:8: "),
        ("application.properties", "# x\n http.port=70000\n", ":2:2: "),
    ];
    for (name, text, place) in cases {
        let directory = tempfile::tempdir().expect("a directory");
        write(directory.path(), name, text.replace("a: 1\n", "app: {}\n"));
        let text = report(&Sources::new().directory(directory.path()));
        let expected = format!("{name}{place}`http.port`: found `70000`, expected a port from 0 to 65535");
        assert!(text.contains(&expected), "{text}");
    }
}

#[test]
fn refuses_two_files_of_one_name() {
    let directory = tempfile::tempdir().expect("a directory");
    write(directory.path(), "application.yaml", "");
    write(directory.path(), "application.toml", "");
    let text = report(&Sources::new().directory(directory.path()));
    assert!(text.contains("application.yaml` and `"), "{text}");
    assert!(text.contains("application.toml` are both there; keep one of them"), "{text}");
}

#[test]
fn config_replaces_the_search_place() {
    let directory = tempfile::tempdir().expect("a directory");
    let here = directory.path();
    write(here, "application.yaml", "http.port: 1\nmanagement.port: 11");
    write(here, "other.yaml", "http.port: 2");
    write(here, "other-p.toml", "http.port = 3");
    fs::create_dir(here.join("place")).expect("a directory");
    write(&here.join("place"), "application.properties", "http.port=4");
    let sources = Sources::new().directory(here);
    let port = |sources: &Sources| (load(sources).http.port, load(sources).management.port);
    assert_eq!(port(&sources), (1, 11));
    let other = sources.clone().arg("--config").arg(here.join("other.yaml").as_os_str());
    assert_eq!(port(&other), (2, 8081));
    assert_eq!(port(&other.clone().arg("--profile=p")), (3, 8081));
    assert_eq!(port(&other.arg("--config").arg(here.join("place").as_os_str())), (4, 8081));
    assert_eq!(port(&sources.env("WELLSPRING_CONFIG", here.join("other.yaml").as_os_str())), (2, 8081));
}

#[test]
fn refuses_places_that_hold_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().display().to_string();
    assert_eq!(
        report(&Sources::new().arg(format!("--config={path}"))),
        format!(
            "1 problem in the configuration:\n  1. flag `--config`: no `application.yaml`, `.yml`, `.toml` or \
             `.properties` in `{path}`"
        )
    );
    assert_eq!(
        report(&Sources::new().arg(format!("--config={path}/absent.yaml"))),
        format!(
            "1 problem in the configuration:\n  1. flag `--config`: the file `{path}/absent.yaml` does not exist"
        )
    );
    write(directory.path(), "settings.ini", "");
    let text = report(&Sources::new().arg(format!("--config={path}/settings.ini")));
    assert!(text.contains("the ending of the name says no known format; use `.yaml`"), "{text}");
}

#[test]
fn refuses_a_directory_in_place_of_a_file() {
    let directory = tempfile::tempdir().expect("a directory");
    fs::create_dir(directory.path().join("application.yaml")).expect("a directory");
    let text = report(&Sources::new().directory(directory.path()));
    assert!(text.contains("application.yaml` is a directory, not a file"), "{text}");
}

#[test]
fn refuses_text_that_is_not_utf8() {
    let directory = tempfile::tempdir().expect("a directory");
    write(directory.path(), "application.yaml", b"app:\n  name: \xff\n");
    let text = report(&Sources::new().directory(directory.path()));
    assert!(text.contains("application.yaml:2:9: not valid UTF-8; save the file as UTF-8"), "{text}");
}

#[test]
fn accepts_files_that_say_nothing() {
    for text in [
        "",
        "\n\n",
        "# only a comment\n",
        "---\n",
        "{}",
        "~",
        "stream:\n",
        "stream:\n  bindings:\n",
        "\u{feff}http: {}",
    ] {
        assert_eq!(problems(text), Vec::<String>::new(), "{text:?}");
    }
}

#[test]
fn refuses_broken_yaml() {
    let cases = [
        ("http:\n\tport: 1\n", "indent with spaces, not with tabs"),
        ("http: {port: 1\n", "not valid YAML"),
        (
            "http:\n  port: 1\nhttp:\n  port: 2\n",
            "application.yaml:3:1: the key `http` is given twice, first at built-in application.yaml:1:1",
        ),
        ("a: *nobody\n", "not valid YAML"),
        ("- a\n- b\n", "the file holds a list, expected a map of settings"),
        ("just text", "the file holds text, expected a map of settings"),
        (
            "http.port: 1\n---\nhttp.port: 2\n",
            "application.yaml:2:1: a second YAML document starts here, but only one is read; put the settings of a profile into a file of their own, `application-<profile>.yaml`",
        ),
    ];
    for (text, expected) in cases {
        let found = problems(text);
        assert!(found.len() == 1 && found[0].contains(expected), "{text:?}: {found:?}");
    }
}

#[test]
fn deep_yaml_and_alias_bombs_are_refused() {
    let deep = format!("a: {}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(!problems(&deep).is_empty());
    let mut bomb = String::from("app:\n  a: &a [x,x,x,x,x,x,x,x,x,x]\n");
    for (one, next) in ('a'..='i').zip('b'..='j') {
        bomb.push_str(&format!(
            "  {next}: &{next} [*{one},*{one},*{one},*{one},*{one},*{one},*{one},*{one},*{one},*{one}]\n"
        ));
    }
    assert!(!problems(&bomb).is_empty());
}

#[test]
fn refuses_broken_toml_and_json() {
    let text = report(&Sources::new().built_in("application.toml", "[http]\nport = 1\nport = 2\n"));
    assert!(text.contains("built-in application.toml:3:1: not valid TOML: duplicate key"), "{text}");
    let text = report(&Sources::new().built_in("application.toml", "port = \n"));
    assert!(text.contains("not valid TOML"), "{text}");
    let text = report(&Sources::new().env("SPRING_APPLICATION_JSON", "{"));
    assert!(text.contains("variable `SPRING_APPLICATION_JSON`: not valid JSON"), "{text}");
    let text = report(&Sources::new().env("SPRING_APPLICATION_JSON", "[1]"));
    assert!(text.contains("expected an object of settings"), "{text}");
}

#[test]
fn yaml_numbers_are_taken_as_written() {
    let config = load(&yaml("app: { id: 007, version: 1.10, flag: yes, hex: 0x10, empty: '' }"));
    for (path, expected) in
        [("id", "007"), ("version", "1.10"), ("flag", "yes"), ("hex", "0x10"), ("empty", "")]
    {
        assert_eq!(config.app().get(path).expect("a value").value, expected, "{path}");
    }
    assert_eq!(
        problems("http.port: 010"),
        [
            "built-in application.yaml:1:12: `http.port`: found `010`, expected a port from 0 to 65535; write `10`: formats \
          disagree on what a leading zero means"
        ]
    );
    assert_eq!(
        problems("stream.enabled: yes"),
        [
            "built-in application.yaml:1:17: `stream.enabled`: found `yes`, expected `true` or `false`; write `true`"
        ]
    );
}

#[test]
fn yaml_anchors_keep_their_place() {
    let config = load(&yaml("app:\n  one: &x { port: 1 }\n  two: *x\nhttp:\n  port: 9\n"));
    assert_eq!(explained(&config, "app.two.port").0, "1");
}
