//! Every kind of failure under every sort of configuration.

use std::fmt;

use proptest::prelude::*;
use wellspring_functions::Classify;

use super::*;
use crate::config::{Config, Sources};

#[derive(Debug)]
struct OrderError(Kind);

impl fmt::Display for OrderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the order is refused")
    }
}

impl std::error::Error for OrderError {}

impl Classify for OrderError {
    fn kind(&self) -> Kind {
        self.0
    }

    fn name(&self) -> Option<&'static str> {
        Some("order-refused")
    }
}

/// The policy of a binding whose `consumer` section is this.
fn policy(consumer: &str) -> FailurePolicy {
    let yaml = format!("stream.bindings: {{ x-in-0: {{ consumer: {consumer} }} }}");
    let config = Config::load(&Sources::new().built_in("application.yaml", yaml)).unwrap();
    FailurePolicy::of(&config.stream.binding("x-in-0").consumer)
}

fn of_kind(kind: Kind) -> Error {
    Error::message(kind, "it failed")
}

/// A disposition in a word: how retries are counted, or what the end is.
fn word(disposition: Disposition) -> &'static str {
    match disposition {
        Disposition::Retry { counted: true, .. } => "retry",
        Disposition::Retry { counted: false, .. } => "wait",
        Disposition::DeadLetter => "dead-letter",
        Disposition::Drop => "drop",
        Disposition::Reject => "reject",
        Disposition::Requeue => "requeue",
        Disposition::Pause => "pause",
        Disposition::Stop => "stop",
    }
}

/// What follows the first, second and third call.
fn three_calls(policy: &FailurePolicy, error: &Error) -> [&'static str; 3] {
    [1, 2, 3].map(|calls| word(policy.disposition(error, calls, 0.0)))
}

/// The kinds of which another attempt helps, helps in the end, and never helps.
const AGAIN: [Kind; 4] = [Kind::Retryable, Kind::Timeout, Kind::Panic, Kind::OutputFailed];
const IN_TIME: [Kind; 2] = [Kind::OutputUnreachable, Kind::Overload];
const NEVER: [Kind; 7] = [
    Kind::Undecodable,
    Kind::Unsupported,
    Kind::Unacceptable,
    Kind::Invalid,
    Kind::Fatal,
    Kind::Unencodable,
    Kind::OutputRefused,
];

#[test]
fn every_kind_comes_to_its_end_under_every_configuration() {
    assert_eq!(AGAIN.len() + IN_TIME.len() + NEVER.len(), Kind::ALL.len());
    let waits = ["wait"; 3];
    let cases = [
        ("{}", ["retry", "retry", "reject"], waits, ["reject"; 3]),
        ("{ dead-letter: d }", ["retry", "retry", "dead-letter"], waits, ["dead-letter"; 3]),
        ("{ dead-letter: d, max-attempts: 1 }", ["dead-letter"; 3], waits, ["dead-letter"; 3]),
        ("{ max-attempts: 2, on-exhausted: drop }", ["retry", "drop", "drop"], waits, ["drop"; 3]),
        ("{ dead-letter: d, on-exhausted: pause }", ["retry", "retry", "pause"], waits, ["pause"; 3]),
        ("{ default-retryable: false, on-exhausted: stop }", ["stop"; 3], waits, ["stop"; 3]),
        ("{ max-attempts: 9, on-exhausted: requeue }", ["retry"; 3], waits, ["requeue"; 3]),
    ];
    for (consumer, again, in_time, never) in cases {
        let policy = policy(consumer);
        for (kinds, expected) in [(&AGAIN[..], again), (&IN_TIME, in_time), (&NEVER, never)] {
            for kind in kinds {
                assert_eq!(three_calls(&policy, &of_kind(*kind)), expected, "{kind} under {consumer}");
            }
        }
    }
}

#[test]
fn what_is_said_of_a_kind_holds_for_that_kind_alone() {
    for kind in Kind::ALL {
        for (said, expected) in [
            ("dead-letter", ["dead-letter"; 3]),
            ("drop", ["drop"; 3]),
            ("requeue", ["requeue"; 3]),
            ("pause", ["pause"; 3]),
            ("stop", ["stop"; 3]),
            ("retry", if kind.passes_by_waiting() { ["wait"; 3] } else { ["retry", "retry", "reject"] }),
        ] {
            let policy = policy(&format!("{{ on-failure: {{ {kind}: {said} }} }}"));
            for other in Kind::ALL {
                let expected = if other == kind {
                    expected
                } else {
                    three_calls(&FailurePolicy::default(), &of_kind(other))
                };
                assert_eq!(three_calls(&policy, &of_kind(other)), expected, "{other} where {kind} is {said}");
            }
        }
    }
}

#[test]
fn the_name_of_an_error_prevails_over_its_kind_and_the_closer_name_over_the_other() {
    let cases = [
        ("{ on-failure: { invalid: drop } }", "drop"),
        ("{ on-failure: { invalid: drop, OrderError: stop } }", "stop"),
        ("{ on-failure: { OrderError: stop, 'tests::OrderError': pause } }", "pause"),
        ("{ on-failure: { 'wellspring::binding::OrderError': pause, order-refused: requeue } }", "requeue"),
        ("{ on-failure: { orderRefused: requeue, other::OrderError: stop } }", "requeue"),
        ("{ retryable-exceptions: { OrderError: true } }", "retry"),
        ("{ default-retryable: false, retryable-exceptions: { order-refused: true } }", "retry"),
        ("{ retryable-exceptions: { OrderError: true, order-refused: false } }", "reject"),
        ("{ retryable-exceptions: { OrderError: true }, on-failure: { OrderError: drop } }", "drop"),
        ("{ retryable-exceptions: { invalid: true }, on-failure: { invalid: drop } }", "drop"),
        ("{ retryable-exceptions: { invalid: true } }", "retry"),
        ("{ on-failure: { Error: drop, Order: drop } }", "reject"),
    ];
    for (consumer, expected) in cases {
        let error = Error::classified(OrderError(Kind::Invalid));
        assert_eq!(word(policy(consumer).disposition(&error, 1, 0.0)), expected, "{consumer}");
    }
}

#[test]
fn naming_what_is_retryable_makes_a_list_of_it_unless_the_default_is_said() {
    let of = |consumer| {
        let (named, other) = (Error::classified(OrderError(Kind::Fatal)), of_kind(Kind::Retryable));
        [named, other].map(|error| word(policy(consumer).disposition(&error, 1, 0.0)))
    };
    assert_eq!(of("{ retryable-exceptions: { OrderError: true } }"), ["retry", "reject"]);
    assert_eq!(of("{ retryable-exceptions: { OrderError: false } }"), ["reject", "retry"]);
    assert_eq!(
        of("{ retryable-exceptions: { OrderError: true }, default-retryable: true }"),
        ["retry", "retry"]
    );
    assert_eq!(of("{ on-failure: { OrderError: retry } }"), ["retry", "retry"]);
}

#[test]
fn an_error_that_is_not_retryable_ends_like_the_last_attempt() {
    let policy = policy("{ dead-letter: d, retryable-exceptions: { order-refused: false } }");
    let error = Error::classified(OrderError(Kind::Retryable));
    assert_eq!(policy.disposition(&error, 1, 0.0), Disposition::DeadLetter);
    assert_eq!(three_calls(&policy, &of_kind(Kind::Retryable)), ["retry", "retry", "dead-letter"]);
}

#[test]
fn waits_grow_with_the_calls_and_have_their_share_of_chance() {
    let policy = policy("{ max-attempts: 9, back-off-initial-interval: 100ms, back-off-jitter: 0.5 }");
    let wait = |kind, calls, chance| match policy.disposition(&of_kind(kind), calls, chance) {
        Disposition::Retry { wait, .. } => wait.as_millis(),
        other => panic!("{other:?}"),
    };
    assert_eq!([1, 2, 3].map(|calls| wait(Kind::Retryable, calls, 0.0)), [100, 200, 400]);
    assert_eq!([0.0, 0.5, 1.0].map(|chance| wait(Kind::Retryable, 2, chance)), [200, 250, 300]);
    assert_eq!(wait(Kind::Overload, 1, 1.0), 150);
}

#[test]
fn what_may_come_again_for_ever_never_comes_at_once() {
    let policy = policy("{ back-off-initial-interval: 0, back-off-max-interval: 0 }");
    let of = |kind| policy.disposition(&of_kind(kind), 1, 0.0);
    assert_eq!(of(Kind::Overload), Disposition::Retry { wait: LEAST_WAIT, counted: false });
    assert_eq!(of(Kind::Retryable), Disposition::Retry { wait: Duration::ZERO, counted: true });
}

#[test]
fn chance_is_drawn_from_0_to_1_and_differs() {
    let drawn: Vec<f64> = (0..64).map(|_| chance()).collect();
    assert!(drawn.iter().all(|chance| (0.0..=1.0).contains(chance)));
    assert!(
        drawn.iter().any(|chance| *chance < 0.5) && drawn.iter().any(|chance| *chance >= 0.5),
        "{drawn:?}"
    );
}

/// Any section that names kinds and errors.
fn sections() -> impl Strategy<Value = String> {
    let name =
        prop::sample::select(vec!["timeout", "overload", "fatal", "invalid", "OrderError", "order-refused"]);
    let said = prop::sample::select(vec!["retry", "dead-letter", "drop", "requeue", "pause", "stop"]);
    let last =
        prop::option::of(prop::sample::select(vec!["dead-letter", "drop", "requeue", "pause", "stop"]));
    let on_failure = prop::collection::btree_map(name.clone(), said, 0..4);
    let retryable = prop::collection::btree_map(name, any::<bool>(), 0..4);
    (1..6_u32, any::<bool>(), on_failure, retryable, last).prop_map(
        |(attempts, default, on_failure, retryable, last)| {
            let map = |entries: Vec<String>| entries.join(", ");
            let on_failure = map(on_failure.iter().map(|(name, said)| format!("{name}: {said}")).collect());
            let retryable = map(retryable.iter().map(|(name, said)| format!("{name}: {said}")).collect());
            let last = last.map_or(String::new(), |last| format!(", on-exhausted: {last}"));
            format!(
                "{{ max-attempts: {attempts}, default-retryable: {default}, on-failure: {{ {on_failure} }}, \
             retryable-exceptions: {{ {retryable} }}{last} }}"
            )
        },
    )
}

proptest! {
    #[test]
    fn nothing_is_called_more_often_than_allowed(
        section in sections(),
        kind in prop::sample::select(Kind::ALL.to_vec()),
        named in any::<bool>(),
        chance in 0.0..=1.0,
    ) {
        let policy = policy(&section);
        let error = if named { Error::classified(OrderError(kind)) } else { of_kind(kind) };
        let mut calls = 1;
        while let Disposition::Retry { counted: true, .. } = policy.disposition(&error, calls, chance) {
            calls += 1;
        }
        prop_assert!(calls <= policy.retry.max_attempts, "{calls} calls under {section}");
        for more in [calls, policy.retry.max_attempts, u32::MAX] {
            let after = policy.disposition(&error, more.max(policy.retry.max_attempts), chance);
            let again = matches!(after, Disposition::Retry { counted: true, .. });
            prop_assert!(!again, "{after:?} after {more} calls under {section}");
        }
        let waits = matches!(policy.disposition(&error, 1, chance), Disposition::Retry { counted: false, .. });
        prop_assert!(!waits || kind.passes_by_waiting());
    }
}
