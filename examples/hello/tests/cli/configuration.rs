//! What the command line says about the configuration, right and wrong.

use std::net::TcpListener;

use super::{hello, misbehaving};

#[test]
fn the_reference_configuration_is_printed_and_accepted() {
    let reference = hello().run(&["config"]);
    assert_eq!(reference.code, Some(0));
    let program = hello().file("application.yaml", &reference.stdout);
    assert_eq!(program.run(&["check"]).stderr, "");
}

#[test]
fn a_key_is_explained_with_its_origin() {
    let program = hello().file("application.yaml", "http: { port: 9000 }");
    let explained = |args: &[&str]| program.run(args).stdout;
    assert_eq!(explained(&["config", "http.path"]), "http.path =  (default)\n");
    assert_eq!(explained(&["config", "http.port"]), "http.port = 9000 (application.yaml:1:15)\n");
    assert_eq!(explained(&["config", "http.port", "--http.port=1"]), "http.port = 1 (flag `--http.port`)\n");
    let program = hello().env("WELLSPRING_HTTP_PORT", "7");
    let ran = program.run(&["config", "server.port"]);
    assert_eq!(ran.stdout, "server.port = 7 (variable `WELLSPRING_HTTP_PORT`)\n");
    let ran = program.run(&["config", "htp.port"]);
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (
            Some(1),
            "error: `htp.port` is not a key with a value, expected one of the reference configuration\n"
        )
    );
}

#[test]
fn a_correct_configuration_is_shown_as_a_table() {
    let yaml = "
function: { definition: panic_always|fail;number }
stream:
  bindings:
    panic_alwaysfail-in-0: { destination: in, group: g, consumer: { max-attempts: 1, dead-letter: failed } }
    number-out-0: { destination: numbers, producer: { poller: { cron: '0 0 * * *' } } }
";
    let ran = misbehaving().file("application.yaml", yaml).run(&["check"]);
    assert_eq!(
        ran.stdout,
        "\
BINDING                 FUNCTION           DIRECTION  DESTINATION             GROUP  BINDER  NOTES
panic_alwaysfail-in-0   panic_always|fail  in         in                      g      memory  1 attempt, then to `failed`
panic_alwaysfail-out-0  panic_always|fail  out        panic_alwaysfail-out-0         memory
number-out-0            number             out        numbers                        memory  called at `0 0 * * *`

http on 0.0.0.0:8080: 7 functions
"
    );
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_value_behind_a_space_is_told_how_it_is_written() {
    let ran = hello().run(&["--http.port", "0"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("found `--http.port 0`, expected `--http.port=0`"), "{}", ran.stderr);
}

#[test]
fn looking_leaves_no_trace() {
    let program = hello();
    for args in
        [&["check"][..], &["functions"], &["config"], &["config", "http.port"], &["completion", "bash"]]
    {
        assert_eq!(program.run(args).code, Some(0), "{args:?}");
    }
    assert_eq!(program.files(), [""; 0]);
}

#[test]
fn everything_wrong_is_reported_at_once_with_places() {
    let yaml = "http: { prot: 1 }\nstream:\n  bindings:\n    x-in-0: { consumer: { max-attempts: none } }\n";
    let program = hello().file("application.yaml", yaml);
    let report = "\
4 problems in the configuration:
  1. application.yaml:1:9: `http.prot`: unknown key; did you mean `port`?
  2. application.yaml:4:41: `stream.bindings.x-in-0.consumer.max-attempts`: found `none`, expected a whole number from 1 on
  3. flag `--stream.group`: `stream.group`: unknown key; did you mean `default.group`?
  4. flag `--shutdown.timeout`: `shutdown.timeout`: found `soon`, expected a duration such as `1500ms`, `2s` or `1m`
";
    for command in ["check", "run", "functions"] {
        let ran = program.run(&[command, "--stream.group=g", "--shutdown.timeout=soon"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{command}");
        assert_eq!(ran.stderr, report, "{command}");
    }
}

#[test]
fn every_sort_of_wrong_file_is_refused_with_its_place() {
    let cases: [(&str, &[u8]); 9] = [
        ("application.yaml", b"http: [unclosed"),
        ("application.yaml", b"http: {port: 1}\n\tfunction: x"),
        ("application.yaml", b"http: &a {port: 1}\nstream: *b"),
        ("application.yaml", b"http: {port: 1, port: 2}"),
        ("application.yaml", b"just text"),
        ("application.yaml", b"- a\n- list"),
        ("application.yaml", b"http: \xff\xfe"),
        ("application.toml", b"http = {"),
        ("application.properties", b"http.port=\\u12"),
    ];
    for (name, text) in cases {
        let ran = hello().file(name, text).run(&["check"]);
        let shown = String::from_utf8_lossy(text);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{shown}");
        assert!(ran.stderr.contains(&format!("1. {name}")), "{shown}: {}", ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{shown}: {}", ran.stderr);
    }
    let deep = format!("app: {}", "[".repeat(100_000));
    let ran = hello().file("application.yaml", deep).run(&["check"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
}

#[test]
fn a_missing_file_or_profile_is_named() {
    let ran = hello().run(&["check", "--config", "missing.yaml"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("flag `--config`: the file `missing.yaml` does not exist"), "{}", ran.stderr);
    let ran = hello().run(&["check", "--profile", "test"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("there is no file `application-test.*`"), "{}", ran.stderr);
    let ran = hello().run(&["check", "--config"]);
    assert!(ran.code == Some(1) && ran.stderr.contains("write `--config <value>`"), "{}", ran.stderr);
}

#[test]
fn wrong_definitions_are_refused_at_start() {
    let long = vec!["fail"; 10_000].join("|");
    let cases = [
        ("fial", "no function is named `fial`, did you mean `fail`?"),
        ("fail|", "member 2 of `fail|` is empty, expected a function's name"),
        ("fail|näme", "no function is named `näme`"),
        ("take|fail", "`fail` follows the consumer `take`"),
        (&long, "the definition has 10000 members, expected at most 64 (`function.max-stages`)"),
    ];
    for (definition, expected) in cases {
        let program =
            misbehaving().file("application.yaml", format!("function: {{ definition: '{definition}' }}"));
        for command in ["check", "run"] {
            let ran = program.run(&[command]);
            assert_eq!(ran.code, Some(1), "{expected}");
            assert!(ran.stderr.starts_with("1 problem in the configuration:"), "{}", ran.stderr);
            assert!(ran.stderr.contains("application.yaml:1:25: `function.definition`: "), "{}", ran.stderr);
            assert!(ran.stderr.contains(expected), "{}", ran.stderr);
        }
    }
}

#[test]
fn a_port_in_use_is_named_with_its_key() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let port = address.port();
    for (section, other) in [("http", "management"), ("management", "http")] {
        let (own, other) = (format!("--{section}.port={port}"), format!("--{other}.port=0"));
        let ran = hello().run(&["--http.address=127.0.0.1", &own, &other]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
        let expected = format!(
            "error: cannot listen on {address}: the address is in use; stop the other program, or set `{section}.port` to another port (0 takes any free one)"
        );
        assert!(ran.stderr.starts_with(&expected), "{}", ran.stderr);
    }
    let same = format!("--management.port={port}");
    let ran = hello().run(&["check", &format!("--http.port={port}"), &same]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("give each listener a port of its own"), "{}", ran.stderr);
}
