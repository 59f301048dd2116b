//! Bindings: a function's ends joined to destinations. Here deliveries become calls and answers become messages.
//!
//! [`Plan`] says what is to be bound, without starting anything. [`Bindings::start`] makes it run, entirely or not at
//! all; [`Bindings::connect`] waits for brokers that do not answer. A [`Binding`] is looked at, paused, resumed and
//! stopped by name; an [`End`] tells how an input or output stands with its broker.

mod binders;
mod connecting;
mod control;
mod dead_letter;
mod driver;
mod ends;
mod ledger;
mod making;
mod partition;
mod plan;
mod policy;
mod promises;
mod publisher;
mod recovery;
mod retry;
mod running;
mod schedule;
mod sender;
mod stats;
mod supplier;

pub use binders::Binders;
pub use control::{Binding, State};
pub use ends::{End, Ends};
pub use making::StartError;
pub use partition::Partitioning;
pub(crate) use plan::definitions;
pub use plan::{Batching, Circuit, Flow, Plan, PlannedFunction, PlannedInput, PlannedOutput};
pub use policy::FailurePolicy;
pub(crate) use promises::check as check_promises;
pub use retry::RetryPolicy;
pub use running::Bindings;
pub use schedule::Schedule;
pub use sender::SenderOutputs;
pub use stats::{Counter, Stats};

#[cfg(test)]
mod tests;
