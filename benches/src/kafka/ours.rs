//! The same through the runtime's bindings.

use std::time::Duration;

use wellspring::binding::{Binders, Bindings, Plan, SenderOutputs};
use wellspring::config::{Config, Sources};

use super::{Clocks, Cluster, Cost};
use crate::Failure;
use crate::story::functions;

/// Passes every message through the function with bindings.
///
/// # Errors
/// When the bindings cannot be made.
pub fn run(cluster: &Cluster, group: &str, messages: u64) -> Result<Cost, Failure> {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    tokio.block_on(pass(cluster, group, messages))
}

async fn pass(cluster: &Cluster, group: &str, messages: u64) -> Result<Cost, Failure> {
    let sources = Sources::new()
        .binder("kafka")
        .arg("--function.definition=email")
        .arg("--stream.default-binder=kafka")
        .arg(format!("--stream.kafka.brokers={}", cluster.address))
        .arg("--stream.kafka.default.producer.batch-timeout=5")
        .arg(format!("--stream.bindings.email-in-0.destination={}", cluster.from))
        .arg(format!("--stream.bindings.email-in-0.group={group}"))
        .arg(format!("--stream.bindings.email-out-0.destination={}", cluster.to));
    let config = Config::load(&sources)?;
    let plan = Plan::new(&config, &functions().build()?)?;
    let binders = Binders::default().make(&plan, &config.stream)?;
    let mut bindings = Bindings::start(&plan, &binders, &SenderOutputs::default()).await?;
    let stats = bindings.all()[0].clone();
    let mut clocks = None;
    while stats.stats().succeeded.get() < messages {
        if clocks.is_none() && stats.stats().received.get() > 0 {
            clocks = Some(Clocks::start()?);
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    bindings.stop(Duration::from_secs(10)).await;
    clocks.ok_or("nothing was received")?.stop(messages)
}
