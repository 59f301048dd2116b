//! Making what a plan asks for: outputs first, and everything before anything runs.

use std::sync::Arc;

use super::binders::Binders;
use super::ends::{End, Ends};
use super::engine::budget::Budget;
use super::engine::driver::{Driver, DriverEnds};
use super::engine::later::Later;
use super::engine::outbox::Outbox;
use super::engine::outlets::Outlets;
use super::function_ends::FunctionEnds;
use super::plan::{Plan, PlannedFunction, PlannedInput, PlannedOutput};
use super::publisher::Publisher;
use super::schedule::Schedule;
use super::sender::{Opening, SenderOutputs};
use super::stats::Stats;
use super::supplier::SupplierDriver;
use crate::binder::{self, Binder, InputSpec, Output, OutputSpec};
use crate::invocation::Invocation;
use wellspring_functions::{Composition, ContentType, Wanted};

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
pub(super) struct Made {
    pub(super) inputs: Vec<Driver>,
    pub(super) suppliers: Vec<SupplierDriver>,
    pub(super) sender: Vec<Opening>,
}

impl Made {
    /// Binds everything in the plan: outputs first, and of each what uses the binder `first`.
    pub(super) async fn everything(
        plan: &Plan,
        binders: &Binders,
        ends: &Ends,
        sender: &SenderOutputs,
        first: Option<&str>,
    ) -> Result<Self, StartError> {
        let making = Making { binders, ends, sender, budget: &Budget::new(plan.max_in_flight_bytes) };
        let mut made = Self::default();
        let mut outputs: Vec<_> = plan.all_outputs().collect();
        outputs.sort_by_key(|output| first != Some(&output.binder));
        for output in outputs {
            let publisher = making.publisher(output).await?;
            made.sender.push(Opening {
                name: output.binding.clone(),
                content_type: output.content_type.clone(),
                publisher,
                stats: ends.get(&output.binding).map(End::own_stats).unwrap_or_default(),
            });
        }
        let mut functions: Vec<_> = plan.functions.iter().collect();
        functions.sort_by_key(|function| first != function.inputs.first().map(|input| &*input.binder));
        for function in functions {
            made.function(function, making).await?;
        }
        Ok(made)
    }

    async fn function(&mut self, function: &PlannedFunction, making: Making<'_>) -> Result<(), StartError> {
        for (composition, planned) in function.composition.entrances().iter().zip(&function.inputs) {
            self.input(function, composition, planned, making).await?;
        }
        match &function.schedule {
            Some(schedule) => self.supplier(function, schedule, making).await,
            None => Ok(()),
        }
    }

    async fn input(
        &mut self,
        function: &PlannedFunction,
        composition: &Composition,
        planned: &PlannedInput,
        making: Making<'_>,
    ) -> Result<(), StartError> {
        let Some(binding) = making.ends.binding(&planned.binding) else { return Ok(()) };
        let FunctionEnds { input, outputs, letters, later } =
            FunctionEnds::bind(making.binders, planned, &function.outputs).await?;
        making.ends.watch(&planned.binding, input.health());
        letters.iter().for_each(|letters| making.ends.watch(&planned.binding, letters.health()));
        for (_, place) in later.iter().flatten() {
            making.ends.watch(&planned.binding, place.health());
        }
        for (planned, output) in function.outputs.iter().zip(&outputs) {
            making.ends.watch(&planned.binding, output.health());
        }
        let stats = function.outputs.iter().map(|output| making.stats_of(output));
        let output = Outlets::of(outputs.into_iter().zip(stats).collect(), function.has_several_ends());
        let ends = DriverEnds {
            input,
            output,
            sender: making.sender.clone(),
            destination: planned.destinations.join(","),
            input_type: planned.content_type.clone(),
            wanted: wanted(function),
            copy_headers: function.copy_headers,
        };
        let invocation = Invocation::new(composition.clone(), planned.timeout);
        let invocation = if planned.concurrency > 1 { invocation.side_by_side() } else { invocation };
        let kept = (Outbox::new(letters), later.map_or_else(Later::default, Later::new));
        let share = making.budget.share();
        self.inputs.push(Driver::new(binding.clone(), invocation, ends, kept, planned, share));
        Ok(())
    }

    async fn supplier(
        &mut self,
        function: &PlannedFunction,
        schedule: &Schedule,
        making: Making<'_>,
    ) -> Result<(), StartError> {
        let outputs = making.outputs(function).await?;
        let Some(binding) = making.ends.binding(&function.own_name()) else { return Ok(()) };
        let invocation = Invocation::new(function.composition.clone(), None);
        let (schedule, sender) = (schedule.clone(), making.sender.clone());
        let driver =
            SupplierDriver::new(binding.clone(), invocation, outputs, sender, wanted(function), schedule);
        self.suppliers.push(driver);
        Ok(())
    }
}

impl PlannedInput {
    pub(super) fn spec(&self) -> InputSpec {
        InputSpec {
            binding: self.binding.clone(),
            destinations: self.destinations.clone(),
            group: self.group.clone(),
            max_in_flight: self.flow.max_messages,
            sharing: self.sharing,
        }
    }
}

impl PlannedOutput {
    pub(super) fn spec(&self) -> OutputSpec {
        OutputSpec {
            binding: self.binding.clone(),
            destination: self.destination.clone(),
            partition_count: self.partition_count,
            required_groups: self.required_groups.clone(),
        }
    }

    pub(super) fn publisher(&self, output: Box<dyn Output>) -> Publisher {
        let publisher = Publisher::new(output, &self.binding, &self.destination);
        publisher.partitioned(self.partitioning.clone(), self.partition_count)
    }
}

/// What the results of a function are labelled as.
fn wanted(function: &PlannedFunction) -> Wanted {
    match function.outputs.as_slice() {
        [] => Wanted::Labelled(ContentType::JSON),
        [only] => Wanted::Labelled(only.content_type.clone()),
        several => Wanted::PerOutput(several.iter().map(|output| output.content_type.clone()).collect()),
    }
}

/// What bindings are made of, and who is to know of them.
#[derive(Clone, Copy)]
struct Making<'a> {
    binders: &'a Binders,
    ends: &'a Ends,
    sender: &'a SenderOutputs,
    budget: &'a Budget,
}

impl<'a> Making<'a> {
    /// The outputs of a function, each with what counts for it alone.
    async fn outputs(self, function: &PlannedFunction) -> Result<Vec<(Publisher, Arc<Stats>)>, StartError> {
        let mut made = Vec::with_capacity(function.outputs.len());
        for output in &function.outputs {
            made.push((self.publisher(output).await?, self.stats_of(output)));
        }
        Ok(made)
    }

    fn stats_of(self, output: &PlannedOutput) -> Arc<Stats> {
        self.ends.get(&output.binding).map(End::own_stats).unwrap_or_default()
    }

    async fn publisher(self, output: &PlannedOutput) -> Result<Publisher, StartError> {
        let publisher = publisher(self.binders, output).await?;
        self.ends.watch(&output.binding, publisher.health());
        Ok(publisher)
    }
}

/// The sending end of an output.
pub(super) async fn publisher(binders: &Binders, output: &PlannedOutput) -> Result<Publisher, StartError> {
    let made = find(binders, &output.binding, &output.binder)?.bind_output(output.spec()).await;
    Ok(output.publisher(made.map_err(failed(&output.binding, &output.binder))?))
}

pub(super) fn find<'a>(
    binders: &'a Binders,
    binding: &str,
    name: &str,
) -> Result<&'a Arc<dyn Binder>, StartError> {
    let unknown = || binder::Error::new(binder::Kind::Refused, format!("no binder is named `{name}`"));
    binders.get(name).ok_or_else(|| failed(binding, name)(unknown()))
}

pub(super) fn failed(binding: &str, binder: &str) -> impl FnOnce(binder::Error) -> StartError {
    let (binding, binder) = (binding.to_owned(), binder.to_owned());
    move |source| StartError { binding, binder, source }
}
