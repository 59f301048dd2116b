//! The story as two processes, *accounts* and *message*, over a real broker.

use std::hash::{BuildHasher, RandomState};

use super::process::{Program, Service, call};
use super::{notifications, skip, until};

const BOB: &str = r#"{"name":"Bob","email":"bob@example.org","mobileNumber":"555"}"#;

/// Both services on one broker, with destinations that nobody else uses.
struct Story {
    program: Program,
    flags: Vec<String>,
}

impl Story {
    fn on(binder: &str, address: &str) -> Self {
        let unique = format!("t{:016x}", RandomState::new().hash_one(binder));
        let (asked, told) = (format!("{unique}.send-communication"), format!("{unique}.communication-sent"));
        let key = if binder == "kafka" { "stream.kafka.brokers" } else { "stream.rabbitmq.uri" };
        let destination =
            |binding: &str, name: &str| format!("--stream.bindings.{binding}.destination={name}");
        let dead = |binding: &str, name: &str| {
            format!("--stream.bindings.{binding}.consumer.dead-letter={name}.dlq")
        };
        let flags = vec![
            format!("--stream.default-binder={binder}"),
            format!("--{key}={address}"),
            destination("send-communication", &asked),
            destination("emailsms-in-0", &asked),
            dead("emailsms-in-0", &asked),
            destination("emailsms-out-0", &told),
            destination("update_communication-in-0", &told),
            dead("update_communication-in-0", &told),
        ];
        Self { program: notifications(), flags }
    }

    /// Starts one of the services and waits until it is connected.
    fn start(&self, profile: &str) -> Service {
        let mut args = vec!["--profile", profile];
        args.extend(self.flags.iter().map(String::as_str));
        let service = self.program.start(&args);
        until("it is connected", || call(service.management, "GET", "/health/ready", "").status == 200);
        service
    }
}

fn create(accounts: &Service, number: u64) {
    let created = accounts.post("/create_account", BOB);
    assert_eq!((created.status, &created.json()["accountNumber"]), (200, &number.into()), "{created:?}");
}

fn is_communicated(accounts: &Service, number: u64) -> bool {
    accounts.get(&format!("/account/{number}")).json()["communicated"] == true
}

/// Neither service waits for the other: what one has to say is kept by the broker until the other is there.
fn neither_waits_for_the_other(story: &Story) {
    let accounts = story.start("accounts");
    let mut message = story.start("message");
    create(&accounts, 1);
    message.wait_for("text message sent");
    until("the first account is communicated", || is_communicated(&accounts, 1));

    let log = message.stop();
    assert!(log.iter().all(|line| !line.contains("ERROR")), "{log:#?}");
    create(&accounts, 2);
    create(&accounts, 3);
    assert!(!is_communicated(&accounts, 2));
    accounts.stop();

    // Now the other one is away, and is told when it comes back.
    let mut message = story.start("message");
    message.wait_for("text message sent");
    until("both are handled", || {
        let health = call(message.management, "GET", "/health", "").json();
        health["components"]["emailsms-in-0"]["counts"]["succeeded"] == 2
    });
    message.stop();
    let accounts = story.start("accounts");
    for number in [2, 3] {
        until("the account is communicated", || is_communicated(&accounts, number));
    }
    accounts.stop();
}

#[test]
fn two_processes_talk_over_kafka() {
    if let Some(address) = skip::address("kafka", "WELLSPRING_TEST_KAFKA") {
        neither_waits_for_the_other(&Story::on("kafka", &address));
    }
}

#[test]
fn two_processes_talk_over_rabbitmq() {
    if let Some(address) = skip::address("rabbitmq", "WELLSPRING_TEST_RABBITMQ") {
        neither_waits_for_the_other(&Story::on("rabbitmq", &address));
    }
}

/// Starts while nobody answers, and says what it waits for.
#[test]
fn a_service_whose_broker_is_down_answers_and_says_so() {
    let program = notifications();
    let broker =
        ["--stream.default-binder=rabbitmq", "--stream.rabbitmq.uri=amqp://guest:hunter2@127.0.0.1:1"];
    let mut service = program.start(&[&["--profile", "message"], &broker[..]].concat());
    let line = service.wait_for("the broker does not answer");
    for part in ["rabbitmq", "emailsms-in-0", "amqp://guest@127.0.0.1:1", "refused", "next_try"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    let ready = call(service.management, "GET", "/health/ready", "");
    assert_eq!(
        (ready.status, &ready.json()["components"]["emailsms-in-0"]["state"]),
        (503, &"connecting".into())
    );
    assert_eq!(
        service.post("/email,sms", r#"{"accountNumber":7,"name":"B","email":"b@b","mobileNumber":"5"}"#).body,
        "7"
    );
    let log = service.stop();
    assert!(log.iter().all(|line| !line.contains("hunter2")), "{log:#?}");

    let ran = program.run(
        &[&["--profile=message", "--http.port=0", "--management.port=0", "--fail-fast"], &broker[..]]
            .concat(),
    );
    assert_eq!(ran.code, Some(4), "{ran:?}");
    assert!(
        ran.stderr.contains("error: the binding `emailsms-out-0` cannot be made on the binder `rabbitmq`: "),
        "{ran:?}"
    );
}
