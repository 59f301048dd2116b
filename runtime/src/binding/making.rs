//! Making what a plan asks for: outputs first, and everything before anything runs.

use std::sync::Arc;

use super::binders::Binders;
use super::driver::{Driver, DriverEnds};
use super::ends::{End, Ends};
use super::function_ends::FunctionEnds;
use super::later::Later;
use super::outbox::Outbox;
use super::plan::{Plan, PlannedFunction, PlannedInput, PlannedOutput};
use super::publisher::Publisher;
use super::schedule::Schedule;
use super::sender::{Opening, SenderOutputs};
use super::supplier::SupplierDriver;
use crate::binder::{self, Binder, InputSpec, Output, OutputSpec};
use crate::invocation::Invocation;
use wellspring_functions::ContentType;

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
        let making = Making { binders, ends, sender };
        let mut made = Self::default();
        let mut outputs: Vec<_> = plan.all_outputs().collect();
        outputs.sort_by_key(|output| first != Some(&output.binder));
        for output in outputs {
            let publisher = making.publisher(output).await?;
            made.sender.push(Opening {
                name: output.binding.clone(),
                content_type: output.content_type.clone(),
                publisher,
                stats: ends.get(&output.binding).map(End::sent_by_code).unwrap_or_default(),
            });
        }
        let mut functions: Vec<_> = plan.functions.iter().collect();
        functions.sort_by_key(|function| first != function.input.as_ref().map(|input| &*input.binder));
        for function in functions {
            made.function(function, making).await?;
        }
        Ok(made)
    }

    async fn function(&mut self, function: &PlannedFunction, making: Making<'_>) -> Result<(), StartError> {
        match (&function.input, &function.schedule) {
            (Some(input), _) => self.input(function, input, making).await,
            (None, Some(schedule)) => self.supplier(function, schedule, making).await,
            (None, None) => Ok(()),
        }
    }

    async fn input(
        &mut self,
        function: &PlannedFunction,
        planned: &PlannedInput,
        making: Making<'_>,
    ) -> Result<(), StartError> {
        let Some(binding) = making.ends.binding(&planned.binding) else { return Ok(()) };
        let FunctionEnds { input, output, letters, later } =
            FunctionEnds::bind(making.binders, planned, function.output.as_ref()).await?;
        making.ends.watch(&planned.binding, input.health());
        letters.iter().for_each(|letters| making.ends.watch(&planned.binding, letters.health()));
        for (_, place) in later.iter().flatten() {
            making.ends.watch(&planned.binding, place.health());
        }
        for (planned, output) in function.output.iter().zip(&output) {
            making.ends.watch(&planned.binding, output.health());
        }
        let ends = DriverEnds {
            input,
            output,
            sender: making.sender.clone(),
            destination: planned.destinations.join(","),
            input_type: planned.content_type.clone(),
            content_type: content_type(function),
            copy_headers: function.copy_headers,
        };
        let invocation = Invocation::new(function.composition.clone(), planned.timeout);
        let invocation = if planned.concurrency > 1 { invocation.side_by_side() } else { invocation };
        let kept = (Outbox::new(letters), later.map_or_else(Later::default, Later::new));
        self.inputs.push(Driver::new(binding.clone(), invocation, ends, kept, planned));
        Ok(())
    }

    async fn supplier(
        &mut self,
        function: &PlannedFunction,
        schedule: &Schedule,
        making: Making<'_>,
    ) -> Result<(), StartError> {
        let output = making.optional(function.output.as_ref()).await?;
        let Some(binding) = making.ends.binding(&function.own_name()) else { return Ok(()) };
        let invocation = Invocation::new(function.composition.clone(), None);
        let (schedule, sender) = (schedule.clone(), making.sender.clone());
        let driver = SupplierDriver::new(
            binding.clone(),
            invocation,
            output,
            sender,
            content_type(function),
            schedule,
        );
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

fn content_type(function: &PlannedFunction) -> ContentType {
    function.output.as_ref().map_or(ContentType::JSON, |output| output.content_type.clone())
}

/// What bindings are made of, and who is to know of them.
#[derive(Clone, Copy)]
struct Making<'a> {
    binders: &'a Binders,
    ends: &'a Ends,
    sender: &'a SenderOutputs,
}

impl<'a> Making<'a> {
    async fn optional(self, output: Option<&PlannedOutput>) -> Result<Option<Publisher>, StartError> {
        match output {
            Some(output) => self.publisher(output).await.map(Some),
            None => Ok(None),
        }
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
