//! The delivery engine: what happens between the arrival of a delivery and its settlement.
//!
//! [`driver`] is the loop of one input. How deliveries begin is in [`beginning`], how answers go out in [`answering`], what
//! follows a failure in [`failing`], how it ends in [`ending`]; batches are gathered in [`gathering`] and called in
//! [`batches`]. Beneath it, without brokers and clocks: [`lanes`] (who is next), [`ledger`] (what is open), [`circuit`],
//! [`policy`], [`budget`].

mod answering;
mod batches;
mod beginning;
pub(in crate::binding) mod budget;
mod calling;
mod calls;
mod circuit;
mod dead_letter;
pub(in crate::binding) mod driver;
mod ending;
mod failing;
mod gathering;
mod lanes;
pub(in crate::binding) mod later;
mod ledger;
pub(in crate::binding) mod outbox;
pub(in crate::binding) mod outlets;
pub(in crate::binding) mod policy;
pub(in crate::binding) mod retry;
pub(in crate::binding) mod sends;
mod settling_first;
#[cfg(test)]
mod simulation;
pub(in crate::binding) mod timers;
mod turn;
mod watching;
