//! What is logged, and how it looks.

use super::hello;
use super::process::Program;

fn log(program: &Program, args: &[&str]) -> Vec<String> {
    let service = program.start(args);
    assert_eq!(service.get("/hello/bob").body, "hello, bob");
    service.stop()
}

#[test]
fn the_log_is_text_unless_configured() {
    let lines = log(&hello(), &[]);
    assert!(lines.iter().any(|line| line.contains("INFO wellspring")), "{lines:#?}");
    assert!(lines.iter().all(|line| !line.contains('\u{1b}')), "no colours outside a terminal: {lines:#?}");
}

#[test]
fn the_log_is_json_when_configured() {
    let lines = log(&hello().file("application.yaml", "logging: { format: json }"), &[]);
    for line in &lines {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(event["level"] == "INFO" && event["message"].is_string(), "{line}");
    }
    assert!(lines.len() >= 3, "two addresses and the signal: {lines:#?}");
}

#[test]
fn levels_come_from_the_configuration_or_from_the_environment() {
    let levels = "logging.level: { root: 'off', 'wellspring::runtime': info }";
    let lines = log(&hello().file("application.yaml", levels), &[]);
    assert_eq!(lines.len(), 2, "two addresses, no signal: {lines:#?}");

    let program = hello().env("RUST_LOG", "wellspring=debug,wellspring::cli=off");
    let lines = log(&program, &["--logging.level.root=off"]);
    assert!(lines.iter().any(|line| line.contains("wellspring::runtime")), "{lines:#?}");
    assert!(lines.iter().all(|line| !line.contains("wellspring::cli")), "{lines:#?}");
}
