//! Commands that look, call and print.

use std::io::Read;
use std::process::Stdio;

use super::{hello, misbehaving};

#[test]
fn the_version_and_the_help_go_to_standard_output() {
    let ran = hello().run(&["--version"]);
    let expected = format!("hello (wellspring {})\n", env!("CARGO_PKG_VERSION"));
    assert_eq!((ran.code, ran.stdout, ran.stderr.as_str()), (Some(0), expected, ""));

    let ran = hello().run(&["--help"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    for command in ["run", "check", "functions", "invoke", "dlq", "config", "completion"] {
        assert!(ran.stdout.contains(&format!("\n  {command} ")), "{}", ran.stdout);
    }
    assert!(ran.stdout.contains("Usage: hello [COMMAND]") && ran.stdout.contains("--http.port=0"));
}

#[test]
fn an_unknown_command_is_refused_with_exit_code_2() {
    let ran = hello().run(&["chek"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    assert!(ran.stderr.contains("unrecognized subcommand 'chek'"), "{}", ran.stderr);
    assert!(ran.stderr.contains("'check'"), "it names the nearest command: {}", ran.stderr);
    assert_eq!(hello().run(&["--jason"]).code, Some(2));
    assert_eq!(hello().run(&["invoke"]).code, Some(2));
}

#[test]
fn functions_are_listed_as_a_table() {
    let ran = hello().run(&["functions"]);
    let table = "\
NAME   KIND      TYPES            DEFINED                       DESCRIPTION
hello  function  String → String  examples/hello/src/main.rs:9  Greets whoever is named.
";
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), table));

    let ran = misbehaving().run(&["functions"]);
    let line = |name: &str| ran.stdout.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    assert!(line("take ").contains("consumer  u64 →"), "{}", ran.stdout);
    assert!(line("number ").contains("supplier  → u64"), "{}", ran.stdout);
}

#[test]
fn functions_are_listed_as_json() {
    let ran = misbehaving().run(&["functions", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let listed = listed.as_array().unwrap();
    let names: Vec<_> = listed.iter().map(|function| function["name"].as_str().unwrap()).collect();
    let expected = ["fail", "hang", "never_return", "number", "panic_always", "take", "wait_for_file"];
    assert_eq!(names, expected);
    let take = listed.iter().find(|function| function["name"] == "take").unwrap();
    assert_eq!((&take["kind"], &take["description"]), (&"consumer".into(), &"Takes numbers.".into()));
    assert_eq!((&take["input"]["type"], &take["output"]), (&"u64".into(), &serde_json::Value::Null));
    assert_eq!(take["input"]["schema"]["type"], "integer");
    assert!(take["location"].as_str().unwrap().starts_with("examples/hello/tests/support/misbehaving.rs:"));
}

#[test]
fn a_function_is_called_with_an_argument_or_with_standard_input() {
    let ran = hello().run(&["invoke", "hello", "bob"]);
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (Some(0), "hello, bob\n", ""));
    assert_eq!(hello().run_with(&["invoke", "hello"], b"bob").stdout, "hello, bob\n");
    assert_eq!(hello().run_with(&["invoke", "hello"], b"").stdout, "hello, \n");
    assert_eq!(hello().run(&["invoke", "hello|hello", "bob"]).stdout, "hello, hello, bob\n");
    assert_eq!(hello().run(&["invoke", "--", "hello", "--http.port=1"]).stdout, "hello, --http.port=1\n");
    assert_eq!(misbehaving().run(&["invoke", "number"]).stdout, "7\n");
    let ran = misbehaving().run(&["invoke", "take", "5"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), ""));
}

#[test]
fn a_call_that_cannot_be_made_or_fails_says_why() {
    let cases: [(&[&str], &str); 7] = [
        (&["invoke", "tke", "5"], "no function is named `tke`, did you mean `take`?"),
        (&["invoke", "take|", "5"], "member 2 of `take|` is empty, expected a function's name"),
        (
            &["invoke", "take", "five"],
            "`take`: the payload cannot be read as `u64`: expected ident at line 1 column 2",
        ),
        (&["invoke", "fail", "x"], "`fail`: no text is welcome, not even `x`"),
        (
            &["invoke", "panic_always", "x"],
            "`panic_always`: the function panicked: no text is welcome, not even `x`",
        ),
        (&["invoke", "take", "5", "--header", "x"], "`x` is not a header, expected `NAME=VALUE`"),
        (
            &["invoke", "take", "5", "--content-type", "json"],
            "`json` is not a content type, expected `type/subtype` such as `application/json`",
        ),
    ];
    for (args, expected) in cases {
        let ran = misbehaving().run(args);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{args:?}");
        assert_eq!(ran.stderr.lines().last(), Some(format!("error: {expected}").as_str()), "{args:?}");
    }
}

#[test]
fn input_that_is_no_text_is_refused_with_the_position() {
    let ran = hello().run_with(&["invoke", "hello"], b"bo\xffb");
    assert_eq!(ran.code, Some(1));
    assert_eq!(ran.stderr, "error: `hello`: the payload is not UTF-8 text: invalid byte at position 2\n");
}

#[test]
fn the_completion_script_completes_this_program() {
    let ran = hello().run(&["completion", "bash"]);
    assert_eq!(ran.code, Some(0));
    assert!(ran.stdout.contains("complete -F _hello"), "{}", ran.stdout);
    for shell in ["zsh", "fish", "elvish", "powershell"] {
        let ran = hello().run(&["completion", shell]);
        assert!(ran.code == Some(0) && ran.stdout.contains("hello"), "{shell}");
    }
    assert_eq!(hello().run(&["completion", "cmd"]).code, Some(2));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let program = hello();
    let mut child = program.command(&["config"]).spawn().unwrap();
    let mut first = [0; 2];
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut first).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));

    // Gone before the first byte.
    let mut child = program.command(&["functions"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}
