//! The harness: contestants in turn on the same work, each a process of its own that is looked at from outside.

pub mod account;
pub mod case;
pub mod contestants;
pub mod course;
pub mod http;
pub mod inside;
pub mod latency;
pub mod options;
pub mod proc;
pub mod process;
pub mod rounds;
pub mod services;
pub mod start;

#[cfg(all(feature = "kafka", feature = "rabbitmq"))]
pub mod brokers;
#[cfg(all(feature = "kafka", feature = "rabbitmq"))]
mod kafka;
#[cfg(all(feature = "kafka", feature = "rabbitmq"))]
pub mod pass;
#[cfg(all(feature = "kafka", feature = "rabbitmq"))]
mod rabbitmq;
#[cfg(all(feature = "kafka", feature = "rabbitmq"))]
pub mod streams;
