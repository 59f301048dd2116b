//! The same through the runtime's bindings.

use std::time::Duration;

use wellspring::binding::{Binders, Bindings, Plan, SenderOutputs};
use wellspring::config::{Config, Sources};

use super::broker::GROUP;
use super::pass::Clocks;
use super::{Broker, Cost};
use crate::Failure;
use crate::story::functions;

/// Passes so many messages through the function with bindings.
pub(super) async fn run(broker: &Broker, messages: u32) -> Result<Cost, Failure> {
    let sources = Sources::new()
        .binder("rabbitmq")
        .arg("--function.definition=email|sms")
        .arg("--stream.default-binder=rabbitmq")
        .arg(format!("--stream.rabbitmq.uri={}", broker.uri))
        .arg(format!("--stream.rabbitmq.default.consumer.prefetch={}", broker.prefetch))
        .arg(format!("--stream.bindings.emailsms-in-0.destination={}", broker.from))
        .arg(format!("--stream.bindings.emailsms-in-0.group={GROUP}"))
        .arg(format!("--stream.bindings.emailsms-out-0.destination={}", broker.to));
    let config = Config::load(&sources)?;
    let plan = Plan::new(&config, &functions().build()?)?;
    let binders = Binders::default().make(&plan, &config.stream)?;
    let mut bindings = Bindings::start(&plan, &binders, &SenderOutputs::default()).await?;
    let stats = bindings.all()[0].clone();
    let mut clocks = None;
    while stats.stats().succeeded.get() < u64::from(messages) {
        if clocks.is_none() && stats.stats().received.get() > 0 {
            clocks = Some(Clocks::start()?);
        }
        // Looking more often would cost what is to be measured.
        tokio::time::sleep(Duration::from_millis(if clocks.is_none() { 1 } else { 50 })).await;
    }
    let cost = clocks.ok_or("nothing was received")?.stop(messages);
    bindings.stop(Duration::from_secs(10)).await;
    cost
}
