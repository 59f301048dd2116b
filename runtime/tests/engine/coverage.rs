//! Where each row of the reference is covered, or why it is not.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use wellspring::conformance::cases;

use crate::NAMES;
use crate::exclusions::EXCLUSIONS;
use crate::world::id;

/// Every row of the reference: its id and what happens in it.
const REFERENCE: &[(&str, &str)] = &[
    ("A1", "publish 100 with distinct ids"),
    ("A2", "publish before binding exists"),
    ("A4", "empty payload, 1 byte, 1 MiB, non-UTF-8 bytes"),
    ("A5", "payload above broker limit"),
    ("A6", "header names with mixed case, unicode values, empty value, binary value"),
    ("A8", "5,000 messages, 50 concurrent consumers in one group"),
    ("A9", "destination with unusual names (dots, dashes, long)"),
    ("A10", "publish to a destination nobody is bound to (Rabbit exchange without queue)"),
    ("B1", "handler succeeds"),
    ("B2", "handler errs with policy requeue"),
    ("B4", "no next message before settlement when prefetch is 1"),
    ("B5", "settle out of order: 2 and 3 done, 1 pending, then crash"),
    ("B6", "checkpoint capture: A, B, D ack, C, E fail, restart"),
    ("B8", "handler panics"),
    ("B9", "handler exceeds its time limit"),
    ("B10", "delayed nack of 500 ms"),
    ("B12", "consumer saturated with unacked up to the limit, then acks"),
    ("C1", "always failing message, max attempts 3"),
    ("C2", "DLQ message"),
    ("C4", "undecodable payload"),
    ("C5", "retry schedule 100, 200, 400 ms with jitter"),
    ("C6", "failing message plus good ones behind"),
    ("C8", "two replicas alternate on the same failing message"),
    ("C9", "per-kind policy: Transient retry, Invalid DLQ, Fatal pause"),
    ("C10", "DLQ publish fails"),
    ("C12", "redrive 10 with dry run"),
    ("C13", "redrive real, 2 still fail"),
    ("C14", "key K fails at 3; 4, 5 of K arrive"),
    ("D1", "two groups"),
    ("D2", "two members of a group"),
    ("D4", "required group declared by the producer before a consumer exists"),
    ("D5", "same key 1,000 messages"),
    ("D6", "key from expression, from header, from payload field"),
    ("D8", "a handler fails at message 5 of a key and is retried"),
    ("D9", "member joins and leaves under load (10 times)"),
    ("D10", "instance-index / count static assignment"),
    ("D12", "config asks for key order on an unordered binder"),
    ("D13", "4 partitions, 32 lanes, 100 keys"),
    ("D14", "earliest, latest, timestamp, offset"),
    ("E1", "broker down at start"),
    ("E2", "broker restarted at 1/3 and 2/3 of 10,000 messages from 100 publishers"),
    ("E4", "slow link (latency 200 ms, limited bandwidth)"),
    ("E5", "publish during outage"),
    ("E6", "shutdown with 50 in flight, handlers 1 s"),
    ("E8", "second shutdown signal"),
    ("E9", "constructing a binder without broker"),
    ("E10", "use after close"),
    ("E12", "process killed hard in the middle of a batch"),
    ("E13", "memory broker vs live broker, same script"),
    ("E14", "credentials in URL"),
    ("F1", "batch by count 100"),
    ("F2", "batch by age 50 ms, trickle 8 msg/s"),
    ("F4", "item 3 of 10 fails typed"),
    ("F5", "undecodable item inside"),
    ("F6", "batch handler panics"),
    ("G1", "handler output + input settle atomically, crash between"),
    ("G2", "abort"),
    ("G4", "same message id twice within window"),
    ("G5", "duplicate after window, and across restart with durable store"),
    ("G6", "first attempt failed, duplicate arrives"),
    ("G8", "commit then crash before relay"),
    ("G9", "two relays"),
    ("H1", "100 concurrent requests"),
    ("H2", "responder late"),
    ("H4", "content-type JSON, text, octet-stream, absent, unknown"),
    ("H5", "CloudEvents binary, structured, batched; ce_/cloudEvents: headers"),
    ("H6", "trace context in and out, composition of three"),
    ("H8", "header with reserved prefix from outside"),
    ("I1", "unknown key in config"),
    ("I2", "same app, broker switched by config only"),
    ("I4", "type mismatch in a|b"),
    ("I5", "two bindings to the same input in the same group"),
    ("I6", "cycle (output = own input)"),
    ("I8", "hot reload invalid config"),
    ("I9", "pause/resume via API"),
    ("I10", "describe with no broker"),
    ("J1", "Supplier GET, Function POST, Consumer POST"),
    ("J2", "unknown name, bad JSON, wrong media type, too large"),
    ("J4", "10 parallel 1 s calls"),
    ("J5", "composition by path, pipe and comma forms, percent-encoded"),
    ("J6", "client disconnects mid stream"),
    ("J8", "readiness"),
    ("J9", "message stuck longer than watchdog"),
    ("J10", "1 M messages under load"),
];

/// Rows that tests elsewhere show.
const ELSEWHERE: &[(&str, &[&str])] = &[
    ("C12", &["letters_are_looked_after", "letters_are_read_without_a_change_and_found_by_what_they_say"]),
    (
        "C13",
        &[
            "what_keeps_failing_comes_back_with_its_count_until_it_is_left_alone",
            "what_was_sent_again_is_not_sent_by_the_next_run",
        ],
    ),
    ("D14", &["a_group_starts_where_it_is_told"]),
    (
        "G1",
        &[
            "outputs_are_seen_when_their_transaction_is_committed_and_not_before",
            "what_comes_of_a_message_is_seen_once_however_often_its_application_is_killed",
        ],
    ),
    ("G2", &["what_is_given_back_takes_everything_of_its_transaction_with_it_and_all_of_it_comes_again"]),
    ("I1", &["refuses_unknown_variables_of_ours_with_a_suggestion", "an_unknown_map_is_reported_once"]),
    ("I2", &["rows_hold_on_kafka", "rows_hold_on_rabbitmq"]),
    ("I4", &["a_joint_that_cannot_convert_is_refused_with_both_types_and_places"]),
    ("I10", &["the_plan_is_printed_without_starting_anything", "the_plan_shows_every_end"]),
    ("J1", &["consumers_accept_and_suppliers_supply"]),
    (
        "J2",
        &[
            "an_unknown_name_is_404_with_the_nearest",
            "a_body_that_cannot_be_decoded_is_400_and_says_where",
            "a_content_type_that_no_codec_reads_is_415",
            "a_message_that_is_too_large_is_refused_at_once",
        ],
    ),
    (
        "J4",
        &[
            "functions_that_panic_hang_or_never_yield_cost_only_their_callers",
            "more_requests_than_allowed_are_503",
        ],
    ),
    ("J5", &["a_composition_may_be_written_in_every_way"]),
    ("J6", &["a_client_that_goes_away_cancels_the_call"]),
    (
        "J8",
        &[
            "a_broker_that_is_down_at_start_is_waited_for_while_http_answers",
            "health_follows_the_components_and_the_drain",
        ],
    ),
];

/// Rows that are not so here, and why.
const NOT: &[(&str, &str)] = &[
    ("C14", "a dead letter leaves its key: those behind it go on, as the page on guarantees says"),
    (
        "D12",
        "nothing is refused: without keys every delivery is in order with no other, as the page on guarantees says",
    ),
    ("E10", "nothing can be used after it is closed: stopping takes the application away"),
    ("G4", "deliveries are at least once: a function remembers what it has done where its effects are"),
    ("G5", "deliveries are at least once: a function remembers what it has done where its effects are"),
    ("G6", "deliveries are at least once: a function remembers what it has done where its effects are"),
    ("G8", "there is no outbox: it belongs to the database of the application"),
    ("G9", "there is no outbox: it belongs to the database of the application"),
    ("H1", "there are no requests over a broker: who waits for an answer asks over HTTP"),
    ("H2", "there are no requests over a broker: who waits for an answer asks over HTTP"),
    ("H5", "an event in binary form is a message with headers; other forms are not read"),
    ("I6", "a function may send to its own input on purpose: nothing warns of it"),
    ("I8", "a configuration is read once, at start"),
    ("J10", "it takes too long for a test: the benchmarks measure memory under load"),
];

/// The row of the reference that a test is about: `D8` also for `D8B`.
fn row(id: &str) -> &str {
    id.trim_end_matches(|last: char| last.is_ascii_alphabetic())
}

/// All code of tests, and of what they test.
fn sources() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut folders =
        ["runtime/src", "runtime/tests", "examples", "functions"].map(|name| root.join(name)).to_vec();
    let mut sources = String::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources += &fs::read_to_string(path).unwrap();
            }
        }
    }
    sources
}

#[test]
fn every_row_of_the_reference_is_covered_or_said_not_to_be() {
    let ids = NAMES.iter().map(|name| id(name)).chain(cases().iter().map(|case| case.id()));
    let here: BTreeSet<String> = ids.map(|id| row(&id).to_owned()).collect();
    let known: BTreeSet<&str> = REFERENCE.iter().map(|(id, _)| *id).collect();
    for (id, title) in REFERENCE {
        let elsewhere = ELSEWHERE.iter().filter(|(other, _)| other == id).count();
        let not = NOT.iter().filter(|(other, _)| other == id).count();
        let is_here = usize::from(here.contains(*id));
        assert_eq!(is_here + elsewhere + not, 1, "{id} is to be covered once, or said not to be: {title}");
    }
    let named = ELSEWHERE.iter().map(|(id, _)| *id).chain(NOT.iter().map(|(id, _)| *id));
    for id in named.chain(NAMES.iter().map(|name| name.split('_').next().unwrap_or_default())) {
        let id = id.to_uppercase();
        assert!(known.contains(row(&id)), "{id} is no row of the reference");
    }
}

#[test]
fn every_test_that_covers_a_row_elsewhere_exists() {
    let sources = sources();
    for (id, tests) in ELSEWHERE {
        for test in *tests {
            assert!(sources.contains(&format!("fn {test}(")), "{id} names `{test}`, which is no test");
        }
    }
}

#[test]
fn every_exclusion_is_of_a_row_and_has_a_reason() {
    for exclusion in EXCLUSIONS {
        assert!(NAMES.iter().any(|name| id(name) == exclusion.id), "no row {}", exclusion.id);
        assert!(
            ["memory", "kafka", "rabbitmq"].contains(&exclusion.binder),
            "no binder {}",
            exclusion.binder
        );
    }
    let reasons = EXCLUSIONS.iter().map(|one| one.reason).chain(NOT.iter().map(|(_, reason)| *reason));
    for reason in reasons {
        assert!((10..140).contains(&reason.len()) && !reason.contains('\n'), "{reason}");
    }
}
