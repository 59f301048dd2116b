//! Consume → function → produce on RabbitMQ, at least once: a bare loop of the client beside the runtime, in one run.
//!
//! `cargo run --release -p wellspring-benches --features rabbitmq --bin rabbitmq`, with the broker's address in
//! `WELLSPRING_TEST_RABBITMQ` (`eval "$(scripts/brokers env)"`).
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
    ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, ExchangeKind};
use wellspring::Runtime;
use wellspring::config::Sources;
use wellspring_benches::Failure;
use wellspring_benches::story::{PAYLOAD, email, sms};

const MESSAGES: u32 = 100_000;
const PREFETCH: u16 = 2000;
const ROUNDS: usize = 3;
/// Acknowledgements told together by the bare loop.
const TOGETHER: usize = 64;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let uri = std::env::var("WELLSPRING_TEST_RABBITMQ").map_err(|_| "set `WELLSPRING_TEST_RABBITMQ`")?;
    let connection = Connection::connect(&uri, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    println!("| loop | messages/s | CPU µs/message |");
    println!("|---|---|---|");
    for _ in 0..ROUNDS {
        fill(&channel).await?;
        let (begun, cpu) = (Instant::now(), processor_time()?);
        bare(&connection).await?;
        report("bare", begun, cpu)?;
        fill(&channel).await?;
        let (begun, cpu) = (Instant::now(), processor_time()?);
        ours(&uri, &channel).await?;
        report("wellspring", begun, cpu)?;
    }
    for queue in ["bench.in.g", "bench.out.seen"] {
        channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await?;
    }
    Ok(())
}

fn report(what: &str, begun: Instant, cpu: Duration) -> Result<(), Failure> {
    let (wall, used) = (begun.elapsed(), processor_time()?.saturating_sub(cpu));
    let rate = f64::from(MESSAGES) / wall.as_secs_f64();
    println!("| {what} | {rate:.0} | {:.2} |", used.as_secs_f64() * 1e6 / f64::from(MESSAGES));
    Ok(())
}

/// Processor time of this process, all threads.
fn processor_time() -> Result<Duration, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit_once(") ").ok_or("unexpected `stat`")?.1;
    let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}

/// Declares both ends as the runtime does, empties them and puts the messages into the first.
async fn fill(channel: &Channel) -> Result<(), Failure> {
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    for (exchange, queue) in [("bench.in", "bench.in.g"), ("bench.out", "bench.out.seen")] {
        let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        let none = FieldTable::default;
        channel.exchange_declare(exchange.into(), ExchangeKind::Topic, options, none()).await?;
        channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await?;
        channel.queue_declare(queue.into(), durable, none()).await?;
        let bound = QueueBindOptions::default();
        channel.queue_bind(queue.into(), exchange.into(), "#".into(), bound, none()).await?;
    }
    let properties =
        BasicProperties::default().with_content_type("application/json".into()).with_delivery_mode(2);
    for _ in 0..MESSAGES {
        let options = BasicPublishOptions::default();
        let sent = channel.basic_publish("bench.in".into(), "k".into(), options, PAYLOAD, properties.clone());
        sent.await?.await?;
    }
    while waiting(channel, "bench.in.g").await? < MESSAGES {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

async fn waiting(channel: &Channel, queue: &str) -> Result<u32, Failure> {
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    Ok(channel.queue_declare(queue.into(), passive, FieldTable::default()).await?.message_count())
}

type Confirm = BoxFuture<'static, lapin::Result<Confirmation>>;

/// What an expert writes: pipelined confirms, acknowledged together, in order.
async fn bare(connection: &Connection) -> Result<(), Failure> {
    let input = connection.create_channel().await?;
    input.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
    let output = Arc::new(connection.create_channel().await?);
    output.confirm_select(ConfirmSelectOptions::default()).await?;
    let options = BasicConsumeOptions::default();
    let consumed = input.basic_consume("bench.in.g".into(), "".into(), options, FieldTable::default());
    let mut consumer = consumed.await?;
    let mut pending: VecDeque<(u64, Confirm)> = VecDeque::new();
    let (mut done, mut untold) = (0, 0);
    while done < MESSAGES {
        if let Some(delivery) = consumer.next().now_or_never() {
            let delivery = delivery.ok_or("the consumer ended")??;
            let answer = serde_json::to_vec(&sms(email(serde_json::from_slice(&delivery.data)?)))?;
            pending.push_back((delivery.delivery_tag, publish(&output, answer)));
            if pending.len() < usize::from(PREFETCH) / 2 {
                continue;
            }
        }
        let mut confirmed = None;
        while let Some((tag, confirm)) = pending.front_mut() {
            // The first is waited for, the rest is taken as far as it is there.
            let result = if confirmed.is_none() { Some(confirm.await) } else { confirm.now_or_never() };
            let Some(result) = result else { break };
            assert!(result?.is_ack());
            confirmed = Some(*tag);
            pending.pop_front();
            done += 1;
            untold += 1;
        }
        match confirmed {
            Some(tag) if untold >= TOGETHER || pending.is_empty() => {
                input.basic_ack(tag, BasicAckOptions { multiple: true }).await?;
                untold = 0;
            }
            Some(_) => {}
            None => tokio::task::yield_now().await,
        }
    }
    input.close(200, "done".into()).await?;
    output.close(200, "done".into()).await?;
    Ok(())
}

/// Starts to send without waiting for the socket.
fn publish(output: &Arc<Channel>, answer: Vec<u8>) -> Confirm {
    let output = Arc::clone(output);
    let mut publish = async move {
        let exchange = ShortString::from("bench.out");
        let properties =
            BasicProperties::default().with_content_type("application/json".into()).with_delivery_mode(2);
        let options = BasicPublishOptions { mandatory: true, immediate: false };
        output.basic_publish(exchange.clone(), exchange, options, &answer, properties).await?.await
    }
    .boxed();
    match (&mut publish).now_or_never() {
        Some(result) => std::future::ready(result).boxed(),
        None => publish,
    }
}

/// The same by configuration.
async fn ours(uri: &str, channel: &Channel) -> Result<(), Failure> {
    let yaml = format!(
        "
function: {{ definition: email|sms }}
stream:
  default-binder: rabbitmq
  bindings:
    emailsms-in-0: {{ destination: bench.in, group: g }}
    emailsms-out-0: {{ destination: bench.out }}
  rabbitmq: {{ uri: '{uri}', default: {{ consumer: {{ prefetch: {PREFETCH} }} }} }}
"
    );
    let sources = Sources::new().args(["--http.enabled=false", "--management.enabled=false"]);
    let functions =
        |catalog: wellspring::CatalogBuilder| catalog.function("email", email).function("sms", sms);
    let builder =
        Runtime::builder().functions(functions).sources(sources.built_in("application.yaml", &yaml));
    let running = builder.build()?.start().await?;
    while waiting(channel, "bench.out.seen").await? < MESSAGES {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    running.stop().await;
    Ok(())
}
