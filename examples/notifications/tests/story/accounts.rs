//! Accounts are created, told, shown, and still there after a restart.

use std::time::Instant;

use super::notifications;
use super::process::{Answer, PATIENCE, Service, argument};

const BOB: &str = r#"{"name":"Bob","email":"bob@example.org","mobileNumber":"555"}"#;

/// Asks until the customer has been told.
fn told(service: &Service, number: i64) -> Answer {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = service.get(&format!("/account/{number}"));
        if answer.json()["communicated"] == true {
            return answer;
        }
        assert!(Instant::now() < deadline, "never communicated: {answer:?}");
        std::thread::yield_now();
    }
}

#[test]
fn a_new_account_is_communicated_a_moment_later() {
    let program = notifications();
    let mut service = program.start(&[]);
    for number in 1..=3 {
        let created = service.post("/create_account", BOB);
        assert_eq!(created.status, 200);
        let expected = format!(
            r#"{{"accountNumber":{number},"name":"Bob","email":"bob@example.org","mobileNumber":"555","communicated":false}}"#
        );
        assert_eq!(created.body, expected);
        let shown = told(&service, number);
        assert_eq!((shown.status, shown.body), (200, expected.replace("false", "true")));
    }
    service.wait_for("e-mail sent");
    service.wait_for("text message sent");
    let log = service.stop();
    assert!(log.iter().all(|line| !line.contains("ERROR") && !line.contains("failed")), "{log:#?}");
}

#[test]
fn the_composition_answers_over_http_too() {
    let service = notifications().start(&[]);
    let message = r#"{"accountNumber":7,"name":"Bob","email":"bob@example.org","mobileNumber":"555"}"#;
    for target in ["/email,sms", "/email%7Csms", "/email|sms"] {
        let answer = service.post(target, message);
        assert_eq!((answer.status, answer.body.as_str()), (200, "7"), "{target}");
    }
    service.stop();
}

#[test]
fn what_a_caller_gets_wrong_is_told() {
    let service = notifications().start(&[]);
    let cases = [
        (service.get("/account/99"), 422, "there is no account 99"),
        (
            service.get("/account/bob"),
            400,
            "the payload cannot be read as `i64`: expected value at line 1 column 1",
        ),
        (
            service.post("/create_account", &BOB.replace("bob@example.org", "bob")),
            422,
            "`bob` is not an e-mail address, expected one with `@`",
        ),
        (
            service.post("/create_account", r#"{"name":"Bob","#),
            400,
            "the payload cannot be read as `NewAccount`: EOF while parsing a value at line 1 column 14",
        ),
        (
            service.post("/create_account", r#"{"name":"Bob"}"#),
            400,
            "the payload cannot be read as `NewAccount`: missing field `email` at line 1 column 14",
        ),
    ];
    for (answer, status, detail) in cases {
        assert_eq!((answer.status, &answer.json()["detail"]), (status, &detail.into()), "{answer:?}");
    }
    assert_eq!(service.get("/acount/1").status, 404);
    assert_eq!(service.get("/account/1").status, 422, "nothing was created");
    service.stop();
}

#[test]
fn a_restart_keeps_the_accounts() {
    let program = notifications();
    let database = argument(&program.path("kept.db"));
    let flag = format!("--app.database={database}");
    let service = program.start(&[&flag]);
    assert_eq!(service.post("/create_account", BOB).status, 200);
    told(&service, 1);
    service.stop();

    let service = program.start(&[&flag]);
    assert_eq!(service.get("/account/1").json()["communicated"], true);
    assert_eq!(service.post("/create_account", BOB).json()["accountNumber"], 2);
    told(&service, 2);
    service.stop();
    assert!(!program.files().contains(&"accounts.db".to_owned()), "{:?}", program.files());
}

#[test]
fn every_account_that_was_answered_is_there_after_a_stop_in_the_midst_of_work() {
    let program = notifications();
    let service = program.start(&[]);
    for _ in 0..50 {
        assert_eq!(service.post("/create_account", BOB).status, 200);
    }
    service.stop();
    let service = program.start(&[]);
    assert_eq!(service.get("/account/50").status, 200);
    assert_eq!(service.get("/account/51").status, 422);
    service.stop();
}

#[test]
fn a_refused_communication_does_not_keep_others_from_being_made() {
    let mut service = notifications().start(&[]);
    assert_eq!(service.post("/update_communication", "99").status, 422);
    assert_eq!(service.post("/create_account", BOB).status, 200);
    told(&service, 1);
    assert_eq!(service.post("/update_communication", "1").status, 202);
    service.wait_for("text message sent");
    service.stop();
}

#[test]
fn a_database_that_cannot_be_opened_is_a_start_error() {
    let ran =
        notifications().run(&["--http.port=0", "--management.port=0", "--app.database=no/such/folder.db"]);
    assert_eq!(ran.code, Some(1));
    let expected = "error: the application could not prepare itself: ";
    assert!(
        ran.stderr.starts_with(expected) && ran.stderr.contains("unable to open database"),
        "{}",
        ran.stderr
    );
}
