//! The same through the runtime's bindings.

use std::time::Duration;

use wellspring::binding::{Binders, Bindings, Plan, SenderOutputs};
use wellspring::config::{Config, Sources};

use super::pass::Clocks;
use super::{Cost, Pass, Side};
use crate::Failure;
use crate::story::functions;

/// How often it looks whether everything has been passed.
const LOOK: Duration = Duration::from_millis(5);

/// Passes every message through the functions with bindings.
pub(super) fn run(pass: &Pass) -> Result<Cost, Failure> {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    tokio.block_on(bound(pass))
}

async fn bound(pass: &Pass) -> Result<Cost, Failure> {
    let Pass { side, cluster, group, messages, linger } = pass;
    let mut sources = Sources::new()
        .binder("kafka")
        .arg("--function.definition=email|sms")
        .arg("--stream.default-binder=kafka")
        .arg(format!("--stream.kafka.brokers={}", cluster.address))
        .arg(format!("--stream.bindings.emailsms-in-0.destination={}", cluster.from))
        .arg(format!("--stream.bindings.emailsms-in-0.group={group}"))
        .arg(format!("--stream.bindings.emailsms-out-0.destination={}", cluster.to));
    if let Some(linger) = linger {
        sources = sources.arg(format!("--stream.kafka.default.producer.batch-timeout={linger}"));
    }
    if *side == Side::Exact {
        sources = sources.arg(format!("--stream.kafka.transaction-id-prefix={group}-"));
        sources = sources.arg("--stream.kafka.transaction.producer.batch-timeout=5");
    }
    let config = Config::load(&sources)?;
    let plan = Plan::new(&config, &functions().build()?)?;
    let binders = Binders::default().make(&plan, &config.stream)?;
    let mut bindings = Bindings::start(&plan, &binders, &SenderOutputs::default()).await?;
    let stats = bindings.all()[0].clone();
    while stats.stats().received.get() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let clocks = Clocks::start()?;
    while stats.stats().succeeded.get() < *messages {
        tokio::time::sleep(LOOK).await;
    }
    let cost = clocks.stop(*messages);
    bindings.stop(Duration::from_secs(10)).await;
    cost
}
