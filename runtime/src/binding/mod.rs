//! Bindings: a function's ends joined to destinations. Here deliveries become calls and answers become messages.
//!
//! [`Plan`] says what is to be bound, without starting anything. [`Bindings::start`] makes it run, entirely or not at
//! all; [`Bindings::connect`] waits for brokers that do not answer. A [`Binding`] is looked at, paused, resumed and
//! stopped by name; an [`End`] tells how an input or output stands with its broker.

mod addressed;
mod binders;
mod connecting;
mod control;
mod ends;
mod engine;
mod function_ends;
mod making;
mod partition;
mod plan;
mod promises;
mod publisher;
mod running;
mod schedule;
mod sender;
mod stats;
mod supplier;
mod warnings;

pub use binders::Binders;
pub use control::{Binding, State};
pub use ends::{End, Ends};
pub use engine::policy::FailurePolicy;
pub use engine::retry::RetryPolicy;
pub use making::StartError;
pub use partition::Partitioning;
pub(crate) use plan::definitions;
pub use plan::{Batching, Circuit, DynamicOutputs, Flow, Plan, PlannedFunction, PlannedInput, PlannedOutput};
pub(crate) use promises::{check as check_promises, tell_of_streams, warn};
pub use running::Bindings;
pub use schedule::Schedule;
pub use sender::SenderOutputs;
pub use stats::{Counter, Gauge, Stats};
pub use warnings::Warning;

#[cfg(test)]
mod tests;
