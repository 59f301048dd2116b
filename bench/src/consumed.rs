//! The message of RustStream's published benchmark (*consume, JSON decode into a small struct*): a queue that is full is
//! received from, each message decoded and given to a handler that reads two numbers, and acknowledged. What comes before
//! is not counted. RustStream's half is `contestants/ruststream/src/bin/count.rs`, drawn the same way.

use std::future::poll_fn;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;
use wellspring::binder::memory::{Config as MemoryConfig, Memory};
use wellspring::binder::{Binder, Outgoing, OutputSpec};
use wellspring::binding::{Binders, Bindings, Plan, SenderOutputs};
use wellspring::config::{Config, Sources};
use wellspring::{Catalog, ContentType, Message};

use crate::Failure;

/// The message.
pub const PAYLOAD: &[u8] = br#"{"id":1000000,"quantity":37}"#;

/// The function in which instructions are counted, for callgrind.
pub const COUNTED: &str = "*::in_the_counted_region*";

#[derive(Deserialize)]
struct Order {
    id: u64,
    quantity: u32,
}

/// How many messages are still to come.
#[derive(Debug, Default)]
struct Remaining {
    count: AtomicU64,
    none: Notify,
}

/// A consumer that has shown to be quick, and messages that wait for it.
#[derive(Debug)]
pub struct Waiting {
    tokio: Runtime,
    remaining: Arc<Remaining>,
    bindings: Bindings,
}

impl Waiting {
    /// Makes both.
    ///
    /// # Errors
    /// When the bindings cannot be made.
    pub fn prepare(messages: u64) -> Result<Self, Failure> {
        let tokio = Builder::new_current_thread().enable_all().build()?;
        let memory = Memory::new(MemoryConfig::default());
        let remaining = Arc::new(Remaining::default());
        let bindings = tokio.block_on(async {
            let bindings = bind(&memory, Arc::clone(&remaining)).await?;
            // The first calls prove that the function is quick.
            for _ in 0..8 {
                fill(&memory, 1, &remaining).await?;
                remaining.none.notified().await;
            }
            // Nothing is consumed before this thread waits for something.
            fill(&memory, messages, &remaining).await?;
            Ok::<_, Failure>(bindings)
        })?;
        match remaining.count.load(Ordering::Relaxed) {
            waiting if waiting == messages => Ok(Self { tokio, remaining, bindings }),
            waiting => Err(format!("{waiting} messages wait, expected {messages}").into()),
        }
    }

    /// Consumes them.
    pub fn consume(&self) {
        in_the_counted_region(|| self.tokio.block_on(self.remaining.none.notified()));
    }

    /// Stops the consumer.
    pub fn stop(mut self) {
        self.tokio.block_on(self.bindings.stop(Duration::from_secs(1)));
    }
}

/// Counting is switched on when this is entered and off when it is left.
#[inline(never)]
fn in_the_counted_region<T>(work: impl FnOnce() -> T) -> T {
    black_box(work())
}

async fn fill(memory: &Memory, messages: u64, remaining: &Remaining) -> Result<(), Failure> {
    remaining.count.fetch_add(messages, Ordering::Relaxed);
    let mut output = memory
        .bind_output(OutputSpec {
            binding: "sender".to_owned(),
            destination: "orders".to_owned(),
            partition_count: 1,
            required_groups: Vec::new(),
        })
        .await?;
    for number in 0..messages {
        poll_fn(|cx| output.poll_ready(cx)).await?;
        let message = Message::encoded(Bytes::from_static(PAYLOAD), ContentType::JSON);
        output.send(Outgoing { message, key: None, partition: None }, number);
    }
    let (mut confirmed, mut batch) = (0, Vec::new());
    while confirmed < messages {
        poll_fn(|cx| output.poll_confirmed(cx, &mut batch)).await?;
        confirmed += batch.drain(..).count() as u64;
    }
    Ok(())
}

async fn bind(memory: &Memory, remaining: Arc<Remaining>) -> Result<Bindings, Failure> {
    let consume = move |order: Order| {
        black_box((order.id, order.quantity));
        if remaining.count.fetch_sub(1, Ordering::Relaxed) == 1 {
            remaining.none.notify_one();
        }
    };
    let catalog = Catalog::builder().consumer("consume", consume).build()?;
    let sources = Sources::new()
        .arg("--stream.bindings.consume-in-0.destination=orders")
        .arg("--stream.bindings.consume-in-0.group=g");
    let plan = Plan::new(&Config::load(&sources)?, &catalog)?;
    let binders = Binders::default().with("memory", Arc::new(memory.clone()));
    Ok(Bindings::start(&plan, &binders, &SenderOutputs::default()).await?)
}
