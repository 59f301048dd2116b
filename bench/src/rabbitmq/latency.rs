//! How long a message takes from its publish to the delivery of what came of it, at a rate that is no load.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use lapin::options::BasicConsumeOptions;
use lapin::types::FieldTable;
use tokio::time::{MissedTickBehavior, interval};

use super::{Broker, Side};
use crate::Failure;

/// Times of one pass at 1,000 messages per second.
#[derive(Debug, Clone, Copy)]
pub struct Latency {
    /// Half of the messages took at most so many ms.
    pub p50: f64,
    /// 99 of 100 took at most so many ms.
    pub p99: f64,
    /// CPU µs per message of the side.
    pub cpu: f64,
}

impl Latency {
    /// Sends a message every millisecond and watches for what comes of it; the queues keep the order.
    ///
    /// # Errors
    /// When the broker or the side fails.
    pub async fn measure(broker: &Broker, side: Side, messages: u32) -> Result<Self, Failure> {
        let connection = broker.connect().await?;
        let channel = connection.create_channel().await?;
        broker.declare(&channel).await?;
        let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
        let queue = broker.queue_to().as_str().into();
        let mut consumer = channel.basic_consume(queue, "".into(), options, FieldTable::default()).await?;
        let publisher = connection.create_channel().await?;
        let running = side.start(broker, messages)?;
        // The first calls go through a connection that is being made.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut every = interval(Duration::from_millis(1));
        every.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let (mut sent, mut open, mut times) = (0, VecDeque::new(), Vec::new());
        while times.len() < messages as usize {
            tokio::select! {
                biased;
                received = consumer.next() => {
                    received.ok_or("the consumer ended")??;
                    let begun: Instant = open.pop_front().ok_or("a message came twice")?;
                    times.push(begun.elapsed().as_secs_f64() * 1e3);
                }
                _ = every.tick(), if sent < messages => {
                    open.push_back(Instant::now());
                    drop(broker.publish(&publisher).await?);
                    sent += 1;
                }
            }
        }
        let cpu = running.finish().await?.cpu;
        // A tenth at the start is warming up.
        let mut times = times.split_off(messages as usize / 10);
        times.sort_by(f64::total_cmp);
        Ok(Self { p50: times[times.len() / 2], p99: times[times.len() * 99 / 100], cpu })
    }
}
