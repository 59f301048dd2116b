//! What happens in one simulation: how a binding is set up, what comes, and how everything it depends on behaves.

use std::num::NonZeroU32;
use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use wellspring_functions::{ContentType, Kind};

use super::super::policy::FailurePolicy;
use super::super::retry::RetryPolicy;
use crate::binder::{self, Sharing};
use crate::binding::plan::{Batching, Circuit, Flow, PlannedInput};
use crate::config::{Ending, Guarantee, Order};

/// The longest time of one call.
pub(super) const DEADLINE: Duration = Duration::from_millis(400);
/// The wait before a second attempt.
pub(super) const BACKOFF: Duration = Duration::from_millis(10);
/// No attempt is waited for longer.
pub(super) const LONGEST_WAIT: Duration = Duration::from_millis(150);
/// How long a circuit stays open.
pub(super) const PROBE_AFTER: Duration = Duration::from_millis(300);

/// More messages than these come at once, of one partition.
const FEW: usize = 100;

/// One simulation. Where a script ends, everything goes well from then on. Times are in milliseconds.
#[derive(Debug, Clone)]
pub(super) struct Scenario {
    pub(super) settings: Settings,
    pub(super) messages: Vec<Arrival>,
    /// What becomes of what is sent to the output, in the order of the sends.
    pub(super) sends: Vec<Fate>,
    /// When the output takes nothing: from when, for how long.
    pub(super) stalls: Vec<(u64, u64)>,
    /// What becomes of dead letters.
    pub(super) letters: Vec<Fate>,
    /// How long settlements take to reach the broker, and whether they do.
    pub(super) flushes: Vec<(u64, bool)>,
    /// What the operator does, and when.
    pub(super) commands: Vec<(u64, Operator)>,
    /// What is lost for good, and when.
    pub(super) loss: Option<(u64, Loss)>,
}

/// How the binding is set up.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) order: Order,
    pub(super) concurrency: u32,
    pub(super) max_messages: usize,
    pub(super) max_bytes: u64,
    pub(super) circuit: Option<u32>,
    pub(super) at_most_once: bool,
    pub(super) max_attempts: u32,
    pub(super) dead_letters: bool,
    pub(super) on_exhausted: Option<Ending>,
    pub(super) answers: Answers,
    /// How many messages an output takes that it has not confirmed.
    pub(super) room: usize,
    pub(super) stuck_after: bool,
    /// How many deliveries there are in a batch at most and how long the first one waits, if there are batches.
    pub(super) batch: Option<(usize, u64)>,
}

/// What the function answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answers {
    Nothing,
    One,
    /// A stream.
    Many,
    /// One for each delivery of a batch.
    Each,
}

/// A message that comes so long after the one before it.
#[derive(Debug, Clone)]
pub(super) struct Arrival {
    pub(super) after: u64,
    pub(super) partition: u32,
    pub(super) key: Option<u8>,
    pub(super) size: usize,
    /// What its calls do, one after the other.
    pub(super) calls: Vec<Act>,
}

/// One call: how long it takes, and how it ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Act {
    pub(super) takes: u64,
    pub(super) then: Then,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Then {
    /// So many messages, if the function answers with many.
    Answer(u32),
    /// The same, then an error.
    Break(u32),
    Fail(Kind),
    Panic,
    Hang,
}

/// What becomes of one message sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fate {
    pub(super) takes: u64,
    pub(super) refused: Option<binder::Kind>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Pause,
    Resume,
    Stop,
    Abandon,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// The input ends.
    End,
    /// The input fails.
    Input,
    /// The output fails, with everything in flight.
    Output,
}

impl Settings {
    pub(super) fn planned(&self) -> PlannedInput {
        let mut failure = FailurePolicy::default();
        failure.retry = RetryPolicy {
            max_attempts: self.max_attempts,
            initial_interval: BACKOFF,
            max_interval: 10 * BACKOFF,
            multiplier: 2.0,
            jitter: 0.5,
        };
        failure.on_exhausted = self.on_exhausted;
        failure.dead_letters = self.dead_letters;
        let circuit = self.circuit.and_then(NonZeroU32::new);
        PlannedInput {
            durable_retry: false,
            binding: "work-in-0".to_owned(),
            destinations: vec!["in".to_owned()],
            group: Some("g".to_owned()),
            binder: "simulated".to_owned(),
            content_type: Some(ContentType::TEXT),
            concurrency: self.concurrency,
            order: self.order,
            batching: self.batch.map(|(max_size, wait)| {
                let max_wait = Duration::from_millis(wait);
                Batching { max_size, max_wait }
            }),
            is_stream: false,
            delivery: if self.at_most_once { Guarantee::AtMostOnce } else { Guarantee::AtLeastOnce },
            sharing: Sharing::default(),
            flow: Flow { max_messages: self.max_messages, max_bytes: self.max_bytes },
            timeout: Some(DEADLINE),
            stuck_after: self.stuck_after.then(|| Duration::from_millis(250)),
            failure,
            circuit: circuit.map(|failures| Circuit { failures, probe_after: PROBE_AFTER }),
            dead_letter: None,
            auto_startup: true,
        }
    }
}

/// Any simulation.
pub(super) fn scenario() -> impl Strategy<Value = Scenario> {
    let commands = vec((0u64..1500, operator()), 0..5);
    let world = (vec(fate(), 0..30), vec((0u64..1000, 1u64..600), 0..3), vec(fate(), 0..12));
    let broker = (vec((0u64..40, prop::bool::weighted(0.9)), 0..8), commands, option::weighted(0.1, loss()));
    (settings(), messages(), world, broker).prop_map(|(mut settings, messages, world, broker)| {
        if messages.len() > FEW {
            let Settings { order, max_messages, max_bytes, .. } = &mut settings;
            (*order, *max_messages, *max_bytes) = (Order::Partition, 10 * FEW, 1 << 20);
        }
        let ((sends, stalls, letters), (flushes, mut commands, loss)) = (world, broker);
        commands.sort_by_key(|(at, _)| *at);
        Scenario { settings, messages, sends, stalls, letters, flushes, commands, loss }
    })
}

fn settings() -> impl Strategy<Value = Settings> {
    let order = prop_oneof![Just(Order::Partition), Just(Order::Key), Just(Order::None)];
    let answers = prop_oneof![1 => Just(Answers::Nothing), 3 => Just(Answers::One), 2 => Just(Answers::Many)];
    let bounds = prop_oneof![3 => 1usize..6, 1 => Just(1000)];
    let bytes = prop_oneof![1 => 1u64..300, 2 => Just(1 << 20)];
    let circuit = option::weighted(0.3, 1u32..5);
    let ends = prop_oneof![
        6 => Just(None),
        1 => Just(Some(Ending::Drop)),
        1 => Just(Some(Ending::Requeue)),
        1 => Just(Some(Ending::Pause)),
        1 => Just(Some(Ending::Stop)),
    ];
    let failing = (1u32..5, prop::bool::weighted(0.7), ends);
    let flow = (bounds, bytes, 1usize..6, circuit);
    let batch = option::weighted(0.2, (1usize..6, prop_oneof![Just(0), 1u64..40]));
    let answers = (answers, batch);
    (order, 1u32..9, flow, failing, answers, prop::bool::weighted(0.15), any::<bool>()).prop_map(
        |(order, concurrency, flow, failing, (answers, batch), at_most_once, stuck_after)| {
            let (max_messages, max_bytes, room, circuit) = flow;
            let (max_attempts, dead_letters, on_exhausted) = failing;
            Settings {
                order,
                concurrency,
                max_messages,
                max_bytes,
                circuit,
                at_most_once,
                max_attempts,
                dead_letters,
                on_exhausted,
                answers: if batch.is_some() { Answers::Each } else { answers },
                room,
                stuck_after,
                batch,
            }
        },
    )
}

/// Mostly a few that may do anything, now and then so many behind one that their partition is held.
fn messages() -> impl Strategy<Value = Vec<Arrival>> {
    let few = vec(arrival(30, 2), 0..FEW / 2);
    let at_once = |arrival| Arrival { after: 0, partition: 0, ..arrival };
    let many = vec(arrival(0, 0).prop_map(at_once), 5 * FEW..7 * FEW);
    prop_oneof![
        12 => few,
        1 => (arrival(0, 6).prop_map(at_once), many)
            .prop_map(|(first, rest)| std::iter::once(first).chain(rest).collect()),
    ]
}

fn arrival(after: u64, calls: usize) -> impl Strategy<Value = Arrival> {
    let after = prop_oneof![1 => Just(0), 1 => 0..=after];
    (after, 0u32..3, option::weighted(0.8, 0u8..4), 12usize..80, vec(act(), 0..=calls))
        .prop_map(|(after, partition, key, size, calls)| Arrival { after, partition, key, size, calls })
}

fn act() -> impl Strategy<Value = Act> {
    let takes = prop_oneof![2 => Just(0u64), 2 => 1u64..60, 1 => 60u64..450];
    let then = prop_oneof![
        6 => (0u32..4).prop_map(Then::Answer),
        1 => (0u32..3).prop_map(Then::Break),
        6 => prop::sample::select(Kind::ALL.to_vec()).prop_map(Then::Fail),
        1 => Just(Then::Panic),
        1 => Just(Then::Hang),
    ];
    (takes, then).prop_map(|(takes, then)| Act { takes, then })
}

fn fate() -> impl Strategy<Value = Fate> {
    let takes = prop_oneof![2 => 0u64..3, 2 => 3u64..50, 1 => 50u64..300];
    let refused = prop::sample::select(vec![
        binder::Kind::Unreachable,
        binder::Kind::Unreachable,
        binder::Kind::Refused,
        binder::Kind::Unroutable,
        binder::Kind::TooLarge,
    ]);
    (takes, option::weighted(0.3, refused)).prop_map(|(takes, refused)| Fate { takes, refused })
}

fn operator() -> impl Strategy<Value = Operator> {
    prop_oneof![
        4 => Just(Operator::Pause),
        4 => Just(Operator::Resume),
        1 => Just(Operator::Stop),
        1 => Just(Operator::Abandon),
    ]
}

fn loss() -> impl Strategy<Value = (u64, Loss)> {
    (0u64..1500, prop_oneof![Just(Loss::End), Just(Loss::Input), Just(Loss::Output)])
}
