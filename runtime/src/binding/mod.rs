//! Bindings: a function's ends joined to destinations. Here deliveries become calls and answers become messages.
//!
//! [`Plan`] says what is to be bound, without starting anything. [`Bindings::start`] makes it run, entirely or not at
//! all; [`Bindings::connect`] waits for brokers that do not answer. A [`Binding`] is looked at, paused, resumed and
//! stopped by name; an [`End`] tells how an input or output stands with its broker.

mod addressed;
mod answering;
mod batches;
mod beginning;
mod binders;
mod budget;
mod calls;
mod circuit;
mod connecting;
mod control;
mod dead_letter;
mod driver;
mod ending;
mod ends;
mod failing;
mod function_ends;
mod gathering;
mod lanes;
mod later;
mod ledger;
mod making;
mod outbox;
mod outlets;
mod partition;
mod plan;
mod policy;
mod promises;
mod publisher;
mod retry;
mod running;
mod schedule;
mod sender;
mod sends;
mod settling_first;
mod stats;
mod supplier;
mod timers;
mod watching;

pub use binders::Binders;
pub use control::{Binding, State};
pub use ends::{End, Ends};
pub use making::StartError;
pub use partition::Partitioning;
pub(crate) use plan::definitions;
pub use plan::{Batching, Circuit, DynamicOutputs, Flow, Plan, PlannedFunction, PlannedInput, PlannedOutput};
pub use policy::FailurePolicy;
pub(crate) use promises::{check as check_promises, tell_of_streams, warn_of_losses};
pub use retry::RetryPolicy;
pub use running::Bindings;
pub use schedule::Schedule;
pub use sender::SenderOutputs;
pub use stats::{Counter, Gauge, Stats};

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
