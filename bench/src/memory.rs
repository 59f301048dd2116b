//! Throughput of the memory binder through one function: sender, function and reader on one core.

use std::future::poll_fn;
use std::time::{Duration, Instant};

use bytes::Bytes;
use wellspring::binder::memory::{Config as MemoryConfig, Memory};
use wellspring::binder::{Binder, Delivery, InputSpec, Outgoing, OutputSpec, Settlement};
use wellspring::binding::{Binders, Bindings, Plan, SenderOutputs};
use wellspring::config::{Config, Sources};
use wellspring::{ContentType, Message};

use crate::Failure;
use crate::story::{PAYLOAD, functions};

/// Sends `count` messages through a definition, whose input has some more settings; messages per second.
///
/// # Errors
/// When the bindings cannot be made.
pub fn throughput(
    definition: &str,
    consumer: &[&str],
    payload: &'static [u8],
    count: u64,
) -> Result<f64, Failure> {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio.block_on(run(definition, consumer, payload, count))
}

/// Sends, processes and reads a number of messages on one thread.
///
/// # Errors
/// When the bindings cannot be made.
pub fn repeat(definition: &str, times: u64) -> Result<(), Failure> {
    throughput(definition, &[], PAYLOAD, times).map(|_| ())
}

async fn run(
    definition: &str,
    consumer: &[&str],
    payload: &'static [u8],
    count: u64,
) -> Result<f64, Failure> {
    let memory = Memory::new(MemoryConfig::default());
    let base = definition.replace('|', "");
    let sources = Sources::new()
        .arg(format!("--function.definition={definition}"))
        .arg(format!("--stream.bindings.{base}-in-0.destination=in"))
        .arg(format!("--stream.bindings.{base}-in-0.group=g"));
    // A function without an output has its dead letters go where the others' results go.
    let sources = match definition {
        "rejects" => sources.arg(format!("--stream.bindings.{base}-in-0.consumer.dead-letter=out")),
        _ => sources.arg(format!("--stream.bindings.{base}-out-0.destination=out")),
    };
    let settings = consumer.iter().map(|setting| format!("--stream.bindings.{base}-in-0.consumer.{setting}"));
    let sources = settings.fold(sources, Sources::arg);
    let plan = Plan::new(&Config::load(&sources)?, &functions().build()?)?;
    let binders = Binders::default().with("memory", std::sync::Arc::new(memory.clone()));
    let mut bindings = Bindings::start(&plan, &binders, &SenderOutputs::default()).await?;
    // The first calls prove that the function is quick.
    pass(&memory, payload, 2_000).await?;
    let started = Instant::now();
    pass(&memory, payload, count).await?;
    let seconds = started.elapsed().as_secs_f64();
    bindings.stop(Duration::from_secs(1)).await;
    Ok(count as f64 / seconds)
}

/// Sends and reads a number of messages.
async fn pass(memory: &Memory, payload: &'static [u8], count: u64) -> Result<(), wellspring::binder::Error> {
    tokio::try_join!(send(memory, payload, count), read(memory, count)).map(|_| ())
}

async fn send(memory: &Memory, payload: &'static [u8], count: u64) -> Result<(), wellspring::binder::Error> {
    let spec = OutputSpec {
        binding: "sender".to_owned(),
        destination: "in".to_owned(),
        partition_count: 1,
        required_groups: Vec::new(),
    };
    let mut output = memory.bind_output(spec).await?;
    let (mut sent, mut confirmed, mut batch) = (0, 0, Vec::new());
    while confirmed < count {
        while sent < count && sent - confirmed < 512 {
            poll_fn(|cx| output.poll_ready(cx)).await?;
            let message = Message::encoded(Bytes::from_static(payload), ContentType::JSON);
            output.send(Outgoing { message, key: None, partition: None }, sent);
            sent += 1;
        }
        poll_fn(|cx| output.poll_confirmed(cx, &mut batch)).await?;
        confirmed += batch.drain(..).count() as u64;
        tokio::task::yield_now().await;
    }
    Ok(())
}

async fn read(memory: &Memory, count: u64) -> Result<(), wellspring::binder::Error> {
    let spec = InputSpec {
        binding: "reader".to_owned(),
        destinations: vec!["out".to_owned()],
        group: Some("reader".to_owned()),
        max_in_flight: 4096,
        sharing: Default::default(),
    };
    let mut input = memory.bind_input(spec).await?;
    let (mut seen, mut batch) = (0, Vec::new());
    while seen < count {
        poll_fn(|cx| input.poll_receive(cx, &mut batch, 512)).await?;
        for Delivery { ticket, .. } in batch.drain(..) {
            input.settle(ticket, Settlement::Ack);
            seen += 1;
        }
        tokio::task::yield_now().await;
    }
    Ok(())
}
