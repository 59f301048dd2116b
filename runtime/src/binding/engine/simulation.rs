//! Whatever comes, fails, hangs, is refused or commanded, and whenever: what the delivery engine promises holds.
//!
//! A [`Scenario`] is drawn at random: how a binding is set up, which messages come, what every call, every message sent and
//! every dead letter comes to, what the operator does. The driver runs with it on a clock of its own, and a [`Referee`] sees
//! every call, message and settlement. More scenarios than usual: `PROPTEST_CASES=100000`.

mod cases;
mod ends;
mod function;
mod referee;
mod scenario;
mod track;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use proptest::prelude::*;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use wellspring_functions::{ContentType, Wanted};

use super::budget::Budget;
use super::driver::{Driver, DriverEnds};
use super::later::Later;
use super::outbox::Outbox;
use super::outlets::Outlets;
use crate::binding::control::{Binding, State};
use crate::binding::publisher::Publisher;
use crate::binding::sender::SenderOutputs;
use ends::{Sink, Source};
use referee::Referee;
use scenario::{Answers, Operator, Scenario, scenario};

/// How often it is looked whether all is done.
const LOOK: Duration = Duration::from_millis(50);
/// How long everything may take that was begun.
const LIMIT: Duration = Duration::from_secs(600);

/// The referee, as all that it watches share it.
#[derive(Clone)]
struct Shared(Arc<Mutex<Referee>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Referee> {
        // A panic of the referee is the end of the test.
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// What is simulated: a driver that runs, and who watches it.
struct Simulation {
    shared: Shared,
    binding: Binding,
    running: JoinSet<u64>,
}

impl Simulation {
    async fn start(scenario: Scenario) -> Self {
        let (settings, binding) = (scenario.settings.clone(), Binding::new("work-in-0", true));
        let shared = Shared(Arc::new(Mutex::new(Referee::new(scenario, binding.clone()))));
        let invocation = function::invocation(&shared, settings.answers).await;
        let publisher = |is_for_letters, destination| {
            Publisher::new(Box::new(Sink::new(shared.clone(), is_for_letters)), "work-out-0", destination)
        };
        let has_output = settings.answers != Answers::Nothing;
        let outputs = has_output.then(|| (publisher(false, "out"), Arc::default()));
        let ends = DriverEnds {
            input: Box::new(Source::new(shared.clone())),
            output: Outlets::of(outputs.into_iter().collect(), false),
            sender: SenderOutputs::default(),
            destination: "in".to_owned(),
            input_type: Some(ContentType::TEXT),
            wanted: Wanted::Labelled(ContentType::TEXT),
            copy_headers: None,
        };
        let letters = Outbox::new(settings.dead_letters.then(|| publisher(true, "failed")));
        let share = Budget::new(u64::MAX).share();
        let kept = (letters, Later::default());
        let driver = Driver::new(binding.clone(), invocation, ends, kept, &settings.planned(), share);
        binding.set_state(State::Running);
        let mut running = JoinSet::new();
        running.spawn(driver.run());
        Self { shared, binding, running }
    }

    /// Does what the operator does, and tells whether the binding is told to end.
    fn command(&self, operator: Operator) {
        match operator {
            Operator::Pause => self.binding.pause(),
            Operator::Resume => self.binding.resume(),
            Operator::Stop => self.binding.stop(),
            Operator::Abandon => self.binding.abandon(),
        }
        self.shared.lock().commanded(operator);
    }

    /// Lets everything happen, until the driver has ended; tells how many deliveries it says it has abandoned.
    async fn run(mut self) -> (Shared, Option<u64>) {
        let (started, commands) = {
            let referee = self.shared.lock();
            (referee.started, referee.scenario.commands.clone())
        };
        for (at, operator) in commands {
            sleep_until(started + Duration::from_millis(at)).await;
            self.command(operator);
        }
        let deadline = Instant::now() + LIMIT;
        while !self.running.is_empty() && Instant::now() < deadline {
            if self.is_through() {
                self.command(Operator::Stop);
            } else if self.binding.state() == State::Paused {
                self.command(Operator::Resume);
            }
            tokio::select! {
                ended = self.running.join_next() => return (self.shared, ended.map(Result::unwrap)),
                () = sleep_until(Instant::now() + LOOK) => {}
            }
        }
        self.shared.lock().hangs();
        (self.shared, None)
    }

    /// Whether all has come, and nothing is left to be done.
    fn is_through(&self) -> bool {
        let referee = self.shared.lock();
        referee.has_settled_all() && referee.is_idle()
    }
}

/// Runs a scenario; the rules that were broken.
fn broken_rules(scenario: Scenario) -> Vec<String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let (shared, abandoned) = Simulation::start(scenario).await.run().await;
        let mut referee = shared.lock();
        if let Some(abandoned) = abandoned {
            referee.check_end(abandoned);
        }
        std::mem::take(&mut referee.faults)
    })
}

proptest! {
    #[test]
    fn the_engine_keeps_its_promises_whatever_happens(scenario in scenario()) {
        let broken = broken_rules(scenario);
        prop_assert!(broken.is_empty(), "{}", broken.join("\n"));
    }
}
