//! Starting, draining, and stopping at once.

use std::thread;
use std::time::{Duration, Instant};

use super::process::{argument, call};
use super::{hello, misbehaving};

#[test]
fn running_is_what_a_program_does_without_a_command() {
    for args in [&[][..], &["run"]] {
        let service = hello().start(args);
        assert_eq!(service.post("/hello", "bob").body, "hello, bob");
        let ready = call(service.management, "GET", "/health/ready", "");
        assert_eq!((ready.status, &ready.json()["status"]), (200, &"up".into()));
        service.stop();
    }
}

#[test]
fn a_request_in_flight_is_answered_before_the_program_ends() {
    for signal in ["-TERM", "-INT"] {
        let program = misbehaving();
        let mut service = program.start(&[]);
        let (file, address) = (program.path("release"), service.http);
        let body = argument(&file);
        let waiting = thread::spawn(move || call(address, "POST", "/wait_for_file", &body));
        service.wait_for("begun: wait_for_file");
        service.signal(signal);
        service.wait_for("stopping");
        std::fs::write(file, "").unwrap();
        let answer = waiting.join().unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (200, "finished"));
        assert_eq!(service.wait().code(), Some(0), "{:#?}", service.log);
    }
}

#[test]
fn a_function_that_hangs_is_given_up_after_the_grace_period() {
    for function in ["hang", "never_return"] {
        let mut service = misbehaving().start(&["--shutdown.timeout=200ms"]);
        let address = service.http;
        let target = format!("/{function}");
        let waiting = thread::spawn(move || std::panic::catch_unwind(|| call(address, "POST", &target, "x")));
        service.wait_for(&format!("begun: {function}"));
        let stopped = Instant::now();
        service.signal("-TERM");
        assert_eq!(service.wait().code(), Some(3), "{:#?}", service.log);
        assert!(stopped.elapsed() >= Duration::from_millis(200), "the grace period was not granted");
        assert!(service.log.iter().any(|line| line.contains("abandoned")), "{:#?}", service.log);
        drop(waiting.join());
    }
}

#[test]
fn a_second_signal_stops_at_once() {
    let mut service = misbehaving().start(&["--shutdown.timeout=1h"]);
    let address = service.http;
    let waiting = thread::spawn(move || std::panic::catch_unwind(|| call(address, "POST", "/hang", "x")));
    service.wait_for("begun: hang");
    service.signal("-TERM");
    service.wait_for("stopping");
    service.signal("-INT");
    assert_eq!(service.wait().code(), Some(130), "{:#?}", service.log);
    drop(waiting.join());
}

#[test]
fn a_failing_call_leaves_the_program_running() {
    let service = misbehaving().start(&[]);
    for _ in 0..20 {
        assert_eq!(service.post("/panic_always", "x").status, 500);
        assert_eq!(service.post("/fail", "x").status, 500);
    }
    assert_eq!(service.get("/number").body, "7");
    service.stop();
}
