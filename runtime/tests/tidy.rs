//! The house rules that a machine can check, each with the sentence that says what to do. `ARCHITECTURE.md` names them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect")]

#[path = "tidy/finding.rs"]
mod finding;
#[path = "tidy/layers.rs"]
mod layers;
#[path = "tidy/source.rs"]
mod source;

use std::process::Command;

use finding::{Exception, Finding, check, words, words_that_ship};
use layers::{module_of, modules_named, named_after};
use source::{File, Source, files, root, sources};

/// The longest a file may be.
const MOST_LINES: usize = 400;

/// What users build on: the libraries and the examples, without benchmarks.
fn ships(path: &str) -> bool {
    let parts = ["functions/src/", "macros/src/", "runtime/src/"];
    parts.iter().any(|part| path.starts_with(part))
        || (path.starts_with("examples/") && path.contains("/src/"))
}

fn runtime_without(path: &str, parts: &[&str]) -> bool {
    let below = path.strip_prefix("runtime/src/");
    below.is_some_and(|below| !parts.iter().any(|part| below.starts_with(part)))
}

#[test]
fn every_module_says_what_it_is_for() {
    let files = files();
    let modules = files.iter().filter(|file| file.path.ends_with(".rs") && file.path.contains("/src/"));
    let findings = modules.filter(|file| !file.text.starts_with("//! ")).map(|file| Finding {
        path: file.path.clone(),
        line: 1,
        what: "does not begin with `//!`".to_owned(),
    });
    check(
        &findings.collect::<Vec<_>>(),
        &[],
        "Begin the file with a `//!` sentence that says what the module is for.",
    );
}

#[test]
fn no_file_is_too_long_to_read() {
    let files = files();
    let rust = files.iter().filter(|file| file.path.ends_with(".rs"));
    let long = rust.filter(|file| file.text.lines().count() > MOST_LINES).map(|file| Finding {
        path: file.path.clone(),
        line: file.text.lines().count(),
        what: format!("is longer than {MOST_LINES} lines"),
    });
    let what_to_do =
        "Split the file by idea; unit tests that push it over the limit go to `<module>/tests.rs`.";
    check(&long.collect::<Vec<_>>(), &[], what_to_do);
}

#[test]
fn http_crates_stay_under_http() {
    let sources = sources(&files(), |path| runtime_without(path, &["http/"]));
    let crates = ["axum", "hyper", "hyper_util", "http_body_util", "tower"];
    let reason = "an application mounts its own routes as axum's `Router`";
    let takes_routes = |path| Exception { path, what: "axum", reason };
    let exceptions = [
        takes_routes("runtime/src/runtime/builder.rs"),
        takes_routes("runtime/src/runtime/edges.rs"),
        takes_routes("runtime/src/runtime/mod.rs"),
    ];
    let what_to_do = "Move it under `runtime/src/http`; the rest of the runtime knows no HTTP library.";
    check(&words_that_ship(&sources, &crates), &exceptions, what_to_do);
}

#[test]
fn the_command_line_parser_stays_under_cli() {
    let sources = sources(&files(), |path| runtime_without(path, &["cli/"]));
    let what_to_do =
        "Move it under `runtime/src/cli`; settings are read by `config`, not by the parser of commands.";
    check(&words_that_ship(&sources, &["clap", "clap_complete"]), &[], what_to_do);
}

/// What each module of the runtime may name, in the order of the data flow. `runtime` may name everything.
const LAYERS: &[(&str, &[&str])] = &[
    ("expression", &["expression"]),
    ("config", &["config", "expression"]),
    ("invocation", &["invocation"]),
    ("binder", &["binder", "config", "expression"]),
    ("binding", &["binding", "binder", "config", "expression", "invocation"]),
    ("letters", &["letters", "binder", "binding"]),
    ("http", &["http", "config", "invocation"]),
    ("telemetry", &["telemetry", "config"]),
    ("testing", &["testing", "binder"]),
    ("conformance", &["conformance", "binder", "config", "runtime"]),
    ("cli", &["cli", "config", "invocation", "letters", "runtime", "telemetry"]),
];

#[test]
fn each_layer_names_only_those_it_may_know() {
    let mut findings = Vec::new();
    for source in sources(&files(), |path| path.starts_with("runtime/src/")) {
        let module = module_of(source.path.trim_start_matches("runtime/src/"));
        let Some(layer) = module.first().filter(|layer| **layer != "runtime") else { continue };
        let (_, may) = LAYERS.iter().find(|(name, _)| name == layer).unwrap_or_else(|| {
            panic!("the module `{layer}` is not among the layers of this test: say there what it may know")
        });
        for (line, name) in
            modules_named(&source, &module).into_iter().filter(|(_, name)| !may.contains(&&**name))
        {
            findings.push(Finding {
                path: source.path.clone(),
                line,
                what: format!("`{layer}` names `{name}`"),
            });
        }
    }
    check(&findings, &[], "Turn the dependency around, or let `runtime` join the two: see the code map.");
}

/// What a binder may know of the programming model: encoded messages.
const MESSAGES: &[&str] = &[
    "ContentType",
    "EncodedMessage",
    "HeaderName",
    "HeaderSource",
    "HeaderValue",
    "Headers",
    "Message",
    "header_names",
];

#[test]
fn binders_know_messages_and_no_functions() {
    let sources = sources(&files(), |path| path.starts_with("runtime/src/binder/"));
    let of = |source: &Source| {
        let named = named_after(&source.shipped, "wellspring_functions::").into_iter();
        let others = named.filter(|(_, name)| !MESSAGES.contains(&&**name));
        let path = source.path.clone();
        others.map(|(line, what)| Finding { path: path.clone(), line, what }).collect::<Vec<_>>()
    };
    let findings: Vec<_> = sources.iter().flat_map(of).collect();
    check(&findings, &[], "A binder moves encoded messages; whatever needs a function belongs to `binding`.");
}

#[test]
fn only_config_reads_files_and_the_environment() {
    let sources = sources(&files(), |path| {
        (path.starts_with("functions/src/") || path.starts_with("macros/src/"))
            || runtime_without(path, &["config/"])
    });
    let tests_read = |what| Exception {
        path: "runtime/src/conformance/options.rs",
        what,
        reason: "how hard a suite of tests tries is no setting of an application",
    };
    let certificates =
        "certificates are read whenever a connection is made: renewed ones hold without a restart";
    let exceptions = [
        Exception { path: "runtime/src/binder/rabbitmq/tls.rs", what: "tokio::fs", reason: certificates },
        Exception { path: "runtime/src/binder/rabbitmq/tls.rs", what: "fs::read", reason: certificates },
        Exception {
            path: "runtime/src/cli/mod.rs",
            what: "std::env",
            reason: "the command line takes the arguments and gives those that are settings to `config`",
        },
        tests_read("std::env"),
        tests_read("env::var"),
        Exception {
            path: "runtime/src/telemetry.rs",
            what: "try_from_default_env",
            reason: "`RUST_LOG` means the same in every Rust program and must work where configuration is wrong",
        },
    ];
    let reads =
        ["std::env", "env::var", "std::fs", "fs::read", "tokio::fs", "File::open", "from_default_env"];
    let reads = [&reads[..], &["try_from_default_env"]].concat();
    let what_to_do =
        "Add a key to `config` and read its value there; nothing else depends on where a value is written.";
    check(&words_that_ship(&sources, &reads), &exceptions, what_to_do);
}

#[test]
fn only_cli_prints() {
    let sources = sources(&files(), |path| ships(path) && !path.starts_with("runtime/src/cli/"));
    let exceptions = [Exception {
        path: "runtime/src/telemetry.rs",
        what: "io::stderr",
        reason: "logs go to standard error",
    }];
    let prints = ["print!", "println!", "eprint!", "eprintln!", "dbg!", "io::stdout", "io::stderr"];
    check(
        &words_that_ship(&sources, &prints),
        &exceptions,
        "Log with `tracing`, or return what is to be printed.",
    );
}

#[test]
fn functions_depends_on_no_runtime_server_or_broker_client() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut tree = Command::new(cargo);
    tree.current_dir(root()).args(["tree", "--offline", "--package", "wellspring-functions"]);
    let output = tree.args(["--edges", "normal", "--prefix", "none"]).output().expect("cargo runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(text.contains("serde"), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let banned = ["tokio", "async-std", "smol", "axum", "hyper", "tower", "rdkafka", "lapin", "clap", "sqlx"];
    let names = text.lines().filter_map(|line| line.split(' ').next());
    let found: Vec<_> = names.filter(|name| banned.contains(name)).collect();
    assert!(
        found.is_empty(),
        "`wellspring-functions` depends on {found:?}\n\nBusiness crates compile against it alone: put a trait there and its \
         implementation into `runtime`."
    );
}

#[test]
fn nothing_that_ships_panics_on_purpose() {
    let exceptions = [Exception {
        path: "functions/src/private/ask.rs",
        what: "unreachable!",
        reason: "only the type of the call is asked for; the attributes never make it",
    }];
    let panics = [".unwrap()", ".expect(", "panic!", "unreachable!", "todo!", "unimplemented!"];
    let what_to_do = "Return an error; where it cannot happen, write it so that the compiler sees that.";
    check(&words_that_ship(&sources(&files(), ships), &panics), &exceptions, what_to_do);
}

#[test]
fn unsafe_code_is_in_listed_modules_only() {
    let allocator = "an allocator that counts can only be written so; it is part of the measurements alone";
    let client = "the safe wrapper of the client hands out records and reports one by one";
    let exceptions = [
        Exception {
            path: "runtime/src/binder/registry.rs",
            what: "unsafe_code",
            reason: "a distributed slice places its elements in a linker section of their own",
        },
        Exception { path: "runtime/src/binder/kafka/native/", what: "unsafe_code", reason: client },
        Exception { path: "runtime/src/binder/kafka/native/", what: "unsafe", reason: client },
        Exception { path: "bench/src/counting_allocator.rs", what: "unsafe_code", reason: allocator },
        Exception { path: "bench/src/counting_allocator.rs", what: "unsafe", reason: allocator },
    ];
    let all = sources(&files(), |path| !path.contains("/tests/") || path.contains("/src/"));
    let what_to_do =
        "Find a safe way; if there is none, list the module here and in `ARCHITECTURE.md` with the reason.";
    check(&words_that_ship(&all, &["unsafe", "unsafe_code"]), &exceptions, what_to_do);
}

#[test]
fn no_test_is_switched_off() {
    let all = sources(&files(), |_| true);
    let ignored = |source: &Source| {
        let code = format!("{}\n", source.tested);
        words(&source.path, &code, &["#[ignore]", "#[ignore ="])
    };
    let findings: Vec<_> = all.iter().flat_map(ignored).collect();
    check(
        &findings,
        &[],
        "Mend the test or remove it with what it tests; a test that needs a server says so aloud.",
    );
}

#[test]
fn no_test_sleeps_on_the_real_clock() {
    let mut findings = Vec::new();
    for source in sources(&files(), |_| true) {
        let lines: Vec<_> = source.tested.lines().collect();
        for found in words(&source.path, &source.tested, &["sleep("]) {
            // What sleeps may be a function that the test behind or before it calls.
            let (before, behind) = lines.split_at(found.line);
            let near =
                [before.iter().rev().find(|line| is_test(line)), behind.iter().find(|line| is_test(line))];
            let paused = near.iter().flatten().any(|line| line.contains("start_paused = true"));
            if !paused || before.last().is_some_and(|line| line.contains("thread::sleep")) {
                findings.push(found);
            }
        }
    }
    let exceptions = [
        Exception {
            path: "examples/hello/tests/support/misbehaving.rs",
            what: "sleep(",
            reason: "a function of another process that blocks a thread until the test lets it go",
        },
        Exception {
            path: "examples/relay/tests/faults/proxy.rs",
            what: "sleep(",
            reason: "a connection that is slow on purpose",
        },
        Exception {
            path: "runtime/tests/support/app.rs",
            what: "sleep(",
            reason: "the one place that waits until something holds, with a limit, on either clock",
        },
    ];
    let what_to_do = "Wait for what is to happen, with a limit, or pause the clock: `#[tokio::test(start_paused = true)]`.";
    check(&findings, &exceptions, what_to_do);
}

#[test]
fn nothing_is_left_for_later() {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    check(&in_texts(&marks), &[], "Do it, or open an issue; a comment is where neither happens.");
}

#[test]
fn no_path_of_a_machine_is_written_down() {
    let paths = [concat!("/ho", "me/"), concat!("/Us", "ers/"), concat!("/ro", "ot/"), concat!("/wo", "rk/")];
    check(&in_texts(&paths), &[], "Write a path from the root of the repository, or ask Cargo for it.");
}

#[test]
fn the_compiler_version_is_in_the_manifest_only() {
    let version = env!("CARGO_PKG_RUST_VERSION");
    let generated =
        |path: &str| path == "Cargo.toml" || path.ends_with(".lock") || path.contains("/tests/ui/");
    // What was measured says which compiler it was built with.
    let measured = |path: &str| path.starts_with("bench/results/") || path == "docs/performance.md";
    let found = format!("rustc {version}.");
    let files = files();
    let findings = files.iter().filter(|file| !generated(&file.path)).flat_map(|file| {
        let is_own = |line: &str| {
            let is_found = measured(&file.path) && line.contains(&found);
            !is_found && line.contains(version) && line.to_lowercase().contains("rust")
        };
        let line = file.text.lines().position(is_own)?;
        Some(Finding { path: file.path.clone(), line: line + 1, what: version.to_owned() })
    });
    check(
        &findings.collect::<Vec<_>>(),
        &[],
        "Refer to `rust-version` in `Cargo.toml`, so that there is one number to change.",
    );
}

#[test]
fn the_architecture_page_names_every_rule() {
    let files = files();
    let text = |path: &str| -> String {
        let file: Option<&File> = files.iter().find(|file| file.path == path);
        file.unwrap_or_else(|| panic!("`{path}` is missing")).text.clone()
    };
    let page = text("ARCHITECTURE.md");
    let own = text("runtime/tests/tidy.rs");
    let tests: Vec<_> =
        own.lines().filter_map(|line| line.strip_prefix("fn ")?.strip_suffix("() {")).collect();
    for test in &tests {
        let mark = format!("`{test}`");
        assert!(
            page.contains(&mark),
            "`ARCHITECTURE.md` does not name the rule {mark}: add it to the invariants"
        );
    }
    let marked = page.split("(tidy: `").skip(1).filter_map(|rest| rest.split('`').next());
    for name in marked {
        assert!(
            tests.contains(&name),
            "`ARCHITECTURE.md` names the rule `{name}`, which is no test of this file"
        );
    }
}

fn is_test(line: &str) -> bool {
    line.contains("::test]") || line.contains("::test(") || line.contains("#[test]")
}

/// Words in any text of the repository, code or not.
fn in_texts(wanted: &[&str]) -> Vec<Finding> {
    files().iter().flat_map(|file| words(&file.path, &file.text, wanted)).collect()
}
