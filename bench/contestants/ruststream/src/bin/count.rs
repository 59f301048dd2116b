//! The message of RustStream's published benchmark (*consume, JSON decode into a small struct*) so many times, for
//! callgrind to look at: `count consumed 1000`. The same as Wellspring's own, `consumed.rs` in the crate of the
//! measurements: a queue that is full is received from by one thread, each message decoded, given to a handler that reads
//! two numbers, and acknowledged.

use std::convert::Infallible;
use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ruststream::OutgoingMessage;
use ruststream::memory::prelude::*;
use serde::Deserialize;
use tokio::sync::Notify;

const PAYLOAD: &[u8] = br#"{"id":1000000,"quantity":37}"#;

#[derive(Deserialize)]
struct Order {
    id: u64,
    quantity: u32,
}

/// How many messages are still to come.
#[derive(Clone, Default)]
struct Remaining(Arc<(AtomicU64, Notify)>);

impl Remaining {
    fn count_down(&self) {
        let (count, none) = &*self.0;
        if count.fetch_sub(1, Ordering::Relaxed) == 1 {
            none.notify_one();
        }
    }
}

#[subscriber("orders")]
async fn consume(order: &Order, context: &mut Context<'_, (), Remaining>) -> HandlerOutcome {
    black_box((order.id, order.quantity));
    context.state().count_down();
    HandlerOutcome::ack()
}

/// Counting is switched on when this is entered and off when it is left.
#[inline(never)]
fn in_the_counted_region<T>(work: impl FnOnce() -> T) -> T {
    black_box(work())
}

fn main() -> Result<(), Box<dyn Error>> {
    let times = std::env::args().nth(2).ok_or("expected `consumed` and a number of messages")?.parse()?;
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (broker, remaining) = (MemoryBroker::new(), Remaining::default());
    remaining.0.0.store(times, Ordering::Relaxed);
    let state = remaining.clone();
    let service = RustStream::new(AppInfo::new("count", "0.1.0"))
        .on_startup(async move |()| Ok::<_, Infallible>(state))
        .with_broker(broker.clone(), |broker| {
            broker.include(consume);
        });
    let running = tokio.block_on(service.start())?;
    let publisher = broker.publisher();
    tokio.block_on(async {
        for _ in 0..times {
            publisher.publish(OutgoingMessage::new("orders", PAYLOAD), None).await?;
        }
        Ok::<_, Box<dyn Error>>(())
    })?;
    in_the_counted_region(|| tokio.block_on(remaining.0.1.notified()));
    tokio.block_on(running.shutdown())?;
    Ok(())
}
