//! Every end of every binding as an operator sees it: what it is joined to, how it stands with its broker, what waits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::join_all;

use super::control::{Binding, State};
use super::plan::{Plan, PlannedFunction, PlannedInput, PlannedOutput};
use super::stats::Stats;
use crate::binder::{Connection, Health};

/// One end of a binding: an input, or an output.
#[derive(Debug, Clone)]
pub struct End {
    name: Arc<str>,
    joined: Arc<Joined>,
    /// What runs it; an output of a function is run by the function's input or schedule.
    binding: Binding,
    /// What was sent to it otherwise than by that alone: by code, or by a function with several ends.
    own: Arc<Stats>,
    /// Whether that is all: what runs it counts for other ends too.
    counts_alone: bool,
    seen: Arc<Mutex<Seen>>,
}

/// What an end is joined to.
#[derive(Debug)]
struct Joined {
    binder: String,
    destination: String,
    group: Option<String>,
    is_input: bool,
}

#[derive(Debug, Default)]
struct Seen {
    /// The members of the group, or the outputs, and what they need beside.
    health: Vec<Arc<dyn Health>>,
    /// What is waited for before anything can be made.
    waits_for: Option<String>,
}

impl End {
    fn input(planned: &PlannedInput, binding: &Binding) -> Self {
        let destination = planned.destinations.join(",");
        let joined = Joined {
            binder: planned.binder.clone(),
            destination,
            group: planned.group.clone(),
            is_input: true,
        };
        Self::new(&planned.binding, joined, binding.clone())
    }

    fn output(planned: &PlannedOutput, binding: Binding) -> Self {
        let joined = Joined {
            binder: planned.binder.clone(),
            destination: planned.destination.clone(),
            group: None,
            is_input: false,
        };
        Self::new(&planned.binding, joined, binding)
    }

    fn new(name: &str, joined: Joined, binding: Binding) -> Self {
        let joined = Arc::new(joined);
        Self {
            name: name.into(),
            joined,
            binding,
            own: Arc::default(),
            counts_alone: false,
            seen: Arc::default(),
        }
    }

    /// The name of the binding, such as `emailsms-in-0`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name of its binder.
    #[must_use]
    pub fn binder(&self) -> &str {
        &self.joined.binder
    }

    /// The destination, or several with commas between them.
    #[must_use]
    pub fn destination(&self) -> &str {
        &self.joined.destination
    }

    /// The group of an input, unless it is anonymous.
    #[must_use]
    pub fn group(&self) -> Option<&str> {
        self.joined.group.as_deref()
    }

    /// Whether messages come in here.
    #[must_use]
    pub fn is_input(&self) -> bool {
        self.joined.is_input
    }

    /// What it is doing.
    #[must_use]
    pub fn state(&self) -> State {
        self.binding.state()
    }

    /// What was done with the deliveries of an input; of an output, only what was [`sent`](Self::sent) is its own.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        self.binding.stats()
    }

    /// How many messages were sent to this output and confirmed.
    #[must_use]
    pub fn sent(&self) -> u64 {
        let by_binding = if self.counts_alone { 0 } else { self.binding.stats().sent.get() };
        by_binding + self.own.sent.get()
    }

    /// What is waited for while it is [`State::Connecting`].
    #[must_use]
    pub fn waits_for(&self) -> Option<String> {
        self.seen().waits_for.clone()
    }

    /// Whether the broker can be reached: down when any part of the end cannot reach it.
    #[must_use]
    pub fn connection(&self) -> Connection {
        let all = self.seen().health.clone();
        let down = all.iter().map(|health| health.connection()).find(|now| *now != Connection::Up);
        down.unwrap_or(Connection::Up)
    }

    /// How many messages wait for this input; nothing where its binder cannot tell.
    pub async fn backlog(&self) -> Option<u64> {
        let all = self.seen().health.clone();
        let told = join_all(all.iter().map(|health| health.backlog())).await;
        told.into_iter().flatten().reduce(|all, one| all + one)
    }

    pub(super) fn binding(&self) -> &Binding {
        &self.binding
    }

    /// Counts what is sent to this end alone.
    pub(super) fn own_stats(&self) -> Arc<Stats> {
        Arc::clone(&self.own)
    }

    /// Sees to one more part of the end.
    pub(super) fn watch(&self, health: Arc<dyn Health>) {
        self.seen().health.push(health);
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Every end of a plan, in the order of the plan.
#[derive(Debug, Clone, Default)]
pub struct Ends {
    ends: Vec<End>,
    /// Those that belong to a function, to be controlled.
    bindings: Vec<Binding>,
    /// Where each end and each binding is, by its name.
    end_places: HashMap<Box<str>, usize>,
    binding_places: HashMap<Box<str>, usize>,
}

impl Ends {
    pub(super) fn of(plan: &Plan) -> Self {
        let mut all = Self::default();
        for function in &plan.functions {
            let before = all.bindings.len();
            for input in &function.inputs {
                let binding = Binding::new(&input.binding, input.auto_startup);
                all.ends.push(End::input(input, &binding));
                all.bindings.push(binding);
            }
            if function.schedule.is_some() {
                let starts = function.outputs.iter().all(|output| output.auto_startup);
                all.bindings.push(Binding::new(&function.own_name(), starts));
            }
            // What runs an output of several inputs is the first of them.
            let Some(binding) = all.bindings.get(before).cloned() else { continue };
            let counts_alone = function.has_several_ends();
            all.ends.extend(
                function
                    .outputs
                    .iter()
                    .map(|output| End { counts_alone, ..End::output(output, binding.clone()) }),
            );
        }
        let from_code =
            plan.outputs.iter().map(|output| End::output(output, Binding::new(&output.binding, true)));
        all.ends.extend(from_code);
        all.end_places = places(all.ends.iter().map(End::name));
        all.binding_places = places(all.bindings.iter().map(Binding::name));
        all
    }

    /// Every end.
    #[must_use]
    pub fn all(&self) -> &[End] {
        &self.ends
    }

    pub(super) fn bindings(&self) -> &[Binding] {
        &self.bindings
    }

    pub(super) fn get(&self, name: &str) -> Option<&End> {
        self.end_places.get(name).and_then(|place| self.ends.get(*place))
    }

    pub(super) fn binding(&self, name: &str) -> Option<&Binding> {
        self.binding_places.get(name).and_then(|place| self.bindings.get(*place))
    }

    pub(super) fn watch(&self, name: &str, health: Arc<dyn Health>) {
        if let Some(end) = self.get(name) {
            end.watch(health);
        }
    }

    /// What was made is undone: there is nobody to ask.
    pub(super) fn forget(&self) {
        self.ends.iter().for_each(|end| end.seen().health.clear());
    }

    /// Notes what each end waits for.
    pub(super) fn tell(&self, waits_for: impl Fn(&End) -> Option<String>) {
        self.ends.iter().for_each(|end| end.seen().waits_for = waits_for(end));
    }

    /// Everything was made, or will never be.
    pub(super) fn set_state(&self, state: impl Fn(&Binding) -> State) {
        let outputs = self.ends.iter().map(End::binding);
        for binding in self.bindings.iter().chain(outputs) {
            binding.set_state(state(binding));
        }
    }
}

/// The place of each name; of those that are there twice, the first.
fn places<'a>(
    names: impl DoubleEndedIterator<Item = &'a str> + ExactSizeIterator,
) -> HashMap<Box<str>, usize> {
    names.enumerate().rev().map(|(place, name)| (name.into(), place)).collect()
}

impl PlannedFunction {
    /// The name by which a supplier is controlled: that of its first output.
    pub(super) fn own_name(&self) -> String {
        let output = self.outputs.first().map(|output| output.binding.clone());
        output.unwrap_or_else(|| self.composition.definition().binding_base())
    }

    /// Whether one count of what was sent does not do for all outputs.
    pub(super) const fn has_several_ends(&self) -> bool {
        self.inputs.len() > 1 || self.outputs.len() > 1
    }
}
