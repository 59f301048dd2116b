//! Dead letters looked after from the command line, on real brokers.

use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command};

use serde_json::Value;

use super::process::{Program, Ran, Service, call};
use super::{notifications, skip, until};

const BOB: &str = r#"{"name":"Bob","email":"bob@example.org","mobileNumber":"555"}"#;
const INPUT: &str = "update_communication-in-0";

/// An accounts service that is handed what it has to say itself, which it cannot read.
struct Confused {
    program: Program,
    flags: Vec<String>,
    /// What the service reads, and where a message service waits.
    from: String,
    to: String,
}

impl Confused {
    fn on(binder: &str, address: &str) -> Self {
        let unique = format!("t{:016x}", RandomState::new().hash_one(binder));
        let (from, to) = (format!("{unique}.from"), format!("{unique}.to"));
        let (key, more) = match binder {
            "kafka" => ("stream.kafka.brokers", vec![]),
            _ => {
                let input = format!("--stream.rabbitmq.bindings.{INPUT}.consumer");
                let exchange = format!("{input}.dead-letter-exchange={unique}.dlq");
                // Nobody listens to the message service.
                let told = "--stream.rabbitmq.bindings.emailsms-out-0.producer.allow-unroutable=true";
                let more = vec![format!("{input}.auto-bind-dlq=true"), exchange, told.to_owned()];
                ("stream.rabbitmq.uri", more)
            }
        };
        let mut flags = vec![
            format!("--stream.default-binder={binder}"),
            format!("--{key}={address}"),
            format!("--stream.bindings.send-communication.destination={from}"),
            format!("--stream.bindings.{INPUT}.destination={from}"),
            format!("--stream.bindings.{INPUT}.consumer.dead-letter={unique}.dlq"),
            format!("--stream.bindings.emailsms-in-0.destination={to}"),
            format!("--stream.bindings.emailsms-in-0.consumer.dead-letter={unique}.other"),
            format!("--stream.bindings.emailsms-out-0.destination={unique}.told"),
        ];
        flags.extend(more);
        Self { program: notifications(), flags, from, to }
    }

    fn args<'a>(&'a self, profile: &'a str, args: &[&'a str]) -> Vec<&'a str> {
        let flags = self.flags.iter().map(String::as_str);
        ["--profile", profile].into_iter().chain(flags).chain(args.iter().copied()).collect()
    }

    fn start(&self, profile: &str) -> Service {
        let service = self.program.start(&self.args(profile, &[]));
        until("it is connected", || call(service.management, "GET", "/health/ready", "").status == 200);
        service
    }

    fn dlq(&self, args: &[&str]) -> Ran {
        self.program.run(&self.args("accounts", &[&["dlq"], args].concat()))
    }

    /// The lines of JSON that a command prints.
    fn json(&self, args: &[&str]) -> (Option<i32>, Vec<Value>) {
        let ran = self.dlq(&[args, &["--output", "json"]].concat());
        let lines = ran.stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
        (ran.code, lines)
    }
}

fn counted(service: &Service, binding: &str, count: &str) -> u64 {
    let health = call(service.management, "GET", "/health", "").json();
    health["components"][binding]["counts"][count].as_u64().unwrap_or_default()
}

fn letters_are_looked_after(confused: &Confused) {
    // The group of the message service exists from here on.
    confused.start("message").stop();
    let accounts = confused.start("accounts");
    for _ in 0..8 {
        assert_eq!(accounts.post("/create_account", BOB).status, 200);
    }
    until("all of them are dead letters", || counted(&accounts, INPUT, "deadLettered") == 8);
    accounts.stop();

    let (code, inputs) = confused.json(&["list"]);
    assert_eq!((code, inputs.len()), (Some(0), 1), "{inputs:?}");
    assert_eq!((&inputs[0]["binding"], &inputs[0]["letters"]), (&INPUT.into(), &8.into()));
    let (code, letters) = confused.json(&["list", INPUT]);
    assert_eq!((code, letters.len()), (Some(0), 8), "{letters:?}");
    for letter in &letters {
        assert_eq!((&letter["origin"], &letter["passes"]), (&confused.from.as_str().into(), &0.into()));
        assert_eq!(letter["error"]["kind"], "undecodable", "{letter}");
    }
    assert_eq!(confused.json(&["list", INPUT, "--error", "no such"]).1, [] as [Value; 0]);
    let listed = confused.dlq(&["list", INPUT, "--max", "2"]);
    assert_eq!((listed.code, listed.stdout.lines().count()), (Some(0), 2), "{listed:?}");
    let shown = confused.dlq(&["show", INPUT, "--max", "1"]);
    for part in ["x-exception-kind: undecodable", "bob@example.org", "contentType: application/json"] {
        assert!(shown.stdout.contains(part), "{part}: {shown:?}");
    }
    let (_, shown) = confused.json(&["show", INPUT, "--max", "1"]);
    assert!(shown[0]["payload"].as_str().unwrap().contains("bob@example.org"), "{shown:?}");
    assert_eq!(shown[0]["headers"]["contentType"], "application/json");

    let stays = confused.dlq(&["redrive", INPUT, "--max-passes", "0"]);
    assert_eq!(stays.code, Some(5), "{stays:?}");
    assert!(stays.stdout.ends_with("0 of 8 letters sent again, 8 stay\n"), "{stays:?}");
    let asked = confused.dlq(&["purge", INPUT]);
    assert_eq!(asked.code, Some(2), "{asked:?}");
    assert!(asked.stderr.contains("give `--yes`"), "{asked:?}");

    let planned = confused.dlq(&["redrive", INPUT, "--to", &confused.to, "--dry-run"]);
    let expected = format!("8 of 8 letters sent again, 0 stay\n  8 to {}\n", confused.to);
    assert_eq!((planned.code, &planned.stdout), (Some(0), &expected), "{planned:?}");
    stopped_in_the_middle(confused);
    killed_in_the_middle(confused);
    let left = confused.json(&["list", INPUT]).1.len() as u64;
    assert!((1..7).contains(&left), "{left}");
    let purged = confused.dlq(&["purge", INPUT, "--max", "1", "--yes"]);
    assert_eq!(purged.stdout.lines().next(), Some("1 of 1 letters removed, 0 stay"), "{purged:?}");
    let done = confused.dlq(&["redrive", INPUT, "--to", &confused.to]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(confused.json(&["list", INPUT]).1.len(), 0);
    let message = confused.start("message");
    until("all but the purged one are handled", || counted(&message, "emailsms-in-0", "succeeded") >= 7);
    message.stop();
}

/// Starts a slow run, and waits until it has sent something.
fn slowly(confused: &Confused) -> (Child, BufReader<ChildStdout>) {
    let redrive = ["dlq", "redrive", INPUT, "--to", &confused.to, "--rate", "1", "--output", "json"];
    let mut running = confused.program.command(&confused.args("accounts", &redrive)).spawn().unwrap();
    let (mut told, mut line) = (BufReader::new(running.stdout.take().unwrap()), String::new());
    told.read_line(&mut line).unwrap();
    let sent: Value = serde_json::from_str(&line).expect(&line);
    assert_eq!(sent["to"], confused.to.as_str());
    (running, told)
}

/// Asks a run to stop: it ends what it has begun, and says how far it came.
fn stopped_in_the_middle(confused: &Confused) {
    let (mut running, mut told) = slowly(confused);
    let asked = Command::new("kill").args(["-INT", &running.id().to_string()]).status().unwrap();
    assert!(asked.success());
    let mut rest = String::new();
    told.read_to_string(&mut rest).unwrap();
    assert_eq!(running.wait().unwrap().code(), Some(130), "{rest}");
    let last: Value = serde_json::from_str(rest.lines().last().unwrap()).unwrap();
    let done = last["summary"]["done"].as_u64().unwrap();
    assert_eq!((last["summary"]["ended"].as_bool(), (1..=3).contains(&done)), (Some(false), true), "{last}");
    assert_eq!(confused.json(&["list", INPUT]).1.len() as u64, 8 - done);
}

/// Ends a run at once: what it had sent may be sent once more, and nothing is lost.
fn killed_in_the_middle(confused: &Confused) {
    let (mut running, _) = slowly(confused);
    running.kill().unwrap();
    running.wait().unwrap();
    // The broker gives back what was held when it notices.
    until("the others are there", || confused.json(&["list", INPUT]).1.len() >= 3);
}

#[test]
fn letters_are_looked_after_on_kafka() {
    if let Some(address) = skip::address("kafka", "WELLSPRING_TEST_KAFKA") {
        letters_are_looked_after(&Confused::on("kafka", &address));
    }
}

#[test]
fn letters_are_looked_after_on_rabbitmq() {
    if let Some(address) = skip::address("rabbitmq", "WELLSPRING_TEST_RABBITMQ") {
        letters_are_looked_after(&Confused::on("rabbitmq", &address));
    }
}

#[test]
fn what_cannot_be_looked_after_says_why() {
    let program = notifications();
    let memory = program.run(&["dlq", "list", "emailsms-in-0"]);
    assert_eq!((memory.code, memory.stdout.as_str()), (Some(1), ""), "{memory:?}");
    assert!(memory.stderr.contains("lie in the memory of the process"), "{memory:?}");
    let all = program.run(&["dlq", "list"]);
    assert_eq!((all.code, all.stdout.as_str()), (Some(1), "no input has dead letters\n"), "{all:?}");
    let unknown = program.run(&["dlq", "show", "emailsm-in-0"]);
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
    assert!(unknown.stderr.contains("did you mean `emailsms-in-0`?"), "{unknown:?}");
    let nobody =
        ["--stream.default-binder=rabbitmq", "--stream.rabbitmq.uri=amqp://127.0.0.1:1", "dlq", "show"];
    let down = program.run(&[&nobody[..], &["emailsms-in-0", "--from", "q"]].concat());
    assert_eq!(down.code, Some(4), "{down:?}");
    for wrong in [
        &["dlq"][..],
        &["dlq", "list", "x", "--older-than", "soon"],
        &["dlq", "list", "x", "--header", "none"],
        &["dlq", "list", "--max", "1"],
        &["dlq", "redrive", "x", "--rate", "0"],
        &["dlq", "redrive"],
    ] {
        let ran = program.run(wrong);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{wrong:?}: {ran:?}");
    }
}
