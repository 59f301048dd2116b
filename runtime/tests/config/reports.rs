//! The reports that users read, word by word.

use wellspring::config::{Problem, Sources};

use crate::support::{problems, report, yaml};

#[test]
fn every_problem_is_in_one_report() {
    let text = "\
stream:
  bindngs: {}
  bindings:
    email-in-0:
      destinaton: a
      maxAttempts: 3
      consumer:
        max-attempts: three
        concurrency: 0
      producer: fast
http:
  port: http
  path: functions
  timeout: 30 seconds
  max-body-size: 10m
  ignored-headers: [a, [b]]
management:
  port: { number: 1 }
logging.level.root: loud
greeting: hello
";
    assert_eq!(
        report(&yaml(text).env("WELLSPRING_STREAM_ENABLED", "on").arg("--shutdown.timeout=-1s")),
        "\
16 problems in the configuration:
  1. built-in application.yaml:2:3: `stream.bindngs`: unknown key; did you mean `bindings`?
  2. built-in application.yaml:5:7: `stream.bindings.email-in-0.destinaton`: unknown key; did you mean `destination`?
  3. built-in application.yaml:6:7: `stream.bindings.email-in-0.maxAttempts`: unknown key; did you mean `consumer.max-attempts`?
  4. built-in application.yaml:8:23: `stream.bindings.email-in-0.consumer.max-attempts`: found `three`, expected a whole number from 1 on
  5. built-in application.yaml:9:22: `stream.bindings.email-in-0.consumer.concurrency`: found `0`, expected a whole number from 1 on
  6. built-in application.yaml:10:17: `stream.bindings.email-in-0.producer`: found `fast`, expected a map
  7. built-in application.yaml:12:9: `http.port`: found `http`, expected a port from 0 to 65535
  8. built-in application.yaml:13:9: `http.path`: found `functions`, expected a path that starts with `/`; write `/functions`
  9. built-in application.yaml:14:12: `http.timeout`: found `30 seconds`, expected a duration such as `1500ms`, `2s` or `1m`; write `30s`
  10. built-in application.yaml:15:18: `http.max-body-size`: found `10m`, expected a size such as `10MB`, `64KB` or a number of bytes; write `10MB`
  11. built-in application.yaml:16:24: `http.ignored-headers`: found a list in the list, expected text
  12. built-in application.yaml:18:11: `management.port`: found a map, expected a port from 0 to 65535
  13. built-in application.yaml:19:21: `logging.level.root`: found `loud`, expected `off`, `error`, `warn`, `info`, `debug` or `trace`
  14. built-in application.yaml:20:1: `greeting`: unknown key; settings of the application itself belong under `app`: `app.greeting`
  15. flag `--shutdown.timeout`: `shutdown.timeout`: found `-1s`, expected a duration such as `1500ms`, `2s` or `1m`; a duration is never negative
  16. variable `WELLSPRING_STREAM_ENABLED`: `stream.enabled`: found `on`, expected `true` or `false`; write `true`"
    );
}

#[test]
fn a_value_out_of_a_placeholder_says_how_it_was_written() {
    let sources =
        yaml("http.port: ${PORT}\nhttp.path: ${NONE}\napp.secret: ${ALSO_NONE}").env("PORT", "many");
    assert_eq!(
        report(&sources),
        "\
3 problems in the configuration:
  1. built-in application.yaml:1:12: `http.port`: found `many`, expected a port from 0 to 65535; it was written as `${PORT}`
  2. built-in application.yaml:2:12: `http.path`: the placeholder `${NONE}` names no setting and no environment variable, and has no default
  3. built-in application.yaml:3:13: `app.secret`: the placeholder `${ALSO_NONE}` names no setting and no environment variable, and has no default"
    );
}

#[test]
fn placeholders_that_refer_to_each_other_are_refused() {
    assert_eq!(
        problems("app: { a: '${app.b}', b: 'x${app.a}' }"),
        [
            "built-in application.yaml:1:11: `app.a`: the placeholder `${app.a}` refers to itself: `app.a` → `app.b` → `app.a`",
            "built-in application.yaml:1:26: `app.b`: the placeholder `${app.b}` refers to itself: `app.b` → `app.a` → `app.b`",
        ]
    );
}

#[test]
fn wrong_nesting_is_named() {
    let place = "built-in application.yaml";
    let cases = [
        ("stream: yes", format!("{place}:1:9: `stream`: found `yes`, expected a map")),
        ("stream: [a]", format!("{place}:1:9: `stream`: found a list, expected a map")),
        (
            "stream.bindings: x-in-0",
            format!("{place}:1:18: `stream.bindings`: found `x-in-0`, expected a map"),
        ),
        (
            "stream:\n  bindings:\n    x-in-0:\n    destination: d",
            format!("{place}:4:18: `stream.bindings.destination`: found `d`, expected a map"),
        ),
        (
            "http.port: [1, 2]",
            format!("{place}:1:12: `http.port`: found a list, expected a port from 0 to 65535"),
        ),
        ("http.port: {}", format!("{place}:1:12: `http.port`: found a map, expected a port from 0 to 65535")),
        ("app: 5", format!("{place}:1:6: `app`: found `5`, expected a map")),
        (
            "http: { port: { a: 1, b: 2 } }",
            format!("{place}:1:17: `http.port`: found a map, expected a port from 0 to 65535"),
        ),
        (
            "function.configuration.x.copyInput: true",
            format!(
                "{place}:1:1: `function.configuration.x.copyInput`: unknown key; expected one of `copy-input-headers`"
            ),
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(problems(text), [expected], "{text}");
    }
}

#[test]
fn an_unknown_map_is_reported_once() {
    assert_eq!(problems("steam: { bindings: { a: { group: 1 }, b: { group: 2 } } }").len(), 1);
}

#[test]
fn an_unreadable_file_hides_what_would_only_mislead() {
    let sources = yaml("http.port: ${PORT}").built_in("application-p.toml", "PORT = ").arg("--profile=p");
    let text = report(&sources);
    assert!(
        text.starts_with("1 problem in the configuration:\n  1. built-in application-p.toml:1:"),
        "{text}"
    );
}

#[test]
fn credentials_never_reach_a_report() {
    let text =
        report(&Sources::new().built_in("application.yaml", "http: { address: 'amqp://me:hunter2@host' }"));
    assert!(!text.contains("hunter2"), "{text}");
    let problem = Problem::mismatch("hunter2", "a file").path("app.database.password").to_string();
    assert_eq!(problem, "`app.database.password`: found `******`, expected a file");
}

#[test]
fn other_parts_add_to_the_report() {
    let mut problems = wellspring::config::Problems::new();
    problems.push(Problem::new("names no function of this program").path("function.definition"));
    problems.extend([Problem::new("second")]);
    assert_eq!(
        problems.to_string(),
        "2 problems in the configuration:\n  1. `function.definition`: names no function of this program\n  2. second"
    );
}
