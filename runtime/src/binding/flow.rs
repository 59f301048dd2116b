//! How much of one input may be in flight, in which order, and for how long.

use std::time::Duration;

use crate::config::Order;

/// How deliveries of one input are worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flow {
    /// Within what deliveries keep their order.
    pub order: Order,
    /// How many are worked on at a time.
    pub concurrency: u32,
    /// How many may be unsettled; no more are received.
    pub max_in_flight: usize,
    /// How many bytes of payload may be unsettled; no more are received.
    pub max_bytes: usize,
    /// The longest time of one call.
    pub timeout: Option<Duration>,
    /// After how long a delivery in flight is named in the log.
    pub stuck_after: Option<Duration>,
    /// Whether deliveries are settled before their calls: they may be lost, and are never processed twice.
    pub settles_first: bool,
}
