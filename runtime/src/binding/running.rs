//! Starting a plan, entirely or not at all, and stopping it in order.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::binders::Binders;
use super::control::Binding;
use super::driver::Driver;
use super::ledger::Ledger;
use super::plan::{Plan, PlannedFunction, PlannedInput, PlannedOutput};
use super::publisher::Publisher;
use super::schedule::Schedule;
use super::sender::{OutputTask, SenderOutputs};
use super::supplier::SupplierDriver;
use crate::binder::{self, Binder, InputSpec, OutputSpec, Sharing};
use crate::invocation::Invocation;
use wellspring_functions::ContentType;

/// How many deliveries of one input may be unsettled.
const MAX_IN_FLIGHT: usize = 10_000;

/// The bindings of an application while they run.
#[derive(Debug)]
pub struct Bindings {
    bindings: Vec<Binding>,
    functions: JoinSet<u64>,
    outputs: JoinSet<u64>,
    close_outputs: CancellationToken,
}

/// A binding that cannot be made; none is left running.
#[derive(Debug, thiserror::Error)]
#[error("the binding `{binding}` cannot be made on the binder `{binder}`")]
pub struct StartError {
    /// The binding.
    pub binding: String,
    /// The binder.
    pub binder: String,
    /// What the binder said.
    #[source]
    pub source: binder::Error,
}

/// Everything that is bound, before anything runs.
#[derive(Default)]
struct Made {
    bindings: Vec<Binding>,
    inputs: Vec<Driver>,
    suppliers: Vec<SupplierDriver>,
    sender: Vec<(String, ContentType, Publisher)>,
}

impl Bindings {
    /// Binds everything in the plan, then starts it: outputs first, so that nothing is received that cannot be sent.
    ///
    /// # Errors
    /// The first binding that cannot be made; those made before it are undone.
    pub async fn start(plan: &Plan, binders: &Binders, sender: &SenderOutputs) -> Result<Self, StartError> {
        let mut made = Made::default();
        for output in plan.all_outputs() {
            let publisher = publisher(binders, output).await?;
            made.sender.push((output.binding.clone(), output.content_type.clone(), publisher));
        }
        for function in &plan.functions {
            made.function(function, binders).await?;
        }
        Ok(made.run(sender))
    }

    /// No bindings.
    #[must_use]
    pub fn none() -> Self {
        Made::default().run(&SenderOutputs::default())
    }

    /// Every binding that belongs to a function.
    #[must_use]
    pub fn all(&self) -> &[Binding] {
        &self.bindings
    }

    /// A binding by its name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Binding> {
        self.bindings.iter().find(|binding| binding.name() == name)
    }

    /// Stops receiving, finishes what is in flight, settles and closes; after the grace period at once.
    ///
    /// The outputs for sending from code stay open until [`close`](Self::close), as calls over HTTP may still send.
    /// Tells how many deliveries were abandoned.
    pub async fn stop(&mut self, grace: Duration) -> u64 {
        self.bindings.iter().for_each(Binding::stop);
        let mut abandoned = 0;
        let finished = timeout(grace, sum(&mut self.functions, &mut abandoned)).await;
        if finished.is_err() {
            self.bindings.iter().for_each(Binding::abandon);
            // A function that never returns cannot be waited for.
            if timeout(Duration::from_secs(1), sum(&mut self.functions, &mut abandoned)).await.is_err() {
                abandoned += self.functions.len() as u64;
                self.functions.abort_all();
            }
        }
        abandoned
    }

    /// Closes the outputs for sending from code; tells how many messages were not confirmed in time.
    pub async fn close(mut self, grace: Duration) -> u64 {
        self.close_outputs.cancel();
        let mut unconfirmed = 0;
        if timeout(grace, sum(&mut self.outputs, &mut unconfirmed)).await.is_err() {
            // Each has one message at least.
            unconfirmed += self.outputs.len() as u64;
            self.outputs.abort_all();
        }
        unconfirmed
    }
}

async fn sum(tasks: &mut JoinSet<u64>, total: &mut u64) {
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok(count) => *total += count,
            Err(error) => {
                tracing::error!(%error, "a binding ended unexpectedly");
                *total += 1;
            }
        }
    }
}

impl Made {
    async fn function(&mut self, function: &PlannedFunction, binders: &Binders) -> Result<(), StartError> {
        let invocation = Invocation::new(function.composition.clone(), None);
        match (&function.input, &function.schedule) {
            (Some(input), _) => self.input(function, input, &invocation, binders).await,
            (None, Some(schedule)) => self.supplier(function, schedule, invocation, binders).await,
            (None, None) => Ok(()),
        }
    }

    async fn input(
        &mut self,
        function: &PlannedFunction,
        planned: &PlannedInput,
        invocation: &Invocation,
        binders: &Binders,
    ) -> Result<(), StartError> {
        let binding = Binding::new(&planned.binding, planned.auto_startup);
        for member in 0..planned.concurrency {
            let output = optional(binders, function.output.as_ref()).await?;
            let spec = planned.spec(member);
            let dead_letters = dead_letters(binders, planned, &spec).await?;
            let made = binder(binders, &planned.binding, &planned.binder)?.bind_input(spec).await;
            let input = made.map_err(failed(&planned.binding, &planned.binder))?;
            self.inputs.push(Driver {
                destination: planned.destinations.join(","),
                invocation: invocation.clone(),
                input,
                output,
                dead_letters,
                input_type: planned.content_type.clone(),
                content_type: content_type(function),
                copy_headers: function.copy_headers,
                retry: planned.retry,
                max_in_flight: MAX_IN_FLIGHT,
                ledger: Ledger::default(),
                failed: Vec::new(),
                commands: binding.commands(),
                binding: binding.clone(),
            });
        }
        self.bindings.push(binding);
        Ok(())
    }

    async fn supplier(
        &mut self,
        function: &PlannedFunction,
        schedule: &Schedule,
        invocation: Invocation,
        binders: &Binders,
    ) -> Result<(), StartError> {
        let output = optional(binders, function.output.as_ref()).await?;
        let own = || function.composition.definition().binding_base();
        let name = function.output.as_ref().map_or_else(own, |output| output.binding.clone());
        let binding = Binding::new(&name, function.output.as_ref().is_none_or(|output| output.auto_startup));
        self.suppliers.push(SupplierDriver {
            invocation,
            output,
            content_type: content_type(function),
            schedule: schedule.clone(),
            commands: binding.commands(),
            unconfirmed: 0,
            binding: binding.clone(),
        });
        self.bindings.push(binding);
        Ok(())
    }

    fn run(self, sender: &SenderOutputs) -> Bindings {
        let (mut functions, mut outputs) = (JoinSet::new(), JoinSet::new());
        let close_outputs = CancellationToken::new();
        for task in sender.open(self.sender) {
            outputs.spawn(OutputTask::run(task, close_outputs.clone()));
        }
        self.inputs.into_iter().for_each(|driver| drop(functions.spawn(driver.run())));
        self.suppliers.into_iter().for_each(|driver| drop(functions.spawn(driver.run())));
        Bindings { bindings: self.bindings, functions, outputs, close_outputs }
    }
}

impl PlannedInput {
    fn spec(&self, member: u32) -> InputSpec {
        InputSpec {
            binding: self.binding.clone(),
            destinations: self.destinations.clone(),
            group: self.group.clone(),
            max_in_flight: MAX_IN_FLIGHT,
            sharing: Sharing { member, ..self.sharing },
        }
    }
}

fn content_type(function: &PlannedFunction) -> ContentType {
    function.output.as_ref().map_or(ContentType::JSON, |output| output.content_type.clone())
}

async fn optional(
    binders: &Binders,
    output: Option<&PlannedOutput>,
) -> Result<Option<Publisher>, StartError> {
    match output {
        Some(output) => publisher(binders, output).await.map(Some),
        None => Ok(None),
    }
}

async fn publisher(binders: &Binders, output: &PlannedOutput) -> Result<Publisher, StartError> {
    let spec = OutputSpec {
        binding: output.binding.clone(),
        destination: output.destination.clone(),
        partition_count: output.partition_count,
        required_groups: output.required_groups.clone(),
    };
    let made = binder(binders, &output.binding, &output.binder)?.bind_output(spec.clone()).await;
    made.map(|made| Publisher::new(made, &spec.binding, &spec.destination))
        .map_err(failed(&output.binding, &output.binder))
}

/// Where the dead letters of an input go: what the binding says, or else what the settings of its binder say.
async fn dead_letters(
    binders: &Binders,
    planned: &PlannedInput,
    spec: &InputSpec,
) -> Result<Option<Publisher>, StartError> {
    let binder = binder(binders, &planned.binding, &planned.binder)?;
    let Some(destination) = planned.dead_letter.clone().or_else(|| binder.dead_letters(spec)) else {
        return Ok(None);
    };
    let made = binder.bind_dead_letters(spec.clone(), destination.clone()).await;
    made.map(|made| Some(Publisher::new(made, &planned.binding, &destination)))
        .map_err(failed(&planned.binding, &planned.binder))
}

fn binder<'a>(binders: &'a Binders, binding: &str, name: &str) -> Result<&'a Arc<dyn Binder>, StartError> {
    let unknown = || binder::Error::new(binder::Kind::Refused, format!("no binder is named `{name}`"));
    binders.get(name).ok_or_else(|| failed(binding, name)(unknown()))
}

fn failed(binding: &str, binder: &str) -> impl FnOnce(binder::Error) -> StartError {
    let (binding, binder) = (binding.to_owned(), binder.to_owned());
    move |source| StartError { binding, binder, source }
}
