//! The delivery engine: what happens between the arrival of a delivery and its settlement.
//!
//! [`driver`] is the loop of one input. How deliveries begin is in [`beginning`], how answers go out in [`answering`], what
//! follows a failure in [`failing`], how it ends in [`ending`]; batches are gathered in [`gathering`] and called in
//! [`batches`]. Beneath it, without brokers and clocks: [`lanes`] (who is next), [`ledger`] (what is open), [`circuit`],
//! [`policy`], [`budget`].

pub(in crate::binding) mod answering;
pub(in crate::binding) mod batches;
pub(in crate::binding) mod beginning;
pub(in crate::binding) mod budget;
pub(in crate::binding) mod calls;
pub(in crate::binding) mod circuit;
pub(in crate::binding) mod dead_letter;
pub(in crate::binding) mod driver;
pub(in crate::binding) mod ending;
pub(in crate::binding) mod failing;
pub(in crate::binding) mod gathering;
pub(in crate::binding) mod lanes;
pub(in crate::binding) mod ledger;
pub(in crate::binding) mod outbox;
pub(in crate::binding) mod outlets;
pub(in crate::binding) mod policy;
pub(in crate::binding) mod retry;
pub(in crate::binding) mod sends;
pub(in crate::binding) mod settling_first;
#[cfg(test)]
mod simulation;
pub(in crate::binding) mod timers;
pub(in crate::binding) mod watching;
