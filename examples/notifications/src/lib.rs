//! Two services that never wait for each other. *Accounts* creates an account and publishes it; *message* tells the
//! customer by `email|sms` and publishes the account's number; *accounts* marks the account as communicated.
//!
//! Everything here is plain functions on domain types. Which of them run, where, and over which broker is
//! configuration: see the folder `config`.

mod accounts;
mod message;
mod store;

pub use accounts::{Account, NewAccount};
pub use message::AccountsMsg;
pub use store::{Accounts, AccountsError};
