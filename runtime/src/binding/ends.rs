//! Every end of every binding as an operator sees it: what it is joined to, how it stands with its broker, what waits.

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
    /// What code has sent to it, for outputs.
    from_code: Arc<Stats>,
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
        Self { name: name.into(), joined, binding, from_code: Arc::default(), seen: Arc::default() }
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
        self.binding.stats().sent.get() + self.from_code.sent.get()
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

    pub(super) fn sent_by_code(&self) -> Arc<Stats> {
        Arc::clone(&self.from_code)
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
}

impl Ends {
    pub(super) fn of(plan: &Plan) -> Self {
        let mut all = Self::default();
        for function in &plan.functions {
            let output = function.output.as_ref();
            let starts = match (&function.input, &function.schedule) {
                (Some(input), _) => input.auto_startup,
                (None, Some(_)) => output.is_none_or(|output| output.auto_startup),
                (None, None) => continue,
            };
            let binding = Binding::new(&function.own_name(), starts);
            all.ends.extend(function.input.as_ref().map(|input| End::input(input, &binding)));
            all.ends.extend(output.map(|output| End::output(output, binding.clone())));
            all.bindings.push(binding);
        }
        let from_code =
            plan.outputs.iter().map(|output| End::output(output, Binding::new(&output.binding, true)));
        all.ends.extend(from_code);
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
        self.ends.iter().find(|end| end.name() == name)
    }

    pub(super) fn binding(&self, name: &str) -> Option<&Binding> {
        self.bindings.iter().find(|binding| binding.name() == name)
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

impl PlannedFunction {
    /// The name by which it is controlled: that of its input, or of a supplier's output.
    pub(super) fn own_name(&self) -> String {
        let input = self.input.as_ref().map(|input| &input.binding);
        let output = || self.output.as_ref().map(|output| &output.binding);
        input.or_else(output).cloned().unwrap_or_else(|| self.composition.definition().binding_base())
    }
}
