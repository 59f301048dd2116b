//! RabbitMQ end to end: consume, decode, call, encode, produce, acknowledge; ours and by hand, on the same broker.

mod bare;
mod broker;
mod latency;
mod ours;
mod pass;

pub use broker::Broker;
pub use latency::Latency;
pub use pass::{Cost, Side};
