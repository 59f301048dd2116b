//! Scenarios that were found to break a promise once.

use wellspring_functions::Kind;

use super::broken_rules;
use super::scenario::{Act, Answers, Arrival, Fate, Operator, Scenario, Settings, Then};
use crate::binder;
use crate::config::{Ending, Order};

/// Messages of one partition that come at once, and what the calls of each do.
fn scenario(calls: impl IntoIterator<Item = Vec<Act>>) -> Scenario {
    let settings = Settings {
        order: Order::Partition,
        concurrency: 1,
        max_messages: 10,
        max_bytes: 1000,
        circuit: None,
        at_most_once: false,
        max_attempts: 1,
        dead_letters: false,
        on_exhausted: None,
        answers: Answers::One,
        room: 10,
        stuck_after: false,
        batch: None,
    };
    let arrival = |calls| Arrival { after: 0, partition: 0, key: None, size: 12, calls };
    Scenario {
        settings,
        messages: calls.into_iter().map(arrival).collect(),
        sends: Vec::new(),
        stalls: Vec::new(),
        letters: Vec::new(),
        flushes: Vec::new(),
        commands: Vec::new(),
        loss: None,
    }
}

const fn act(takes: u64, then: Then) -> Act {
    Act { takes, then }
}

fn holds(scenario: Scenario) {
    assert_eq!(broken_rules(scenario), [""; 0]);
}

#[test]
fn an_answer_that_fills_the_output_is_confirmed() {
    let mut scenario = scenario([vec![act(0, Then::Fail(Kind::OutputUnreachable))]]);
    scenario.settings.room = 1;
    holds(scenario);
    let mut many = self::scenario([vec![act(0, Then::Answer(3))]]);
    (many.settings.room, many.settings.answers) = (2, Answers::Many);
    holds(many);
}

#[test]
fn an_answer_that_is_sent_waits_for_no_more_room() {
    let mut scenario = scenario([vec![act(10, Then::Answer(1))]]);
    scenario.settings.on_exhausted = Some(Ending::Stop);
    scenario.sends = vec![Fate { takes: 5, refused: Some(binder::Kind::Refused) }];
    scenario.stalls = vec![(11, 500)];
    holds(scenario);
}

#[test]
fn a_delivery_that_was_called_and_waits_for_the_circuit_is_abandoned_when_it_stops() {
    let mut scenario = scenario([vec![act(0, Then::Fail(Kind::OutputUnreachable))]]);
    scenario.settings.circuit = Some(1);
    scenario.commands = vec![(200, Operator::Stop)];
    holds(scenario);
}

#[test]
fn a_delivery_that_goes_back_to_its_group_is_not_called_again_though_its_lane_is_taken() {
    let mut scenario = scenario([Vec::new(), vec![act(20, Then::Answer(1))]]);
    scenario.settings.on_exhausted = Some(Ending::Requeue);
    scenario.sends = vec![Fate { takes: 5, refused: Some(binder::Kind::Refused) }];
    holds(scenario);
}

#[test]
fn nothing_is_called_again_that_fails_for_good_while_the_binding_ends() {
    let mut scenario = scenario([vec![act(50, Then::Fail(Kind::Fatal)), act(50, Then::Fail(Kind::Fatal))]]);
    scenario.settings.on_exhausted = Some(Ending::Pause);
    scenario.commands = vec![(10, Operator::Stop)];
    holds(scenario);
}

#[test]
fn a_batch_that_is_sent_waits_for_no_more_room() {
    let mut scenario = scenario([vec![act(0, Then::Answer(1))]]);
    (scenario.settings.answers, scenario.settings.batch) = (Answers::Each, Some((1, 0)));
    (scenario.settings.room, scenario.settings.on_exhausted) = (1, Some(Ending::Stop));
    scenario.sends = vec![Fate { takes: 5, refused: Some(binder::Kind::Refused) }];
    scenario.stalls = vec![(1, 500)];
    holds(scenario);
}

#[test]
fn a_delivery_that_was_called_and_gathers_again_is_abandoned_when_it_stops() {
    let mut scenario = scenario([vec![act(0, Then::Fail(Kind::OutputUnreachable))]]);
    (scenario.settings.answers, scenario.settings.batch) = (Answers::Each, Some((2, 300)));
    scenario.commands = vec![(450, Operator::Stop)];
    holds(scenario);
}
